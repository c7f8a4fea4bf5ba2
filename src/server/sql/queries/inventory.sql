-- SPDX-License-Identifier: Apache-2.0

-- name: inventory_device_add
INSERT INTO inventory_devices (tenant, device, number, status, created_us, updated_us)
VALUES ($1, $2, $3, $4, $5, $5)
ON CONFLICT (tenant, device) DO UPDATE SET status = $4

-- name: inventory_device_status
UPDATE inventory_devices SET status = $3 WHERE tenant = $1 AND device = $2

-- name: inventory_device_remove
DELETE FROM inventory_devices WHERE tenant = $1 AND device = $2

-- name: inventory_device_group
UPDATE inventory_devices SET group_name = $3 WHERE tenant = $1 AND device = $2

-- name: inventory_group_remove
UPDATE inventory_devices SET group_name = NULL WHERE tenant = $1 AND group_name = $2

-- name: inventory_device_digest
UPDATE inventory_devices SET attributes_digest = $3, updated_us = $4 WHERE tenant = $1 AND device = $2

-- name: inventory_device_tags_version
UPDATE inventory_devices SET tags_version = $3, updated_us = $4 WHERE tenant = $1 AND device = $2

-- name: inventory_device_by_id
SELECT device, number, status, group_name, attributes_digest, tags_version, created_us, updated_us
FROM inventory_devices WHERE tenant = $1 AND device = $2

-- name: inventory_device_by_number
SELECT device, number, status, group_name, attributes_digest, tags_version, created_us, updated_us
FROM inventory_devices WHERE tenant = $1 AND number = $2

-- name: inventory_devices
SELECT device, number, status, group_name, attributes_digest, tags_version, created_us, updated_us
FROM inventory_devices WHERE tenant = $1 ORDER BY number

-- name: inventory_sets @all-tenants
SELECT tenant, number, status, group_name FROM inventory_devices

-- name: inventory_name_add
INSERT INTO inventory_names (id, tenant, scope, name)
VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM inventory_names), $1, $2, $3)
ON CONFLICT DO NOTHING

-- name: inventory_name_id
SELECT id FROM inventory_names WHERE tenant = $1 AND scope = $2 AND name = $3

-- A name that no device bears any more.
-- name: inventory_name_forget
DELETE FROM inventory_names WHERE tenant = $1 AND scope = $2 AND name = $3
	AND NOT EXISTS (SELECT 1 FROM inventory_values v WHERE v.attribute = inventory_names.id)

-- name: inventory_value_add
INSERT INTO inventory_values (number, attribute, position, value_key, value_text, value_number, description)
SELECT d.number, $3, $4, $5, $6, $7, $8 FROM inventory_devices d WHERE d.tenant = $1 AND d.device = $2

-- name: inventory_value_remove
DELETE FROM inventory_values
WHERE number = (SELECT d.number FROM inventory_devices d WHERE d.tenant = $1 AND d.device = $2)
	AND attribute = (SELECT n.id FROM inventory_names n WHERE n.tenant = $1 AND n.scope = $3 AND n.name = $4)

-- name: inventory_values_remove
DELETE FROM inventory_values
WHERE number = (SELECT d.number FROM inventory_devices d WHERE d.tenant = $1 AND d.device = $2)

-- name: inventory_values_of
SELECT n.scope, n.name, v.position, COALESCE(v.value_text, v.value_key), v.value_number, v.description
FROM inventory_values v JOIN inventory_names n ON n.id = v.attribute
WHERE n.tenant = $1 AND v.number = $2
ORDER BY n.scope, n.name, v.position

-- name: inventory_values_of_scope
SELECT n.scope, n.name, v.position, COALESCE(v.value_text, v.value_key), v.value_number, v.description
FROM inventory_values v JOIN inventory_names n ON n.id = v.attribute
WHERE n.tenant = $1 AND v.number = $2 AND n.scope = $3
ORDER BY n.scope, n.name, v.position

-- Which devices have a value: by a text, by a range of numbers, at all.
-- name: inventory_with_text
SELECT v.number
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope = $2 AND n.name = $3
	AND v.value_key = $4

-- name: inventory_with_numbers
SELECT v.number, v.value_number
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope = $2 AND n.name = $3 AND v.value_number >= $4 AND v.value_number <= $5

-- name: inventory_texts
SELECT v.number, COALESCE(v.value_text, v.value_key)
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope = $2 AND n.name = $3 AND v.value_key IS NOT NULL
ORDER BY v.value_key

-- name: inventory_with_attribute
SELECT v.number
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope = $2 AND n.name = $3

-- What a list is sorted by: the first value of each device.
-- name: inventory_first_values
SELECT v.number, COALESCE(v.value_text, v.value_key), v.value_number
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope = $2 AND n.name = $3 AND v.position <= 0

-- name: inventory_with_word
SELECT DISTINCT v.number
FROM inventory_names n JOIN inventory_values v ON v.attribute = n.id
WHERE n.tenant = $1 AND n.scope IN ('identity', 'inventory', 'tags') AND LOWER(COALESCE(v.value_text, v.value_key)) LIKE $2 ESCAPE '\'

-- Counting stops early: the figure says how common a name is.
-- name: inventory_names_used
SELECT n.scope, n.name, (SELECT COUNT(*) FROM (
	SELECT 1 FROM inventory_values v WHERE v.attribute = n.id AND v.position <= 0 LIMIT 5000) AS counted)
FROM inventory_names n
WHERE n.tenant = $1 AND EXISTS (SELECT 1 FROM inventory_values u WHERE u.attribute = n.id)
ORDER BY n.scope, n.name
LIMIT 500
