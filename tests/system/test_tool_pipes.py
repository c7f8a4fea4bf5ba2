# SPDX-License-Identifier: Apache-2.0
"""rota-artifact in a pipeline: artifacts and payloads from and to pipes, the same bytes as with files."""

import hashlib
import json
import os
import pathlib
import subprocess
import threading

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KEYS = VECTORS / "keys"
COMPRESSIONS = ["none", "gzip", "zstd_fast", "lzma"]
DEADLINE_S = 60


@pytest.fixture
def place(tmp_path):
    (tmp_path / "app.bin").write_bytes(os.urandom(700_001) + bytes(2_000_000))
    (tmp_path / "key.pem").touch(mode=0o600)
    (tmp_path / "key.pem").write_bytes((KEYS / "p256.key.pem").read_bytes())
    return tmp_path


@pytest.fixture
def tool(bin, place):
    def run(*words, expect=0, **more):
        if "input" not in more:
            more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], cwd=place, timeout=DEADLINE_S,
                              capture_output=True, **more)
        assert done.returncode == expect, (words, done.stderr)
        return done
    return run


def write_words(file, output, compression="gzip"):
    return ["write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f", file, "-o", output,
            "--compression", compression]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_an_artifact_through_pipes(tool, place, compression):
    tool(*write_words("app.bin", "a.mender", compression))
    whole = (place / "a.mender").read_bytes()
    assert tool(*write_words("app.bin", "-", compression)).stdout == whole
    assert tool("validate", "-", input=whole).stdout == b"Artifact file '-' validated successfully\n"
    assert tool("read", "-", input=whole).stdout == tool("read", "a.mender").stdout
    assert tool("read", "/dev/stdin", input=whole).stdout == tool("read", "a.mender").stdout
    assert tool("validate", "-", input=whole[:-5000], expect=4).stdout == b""


def test_all_of_it_in_one_pipeline(bin, place):
    """Written, signed, validated; never a file."""
    program = bin / "rota-artifact"
    line = (f"'{program}' write module-image -T raw -n r -t ecu -f - -o - | '{program}' sign -k key.pem - | "
            f"'{program}' validate -k {KEYS}/p256.pub.pem -")
    before = sorted(place.iterdir())
    done = subprocess.run(["bash", "-o", "pipefail", "-c", line], input=b"payload", cwd=place, timeout=DEADLINE_S,
                          capture_output=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"Artifact file '-' validated successfully\n"
    assert sorted(place.iterdir()) == before


def test_signing_from_a_pipe(tool, place):
    tool(*write_words("app.bin", "a.mender"))
    whole = (place / "a.mender").read_bytes()
    for words in (["-"], ["-o", "-", "-"], ["-o", "signed.mender", "-"], ["-o", "-", "a.mender"]):
        signed = tool("sign", "-k", "key.pem", *words, input=whole).stdout or (place / "signed.mender").read_bytes()
        tool("validate", "-k", KEYS / "p256.pub.pem", "-", input=signed)
        cut = signed.index(b"manifest.sig\0")
        assert signed[:cut] == whole[:cut] and signed.endswith(whole[cut:])
    assert (place / "a.mender").read_bytes() == whole


def one_file(tool, place, name):
    files = json.loads(tool("read", "--json", name).stdout)["payloads"][0]["files"]
    assert len(files) == 1
    return files[0]


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_a_payload_from_a_pipe(tool, place, compression):
    """Its size stands before it in the archive: it is taken in first, and the sum is of what came."""
    content = (place / "app.bin").read_bytes()
    expected = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    tool(*write_words("-", "dash.mender", compression), input=content)
    found = one_file(tool, place, "dash.mender")
    assert found["name"] == "stdin" and expected.items() <= found.items()
    os.mkfifo(place / "fifo")
    feeder = threading.Thread(target=lambda: (place / "fifo").write_bytes(content))
    feeder.start()
    tool(*write_words("fifo", "-", compression))
    feeder.join(DEADLINE_S)
    reading, writing = os.pipe()
    feeder = threading.Thread(target=lambda: os.fdopen(writing, "wb").write(content))
    feeder.start()
    tool(*write_words(f"/dev/fd/{reading}", "substituted.mender", compression), pass_fds=[reading])
    feeder.join(DEADLINE_S)
    os.close(reading)
    found = one_file(tool, place, "substituted.mender")
    assert found["name"] == str(reading) and expected.items() <= found.items()
    assert not [path for path in place.iterdir() if path.name.startswith(".")]


def test_a_payload_that_the_shell_has_open(tool, place):
    """From where the descriptor stands, as every other program reads it."""
    with open(place / "app.bin", "rb", buffering=0) as file:
        file.seek(1000)
        tool(*write_words("-", "rest.mender"), stdin=file)
    assert one_file(tool, place, "rest.mender")["sha256"] == hashlib.sha256(
        (place / "app.bin").read_bytes()[1000:]).hexdigest()


def test_what_is_no_payload(tool, place):
    for path in ("/dev/zero", "/usr"):
        done = tool(*write_words(path, "a.mender"), expect=1)
        assert done.stderr.decode().startswith(f"rota-artifact: {path}: not a file")


def test_output_to_a_pipe_is_whole_or_told(bin, place):
    """A payload that cannot be read to its end leaves nothing in the pipe."""
    done = subprocess.run([bin / "rota-artifact", *write_words("nofile", "-")], cwd=place, timeout=DEADLINE_S,
                          capture_output=True)
    assert done.returncode == 1 and done.stdout == b"" and b"nofile" in done.stderr
