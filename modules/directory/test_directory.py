# SPDX-License-Identifier: Apache-2.0
"""What is special about directory: places it refuses, what lies in the way, attributes that a tar file carries."""

import os
import subprocess

import pytest
from support.module import Failed, look
from support.module_world import DirectoryWorld

pytestmark = pytest.mark.shows("I4-MS6")


@pytest.fixture
def world(tmp_path):
    return DirectoryWorld(tmp_path, "a folder")


def test_answers(world):
    module = world.module.prepare()
    assert module.ask("SupportsRollback") == "Yes" and module.ask("NeedsArtifactReboot") == "No"
    assert module.ok("ProvidePayloadFileSizes") == module.ok("NoSuchState") == ""


@pytest.mark.parametrize("place", ["/", "//", "///", "/.", "/..", "/a/../b", "relative", "", "/a\n/b"])
def test_places_that_are_refused(world, place):
    world.module.files["dest_dir"] = place.encode()
    with pytest.raises(Failed, match="dest_dir"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


@pytest.mark.parametrize("part", ["dest_dir", "update.tar"])
def test_a_payload_without(world, part):
    del world.module.files[part]
    with pytest.raises(Failed, match=f"{part} is missing"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_file_is_not_replaced(world, slash):
    world.module.files["dest_dir"] = str(world.target / "plain").encode() + slash.encode()
    with pytest.raises(Failed, match="is no folder"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_a_mount_point_is_not_replaced(world, small_disk):
    disk = small_disk(256)
    (disk.path / "kept").write_text("kept")
    world.module.files["dest_dir"] = str(disk.path).encode()
    with pytest.raises(Failed, match="mount point"):
        world.module.install()
    world.module.take_back()
    assert (disk.path / "kept").read_text() == "kept"


@pytest.mark.parametrize("left", ["beside the folder", "as all there is"])
def test_what_an_earlier_update_left_is_settled(world, left):
    """A rollback that failed half-way must not stand in the way of all later updates."""
    old = world.target.with_name("app.rota-old")
    if left == "beside the folder":
        (old / "stale").mkdir(parents=True)
    else:
        world.target.rename(old)
    world.target.with_name("app.rota-new").mkdir()
    world.module.install()
    assert world.is_new()
    world.module.take_back()
    assert world.is_old()


def test_attributes_in_the_tar_file_are_set(world, tmp_path):
    source = tmp_path / "source"
    source.mkdir()
    (source / "program").write_text("x")
    os.setxattr(source / "program", "user.rota", b"carried")
    done = subprocess.run(["tar", "-c", "--xattrs", "--xattrs-include=*", "-C", source, "."], capture_output=True, check=True)
    world.module.files["update.tar"] = done.stdout
    world.module.install()
    assert look(world.target / "program")["xattrs"]["user.rota"] == b"carried"
