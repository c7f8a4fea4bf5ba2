# SPDX-License-Identifier: Apache-2.0
"""A deployment from the offer to the final report, against a stub of the device API: the order of calls and scripts,
what is reported, and what the software is called afterwards, for each way it can go."""

import json
import os
import signal
import time

import pytest
from support.artifact import make_artifact, make_artifact_of
from support.stub_server import StubServer
from support.vehicle import Vehicle

NOTE = "#!/bin/sh\necho $(basename $0) >>@ROOT@/calls\n@REST@\n"
STATES = ("ArtifactInstall", "ArtifactReboot", "ArtifactCommit", "ArtifactRollback", "ArtifactRollbackReboot",
          "ArtifactFailure")
MOMENTS = {"Enter": ">", "Leave": "<", "Error": "!"}
SHORT = {"Download": "Dl", "ArtifactInstall": "In", "ArtifactReboot": "Rb", "ArtifactVerifyReboot": "VRb", "reboot": "boot",
         "ArtifactCommit": "Co", "ArtifactRollback": "Ro", "ArtifactRollbackReboot": "RoRb",
         "ArtifactVerifyRollbackReboot": "VRoRb", "ArtifactFailure": "Fa", "Cleanup": "Cl"}
UP_TO_INSTALL = "Dl> Dl Dl< In> In "
BACK = "Ro> Ro Ro< Fa> Fa Fa< Cl"


class Trip:
    """One vehicle and one deployment for it."""

    def __init__(self, bin, root):
        self.stub = StubServer()
        self.vehicle = Vehicle(bin, root).build(self.stub.url)
        self.failing, self.payloads = set(), None
        for moment in MOMENTS:
            self.system_script(f"Download_{moment}_00")

    def text(self, rest=""):
        return NOTE.replace("@ROOT@", str(self.vehicle.root)).replace("@REST@", rest)

    def system_script(self, name, rest=""):
        self.vehicle.script(name, self.text(rest))

    def fail(self, what):
        if what.startswith("Download_"):
            self.system_script(what, "exit 1")
        elif "_" in what:
            self.failing.add(what)
        else:
            self.vehicle.fault(what, "fail always")

    def offer(self, **options):
        scripts = [(name, self.text("exit 1" if name in self.failing else "").encode())
                   for name in (f"{state}_{moment}_00" for state in STATES for moment in MOMENTS)]
        if self.payloads:
            self.stub.artifact = make_artifact_of(self.payloads, "release-2", ["test-vehicle"], scripts)
            return
        self.stub.artifact = make_artifact("release-2", ["test-vehicle"], [("content", b"new")],
                                           **{"type": "fake", "scripts": scripts, **options})

    def go(self, starts=6, **options):
        self.offer(**options)
        for _ in range(starts):
            daemon = self.vehicle.start()
            if daemon.wait_for_log("d-1: done", "d-1: failed"):
                break
        daemon.stop()
        self.log = self.vehicle.root.joinpath("daemon.log").read_text()
        return self

    def chain(self):
        words = []
        for call in self.vehicle.calls():
            state, _, rest = call.partition("_")
            words.append(SHORT[state] + (MOMENTS[rest.split("_")[0]] if rest else ""))
        return " ".join(words)


@pytest.fixture
def trip(bin, tmp_path):
    trip = Trip(bin, tmp_path)
    yield trip
    trip.stub.close()


# what fails, whether a reboot is wanted -> chain, reports, name, target
LIVES = {
    ("", ""): (UP_TO_INSTALL + "In< Co> Co Co< Cl", "downloading installing installing success", "release-2", "new"),
    ("", "Automatic"): (UP_TO_INSTALL + "In< Rb> boot VRb Rb< Co> Co Co< Cl",
                        "downloading installing rebooting installing success", "release-2", "new"),
    ("", "Yes"): (UP_TO_INSTALL + "In< Rb> Rb VRb Rb< Co> Co Co< Cl",
                  "downloading installing rebooting installing success", "release-2", "new"),
    ("Download_Enter_00", ""): ("Dl> Dl!", "downloading failure", "unknown", "old"),
    ("Download", ""): ("Dl> Dl Dl! Cl", "downloading failure", "unknown", "old"),
    ("Download_Leave_00", ""): ("Dl> Dl Dl< Dl! Cl", "downloading failure", "unknown", "old"),
    ("ArtifactInstall_Enter_00", ""): ("Dl> Dl Dl< In> In! " + BACK, "downloading installing failure", "unknown", "old"),
    ("ArtifactInstall", ""): (UP_TO_INSTALL + "In! " + BACK, "downloading installing failure", "unknown", "old"),
    ("ArtifactInstall", "Automatic"): (UP_TO_INSTALL + "In! Ro> Ro Ro< RoRb> boot VRoRb RoRb< Fa> Fa Fa< Cl",
                                       "downloading installing failure", "unknown", "old"),
    ("ArtifactInstall_Leave_00", ""): (UP_TO_INSTALL + "In< In! " + BACK, "downloading installing failure", "unknown", "old"),
    ("ArtifactReboot_Enter_00", "Yes"): (UP_TO_INSTALL + "In< Rb> Rb! Ro> Ro Ro< RoRb> RoRb VRoRb RoRb< Fa> Fa Fa< Cl",
                                         "downloading installing rebooting failure", "unknown", "old"),
    ("ArtifactVerifyReboot", "Automatic"): (
        UP_TO_INSTALL + "In< Rb> boot VRb Rb! Ro> Ro Ro< RoRb> boot VRoRb RoRb< Fa> Fa Fa< Cl",
        "downloading installing rebooting failure", "unknown", "old"),
    ("ArtifactReboot_Leave_00", "Yes"): (
        UP_TO_INSTALL + "In< Rb> Rb VRb Rb< Rb! Ro> Ro Ro< RoRb> RoRb VRoRb RoRb< Fa> Fa Fa< Cl",
        "downloading installing rebooting failure", "unknown", "old"),
    ("ArtifactCommit_Enter_00", ""): (UP_TO_INSTALL + "In< Co> Co! " + BACK,
                                      "downloading installing installing failure", "unknown", "old"),
    ("ArtifactCommit", ""): (UP_TO_INSTALL + "In< Co> Co Co! " + BACK,
                             "downloading installing installing failure", "unknown", "old"),
    ("ArtifactCommit_Leave_00", ""): (UP_TO_INSTALL + "In< Co> Co Co< Co! Cl",
                                      "downloading installing installing failure", "release-2_INCONSISTENT", "new"),
    ("Cleanup", ""): (UP_TO_INSTALL + "In< Co> Co Co< Cl", "downloading installing installing failure", "release-2", "new"),
}


@pytest.mark.parametrize("what,reboot", LIVES)
def test_each_way(trip, what, reboot):
    chain, reports, name, target = LIVES[what, reboot]
    if what:
        trip.fail(what)
    if reboot:
        (trip.vehicle.root / "needs-reboot").write_text(reboot)
    trip.go()
    assert trip.chain() == chain
    assert " ".join(trip.stub.statuses) == reports
    assert trip.vehicle.artifact_name() == name and trip.vehicle.target() == target
    assert bool(trip.stub.logs) == (trip.stub.statuses[-1] == "failure")


# on the way back: what fails beside ArtifactInstall -> chain after "In!", whether the software is known
WAYS_BACK = {
    "ArtifactRollback_Enter_00": (BACK, False),
    "ArtifactRollback": (BACK, False),
    "ArtifactRollback_Leave_00": (BACK, False),
    "ArtifactFailure_Enter_00": (BACK, False),
    "ArtifactFailure": (BACK, False),
    "ArtifactFailure_Leave_00": (BACK, False),
    "Cleanup": (BACK, True),
}


@pytest.mark.parametrize("what", WAYS_BACK)
def test_what_fails_on_the_way_back(trip, what):
    chain, known = WAYS_BACK[what]
    trip.fail("ArtifactInstall")
    trip.fail(what)
    trip.go()
    assert trip.chain() == UP_TO_INSTALL + "In! " + chain
    assert trip.stub.statuses[-1] == "failure"
    assert trip.vehicle.artifact_name() == ("unknown" if known else "release-2_INCONSISTENT")


def test_without_rollback(trip):
    (trip.vehicle.root / "supports-rollback").write_text("No")
    trip.fail("ArtifactInstall")
    trip.go()
    assert trip.chain() == UP_TO_INSTALL + "In! Fa> Fa Fa< Cl"
    assert trip.vehicle.artifact_name() == "release-2_INCONSISTENT"


# where the server takes the deployment back -> chain, reports
ABORTS = {
    "downloading": ("", "downloading failure"),
    "installing": ("Dl> Dl Dl< Cl", "downloading installing failure"),
    "rebooting": (UP_TO_INSTALL + "In< Ro> Ro Ro< RoRb> RoRb VRoRb RoRb< Fa> Fa Fa< Cl",
                  "downloading installing rebooting failure"),
}


@pytest.mark.parametrize("where", ABORTS)
def test_abort(trip, where):
    (trip.vehicle.root / "needs-reboot").write_text("Yes")
    trip.stub.status_answers[where] = 409
    trip.go()
    assert trip.chain() == ABORTS[where][0]
    assert " ".join(trip.stub.statuses) == ABORTS[where][1]
    assert trip.vehicle.artifact_name() == "unknown" and trip.vehicle.target() == "old"


def test_a_system_that_cannot_reach_the_server_is_rolled_back(trip):
    """Before the commit the agent authenticates from scratch: what breaks that must not stay."""
    identity = trip.vehicle.root / "usr/share/mender/identity/mender-device-identity"
    working = identity.read_text()
    trip.system_script("Download_Leave_00", f"printf '#!/bin/sh\\nexit 1\\n' >{identity}")
    trip.vehicle.configure(trip.stub.url, {"RetryPollCount": 2})
    trip.offer()
    daemon = trip.vehicle.start()
    assert daemon.wait_for_log("tell of the failure", "report the outcome:", "trying again", deadline_s=30)
    while "Cleanup" not in trip.vehicle.calls():
        time.sleep(0.05)
    identity.write_text(working)
    daemon.wait_for_log("d-1: done", "d-1: failed")
    daemon.stop()
    assert trip.chain() == UP_TO_INSTALL + "In< " + BACK
    assert trip.stub.statuses[-1] in ("failure", "installing")
    assert trip.vehicle.artifact_name() == "unknown" and trip.vehicle.target() == "old"


# what fails -> chain, reports' end, name, target
SEVERAL = {
    "": ("Dl> Dl Dl Dl< In> In In In< Co> Co Co Co< Cl Cl", "success", "release-2", "second"),
    "ArtifactInstall_Leave_00": ("Dl> Dl Dl Dl< In> In In In< In! Ro> Ro Ro Ro< Fa> Fa Fa Fa< Cl Cl", "failure", "unknown",
                                 "old"),
}


@pytest.mark.parametrize("what", SEVERAL)
def test_several_payloads_are_one_update(trip, what):
    """In order forward, in the reverse order back: the second payload stands on the first."""
    chain, final, name, target = SEVERAL[what]
    if what:
        trip.fail(what)
    trip.payloads = [("fake", [("content", b"first")]), ("fake", [("content", b"second")])]
    trip.go()
    assert trip.chain() == chain
    assert trip.stub.statuses[-1] == final
    assert trip.vehicle.artifact_name() == name and trip.vehicle.target() == target


@pytest.mark.parametrize("seconds,ends", [(3, "failed"), (30, "done")])
def test_a_script_may_ask_to_be_tried_again(trip, seconds, ends):
    """Three times 21, one second apart: within the window the update goes on, beyond it it fails."""
    trip.vehicle.configure(trip.stub.url, {"StateScriptRetryTimeoutSeconds": seconds})
    counter = trip.vehicle.root / "tries"
    trip.system_script("Download_Enter_00", f"echo x >>{counter}; [ $(wc -l <{counter}) -gt 4 ] || exit 21")
    trip.go()
    assert f"d-1: {ends}" in trip.log
    tries = len(counter.read_text().split())
    assert tries == 5 if ends == "done" else tries in (3, 4)


def test_the_log_of_a_failure_tells_what_happened(trip):
    trip.fail("ArtifactInstall_Enter_00")
    trip.go()
    messages = [entry["message"] for entry in trip.stub.logs[-1]]
    assert any("ArtifactInstall_Enter_00 exited with 1" in message for message in messages)
    assert all(set(entry) == {"timestamp", "level", "message"} for entry in trip.stub.logs[-1])
    kept = list(trip.vehicle.data.glob("deployments.0000.d-1.log"))
    assert kept and all(json.loads(line) for line in kept[0].read_text().splitlines() if line)


def test_only_the_newest_logs_are_kept(trip):
    for number in range(6):
        (trip.vehicle.data / f"deployments.{number:04}.old-{number}.log").write_text("{}\n")
    trip.go()
    names = sorted(path.name for path in trip.vehicle.data.glob("deployments.*.log"))
    assert names == ["deployments.0000.d-1.log"] + [f"deployments.{n + 1:04}.old-{n}.log" for n in range(4)]


def test_inventory_and_signals(trip):
    """Inventory at the start, on SIGUSR2 and after an update; SIGUSR1 asks at once; SIGTERM ends it in good order."""
    script = trip.vehicle.root / "usr/share/mender/inventory/mender-inventory-test"
    trip.vehicle.script("mender-inventory-test", "#!/bin/sh\necho ecu=1\necho ecu=2\n", "usr/share/mender/inventory")
    trip.vehicle.script("mender-inventory-bad", "#!/bin/sh\nexit 1\n", "usr/share/mender/inventory")
    daemon = trip.vehicle.start()
    wait(lambda: trip.stub.polls and trip.stub.inventories)
    values = {item["name"]: item["value"] for item in trip.stub.inventories[0]}
    assert values["ecu"] == ["1", "2"] and values["device_type"] == "test-vehicle" and values["artifact_name"] == "unknown"
    assert trip.stub.polls[0]["device_provides"] == {"artifact_name": "unknown", "device_type": "test-vehicle"}
    script.write_text("#!/bin/sh\necho ecu=3\n")
    assert trip.vehicle.run("send-inventory").returncode == 0
    wait(lambda: len(trip.stub.inventories) == 2)
    trip.offer()
    assert trip.vehicle.run("check-update").returncode == 0
    daemon.wait_for_log("d-1: done")
    wait(lambda: len(trip.stub.inventories) == 3)
    assert {"name": "artifact_name", "value": "release-2"} in trip.stub.inventories[2]
    assert daemon.stop() == 0


def test_a_store_kept_aside_is_in_the_inventory(trip):
    store = trip.vehicle.data / "mender-store"
    store.write_bytes(os.urandom(40960))
    for _ in range(2):  # also at the next start: until somebody has removed the file
        trip.stub.inventories.clear()
        daemon = trip.vehicle.start()
        wait(lambda: trip.stub.inventories)
        daemon.stop()
        values = {item["name"]: item["value"] for item in trip.stub.inventories[0]}
        assert values["rota_store_kept_aside"] == f"{store}-broken"


def test_a_deployment_whose_id_is_a_path_is_refused(trip):
    trip.stub.deployment = "../../x"
    trip.offer()
    daemon = trip.vehicle.start()
    assert daemon.wait_for_log("its id is no plain text")
    daemon.stop()
    assert trip.stub.statuses == [] and trip.vehicle.calls() == []


def test_a_pending_device_tries_again(trip):
    trip.stub.accepts = False
    daemon = trip.vehicle.start()
    wait(lambda: len(trip.stub.auth_requests) >= 3)
    trip.stub.accepts = True
    wait(lambda: trip.stub.polls)
    assert daemon.stop() == 0
    request = trip.stub.auth_requests[0]
    assert json.loads(request["id_data"]) == {"vin": "TESTVEHICLE000001"}
    assert request["pubkey"].startswith("-----BEGIN PUBLIC KEY-----")


def test_stopped_in_a_script_it_goes_on_at_the_next_start(trip):
    """SIGTERM leaves no phase: what runs is ended, and the journal says how to go on."""
    trip.system_script("Download_Enter_00", "[ -e @R@/second ] || { touch @R@/second; sleep 60; }".replace(
        "@R@", str(trip.vehicle.root)))
    trip.offer()
    daemon = trip.vehicle.start()
    wait(lambda: (trip.vehicle.root / "second").exists())
    start = time.monotonic()
    daemon.process.send_signal(signal.SIGTERM)
    assert daemon.process.wait(30) == 0 and time.monotonic() - start < 20
    assert "failure" not in trip.stub.statuses
    trip.go()
    assert trip.stub.statuses[-1] in ("success", "failure")


def test_an_update_by_hand_goes_first(trip):
    path = trip.vehicle.root / "by-hand.mender"
    path.write_bytes(make_artifact("by-hand", ["test-vehicle"], [("content", b"hand")], type="fake"))
    assert trip.vehicle.run("install", path).returncode == 0
    trip.offer()
    daemon = trip.vehicle.start()
    daemon.wait_for_log("an update by hand is open")
    daemon.stop()
    assert trip.stub.statuses == [] and trip.vehicle.target() == "hand"
    assert trip.vehicle.run("commit").returncode == 0


def wait(condition, deadline_s=30):
    deadline = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)
