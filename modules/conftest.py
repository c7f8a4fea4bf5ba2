# SPDX-License-Identifier: Apache-2.0
"""What the tests of all modules share: tests/support/module.py drives a module, this chooses the moments."""

import subprocess

import pytest

from support.module import SmallDisk, Striker

MOMENTS_IN_CI = 6  # of each case; --long strikes at every call


@pytest.fixture(scope="session")
def striker(tmp_path_factory):
    return Striker(tmp_path_factory.mktemp("striker"))


@pytest.fixture
def most(request):
    """How many moments of a case are tried; None: all."""
    return None if request.config.getoption("--long") else MOMENTS_IN_CI


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 512 KiB."""
    try:
        disk = SmallDisk(tmp_path / "disk")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no small file system can be mounted here: {error}")
    yield disk
    disk.remove()
