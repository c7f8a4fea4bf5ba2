-- SPDX-License-Identifier: Apache-2.0
-- A device is an identity; an auth set is a key it has shown. Its status is the best of its auth sets'.
CREATE TABLE devices (
	tenant_id TEXT NOT NULL REFERENCES tenants (id),
	id TEXT NOT NULL,
	row_number BIGINT NOT NULL UNIQUE, -- over all tenants, never given again
	identity_hash TEXT NOT NULL,       -- SHA-256 of identity
	identity TEXT NOT NULL,            -- JSON object, keys sorted
	status TEXT NOT NULL,
	token_epoch BIGINT NOT NULL,       -- tokens of another epoch are dead
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	check_in_us BIGINT NOT NULL,       -- written behind; 0 = never
	PRIMARY KEY (tenant_id, id),
	UNIQUE (tenant_id, identity_hash)
);
CREATE INDEX devices_in_order ON devices (tenant_id, row_number);
CREATE INDEX devices_by_status ON devices (tenant_id, status, row_number);

CREATE TABLE auth_sets (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	device_id TEXT NOT NULL,
	pubkey_hash TEXT NOT NULL,         -- SHA-256 of pubkey
	pubkey TEXT NOT NULL,              -- PEM, always written the same way
	status TEXT NOT NULL CHECK (status IN ('accepted', 'preauthorized', 'pending', 'rejected')),
	created_us BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, id),
	UNIQUE (tenant_id, device_id, pubkey_hash),
	FOREIGN KEY (tenant_id, device_id) REFERENCES devices (tenant_id, id)
);
