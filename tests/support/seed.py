# SPDX-License-Identifier: Apache-2.0
"""A large fleet, written straight into a server's store: what would take an hour through the API.

  seed_devices(server, 1_000_000)        # a support.server.Server that has a schema and does not run
  seed_attributes(server, {"kernel": (50, False), "odometer_km": (300_000, True)})

The devices are accepted, each with one key that nobody has. Their ids are spread as random ones are, since that is
what the server's tables count on; seeded_id(row number) says which.
"""

import contextlib
import sqlite3

# Odd, so that no two numbers below 2^32 meet.
SPREAD = 2654435761

# Texts made from n, in each engine's words. {random8} stands at the front and at the end of an id.
WORDS = {
    "sqlite": {
        "numbers": "WITH RECURSIVE numbers(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})",
        "random8": "printf('%08x', n * {spread} % 4294967296)", "hex64": "printf('%064x', n)"},
    "postgresql": {
        "numbers": "WITH numbers(n) AS (SELECT generate_series(CAST({first} AS bigint), {last}))",
        "random8": "lpad(to_hex(n * {spread} % 4294967296), 8, '0')", "hex64": "lpad(to_hex(n), 64, '0')"},
}

DEVICES = """
INSERT INTO devices (tenant_id, id, row_number, identity_hash, identity, status, token_epoch, created_us, updated_us,
    check_in_us)
{numbers} SELECT '{tenant}', {random8} || '-0000-4000-8000-0000' || {random8}, n, {hex64},
    '{{"serial":"seeded-' || n || '"}}', 'accepted', 1, 1767225600000000, 1767225600000000, 0 FROM numbers
"""
AUTH_SETS = """
INSERT INTO auth_sets (tenant_id, id, device_id, pubkey_hash, pubkey, status, created_us)
{numbers} SELECT '{tenant}', {random8} || '-0000-4000-9000-0000' || {random8},
    {random8} || '-0000-4000-8000-0000' || {random8}, {hex64},
    '-----BEGIN PUBLIC KEY-----' || {hex64} || '-----END PUBLIC KEY-----', 'accepted', 1767225600000000 FROM numbers
"""
INVENTORY = """
INSERT INTO inventory_devices (tenant, device, number, status, created_us, updated_us)
{numbers} SELECT '{tenant}', {random8} || '-0000-4000-8000-0000' || {random8}, n, 'accepted', 1767225600000000,
    1767225600000000 FROM numbers
"""
ATTRIBUTE_NAME = """
INSERT INTO inventory_names (id, tenant, scope, name)
SELECT coalesce(max(id), 0) + 1, '{tenant}', 'inventory', '{name}' FROM inventory_names
"""
ATTRIBUTE_VALUES = """
INSERT INTO inventory_values (number, attribute, position, value_key, value_number)
{numbers} SELECT n, (SELECT id FROM inventory_names WHERE name = '{name}'), -1,
    CASE WHEN {is_number} = 0 THEN 'v' || (n % {kinds}) END, CASE WHEN {is_number} = 1 THEN n % {kinds} END FROM numbers
"""
COUNTER = """
INSERT INTO counters (tenant_id, name, value) VALUES ('', 'device', {last})
ON CONFLICT (tenant_id, name) DO UPDATE SET value = {last}
"""


def seeded_id(number):
    random8 = f"{number * SPREAD % 2**32:08x}"
    return f"{random8}-0000-4000-8000-0000{random8}"


@contextlib.contextmanager
def open_store(server):
    """(engine, run): run(sql) returns the rows, if any; committed at the end."""
    if server.database and not server.database.startswith("sqlite:"):
        import psycopg2
        store, engine = psycopg2.connect(server.database), "postgresql"
    else:
        path = server.database.removeprefix("sqlite:") if server.database else server.data / "rota.db"
        store, engine = sqlite3.connect(path), "sqlite"
        store.execute("PRAGMA cache_size = -1000000")  # ids are spread: the indexes must fit
        store.execute("PRAGMA synchronous = OFF")
    with contextlib.closing(store):
        cursor = store.cursor()

        def run(sql):
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
        yield engine, run
        store.commit()


def seed_devices(server, count):
    """Adds accepted devices behind those that are there."""
    with open_store(server) as (engine, run):
        (tenant,), = run("SELECT id FROM tenants ORDER BY created_us LIMIT 1")
        (highest,), = run("SELECT coalesce(max(row_number), 0) FROM devices")
        first, last = highest + 1, highest + count
        words = {name: word.format(first=first, last=last, spread=SPREAD) for name, word in WORDS[engine].items()}
        for statement in (DEVICES, AUTH_SETS, INVENTORY, COUNTER):
            run(statement.format(tenant=tenant, last=last, **words))


def seed_attributes(server, names):
    """Gives all devices attributes: {name: (number of different values, whether they are numbers)}."""
    with open_store(server) as (engine, run):
        (tenant,), = run("SELECT id FROM tenants ORDER BY created_us LIMIT 1")
        (first, last), = run("SELECT min(number), max(number) FROM inventory_devices")
        words = {name: word.format(first=first, last=last, spread=SPREAD) for name, word in WORDS[engine].items()}
        for name, (kinds, is_number) in names.items():
            run(ATTRIBUTE_NAME.format(tenant=tenant, name=name))
            run(ATTRIBUTE_VALUES.format(name=name, kinds=kinds, is_number=int(is_number), **words))
        run("ANALYZE")
