# SPDX-License-Identifier: Apache-2.0
"""The power cut at every write of an update, with what was not flushed lost: DATA and what the module writes lie on a
recorded disk. From the disk of each cut the next start ends in success or in a clean rollback, the report says which,
and what was reported before the cut is still so after it."""

import dataclasses
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest
from support.artifact import make_artifact
from support.recorded_disk import RecordedDisk, bound, reason_to_skip
from support.stub_server import StubServer
from support.vehicle import Vehicle

pytestmark = [pytest.mark.shows("MS4"),
              pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))]

CUTS_IN_CI = 40  # of each scenario; --long judges every cut in every variant
STARTS_MAX = 6
FAILS = b"#!/bin/sh\nexit 1\n"


@dataclasses.dataclass(frozen=True)
class Scenario:
    old: str | None = "old"       # the file before; None: there is none
    scripts: tuple = ()           # of the artifact
    ends: str = "success"


SCENARIOS = {
    "a file is replaced": Scenario(),
    "commit fails, the old file comes back": Scenario(scripts=(("ArtifactCommit_Enter_00", FAILS),), ends="failure"),
    "install fails, the new file goes": Scenario(old=None, scripts=(("ArtifactInstall_Leave_00", FAILS),), ends="failure"),
}


def artifact_of(scenario, apps):
    files = [("dest_dir", str(apps).encode()), ("filename", b"app"), ("permissions", b"640"), ("app", b"new" * 20000)]
    return make_artifact("release-2", ["test-vehicle"], files, scripts=scenario.scripts)


def installed(data):
    path = data / "apps/app"
    if not path.exists():
        return None
    text = path.read_text()
    return "new" if text == "new" * 20000 else text


def live(bin, disk, data, scenario, offers, boot, environment=None):
    """Starts the agent on `data` until it has nothing more to do; (vehicle, stub, position of the final report).
    The artifact's dest_dir is below disk.fixed, which is `data` meanwhile, wherever the disk is mounted."""
    with bound(data, disk.fixed):
        return live_bound(bin, disk, data, scenario, offers, boot, environment)


def live_bound(bin, disk, data, scenario, offers, boot, environment):
    root = pathlib.Path(tempfile.mkdtemp(prefix="rota-vehicle-"))
    stub = StubServer(artifact_of(scenario, disk.fixed / "apps") if offers else None)
    vehicle = Vehicle(bin, root, data=data).build(stub.url)
    (root / "proc/sys/kernel/random/boot_id").write_text(boot)
    try:
        for _ in range(STARTS_MAX):
            daemon = vehicle.start(environment)
            try:
                end = daemon.wait_for_log("d-1: done", "d-1: failed", also=lambda: stub.idle_polls > 0)
            finally:
                daemon.stop()
            if end is not None or stub.idle_polls > 0:
                return vehicle, stub, daemon.log()
        raise AssertionError(f"not over after {STARTS_MAX} starts: {daemon.log()}")
    finally:
        stub.close()


def judge(vehicle, stub, scenario, was_reported):
    """None, or what is wrong on the disk after the last start."""
    finals = {status for status in stub.statuses if status in ("success", "failure")}
    name, app = vehicle.artifact_name(), installed(vehicle.data)
    if was_reported and not finals:
        finals = {scenario.ends}
    if len(finals) != 1:
        return f"the reports are {stub.statuses}"
    status, = finals
    if status == "success" and scenario.ends == "failure":
        return "success is reported though a step failed"
    if was_reported and status != scenario.ends:
        return f"{scenario.ends} had been reported, and now {status} is"
    if (name, app) != (("release-2", "new") if status == "success" else ("unknown", scenario.old)):
        return f"{status} is reported, {name} is said to be installed, and the file is {app}"
    if list(vehicle.data.glob("apps/.*")) or list((vehicle.data / "modules/v3/payloads").glob("*/tree")):
        return "something of the update is left"
    return None


def forget_boot(data):
    """The spool's record says in which boot it was written: after a cut it is another one."""
    for path in (data / "spool").glob("*"):
        try:
            record = json.loads(path.read_bytes())
        except ValueError:
            continue
        if isinstance(record, dict) and "boot" in record:
            path.write_text(json.dumps({**record, "boot": "the-boot-before"}))


def record(disk, bin, scenario, environment=None):
    """Runs the update on the recorded disk; the log's size when the final report was made."""
    def fill(path):
        (path / "data").mkdir()
        if scenario.old is not None:
            (path / "data/apps").mkdir()
            (path / "data/apps/app").write_text(scenario.old)
    disk.fill(fill)
    with disk.recording() as path:
        vehicle, stub, log = live(bin, disk, path / "data", scenario, True, "boot-1", environment)
        position = disk.position()
        wrong = judge(vehicle, stub, scenario, False)
        shutil.rmtree(vehicle.root)
    assert wrong is None, f"{wrong}\n{log}"
    assert stub.statuses[-1] == scenario.ends
    return position


def judge_cuts(disk, bin, scenario, reported, cuts):
    def verdict(path, cut):
        was_reported = cut.position >= reported
        forget_boot(path / "data")
        try:
            vehicle, stub, _log = live(bin, disk, path / "data", scenario, not was_reported, "boot-2")
        except (AssertionError, OSError) as error:
            return str(error)
        try:
            return judge(vehicle, stub, scenario, was_reported)
        except AssertionError as error:
            return str(error)
        finally:
            shutil.rmtree(vehicle.root)

    return disk.judge(verdict, cuts, workers=min(os.cpu_count() or 1, 3))


@pytest.mark.parametrize("name", SCENARIOS)
def test_cut_at_every_write(bin, name, request):
    scenario = SCENARIOS[name]
    disk = RecordedDisk(size_mib=64)
    try:
        reported = record(disk, bin, scenario)
        cuts = disk.cuts(None if request.config.getoption("--long") else CUTS_IN_CI)
        faults = judge_cuts(disk, bin, scenario, reported, cuts)
        print(f"{name}: {len(cuts)} cuts of {len(disk.entries())} entries, {len(faults)} wrong")
        assert not faults, "\n".join(f"{cut}: {what}" for cut, what in faults[:20])
    finally:
        disk.remove()


def test_without_syncs_it_would_fail(bin, tmp_path):
    """The same judgement on an agent whose syncs do nothing: what it had reported is not there after the cut."""
    library = tmp_path / "no_sync.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library,
                    pathlib.Path(__file__).parent / "no_sync.c"], check=True)
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    scenario = SCENARIOS["a file is replaced"]
    disk = RecordedDisk(size_mib=64)
    try:
        reported = record(disk, bin, scenario, {"LD_PRELOAD": str(library), "ASAN_OPTIONS": options})
        at_report = [cut for cut in disk.cuts() if cut.position >= reported and cut.variant == "none"][:3]
        assert judge_cuts(disk, bin, scenario, reported, at_report)
    finally:
        disk.remove()
