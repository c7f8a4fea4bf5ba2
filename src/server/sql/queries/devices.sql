-- SPDX-License-Identifier: Apache-2.0

-- At start: all that is kept in memory of a device. Two passes from front to back: a join would look
-- up a million auth sets one by one.
-- name: devices_all @all-tenants
SELECT row_number, tenant_id, id, status, token_epoch, check_in_us FROM devices

-- name: auth_sets_accepted @all-tenants
SELECT device_id, id FROM auth_sets WHERE status = 'accepted'

-- name: device_by_id
SELECT id, row_number, identity, status, token_epoch, created_us, updated_us, check_in_us FROM devices
WHERE tenant_id = $1 AND id = $2

-- name: device_by_identity
SELECT id, row_number, identity, status, token_epoch, created_us, updated_us, check_in_us FROM devices
WHERE tenant_id = $1 AND identity_hash = $2

-- name: devices_page
SELECT id, row_number, identity, status, token_epoch, created_us, updated_us, check_in_us FROM devices
WHERE tenant_id = $1 ORDER BY row_number LIMIT $2 OFFSET $3

-- name: devices_page_status
SELECT id, row_number, identity, status, token_epoch, created_us, updated_us, check_in_us FROM devices
WHERE tenant_id = $1 AND status = $2 ORDER BY row_number LIMIT $3 OFFSET $4

-- $2 holds the wanted statuses, each between commas.
-- name: devices_page_statuses
SELECT id, row_number, identity, status, token_epoch, created_us, updated_us, check_in_us FROM devices
WHERE tenant_id = $1 AND $2 LIKE '%,' || status || ',%' ORDER BY row_number LIMIT $3 OFFSET $4

-- name: device_add
INSERT INTO devices (tenant_id, id, row_number, identity_hash, identity, status, token_epoch, created_us, updated_us, check_in_us)
VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $7, 0)

-- name: device_set_status
UPDATE devices SET status = $3, token_epoch = $4, updated_us = $5 WHERE tenant_id = $1 AND id = $2

-- name: device_contact
UPDATE devices SET check_in_us = $3 WHERE tenant_id = $1 AND id = $2

-- name: device_delete
DELETE FROM devices WHERE tenant_id = $1 AND id = $2

-- name: devices_count_status
SELECT COUNT(*) FROM devices WHERE tenant_id = $1 AND status = $2

-- name: auth_sets_of
SELECT id, pubkey, status, created_us FROM auth_sets
WHERE tenant_id = $1 AND device_id = $2 ORDER BY created_us, id

-- name: auth_set_by_key
SELECT id, pubkey, status, created_us FROM auth_sets
WHERE tenant_id = $1 AND device_id = $2 AND pubkey_hash = $3

-- name: auth_set_by_id
SELECT id, pubkey, status, created_us FROM auth_sets
WHERE tenant_id = $1 AND device_id = $2 AND id = $3

-- name: auth_set_device
SELECT device_id FROM auth_sets WHERE tenant_id = $1 AND id = $2

-- name: auth_set_add
INSERT INTO auth_sets (tenant_id, id, device_id, pubkey_hash, pubkey, status, created_us)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: auth_set_set_status
UPDATE auth_sets SET status = $4 WHERE tenant_id = $1 AND device_id = $2 AND id = $3

-- name: auth_sets_reject_accepted
UPDATE auth_sets SET status = 'rejected' WHERE tenant_id = $1 AND device_id = $2 AND status = 'accepted'

-- name: auth_set_delete
DELETE FROM auth_sets WHERE tenant_id = $1 AND device_id = $2 AND id = $3

-- name: auth_sets_delete
DELETE FROM auth_sets WHERE tenant_id = $1 AND device_id = $2
