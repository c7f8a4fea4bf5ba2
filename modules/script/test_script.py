# SPDX-License-Identifier: Apache-2.0
"""script: order, the first failure, and that it does not claim a rollback."""

import pytest
from support.module import MODULES, Failed, Module, spread

pytestmark = pytest.mark.shows("I4-MS6")


def module(tmp_path, *programs):
    files = {name: f"#!/bin/sh\n{text}\n".encode() for name, text in programs}
    return Module(MODULES / "script/script", tmp_path / "data", files)


def run(module):
    module.prepare()
    module.download()
    return module.call("ArtifactInstall")


def test_answers(tmp_path):
    subject = module(tmp_path).prepare()
    assert subject.ask("SupportsRollback") == subject.ask("NeedsArtifactReboot") == "No"
    assert subject.ok("NoSuchState") == subject.ok("ArtifactRollback") == subject.ok("Cleanup") == ""


def test_order(tmp_path):
    done = run(module(tmp_path, ("10-b", "echo b"), ("02-a", "echo a"), ("20 c", "echo c"), ("-d", "echo d")))
    assert (done.returncode, done.stdout.split()) == (0, ["d", "a", "b", "c"])


def test_the_first_failure_ends_it(tmp_path):
    done = run(module(tmp_path, ("1", "echo a"), ("2", "exit 5"), ("3", "echo c")))
    assert done.returncode == 1 and done.stdout.split() == ["a"] and "2 failed with status 5" in done.stderr


def test_what_is_no_program_fails(tmp_path):
    subject = module(tmp_path)
    subject.files["1"] = b"\x7fELF and no more"
    done = run(subject)
    assert done.returncode == 1 and "1 failed" in done.stderr


def test_no_files(tmp_path):
    done = run(module(tmp_path))
    assert done.returncode == 1 and "no programs" in done.stderr


def test_killed_at_each_call(tmp_path, striker):
    """It never claims that the programs have run when they have not."""
    subject = module(tmp_path, ("1", f"echo a >>{tmp_path}/ran"), ("2", f"echo b >>{tmp_path}/ran"))
    subject.prepare()
    subject.download()
    subject.ok("ArtifactInstall", striker.count())
    count = striker.calls()
    assert count >= 4
    for number in spread(count, None):
        subject.prepare()
        subject.download()
        with pytest.raises(Failed):
            subject.ok("ArtifactInstall", striker.kill(number))
        assert subject.ask("SupportsRollback") == "No"
        subject.clean_up()
