# SPDX-License-Identifier: Apache-2.0
"""All that lies in a folder, and every difference between two looks at it."""

import fcntl
import hashlib
import os
import stat
import struct

KINDS = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link", stat.S_IFIFO: "pipe",
         stat.S_IFSOCK: "socket", stat.S_IFCHR: "character device", stat.S_IFBLK: "block device"}
GET_FLAGS, SET_FLAGS = 0x80086601, 0x40086602  # linux/fs.h
IMMUTABLE, APPEND_ONLY, NO_DUMP = 0x10, 0x20, 0x40
KEPT_FLAGS = IMMUTABLE | APPEND_ONLY | NO_DUMP
CHUNK = 1 << 20


class Tree(dict):
    """Relative path ("" is the root itself) to what is there; empty where nothing is."""

    def below(self, path):
        """The same look, from `path` on."""
        path = os.fspath(path)
        start = f"{path}/"
        return Tree({"" if name == path else name[len(start):]: facts for name, facts in self.items()
                     if name == path or name.startswith(start)})

    def names(self):
        """Path to all paths here that are the same file."""
        same = {}
        for path, facts in self.items():
            same.setdefault(facts["inode"], set()).add(path)
        return {path: sorted(same[facts["inode"]]) for path, facts in self.items()}


def look(path):
    """Everything a rollback owes: kind, content, mode, owner, time, attributes, flags, names of one file, holes."""
    path = os.fspath(path)
    tree = Tree()
    if not os.path.lexists(path):
        return tree
    tree[""] = facts_of(path)
    waiting = [""] if tree[""]["kind"] == "folder" else []
    while waiting:
        folder = waiting.pop()
        for name in sorted(os.listdir(os.path.join(path, folder))):
            child = os.path.join(folder, name)
            tree[child] = facts_of(os.path.join(path, child))
            if tree[child]["kind"] == "folder":
                waiting.append(child)
    return tree


def facts_of(path):
    status = os.lstat(path)
    kind = KINDS[stat.S_IFMT(status.st_mode)]
    facts = {"kind": kind, "mode": oct(stat.S_IMODE(status.st_mode)), "owner": (status.st_uid, status.st_gid),
             "time": status.st_mtime_ns, "attributes": attributes_of(path), "inode": (status.st_dev, status.st_ino)}
    if kind != "folder":
        facts["links"] = status.st_nlink
    if kind in ("file", "folder"):
        facts["flags"] = flags_of(path)
    if kind == "file":
        facts.update(size=status.st_size, content=digest_of(path), holes=status.st_blocks * 512 < status.st_size)
    if kind == "link":
        facts["leads to"] = os.readlink(path)
    if kind.endswith("device"):
        facts["device"] = status.st_rdev
    return facts


def attributes_of(path):
    """Extended ones, among them access lists and capabilities."""
    return {name: os.getxattr(path, name, follow_symlinks=False) for name in os.listxattr(path, follow_symlinks=False)}


def digest_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


# --- Flags (chattr): the file system's own ---

def flags_of(path):
    """Those of KEPT_FLAGS that are set; 0 where the file system has none."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        return struct.unpack("i", fcntl.ioctl(fd, GET_FLAGS, bytes(4)))[0] & KEPT_FLAGS
    except OSError:
        return 0
    finally:
        os.close(fd)


def set_flags(path, flags):
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    try:
        others = struct.unpack("i", fcntl.ioctl(fd, GET_FLAGS, bytes(4)))[0] & ~KEPT_FLAGS
        fcntl.ioctl(fd, SET_FLAGS, struct.pack("i", others | flags))
    finally:
        os.close(fd)


# --- Two looks ---

def differences(before, after, but=()):
    """A line for each: "sub/file: mode 0o644 became 0o600". A fact that one side does not have, or that is one of `but`,
    is not compared."""
    lines = [f"{shown(path)}: is gone" for path in before if path not in after]
    lines += [f"{shown(path)}: is new" for path in after if path not in before]
    names_before, names_after = before.names(), after.names()
    for path in sorted(before.keys() & after.keys()):
        old, new = before[path], after[path]
        lines += [f"{shown(path)}: {fact} {old[fact]!r} became {new[fact]!r}" for fact in old
                  if fact in new and fact not in ("inode", *but) and old[fact] != new[fact]]
        if names_before[path] != names_after[path]:
            lines.append(f"{shown(path)}: one file with {names_before[path]} became one with {names_after[path]}")
    return lines


def shown(path):
    return repr(path) if path else "the folder itself"
