-- SPDX-License-Identifier: Apache-2.0

-- name: link_secret_add @all-tenants
INSERT INTO link_secrets (id, secret, created_us) VALUES (1, $1, $2) ON CONFLICT DO NOTHING

-- name: link_secret @all-tenants
SELECT secret FROM link_secrets WHERE id = 1

-- name: artifact_add
INSERT INTO artifacts (tenant, id, name, description, size_bytes, digest, manifest_digest, is_signed, document, modified_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)

-- name: artifact_label_add
INSERT INTO artifact_labels (tenant, kind, value, artifact) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING

-- name: artifact_by_id
SELECT id, name, description, size_bytes, digest, manifest_digest, is_signed, document, modified_us
FROM artifacts WHERE tenant = $1 AND id = $2

-- name: artifact_by_digest
SELECT id, name, description, size_bytes, digest, manifest_digest, is_signed, document, modified_us
FROM artifacts WHERE tenant = $1 AND digest = $2

-- name: artifacts_by_name
SELECT id, name, description, size_bytes, digest, manifest_digest, is_signed, document, modified_us
FROM artifacts WHERE tenant = $1 AND name = $2 ORDER BY size_bytes, modified_us, id

-- Empty filters are no filters; name, description and prefix are patterns of LIKE in lower case.
-- name: artifact_list
SELECT id, name, description, size_bytes, digest, manifest_digest, is_signed, document, modified_us
FROM artifacts a
WHERE a.tenant = $1
	AND ($2 = '' OR LOWER(a.name) LIKE $2 ESCAPE '\')
	AND ($3 = '' OR LOWER(a.description) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'device_type' AND l.value = $4 AND l.artifact = a.id))
ORDER BY
	CASE WHEN $5 = 'name:asc' THEN a.name END ASC,
	CASE WHEN $5 = 'name:desc' THEN a.name END DESC,
	CASE WHEN $5 = 'size:asc' THEN a.size_bytes END ASC,
	CASE WHEN $5 = 'size:desc' THEN a.size_bytes END DESC,
	CASE WHEN $5 = 'modified:asc' THEN a.modified_us END ASC,
	a.modified_us DESC, a.id
LIMIT $6 OFFSET $7

-- name: artifact_count
SELECT COUNT(*)
FROM artifacts a
WHERE a.tenant = $1
	AND ($2 = '' OR LOWER(a.name) LIKE $2 ESCAPE '\')
	AND ($3 = '' OR LOWER(a.description) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'device_type' AND l.value = $4 AND l.artifact = a.id))

-- name: artifact_describe
UPDATE artifacts SET description = $3, modified_us = $4 WHERE tenant = $1 AND id = $2

-- name: artifact_labels_remove
DELETE FROM artifact_labels WHERE tenant = $1 AND artifact = $2

-- name: artifact_remove
DELETE FROM artifacts WHERE tenant = $1 AND id = $2

-- A blob may be shared by tenants.
-- name: blob_users @all-tenants
SELECT COUNT(*) FROM artifacts WHERE digest = $1

-- name: artifact_usage
SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM artifacts WHERE tenant = $1

-- name: release_list
SELECT a.name, MAX(a.modified_us), COUNT(*)
FROM artifacts a
WHERE a.tenant = $1
	AND ($2 = '' OR LOWER(a.name) LIKE $2 ESCAPE '\')
	AND ($3 = '' OR LOWER(a.description) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'device_type' AND l.value = $4 AND l.artifact = a.id))
	AND ($5 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'update_type' AND l.value = $5 AND l.artifact = a.id))
GROUP BY a.name
ORDER BY
	CASE WHEN $6 = 'name:asc' THEN a.name END ASC,
	CASE WHEN $6 = 'name:desc' THEN a.name END DESC,
	CASE WHEN $6 = 'artifacts_count:asc' THEN COUNT(*) END ASC,
	CASE WHEN $6 = 'artifacts_count:desc' THEN COUNT(*) END DESC,
	CASE WHEN $6 = 'modified:asc' THEN MAX(a.modified_us) END ASC,
	MAX(a.modified_us) DESC, a.name
LIMIT $7 OFFSET $8

-- name: release_count
SELECT COUNT(DISTINCT a.name)
FROM artifacts a
WHERE a.tenant = $1
	AND ($2 = '' OR LOWER(a.name) LIKE $2 ESCAPE '\')
	AND ($3 = '' OR LOWER(a.description) LIKE $3 ESCAPE '\')
	AND ($4 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'device_type' AND l.value = $4 AND l.artifact = a.id))
	AND ($5 = '' OR EXISTS (SELECT 1 FROM artifact_labels l
		WHERE l.tenant = a.tenant AND l.kind = 'update_type' AND l.value = $5 AND l.artifact = a.id))

-- name: release_types
SELECT DISTINCT value FROM artifact_labels WHERE tenant = $1 AND kind = 'update_type' ORDER BY value
