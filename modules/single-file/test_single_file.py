# SPDX-License-Identifier: Apache-2.0
"""The module driven by hand: what it installs, what a rollback leaves, what a kill in any moment leaves."""

import os
import pathlib
import stat
import subprocess

import pytest

MODULE = pathlib.Path(__file__).parent / "single-file"


class Tree:
    def __init__(self, folder, target, content=b"new", mode="640"):
        self.path, self.target = folder / "tree", target
        for name in ("files", "tmp"):
            (self.path / name).mkdir(parents=True)
        for name, value in (("dest_dir", str(target.parent)), ("filename", target.name), ("permissions", mode)):
            (self.path / "files" / name).write_text(value)
        (self.path / "files" / target.name).write_bytes(content)

    def call(self, state, environment=None):
        return subprocess.run([str(MODULE), state, str(self.path)], cwd=self.path, capture_output=True, text=True,
                              env={**os.environ, **(environment or {})}, timeout=60)

    def ok(self, state):
        done = self.call(state)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def target(tmp_path):
    return tmp_path / "place/app.conf"


def old_file(target):
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(b"old")
    target.chmod(0o600)
    os.chown(target, 12, 34)


def assert_old(target):
    assert target.read_bytes() == b"old" and list(target.parent.iterdir()) == [target]
    status = target.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, 12, 34)


def test_answers(tmp_path, target):
    tree = Tree(tmp_path, target)
    assert tree.ok("SupportsRollback") == "Yes\n" and tree.ok("NeedsArtifactReboot") == "No\n"
    assert tree.ok("ProvidePayloadFileSizes") == tree.ok("NoSuchState") == ""


def test_install_and_rollback(tmp_path, target):
    old_file(target)
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    assert target.read_bytes() == b"new" and stat.S_IMODE(target.stat().st_mode) == 0o640
    tree.ok("ArtifactRollback")
    assert_old(target)
    tree.ok("ArtifactRollback")
    tree.ok("Cleanup")
    assert_old(target)


def test_a_new_file_and_its_folders_go_again(tmp_path):
    target = tmp_path / "a/b/c/app.conf"
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    assert target.exists()
    tree.ok("ArtifactRollback")
    assert not (tmp_path / "a").exists()
    tree.ok("ArtifactRollback")


def test_folders_that_others_use_stay(tmp_path):
    target = tmp_path / "a/b/app.conf"
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    (tmp_path / "a/other").write_text("of somebody else")
    tree.ok("ArtifactRollback")
    assert (tmp_path / "a/other").exists() and not (tmp_path / "a/b").exists()


def test_rollback_without_install_changes_nothing(tmp_path, target):
    old_file(target)
    Tree(tmp_path, target).ok("ArtifactRollback")
    assert_old(target)


def test_a_link_is_replaced_and_comes_back(tmp_path, target):
    target.parent.mkdir()
    (tmp_path / "far").write_text("far")
    target.symlink_to(tmp_path / "far")
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    assert target.read_bytes() == b"new" and not target.is_symlink() and (tmp_path / "far").read_text() == "far"
    tree.ok("ArtifactRollback")
    assert target.is_symlink() and target.read_text() == "far"


def test_a_failed_copy_of_the_old_file_fails_the_install(tmp_path, target):
    """With a cp that fails nothing may be installed, and the status must say so."""
    old_file(target)
    tree = Tree(tmp_path, target)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "cp").write_text("#!/bin/sh\nexit 1\n")
    (programs / "cp").chmod(0o755)
    done = tree.call("ArtifactInstall", {"PATH": f"{programs}:{os.environ['PATH']}"})
    assert done.returncode != 0 and "cannot keep a copy" in done.stderr
    tree.ok("ArtifactRollback")
    assert_old(target)


@pytest.mark.parametrize("name,value", [("dest_dir", "relative"), ("filename", "../app"), ("filename", ""),
                                        ("permissions", "rwx-")])
def test_names_that_are_refused(tmp_path, target, name, value):
    old_file(target)
    tree = Tree(tmp_path, target)
    (tree.path / "files" / name).write_text(value)
    assert tree.call("ArtifactInstall").returncode != 0
    assert target.read_bytes() == b"old"


def killing_programs(folder, count_file, at):
    """cp, mv, rm and sync that end the module, their parent, before they run for the at-th time."""
    folder.mkdir()
    for name in ("cp", "mv", "rm", "sync", "chmod", "mkdir"):
        real = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).write_text(f'#!/bin/sh\necho x >>{count_file}\n[ "$(wc -l <{count_file})" -ne {at} ] || '
                                   f'{{ kill -9 $PPID; exit 1; }}\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("state", ["ArtifactInstall", "ArtifactRollback"])
@pytest.mark.parametrize("there_before", [True, False])
def test_killed_at_every_command(tmp_path, state, there_before):
    """Before each program it runs: the target is old or new at every moment, and a rollback brings the old back."""
    for at in range(1, 40):
        folder = tmp_path / str(at)
        folder.mkdir()
        target = folder / "place/app.conf"
        if there_before:
            old_file(target)
        tree = Tree(folder, target)
        if state == "ArtifactRollback":
            tree.ok("ArtifactInstall")
        done = tree.call(state, killing_programs(folder / "programs", folder / "count", at))
        content = target.read_bytes() if target.exists() else None
        assert content in ((b"old", b"new") if there_before else (None, b"new"))
        tree.ok("ArtifactRollback")
        tree.ok("Cleanup")
        if there_before:
            assert_old(target)
        else:
            assert not target.parent.exists()
        if done.returncode == 0:
            break
    assert 3 < at < 39
