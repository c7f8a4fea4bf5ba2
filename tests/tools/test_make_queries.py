# SPDX-License-Identifier: Apache-2.0
"""make-queries: what it makes, and what it refuses because the engines would read it differently."""

import pathlib
import subprocess

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/make-queries"
GOOD = """-- name: a_by_id
SELECT a, 'x?:y;::' FROM t WHERE tenant_id = $1 AND id = $2
-- name: b @sqlite @all-tenants
SELECT 1
-- name: b @postgresql @all-tenants
SELECT 2;
"""


def make(tmp_path, **files):
    paths = []
    for name, text in files.items():
        paths.append(tmp_path / f"{name}.sql")
        paths[-1].write_text(text)
    return subprocess.run([TOOL, "--header", tmp_path / "queries.h", "--source", tmp_path / "queries.c", *paths],
                          capture_output=True, text=True, timeout=60)


def test_table(tmp_path):
    done = make(tmp_path, things=GOOD)
    assert done.returncode == 0, done.stderr
    header, source = (tmp_path / "queries.h").read_text(), (tmp_path / "queries.c").read_text()
    assert header.index("QUERY_A_BY_ID,") < header.index("QUERY_B,") < header.index("N_QUERIES")
    assert '[QUERY_A_BY_ID] = { "a_by_id", "things", 2,' in source
    assert source.index('"SELECT 1\\n"') < source.index('"SELECT 2\\n"')


@pytest.mark.parametrize("text, why", [
    ("-- name: a\nSELECT tenant_id FROM t WHERE x = $2", "without a gap"),
    ("-- name: a\nSELECT tenant_id FROM t WHERE x = $1::text", "CAST"),
    ("-- name: a\nSELECT tenant_id FROM t WHERE x = ?", "parameters are"),
    ("-- name: a\nSELECT tenant_id FROM t WHERE x = :name", "parameters are"),
    ("-- name: a\nSELECT * FROM t WHERE tenant_id = $1", "name the columns"),
    ("-- name: a\nDELETE FROM t WHERE tenant_id = $1; DELETE FROM u", "one statement"),
    ("-- name: a\nSELECT x FROM t", "names no tenant"),
    ("-- name: a @oracle\nSELECT tenant_id FROM t", "unknown mark"),
    ("-- name: a @sqlite\nSELECT tenant_id FROM t", "no text for postgresql"),
    ("-- name: a\nSELECT tenant_id FROM t\n-- name: a\nSELECT tenant_id FROM u", "named twice"),
    ("-- name: a @sqlite\nSELECT tenant_id\n-- name: a @postgresql\nSELECT tenant_id + $1", "different parameters"),
    ("-- name: A-b\nSELECT tenant_id", "a name is made of"),
    ("-- name: a\n", "no statement"),
    ("SELECT tenant_id", "without a name"),
])
def test_refused(tmp_path, text, why):
    done = make(tmp_path, things=text)
    assert done.returncode != 0
    assert why in done.stderr
    assert "things.sql:" in done.stderr


def test_a_name_belongs_to_one_domain(tmp_path):
    done = make(tmp_path, one="-- name: a\nSELECT tenant_id\n", two="-- name: a\nSELECT tenant_id\n")
    assert done.returncode != 0
    assert "already named in" in done.stderr


@pytest.mark.parametrize("names", [("0000-a.sql", "0002-b.sql"), ("0001-a.sql",), ("0000-A.sql",)])
def test_schema_steps_are_numbered_without_a_gap(tmp_path, names):
    for name in names:
        (tmp_path / name).write_text("")
    done = subprocess.run([TOOL, "--steps-header", tmp_path / "h", "--steps-source", tmp_path / "c",
                           *[tmp_path / name for name in names]], capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "expected" in done.stderr
