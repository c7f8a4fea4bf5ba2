# SPDX-License-Identifier: Apache-2.0
"""What is special about directory: places it refuses, what lies in the way, attributes that a tar file carries, and
tar files that want to get out."""

import io
import os
import subprocess
import tarfile

import pytest
from support.module import Failed
from support.module_world import FILE_ATTRIBUTES, DirectoryWorld, dress
from support.tree import APPEND_ONLY, IMMUTABLE, differences, look

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
    assert look(world.target / "program")[""]["attributes"]["user.rota"] == b"carried"


def test_access_lists_in_the_tar_file_are_set(world, tmp_path):
    """As tar --acls and libarchive write them: in words, not as attributes."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "program").write_text("x")
    dress(source / "program")
    done = subprocess.run(["tar", "-c", "--acls", "-C", source, "."], capture_output=True, check=True)
    world.module.files["update.tar"] = done.stdout
    world.module.install()
    name = "system.posix_acl_access"
    assert look(world.target / "program")[""]["attributes"][name] == FILE_ATTRIBUTES[name]


def tar_of_members(*members):
    """(name, kind or content, where it leads) each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, what, target in members:
            info = tarfile.TarInfo(name)
            info.linkname = target
            if isinstance(what, bytes):
                info.size = len(what)
                tar.addfile(info, io.BytesIO(what))
            else:
                info.type = what
                tar.addfile(info)
    return out.getvalue()


HOSTILE = {
    "upwards": [("../victim", b"hit", "")],
    "far upwards": [("a/../../victim", b"hit", "")],
    "a link, then through it": [("out", tarfile.SYMTYPE, "@PLACE@"), ("out/victim", b"hit", "")],
    "a link upwards, then through it": [("out", tarfile.SYMTYPE, ".."), ("out/victim", b"hit", "")],
    "a link to a link, then through it": [("a", tarfile.SYMTYPE, ".."), ("b", tarfile.SYMTYPE, "a"), ("b/victim", b"hit", "")],
    "a second name of what is outside": [("in", tarfile.LNKTYPE, "../victim"), ("in", b"hit", "")],
    "a second name of what is far outside": [("in", tarfile.LNKTYPE, "@PLACE@/victim"), ("in", b"hit", "")],
    "a second name through a link": [("out", tarfile.SYMTYPE, ".."), ("in", tarfile.LNKTYPE, "out/victim"), ("in", b"hit", "")],
    "over a link": [("in", tarfile.SYMTYPE, "../victim"), ("in", b"hit", "")],
    "absolute": [("@PLACE@/victim", b"hit", "")],
}


@pytest.mark.parametrize("how", HOSTILE)
def test_a_tar_file_that_wants_to_get_out(world, how):
    """Refused, or unpacked below the folder: what lies beside it is what it was."""
    victim = world.place / "victim"
    victim.write_text("of somebody else")
    world.old = world.seen()
    members = [(name.replace("@PLACE@", str(world.place)), what, target.replace("@PLACE@", str(world.place)))
               for name, what, target in HOSTILE[how]]
    world.module.files["update.tar"] = tar_of_members(*members)
    try:
        world.module.install()
    except Failed as failure:
        assert "cannot unpack" in failure.done.stderr
    assert not differences(world.old.below("victim"), look(victim))
    world.module.take_back()
    assert world.is_old(), world.differences()


def test_a_folder_with_a_mount_point_in_it_is_not_replaced(world, tmp_path):
    """To remove the old folder would be to remove what is mounted in it."""
    inside = world.target / "with a blank"
    inside.mkdir()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    subprocess.run(["mount", "--bind", kept, inside], check=True)
    try:
        world.old = world.seen()
        with pytest.raises(Failed, match="something is mounted"):
            world.module.install()
        world.module.take_back()
        assert world.is_old(), world.differences()
    finally:
        subprocess.run(["umount", inside], check=True)
    assert (kept / "file").read_text() == "kept"


@pytest.mark.parametrize("flag", [IMMUTABLE, APPEND_ONLY])
@pytest.mark.parametrize("path", ["", "plain", "sub/deep/er", "sub/file"])
def test_what_may_not_be_changed_is_not(world, immutable, path, flag):
    """chattr +i, +a: the folder could be moved away, but never removed. So it is not begun. A folder that may not be
    removed says so by its own name."""
    immutable(world.target / path, flag)
    world.old = world.seen()
    with pytest.raises(Failed, match="may not be"):
        world.module.install()
    world.module.take_back()
    assert world.is_old(), world.differences()


def test_what_was_mounted_in_the_new_folder_stays(world, tmp_path):
    """By the new software, say, before it failed."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    world.module.install()
    subprocess.run(["mount", "--bind", kept, world.target / "empty"], check=True)
    try:
        world.module.take_back()
        assert not differences(world.old.below("app"), look(world.target))
        assert (kept / "file").read_text() == "kept"
    finally:
        subprocess.run(["umount", world.place / "app.rota-new/empty"], check=True)


@pytest.mark.parametrize("what", ["a link", "a file"])
@pytest.mark.parametrize("name", ["app.rota-new", "app.rota-old"])
def test_what_lies_under_a_name_that_it_uses(world, tmp_path, name, what):
    """Put there by whoever may write beside the folder: it neither stops an update nor leads it elsewhere."""
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "file").write_text("of somebody else")
    if what == "a link":
        (world.place / name).symlink_to(victim)
    else:
        (world.place / name).write_text("of somebody else")
    world.module.install()
    assert world.is_new(), world.missing()
    assert (victim / "file").read_text() == "of somebody else"
    world.module.take_back()
    assert world.is_old(), world.differences()


def test_a_link_is_no_folder_that_an_update_has_left(tmp_path):
    """Where there is no folder, what lies under the old one's name is not believed to be it."""
    world = DirectoryWorld(tmp_path, "nothing")
    (world.place / "app.rota-old").symlink_to(world.place / "neighbour")
    world.module.install()
    assert world.is_new(), world.missing()
    world.module.take_back()
    assert world.is_old(), world.differences()
