-- SPDX-License-Identifier: Apache-2.0
CREATE TABLE users (
	tenant_id TEXT NOT NULL REFERENCES tenants (id),
	id TEXT NOT NULL,
	email TEXT NOT NULL UNIQUE, -- lower case; over all tenants, since a log-in names no tenant
	password_hash TEXT NOT NULL,
	roles TEXT NOT NULL,        -- JSON array of names
	etag TEXT NOT NULL,
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	login_us BIGINT NOT NULL,   -- 0 = never
	PRIMARY KEY (tenant_id, id)
);

-- Live tokens of users: log-ins and personal access tokens. A token that is not here is dead.
CREATE TABLE user_tokens (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	user_id TEXT NOT NULL,
	kind TEXT NOT NULL CHECK (kind IN ('session', 'access')),
	name TEXT NOT NULL,         -- of an access token; else empty
	created_us BIGINT NOT NULL,
	expires_us BIGINT NOT NULL, -- 0 = never
	last_used_us BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id),
	FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX user_tokens_of_user ON user_tokens (tenant_id, user_id, kind, created_us);

-- Free-form settings of the user interface: of the organisation (user_id empty) and of each user.
CREATE TABLE user_settings (
	tenant_id TEXT NOT NULL REFERENCES tenants (id),
	user_id TEXT NOT NULL,
	value TEXT NOT NULL,        -- JSON object
	etag TEXT NOT NULL,
	PRIMARY KEY (tenant_id, user_id)
);
