# SPDX-License-Identifier: Apache-2.0
"""An update of the whole system through the real agent: the image goes into the other partition, the machine reboots into
it, and the boot loader, the server and the store agree on what runs at the end."""

import os
import random

import pytest
from support.artifact import make_artifact
from support.slots import Slots
from support.stub_server import StubServer
from support.vehicle import Vehicle, write_program

pytestmark = pytest.mark.shows("I4-MS6", "F3", "F4", "F6")

IMAGE = random.Random(2).randbytes(2 << 20)
STARTS_MAX = 6


class Machine:
    """A vehicle with two partitions. Its `reboot` ends the agent; what a boot loader does then is done by `boot`."""

    def __init__(self, bin, folder, artifact):
        self.stub = StubServer(artifact)
        self.vehicle = Vehicle(bin, folder).build(self.stub.url)
        self.slots = Slots(self.vehicle.root)
        self.boots = 0
        # rootfs-image calls the agent by its name.
        write_program(self.vehicle.root / "programs/rota-agent",
                      f'#!/bin/sh\nexec {bin}/rota-agent --root {self.vehicle.root} "$@"\n')
        self.environment = {"PATH": f"{self.vehicle.root}/programs:{os.environ['PATH']}"}

    def boot_id(self):
        return (self.vehicle.root / "proc/sys/kernel/random/boot_id").read_text()

    def live(self, comes_up=lambda running: True):
        """Starts until nothing is left to do. A system for which comes_up is false never starts its agent: the machine
        is reset, and the boot loader sees another start."""
        for _ in range(STARTS_MAX):
            boot_id = self.boot_id()
            daemon = self.vehicle.start(self.environment)
            try:
                end = daemon.wait_for_log("d-1: done", "d-1: failed", also=lambda: self.stub.idle_polls > 0)
            finally:
                daemon.stop()
            if end is not None or self.stub.idle_polls > 0:
                return daemon.log()
            assert self.boot_id() != boot_id, daemon.log()
            self.slots.reboot()
            while not comes_up(self.slots.running):
                self.slots.reboot()
        raise AssertionError(f"not over after {STARTS_MAX} starts: {daemon.log()}")


@pytest.fixture
def machine(bin, tmp_path):
    machines = []

    def make(**options):
        artifact = make_artifact("release-2", ["test-vehicle"], [("system.img", IMAGE)], type="rootfs-image", **options)
        machines.append(Machine(bin, tmp_path / "vehicle", artifact))
        return machines[-1]
    yield make
    for machine in machines:
        machine.stub.close()


def test_the_system_is_updated(machine):
    subject = machine()
    log = subject.live()
    assert subject.stub.statuses == ["downloading", "installing", "rebooting", "installing", "success"], log
    assert (subject.slots.running, subject.slots.record()["upgrade_available"]) == (3, 0)
    assert subject.slots.parts[3].read_bytes().startswith(IMAGE)
    assert subject.vehicle.artifact_name() == "release-2"
    subject.slots.reboot()
    assert subject.slots.running == 3


def test_a_system_that_does_not_come_up(machine):
    subject = machine()
    log = subject.live(comes_up=lambda running: running == 2)
    assert subject.stub.statuses[-1] == "failure", log
    assert (subject.slots.running, subject.slots.record()["upgrade_available"]) == (2, 0)
    assert subject.vehicle.artifact_name() == "unknown"


def test_a_new_system_that_does_not_pass_its_checks(machine):
    """A state script fails in it: back to the old one with another reboot."""
    subject = machine(scripts=[("ArtifactCommit_Enter_00", b"#!/bin/sh\nexit 1\n")])
    log = subject.live()
    assert subject.stub.statuses[-1] == "failure", log
    assert (subject.slots.running, subject.slots.record()["upgrade_available"]) == (2, 0)
    assert subject.vehicle.artifact_name() == "unknown"


def test_a_boot_loader_that_disagrees(machine):
    """Refused in the download: nothing is written, and nothing has to be taken back."""
    subject = machine()
    subject.slots.set(mender_boot_part=3)
    log = subject.live()
    assert subject.stub.statuses == ["downloading", "failure"], log
    assert "the boot loader starts partition 3" in log
    assert subject.slots.parts[3].read_bytes() == bytes([3]) * len(subject.slots.parts[3].read_bytes())
