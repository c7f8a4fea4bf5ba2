# SPDX-License-Identifier: Apache-2.0
"""The module driven by hand: order, the first failure, and that it does not claim a rollback."""

import pathlib
import subprocess

MODULE = pathlib.Path(__file__).parent / "script"


def call(tmp_path, state, programs=()):
    files = tmp_path / "tree/files"
    files.mkdir(parents=True, exist_ok=True)
    for name, text in programs:
        (files / name).write_text(f"#!/bin/sh\n{text}\n")
    return subprocess.run([str(MODULE), state, str(tmp_path / "tree")], capture_output=True, text=True, timeout=60)


def test_answers(tmp_path):
    assert call(tmp_path, "SupportsRollback").stdout == call(tmp_path, "NeedsArtifactReboot").stdout == "No\n"


def test_order(tmp_path):
    done = call(tmp_path, "ArtifactInstall", [("10-b", "echo b"), ("02-a", "echo a"), ("20 c", "echo c")])
    assert (done.returncode, done.stdout.split()) == (0, ["a", "b", "c"])


def test_the_first_failure_ends_it(tmp_path):
    done = call(tmp_path, "ArtifactInstall", [("1", "echo a"), ("2", "exit 5"), ("3", "echo c")])
    assert done.returncode == 1 and done.stdout.split() == ["a"] and "2 failed" in done.stderr


def test_no_files(tmp_path):
    assert call(tmp_path, "ArtifactInstall").returncode == 0
