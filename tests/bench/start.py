#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8, S16
"""A server with a million devices: from start to ready, and the memory it then holds."""

import argparse
import os
import pathlib
import shutil
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support import postgresql  # noqa: E402
from support.seed import seed_devices  # noqa: E402
from support.server import Server  # noqa: E402

READY_S, MEMORY_MIB = 10, 2048


def resident_mib(process):
    """The most it ever held."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(folder, devices, database):
    server = Server(os.environ.get("ROTA_BIN", ROOT / "out/bin"), folder / "server", database=database)
    server.create_user()
    began = time.monotonic()
    seed_devices(server, devices)
    seeded = time.monotonic()
    server.start()
    ready = time.monotonic()
    memory = resident_mib(server.process)
    server.stop()
    return seeded - began, ready - seeded, memory


def compare(engine, devices, folder, database):
    seeding, ready, memory = measure(folder, devices, database)
    good = ready < READY_S and memory < MEMORY_MIB
    print(f"start: {devices} devices on {engine}: ready in {ready:.1f} s (reach < {READY_S}), "
          f"{memory:.0f} MiB (reach < {MEMORY_MIB}), written in {seeding:.0f} s: {'ok' if good else 'SHORT'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=1_000_000)
    devices = parser.parse_args().devices
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-start-", dir=ROOT / "out"))
    cluster = None
    try:
        good = compare("sqlite", devices, folder / "sqlite", None)
        if postgresql.is_installed():
            cluster = postgresql.Cluster(settings=("max_wal_size=4GB",))
            cluster.start()
            good = compare("postgresql", devices, folder / "postgresql", cluster.create_database()) and good
    finally:
        if cluster:
            cluster.remove()
        shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
