# SPDX-License-Identifier: Apache-2.0
"""The agent killed before and after every write of its state, and in every call it makes: whatever the moment,
the next start ends in success or in a clean rollback, and the report says which.

Each case is a whole life: a vehicle of its own, a stub of the device API, the real agent with its network process,
and a module that really replaces and restores a file. The kill comes from outside: a preloaded counter of the
store's writes and syncs (kill_at_write.c), or the module itself, which ends its parent."""

import concurrent.futures
import dataclasses

import pytest
from support.artifact import make_artifact
from support.preload import preloaded
from support.stub_server import StubServer
from support.vehicle import Vehicle

pytestmark = pytest.mark.shows("MS4")

SIDE_BY_SIDE = 3
STARTS_MAX = 8
NOTHING_OPEN = 2  # exit status of commands by hand
CASES_IN_CI = 10  # of each scenario; --long runs all


@dataclasses.dataclass(frozen=True)
class Scenario:
    """faults: {state: "fail"}, lasting; the software afterwards, where the kill does not change it."""

    faults: tuple = ()
    reboot: str = ""
    rollback: str = "Yes"
    ends: str = "success"

    def artifact_name(self, status):
        if status == "success":
            return "release-2"
        return "unknown" if self.rollback == "Yes" else "release-2_INCONSISTENT"


SCENARIOS = {
    "success": Scenario(),
    "success with a reboot": Scenario(reboot="Automatic"),
    "install fails": Scenario(faults=("ArtifactInstall",), ends="failure"),
    "commit fails": Scenario(faults=("ArtifactCommit",), ends="failure"),
    "rollback with a reboot": Scenario(faults=("ArtifactVerifyReboot",), reboot="Automatic", ends="failure"),
    "no rollback": Scenario(faults=("ArtifactInstall",), rollback="No", ends="failure"),
}


class Life:
    """One vehicle from before the update to after it, over as many starts as it takes."""

    def __init__(self, bin, folder, scenario, killing_script=None):
        self.scenario = scenario
        self.vehicle = Vehicle(bin, folder)
        scripts = [(killing_script, self.killing(killing_script).encode())] if killing_script else []
        self.stub = StubServer(make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake",
                                             scripts=[] if (killing_script or "").startswith("Download") else scripts))
        self.vehicle.build(self.stub.url)
        if (killing_script or "").startswith("Download"):
            self.vehicle.script(killing_script, self.killing(killing_script))
        (self.vehicle.root / "supports-rollback").write_text(scenario.rollback)
        if scenario.reboot:
            (self.vehicle.root / "needs-reboot").write_text(scenario.reboot)
        for state in scenario.faults:
            self.vehicle.fault(state, "fail always")

    def killing(self, name):
        """A state script that ends the agent, the first time it runs."""
        mark = self.vehicle.root / f"killed-in-{name}"
        return f"#!/bin/sh\n[ ! -e {mark} ] || exit 0\ntouch {mark}\nkill -9 $PPID\nsleep 5\n"

    def is_over(self, daemon):
        return "d-1: done" in daemon.log() or "d-1: failed" in daemon.log() or self.stub.idle_polls > 0

    def live(self, environments=()):
        """Starts the agent until the update is over; environments: of the first starts."""
        for start in range(STARTS_MAX):
            daemon = self.vehicle.start(environments[start] if start < len(environments) else None)
            try:
                self.wait(daemon)
            finally:
                daemon.stop()
            if self.is_over(daemon):
                return
        raise AssertionError(f"not over after {STARTS_MAX} starts: {daemon.log()}")

    def wait(self, daemon):
        """Until the update is over or the process has been ended."""
        while not self.is_over(daemon) and daemon.wait_for_log("d-1: done", "d-1: failed", deadline_s=60,
                                                               also=lambda: self.stub.idle_polls > 0):
            pass

    def judge(self):
        """None, or what is wrong with how it ended."""
        finals = {status for status in self.stub.statuses if status in ("success", "failure")}
        if len(finals) != 1:
            return f"the reports are {self.stub.statuses}"
        status, = finals
        name, target = self.vehicle.artifact_name(), self.vehicle.target()
        if status == "success" and self.scenario.ends == "failure":
            return "success is reported though a step failed"
        if name != self.scenario.artifact_name(status):
            return f"{status} is reported and {name} is said to be installed"
        expected = "new" if status == "success" else "old"
        if self.scenario.rollback == "Yes" and target != expected:
            return f"{status} is reported and the target is {target}"
        if status == "failure" and not self.stub.logs:
            return "failure is reported without a log"
        if list((self.vehicle.data / "modules/v3/payloads").glob("*/tree")):
            return "the module's tree is left"
        return None

    def close(self):
        self.stub.close()


def count_writes(killer, bin, folder, scenario):
    """[calls in the first start, calls in the second, ...] of an undisturbed life."""
    life = Life(bin, folder, scenario)
    files = [folder / f"count-{start}" for start in range(STARTS_MAX)]
    life.live([preloaded(killer, ROTA_KILL_COUNT=str(file)) for file in files])
    wrong = life.judge()
    life.close()
    assert wrong is None, wrong
    return [len(file.read_text().splitlines()) for file in files if file.exists()]


def run_case(killer, bin, folder, scenario, start, at):
    life = Life(bin, folder, scenario)
    environments = [None] * start + [preloaded(killer, ROTA_KILL_AT=at)]
    try:
        life.live(environments)
        return life.judge()
    except AssertionError as error:
        return str(error)
    finally:
        life.close()


def spread(cases, count):
    step = max(len(cases) / count, 1)
    return [cases[int(i * step)] for i in range(min(count, len(cases)))]


@pytest.mark.parametrize("name", SCENARIOS)
def test_killed_at_every_write(bin, killer, tmp_path, name, request):
    scenario = SCENARIOS[name]
    (tmp_path / "count").mkdir()
    counts = count_writes(killer, bin, tmp_path / "count", scenario)
    cases = [(start, f"{side}:{n}") for start, count in enumerate(counts) for n in range(1, count + 1)
             for side in ("before", "after")]
    # A journal of seven and more entries, each of them several writes and syncs.
    assert len(cases) >= 2 * 2 * 7, f"the counter does not see the store: {counts}"
    if not request.config.getoption("--long"):
        cases = spread(cases, CASES_IN_CI)

    def run(case):
        start, at = case
        folder = tmp_path / f"{start}-{at.replace(':', '-')}"
        folder.mkdir()
        return case, run_case(killer, bin, folder, scenario, start, at)

    with concurrent.futures.ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        wrong = [result for result in pool.map(run, cases) if result[1]]
    print(f"{name}: {len(cases)} of {2 * sum(counts)} kills, {len(wrong)} wrong")
    assert not wrong, "\n".join(map(str, wrong))


# Every call of a life, and what it is killed in once.
CALLS = {
    "success with a reboot": ["Download", "ArtifactInstall", "NeedsArtifactReboot", "ArtifactVerifyReboot",
                              "ArtifactCommit", "Cleanup"],
    "commit fails": ["SupportsRollback", "ArtifactRollback", "ArtifactFailure"],
    "rollback with a reboot": ["ArtifactVerifyRollbackReboot"],
}


@pytest.mark.parametrize("name,state", [(name, state) for name, states in CALLS.items() for state in states])
def test_killed_in_every_call(bin, tmp_path, name, state):
    life = Life(bin, tmp_path, SCENARIOS[name])
    life.vehicle.fault(state, "kill")
    try:
        life.live()
        assert not (tmp_path / "faults" / state).exists(), f"{state} was never called"
        assert life.judge() is None
    finally:
        life.close()


# Every script of a life, likewise.
SCRIPTS = {
    "success with a reboot": ["Download_Enter_00", "Download_Leave_00", "ArtifactInstall_Enter_00", "ArtifactInstall_Leave_00",
                              "ArtifactReboot_Enter_00", "ArtifactReboot_Leave_00", "ArtifactCommit_Enter_00",
                              "ArtifactCommit_Leave_00"],
    "rollback with a reboot": ["ArtifactReboot_Error_00", "ArtifactRollback_Enter_00", "ArtifactRollback_Leave_00",
                               "ArtifactRollbackReboot_Enter_00", "ArtifactRollbackReboot_Leave_00",
                               "ArtifactFailure_Enter_00", "ArtifactFailure_Leave_00"],
}


@pytest.mark.parametrize("name,script", [(name, script) for name, scripts in SCRIPTS.items() for script in scripts])
def test_killed_in_every_script(bin, tmp_path, name, script):
    life = Life(bin, tmp_path, SCENARIOS[name], killing_script=script)
    try:
        life.live()
        assert (tmp_path / f"killed-in-{script}").exists(), f"{script} was never run"
        assert life.judge() is None
    finally:
        life.close()


def by_hand(killer, bin, folder, at=None, count=None):
    """Install, and whatever brings it to its end after a kill: (name, target) at the end."""
    vehicle = Vehicle(bin, folder).build()
    path = folder / "artifact.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake"))
    values = {key: value for key, value in (("ROTA_KILL_AT", at), ("ROTA_KILL_COUNT", count)) if value}
    vehicle.run("show-artifact")  # the factory's start: what is written once is not what is tested
    vehicle.run("install", path, environment=preloaded(killer, **values))
    for _ in range(3):
        if vehicle.run("resume").returncode == NOTHING_OPEN:
            break
    return vehicle.artifact_name(), vehicle.target()


def test_by_hand_killed_at_every_write(bin, killer, tmp_path, request):
    (tmp_path / "count").mkdir()
    assert by_hand(killer, bin, tmp_path / "count", count=str(tmp_path / "calls")) == ("release-2", "new")
    writes = len((tmp_path / "calls").read_text().splitlines())
    assert writes >= 6
    cases = [f"{side}:{n}" for n in range(1, writes + 1) for side in ("before", "after")]
    for at in cases if request.config.getoption("--long") else spread(cases, CASES_IN_CI):
        folder = tmp_path / at.replace(":", "-")
        folder.mkdir()
        end = by_hand(killer, bin, folder, at=at)
        assert end in (("unknown", "old"), ("release-2", "new")), f"killed {at}: {end}"


def test_a_success_cut_off_in_cleanup_is_reported_as_success(bin, tmp_path):
    life = Life(bin, tmp_path, SCENARIOS["success"])
    life.vehicle.fault("Cleanup", "kill")
    try:
        life.live()
        assert life.stub.statuses[-1] == "success"
        assert life.vehicle.artifact_name() == "release-2"
    finally:
        life.close()


def test_a_download_goes_on_after_a_kill(bin, tmp_path):
    """What was spooled is not fetched again, and the module sees a Cleanup before its second Download."""
    life = Life(bin, tmp_path, SCENARIOS["success"])
    life.vehicle.fault("Download", "kill")
    try:
        life.live()
        assert life.stub.statuses[-1] == "success"
        assert life.vehicle.calls()[:3] == ["Download", "Cleanup", "Download"]
        assert life.stub.served == len(life.stub.artifact)
    finally:
        life.close()


# where it loops -> what is said to be installed
LOOPS = {
    "in a download": ("success", "Download", "unknown"),
    "on the way back": ("commit fails", "ArtifactFailure", "release-2_INCONSISTENT"),
    "in Cleanup": ("success", "Cleanup", "release-2"),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_crash_that_never_ends_is_ended(bin, tmp_path, loop):
    """A module that takes the agent with it each time: the count of journal writes ends it, and the report is
    honest about what is not known."""
    scenario, state, name = LOOPS[loop]
    life = Life(bin, tmp_path, SCENARIOS[scenario])
    life.vehicle.fault(state, "kill always")
    try:
        for _ in range(40):
            daemon = life.vehicle.start()
            life.wait(daemon)
            if life.is_over(daemon):
                break
        daemon.stop()
        assert life.stub.statuses[-1] == "failure"
        assert life.vehicle.artifact_name() == name
        assert "state loop detected" in daemon.log()
    finally:
        life.close()
