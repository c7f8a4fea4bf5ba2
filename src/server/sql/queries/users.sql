-- SPDX-License-Identifier: Apache-2.0

-- A log-in names no tenant: the e-mail says which.
-- name: user_by_email @all-tenants
SELECT tenant_id, id, email, password_hash, roles FROM users WHERE email = $1

-- name: user_by_id
SELECT id, email, roles, created_us, updated_us, login_us, password_hash, etag FROM users
WHERE tenant_id = $1 AND id = $2

-- name: users_list
SELECT id, email, roles, created_us, updated_us, login_us FROM users
WHERE tenant_id = $1 AND created_us >= $2 AND created_us <= $3 AND updated_us >= $4 AND updated_us <= $5
ORDER BY created_us, id

-- name: user_add
INSERT INTO users (tenant_id, id, email, password_hash, roles, etag, created_us, updated_us, login_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7, 0)
ON CONFLICT DO NOTHING

-- name: user_email_taken @all-tenants
SELECT id FROM users WHERE email = $1 AND id <> $2

-- name: user_update
UPDATE users SET email = $3, password_hash = $4, roles = $5, etag = $6, updated_us = $7
WHERE tenant_id = $1 AND id = $2

-- name: user_logged_in
UPDATE users SET login_us = $3 WHERE tenant_id = $1 AND id = $2

-- name: user_delete
DELETE FROM users WHERE tenant_id = $1 AND id = $2

-- name: users_with_roles
SELECT id, roles FROM users WHERE tenant_id = $1

-- name: user_tokens_all @all-tenants
SELECT t.tenant_id, t.id, t.user_id, u.email, u.roles, t.kind, t.expires_us, t.last_used_us
FROM user_tokens t JOIN users u ON u.tenant_id = t.tenant_id AND u.id = t.user_id

-- name: user_token_add
INSERT INTO user_tokens (tenant_id, id, user_id, kind, name, created_us, expires_us, last_used_us)
VALUES ($1, $2, $3, $4, $5, $6, $7, 0)

-- name: user_tokens_of
SELECT id, name, created_us, expires_us, last_used_us FROM user_tokens
WHERE tenant_id = $1 AND user_id = $2 AND kind = $3 ORDER BY created_us, id

-- name: user_token_delete
DELETE FROM user_tokens WHERE tenant_id = $1 AND user_id = $2 AND id = $3

-- name: user_tokens_delete_but
DELETE FROM user_tokens WHERE tenant_id = $1 AND user_id = $2 AND id <> $3

-- name: user_tokens_expired
DELETE FROM user_tokens WHERE tenant_id = $1 AND user_id = $2 AND expires_us > 0 AND expires_us <= $3

-- name: user_setting
SELECT value, etag FROM user_settings WHERE tenant_id = $1 AND user_id = $2

-- name: user_setting_put
INSERT INTO user_settings (tenant_id, user_id, value, etag) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, user_id) DO UPDATE SET value = excluded.value, etag = excluded.etag

-- name: user_setting_delete
DELETE FROM user_settings WHERE tenant_id = $1 AND user_id = $2
