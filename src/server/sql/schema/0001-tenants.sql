-- SPDX-License-Identifier: Apache-2.0
-- Organisations that do not see each other. Every other table names the tenant its rows belong to.
CREATE TABLE tenants (
	id TEXT PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
	max_devices BIGINT NOT NULL, -- accepted at a time; -1 = as many as there are
	created_us BIGINT NOT NULL
);

-- Numbers that are given once and never again. What is counted for the whole installation has the
-- empty text as its tenant.
CREATE TABLE counters (
	tenant_id TEXT NOT NULL,
	name TEXT NOT NULL,
	value BIGINT NOT NULL,
	PRIMARY KEY (tenant_id, name)
);
