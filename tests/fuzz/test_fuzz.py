# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target runs for some seconds from its kept corpus and finds nothing."""

import pathlib
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
TARGETS = sorted(path.stem for path in FOLDER.glob("*.c") if path.stem != "replay")
SECONDS = 15
BUILD_DEADLINE_S = 900


@pytest.mark.shows("MS9")
@pytest.mark.parametrize("name", TARGETS)
def test_finds_nothing(name):
    done = subprocess.run([ROOT / "script/fuzz", name, str(SECONDS)], stdin=subprocess.DEVNULL, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=BUILD_DEADLINE_S + SECONDS)
    assert done.returncode == 0, done.stdout[-6000:]
    executed = [line for line in done.stdout.splitlines() if line.startswith("stat::number_of_executed_units:")]
    assert executed and int(executed[0].split()[-1]) > 100, done.stdout[-2000:]


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_a_corpus(name):
    assert any((FOLDER / "corpus" / name).iterdir())
