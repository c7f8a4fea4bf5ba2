-- SPDX-License-Identifier: Apache-2.0
-- What is known of each device. A device's number is its row number in hot state.

CREATE TABLE inventory_devices (
	tenant TEXT NOT NULL,
	device TEXT NOT NULL,
	number BIGINT NOT NULL UNIQUE,
	status TEXT NOT NULL,
	group_name TEXT,                  -- the one static group it is in
	attributes_digest TEXT,           -- of the last body of a whole inventory: an equal one costs no write
	tags_version TEXT,                -- ETag of its tags
	created_us BIGINT NOT NULL,
	updated_us BIGINT NOT NULL,
	PRIMARY KEY (tenant, device)
);
CREATE INDEX inventory_devices_by_group ON inventory_devices (tenant, group_name);

-- Names of attributes, said once.
CREATE TABLE inventory_names (
	id BIGINT NOT NULL PRIMARY KEY,
	tenant TEXT NOT NULL,
	scope TEXT NOT NULL,
	name TEXT NOT NULL,
	UNIQUE (tenant, scope, name)
);

-- One row a value, one row an element of a list: position -1 is a single value, 0 and up an element of a
-- list, -2 an empty list. A value is a text or a number. Equal texts have equal keys, and a key is never too
-- long for an index: the text itself where it is short, else its digest.
CREATE TABLE inventory_values (
	number BIGINT NOT NULL REFERENCES inventory_devices (number),
	attribute BIGINT NOT NULL REFERENCES inventory_names (id),
	position BIGINT NOT NULL,
	value_key TEXT,                   -- of a text
	value_text TEXT,                  -- the text, where the key is not the text itself
	value_number DOUBLE PRECISION,
	description TEXT,
	PRIMARY KEY (number, attribute, position)
);
CREATE INDEX inventory_values_by_text ON inventory_values (attribute, value_key, number);
CREATE INDEX inventory_values_by_number ON inventory_values (attribute, value_number, number);
