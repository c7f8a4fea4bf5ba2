-- SPDX-License-Identifier: Apache-2.0

-- name: tenants_all @all-tenants
SELECT id, name, status, max_devices, created_us FROM tenants ORDER BY created_us, id

-- name: tenant_by_name @all-tenants
SELECT id FROM tenants WHERE name = $1

-- name: tenant_add
INSERT INTO tenants (id, name, status, max_devices, created_us) VALUES ($1, $2, 'active', -1, $3)
ON CONFLICT DO NOTHING

-- name: tenant_max_devices
SELECT max_devices FROM tenants WHERE id = $1

-- name: tenant_set_max_devices
UPDATE tenants SET max_devices = $2 WHERE id = $1

-- The next number of a counter; the first one is 1.
-- name: counter_next
INSERT INTO counters (tenant_id, name, value) VALUES ($1, $2, 1)
ON CONFLICT (tenant_id, name) DO UPDATE SET value = counters.value + 1
RETURNING value
