-- SPDX-License-Identifier: Apache-2.0

-- name: item_add
INSERT INTO items (tenant_id, id, parent, number, weight, data) VALUES ($1, $2, $3, $4, $5, $6)

-- name: item_add_returning
INSERT INTO items (tenant_id, id, number) VALUES ($1, $2, $3) RETURNING id, number + 1

-- name: item_add_unless_there
INSERT INTO items (tenant_id, id, number) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING

-- name: item_put
-- The parameters out of order: SQLite numbers them by appearance.
INSERT INTO items (number, tenant_id, id) VALUES ($3, $1, $2)
ON CONFLICT (tenant_id, id) DO UPDATE SET number = $3

-- name: item_by_id
SELECT id, parent, number, weight, data FROM items WHERE tenant_id = $1 AND id = $2

-- name: items
SELECT id, number FROM items WHERE tenant_id = $1 ORDER BY number

-- name: item_count
SELECT count(*), coalesce(sum(number), 0) FROM items WHERE tenant_id = $1

-- name: items_drop
DELETE FROM items WHERE tenant_id = $1 AND number < $2

-- name: item_takes_all_down @sqlite
INSERT OR ROLLBACK INTO items (tenant_id, id) VALUES ($1, $2)
-- name: item_takes_all_down @postgresql
SELECT pg_terminate_backend(pg_backend_pid()) FROM items WHERE tenant_id = $1 AND id = $2

-- name: slow @sqlite @all-tenants
WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000000) SELECT max(x) FROM n
-- name: slow @postgresql @all-tenants
SELECT pg_sleep(60)

-- name: engine_name @all-tenants
SELECT name FROM engine_name

-- name: step_forge @all-tenants
UPDATE schema_step SET sha256 = $2 WHERE number = $1
