# SPDX-License-Identifier: Apache-2.0
"""The server's store on a disk whose power is cut: every row acknowledged before a cut is there after it.

On each engine a program with many clients writes pairs of rows (store-load) and notes, with each acknowledgement,
how far the disk's log was. Then the disk of each cut is mounted, the engine recovers as it would at a start, and
its rows are compared: all that were acknowledged before the cut, and no half of a pair. The same without syncs
must be noticed.
"""

import contextlib
import os
import pathlib
import re
import shutil
import sqlite3
import subprocess

import pytest
from support import postgresql
from support.recorded_disk import RecordedDisk, reason_to_skip

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS, ROWS = 16, 12

pytestmark = pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))


@pytest.fixture
def programs(bin):
    """Where store-load and no_sync.so are: in the build that the programs under test come from."""
    for build in (bin.parent, ROOT / "out/sanitized"):
        if (build / "tests/powercut/store-load").exists():
            return build / "tests/powercut"
    pytest.skip("store-load is not built (meson option tests)")


def store_load(programs, url, log, clients=CLIENTS, rows=ROWS, preload=None):
    """Returns {id: position} of what was acknowledged."""
    environment = dict(os.environ)
    if preload:
        environment["LD_PRELOAD"] = str(preload)
        environment["ASAN_OPTIONS"] = environment.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0"
    done = subprocess.run([programs / "store-load", url, str(clients), str(rows), log], env=environment,
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    acknowledged = dict(line.split() for line in done.stdout.splitlines())
    assert len(acknowledged) == clients * rows
    return {row: int(position) for row, position in acknowledged.items()}


def what_is_wrong(rows, acknowledged, cut):
    lost = [row for row, position in acknowledged.items() if position <= cut.position and row not in rows]
    if lost:
        return f"{len(lost)} acknowledged rows are lost, {lost[0]} first"
    halves = [row for row in {row.removesuffix("-child") for row in rows} if (row in rows) != (row + "-child" in rows)]
    return f"half a job is there: {halves[0]}" if halves else None


class Sqlite:
    name = "sqlite"
    size_mib = 32

    def __init__(self, programs):
        self.programs = programs

    def fill(self, path):
        store_load(self.programs, f"sqlite:{path}/test.db", os.devnull, rows=0)

    def load(self, path, log, synced):
        preload = None if synced else self.programs / "no_sync.so"
        return store_load(self.programs, f"sqlite:{path}/test.db", log, preload=preload)

    def rows_after(self, path):
        with contextlib.closing(sqlite3.connect(path / "test.db")) as store:
            assert store.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return {row for (row,) in store.execute("SELECT id FROM items")}


class Postgresql:
    name = "postgresql"
    size_mib = 160
    small = ("shared_buffers=16MB", "wal_recycle=off", "min_wal_size=2MB", "max_wal_size=16MB", "autovacuum=off")

    def __init__(self, programs):
        self.programs = programs

    @contextlib.contextmanager
    def running(self, path, *settings):
        cluster = postgresql.Cluster((*self.small, *settings), data=path / "data", initdb=("--wal-segsize=1",))
        shutil.chown(path, postgresql.USER)
        cluster.start()
        try:
            yield cluster
        finally:
            cluster.stop()
            shutil.rmtree(cluster.folder)

    def fill(self, path):
        with self.running(path) as cluster:
            store_load(self.programs, cluster.url("postgres"), os.devnull, rows=0)

    def load(self, path, log, synced):
        with self.running(path, *(() if synced else ("fsync=off",))) as cluster:
            return store_load(self.programs, cluster.url("postgres"), log)

    def rows_after(self, path):
        """Single-user mode recovers as a start does, and answers without a socket."""
        (path / "data/postmaster.pid").unlink(missing_ok=True)
        words = [str(postgresql.program_folder() / "postgres"), "--single", "-D", str(path / "data"), "-c", "fsync=off"]
        words += [word for setting in self.small for word in ("-c", setting)]
        if os.geteuid() == 0:
            words = ["runuser", "-u", postgresql.USER, "--", *words]
        done = subprocess.run([*words, "postgres"], input="SELECT id FROM items\n", capture_output=True, text=True,
                              cwd=path / "data", timeout=120)
        assert done.returncode == 0, done.stderr[-500:]
        assert "ERROR" not in done.stderr and "PANIC" not in done.stderr, done.stderr[-500:]
        return set(re.findall(r'id = "([^"]+)"', done.stdout))


ENGINES = {"sqlite": Sqlite, "postgresql": Postgresql}
CUTS = {"sqlite": 300, "postgresql": 40}


@pytest.fixture
def store(engine, programs):
    if engine == "postgresql" and not postgresql.is_installed():
        pytest.skip("PostgreSQL is not installed: script/setup test")
    return ENGINES[engine](programs)


def record_and_judge(store, synced, count):
    disk = RecordedDisk(size_mib=store.size_mib)
    try:
        disk.fill(store.fill)
        with disk.recording() as path:
            acknowledged = store.load(path, disk.log, synced)

        def verdict(path, cut):
            try:
                return what_is_wrong(store.rows_after(path), acknowledged, cut)
            except (AssertionError, sqlite3.Error) as error:
                return f"the store cannot be opened: {error}"
        cuts = disk.cuts(count)
        faults = disk.judge(verdict, cuts)
        print(f"{store.name}: {len(disk.entries())} entries, {len(acknowledged)} rows, {len(cuts)} cuts, "
              f"{len(faults)} faults")
        return faults
    finally:
        disk.remove()


@pytest.mark.shows("MS5")
def test_what_was_acknowledged_survives_every_cut(store):
    faults = record_and_judge(store, synced=True, count=CUTS[store.name])
    assert not faults, "\n".join(f"{cut}: {what}" for cut, what in faults[:10])


@pytest.mark.shows("MS5")
def test_a_store_without_syncs_is_noticed(store):
    faults = record_and_judge(store, synced=False, count=CUTS[store.name] // 4)
    assert any("acknowledged rows are lost" in what for _, what in faults)


@pytest.mark.shows("MS5")
@pytest.mark.long
def test_every_cut_in_every_variant(store):
    faults = record_and_judge(store, synced=True, count=None)
    assert not faults, "\n".join(f"{cut}: {what}" for cut, what in faults[:10])
