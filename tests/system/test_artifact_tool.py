# SPDX-License-Identifier: Apache-2.0
"""rota-artifact by its command line: exit statuses, what it writes, that it leaves nothing half written. What the field's tool makes of it: tests/interop/test_mender_artifact.py."""

import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KEYS = VECTORS / "keys"
GOOD, USAGE, OPEN, INVALID = 0, 1, 3, 4
COMPRESSIONS = ["none", "gzip", "lzma", "zstd_fastest", "zstd_fast", "zstd_better", "zstd_best"]
SUFFIXES = {"none": "", "gzip": ".gz", "lzma": ".xz"}


@pytest.fixture
def tool(bin, tmp_path):
    """tool(*words, expect=0) runs rota-artifact in a folder of its own."""
    def run(*words, expect=GOOD, env=None, timeout=120, **more):
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, timeout=timeout,
                              cwd=tmp_path, env={**os.environ, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def payload(tmp_path):
    path = tmp_path / "app.bin"
    path.write_bytes(b"".join(hashlib.sha256(bytes([i % 251])).digest() * 40 for i in range(2500)))
    return path


def write(tool, payload, output="a.mender", *more, name="release-1", **options):
    tool("write", "module-image", "-T", "raw", "-n", name, "-t", "ecu", "-f", payload, "-o", output, *more, **options)


def read(tool, path, *more):
    return json.loads(tool("read", "--json", *more, path).stdout)


STATUSES = [
    ([], GOOD),  # --help, as mender-artifact
    (["bogus"], USAGE),
    (["validate"], USAGE),
    (["validate", "a", "b"], USAGE),
    (["validate", "--bogus", "x"], USAGE),
    (["validate", "missing.mender"], OPEN),
    (["read", "missing.mender"], OPEN),
    (["sign", "-k", KEYS / "p256.key.pem", "missing.mender"], USAGE),
    (["validate", "/dev/null"], INVALID),
    (["read", VECTORS / "index.json"], USAGE),  # only validate has a status of its own for it, as 3.9
    (["validate", "-k", "missing.pem", VECTORS / "signed-p256.mender"], USAGE),
    (["validate", "-k", KEYS / "p256.pub.pem", VECTORS / "signed-p256.mender"], GOOD),
    (["validate", "-k", KEYS / "wrong-p256.pub.pem", VECTORS / "signed-p256.mender"], INVALID),
    (["validate", "-k", KEYS / "rsa2048.pub.pem", VECTORS / "signed-p256.mender"], INVALID),
    (["validate", "-k", KEYS / "rsa2048.pub.pem", "-k", KEYS / "p256.pub.pem", VECTORS / "signed-p256.mender"], GOOD),
    (["validate", VECTORS / "signed-p256.mender"], INVALID),
    (["validate", "-k", KEYS / "p256.pub.pem", VECTORS / "comp-none.mender"], INVALID),
    (["read", "-k", KEYS / "wrong-p256.pub.pem", VECTORS / "signed-p256.mender"], INVALID),
    (["read", "-k", KEYS / "wrong-p256.pub.pem", "--allow-bad-signature", VECTORS / "signed-p256.mender"], GOOD),
    (["sign", VECTORS / "comp-none.mender"], USAGE),
    (["sign", "-k", KEYS / "p384.key.pem", "-o", "o.mender", VECTORS / "comp-none.mender"], USAGE),
    (["sign", "-k", KEYS / "ed25519.key.pem", "-o", "o.mender", VECTORS / "comp-none.mender"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "a b", "-t", "t"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n"], USAGE),
    (["write", "module-image", "-n", "n", "-t", "t"], USAGE),
    (["write", "module-image", "-T", "../raw", "-n", "n", "-t", "t"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-f", "missing"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-p", "nocolon"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "--compression", "bzip2"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-v", "2"], USAGE),
    (["write", "module-image", "-T", "raw", "-n", "n" * 257, "-t", "t"], USAGE),
    (["write", "rootfs-image", "-n", "n", "-t", "t"], USAGE),
    (["write", "rootfs-image", "-n", "n", "-t", "t", "-f", "ssh://root@ecu"], USAGE),
]


@pytest.mark.parametrize("words, status", STATUSES)
def test_status(tool, tmp_path, words, status):
    done = tool(*words, expect=status)
    assert status == GOOD or done.stderr.startswith(b"rota-artifact: ")
    assert list(tmp_path.iterdir()) == []


def test_bad_signature_is_told(tool):
    text = tool("read", "-k", KEYS / "wrong-p256.pub.pem", VECTORS / "signed-p256.mender",
                expect=INVALID).stdout.decode()
    assert "  Signature: signed; verification using provided key failed\n" in text
    text = tool("read", VECTORS / "signed-p256.mender").stdout.decode()
    assert "please use `-k` option for providing verification key\n" in text


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_writes_what_it_was_given(tool, payload, tmp_path, compression):
    meta = tmp_path / "meta.json"
    meta.write_text('{"b": {"deep": [1, 2.5, 9007199254740993]}, "a": "<&>"}')
    script = tmp_path / "ArtifactInstall_Enter_05_check"
    script.write_text("#!/bin/sh\nexit 0\n")
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    write(tool, payload, "a.mender", "-f", empty, "-m", meta, "-s", script, "-g", "group-1", "-G", "g0", "-N", "old-1",
          "-N", "old-2", "-p", "k:v:w", "-d", "x:y", "--clears-provides", "k*", "--compression", compression)
    read_back = read(tool, "a.mender")
    assert read_back["name"] == "release-1" and read_back["group"] == "group-1"
    assert read_back["depends_artifact_names"] == ["old-1", "old-2"] and read_back["depends_groups"] == ["g0"]
    assert [s["name"] for s in read_back["scripts"]] == ["ArtifactInstall_Enter_05_check"]
    content = payload.read_bytes()
    files = read_back["payloads"][0].pop("files")
    assert [(f["name"], f["size"], f["sha256"]) for f in files] == [
        ("app.bin", len(content), hashlib.sha256(content).hexdigest()),
        ("empty", 0, hashlib.sha256(b"").hexdigest())]
    assert read_back["payloads"] == [{
        "type": "raw", "provides": {"k": "v:w", "rootfs-image.raw.version": "release-1"}, "depends": {"x": "y"},
        "clears_provides": ["k*", "rootfs-image.raw.*"],
        "meta_data": {"a": "<&>", "b": {"deep": [1, 2.5, 9007199254740993]}}}]
    with tarfile.open(tmp_path / "a.mender") as outer:
        suffix = SUFFIXES.get(compression, ".zst")
        assert outer.getnames() == ["version", "manifest", f"header.tar{suffix}", f"data/0000.tar{suffix}"]
        if compression in SUFFIXES:  # an unpacker that is not ours
            with tarfile.open(fileobj=io.BytesIO(outer.extractfile(f"data/0000.tar{suffix}").read())) as inner:
                assert inner.extractfile("app.bin").read() == content


DEFAULTS = [
    ([], {"rootfs-image.checksum": "SUM", "rootfs-image.version": "r"},
     ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"]),
    (["--software-filesystem", "F", "--software-name", "N", "--software-version", "9", "--clears-provides", "a.*",
      "--legacy-rootfs-image-checksum"], {"rootfs_image_checksum": "SUM", "F.N.version": "9"}, ["a.*", "F.N.*"]),
    (["--no-checksum-provide", "--no-default-software-version", "--no-default-clears-provides"], {}, None),
]


@pytest.mark.parametrize("more, provides, clears", DEFAULTS)
def test_defaults_of_a_root_file_system(tool, payload, more, provides, clears):
    tool("write", "rootfs-image", "-n", "r", "-c", "ecu", "-f", payload, "-o", "r.mender", *more)
    part = read(tool, "r.mender")["payloads"][0]
    image_sum = hashlib.sha256(payload.read_bytes()).hexdigest()
    assert part["provides"] == {k: image_sum if v == "SUM" else v for k, v in provides.items()}
    assert part["clears_provides"] == clears


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_same_input_same_bytes(tool, payload, tmp_path, compression):
    """Whatever the clock, the folder, the owner, the order of scripts, the number of cores, and the kind of output."""
    scripts = [tmp_path / f"ArtifactInstall_Enter_0{i}" for i in (1, 2, 3)]
    for script in scripts:
        script.write_text(f"#!/bin/sh\n# {script.name}\n")
    def words(order):
        return [word for script in order for word in ("-s", script)]
    write(tool, payload, "one", *words(scripts), "--compression", compression)
    first = (tmp_path / "one").read_bytes()
    os.utime(payload, (1, 1))
    payload.chmod(0o600)
    other = tmp_path / "elsewhere"
    other.mkdir()
    moved = payload.rename(other / payload.name)
    write(tool, moved, other / "two", *words(reversed(scripts)), "--compression", compression,
          preexec_fn=lambda: os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]))
    assert (other / "two").read_bytes() == first
    done = tool("write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f", moved, "-o", "-",
                *words(scripts), "--compression", compression)
    assert done.stdout == first
    write(tool, moved, "dated", *words(scripts), "--compression", compression, env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert (tmp_path / "dated").read_bytes() != first
    assert read(tool, "dated")["payloads"][0]["files"][0]["modified"].startswith("2023-11-14T22:13:20")


def test_a_broken_source_date_is_refused(tool, payload):
    write(tool, payload, env={"SOURCE_DATE_EPOCH": "yesterday"}, expect=USAGE)


@pytest.mark.parametrize("key", ["rsa2048", "rsa3072", "rsa3072-pkcs8", "p256", "p256-pkcs8"])
def test_sign(tool, payload, tmp_path, key):
    public = KEYS / f"{key.removesuffix('-pkcs8')}.pub.pem"
    private = KEYS / f"{key}.key.pem"
    write(tool, payload, "plain.mender")
    plain = (tmp_path / "plain.mender").read_bytes()
    tool("sign", "-k", private, "-o", "signed.mender", "plain.mender")
    tool("validate", "-k", public, "signed.mender")
    signed = (tmp_path / "signed.mender").read_bytes()
    cut = signed.index(b"manifest.sig\0")
    assert signed[:cut] == plain[:cut] and signed.endswith(plain[cut:])  # nothing else changed
    tool("sign", "-k", private, "signed.mender", expect=USAGE)
    assert (tmp_path / "signed.mender").read_bytes() == signed
    tool("sign", "-f", "-k", KEYS / "wrong-p256.key.pem", "signed.mender")
    tool("validate", "-k", public, "signed.mender", expect=INVALID)
    tool("validate", "-k", KEYS / "wrong-p256.pub.pem", "signed.mender")
    write(tool, payload, "at-once.mender", "-k", private)
    tool("validate", "-k", public, "at-once.mender")
    assert read(tool, "at-once.mender", "-k", public)["signature"] == "good"


def test_what_is_broken_is_not_signed(tool, tmp_path):
    data = bytearray((VECTORS / "comp-none.mender").read_bytes())
    data[data.index(b"text9000.txt") + 700] ^= 1
    (tmp_path / "broken.mender").write_bytes(data)
    tool("sign", "-k", KEYS / "p256.key.pem", "broken.mender", expect=USAGE)
    assert (tmp_path / "broken.mender").read_bytes() == data


def test_a_failed_write_leaves_what_was_there(tool, payload, tmp_path):
    (tmp_path / "a.mender").write_bytes(b"old")
    write(tool, payload, "a.mender", "-f", tmp_path / "missing", expect=USAGE)
    assert (tmp_path / "a.mender").read_bytes() == b"old"
    assert {p.name for p in tmp_path.iterdir()} == {"a.mender", "app.bin"}


def test_a_killed_write_leaves_nothing(bin, tmp_path):
    big = tmp_path / "big"
    with open(big, "wb") as file:
        file.truncate(8 << 30)
    process = subprocess.Popen([bin / "rota-artifact", "write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-f",
                                big, "-o", tmp_path / "a.mender"], stderr=subprocess.DEVNULL)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.5)
    process.kill()
    process.wait(20)
    assert [p.name for p in tmp_path.iterdir()] == ["big"]


def test_two_files_of_one_name_are_refused(tool, payload, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / payload.name).write_bytes(b"x")
    write(tool, payload, "a.mender", "-f", other / payload.name, expect=USAGE)

