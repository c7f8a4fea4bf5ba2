-- SPDX-License-Identifier: Apache-2.0
-- One entry for each change, written in the change's own transaction, numbered without a gap within its
-- tenant, never changed.
CREATE TABLE audit_log (
	tenant_id TEXT NOT NULL REFERENCES tenants (id),
	number BIGINT NOT NULL,
	time_us BIGINT NOT NULL,
	action TEXT NOT NULL,
	actor_type TEXT NOT NULL,   -- user, device or system
	actor_id TEXT NOT NULL,
	actor_email TEXT NOT NULL,
	object_type TEXT NOT NULL,
	object_id TEXT NOT NULL,
	details TEXT NOT NULL,      -- JSON object
	request_id TEXT NOT NULL,
	PRIMARY KEY (tenant_id, number)
);
CREATE INDEX audit_log_by_time ON audit_log (tenant_id, time_us);
CREATE INDEX audit_log_by_object ON audit_log (tenant_id, object_type, object_id, number);
