# SPDX-License-Identifier: Apache-2.0
"""A machine with two root partitions, which are files, and a boot loader, which is a file and two programs."""

import json
import pathlib

PART_SIZE = 3 * (1 << 20) + 4096
PROGRAMS = {"U-Boot": ("fw_printenv", "fw_setenv"),
            "GRUB": ("grub-mender-grubenv-print", "grub-mender-grubenv-set")}

PRINT = r'''#!/bin/sh
for name; do
	grep "^$name=" @ENV@ || { echo "## Error: \"$name\" not defined" >&2; exit 1; }
done
'''

# Takes a batch, as one change: what the real ones make of it.
SET = r'''#!/bin/sh
[ "$1" = -s ] || exit 2
[ ! -e @ENV@.fails ] || exit 1
[ ! -e @ENV@.forgets ] || exit 0
cp @ENV@ @ENV@.new || exit 1
while IFS='= ' read -r name value; do
	{ grep -v "^$name=" @ENV@.new; echo "$name=$value"; } >@ENV@.newer && mv @ENV@.newer @ENV@.new || exit 1
done <"$2"
mv @ENV@.new @ENV@
'''


class Slots:
    """Below `root`: dev/part2 and dev/part3, of which the first runs, and the boot loader's record."""

    def __init__(self, root, boot_loader="U-Boot"):
        self.root = pathlib.Path(root)
        for folder in ("dev", "proc", "boot", "usr/bin", "etc/mender"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        self.parts = {number: self.root / f"dev/part{number}" for number in (2, 3)}
        for number, path in self.parts.items():
            path.write_bytes(bytes([number]) * PART_SIZE)
        self.environment = self.root / "boot/env"
        self.set(mender_boot_part=2, mender_boot_part_hex=2, upgrade_available=0, bootcount=0, bootlimit=1)
        for name, text in zip(PROGRAMS[boot_loader], (PRINT, SET)):
            path = self.root / "usr/bin" / name
            path.write_text(text.replace("@ENV@", str(self.environment)))
            path.chmod(0o755)
        self.running = 2
        self.configure()

    def configure(self, **settings):
        path = self.root / "etc/mender/mender.conf"
        present = json.loads(path.read_text()) if path.exists() else {}
        path.write_text(json.dumps({**present, "RootfsPartA": "/dev/part2", "RootfsPartB": "/dev/part3", **settings}))

    @property
    def running(self):
        return int((self.root / "proc/cmdline").read_text().split("root=/dev/part")[1].split()[0])

    @running.setter
    def running(self, number):
        (self.root / "proc/cmdline").write_text(f"quiet root=/dev/part{number} rw\n")

    def record(self):
        return {name: int(value) for name, value in
                (line.split("=") for line in self.environment.read_text().splitlines())}

    def set(self, **values):
        present = self.record() if self.environment.exists() else {}
        self.environment.write_text("".join(f"{name}={value}\n" for name, value in {**present, **values}.items()))

    def reboot(self):
        """What the boot loader does at a start."""
        record = self.record()
        if record["upgrade_available"]:
            if record["bootcount"] >= record["bootlimit"]:
                other = 5 - record["mender_boot_part"]
                self.set(mender_boot_part=other, mender_boot_part_hex=other, upgrade_available=0, bootcount=0)
            else:
                self.set(bootcount=record["bootcount"] + 1)
        self.running = self.record()["mender_boot_part"]
