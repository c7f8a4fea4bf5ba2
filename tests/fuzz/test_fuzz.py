# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target runs for some seconds from its kept corpus and finds nothing."""

import pathlib
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
TARGETS = sorted(path.stem for path in FOLDER.glob("*.c"))
SECONDS_OF_ALL = 36
SECONDS = max(2, SECONDS_OF_ALL // len(TARGETS))
CORPUS_SIZE_MAX = 1024 * 1024
BUILD_DEADLINE_S = 900


@pytest.mark.shows("MS9", "I3-MS6")
@pytest.mark.parametrize("name", TARGETS)
def test_finds_nothing(name):
    done = subprocess.run([ROOT / "script/fuzz", name, str(SECONDS)], stdin=subprocess.DEVNULL, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=BUILD_DEADLINE_S + SECONDS)
    assert done.returncode == 0, done.stdout[-6000:]
    executed = [line for line in done.stdout.splitlines() if line.startswith("stat::number_of_executed_units:")]
    assert executed and int(executed[0].split()[-1]) > 100, done.stdout[-2000:]
    assert f"{name}: " in done.stdout.splitlines()[-1] and "hours of CPU time" in done.stdout


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_a_corpus(name):
    sizes = [path.stat().st_size for path in (FOLDER / "corpus" / name).iterdir()]
    assert sizes and sum(sizes) < CORPUS_SIZE_MAX


def test_asks_for_what_it_knows():
    for arguments in ([], ["no-such-target", "1"], ["json"], ["json", "0"], ["json", "x"]):
        done = subprocess.run([ROOT / "script/fuzz", *arguments], text=True, capture_output=True)
        assert done.returncode == 1 and "usage" in done.stderr
