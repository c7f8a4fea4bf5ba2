# SPDX-License-Identifier: Apache-2.0
"""rota-artifact dump: what it unpacks, that the command it prints makes the artifact again, and that it leaves nothing
behind when it cannot finish. Beside the field's tool: tests/interop/test_dump.py."""

import hashlib
import json
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import time

import pytest

from support.artifact import make_artifact, make_artifact_of

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
HOSTILE = pathlib.Path(__file__).resolve().parents[1] / "vectors/hostile"
REFUSED = [vector for vector in json.loads((HOSTILE / "index.json").read_text())["artifacts"]
           if vector["expect"] == "reject"]
KEYS = VECTORS / "keys"
GOOD, USAGE, OPEN, INVALID = 0, 1, 3, 4
FOLDERS = ["--files", "f", "--meta-data", "m", "--scripts", "s"]
DATE = {"SOURCE_DATE_EPOCH": "1700000000"}

pytestmark = pytest.mark.shows("I3-MS1")


@pytest.fixture
def tool(bin, tmp_path):
    """tool(*words, expect=0) runs rota-artifact in a folder of its own."""
    def run(*words, expect=GOOD, env=None, **more):
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, timeout=120, cwd=tmp_path,
                              env={**os.environ, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def parts(tmp_path):
    """Files to make artifacts of, in a folder whose names a shell would change."""
    folder = tmp_path / "it's $HOME; `x` *"
    folder.mkdir()
    for name, content in {"app.bin": os.urandom(300_000), "empty": b"", "rootfs-image.ext4": b"image" * 5000,
                          "meta.json": b'{"b": [1, 2.5, "<&>"], "a": {"c": null}}',
                          "ArtifactInstall_Enter_05_check": b"#!/bin/sh\nexit 0\n",
                          "ArtifactCommit_Leave_99": b"#!/bin/sh\nexit 1\n"}.items():
        (folder / name).write_bytes(content)
    return folder


def tree(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def facts(tool, path):
    """All that an artifact says, without what no command can bring back: signature, times, the version of the format."""
    told = json.loads(tool("read", "--json", path).stdout)
    read = {key: told[key] for key in ("name", "group", "compression", "augmented", "compatible_types",
                                       "depends_artifact_names", "depends_groups", "scripts", "payloads")}
    read["scripts"].sort(key=lambda script: script["name"])
    for payload in read["payloads"]:
        for file in payload["files"]:
            file.pop("modified")
    return read


def in_a_shell(bin, folder, line, *more, env=None):
    """The printed line as a user runs it: the shell takes the quotes off."""
    script = f'eval "rota-artifact $(cat line) {shlex.join(map(str, more))}"'
    (folder / "line").write_text(line)
    done = subprocess.run(["sh", "-c", script], cwd=folder, capture_output=True, text=True, timeout=60,
                          env={**os.environ, **(env or {}), "PATH": f"{bin}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    (folder / "line").unlink()


WRITES = {
    "module": ["module-image", "-T", "raw", "-f", "app.bin", "-f", "empty", "-s", "ArtifactInstall_Enter_05_check", "-s",
               "ArtifactCommit_Leave_99", "-m", "meta.json", "-g", "grün", "-G", "g 1", "-G", "g2", "-N", "old-1", "-N",
               "old-2", "-p", "k:v:w", "-d", "x:y", "--clears-provides", "k*"],
    "quoting": ["module-image", "-T", "raw", "-t", "it's", "-t", "two  blanks", "-t", '"', "-t", "$HOME `id` \\n", "-t", "-x",
                "-t", "~", "-t", "a;b|c&d>e<f", "-p", "k:", "-p", "z:!*?[a]{b,c}", "-p", "#:(x)", "--clears-provides", "*"],
    "no defaults": ["module-image", "-T", "raw", "--no-default-software-version", "--no-default-clears-provides"],
    "none": ["--compression", "none", "module-image", "-T", "raw", "-f", "app.bin"],
    "lzma": ["--compression", "lzma", "module-image", "-T", "raw", "-f", "app.bin"],
    "zstd": ["--compression", "zstd_better", "module-image", "-T", "raw", "-f", "app.bin"],
    "image": ["rootfs-image", "-f", "rootfs-image.ext4"],
    "image, other words": ["rootfs-image", "-f", "rootfs-image.ext4", "--software-filesystem", "data", "--software-name",
                           "n", "--software-version", "9", "--legacy-rootfs-image-checksum"],
    "augmented": ["module-image", "-T", "raw", "-f", "app.bin", "-m", "meta.json", "--augment-type", "delta",
                  "--augment-file", "empty", "--augment-provides", "k:v w", "--augment-depends", "d:e", "--augment-meta-data",
                  "meta.json"],
    "bootstrap": ["bootstrap-artifact", "-p", "rootfs-image.version:1", "--clears-provides", "x.*"],
}


@pytest.mark.parametrize("how", ["line", "words"])
@pytest.mark.parametrize("kind", WRITES)
def test_made_again_to_the_byte(bin, tool, parts, tmp_path, kind, how):
    """In a folder with names that the patterns of the command would match, were they not quoted."""
    words = [parts / word if (parts / word).exists() else word for word in WRITES[kind]]
    flags = [words.pop(0), words.pop(0)] if words[0] == "--compression" else []
    tool(*flags, "write", *words, "-n", "release-1", "-t", "ecu gw", "-o", "one.mender", env=DATE)
    for name in ("rootfs-image.raw.version", "k1", "x.y"):
        (tmp_path / name).touch()
    printed = tool("dump", *FOLDERS, "--print-cmdline" if how == "line" else "--print0-cmdline", "one.mender").stdout
    if how == "line":
        assert printed.endswith(b"\n") and printed.count(b"\n") == 1
        in_a_shell(bin, tmp_path, printed.decode(), "-o", "two.mender", env=DATE)
    else:
        assert printed.endswith(b"\0")
        tool(*printed.decode().split("\0")[:-1], "-o", "two.mender", env=DATE)
    assert (tmp_path / "two.mender").read_bytes() == (tmp_path / "one.mender").read_bytes()


@pytest.mark.parametrize("vector", [pytest.param(path, id=path.stem) for path in sorted(VECTORS.glob("*.mender"))])
def test_every_vector_comes_back(bin, tool, tmp_path, vector):
    line = tool("dump", *FOLDERS, "--print-cmdline", vector).stdout.decode()
    in_a_shell(bin, tmp_path, line, "-o", "again.mender")
    assert facts(tool, "again.mender") == facts(tool, vector)


def test_augmented_parts_are_not_lost(tool, tmp_path):
    done = tool("dump", *FOLDERS, "--json", VECTORS / "aug-gzip.mender")
    report = json.loads(done.stdout)
    words = report["command"]
    pairs = list(zip(words, words[1:]))
    assert ("--augment-type", "delta") in pairs and ("--augment-provides", "tool:v2") in pairs
    assert ("--augment-depends", "base:r1") in pairs and ("--augment-file", "f/patch.delta") in pairs
    assert ("--augment-meta-data", "m/0000.meta-data-augment") in pairs and ("--file", "f/full.img") in pairs
    assert ("--file", "f/patch.delta") not in pairs and ("--provides", "tool:v2") not in pairs
    assert [(file["name"], file["augmented"]) for file in report["files"]] == [("full.img", False), ("patch.delta", True)]
    assert sorted(tree(tmp_path)) == ["f/full.img", "f/patch.delta", "m/0000.meta-data", "m/0000.meta-data-augment"]
    noted = tool("dump", "--print-cmdline", VECTORS / "aug-gzip.mender").stderr
    assert b"AUGMENTED" in noted


def test_names_modes_and_report(tool, parts, tmp_path):
    tool("write", *[parts / word if (parts / word).exists() else word for word in WRITES["module"]], "-n", "release-1",
         "-t", "ecu", "-o", "a.mender")
    report = json.loads(tool("dump", *FOLDERS, "--json", "a.mender").stdout)
    content = (parts / "app.bin").read_bytes()
    assert report["files"] == [
        {"name": "app.bin", "path": "f/app.bin", "size": len(content), "sha256": hashlib.sha256(content).hexdigest(),
         "augmented": False},
        {"name": "empty", "path": "f/empty", "size": 0, "sha256": hashlib.sha256(b"").hexdigest(), "augmented": False}]
    assert report["meta_data"] == [{"name": "0000.meta-data", "path": "m/0000.meta-data"}]
    assert [script["path"] for script in report["scripts"]] == ["s/ArtifactCommit_Leave_99",
                                                                "s/ArtifactInstall_Enter_05_check"]
    assert report["no_command"] is None and report["command"][-2:] == ["--file", "f/empty"]
    assert (tmp_path / "f/app.bin").read_bytes() == content
    assert json.loads((tmp_path / "m/0000.meta-data").read_text()) == json.loads((parts / "meta.json").read_text())
    modes = {path: oct((tmp_path / path).stat().st_mode & 0o777)
             for path in ("f/app.bin", "m/0000.meta-data", "s/ArtifactCommit_Leave_99")}
    assert set(modes.values()) == {"0o644", "0o755"} and modes["s/ArtifactCommit_Leave_99"] == "0o755"


def test_only_what_was_asked_for(tool, tmp_path):
    done = tool("dump", VECTORS / "scripts-two-signed-rsa3072.mender")
    assert done.stdout == b"" and list(tmp_path.iterdir()) == []
    printed = tool("dump", "--scripts", "s", "--print-cmdline", VECTORS / "scripts-two-signed-rsa3072.mender")
    assert b" --script s/" in printed.stdout and b" --file " not in printed.stdout
    assert b"until it is signed" in printed.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def test_paths_are_shown_tidily(tool):
    printed = tool("dump", "--files", "./a//b/", "--print-cmdline", VECTORS / "mod-script.mender").stdout.decode()
    assert shlex.split(printed)[-4:] == ["--file", "a/b/01-run.sh", "--file", "a/b/02-run.sh"]
    printed = tool("dump", "--files", ".", "--print-cmdline", VECTORS / "mod-script.mender").stdout.decode()
    assert shlex.split(printed)[-1] == "./02-run.sh"


def test_one_folder_for_all(tool, tmp_path):
    tool("dump", "--files", "d", "--meta-data", "d", "--scripts", "d", VECTORS / "mod-custom-metadata.mender")
    assert sorted(tree(tmp_path)) == ["d/0000.meta-data", "d/rand5000.bin"]


def test_from_a_pipe(tool, tmp_path):
    with open(VECTORS / "mod-script.mender", "rb") as file:
        tool("dump", "--files", "f", "-", stdin=file)
    assert sorted(tree(tmp_path)) == ["f/01-run.sh", "f/02-run.sh"]


def test_with_a_key(tool, tmp_path):
    signed = VECTORS / "signed-p256.mender"
    tool("dump", "--files", "f", "-k", KEYS / "p256.pub.pem", signed)
    tool("dump", "--files", "g", "-k", KEYS / "wrong-p256.pub.pem", signed, expect=INVALID)
    assert not (tmp_path / "g").exists()


STATUSES = [
    ([], USAGE),
    (["a", "b"], USAGE),
    (["--bogus", "a"], USAGE),
    (["--files"], USAGE),
    (["--print-cmdline", "--print0-cmdline", VECTORS / "comp-none.mender"], USAGE),
    (["-k", "missing.pem", VECTORS / "comp-none.mender"], USAGE),
    (["missing.mender"], OPEN),
    (["/etc/passwd"], INVALID),
    (["--files", "/proc/nowhere/f", VECTORS / "comp-none.mender"], INVALID),
    (["--files", "/etc/passwd", VECTORS / "comp-none.mender"], INVALID),
    (["--files", "/etc/passwd/f", VECTORS / "comp-none.mender"], INVALID),
]


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("words, status", STATUSES)
def test_status(tool, tmp_path, words, status):
    done = tool("dump", *words, expect=status)
    assert done.stderr.startswith(b"rota-artifact: ") and done.stdout == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("taken", ["f/text9000.txt", "f/rand5000.bin"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
def test_nothing_is_written_over(tool, tmp_path, taken, kind):
    place = tmp_path / taken
    place.parent.mkdir()
    (tmp_path / "outside").write_text("outside")
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to("../outside" if kind == "link" else "../nowhere")
    before = tree(tmp_path)
    done = tool("dump", *FOLDERS, "--print-cmdline", VECTORS / "comp-gzip.mender", expect=INVALID)
    assert f"{taken}: is there already" in done.stderr.decode() and done.stdout == b""
    assert tree(tmp_path) == before and not (tmp_path / "nowhere").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f", "outside"]
    assert [path.name for path in place.parent.iterdir()] == [place.name]


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("vector", [pytest.param(vector, id=vector["file"]) for vector in REFUSED])
def test_hostile_ones_leave_nothing(tool, tmp_path, vector):
    """None of them is valid, so none of them leaves a file, inside the folders or outside of them."""
    inside = tmp_path / "inside"
    inside.mkdir()
    key = ["-k", HOSTILE / vector["key"]] if vector.get("key") else []
    tool("dump", "--files", "inside/f", "--meta-data", "inside/m", "--scripts", "inside/s", *key, HOSTILE / vector["file"],
         expect=INVALID)
    assert list(inside.iterdir()) == [] and [path.name for path in tmp_path.iterdir()] == ["inside"]


@pytest.mark.shows("I3-MS5")
def test_a_cut_or_changed_artifact_leaves_nothing(tool, tmp_path):
    whole = (VECTORS / "comp-none.mender").read_bytes()
    changed = bytearray(whole)
    changed[whole.index(b"rand5000.bin", 9000) + 600] ^= 1
    for number, data in enumerate([whole[:11000], whole[:-600], bytes(changed), whole + b"x"]):
        path = tmp_path / "a.mender"
        path.write_bytes(data)
        tool("dump", *FOLDERS, "a.mender", expect=INVALID)
        path.unlink()
        assert list(tmp_path.iterdir()) == [], number


def as_root_only():
    if os.geteuid() != 0:
        pytest.skip("mounts a small file system of its own: needs root")


@pytest.mark.shows("I3-MS5")
def test_a_full_disk(bin, tool, tmp_path):
    as_root_only()
    big = tmp_path / "big.bin"
    big.write_bytes(os.urandom(3_000_000))
    small = tmp_path / "small.bin"
    small.write_bytes(b"small")
    tool("write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-f", small, "-f", big, "-o", "a.mender")
    script = ('mount -t tmpfs -o size=1m none "$1" && { "$2" dump --files "$1/f" --print-cmdline a.mender; '
              'echo "status $?"; find "$1"; }')
    full = tmp_path / "full"
    full.mkdir()
    done = subprocess.run(["unshare", "--mount", "sh", "-c", script, "sh", full, bin / "rota-artifact"], cwd=tmp_path,
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [f"status {INVALID}", str(full)]
    assert "big.bin" in done.stderr and "No space left" in done.stderr


@pytest.mark.shows("I3-MS5")
def test_a_folder_that_cannot_be_written(bin, tmp_path):
    """Root may write everywhere, so somebody else asks."""
    as_root_only()
    folder = tmp_path / "closed"
    folder.mkdir(mode=0o755)
    for path in (tmp_path, *list(tmp_path.parents)[:3]):
        path.chmod(path.stat().st_mode | 0o055)
    shutil.copy(VECTORS / "mod-script.mender", tmp_path / "a.mender")
    (tmp_path / "a.mender").chmod(0o644)
    done = subprocess.run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", bin / "rota-artifact",
                           "dump", "--files", "closed/f", "a.mender"], cwd=tmp_path, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == INVALID and "closed/f: Permission denied" in done.stderr, done.stderr
    assert list(folder.iterdir()) == []


@pytest.mark.shows("I3-MS5")
def test_the_printed_command_cannot_be_written(bin):
    with open("/dev/full", "w") as full:
        done = subprocess.run([bin / "rota-artifact", "dump", "--print-cmdline", VECTORS / "comp-none.mender"],
                              stdout=full, stderr=subprocess.PIPE, timeout=60)
    assert done.returncode == USAGE and b"the standard output: No space" in done.stderr


def test_several_payloads_are_refused(tool, tmp_path):
    (tmp_path / "two.mender").write_bytes(make_artifact_of([("raw", [("a", b"1")]), ("raw", [("b", b"2")])], "two", ["t"]))
    done = tool("dump", *FOLDERS, "two.mender", expect=INVALID)
    assert b"2 payloads" in done.stderr and [path.name for path in tmp_path.iterdir()] == ["two.mender"]


UNSAYABLE = [
    ({"depends": {"k": ["a", "b"]}}, "depends on 2 values of k"),
    ({"provides": {"a:b": "c"}}, "the key a:b"),
]


@pytest.mark.parametrize("more, why", UNSAYABLE)
def test_what_no_command_says_is_told(tool, tmp_path, more, why):
    (tmp_path / "a.mender").write_bytes(make_artifact("n", ["t"], [("file", b"x")], **more))
    done = tool("dump", "--files", "f", "--print-cmdline", "a.mender", expect=INVALID)
    assert why in done.stderr.decode() and done.stdout == b"" and not (tmp_path / "f").exists()
    report = json.loads(tool("dump", "--files", "f", "--json", "a.mender").stdout)
    assert report["command"] is None and why in report["no_command"]
    assert (tmp_path / "f/file").read_bytes() == b"x"


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGTERM])
def test_killed_while_it_unpacks(bin, tool, tmp_path, blow):
    """No file has its name before all of it is there."""
    big = tmp_path / "big"
    with open(big, "wb") as file:
        file.truncate(2 << 30)
    tool("write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-f", big, "-o", "a.mender", "--compression",
         "zstd_fastest")
    big.unlink()
    process = subprocess.Popen([bin / "rota-artifact", "dump", "--files", "f", "a.mender"], cwd=tmp_path)
    end = time.monotonic() + 30
    while not (tmp_path / "f").is_dir() and time.monotonic() < end:
        time.sleep(0.01)
    time.sleep(0.2)
    process.send_signal(blow)
    assert process.wait(30) == -blow
    assert list((tmp_path / "f").iterdir()) == []
