# SPDX-License-Identifier: Apache-2.0
# shows: I3-MS4
"""Payloads around 2, 4 and 8 GiB, where 31 bits, 32 bits and the octal size field of tar end: what was hashed is what is
handed out. Sums are taken by openssl and hashlib, archives are gone through by Python's tarfile and by gzip and zstd.

The files are sparse, with marks around each border and at the very end. In CI one size is gone through, --long goes
through the table; that needs 26 GB of disk below the test's folder."""

import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

import pytest

KEYS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts/keys"
GIB = 1 << 30
BORDERS = [2 * GIB, 4 * GIB, 8 * GIB]
DEADLINE_S = 1200
UNPACKERS = {"none": ["cat"], "gzip": ["gzip", "-dc"], "zstd_fastest": ["zstd", "-dcq"]}
MEMORY_MAX_KB = 64 * 1024
# What the encoder's window and its workers take on top: the stream's own.
ENCODER_KB = {"none": 0, "gzip": 0, "zstd_fastest": 64 * 1024}


@pytest.fixture
def place():
    """Not below /tmp: that may be memory."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-big-", dir=os.environ.get("ROTA_BENCH_DIR", "/var/tmp")))
    yield folder
    shutil.rmtree(folder)


def need_room(place, size):
    if shutil.disk_usage(place).free < size + GIB:
        pytest.skip(f"{(size >> 30) + 1} GiB of disk are needed")


def marks(size):
    """Offset to bytes: at the start, across each border, at the end; none reaches beyond it."""
    at = {0: b"the first bytes.", size - 16: b"...the last ones"}
    for border in BORDERS:
        if border + 8 <= size - 16:
            at[border - 8] = b"across %-9d" % (border >> 30)
    return at


def make_sparse(path, size):
    with open(path, "wb") as file:
        for offset, mark in sorted(marks(size).items()):
            file.seek(offset)
            file.write(mark)
    assert path.stat().st_size == size


def sum_of_file(path):
    done = subprocess.run(["openssl", "dgst", "-sha256", "-r", path], capture_output=True, check=True, text=True,
                          timeout=DEADLINE_S)
    return done.stdout.split()[0]


@pytest.fixture
def tool(bin, place):
    def run(*words, **more):
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], cwd=place, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=DEADLINE_S, **more)
        assert done.returncode == 0, (words, done.stderr)
        return done
    return run


def write_words(output, compression):
    return ["write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f", "big.bin", "-o", output,
            "--compression", compression]


def manifest_of(path):
    with tarfile.open(path) as outer:
        return dict(reversed(line.split("  ")) for line in outer.extractfile("manifest").read().decode().splitlines())


def sum_in_archive(path, compression, size):
    """What lies in the payload archive, by programs that are not ours: its size and sum, and the marks."""
    summed = hashlib.sha256()
    with tarfile.open(path) as outer:
        entry = next(member for member in outer if member.name.startswith("data/0000.tar"))
        offset = entry.offset_data
        with open(path, "rb") as file:
            file.seek(offset)
            head = subprocess.Popen(["head", "-c", str(entry.size)], stdin=file, stdout=subprocess.PIPE)
            unpacked = subprocess.Popen(UNPACKERS[compression], stdin=head.stdout, stdout=subprocess.PIPE)
            head.stdout.close()
    last = b""
    with tarfile.open(fileobj=unpacked.stdout, mode="r|", bufsize=1 << 20) as inner:
        member = inner.next()
        assert (member.name, member.size) == ("big.bin", size)
        body = inner.extractfile(member)
        while piece := body.read(1 << 20):
            summed.update(piece)
            last = (last + piece)[-16:]
        assert inner.next() is None
    unpacked.stdout.close()
    head.wait(60)
    unpacked.wait(60)
    assert last == marks(size)[size - 16]
    return summed.hexdigest()


def check_handed_out(tool, place, artifact, size, expected):
    """What the library's reader gave to dump."""
    tool("dump", "--files", "handed", artifact)
    handed = place / "handed/big.bin"
    assert handed.stat().st_size == size and sum_of_file(handed) == expected
    with open(handed, "rb") as file:
        for offset, mark in marks(size).items():
            file.seek(offset)
            assert file.read(16) == mark
    shutil.rmtree(place / "handed")


def check_round_trip(tool, place, size, compression):
    need_room(place, 3 * size if compression == "none" else size)
    make_sparse(place / "big.bin", size)
    expected = sum_of_file(place / "big.bin")
    tool(*write_words("a.mender", compression))
    (place / "big.bin").unlink()
    assert manifest_of(place / "a.mender")["data/0000/big.bin"] == expected
    assert sum_in_archive(place / "a.mender", compression, size) == expected
    file = json.loads(tool("read", "--json", "a.mender").stdout)["payloads"][0]["files"][0]
    assert (file["size"], file["sha256"]) == (size, expected)
    (place / "key.pem").touch(mode=0o600)
    (place / "key.pem").write_bytes((KEYS / "p256.key.pem").read_bytes())
    tool("sign", "-k", "key.pem", "a.mender")
    tool("validate", "-k", KEYS / "p256.pub.pem", "a.mender")
    check_handed_out(tool, place, "a.mender", size, expected)


@pytest.mark.shows("I3-MS4")
@pytest.mark.release
def test_a_payload_beyond_four_gibibytes(tool, place):
    check_round_trip(tool, place, 4 * GIB + 1, "zstd_fastest")


@pytest.mark.shows("I3-MS4")
@pytest.mark.release
@pytest.mark.long
@pytest.mark.parametrize("compression", ["none", "zstd_fastest", "gzip"])
@pytest.mark.parametrize("border", BORDERS, ids=lambda border: f"{border >> 30} GiB")
@pytest.mark.parametrize("more", [-1, 0, 1])
def test_around_the_borders(tool, place, border, more, compression):
    check_round_trip(tool, place, border + more, compression)


@pytest.mark.shows("I3-MS4")
@pytest.mark.release
@pytest.mark.long
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_fields_tool_around_the_end_of_the_octal_field(tool, place, peers, compression, more):
    """It writes larger sizes as PAX records, ours in base 256: each takes the other's."""
    size = 8 * GIB + more
    need_room(place, 2 * size if compression == "none" else 2 * GIB)
    make_sparse(place / "big.bin", size)
    expected = sum_of_file(place / "big.bin")
    mender = peers / "usr/bin/mender-artifact"
    tool(*write_words("ours.mender", compression))
    done = subprocess.run([mender, "validate", "ours.mender"], cwd=place, capture_output=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stderr
    (place / "ours.mender").unlink()
    subprocess.run([mender, *write_words("theirs.mender", compression)], cwd=place, capture_output=True, check=True,
                   timeout=DEADLINE_S, env={**os.environ, "TMPDIR": str(place)})
    tool("validate", "theirs.mender")
    file = json.loads(tool("read", "--json", "theirs.mender").stdout)["payloads"][0]["files"][0]
    assert (file["size"], file["sha256"]) == (size, expected)


# The kernel counts for a program what its parent had when it was started: a small one starts it.
PEAK = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status) != 0)
"""


def peak_kb(words, place):
    done = subprocess.run([sys.executable, "-c", PEAK, *map(str, words)], cwd=place, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.shows("I3-MS3")
@pytest.mark.release
@pytest.mark.parametrize("size", [256 << 20, pytest.param(6 * GIB, marks=pytest.mark.long)],
                         ids=["256 MiB", "6 GiB"])
@pytest.mark.parametrize("compression", list(UNPACKERS))
def test_memory_does_not_grow_with_the_artifact(bin, place, compression, size):
    need_room(place, size if compression == "none" else GIB)
    make_sparse(place / "big.bin", size)
    program = bin / "rota-artifact"
    assert peak_kb([program, *write_words("a.mender", compression)], place) <= MEMORY_MAX_KB + ENCODER_KB[compression]
    assert peak_kb([program, "validate", "a.mender"], place) <= MEMORY_MAX_KB
    assert peak_kb([program, "read", "a.mender"], place) <= MEMORY_MAX_KB


@pytest.mark.shows("I3-MS4")
def test_a_file_of_no_bytes_and_one(tool, place):
    """The other end of the scale, with the same checks."""
    for size in (0, 1, 511, 512, 513):
        (place / "big.bin").write_bytes(b"x" * size)
        tool(*write_words("a.mender", "gzip"))
        assert manifest_of(place / "a.mender")["data/0000/big.bin"] == hashlib.sha256(b"x" * size).hexdigest()
        tool("validate", "a.mender")
