-- SPDX-License-Identifier: Apache-2.0

-- name: campaign_add
INSERT INTO campaigns (tenant, id, name, artifact_name, digest, kind, group_name, force_installation, retries, targets,
	max_devices, device_count, finished_count, total_size, is_started, is_aborted, created_us)
VALUES ($1, $2, $3, $4, $5, 'software', $6, $7, $8, $9, $10, 0, 0, 0, 0, 0, $11)

-- The time of a new campaign: no two are equal, and none is before one that was made earlier.
-- name: campaign_last_created
SELECT COALESCE(MAX(created_us), 0) FROM campaigns WHERE tenant = $1

-- name: campaign_by_id
SELECT id, name, artifact_name, kind, group_name, force_installation, retries, max_devices, device_count,
	finished_count, total_size, is_started, is_aborted, created_us, finished_us
FROM campaigns WHERE tenant = $1 AND id = $2

-- name: campaign_targets
SELECT targets FROM campaigns WHERE tenant = $1 AND id = $2

-- name: campaign_unfinished_by_digest
SELECT id FROM campaigns WHERE tenant = $1 AND digest = $2 AND finished_us IS NULL

-- name: campaigns_unfinished @all-tenants
SELECT tenant, id, created_us, targets FROM campaigns WHERE finished_us IS NULL ORDER BY tenant, created_us

-- Devices that are done with a campaign as new as this one, or newer.
-- name: campaign_devices_done
SELECT number FROM campaign_devices
WHERE tenant = $1 AND campaign_us >= $2 AND finished_us IS NOT NULL AND is_forgotten = 0

-- name: campaigns_using_artifact
SELECT id FROM campaigns WHERE tenant = $1 AND artifact_name = $2 AND finished_us IS NULL LIMIT 1

-- name: campaigns_that_used_artifact
SELECT campaign FROM campaign_devices WHERE tenant = $1 AND artifact = $2 LIMIT 1

-- name: campaign_list
SELECT id, name, artifact_name, kind, group_name, force_installation, retries, max_devices, device_count,
	finished_count, total_size, is_started, is_aborted, created_us, finished_us
FROM campaigns
WHERE tenant = $1
	AND ($2 = '' OR $2 = CASE WHEN finished_us IS NOT NULL THEN 'finished'
		WHEN is_started = 1 THEN 'inprogress' ELSE 'pending' END)
	AND ($3 = '' OR LOWER(name) LIKE $3 ESCAPE '\' OR LOWER(artifact_name) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR kind = $4)
	AND ($5 = '' OR name = $5)
	AND created_us >= $6 AND created_us <= $7
ORDER BY
	CASE WHEN $8 = 'asc' THEN created_us END ASC,
	created_us DESC
LIMIT $9 OFFSET $10

-- name: campaign_count
SELECT COUNT(*)
FROM campaigns
WHERE tenant = $1
	AND ($2 = '' OR $2 = CASE WHEN finished_us IS NOT NULL THEN 'finished'
		WHEN is_started = 1 THEN 'inprogress' ELSE 'pending' END)
	AND ($3 = '' OR LOWER(name) LIKE $3 ESCAPE '\' OR LOWER(artifact_name) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR kind = $4)
	AND ($5 = '' OR name = $5)
	AND created_us >= $6 AND created_us <= $7

-- name: campaign_counts_of
SELECT status, devices FROM campaign_counts WHERE tenant = $1 AND campaign = $2

-- name: campaign_count_move
INSERT INTO campaign_counts (tenant, campaign, status, devices) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, campaign, status) DO UPDATE SET devices = campaign_counts.devices + $4

-- A device has asked.
-- name: campaign_asked
UPDATE campaigns SET device_count = device_count + 1 WHERE tenant = $1 AND id = $2

-- name: campaign_given
UPDATE campaigns SET total_size = total_size + $3 WHERE tenant = $1 AND id = $2

-- name: campaign_progress
UPDATE campaigns SET
	finished_count = finished_count + $3,
	is_started = CASE WHEN $4 = 1 THEN 1 ELSE is_started END,
	finished_us = CASE WHEN finished_us IS NULL AND finished_count + $3 >= max_devices
		THEN $5 ELSE finished_us END
WHERE tenant = $1 AND id = $2

-- name: campaign_abort
UPDATE campaigns SET is_aborted = 1, finished_us = $3, finished_count = finished_count + $4
WHERE tenant = $1 AND id = $2

-- name: campaign_device_add
INSERT INTO campaign_devices (tenant, campaign, device, number, status, attempts, campaign_us, created_us, is_forgotten)
VALUES ($1, $2, $3, $4, $5, 0, $6, $7, 0)

-- name: campaign_device_get
SELECT campaign, device, number, status, substate, artifact, request, attempts, campaign_us, created_us, started_us,
	finished_us, CASE WHEN EXISTS (SELECT 1 FROM campaign_logs l
		WHERE l.tenant = d.tenant AND l.campaign = d.campaign AND l.device = d.device) THEN 1 ELSE 0 END
FROM campaign_devices d
WHERE d.tenant = $1 AND d.campaign = $2 AND d.device = $3

-- Its history was forgotten: it begins anew.
-- name: campaign_device_restart
UPDATE campaign_devices SET status = 'pending', substate = NULL, artifact = NULL, request = NULL, attempts = 0,
	created_us = $4, started_us = NULL, finished_us = NULL, is_forgotten = 0
WHERE tenant = $1 AND campaign = $2 AND device = $3 AND is_forgotten = 1

-- What a device is at work with: the oldest first.
-- name: campaign_device_active
SELECT campaign, device, number, status, substate, artifact, request, attempts, campaign_us, created_us, started_us,
	finished_us, 0
FROM campaign_devices
WHERE tenant = $1 AND device = $2 AND finished_us IS NULL
ORDER BY campaign_us

-- name: campaign_device_last_done
SELECT COALESCE(MAX(campaign_us), 0) FROM campaign_devices
WHERE tenant = $1 AND device = $2 AND finished_us IS NOT NULL AND is_forgotten = 0

-- name: campaign_device_request
UPDATE campaign_devices SET request = $4 WHERE tenant = $1 AND campaign = $2 AND device = $3

-- name: campaign_device_artifact
UPDATE campaign_devices SET artifact = $4 WHERE tenant = $1 AND campaign = $2 AND device = $3

-- name: campaign_device_status
UPDATE campaign_devices SET status = $4, substate = $5, attempts = $6,
	started_us = CASE WHEN $7 = 1 THEN COALESCE(started_us, $8) ELSE started_us END,
	finished_us = CASE WHEN $9 = 1 THEN $8 ELSE NULL END
WHERE tenant = $1 AND campaign = $2 AND device = $3

-- name: campaign_devices_active_counts
SELECT status, COUNT(*) FROM campaign_devices
WHERE tenant = $1 AND campaign = $2 AND finished_us IS NULL GROUP BY status

-- name: campaign_devices_abort
UPDATE campaign_devices SET status = 'aborted', finished_us = $3
WHERE tenant = $1 AND campaign = $2 AND finished_us IS NULL

-- name: campaign_device_list
SELECT campaign, device, number, status, substate, artifact, request, attempts, campaign_us, created_us, started_us,
	finished_us, CASE WHEN EXISTS (SELECT 1 FROM campaign_logs l
		WHERE l.tenant = d.tenant AND l.campaign = d.campaign AND l.device = d.device) THEN 1 ELSE 0 END
FROM campaign_devices d
WHERE d.tenant = $1 AND d.campaign = $2
	AND ($3 = '' OR d.status = $3 OR ($3 = 'pause' AND d.status LIKE 'pause%')
		OR ($3 = 'active' AND d.finished_us IS NULL) OR ($3 = 'finished' AND d.finished_us IS NOT NULL))
ORDER BY d.created_us, d.device
LIMIT $4 OFFSET $5

-- name: campaign_device_count
SELECT COUNT(*)
FROM campaign_devices d
WHERE d.tenant = $1 AND d.campaign = $2
	AND ($3 = '' OR d.status = $3 OR ($3 = 'pause' AND d.status LIKE 'pause%')
		OR ($3 = 'active' AND d.finished_us IS NULL) OR ($3 = 'finished' AND d.finished_us IS NOT NULL))

-- name: campaign_device_numbers
SELECT number FROM campaign_devices WHERE tenant = $1 AND campaign = $2

-- name: campaign_device_history
SELECT campaign, device, number, status, substate, artifact, request, attempts, campaign_us, created_us, started_us,
	finished_us, CASE WHEN EXISTS (SELECT 1 FROM campaign_logs l
		WHERE l.tenant = d.tenant AND l.campaign = d.campaign AND l.device = d.device) THEN 1 ELSE 0 END
FROM campaign_devices d
WHERE d.tenant = $1 AND d.device = $2
	AND ($3 = '' OR d.status = $3 OR ($3 = 'pause' AND d.status LIKE 'pause%')
		OR ($3 = 'active' AND d.finished_us IS NULL) OR ($3 = 'finished' AND d.finished_us IS NOT NULL))
ORDER BY d.campaign_us DESC
LIMIT $4 OFFSET $5

-- name: campaign_device_history_count
SELECT COUNT(*)
FROM campaign_devices d
WHERE d.tenant = $1 AND d.device = $2
	AND ($3 = '' OR d.status = $3 OR ($3 = 'pause' AND d.status LIKE 'pause%')
		OR ($3 = 'active' AND d.finished_us IS NULL) OR ($3 = 'finished' AND d.finished_us IS NOT NULL))

-- name: campaign_device_forget
UPDATE campaign_devices SET is_forgotten = 1 WHERE tenant = $1 AND device = $2 AND finished_us IS NOT NULL

-- name: campaign_log_put
INSERT INTO campaign_logs (tenant, campaign, device, log) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant, campaign, device) DO UPDATE SET log = $4

-- name: campaign_log
SELECT log FROM campaign_logs WHERE tenant = $1 AND campaign = $2 AND device = $3
