# SPDX-License-Identifier: Apache-2.0
"""State scripts of the system around what a daemon does when nothing is to be installed, and when something is: Idle, Sync
and Download; what a failing one stops; which folder belongs to whom."""

import pytest
from support.api import wait_until
from support.artifact import make_artifact
from support.stub_server import StubServer
from support.vehicle import Vehicle

pytestmark = pytest.mark.shows("M4")
DEADLINE_S = 30
NOTE = "#!/bin/sh\necho {name} >>{root}/calls\n{rest}\n"
IDLE, SYNC = ["Idle_Enter_00", "Idle_Leave_00"], ["Sync_Enter_00", "Sync_Leave_00"]


class Trip:
    def __init__(self, bin, folder):
        self.stub = StubServer()
        self.vehicle = Vehicle(bin, folder).build(self.stub.url)
        for state in ("Idle", "Sync", "Download"):
            for moment in ("Enter", "Leave", "Error"):
                self.script(f"{state}_{moment}_00")

    def text(self, name, rest=""):
        return NOTE.format(name=name, root=self.vehicle.root, rest=rest)

    def script(self, name, rest=""):
        self.vehicle.script(name, self.text(name, rest))

    def offer(self, scripts=()):
        self.stub.artifact = make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake",
                                           scripts=[(name, self.text(name).encode()) for name in scripts])

    def live(self, until):
        """The daemon, until that is so; what was called."""
        daemon = self.vehicle.start()
        try:
            wait_until(lambda: until(self), DEADLINE_S, 0.02, what="what this test waits for")
        finally:
            assert daemon.stop() == 0
            self.log = daemon.log()
        return self.vehicle.calls()

    def count(self, name):
        return self.vehicle.calls().count(name)


@pytest.fixture
def trip(bin, tmp_path):
    trip = Trip(bin, tmp_path)
    yield trip
    trip.stub.close()


def test_around_each_contact(trip):
    """Inventory and the question for an update have a Sync each; Idle is around the waiting."""
    calls = trip.live(lambda trip: trip.count("Idle_Enter_00") > 1)
    assert calls == IDLE + SYNC + SYNC + IDLE[:1]
    assert len(trip.stub.inventories) == 1 and len(trip.stub.polls) == 1


def test_a_sync_script_says_no(trip):
    """Nothing is said to the server, not even who asks; the next one of the group is not run."""
    trip.script("Sync_Enter_00", "exit 1")
    trip.script("Sync_Enter_01")
    calls = trip.live(lambda trip: trip.count("Idle_Enter_00") > 2)
    turn = ["Idle_Enter_00", "Idle_Leave_00", "Sync_Enter_00", "Sync_Error_00"]
    assert calls[:6] == [*turn, "Sync_Enter_00", "Sync_Error_00"]
    assert trip.count("Sync_Enter_01") == trip.count("Sync_Leave_00") == 0
    assert trip.stub.auth_requests == trip.stub.polls == trip.stub.inventories == []


def test_the_server_is_away(trip):
    trip.stub.accepts = False
    calls = trip.live(lambda trip: trip.count("Sync_Error_00") > 1)
    assert calls[:6] == [*IDLE, "Sync_Enter_00", "Sync_Error_00", "Sync_Enter_00", "Sync_Error_00"]
    assert trip.count("Sync_Leave_00") == 0


def test_a_script_fails_behind_an_offer(trip):
    """The deployment is not begun, nothing is reported, and it is offered again."""
    trip.offer()
    trip.script("Sync_Leave_00", "exit 1")
    trip.live(lambda trip: len(trip.stub.polls) > 1)
    assert trip.stub.statuses == [] and trip.vehicle.target() == "old"
    trip.script("Sync_Leave_00")
    trip.live(lambda trip: "success" in trip.stub.statuses)
    assert trip.vehicle.target() == "new"


def test_failures_in_idle_are_passed_over(trip):
    for moment in ("Enter", "Leave"):
        trip.script(f"Idle_{moment}_00", "exit 1")
        trip.script(f"Idle_{moment}_01")
    calls = trip.live(lambda trip: trip.count("Idle_Enter_00") > 1)
    assert calls[:4] == ["Idle_Enter_00", "Idle_Enter_01", "Idle_Leave_00", "Idle_Leave_01"]
    assert trip.count("Idle_Error_00") == 0 and len(trip.stub.polls) == 1


@pytest.mark.parametrize("verb,heard", [("check-update", "polls"), ("send-inventory", "inventories")])
def test_woken_by_hand_it_goes_the_same_way(trip, verb, heard):
    def woken(trip):
        if trip.count("Idle_Enter_00") < 2:
            return False
        if trip.count("Idle_Leave_00") < 2:
            assert trip.vehicle.run(verb).returncode == 0
        return len(getattr(trip.stub, heard)) == 2 and trip.count("Idle_Enter_00") > 2
    calls = trip.live(woken)
    assert calls[:9] == IDLE + SYNC + SYNC + IDLE + SYNC[:1] and calls[9] == SYNC[1]


def test_a_deployment_uses_the_folder_that_a_script_belongs_to(trip):
    """Those of the system from /etc, those of the artifact from DATA, never the other way round."""
    trip.offer(scripts=["ArtifactInstall_Enter_00", "ArtifactCommit_Leave_00"])
    trip.script("ArtifactInstall_Enter_99")
    trip.script("ArtifactCommit_Enter_99")
    (trip.vehicle.data / "scripts").mkdir()
    for name in ("Download_Enter_99", "Sync_Enter_99", "ArtifactInstall_Enter_98"):
        trip.vehicle.script(name, trip.text(name), folder=str((trip.vehicle.data / "scripts").relative_to(trip.vehicle.root)))
    calls = trip.live(lambda trip: "success" in trip.stub.statuses and trip.count("Cleanup") > 0)
    own = [call for call in calls if "_" in call and not call.startswith(("Idle", "Sync"))]
    assert own == ["Download_Enter_00", "Download_Leave_00", "ArtifactInstall_Enter_00", "ArtifactCommit_Leave_00"]
    assert not [call for call in calls if call.endswith(("99", "98"))]
    assert (trip.vehicle.data / "scripts/version").read_text() == "3"


@pytest.mark.parametrize("version,ends", [("3", "success"), ("3\n", "success"), (None, "success"), ("2", "failure"),
                                          ("", "failure"), ("33", "failure")])
def test_the_version_of_the_scripts(trip, version, ends):
    """An update that brings a system whose scripts are of another kind is taken back at its commit."""
    trip.offer()
    if version is not None:
        (trip.vehicle.root / "etc/mender/scripts/version").write_text(version)
    trip.live(lambda trip: {"success", "failure"} & set(trip.stub.statuses))
    assert trip.stub.statuses[-1] == ends
    assert trip.vehicle.target() == ("new" if ends == "success" else "old")
    assert (ends == "success") == ("of another version than 3" not in trip.log)
