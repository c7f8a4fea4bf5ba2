# SPDX-License-Identifier: Apache-2.0
"""Every fuzz target runs for some seconds from its kept corpus and finds nothing."""

import pathlib
import re
import subprocess

import pytest

FOLDER = pathlib.Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
TARGETS = sorted(path.stem for path in FOLDER.glob("*.c"))
SECONDS_OF_ALL = 36
SECONDS = max(2, SECONDS_OF_ALL // len(TARGETS))
CORPUS_SIZE_MAX = 1024 * 1024
BUILD_DEADLINE_S = 900


@pytest.fixture(scope="module")
def outputs():
    """What each target said in one run of all of them, and the tally at the end."""
    done = subprocess.run([ROOT / "script/fuzz", "all", str(SECONDS)], stdin=subprocess.DEVNULL, text=True,
                          errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          timeout=BUILD_DEADLINE_S + 5 * SECONDS * len(TARGETS))
    parts = re.split(r"^== (\S+)\n", done.stdout, flags=re.MULTILINE)
    assert len(parts) == 1 + 2 * len(TARGETS), done.stdout[-6000:]
    return dict(zip(parts[1::2], parts[2::2])), parts[-1]


@pytest.mark.shows("MS9", "I3-MS6")
@pytest.mark.parametrize("name", TARGETS)
def test_finds_nothing(name, outputs):
    said, tally = outputs
    assert f"{name}: broken" not in said[name], said[name][-6000:]
    executed = re.search(r"^stat::number_of_executed_units: (\d+)$", said[name], re.MULTILINE)
    assert executed and int(executed[1]) > 100, said[name][-2000:]
    assert re.search(rf"^{name}: \d+\.\d\d hours of CPU time", tally, re.MULTILINE), tally[-2000:]


@pytest.mark.parametrize("name", TARGETS)
def test_keeps_a_corpus(name):
    sizes = [path.stat().st_size for path in (FOLDER / "corpus" / name).iterdir()]
    assert sizes and sum(sizes) < CORPUS_SIZE_MAX


def test_its_kept_time_is_readable():
    """Only known targets, in seconds, with how the run ended: what the tally adds up."""
    rows = [line.split("\t") for line in (FOLDER / "time.tsv").read_text().splitlines() if not line.startswith("#")]
    for name, seconds, status, commit, end in rows:
        assert name in TARGETS and float(seconds) > 0 and int(status) >= 0
        assert re.fullmatch("[0-9a-f]{7,40}", commit) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}Z", end)


def test_asks_for_what_it_knows():
    for arguments in ([], ["no-such-target", "1"], ["json"], ["json", "0"], ["json", "x"]):
        done = subprocess.run([ROOT / "script/fuzz", *arguments], text=True, capture_output=True)
        assert done.returncode == 1 and "usage" in done.stderr
