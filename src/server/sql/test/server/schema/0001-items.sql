-- SPDX-License-Identifier: Apache-2.0
-- What the store's own tests work on.
CREATE TABLE items (
	tenant_id TEXT NOT NULL,
	id TEXT NOT NULL,
	parent TEXT,
	number BIGINT CHECK (number >= -9223372036854775807 AND number <> 13),
	weight DOUBLE PRECISION,
	data BYTEA,
	PRIMARY KEY (tenant_id, id),
	FOREIGN KEY (tenant_id, parent) REFERENCES items
);
-- @sqlite
CREATE TABLE engine_name (name TEXT NOT NULL);
INSERT INTO engine_name VALUES ('sqlite');
-- @postgresql
CREATE TABLE engine_name (name TEXT NOT NULL);
INSERT INTO engine_name VALUES ('postgresql');
-- @both
CREATE INDEX items_by_number ON items (tenant_id, number);
