# SPDX-License-Identifier: Apache-2.0
"""The power cut at every write of a module, with what was not flushed lost: DATA and what the module changes lie on a
recorded disk. From the disk of each cut a rollback brings the old state back whole, and once Cleanup has ended the new
one is there and nothing beside it."""

import os

import pytest
from support.module_world import WORLDS
from support.recorded_disk import RecordedDisk, bound, reason_to_skip

pytestmark = [pytest.mark.shows("I4-MS6", "MS4"),
              pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))]

CUTS_IN_CI = 24  # of each case; --long judges every cut in every variant
CASES = [("single-file", "a file"), ("single-file", "a link"), ("single-file", "no folder"), ("directory", "a folder"),
         ("directory", "no folder")]


class Recording:
    """A world on the disk, the module's way through it, and the log's size when each call had ended."""

    def __init__(self, disk, name, before, ends, environment=None):
        self.disk, self.ended, self.environment = disk, {}, environment
        disk.fill(lambda path: self._build(path, name, before))
        with disk.recording() as path, bound(path, disk.fixed):
            self.step("ArtifactInstall")
            assert self.world.is_new()
            for state in {"kept": ("ArtifactCommit", "Cleanup"), "taken back": ("ArtifactRollback", "Cleanup")}[ends]:
                self.step(state)

    def _build(self, path, name, before):
        with bound(path, self.disk.fixed):
            self.world = WORLDS[name](self.disk.fixed, before)
            self.world.module.prepare()
            self.world.module.download()

    def step(self, state):
        self.world.module.ok(state, self.environment)
        self.ended[state] = self.disk.position()

    def has_ended(self, state, cut):
        return state in self.ended and cut.position >= self.ended[state]


@pytest.mark.parametrize("ends", ["kept", "taken back"])
@pytest.mark.parametrize("name,before", CASES)
def test_cut_at_every_write(name, before, ends, request):
    disk = RecordedDisk(size_mib=64)
    try:
        recording = Recording(disk, name, before, ends)

        def verdict(path, cut):
            with bound(path, disk.fixed):
                return judge(recording, cut, ends)
        cuts = disk.cuts(None if request.config.getoption("--long") else CUTS_IN_CI)
        faults = disk.judge(verdict, cuts, workers=2)
        print(f"{name}, {before}, {ends}: {len(cuts)} cuts of {len(disk.entries())} entries, {len(faults)} wrong")
        assert not faults, "\n".join(f"{cut}: {what}" for cut, what in faults[:20])
    finally:
        disk.remove()


def judge(recording, cut, ends):
    """None, or what is wrong on this disk."""
    world = recording.world
    if ends == "kept" and recording.has_ended("ArtifactInstall", cut) and not world.is_new():
        return "what was said to be installed is not"
    if ends == "kept" and recording.has_ended("ArtifactCommit", cut):
        world.module.ok("Cleanup")  # as the agent does when it starts again
        beside = [str(path) for path in world.place.rglob("*") if "rota-" in path.name]
        return None if world.is_new() and not beside else f"after Cleanup: {beside or world.seen()}"
    try:
        world.module.take_back()
    except AssertionError as error:
        return str(error)
    return "; ".join(world.differences()) or None


def test_without_syncs_it_would_fail(tmp_path):
    """The same judgement on a module whose syncs do nothing."""
    (tmp_path / "sync").write_text("#!/bin/sh\n")
    (tmp_path / "sync").chmod(0o755)
    disk = RecordedDisk(size_mib=64)
    try:
        recording = Recording(disk, "single-file", "a file", "kept", {"PATH": f"{tmp_path}:{os.environ['PATH']}"})

        def verdict(path, cut):
            with bound(path, disk.fixed):
                return judge(recording, cut, "kept")
        cuts = [cut for cut in disk.cuts() if recording.has_ended("ArtifactInstall", cut) and cut.variant == "none"]
        assert disk.judge(verdict, cuts[:3])
    finally:
        disk.remove()
