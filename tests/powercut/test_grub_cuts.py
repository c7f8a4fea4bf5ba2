# SPDX-License-Identifier: Apache-2.0
"""Two copies of GRUB's environment, as Mender's boot script reads them, and the agent ended at every write of them: before
it, behind it, and in its middle. Whatever is left, the boot script starts what ran before or what was to be started next,
whole, and the agent, asked again, finishes. Blocks are made and read by grub-editenv, which knows nothing of ours."""

import os
import shutil
import subprocess

import pytest
from support.preload import preloaded
from support.slots import Slots

pytestmark = [pytest.mark.shows("F2", "F3", "I5-MS2"),
              pytest.mark.skipif(not shutil.which("grub-editenv"), reason="grub-editenv is not installed")]

OLD = {"mender_boot_part": "2", "upgrade_available": "0", "bootcount": "0"}
TRIED = {"mender_boot_part": "3", "upgrade_available": "1", "bootcount": "0"}
KEPT = {"mender_boot_part": "3", "upgrade_available": "0", "bootcount": "0"}


def editenv(path, *words):
    return subprocess.run(["grub-editenv", path, *words], check=True, capture_output=True, text=True).stdout


def values(path):
    return dict(line.split("=", 1) for line in editenv(path, "list").splitlines())


class Grub:
    """ENV_DIR with its two copies, and what the boot script makes of them at a start."""

    def __init__(self, root):
        self.folder = root / "boot/grub-mender-grubenv"
        (root / "etc/mender_grubenv.config").write_text("ENV_DIR = /boot/grub-mender-grubenv\n")
        self.copies = [self.folder / f"mender_grubenv{i}" for i in (1, 2)]
        for copy in self.copies:
            copy.mkdir(parents=True)
            for name in ("env", "lock"):
                editenv(copy / name, "create")
            editenv(copy / "lock", "set", "editing=0")
        self.clean_lock = (self.copies[0] / "lock").read_bytes()
        self.set(OLD, other="it stays")

    def set(self, record, **more):
        for copy in self.copies:
            editenv(copy / "env", "set", *(f"{key}={value}" for key, value in {**record, **more}.items()))

    def spoil(self, index, how):
        copy = self.copies[index]
        if how == "editing":
            editenv(copy / "lock", "set", "editing=1")
            editenv(copy / "env", "set", "mender_boot_part=9")
        elif how == "empty":
            (copy / "lock").write_bytes(b"")
            (copy / "env").write_bytes(b"")
        else:
            shutil.rmtree(copy)
            copy.mkdir()

    def is_good(self, index):
        path = self.copies[index] / "lock"
        return path.exists() and path.read_bytes() == self.clean_lock

    def start(self):
        """As the boot script: it mends one copy by the other, the second first, and then goes by the first."""
        for bad, good in ((1, 0), (0, 1)):
            if not self.is_good(bad):
                for name in ("env", "lock"):
                    shutil.copy(self.copies[good] / name, self.copies[bad] / name)
                break
        assert self.is_good(0) and self.is_good(1), "the boot script halts"
        known = values(self.copies[0] / "env")
        assert known.pop("other") == "it stays"
        return known


@pytest.fixture
def machine(bin, tmp_path, killer):
    return Machine(bin, tmp_path, killer)


class Machine:
    def __init__(self, bin, root, killer):
        self.bin, self.root, self.killer = bin, root, killer
        self.slots = Slots(root)
        self.grub = Grub(root)
        self.pristine = root / "pristine"

    def keep(self):
        shutil.copytree(self.grub.folder, self.pristine)

    def again(self):
        shutil.rmtree(self.grub.folder)
        shutil.copytree(self.pristine, self.grub.folder)

    def slot(self, action, at=None, count=None):
        wishes = {"ROTA_KILL_AT": at, "ROTA_KILL_COUNT": count and str(count), "ROTA_KILL_FILES": "mender_grubenv"}
        environment = {**os.environ, **preloaded(self.killer, **{key: value for key, value in wishes.items() if value})}
        words = [self.bin / "rota-agent", "--root", self.root, "slot", action]
        if action in ("activate", "rollback"):
            words += ["--before", self.root / "before"]
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)


SPOILT = [None, (0, "editing"), (1, "editing"), (0, "empty"), (1, "empty"), (0, "gone"), (1, "gone")]
CALLS_SKIPPED_IN_CI = 8
ACTIONS = {"activate": (OLD, TRIED, 2), "commit": (TRIED, KEPT, 3), "rollback": (TRIED, OLD, 3)}


@pytest.mark.parametrize("spoilt", SPOILT, ids=lambda one: "whole" if one is None else f"copy {one[0] + 1} {one[1]}")
@pytest.mark.parametrize("action", ACTIONS)
def test_every_cut_leaves_old_or_new(machine, action, spoilt, request):
    before, after, running = ACTIONS[action]
    if before == TRIED:
        assert machine.slot("activate").returncode == 0
        machine.slots.running = running
    assert values(machine.grub.copies[0] / "env") == {**before, "other": "it stays"}
    if spoilt:
        machine.grub.spoil(*spoilt)
    machine.keep()
    count = machine.root / "count"
    done = machine.slot(action, count=count)
    assert done.returncode == 0, done.stderr
    assert machine.grub.start() == after
    calls = count.read_text().split()[1::2]
    assert calls.count("fsync") >= 6  # both locks twice, both environments
    seen = []
    step = 1 if request.config.getoption("--long") else CALLS_SKIPPED_IN_CI + 1
    for number, call in list(enumerate(calls, 1))[::step]:
        for side in ("before", *(["torn"] if call == "write" else []), "after"):
            machine.again()
            cut = machine.slot(action, at=f"{side}:{number}")
            assert cut.returncode == -9, (side, number, cut.stderr)
            found = machine.grub.start()
            assert found in (before, after), (side, number)
            seen.append(found == after)
            again = machine.slot(action)
            if found == before:
                assert again.returncode == 0, (side, number, again.stderr)
            assert machine.grub.start() == after
    # The change becomes visible at one point, and is never taken back.
    assert seen == sorted(seen) and {False, True} == set(seen)
    print(f"slot {action}: {len(seen)} cuts, 0 mixed")


def test_two_spoilt_copies_are_said(machine):
    machine.grub.spoil(0, "empty")
    machine.grub.spoil(1, "editing")
    done = machine.slot("status")
    assert done.returncode != 0 and "neither copy of the environment" in done.stderr


@pytest.mark.parametrize("content", [b"", b"x" * 1024, b"# GRUB Environment Block\nno equals\n" + b"#" * 100,
                                     b"# GRUB Environment Block\na=b\n#####x", b"# GRUB Environment Block\na=b",
                                     b"# GRUB Environment Block\na=b\n\x00###"])
def test_a_block_that_is_none_is_not_believed(machine, content):
    (machine.grub.copies[0] / "env").write_bytes(content)
    done = machine.slot("status")
    assert done.returncode == 0 and "not an environment block" in done.stderr, done.stderr
    assert machine.slot("activate").returncode == 0
    assert machine.grub.start() == TRIED
