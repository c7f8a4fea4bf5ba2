# SPDX-License-Identifier: Apache-2.0
"""What is special about single-file: names it refuses, places behind links, a file system without links."""

import os
import stat
import subprocess

import pytest
from support.module import Failed
from support.module_world import SingleFileWorld
from support.tree import APPEND_ONLY, IMMUTABLE, differences, look

pytestmark = pytest.mark.shows("I4-MS6")


@pytest.fixture
def world(tmp_path):
    return SingleFileWorld(tmp_path, "a file")


def without(tmp_path, *programs):
    """An environment in which these programs fail."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for name in programs:
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


def test_answers(world):
    module = world.module.prepare()
    assert module.ask("SupportsRollback") == "Yes" and module.ask("NeedsArtifactReboot") == "No"
    assert module.ok("ProvidePayloadFileSizes") == module.ok("NoSuchState") == ""


@pytest.mark.parametrize("part,value,message", [
    ("dest_dir", b"relative", "not absolute"), ("dest_dir", b"", "not absolute"), ("dest_dir", b"/a/../b", "upwards"),
    ("dest_dir", b"/..", "upwards"), ("dest_dir", b"/a\n/b", "more than one line"),
    ("filename", b"../app", "plain name"), ("filename", b"", "plain name"), ("filename", b"..", "plain name"),
    ("filename", b"a\nb", "plain name"), ("filename", b"other", "other is missing"),
    ("permissions", b"rwx-", "octal"), ("permissions", b"", "octal"), ("permissions", b"07777", "octal"),
    ("permissions", b"888", "octal"), ("dest_dir", None, "dest_dir is missing"), ("filename", None, "filename is missing"),
    ("app", None, "app is missing"),
])
def test_payloads_that_are_refused(world, part, value, message):
    if value is None:
        del world.module.files[part]
    else:
        world.module.files[part] = value
    with pytest.raises(Failed, match=message):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


@pytest.mark.parametrize("mode", ["0", "4755", "0604"])
def test_modes(world, mode):
    world.module.files["permissions"] = mode.encode() + b"\n"
    world.module.install()
    assert stat.S_IMODE(world.target.stat().st_mode) == int(mode, 8)


def test_without_permissions_it_is_for_its_owner(world):
    """As artifacts of older generators come."""
    del world.module.files["permissions"]
    world.module.install()
    assert stat.S_IMODE(world.target.stat().st_mode) == 0o600


@pytest.mark.parametrize("there", ["a folder", "a pipe", "a file for a folder"])
def test_what_is_no_file_is_not_replaced(tmp_path, there):
    world = SingleFileWorld(tmp_path, "nothing")
    if there == "a folder":
        (world.target / "in it").mkdir(parents=True)
    elif there == "a pipe":
        os.mkfifo(world.target)
    else:
        world.module.files["dest_dir"] += b"/folder/far"
    world.old = world.seen()
    with pytest.raises(Failed, match="is no f"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_folders_that_others_use_stay(tmp_path):
    world = SingleFileWorld(tmp_path, "no folder")
    world.module.install()
    (world.place / "a/other").write_text("of somebody else")
    world.module.take_back()
    assert (world.place / "a/other").exists() and not (world.place / "a/b").exists()


def test_a_place_behind_a_link_stays_the_same_place(world):
    """The link on the way is followed once, when the update begins."""
    link = world.place / "way"
    link.symlink_to(world.place)
    world.module.files["dest_dir"] = str(link).encode() + b"/./"
    world.module.install()
    assert world.is_new()
    link.unlink()
    link.symlink_to(world.place / "folder")
    world.module.take_back()
    link.unlink()
    assert world.is_old()


def test_a_link_on_the_way_that_leads_nowhere(world):
    link = world.place / "way"
    link.symlink_to(world.folder / "nowhere")
    world.module.files["dest_dir"] = str(link).encode()
    with pytest.raises(Failed, match="is no folder"):
        world.module.install()
    world.module.take_back()
    link.unlink()
    assert world.is_old()


@pytest.mark.parametrize("before", SingleFileWorld.BEFORE)
def test_on_a_file_system_without_links_it_is_copied(tmp_path, before):
    world = SingleFileWorld(tmp_path, before)
    environment = without(tmp_path, "ln")
    world.module.install(environment)
    assert world.is_new()
    world.module.take_back()
    # A copy is a file of its own: of two names for one file it restores the one.
    lost = [line for line in world.differences() if "one file with" not in line and " links 2 " not in line]
    assert not lost and (before == "one of two links" or world.is_old())


def test_what_cannot_be_kept_is_not_replaced(tmp_path, world):
    """A backup that fails must fail the install: not a single byte of the target has changed."""
    environment = without(tmp_path, "ln", "cp")
    with pytest.raises(Failed, match="cannot keep a copy"):
        world.module.install(environment)
    assert not differences(world.old.below("app"), look(world.target))
    world.module.take_back()
    assert world.is_old()


def test_the_old_file_may_change_while_the_new_one_is_tried(world):
    """Who has the old file open writes into the old one, not into the new."""
    with open(world.target, "ab") as file:
        world.module.install()
        file.write(b" and more")
    assert world.is_new()
    world.module.take_back()
    assert world.target.read_bytes() == b"old" * 2000 + b" and more"


@pytest.mark.parametrize("what,flag", [("the file", IMMUTABLE), ("the file", APPEND_ONLY), ("the folder", IMMUTABLE)])
def test_what_may_not_be_changed_is_not(tmp_path, immutable, what, flag):
    """chattr +i, +a. The install fails with words, and the way back has nothing to do, although nothing may be done."""
    world = SingleFileWorld(tmp_path, "a file")
    immutable(world.target if what == "the file" else world.place, flag)
    world.old = world.seen()
    with pytest.raises(Failed, match="cannot "):
        world.module.install()
    world.module.ok("ArtifactRollback")
    world.module.ok("Cleanup")
    assert world.is_old(), world.differences()


@pytest.mark.parametrize("name", ["with blanks", "-dash", "ümlaut", "quo'te\"s", "star*?[x]", "$(touch hit)", "back\\slash", "x" * 240])
def test_names(tmp_path, name):
    world = SingleFileWorld(tmp_path, "no folder")
    world.target = world.place / name / name
    world.module.files = {"dest_dir": str(world.target.parent).encode(), "filename": name.encode(), "permissions": b"640",
                          name: world.NEW}
    world.module.install()
    assert world.is_new()
    world.module.take_back()
    assert world.is_old(), world.differences()


@pytest.mark.parametrize("size", [245, 246])
def test_the_longest_name(tmp_path, size):
    world = SingleFileWorld(tmp_path, "nothing")
    world.target = world.place / ("x" * size)
    world.module.files.update({"filename": b"x" * size, "x" * size: world.NEW})
    if size == 245:
        world.module.install()
        assert world.is_new()
    else:
        with pytest.raises(Failed, match="more than 245 bytes"):
            world.module.install()
    world.module.take_back()
    assert world.is_old()


def test_attributes_that_cannot_be_kept_are_not_lost(tmp_path):
    """A copy without the capability is no way back. DATA lies where there are no attributes at all."""
    data = tmp_path / "data"
    data.mkdir()
    subprocess.run(["mount", "-t", "ramfs", "rota-no-attributes", data], check=True)
    try:
        world = SingleFileWorld(tmp_path, "a file")
        with pytest.raises(Failed, match="cannot keep a copy"):
            world.module.install(without(tmp_path, "ln"))
        world.module.take_back()
        assert world.is_old(), world.differences()
    finally:
        subprocess.run(["umount", "-l", data], check=True)


def plant(path, what, victim):
    if what == "a folder":
        (path / "in it").mkdir(parents=True)
    elif what == "a link":
        path.symlink_to(victim)
    else:
        path.write_text("of somebody else")


@pytest.mark.parametrize("what", ["a folder", "a link", "a file"])
@pytest.mark.parametrize("name", [".app.rota-new", ".app.rota-old"])
def test_what_lies_under_a_name_that_it_uses(tmp_path, name, what):
    """Put there by whoever may write into the folder: it neither stops an update nor leads it elsewhere."""
    world = SingleFileWorld(tmp_path, "a file")
    victim = tmp_path / "victim"
    victim.write_text("of somebody else")
    plant(world.place / name, what, victim)
    world.module.install()
    assert world.is_new() and victim.read_text() == "of somebody else"
    world.module.take_back()
    assert world.is_old(), world.differences()
