# SPDX-License-Identifier: Apache-2.0
"""The vectors of tests/vectors through the program itself, release build: what it says, how long and how much memory
it takes. The same vectors under the sanitizers, and what mutation and truncation do to them: artifact/vectors-test.c."""

import json
import pathlib
import re
import subprocess
import sys

import pytest

from support import artifact_facts

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
SECONDS_MAX = 2
# 64 MiB and the stream's own window: xz asks for the 64 MiB dictionary it was written with.
MEMORY_MAX_KB = 64 * 1024
WINDOW_MAX_KB = {"none": 0, "gzip": 32, "lzma": 64 * 1024, "zstd": 8 * 1024}
INVALID = 4
AUGMENTED = "AUGMENTED: part of this artifact is not covered by its signature; anyone can have added it"

VALID = json.loads((VECTORS / "artifacts/index.json").read_text())["artifacts"]
HOSTILE = json.loads((VECTORS / "hostile/index.json").read_text())["artifacts"]

pytestmark = [pytest.mark.shows("MS3"), pytest.mark.release]


# A child's peak counts what its parent was when it was made, so a small parent makes it.
MEASURE = """
import os, sys, time
started = time.monotonic()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), time.monotonic() - started, usage.ru_maxrss, file=sys.stderr)
"""


class Run:
    """One call of rota-artifact, with what it cost."""

    def __init__(self, bin, *words):
        done = subprocess.run([sys.executable, "-S", "-c", MEASURE, bin / "rota-artifact", *map(str, words)],
                              capture_output=True, text=True, timeout=120)
        self.out = done.stdout
        self.err, _, measured = done.stderr.rstrip("\n").rpartition("\n")
        self.status, self.seconds, self.peak_kb = map(float, measured.split())


def key_words(folder, vector):
    return ["-k", VECTORS / folder / vector["key"]] if "key" in vector else []


def with_id(vector):
    return pytest.param(vector, id=vector["file"])


@pytest.mark.parametrize("vector", map(with_id, VALID))
def test_valid(bin, vector):
    path = VECTORS / "artifacts" / vector["file"]
    run = Run(bin, "validate", *key_words("artifacts", vector), path)
    assert run.status == 0, run.err
    augmented = AUGMENTED + "\n" if "aug-none-signed" in vector["file"] else ""
    assert run.out == f"Artifact file '{path}' validated successfully\n{augmented}"
    assert run.seconds < SECONDS_MAX
    assert run.peak_kb < MEMORY_MAX_KB + WINDOW_MAX_KB[vector["compression"]]


@pytest.mark.parametrize("vector", map(with_id, VALID))
def test_facts(bin, vector):
    run = Run(bin, "read", "--json", *key_words("artifacts", vector), VECTORS / "artifacts" / vector["file"])
    assert run.status == 0, run.err
    read = json.loads(run.out)
    for payload in read["payloads"]:
        for file in payload["files"]:
            del file["modified"]
    expected = json.loads(json.dumps(vector["read"]))
    for payload in expected["payloads"]:
        for file in payload["files"]:
            del file["mode"]  # has no sum, so it is not told
    assert {key: read[key] for key in expected} == expected
    assert read["version"] == vector["format_version"]
    assert read["compression"] == vector["compression"]
    assert read["signature"] == ("good" if vector["signed"] else "none")


@pytest.mark.shows("I3-MS2")
@pytest.mark.parametrize("vector", [with_id(v) for v in VALID if v["read_text_by"] == "4.4.0-10"])
def test_text(bin, vector):
    run = Run(bin, "read", *key_words("artifacts", vector), VECTORS / "artifacts" / vector["file"])
    assert run.status == 0, run.err
    golden = (VECTORS / "artifacts" / vector["read_text"]).read_text()
    if vector["signed"] and "manifest-augment" in vector["entries"]:
        # The real tool keeps silent about what anyone can have added beside the signature.
        golden = re.sub(r"(  Signature: .*\n)", r"\1  " + AUGMENTED + r"\n", golden)
    assert run.out == golden


@pytest.mark.shows("I3-MS2")
@pytest.mark.parametrize("vector", [with_id(v) for v in VALID if v["read_text_by"] != "4.4.0-10"])
def test_text_of_the_older_tool(bin, vector):
    """4.4 takes these for corrupt: the text is 3.9's, which says the same in other words."""
    run = Run(bin, "read", *key_words("artifacts", vector), VECTORS / "artifacts" / vector["file"])
    golden = (VECTORS / "artifacts" / vector["read_text"]).read_text()
    assert artifact_facts.read_facts(run.out) == artifact_facts.read_facts(golden)


def walk(data):
    """(name, first byte, byte behind) of each outer member, by the size fields alone."""
    at = start = 0
    members = []
    while at + 512 <= len(data) and data[at]:
        field = data[at + 124:at + 136]
        if field[0] & 0x80:
            size = int.from_bytes(field[1:], "big") if field[0] == 0x80 else 0
        else:
            digits = re.match(rb" *([0-7]*)", field).group(1)
            size = int(digits or b"0", 8)
        name = data[at:at + 100].split(b"\0")[0].decode("latin-1")
        renames = data[at + 156:at + 157] in (b"L", b"x")
        at += 512 + (size + 511) // 512 * 512
        if not renames:
            members.append((name, start, at))
            start = at
    return members + [("the end of the archive", start, max(start, len(data)) + 1)]


@pytest.mark.parametrize("vector", [with_id(v) for v in HOSTILE if v["expect"] == "reject"])
def test_hostile(bin, vector):
    path = VECTORS / "hostile" / vector["file"]
    run = Run(bin, "validate", *key_words("hostile", vector), path)
    assert run.status == INVALID, run.out + run.err
    assert run.seconds < SECONDS_MAX
    assert run.peak_kb < MEMORY_MAX_KB + max(WINDOW_MAX_KB.values())
    said = re.fullmatch(r"rota-artifact: (R\d+) (\w+): (.*?): offset (\d+): .+", run.err)
    assert said, run.err
    rule, error_class, member, offset = said.group(1), said.group(2), said.group(3), int(said.group(4))
    assert (rule, error_class) == (vector["rule"], vector["error_class"])
    members = walk(path.read_bytes())
    number = re.match(r"entry (\d+)", member)
    if number:
        found = [members[int(number.group(1)) - 1]]
    else:
        found = [m for m in members if member == m[0] or member.startswith(m[0] + "/")]
    assert any(start <= offset < end for _, start, end in found), f"{offset} is not in {member}: {found}"


def test_control(bin):
    assert Run(bin, "validate", VECTORS / "hostile/control-valid.mender").status == 0


@pytest.fixture
def forge(tmp_path):
    """forge(type, files, scripts) writes an artifact of Python's tar, for what no vector has: size."""
    from support.artifact import make_artifact

    def make(**parts):
        path = tmp_path / "forged.mender"
        path.write_bytes(make_artifact("forged", ["ecu"], **parts))
        return path
    return make


def test_memory_with_all_the_scripts_that_are_allowed(bin, forge):
    """63 MiB of state scripts are kept; they are what may come on top."""
    scripts = [(f"ArtifactInstall_Enter_{i:02}", b"#!/bin/sh\n" * 750_000) for i in range(9)]
    run = Run(bin, "validate", forge(files=[("f", b"x")], scripts=scripts))
    assert run.status == INVALID and "R16 limit" in run.err  # 64.4 MiB
    run = Run(bin, "validate", forge(files=[("f", b"x")], scripts=scripts[:8]))
    assert run.status == 0, run.err
    assert run.peak_kb < MEMORY_MAX_KB + 64 * 1024


def test_memory_with_a_payload_of_zeros(bin, forge):
    """A thousand to one is legitimate for a payload, and costs no memory."""
    run = Run(bin, "validate", forge(files=[("f", bytes(256 * 1024 * 1024))]))
    assert run.status == 0, run.err
    assert run.peak_kb < MEMORY_MAX_KB

