#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8
"""Durable changes from 64 clients through the store, beside raw SQLite with the same statement in batches of 100.

Both sync every commit (WAL, FULL) on the same disk, in turn, so that a slow moment of the disk meets both.
"""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import postgresql  # noqa: E402

CLIENTS, BATCH, SECONDS, ROUNDS = 64, 100, 2, 5
REACH = 0.5


def build():
    folder = ROOT / "out/release"
    subprocess.run(["ninja", "-C", folder, "tests/bench/store-bench"], check=True, stdout=subprocess.DEVNULL)
    return folder / "tests/bench/store-bench"


def programs():
    return pathlib.Path(os.environ.get("ROTA_BIN", ROOT / "out/bin"))


def measure(program, *words):
    """Rows a second, and microseconds of CPU a row."""
    done = subprocess.run([program, *map(str, words), str(SECONDS)], check=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    rows, seconds, cpu_seconds = map(float, done.stdout.split())
    return rows / seconds, cpu_seconds / rows * 1e6


def say(name, results):
    rates, costs = zip(*results)
    print(f"  {name:32} {statistics.median(rates):9.0f} rows/s {statistics.median(costs):7.1f} µs CPU a row")


def main():
    program = build()
    # Memory would make a sync cost nothing: the measure is about disks.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-store-", dir=ROOT / "out"))
    ours, raw = [], []
    try:
        for i in range(ROUNDS):
            ours.append(measure(program, "store", f"sqlite:{folder}/ours.db", CLIENTS))
            raw.append(measure(program, "raw", folder / "ours.db", BATCH))
        others = {}
        if postgresql.is_installed():
            cluster = postgresql.Cluster(settings=())
            cluster.start()
            others["PostgreSQL, 64 clients"] = [
                measure(program, "store", cluster.create_database(), CLIENTS) for _ in range(2)]
            cluster.remove()
    finally:
        shutil.rmtree(folder)
    ratio = statistics.median(a[0] / b[0] for a, b in zip(ours, raw))
    say("store on SQLite, 64 clients", ours)
    say("raw SQLite, batches of 100", raw)
    for name, results in others.items():
        say(name, results)
    good = ratio >= REACH
    print(f"store: durable changes, 64 clients: {ratio:.2f} x raw SQLite (reach >= {REACH}): {'ok' if good else 'SHORT'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
