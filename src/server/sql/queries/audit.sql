-- SPDX-License-Identifier: Apache-2.0

-- name: audit_add
INSERT INTO audit_log (tenant_id, number, time_us, action, actor_type, actor_id, actor_email, object_type, object_id, details, request_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)

-- An empty text lets everything through.
-- name: audit_count
SELECT COUNT(*) FROM audit_log
WHERE tenant_id = $1 AND time_us >= $2 AND time_us <= $3
AND ($4 = '' OR actor_id = $4) AND ($5 = '' OR actor_email = $5) AND ($6 = '' OR actor_type = $6)
AND ($7 = '' OR object_type = $7) AND ($8 = '' OR object_id = $8)

-- name: audit_page_newest
SELECT number, time_us, action, actor_type, actor_id, actor_email, object_type, object_id, details FROM audit_log
WHERE tenant_id = $1 AND time_us >= $2 AND time_us <= $3
AND ($4 = '' OR actor_id = $4) AND ($5 = '' OR actor_email = $5) AND ($6 = '' OR actor_type = $6)
AND ($7 = '' OR object_type = $7) AND ($8 = '' OR object_id = $8)
ORDER BY number DESC LIMIT $9 OFFSET $10

-- name: audit_page_oldest
SELECT number, time_us, action, actor_type, actor_id, actor_email, object_type, object_id, details FROM audit_log
WHERE tenant_id = $1 AND time_us >= $2 AND time_us <= $3
AND ($4 = '' OR actor_id = $4) AND ($5 = '' OR actor_email = $5) AND ($6 = '' OR actor_type = $6)
AND ($7 = '' OR object_type = $7) AND ($8 = '' OR object_id = $8)
ORDER BY number LIMIT $9 OFFSET $10
