# SPDX-License-Identifier: Apache-2.0
"""Every call of a module x every way it can go wrong x what the module can do: the whole matrix of an update's life.

What is expected is not read off the agent: `Model` walks the rules of docs/design/update-life.md for one case, and says
which calls and scripts must come in which order, what the server is told, what the software is called afterwards, what it
provides, and which content is installed.
"""

import itertools
import os

import pytest
from support.artifact import make_artifact
from support.stub_server import StubServer
from support.vehicle import Vehicle

pytestmark = [pytest.mark.shows("I4-MS1", "F2", "F3")]

SPREAD = True  # no case shares anything with another
NOTE = "#!/bin/sh\necho $(basename $0) >>@ROOT@/calls\n"
MARKS = {"Enter": ">", "Leave": "<", "Error": "!"}
SHORT = {"Download": "Dl", "ArtifactInstall": "In", "ArtifactReboot": "Rb", "ArtifactVerifyReboot": "VRb", "reboot": "boot",
         "ArtifactCommit": "Co", "ArtifactRollback": "Ro", "ArtifactRollbackReboot": "RoRb",
         "ArtifactVerifyRollbackReboot": "VRoRb", "ArtifactFailure": "Fa", "Cleanup": "Cl"}
LONG = {short: long for long, short in SHORT.items()}
SCRIPTED = ("ArtifactInstall", "ArtifactReboot", "ArtifactCommit", "ArtifactRollback", "ArtifactRollbackReboot",
            "ArtifactFailure")
FAULTS = ("fail", "hang", "kill", "power")
HANG_LIMIT_S = 4
FACTORY = {"rootfs-image.version": "factory", "rootfs-image.fake.version": "release-1"}
STARTS = 8


class Cut(Exception):
    """The agent is gone; it starts anew."""


class Model:
    """One update under the rules. `place`: the short name of the call that goes wrong, once; `first`: a call that fails
    before it, so that the way back is walked."""

    def __init__(self, rollback, reboot, place, fault, first=None):
        self.rollback, self.reboot = rollback, reboot
        self.faults = {place: fault, **({first: "fail"} if first else {})}
        self.chain, self.statuses = [], []
        self.installed, self.failed, self.dirty = "old", False, False

    def call(self, name):
        """TRUE where the module's call went well. A call that was killed or hung had not done its work."""
        self.chain.append(name)
        fault = self.faults.pop(name, None)
        if fault in ("kill", "power"):
            raise Cut
        if fault != "hang":
            self.installed = {"In": "new", "Ro": "old"}.get(name, self.installed)
        return fault is None

    def run(self):
        step = self.download
        while step:
            try:
                step = step()
            except Cut:
                step = self.after_cut
        return self

    # Each step says where a cut in it goes on, does its part, and returns the next step.

    def download(self):
        self.statuses.append("downloading")
        return self.fetch

    def fetch(self, again=False):
        self.after_cut = self.fetch_again
        self.chain.append("Dl>")
        if again:
            self.call("Cl")
        if not self.call("Dl"):
            self.failed = True
            self.chain.append("Dl!")
            return self.cleanup
        self.chain.append("Dl<")
        self.statuses.append("installing")
        return self.install

    def fetch_again(self):
        """From the spool; the module sees no second Download without a Cleanup."""
        return self.fetch(again=True)

    def install(self):
        self.after_cut = self.fail_and_go_back
        self.chain.append("In>")
        if not self.call("In"):
            return self.error("In!")
        self.chain.append("In<")
        if self.reboot:
            return self.restart
        return self.commit

    def restart(self):
        self.statuses.append("rebooting")
        self.after_cut = self.verify  # a module that reboots by itself is left to its own verification
        self.chain.append("Rb>")
        if not self.call("Rb"):
            return self.error("Rb!")
        return self.verify

    def verify(self):
        self.after_cut = self.fail_and_go_back
        if not self.call("VRb"):
            return self.error("Rb!")
        self.chain.append("Rb<")
        return self.commit

    def commit(self):
        self.statuses.append("installing")
        self.after_cut = self.fail_and_go_back
        self.chain.append("Co>")
        if not self.call("Co"):
            return self.error("Co!")
        self.chain.append("Co<")
        return self.cleanup

    def error(self, mark):
        self.chain.append(mark)
        return self.fail_and_go_back

    def fail_and_go_back(self):
        self.failed = self.dirty = True
        return self.go_back if self.rollback else self.tell

    def go_back(self):
        self.after_cut = self.go_back
        self.dirty = False
        self.chain.append("Ro>")
        went_well = self.call("Ro")
        self.chain.append("Ro<")
        self.dirty = not went_well
        return self.restart_back if went_well and self.reboot else self.tell

    def restart_back(self):
        self.after_cut = self.verify_back
        self.chain.append("RoRb>")
        self.call("RoRb")  # what it says does not matter: the verification decides
        return self.verify_back

    def verify_back(self):
        self.after_cut = self.verify_back
        if not self.call("VRoRb"):
            return self.restart_back
        self.chain.append("RoRb<")
        return self.tell

    def tell(self):
        self.after_cut = self.tell
        self.chain.append("Fa>")
        self.dirty |= not self.call("Fa")
        self.chain.append("Fa<")
        return self.cleanup

    def cleanup(self):
        self.name = "release-2" if not self.failed else "release-2_INCONSISTENT" if self.dirty else "release-1"
        return self.clean

    def clean(self):
        self.after_cut = self.clean
        self.failed |= not self.call("Cl")
        self.statuses.append("failure" if self.failed else "success")
        return None


def cases():
    """(rollback, reboot, place, fault, first): every call there is on the way that such a module takes."""
    for rollback, reboot, fault in itertools.product((True, False), (True, False), FAULTS):
        ahead = ["Dl", "In", *(["Rb", "VRb"] if reboot else []), "Co", "Cl"]
        back = [*(["Ro"] if rollback else []), *(["RoRb", "VRoRb"] if rollback and reboot else []), "Fa", "Cl"]
        yield from ((rollback, reboot, place, fault, None) for place in ahead)
        for first in ("In", "VRb", "Co") if reboot else ("In", "Co"):
            yield from ((rollback, reboot, place, fault, first) for place in back)


CASES = list(cases())


def name_of(case):
    rollback, reboot, place, fault, first = case
    return "-".join([place, fault, *(["after", first] if first else []), "rollback" if rollback else "no.rollback",
                     "reboot" if reboot else "no.reboot"])


def build(bin, folder, case):
    rollback, reboot, place, fault, first = case
    stub = StubServer()
    vehicle = Vehicle(bin, folder).build(stub.url, {"ModuleTimeoutSeconds": HANG_LIMIT_S})
    note = NOTE.replace("@ROOT@", str(vehicle.root))
    for moment in MARKS:
        vehicle.script(f"Download_{moment}_00", note)
    scripts = [(f"{state}_{moment}_00", note.encode()) for state in SCRIPTED for moment in MARKS]
    (vehicle.data / "bootstrap.mender").write_bytes(make_artifact("release-1", ["test-vehicle"], [], type=None, provides=FACTORY))
    (vehicle.root / "supports-rollback").write_text("Yes" if rollback else "No")
    (vehicle.root / "needs-reboot").write_text("Yes" if reboot else "No")
    vehicle.fault(LONG[place], fault)
    if first:
        vehicle.fault(LONG[first], "fail")
    stub.artifact = make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake", scripts=scripts)
    return stub, vehicle


def walk(vehicle):
    for _ in range(STARTS):
        daemon = vehicle.start()
        ended = daemon.wait_for_log("d-1: done", "d-1: failed")
        if ended:
            daemon.stop()
            return
    raise AssertionError(f"not at an end after {STARTS} starts")


def chain_of(vehicle):
    words = []
    for call in vehicle.calls():
        state, _, rest = call.partition("_")
        words.append(SHORT[state] + (MARKS[rest.split("_")[0]] if rest else ""))
    return words


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_case(bin, tmp_path, case):
    model = Model(*case).run()
    stub, vehicle = build(bin, tmp_path, case)
    try:
        walk(vehicle)
    finally:
        stub.close()
    assert chain_of(vehicle) == model.chain
    assert stub.statuses == model.statuses
    assert vehicle.target() == model.installed
    provides = dict(line.split("=", 1) for line in vehicle.run("show-provides").stdout.splitlines())
    assert provides.pop("artifact_name") == model.name
    assert provides == {**FACTORY, **({"rootfs-image.fake.version": "release-2"} if model.name == "release-2" else {})}
    assert bool(stub.logs) == (stub.statuses[-1] == "failure")
    assert not (vehicle.data / "modules/v3/payloads/0000/tree").exists()


def test_the_matrix_is_whole():
    assert len(CASES) == len(set(CASES)) >= 120
    print(f"{len(CASES)} cases")
