# SPDX-License-Identifier: Apache-2.0
"""Exit statuses of rota-artifact beside those of mender-artifact 3.9.0, for what goes wrong. Where ours is another one
the row says why; that theirs is still the one the row names is checked as well, and that ours changed nothing."""

import pytest

pytestmark = pytest.mark.shows("I3-MS1")

MODULE = ["write", "module-image", "-n", "r1", "-t", "ecu", "-T", "raw", "-o", "out.mender"]
IMAGE = ["write", "rootfs-image", "-n", "r1", "-t", "ecu", "-o", "out.mender"]

SAME = [
    (["read", "missing"], 3),
    (["read", "app"], 1),
    (["read", "-k", "rsa.pub", "app"], 1),
    (["read", "--bogus", "rich.mender"], 1),
    (["validate", "missing"], 3),
    (["validate", "app"], 4),
    (["validate", "signed.mender"], 4),
    (["validate", "-k", "p256.pub", "signed.mender"], 4),
    (["validate", "-k", "rsa.pub", "rich.mender"], 4),
    (["sign"], 1),
    (["sign", "rich.mender"], 1),
    (["sign", "-k", "rsa.key"], 1),
    (["sign", "-k", "rsa.key", "missing"], 1),
    (["sign", "-k", "rsa.key", "app"], 1),
    (["sign", "-k", "rsa.key", "signed.mender"], 1),
    (["sign", "-k", "missing", "rich.mender"], 1),
    (["sign", "-k", "app", "rich.mender"], 1),
    (["sign", "-k", "rsa.key", "-o", "none/out.mender", "rich.mender"], 1),
    (["dump", "missing"], 3),
    (["dump", "app"], 4),
    (["dump", "--files", "app", "rich.mender"], 4),
    (["modify"], 1),
    (["modify", "missing"], 1),
    (["modify", "app"], 1),
    (["modify", "-n", "r2", "-k", "missing", "rich.mender"], 1),
    (["cat"], 1),
    (["cat", "app"], 1),
    (["cat", "missing.mender:/x"], 1),
    (["cat", "rich.mender:/x"], 1),
    (["cat", "image.mender:/none"], 1),
    (["cp"], 1),
    (["cp", "app"], 1),
    (["cp", "app", "more"], 1),
    (["cp", "app", "missing.mender:/x"], 1),
    (["cp", "missing", "image.mender:/x"], 1),
    (["cp", "image.mender:/none", "out"], 1),
    (["cp", "image.mender:/etc/hello", "none/out"], 1),
    (["install"], 1),
    (["install", "-d"], 1),
    (["install", "app", "image.mender:/x"], 1),
    (["install", "-m", "0644", "missing", "image.mender:/x"], 1),
    (["rm"], 1),
    (["rm", "image.mender:/none"], 1),
    (["rm", "missing.mender:/x"], 1),
    (["--bogus"], 1),
    (IMAGE, 1),
    (["write", "rootfs-image"], 1),
    (["write", "rootfs-image", "-f", "app", "-t", "ecu"], 1),
    (["write", "rootfs-image", "-f", "app", "-n", "r1"], 1),
    (IMAGE + ["-f", "missing"], 1),
    (IMAGE + ["-f", "app", "-v", "1"], 1),
    (IMAGE + ["-f", "app", "-v", "9"], 1),
    (IMAGE + ["-f", "app", "-o", "none/out.mender"], 2),
    (["write", "bootstrap-artifact", "-n", "r1"], 1),
    (["write", "bootstrap-artifact", "-n", "r1", "-t", "ecu", "-f", "app"], 1),
    (["write", "bootstrap-artifact", "-n", "r1", "-t", "ecu", "-s", "ArtifactCommit_Leave_10"], 1),
    (["write", "bootstrap-artifact", "-n", "r1", "-t", "ecu", "-v", "2"], 1),
    (["write", "module-image", "-n", "r1", "-t", "ecu"], 1),
    (MODULE + ["-f", "missing"], 1),
    (MODULE + ["-f", "app", "-f", "./app"], 1),
    (MODULE + ["-s", "app"], 1),
    (MODULE + ["-s", "missing"], 1),
    (MODULE + ["-k", "missing"], 1),
    (MODULE + ["-k", "app"], 1),
    (MODULE + ["--compression", "bogus"], 1),
    (MODULE + ["--augment-file", "app"], 1),
    (MODULE + ["-n", ""], 1),
    (MODULE + ["-o", "none/out.mender"], 2),
]

NOTHING_DONE = "3.9 says that something is wrong, does nothing and ends with 0: a pipeline goes on"
HALF_DONE = "3.9 takes no notice of a word it does not understand"
SAFER = [
    (["read"], 0, 1, NOTHING_DONE),
    (["validate"], 0, 1, NOTHING_DONE),
    (["dump"], 0, 1, NOTHING_DONE),
    (["read", "rich.mender", "app"], 0, 1, HALF_DONE),
    (["validate", "rich.mender", "app"], 0, 1, HALF_DONE),
    (MODULE + ["app"], 0, 1, HALF_DONE),
    (IMAGE + ["-f", "app", "-f", "more"], 0, 1, HALF_DONE),
    (["install", "-m", "9", "app", "image.mender:/x"], 0, 1, HALF_DONE),
    (["read", "-k", "missing", "rich.mender"], 0, 1, NOTHING_DONE),
    (["read", "-k", "p256.pub", "signed.mender"], 0, 4, "a wrong key is no success"),
    (["validate", "-k", "missing", "rich.mender"], 0, 1, NOTHING_DONE),
    (["validate", "-k", "app", "signed.mender"], 0, 1, NOTHING_DONE),
    (["modify", "-n", "a b", "rich.mender"], 0, 1, "what no reader takes is not written"),
    (["modify", "-n", "r2", "signed.mender"], 0, 1, "a signature is not dropped in silence"),
    (MODULE + ["-n", "a b"], 0, 1, NOTHING_DONE),
    (MODULE + ["-p", "nocolon"], 0, 1, NOTHING_DONE),
    (MODULE + ["-d", "nocolon"], 0, 1, NOTHING_DONE),
    (MODULE + ["-m", "missing"], 0, 1, NOTHING_DONE),
    (MODULE + ["-m", "app"], 0, 1, NOTHING_DONE),
    (MODULE + ["-v", "2"], 0, 1, NOTHING_DONE),
    (MODULE + ["-t", ""], 0, 1, "what no reader takes is not written"),
    (MODULE + ["-T", ""], 0, 1, "what no reader takes is not written"),
    (["bogus"], 3, 1, "1 is for what the program does not know"),
    (["write", "bogus"], 3, 1, "1 is for what the program does not know"),
    (["help", "bogus"], 3, 1, "1 is for what the program does not know"),
]


def row_id(words):
    return "-".join(words[:1] + words[-2:]).replace("/", "_") or "bare"


@pytest.mark.parametrize("words, status", SAME, ids=lambda value: row_id(value) if isinstance(value, list) else str(value))
def test_the_same_status(sides, words, status):
    ours, theirs = sides()
    done_ours, done_theirs = ours.run(words), theirs.run(words)
    assert (done_ours.returncode, done_theirs.returncode) == (status, status), (done_ours, done_theirs)
    assert done_ours.stderr.startswith(b"rota-artifact: ") and done_ours.stdout == b""
    assert ours.changed() == {}


@pytest.mark.parametrize("words, their_status, status, why", SAFER,
                         ids=lambda value: row_id(value) if isinstance(value, list) else "")
def test_a_status_of_our_own(sides, words, their_status, status, why):
    ours, theirs = sides()
    done_ours, done_theirs = ours.run(words), theirs.run(words)
    assert (done_ours.returncode, done_theirs.returncode) == (status, their_status), (why, done_ours, done_theirs)
    assert b"rota-artifact: " in done_ours.stderr
    assert ours.changed() == {}
