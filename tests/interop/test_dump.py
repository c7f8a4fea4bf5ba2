# SPDX-License-Identifier: Apache-2.0
"""dump beside Debian's mender-artifact: the same files under the same names, the same words, the same exit statuses; and
each rebuilds what the other took apart. Where ours does more is said by each test."""

import json
import os
import pathlib
import shlex
import subprocess

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
FOLDERS = ["--files", "f", "--meta-data", "m", "--scripts", "s"]

pytestmark = pytest.mark.shows("I3-MS1", "I3-MS2")


def names(kind):
    """Vectors by what 3.9.0 can do with them: it has no zstd, crashes on empty payloads, loses augmented parts."""
    stems = [path.stem for path in sorted(VECTORS.glob("*.mender"))]
    special = {"zstd": [s for s in stems if "zstd" in s], "empty": [s for s in stems if s.startswith("bootstrap")],
               "augmented": [s for s in stems if s.startswith("aug")]}
    return special.get(kind) or [s for s in stems if not any(s in more for more in special.values())]


@pytest.fixture
def programs(bin, peers):
    return {"theirs": peers / "usr/bin/mender-artifact", "ours": bin / "rota-artifact"}


@pytest.fixture
def run(programs, tmp_path):
    """run(whose, *words) in a folder of that tool; returns what came out."""
    def go(whose, *words, folder=None):
        place = tmp_path / (folder or whose)
        place.mkdir(exist_ok=True)
        return subprocess.run([programs[whose], *map(str, words)], cwd=place, capture_output=True, text=True, timeout=60,
                              env={**os.environ, "SOURCE_DATE_EPOCH": "0"})
    return go


def unpacked(folder):
    """Meta-data is compared as JSON: the real tool writes it anew, ours byte for byte."""
    return {str(path.relative_to(folder)): (json.loads(path.read_bytes()) if "meta-data" in path.name else path.read_bytes(),
                                            path.stat().st_mode)
            for path in folder.rglob("*") if path.is_file()}


def words_of(done):
    """For version 2 theirs forgets to part the device types with a NUL."""
    return done.stdout.replace(" --device-type ", "\0--device-type\0").split("\0")[:-1]


def facts(run, path):
    told = json.loads(run("ours", "read", "--json", path).stdout)
    read = {key: told[key] for key in ("name", "group", "augmented", "compatible_types", "depends_artifact_names",
                                       "depends_groups", "scripts", "payloads")}
    read["scripts"].sort(key=lambda script: script["name"])
    for payload in read["payloads"]:
        for file in payload["files"]:
            file.pop("modified")
    return read


@pytest.mark.parametrize("name", names("plain"))
def test_same_files_and_same_words(run, tmp_path, name):
    """Their words have no quotes, their provides no order; a compression other than gzip is told by ours only."""
    vector = VECTORS / f"{name}.mender"
    theirs, ours = (run(whose, "dump", *FOLDERS, "--print0-cmdline", vector) for whose in ("theirs", "ours"))
    assert theirs.returncode == ours.returncode == 0
    assert unpacked(tmp_path / "theirs") == unpacked(tmp_path / "ours")
    wanted, words = words_of(theirs), words_of(ours)
    if "--compression" in words:
        at = words.index("--compression")
        assert words[at + 1] in ("none", "lzma")
        del words[at:at + 2]
    assert sorted(words) == sorted(wanted)
    if wanted.count("--provides") < 2 and wanted.count("--depends") < 2:
        assert words == wanted
    line = run("ours", "dump", "--files", "f2", "--meta-data", "m2", "--scripts", "s2", "--print-cmdline", vector).stdout
    assert len(shlex.split(line)) == len(words_of(ours))


@pytest.mark.parametrize("taker, maker", [("ours", "theirs"), ("theirs", "ours")])
@pytest.mark.parametrize("name", [n for n in names("plain") if "unicode" not in n])
def test_each_rebuilds_what_the_other_took_apart(run, name, taker, maker):
    vector = VECTORS / f"{name}.mender"
    words = words_of(run(taker, "dump", *FOLDERS, "--print0-cmdline", vector, folder="parts"))
    made = run(maker, *words, "-o", "again.mender", folder="parts")
    assert made.returncode == 0, made.stderr
    assert facts(run, "../parts/again.mender") == facts(run, vector)


@pytest.mark.parametrize("name", names("empty"))
def test_empty_payloads_where_theirs_crashes(run, name):
    vector = VECTORS / f"{name}.mender"
    assert run("theirs", "dump", "--print-cmdline", vector).returncode == 2
    line = run("ours", "dump", "--print-cmdline", vector).stdout
    made = run("theirs", *shlex.split(line), "-o", "again.mender", folder="parts")
    assert made.returncode == 0, made.stderr
    assert facts(run, "../parts/again.mender") == facts(run, vector)


@pytest.mark.parametrize("name", names("augmented"))
def test_augmented_parts_that_theirs_loses(run, name):
    """3.9.0 makes an unaugmented artifact of its own command, and the same one of ours with all that was in it."""
    vector = VECTORS / f"{name}.mender"
    lost = words_of(run("theirs", "dump", *FOLDERS, "--print0-cmdline", vector, folder="lost"))
    assert "--augment-type" not in lost
    words = words_of(run("ours", "dump", *FOLDERS, "--print0-cmdline", vector, folder="parts"))
    made = run("theirs", *words, "-o", "again.mender", folder="parts")
    assert made.returncode == 0, made.stderr
    assert facts(run, "../parts/again.mender") == facts(run, vector)


# Without an artifact, and with two, theirs says so and exits 0 nevertheless; ours exits 1.
STATUSES = [["--bogus", "x"], ["missing"], ["/etc/passwd"],
            ["--files", "f", VECTORS / "comp-none.mender"], ["--files", "/proc/f", VECTORS / "comp-none.mender"],
            ["--files", "/etc/passwd", VECTORS / "comp-none.mender"], ["--files", "", VECTORS / "comp-none.mender"],
            ["--print-cmdline", "--print0-cmdline", VECTORS / "comp-none.mender"], [VECTORS / "comp-none.mender"]]


@pytest.mark.parametrize("taken", [False, True])
@pytest.mark.parametrize("words", STATUSES)
def test_same_exit_status(run, tmp_path, words, taken):
    for whose in ("theirs", "ours"):
        (tmp_path / whose / "f").mkdir(parents=True)
        if taken:
            (tmp_path / whose / "f/text9000.txt").touch()
    assert run("ours", "dump", *words).returncode == run("theirs", "dump", *words).returncode
