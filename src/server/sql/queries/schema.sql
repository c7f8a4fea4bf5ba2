-- SPDX-License-Identifier: Apache-2.0

-- name: schema_steps @all-tenants
SELECT number, name, sha256, serves_from FROM schema_step ORDER BY number

-- name: schema_step_add @all-tenants
INSERT INTO schema_step (number, name, sha256, serves_from, applied_us) VALUES ($1, $2, $3, $4, $5)

-- What is broken, one finding a row: the engine's own structures, and references to what is not there.
-- name: store_findings @sqlite @all-tenants
SELECT 'integrity: ' || integrity_check FROM pragma_integrity_check(20) WHERE integrity_check <> 'ok'
UNION ALL
SELECT 'a row of ' || "table" || ' refers to a missing row of ' || parent FROM pragma_foreign_key_check

-- Counting the rows as text reads every page and every value of every table.
-- name: store_findings @postgresql @all-tenants
WITH tables AS (
	SELECT oid, relname, CAST(CAST(oid AS regclass) AS text) AS quoted FROM pg_class
	WHERE relkind = 'r' AND relnamespace = CAST(current_schema() AS regnamespace)
), links AS (
	SELECT c.conname, t.relname, t.quoted AS child, CAST(CAST(c.confrelid AS regclass) AS text) AS parent,
		(SELECT string_agg(format('c.%I = p.%I', a.attname, b.attname), ' AND ')
		FROM unnest(c.conkey, c.confkey) AS k(child_key, parent_key)
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child_key
		JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = k.parent_key) AS matches,
		(SELECT string_agg(format('c.%I IS NOT NULL', a.attname), ' AND ')
		FROM unnest(c.conkey) AS k(child_key)
		JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.child_key) AS is_set
	FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid WHERE c.contype = 'f'
)
SELECT format('index %s is not valid', i.indexrelid) FROM pg_index i JOIN tables t ON t.oid = i.indrelid
WHERE NOT i.indisvalid
UNION ALL
SELECT format('rule %s of %s was never checked', c.conname, t.relname) FROM pg_constraint c
JOIN tables t ON t.oid = c.conrelid WHERE NOT c.convalidated
UNION ALL
SELECT format('table %s cannot be read', relname) FROM tables
WHERE query_to_xml(format('SELECT max(length(CAST(c AS text))) FROM %s c', quoted), false, true, '') IS NULL
UNION ALL
SELECT format('a row of %s refers to a missing row of %s', relname, parent) FROM links
WHERE CAST(query_to_xml(format('SELECT 1 AS broken FROM %s c WHERE %s AND NOT EXISTS'
	' (SELECT 1 FROM %s p WHERE %s) LIMIT 1', child, is_set, parent, matches), false, true, '') AS text)
	LIKE '%broken%'
