-- SPDX-License-Identifier: Apache-2.0
CREATE TABLE artifacts (
	tenant TEXT NOT NULL,
	id TEXT NOT NULL,
	name TEXT NOT NULL,
	description TEXT NOT NULL,
	size_bytes BIGINT NOT NULL,
	digest TEXT NOT NULL,             -- SHA-256 of the file: the name of its blob
	manifest_digest TEXT NOT NULL,    -- what a signature speaks of
	is_signed BIGINT NOT NULL,
	document TEXT NOT NULL,           -- JSON: what the artifact says of itself
	modified_us BIGINT NOT NULL,
	PRIMARY KEY (tenant, id)
);
-- The same bytes are stored once.
CREATE UNIQUE INDEX artifacts_by_digest ON artifacts (tenant, digest);
CREATE INDEX artifacts_by_name ON artifacts (tenant, name, size_bytes);
CREATE INDEX artifacts_by_blob ON artifacts (digest);

-- Lists are filtered by these: device types it fits (kind device_type), payload types (update_type).
CREATE TABLE artifact_labels (
	tenant TEXT NOT NULL,
	kind TEXT NOT NULL,
	value TEXT NOT NULL,
	artifact TEXT NOT NULL,
	PRIMARY KEY (tenant, kind, value, artifact),
	FOREIGN KEY (tenant, artifact) REFERENCES artifacts (tenant, id)
);
CREATE INDEX artifact_labels_by_artifact ON artifact_labels (tenant, artifact);

-- What links are signed with; one row, made at the first start.
CREATE TABLE link_secrets (
	id BIGINT NOT NULL PRIMARY KEY,
	secret BYTEA NOT NULL,
	created_us BIGINT NOT NULL
);
