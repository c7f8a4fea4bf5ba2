-- SPDX-License-Identifier: Apache-2.0
-- Which steps made this database. The only step that is run again and again; all later ones run once.
-- serves_from: the oldest program that may serve a database with this step, said as the number of the
-- newest step that program must know. A step that only adds says 0; one that takes something away says
-- the step that stopped using it.
CREATE TABLE IF NOT EXISTS schema_step (
	number BIGINT PRIMARY KEY,
	name TEXT NOT NULL,
	sha256 TEXT NOT NULL,
	serves_from BIGINT NOT NULL,
	applied_us BIGINT NOT NULL
);
