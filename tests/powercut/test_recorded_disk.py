# SPDX-License-Identifier: Apache-2.0
"""The recorded disk itself: its log says all, what was synced survives every cut, and what was not is missed."""

import os

import pytest
from support.recorded_disk import RecordedDisk, copy_image, reason_to_skip

pytestmark = pytest.mark.skipif(reason_to_skip() is not None, reason=str(reason_to_skip()))


@pytest.fixture
def disk():
    disk = RecordedDisk(size_mib=32)
    yield disk
    disk.remove()


def write_files(path, position, sync):
    """Twenty files under a temporary name, renamed; returns {name: position when it was safe}."""
    safe = {}
    for i in range(20):
        with open(path / "new", "w") as file:
            file.write(f"{i}" * 5000)
            file.flush()
            if sync:
                os.fsync(file.fileno())
        os.rename(path / "new", path / f"{i}")
        if sync:
            folder = os.open(path, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)
        safe[f"{i}"] = position()
    return safe


def verdict_on(safe):
    def verdict(path, cut):
        for name, position in safe.items():
            if position > cut.position:
                continue
            file = path / name
            if not file.exists() or file.read_text() != name * 5000:
                return f"{name} is lost"
        return None
    return verdict


def test_log_says_all(disk):
    with disk.recording() as path:
        write_files(path, disk.position, sync=True)
    copy_image(disk.start, disk.folder / "again.img")
    with open(disk.folder / "again.img", "r+b") as again:
        for entry in disk.entries():
            again.seek(entry.offset)
            again.write(entry.data)
    assert (disk.folder / "again.img").read_bytes() == disk.image.read_bytes()


@pytest.mark.shows("MS4", "MS5")
def test_what_was_synced_survives_every_cut(disk):
    with disk.recording() as path:
        safe = write_files(path, disk.position, sync=True)
    cuts = disk.cuts(count=150)
    assert len(cuts) == 150
    assert disk.judge(verdict_on(safe), cuts) == []


@pytest.mark.shows("MS4", "MS5")
def test_what_was_not_synced_is_missed(disk):
    with disk.recording() as path:
        safe = write_files(path, disk.position, sync=False)
    assert disk.judge(verdict_on(safe), disk.cuts(count=30))
