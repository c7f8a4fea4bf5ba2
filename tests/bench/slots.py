#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: I5-MS5
"""How fast a new system is in the other partition: an image of 256 MiB, streamed from nginx on this machine through
`rota-agent install` and the module rootfs-image, beside curl piped to sha256sum and to a file that is synced.

  install   MB/s beside curl's, every block of the partition being another                             >= 0.9 x
  change    the share of the partition that is not written where the image is a little changed one     printed

Both sides of a comparison run in turn, and the quickest round of each is taken: whatever disturbs can only add.
"""

import argparse
import os
import pathlib
import random
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.server import free_port  # noqa: E402
from support.slots import Slots  # noqa: E402
from support.vehicle import Vehicle, write_program  # noqa: E402

REACH = 0.9
MIB = 1 << 20
START_DEADLINE_S = 30

NGINX = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
	access_log off; sendfile on;
	client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
	uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
	server {{ listen 127.0.0.1:{port}; root {folder}; }}
}}
"""


def bin_folder():
    return pathlib.Path(os.environ.get("ROTA_BIN", ROOT / "out/bin"))


def write_random(path, size, seed):
    source = random.Random(seed)
    with open(path, "wb") as out:
        for _ in range(size // MIB):
            out.write(source.randbytes(MIB))


def pack(folder, image, name):
    artifact = folder / f"{name}.mender"
    subprocess.run([bin_folder() / "rota-artifact", "write", "rootfs-image", "-t", "test-vehicle", "-n", name,
                    "-f", image, "-o", artifact, "--compression", "none"], check=True, capture_output=True)
    return artifact


def wait_for_port(port):
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < deadline, "nginx does not start"
            time.sleep(0.05)


class Machine:
    def __init__(self, folder, size):
        self.vehicle = Vehicle(bin_folder(), folder / "vehicle").build()
        self.slots = Slots(self.vehicle.root)
        for path in self.slots.parts.values():
            os.truncate(path, size + MIB)
        write_program(self.vehicle.root / "programs/rota-agent",
                      f'#!/bin/sh\nexec {bin_folder()}/rota-agent --root {self.vehicle.root} "$@"\n')
        self.environment = {"PATH": f"{self.vehicle.root}/programs:{os.environ['PATH']}"}

    def install(self, url):
        """Seconds, and what was said."""
        start = time.monotonic()
        done = self.vehicle.run("install", url, environment=self.environment, timeout=600)
        seconds = time.monotonic() - start
        assert done.returncode == 0, done.stderr
        back = self.vehicle.run("rollback", environment=self.environment, timeout=600)
        assert back.returncode == 0, back.stderr
        return seconds, done.stderr


def curl(url, target):
    start = time.monotonic()
    subprocess.run(["bash", "-c", 'set -o pipefail; curl -sf "$1" | tee "$2" | sha256sum >/dev/null && sync "$2"', "-",
                    url, target], check=True)
    return time.monotonic() - start


def measure(machine, url, noise, target, rounds):
    ours, floor = [], []
    for _ in range(rounds):
        shutil.copyfile(noise, machine.slots.parts[3])
        shutil.copyfile(noise, target)
        os.sync()
        floor.append(curl(url, target))
        ours.append(machine.install(url)[0])
    return min(ours), min(floor)


def unwritten(machine, folder, image, size):
    """The share of the image that is not written where 16 of its blocks of 4 KiB differ from what is there."""
    changed = folder / "changed"
    shutil.copyfile(image, changed)
    shutil.copyfile(image, machine.slots.parts[3])
    source = random.Random(3)
    with open(changed, "r+b") as out:
        for _ in range(16):
            out.seek(source.randrange(size // 4096) * 4096)
            out.write(source.randbytes(4096))
    with open(changed, "rb") as stream:
        done = subprocess.run(machine.vehicle.command("slot", "write", "--size", size), stdin=stream, check=True,
                              capture_output=True, text=True)
    written = int(re.search(r"(\d+) of them new", done.stdout)[1])
    return 1 - written / size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=256, help="MiB of the image")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    size = options.size * MIB
    with tempfile.TemporaryDirectory(prefix="rota-bench-") as name:
        folder = pathlib.Path(name)
        image, noise = folder / "image", folder / "noise"
        write_random(image, size, 1)
        write_random(noise, size, 2)
        artifact = pack(folder, image, "new")
        machine = Machine(folder, size)
        port = free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        nginx = shutil.which("nginx", path=f"{os.environ.get('ROTA_PEERS', '')}/usr/sbin:/usr/sbin")
        assert nginx, "nginx is missing: script/setup bench"
        server = subprocess.Popen([nginx, "-c", folder / "nginx.conf"], stderr=subprocess.DEVNULL)
        try:
            wait_for_port(port)
            ours, floor = measure(machine, f"http://127.0.0.1:{port}/{artifact.name}", noise, folder / "target",
                                  options.rounds)
        finally:
            server.terminate()
            server.wait(30)
        ratio = floor / ours
        print(f"install   {options.size / ours:6.0f} MB/s   curl | sha256sum, synced {options.size / floor:6.0f} MB/s   "
              f"{ratio:.2f} x (wanted: {REACH})")
        print(f"change    16 blocks of 4 KiB changed: {100 * unwritten(machine, folder, image, size):.1f} % not written")
        return 0 if ratio >= REACH else 1


if __name__ == "__main__":
    sys.exit(main())
