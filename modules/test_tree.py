# SPDX-License-Identifier: Apache-2.0
"""The comparison that all the modules' tests stand on sees every change that a bad rollback could leave."""

import os
import pathlib

import pytest
from support.tree import NO_DUMP, differences, look, set_flags


def fill(folder):
    folder.mkdir()
    (folder / "file").write_bytes(b"content")
    (folder / "other").write_bytes(b"content")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("file")
    os.link(folder / "file", folder / "second")
    os.mkfifo(folder / "pipe")
    os.mknod(folder / "null", 0o20600, os.makedev(1, 3))
    with open(folder / "hollow", "wb") as file:
        file.truncate(1 << 20)
    os.setxattr(folder / "other", "user.rota", b"x")
    return folder


def same_time(path, change):
    """A change that does not give itself away by the time."""
    status = path.lstat()
    change(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns), follow_symlinks=False)


def relink(path):
    path.unlink()
    path.symlink_to("other")


def replace(path, make):
    path.unlink()
    make(path)


CHANGES = {
    "a byte": ("other", lambda path: path.write_bytes(b"contenT"), "content"),
    "the mode": ("other", lambda path: path.chmod(0o4755), "mode"),
    "the owner": ("other", lambda path: os.chown(path, 12, -1), "owner"),
    "the group": ("empty", lambda path: os.chown(path, -1, 12), "owner"),
    "where a link leads": ("link", relink, "leads to"),
    "who owns a link": ("link", lambda path: os.chown(path, 1, 1, follow_symlinks=False), "owner"),
    "another device": ("null", lambda path: replace(path, lambda p: os.mknod(p, 0o20600, os.makedev(1, 5))), "device"),
    "a file for a pipe": ("pipe", lambda path: replace(path, pathlib.Path.touch), "kind"),
    "an attribute": ("other", lambda path: os.setxattr(path, "user.rota", b"y"), "attributes"),
    "a lost attribute": ("other", lambda path: os.removexattr(path, "user.rota"), "attributes"),
    "a flag": ("other", lambda path: set_flags(path, NO_DUMP), "flags"),
    "holes that are filled": ("hollow", lambda path: path.write_bytes(bytes(1 << 20)), "holes"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_each_change_is_seen_by_its_name(tmp_path, what):
    name, change, fact = CHANGES[what]
    before = look(fill(tmp_path / "tree"))
    same_time(tmp_path / "tree" / name, change)
    lines = differences(before, look(tmp_path / "tree"))
    assert any(line.startswith(f"'{name}': {fact} ") for line in lines), lines


def test_the_time_is_seen(tmp_path):
    before = look(fill(tmp_path / "tree"))
    os.utime(tmp_path / "tree/empty", ns=(5, 5))
    assert [line.split()[:2] for line in differences(before, look(tmp_path / "tree"))] == [["'empty':", "time"]]


def test_what_is_new_and_what_is_gone(tmp_path):
    before = look(fill(tmp_path / "tree"))
    (tmp_path / "tree/empty").rmdir()
    (tmp_path / "tree/more\nlines").touch()
    lines = differences(before, look(tmp_path / "tree"))
    assert "'empty': is gone" in lines and "'more\\nlines': is new" in lines


def test_two_names_of_one_file_that_are_two_files_now(tmp_path):
    before = look(fill(tmp_path / "tree"))
    time = (tmp_path / "tree/second").stat().st_mtime_ns
    (tmp_path / "tree/second").unlink()
    (tmp_path / "tree/second").write_bytes(b"content")
    os.utime(tmp_path / "tree/second", ns=(time, time))
    lines = differences(before, look(tmp_path / "tree"))
    assert any("one file with ['file', 'second'] became one with ['second']" in line for line in lines), lines


def test_nothing_is_seen_where_nothing_changed(tmp_path):
    before = look(fill(tmp_path / "tree"))
    (tmp_path / "tree").rename(tmp_path / "moved")
    assert differences(before, look(tmp_path / "moved")) == []
    assert differences(before.below("empty"), look(tmp_path / "moved/empty")) == []
