-- SPDX-License-Identifier: Apache-2.0
CREATE TABLE campaigns (
	tenant TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	artifact_name TEXT NOT NULL,
	digest TEXT NOT NULL,             -- of what it was made from: two equal ones do not run at once
	kind TEXT NOT NULL,               -- software
	group_name TEXT,                  -- the target as it was said, where that was a group
	force_installation BIGINT NOT NULL,
	retries BIGINT NOT NULL,          -- further attempts after a failure
	targets BYTEA NOT NULL,           -- frozen set of device numbers (roaring bitmap, portable format)
	max_devices BIGINT NOT NULL,      -- how many that are
	device_count BIGINT NOT NULL,     -- how many have asked
	finished_count BIGINT NOT NULL,   -- how many of them are done
	total_size BIGINT NOT NULL,       -- bytes given out
	is_started BIGINT NOT NULL,       -- a device has begun
	is_aborted BIGINT NOT NULL,
	created_us BIGINT NOT NULL,       -- no two of a tenant are equal: the order devices take them in
	finished_us BIGINT,
	PRIMARY KEY (tenant, id)
);
CREATE UNIQUE INDEX campaigns_by_creation ON campaigns (tenant, created_us);
CREATE INDEX campaigns_active ON campaigns (tenant, finished_us, created_us);
CREATE INDEX campaigns_by_digest ON campaigns (tenant, digest);
CREATE INDEX campaigns_by_artifact ON campaigns (tenant, artifact_name);

-- One row for each device that has asked.
CREATE TABLE campaign_devices (
	tenant TEXT NOT NULL,
	campaign TEXT NOT NULL,
	device TEXT NOT NULL,
	number BIGINT NOT NULL,
	status TEXT NOT NULL,
	substate TEXT,
	artifact TEXT,                    -- chosen once
	request TEXT,                     -- JSON: what the device said it was when it first asked
	attempts BIGINT NOT NULL,         -- failed ones
	campaign_us BIGINT NOT NULL,      -- when the campaign was made
	created_us BIGINT NOT NULL,
	started_us BIGINT,
	finished_us BIGINT,
	is_forgotten BIGINT NOT NULL,     -- its history was reset: older campaigns may apply again
	PRIMARY KEY (tenant, campaign, device),
	FOREIGN KEY (tenant, campaign) REFERENCES campaigns (tenant, id)
);
CREATE INDEX campaign_devices_by_device ON campaign_devices (tenant, device, campaign_us);
CREATE INDEX campaign_devices_by_campaign_time ON campaign_devices (tenant, campaign_us);
CREATE INDEX campaign_devices_by_artifact ON campaign_devices (tenant, artifact);

-- How many devices of a campaign are in which status; what is not here is zero.
CREATE TABLE campaign_counts (
	tenant TEXT NOT NULL,
	campaign TEXT NOT NULL,
	status TEXT NOT NULL,
	devices BIGINT NOT NULL,
	PRIMARY KEY (tenant, campaign, status),
	FOREIGN KEY (tenant, campaign) REFERENCES campaigns (tenant, id)
);

CREATE TABLE campaign_logs (
	tenant TEXT NOT NULL,
	campaign TEXT NOT NULL,
	device TEXT NOT NULL,
	log TEXT NOT NULL,
	PRIMARY KEY (tenant, campaign, device)
);
