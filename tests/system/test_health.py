# SPDX-License-Identifier: Apache-2.0
"""New software is committed only when it is healthy: units that run, programs of the integrator that say yes, for as long
as is wanted, begun in time; what the configuration and the artifact want is added up. Otherwise it goes back."""

import json
import time

import pytest
from support.artifact import make_artifact
from support.stub_server import StubServer
from support.vehicle import Vehicle, write_program

pytestmark = pytest.mark.shows("F5", "I5-MS1")

# systemctl is-active -- UNIT: what ROOT/units/UNIT says, "inactive" otherwise.
SYSTEMCTL = """#!/bin/sh
[ "$1 $2" = "is-active --" ] || exit 2
echo "$3" >>@ROOT@/asked
state=$(cat "@ROOT@/units/$3" 2>/dev/null || echo inactive)
echo "$state"
[ "$state" = active ]
"""
PROGRAM = """#!/bin/sh
echo "$@" >>@ROOT@/asked
[ ! -e @ROOT@/sick ] || { echo "the brakes do not answer"; exit 1; }
"""


class Patient:
    def __init__(self, bin, root, meta_data=None, needs_reboot="", **settings):
        artifact = make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake", meta_data=meta_data)
        self.stub = StubServer(artifact)
        self.vehicle = Vehicle(bin, root).build(self.stub.url, {
            "HealthIntervalSeconds": 1, "HealthTimeoutSeconds": 3, **settings})
        self.root = self.vehicle.root
        (self.root / "units").mkdir()
        (self.root / "needs-reboot").write_text(needs_reboot)
        write_program(self.root / "usr/bin/systemctl", SYSTEMCTL.replace("@ROOT@", str(self.root)))

    def unit(self, name, state):
        (self.root / "units" / name).write_text(state)

    def program(self, name="10-brakes"):
        write_program(self.root / "etc/rota/health" / name, PROGRAM.replace("@ROOT@", str(self.root)))

    def asked(self):
        path = self.root / "asked"
        return path.read_text().splitlines() if path.exists() else []

    def live(self):
        """Starts the agent as often as the machine reboots; how the deployment ended, and all that was logged."""
        for _ in range(5):
            daemon = self.vehicle.start()
            end = daemon.wait_for_log("d-1: done", "d-1: failed")
            daemon.stop()
            if end:
                return self.stub.statuses[-1], daemon.log_path.read_text()
        raise AssertionError(daemon.log())


@pytest.fixture
def patient(bin, tmp_path):
    made = []

    def make(*words, **options):
        made.append(Patient(bin, tmp_path / f"vehicle{len(made)}", *words, **options))
        return made[-1]
    yield make
    for one in made:
        one.stub.close()


def assert_rolled_back(patient, end, why, log):
    assert end == "failure" and why in log, log
    assert "ArtifactCommit" not in patient.vehicle.calls() and "ArtifactRollback" in patient.vehicle.calls()
    assert patient.vehicle.target() == "old" and patient.vehicle.artifact_name() == "unknown"
    assert any(why in (text or "") for text in patient.stub.substates), patient.stub.substates


@pytest.mark.parametrize("reboot", ["", "Automatic"])
def test_healthy_is_committed(patient, reboot):
    subject = patient(needs_reboot=reboot, HealthUnits=["brakes.service", "abs.service"])
    for unit in ("brakes.service", "abs.service"):
        subject.unit(unit, "active")
    subject.program()
    end, log = subject.live()
    assert end == "success", log
    assert subject.asked()[:3] == ["brakes.service", "abs.service", "health d-1 release-2"]
    assert subject.vehicle.calls()[-2:] == ["ArtifactCommit", "Cleanup"] and subject.vehicle.target() == "new"


@pytest.mark.parametrize("reboot", ["", "Automatic"])
@pytest.mark.parametrize("state", ["failed", "inactive", "activating"])
def test_a_unit_that_does_not_run(patient, reboot, state):
    subject = patient(needs_reboot=reboot, HealthUnits=["brakes.service"])
    subject.unit("brakes.service", state)
    end, log = subject.live()
    assert_rolled_back(subject, end, f"not healthy within 3 s: unit brakes.service is {state}", log)


def test_a_program_that_says_no(patient):
    subject = patient()
    subject.program()
    (subject.root / "sick").write_text("")
    end, log = subject.live()
    assert_rolled_back(subject, end, "not healthy within 3 s: 10-brakes", log)


def test_it_may_take_a_while(patient):
    """A unit that is still starting is no failure before its time."""
    subject = patient(HealthUnits=["brakes.service"], HealthTimeoutSeconds=60)
    subject.unit("brakes.service", "activating")
    daemon = subject.vehicle.start()
    try:
        daemon.wait_for_log("unit brakes.service is activating", also=lambda: len(subject.asked()) >= 2)
        facts = json.loads(subject.vehicle.run("status", "--json").stdout)
        assert "unit brakes.service is activating" in json.dumps(facts)
        subject.unit("brakes.service", "active")
        daemon.wait_for_log("d-1: done", "d-1: failed")
    finally:
        daemon.stop()
    assert subject.stub.statuses[-1] == "success"


def test_it_has_to_stay_healthy(patient):
    """A break begins the time anew; one that never holds for long enough, and is sick when its time is over, goes back."""
    subject = patient(HealthUnits=["brakes.service"], HealthStaySeconds=10, HealthTimeoutSeconds=60)
    subject.unit("brakes.service", "active")
    daemon = subject.vehicle.start()
    try:
        daemon.wait_for_log("never", also=lambda: len(subject.asked()) >= 2)
        subject.unit("brakes.service", "failed")
        assert daemon.wait_for_log("not healthy any more: unit brakes.service is failed")
        subject.unit("brakes.service", "active")
        began = time.monotonic()
        assert daemon.wait_for_log("d-1: done", "d-1: failed") == "d-1: done"
        assert time.monotonic() - began >= 9
    finally:
        daemon.stop()


def test_what_the_artifact_wants_is_added(patient):
    wishes = {"rota_health": {"units": ["abs.service"], "timeout_seconds": 2}}
    subject = patient(meta_data=wishes, HealthUnits=["brakes.service"], HealthTimeoutSeconds=60)
    subject.unit("brakes.service", "active")
    end, log = subject.live()
    assert_rolled_back(subject, end, "not healthy within 2 s: unit abs.service is inactive", log)


@pytest.mark.parametrize("wishes, why", [
    ({"units": ["--root=/x"]}, "is no name of a unit"),
    ({"units": "abs.service"}, "units"),
    ({"stay_seconds": -1}, "stay_seconds"),
    (7, "rota_health"),
])
def test_wishes_that_cannot_be_read_are_no_health(patient, wishes, why):
    subject = patient(meta_data={"rota_health": wishes})
    end, log = subject.live()
    assert end == "failure" and why in log and subject.vehicle.target() == "old", log


def test_killed_while_it_watches(patient):
    """A start in the middle of it, of the agent or of the machine, is what a watchdog does: the software goes back."""
    subject = patient(HealthUnits=["brakes.service"], HealthTimeoutSeconds=600)
    daemon = subject.vehicle.start()
    daemon.wait_for_log("never", also=lambda: len(subject.asked()) >= 2)
    daemon.process.kill()
    daemon.process.wait()
    end, log = subject.live()
    assert end == "failure" and subject.vehicle.target() == "old", log
