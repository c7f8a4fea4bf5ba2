# SPDX-License-Identifier: Apache-2.0
"""What the tests of all modules share: tests/support/module.py drives a module, this chooses the moments."""

import subprocess

import pytest

from support.module import SmallDisk, Striker
from support.tree import set_flags


@pytest.fixture(scope="session")
def striker(tmp_path_factory):
    return Striker(tmp_path_factory.mktemp("striker"))


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(size_kib): a file system of that size."""
    disks = []

    def make(size_kib):
        try:
            disks.append(SmallDisk(tmp_path / f"disk{len(disks)}", size_kib))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no small file system can be mounted here: {error}")
        return disks[-1]
    yield make
    for disk in disks:
        disk.remove()


@pytest.fixture
def immutable():
    """immutable(path, flag): as chattr does, until the test ends."""
    paths = []

    def make(path, flag):
        try:
            set_flags(path, flag)
        except OSError as error:
            pytest.skip(f"this file system has no such flags: {error}")
        paths.append(path)
    yield make
    for path in paths:
        set_flags(path, 0)
