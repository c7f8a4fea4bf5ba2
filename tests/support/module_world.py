# SPDX-License-Identifier: Apache-2.0
"""Places for update modules to work in: what was there before, what a payload brings, and what is there now.

A world knows one module. `before` is one of its BEFORE: the kinds of old state that a rollback must bring back."""

import io
import os
import shutil
import stat
import tarfile

from support.module import MODULES, Module, look

ODD_NAMES = ("plain", "with blanks", "-dash", "quo'te\"s", "ümlaut", "star*?[x]", "$(touch hit)", "back\\slash", ".hidden")
XATTR = ("user.rota", b"kept")


def dress(path):
    """Mode, owner, time and, where the file system has them, extended attributes that no default gives."""
    os.chown(path, 12, 34, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o2750 if path.is_dir() else 0o4711)
        try:
            os.setxattr(path, *XATTR)
        except OSError:
            pass
    os.utime(path, ns=(10**18 + 1, 10**18 + 2), follow_symlinks=False)


class World:
    """place: below it the module may change things; data: the agent's DATA. Both may lie on other disks."""

    name = ""
    BEFORE = ()
    new_is_seen_in_full = True

    def __init__(self, folder, before, place=None, data=None):
        self.folder, self.before = folder, before
        self.place = (place or folder) / "place"
        self.module = Module(MODULES / self.name / self.name, data or folder / "data", {})
        self.build()
        self.old = self.seen()

    def build(self):
        """The old state, and the payload."""
        raise NotImplementedError

    def seen(self):
        return look(self.place)

    def is_new(self):
        raise NotImplementedError

    def is_whole(self):
        """At any moment, also after a kill: old or new, nothing between."""
        return self.seen() == self.old or self.is_new()

    def is_old(self):
        return self.seen() == self.old

    def spoil(self):
        """Makes the payload one that cannot be installed."""
        raise NotImplementedError


class SingleFileWorld(World):
    name = "single-file"
    BEFORE = ("nothing", "no folder", "a file", "a link", "a link to a folder", "a dangling link", "one of two links")
    NEW = b"new" * 3000
    file_name = "app"

    def build(self):
        self.target = self.place / "app"
        if self.before == "no folder":
            self.place.mkdir()
            self.target = self.place / "a/b/c/app"
        else:
            self.place.mkdir(parents=True)
        for name in ("folder", "neighbour"):
            (self.place / name).mkdir()
        (self.place / "folder/far").write_text("far")
        if self.before in ("a file", "one of two links"):
            self.target.write_bytes(b"old" * 2000)
            dress(self.target)
        if self.before == "one of two links":
            os.link(self.target, self.place / "other name")
        links = {"a link": "folder/far", "a link to a folder": "folder", "a dangling link": "nowhere"}
        if self.before in links:
            self.target.symlink_to(links[self.before])
        self.module.files = {"dest_dir": str(self.target.parent).encode(), "filename": b"app", "permissions": b"640",
                             "app": self.NEW}

    def is_new(self):
        return (self.target.is_file() and not self.target.is_symlink() and self.target.read_bytes() == self.NEW
                and stat.S_IMODE(self.target.stat().st_mode) == 0o640
                and (self.place / "folder/far").read_text() == "far")

    def is_whole(self):
        """Folders that were made, and files beside the target that Cleanup removes, do not count."""
        before = self.old["in it"].get("app") if self.before != "no folder" else None
        now = look(self.target)
        return self.is_new() or now == before

    def spoil(self):
        self.module.files["permissions"] = b"rwx"


def tar_of_folder(folder):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.add(folder, ".")
    return out.getvalue()


class DirectoryWorld(World):
    name = "directory"
    BEFORE = ("nothing", "no folder", "an empty folder", "a folder", "a link to a folder")

    def build(self):
        self.target = self.place / ("a/b/app" if self.before == "no folder" else "app")
        self.place.mkdir(parents=True)
        (self.place / "neighbour").mkdir()
        real = self.place / "real" if self.before == "a link to a folder" else self.target
        if self.before in ("a folder", "a link to a folder"):
            real.mkdir()
            self.fill(real, b"old")
        if self.before == "a link to a folder":
            self.target.symlink_to("real")
        if self.before == "an empty folder":
            real.mkdir()
            dress(real)
        made = self.folder / "made"
        made.mkdir()
        self.fill(made, b"new")
        self.new = {name: path.read_bytes() for name, path in self.files_of(made)}
        self.module.files = {"dest_dir": str(self.target).encode(), "update.tar": tar_of_folder(made)}
        shutil.rmtree(made)

    @staticmethod
    def fill(folder, content):
        for name in ODD_NAMES:
            (folder / name).write_bytes(content + name.encode() * 100)
            dress(folder / name)
        (folder / "sub/deep/er").mkdir(parents=True)
        (folder / "sub/file").write_bytes(content * 3000)
        (folder / "link").symlink_to("sub/file")
        (folder / "dangling").symlink_to("/nowhere")
        os.link(folder / "sub/file", folder / "second name")
        os.mkfifo(folder / "pipe")
        dress(folder)

    @staticmethod
    def files_of(folder):
        return [(str(path.relative_to(folder)), path) for path in sorted(folder.rglob("*"))
                if path.is_file() and not path.is_symlink()]

    def is_new(self):
        if not self.target.is_dir():
            return False
        return ({name: path.read_bytes() for name, path in self.files_of(self.target)} == self.new
                and os.readlink(self.target / "link") == "sub/file" and stat.S_ISFIFO((self.target / "pipe").stat().st_mode)
                and stat.S_IMODE((self.target / "plain").stat().st_mode) == 0o4711
                and (self.target / "plain").stat().st_uid == 12)

    def is_whole(self):
        """Two renames: for a moment there is none. Never a mixture."""
        old = self.old["in it"].get("real" if self.before == "a link to a folder" else "app")
        now = look(self.target.resolve())
        return now is None or now == old or self.is_new()

    def spoil(self):
        self.module.files["update.tar"] = self.module.files["update.tar"][:9000]


WORLDS = {world.name: world for world in (SingleFileWorld, DirectoryWorld)}
EACH = [(name, before) for name, world in WORLDS.items() for before in world.BEFORE]
