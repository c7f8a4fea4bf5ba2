# SPDX-License-Identifier: Apache-2.0
"""Two environments of U-Boot, each with its sum, and the real fw_setenv ended at every write: before it, behind it, and in
its middle. Whatever is left, U-Boot's script (the first copy whose sum is right) finds the old record or the new one, and
the agent, asked again, finishes."""

import os
import shutil
import subprocess
import zlib

import pytest
from support.preload import preloaded
from support.slots import Slots

pytestmark = [pytest.mark.shows("F2", "F3", "F4", "I5-MS2"),
              pytest.mark.skipif(not shutil.which("fw_setenv"), reason="libubootenv-tool is not installed")]

SIZE = 0x4000
PLACE = 0x8000
OLD = {"mender_boot_part": "2", "mender_boot_part_hex": "2", "upgrade_available": "0", "bootcount": "0"}
TRIED = {"mender_boot_part": "3", "mender_boot_part_hex": "3", "upgrade_available": "1", "bootcount": "0"}


class UBoot:
    """Two disks with a copy each, so that a test can cut the writing of either, and what U-Boot's script makes of them."""

    def __init__(self, root):
        self.disks = [root / f"disk{index + 1}.img" for index in range(2)]
        (root / "etc/rota").mkdir(parents=True)
        for index, disk in enumerate(self.disks):
            (root / f"etc/rota/fw_env_{index + 1}.config").write_text(f"{disk} {PLACE:#x} {SIZE:#x}\n")
            self.write(disk, {**OLD, "other": "it stays"})
        for name in ("fw_printenv", "fw_setenv"):
            program = root / "usr/bin" / name
            program.unlink(missing_ok=True)
            program.symlink_to(shutil.which(name))

    @staticmethod
    def write(disk, values):
        text = b"".join(f"{key}={value}\0".encode() for key, value in values.items()) + b"\0"
        data = text.ljust(SIZE - 4, b"\0")
        disk.write_bytes(bytes(PLACE) + zlib.crc32(data).to_bytes(4, "little") + data)

    def spoil(self, index):
        content = bytearray(self.disks[index].read_bytes())
        content[PLACE + 10:PLACE + 14] = b"torn"
        self.disks[index].write_bytes(content)

    def copy(self, index):
        """Its variables; None: its sum is wrong."""
        data = self.disks[index].read_bytes()[PLACE:PLACE + SIZE]
        if zlib.crc32(data[4:]).to_bytes(4, "little") != data[:4]:
            return None
        lines = data[4:].split(b"\0\0", 1)[0].split(b"\0")
        return dict(line.decode().split("=", 1) for line in lines)

    def start(self):
        known = self.copy(0) or self.copy(1)
        assert known, "U-Boot finds no environment"
        assert known.pop("other") == "it stays"
        return known


@pytest.fixture
def machine(bin, tmp_path, killer):
    return Machine(bin, tmp_path, killer)


class Machine:
    def __init__(self, bin, root, killer):
        self.bin, self.root, self.killer = bin, root, killer
        self.slots = Slots(root)
        self.uboot = UBoot(root)

    def slot(self, action, **wishes):
        environment = {**os.environ}
        if wishes:
            environment |= preloaded(self.killer, ROTA_KILL_PROGRAM="/fw_setenv", **wishes)
        return subprocess.run([self.bin / "rota-agent", "--root", self.root, "slot", action, "--before",
                               self.root / "before"], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("spoilt", [None, 0, 1], ids=["whole", "copy 1 torn", "copy 2 torn"])
@pytest.mark.parametrize("cut_disk", ["disk1.img", "disk2.img"])
def test_every_cut_leaves_old_or_new(machine, spoilt, cut_disk):
    if spoilt is not None:
        machine.uboot.spoil(spoilt)
    before = [disk.read_bytes() for disk in machine.uboot.disks]
    count = machine.root / "count"
    assert machine.slot("activate", ROTA_KILL_FILES=cut_disk, ROTA_KILL_COUNT=str(count)).returncode == 0
    calls = count.read_text().split()[1::2]
    assert "write" in calls and calls[-1] in ("fsync", "fdatasync"), calls
    seen = []
    for number, call in enumerate(calls, 1):
        for side in ("before", *(["torn"] if call == "write" else []), "after"):
            for disk, content in zip(machine.uboot.disks, before):
                disk.write_bytes(content)
            cut = machine.slot("activate", ROTA_KILL_FILES=cut_disk, ROTA_KILL_AT=f"{side}:{number}")
            assert cut.returncode != 0, (side, number)
            found = machine.uboot.start()
            assert found in (OLD, TRIED), (side, number)
            seen.append(found == TRIED)
            again = machine.slot("activate")
            assert again.returncode == 0 or found == TRIED, again.stderr
            assert machine.uboot.start() == TRIED
    # The change becomes visible at one point at most, and is never taken back.
    assert seen == sorted(seen)
    print(f"{len(seen)} cuts of fw_setenv at {cut_disk}, 0 mixed")


def test_the_other_copy_is_mended(machine):
    machine.uboot.spoil(0)
    done = machine.slot("activate")
    assert done.returncode == 0, done.stderr
    assert machine.uboot.copy(0) == machine.uboot.copy(1) == {**TRIED, "other": "it stays"}


def test_two_torn_copies_are_said(machine):
    machine.uboot.spoil(0)
    machine.uboot.spoil(1)
    done = machine.slot("status")
    assert done.returncode != 0 and "U-Boot" in done.stderr, done.stderr


def test_an_update_with_both_copies(machine):
    assert machine.slot("activate").returncode == 0
    machine.slots.running = 3
    assert machine.slot("verify").returncode == 0
    assert machine.slot("commit").returncode == 0
    assert machine.uboot.start() == {**TRIED, "upgrade_available": "0"}
