-- SPDX-License-Identifier: Apache-2.0

-- name: schema_steps @all-tenants
SELECT number, name, sha256, serves_from FROM schema_step ORDER BY number

-- name: schema_step_add @all-tenants
INSERT INTO schema_step (number, name, sha256, serves_from, applied_us) VALUES ($1, $2, $3, $4, $5)
