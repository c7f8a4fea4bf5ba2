# SPDX-License-Identifier: Apache-2.0
"""The module driven by hand: what it installs, what a rollback leaves, what a kill in any moment leaves."""

import io
import os
import pathlib
import subprocess
import tarfile

import pytest

MODULE = pathlib.Path(__file__).parent / "directory"


def update_tar(names=("./new", "./sub/file")):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"new"))
    return out.getvalue()


class Tree:
    def __init__(self, folder, target, tar=None):
        self.path, self.target = folder / "tree", target
        for name in ("files", "tmp"):
            (self.path / name).mkdir(parents=True)
        (self.path / "files/dest_dir").write_text(str(target))
        (self.path / "files/update.tar").write_bytes(update_tar() if tar is None else tar)

    def call(self, state, environment=None):
        return subprocess.run([str(MODULE), state, str(self.path)], cwd=self.path, capture_output=True, text=True,
                              env={**os.environ, **(environment or {})}, timeout=60)

    def ok(self, state):
        done = self.call(state)
        assert done.returncode == 0, done.stderr
        return done.stdout


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) if folder.exists() else None


NEW, OLD = ["new", "sub", "sub/file"], ["keep", "old"]


@pytest.fixture
def target(tmp_path):
    return tmp_path / "place/app"


def old_folder(target):
    target.mkdir(parents=True)
    (target / "old").write_text("old")
    (target / "keep").mkdir()
    target.chmod(0o750)


def assert_alone(target):
    assert [path.name for path in target.parent.iterdir()] in ([target.name], [])


def test_install_and_rollback(tmp_path, target):
    old_folder(target)
    tree = Tree(tmp_path, target)
    assert tree.ok("SupportsRollback") == "Yes\n" and tree.ok("NeedsArtifactReboot") == "No\n"
    tree.ok("ArtifactInstall")
    assert listing(target) == NEW and target.stat().st_mode & 0o777 == 0o750
    tree.ok("ArtifactRollback")
    assert listing(target) == OLD and (target / "old").read_text() == "old"
    tree.ok("ArtifactRollback")
    tree.ok("Cleanup")
    assert listing(target) == OLD
    assert_alone(target)


def test_install_and_commit(tmp_path, target):
    old_folder(target)
    tree = Tree(tmp_path, target)
    for state in ("ArtifactInstall", "ArtifactCommit", "Cleanup", "Cleanup"):
        tree.ok(state)
    assert listing(target) == NEW
    assert_alone(target)


def test_a_new_folder_goes_again(tmp_path, target):
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    assert listing(target) == NEW
    tree.ok("ArtifactRollback")
    tree.ok("Cleanup")
    assert not target.exists()


def test_an_empty_folder_comes_back(tmp_path, target):
    target.mkdir(parents=True)
    tree = Tree(tmp_path, target)
    tree.ok("ArtifactInstall")
    tree.ok("ArtifactRollback")
    assert listing(target) == []


def test_a_slash_at_the_end_and_a_link(tmp_path, target):
    old_folder(target)
    (tmp_path / "link").symlink_to(target)
    tree = Tree(tmp_path, target)
    (tree.path / "files/dest_dir").write_text(f"{tmp_path}/link/")
    tree.ok("ArtifactInstall")
    assert listing(target) == NEW and (tmp_path / "link").is_symlink()
    tree.ok("ArtifactRollback")
    assert listing(target) == OLD


@pytest.mark.parametrize("place", ["/", "//", "/..", "relative", ""])
def test_places_that_are_refused(tmp_path, target, place):
    tree = Tree(tmp_path, target)
    (tree.path / "files/dest_dir").write_text(place)
    assert tree.call("ArtifactInstall").returncode != 0


def test_a_tar_that_is_broken_changes_nothing(tmp_path, target):
    old_folder(target)
    tree = Tree(tmp_path, target, tar=update_tar()[:700])
    assert tree.call("ArtifactInstall").returncode != 0
    tree.ok("ArtifactRollback")
    tree.ok("Cleanup")
    assert listing(target) == OLD
    assert_alone(target)


def killing_programs(folder, count_file, at):
    folder.mkdir()
    for name in ("mv", "rm", "sync", "tar", "mkdir", "chmod", "chown"):
        real = subprocess.run(["which", name], capture_output=True, text=True, check=True).stdout.strip()
        (folder / name).write_text(f'#!/bin/sh\necho x >>{count_file}\n[ "$(wc -l <{count_file})" -ne {at} ] || '
                                   f'{{ kill -9 $PPID; exit 1; }}\nexec {real} "$@"\n')
        (folder / name).chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.mark.parametrize("state", ["ArtifactInstall", "ArtifactRollback"])
@pytest.mark.parametrize("there_before", [True, False])
def test_killed_at_every_command(tmp_path, state, there_before):
    """Before each program it runs: a rollback brings back what was there, and nothing is left beside it."""
    for at in range(1, 40):
        folder = tmp_path / str(at)
        folder.mkdir()
        target = folder / "place/app"
        if there_before:
            old_folder(target)
        tree = Tree(folder, target)
        if state == "ArtifactRollback":
            tree.ok("ArtifactInstall")
        done = tree.call(state, killing_programs(folder / "programs", folder / "count", at))
        tree.ok("ArtifactRollback")
        tree.ok("Cleanup")
        assert listing(target) == (OLD if there_before else None), f"killed at command {at}"
        if target.parent.exists():
            assert_alone(target)
        if done.returncode == 0:
            break
    assert 3 < at < 39
