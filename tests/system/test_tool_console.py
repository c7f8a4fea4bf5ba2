# SPDX-License-Identifier: Apache-2.0
"""What rota-artifact says: one JSON object with --json, of results and of errors; a bar on a terminal and nothing of it
anywhere else; its help."""

import json
import os
import pathlib
import pty
import re
import select
import subprocess

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KEYS = VECTORS / "keys"
GOOD, USAGE, OPEN, INVALID = 0, 1, 3, 4
MODULE = ["write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f", "payload"]
BAR = re.compile(r"\r(\w+) +\[=*>? *\] +(\d+)% [\d.]+\s\w+, [\d.]+\s\w+/s")
CLEARED = re.compile(r"\r +\r$")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "payload").write_bytes(os.urandom(3_000_000))
    key = tmp_path / "p256.key"
    key.write_bytes((KEYS / "p256.key.pem").read_bytes())
    key.chmod(0o600)
    return tmp_path


@pytest.fixture
def tool(bin, folder):
    def run(*words, expect=GOOD):
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, cwd=folder, timeout=60)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


# --- JSON ---

ERRORS = [
    (["read", "missing"], OPEN),
    (["validate", "missing"], OPEN),
    (["read", VECTORS / "index.json"], USAGE),
    (["validate", VECTORS / "index.json"], INVALID),
    (["validate", VECTORS / "signed-p256.mender"], INVALID),
    (["sign", "-k", "p256.key", "missing"], USAGE),
    (["dump", "missing"], OPEN),
    (["write", "module-image"], USAGE),
    (["write", "module-image", "--bogus"], USAGE),
    (["write", "bogus"], USAGE),
    (["bogus"], USAGE),
    (["read"], USAGE),
    (MODULE[:-1] + ["missing"], USAGE),
    (MODULE + ["--compression", "bogus"], USAGE),
    (MODULE + ["-p", "nocolon"], USAGE),
    (MODULE + ["--max-artifact-size", "1MB"], USAGE),
]


@pytest.mark.parametrize("words, status", ERRORS)
def test_an_error_is_one_object(tool, words, status):
    for line in (["--json", *words], [*words, "--json"]):
        done = tool(*line, expect=status)
        error = json.loads(done.stdout)["error"]
        assert error["status"] == status and error["message"]
        assert done.stderr.decode().endswith(f"rota-artifact: {error['message']}\n")  # for people all the same
    assert tool(*words, expect=status).stdout == b""


def test_a_refusal_says_which_rule_and_where(tool, folder):
    tool(*MODULE, "-o", "a.mender", "--compression", "none")
    data = bytearray((folder / "a.mender").read_bytes())
    data[2_000_000] ^= 1
    (folder / "a.mender").write_bytes(data)
    for words in (["validate"], ["dump"], ["dump", "--files", "f"]):
        error = json.loads(tool(*words, "a.mender", "--json", expect=INVALID).stdout)["error"]
        assert (error["rule"], error["kind"], error["member"]) == (9, "checksum", "data/0000.tar/payload")
        assert 2_000_000 < error["offset"] <= len(data)


def test_names_that_are_no_text_break_nothing(tool):
    name = b"out-\xff.mender"
    assert json.loads(tool(*MODULE, "-o", os.fsdecode(name), "--json").stdout)
    assert json.loads(tool("read", os.fsdecode(b"missing-\xff"), "--json", expect=OPEN).stdout)["error"]["status"] == OPEN


def test_a_result_is_one_object(tool, folder):
    wrote = json.loads(tool(*MODULE, "-o", "a.mender", "-k", "p256.key", "--json").stdout)
    assert wrote == {"artifact": "a.mender", "name": "release-1", "size": (folder / "a.mender").stat().st_size, "signed": True}
    valid = json.loads(tool("validate", "-k", KEYS / "p256.pub.pem", "a.mender", "--json").stdout)
    assert valid["valid"] is True and valid["name"] == "release-1" and valid["signature"] == "good"
    read = json.loads(tool("read", "a.mender", "--json").stdout)
    assert read["signature"] == "unchecked" and read["payloads"][0]["files"][0]["size"] == 3_000_000
    assert json.loads(tool("sign", "-f", "-k", "p256.key", "a.mender", "--json").stdout)
    for words in (MODULE, ["sign", "-f", "-k", "p256.key", "a.mender"]):  # silent without it
        assert tool(*words).stdout == b""


def test_the_object_makes_way_for_data(tool):
    done = tool(*MODULE, "-o", "-", "--json")
    assert done.stdout.startswith(b"version\0")
    assert json.loads(done.stderr)["artifact"] == "-"


@pytest.mark.parametrize("place", ["-", "/dev/stdout"])
@pytest.mark.parametrize("good, bad", [
    ([*MODULE, "-o"], [*MODULE, "-k", "missing", "-o"]),
    (["sign", "-k", "p256.key", "a.mender", "-o"], ["sign", "-k", "missing", "a.mender", "-o"]),
    (["cp", "image.ext4:/hello"], ["cp", "image.ext4:/missing"])], ids=["write", "sign", "cp"])
def test_the_object_is_never_among_data(tool, folder, place, good, bad):
    """By whatever name the standard output goes, and also of what failed before there were data."""
    tool(*MODULE, "-o", "a.mender")
    make_image(folder)
    done = tool(*good, place, "--json")
    assert b"{" not in done.stdout[:1] + done.stdout[-100:] and json.loads(done.stderr.splitlines()[-1])
    done = tool(*bad, place, "--json", expect=USAGE)
    assert done.stdout == b"" and json.loads(done.stderr.splitlines()[-1])["error"]["status"] == USAGE


def test_a_payload_waits_where_it_is_told_to(tool, folder):
    (folder / "waiting").mkdir()
    once = tool(*MODULE, "-o", "-").stdout
    assert tool(*MODULE, "-o", "-", "--tmp", "waiting").stdout == once
    done = tool(*MODULE, "-o", "-", "--tmp", "missing", expect=USAGE)
    assert b"missing" in done.stderr and done.stdout == b""


def test_augmented_is_named_everywhere(tool):
    tool(*MODULE, "--augment-type", "gen", "-k", "p256.key", "-o", "a.mender")
    for verb in ("read", "validate"):
        for words in ([], ["--json"]):
            done = tool(verb, "-k", KEYS / "p256.pub.pem", "a.mender", *words)
            assert b"AUGMENTED" in done.stdout and b"AUGMENTED" in done.stderr
    assert json.loads(tool("read", "a.mender", "--json").stdout)["augmented"] is True


# --- the bar ---

@pytest.fixture
def terminal(bin, folder):
    """terminal(*words) runs it with all of its output on a terminal; (status, what stood there)."""
    def run(*words):
        pid, end = pty.fork()
        if pid == 0:
            os.chdir(folder)
            os.execv(bin / "rota-artifact", ["rota-artifact", *map(str, words)])
        seen = b""
        while True:
            assert select.select([end], [], [], 60)[0], seen
            try:
                part = os.read(end, 65536)
            except OSError:  # how a terminal ends
                part = b""
            if not part:
                break
            seen += part
        os.close(end)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), seen.decode()
    return run


def make_image(folder):
    (folder / "tree/etc/mender").mkdir(parents=True)
    (folder / "tree/etc/mender/artifact_info").write_text("artifact_name=r1\n")
    (folder / "tree/hello").write_text("hello\n")
    subprocess.run(["/usr/sbin/mkfs.ext4", "-q", "-d", "tree", "image.ext4", "4M"], cwd=folder, check=True, timeout=60)


def make_image_artifact(tool, folder):
    make_image(folder)
    tool("write", "rootfs-image", "-n", "r1", "-t", "ecu", "-f", "image.ext4", "-o", "image.mender")


@pytest.mark.parametrize("words, said", [
    (["cp", "payload", "image.mender:/new"], ""), (["modify", "-n", "r2", "image.mender"], ""),
    (["rm", "image.mender:/hello"], ""), (["cat", "image.mender:/hello"], "hello")])
def test_a_bar_while_an_image_is_edited(tool, terminal, folder, words, said):
    make_image_artifact(tool, folder)
    (folder / "payload").write_bytes(b"small")
    status, seen = terminal(*words)
    assert status == GOOD, seen
    drawn = BAR.findall(seen)
    assert [name for name, _ in drawn][0] == "Reading"
    assert said or drawn[-1] == ("Writing", "100")
    before, _, after = seen.partition(said) if said else (seen, "", "")
    assert CLEARED.search(before) and not BAR.search(after)
    assert "%" not in terminal("--no-progress", *words)[1]


BARS = [
    (MODULE + ["-o", "b.mender"], "Writing", ""),
    (["read", "a.mender"], "Reading", "Mender Artifact:"),
    (["validate", "a.mender"], "Reading", "Artifact file 'a.mender' validated successfully"),
    (["sign", "-k", "p256.key", "a.mender"], "Checking", ""),
]


@pytest.mark.parametrize("words, what, said", BARS)
def test_a_bar_on_a_terminal(tool, terminal, words, what, said):
    tool(*MODULE, "-o", "a.mender")
    status, seen = terminal(*words)
    assert status == GOOD, seen
    drawn = BAR.findall(seen)
    assert drawn and {name for name, _ in drawn} == {what}
    percents = [int(percent) for _, percent in drawn]
    assert percents == sorted(percents) and percents[-1] == 100
    before, _, after = seen.partition(said) if said else (seen, "", "")
    assert CLEARED.search(before), "the bar is still there when something is said"
    assert not BAR.search(after)


@pytest.mark.parametrize("words, what, said", BARS)
def test_no_bar_where_none_is_wanted(tool, terminal, words, what, said):
    tool(*MODULE, "-o", "a.mender")
    status, seen = terminal(*words, "--no-progress")
    assert status == GOOD and "%" not in seen and what not in seen
    tool(*MODULE, "-o", "a.mender")
    assert tool(*words).stderr == b""  # a pipe


def test_a_bar_ends_before_a_complaint(tool, terminal, folder):
    tool(*MODULE, "-o", "a.mender", "--compression", "none")
    data = bytearray((folder / "a.mender").read_bytes())
    data[2_000_000] ^= 1
    (folder / "a.mender").write_bytes(data)
    status, seen = terminal("validate", "a.mender")
    assert status == INVALID
    bar, message = seen.split("rota-artifact: ", 1)
    assert BAR.search(bar) and CLEARED.search(bar) and "checksum" in message and not BAR.search(message)


# --- the help ---

@pytest.mark.parametrize("way", ["module-image", "rootfs-image", "bootstrap-artifact"])
def test_the_example_of_the_help_works(tool, folder, way):
    text = tool("write", way, "--help").stdout.decode()
    line = text.split("    rota-artifact ")[1].split("\n\n")[0].replace("\\\n", " ")
    for name in ("maps.bin", "limits.json", "rootfs.ext4", "ArtifactInstall_Enter_05_ignition-off"):
        (folder / name).write_bytes(b"content\n")
    (folder / "meta.json").write_text("{}")
    (folder / "signing.pem").write_bytes((folder / "p256.key").read_bytes())
    (folder / "signing.pem").chmod(0o600)
    words = line.split()
    assert words[-1].endswith(".mender") and tool(*words).stderr == b""
    tool("validate", *(["-k", KEYS / "p256.pub.pem"] if "-k" in words else []), words[-1])


def test_help_in_all_ways(tool):
    whole = tool("--help").stdout
    assert whole == tool("help").stdout == tool("h").stdout == tool("-h").stdout == tool().stdout
    one = tool("read", "--help").stdout
    assert one == tool("help", "read").stdout == tool("read", "-h").stdout and one != whole
    group = tool("write").stdout
    assert group == tool("write", "--help").stdout == tool("help", "write").stdout
    for way in (b"write module-image", b"write rootfs-image", b"write bootstrap-artifact"):
        assert way in group and way in whole
    assert b"sign" not in group.split(b"Commands:")[1].split(b"says more")[0]
    assert tool("--version").stdout == tool("-v").stdout != b""
    tool("help", "bogus", expect=USAGE)
