# SPDX-License-Identifier: Apache-2.0
"""Artifacts across the two programs, both ways: what one writes and signs the other validates, reads and verifies, and
says the same of; every payload type, compression, kind of key and flag of the metadata. zstd, which 3.9 does not know,
is unpacked by zstd itself; what the real tool writes of it is in tests/vectors."""

import itertools
import subprocess

import pytest

from support import artifact_facts

pytestmark = pytest.mark.shows("I3-MS2")

INVALID = 4
ALL_METADATA = ["-N", "old-1", "-N", "old-2", "-g", "group", "-G", "g1", "-G", "g2", "-p", "k:v:w", "-d", "need:this",
                "--clears-provides", "a.*", "--clears-provides", "b"]
MODULE = ["write", "module-image", "-T", "raw"]
PAYLOADS = {
    "module": [*MODULE, "-f", "app", "-f", "empty", "-f", "odd,name_1.bin"],
    "module without files": MODULE,
    "module with all": [*MODULE, "-f", "app", "-m", "meta.json", "-s", "ArtifactInstall_Enter_05_check", "-s",
                        "ArtifactCommit_Leave_10", *ALL_METADATA],
    "augmented module": [*MODULE, "-f", "app", "-m", "meta.json", "--augment-type", "gen", "--augment-file", "empty",
                         "--augment-provides", "k:w", "--augment-depends", "l:m", "--augment-meta-data", "augment.json"],
    "image": ["write", "rootfs-image", "-f", "app"],
    "image of version 2": ["write", "rootfs-image", "-v", "2", "-f", "app", "-s", "ArtifactInstall_Enter_05_check"],
    "bootstrap": ["write", "bootstrap-artifact", *ALL_METADATA],
}
COMPRESSIONS = ["none", "gzip", "lzma"]
KEYS = {"rsa2048": ["genrsa", "-traditional", "-out", "KEY", "2048"], "rsa3072": ["genrsa", "-traditional", "-out", "KEY", "3072"],
        "rsa4096": ["genrsa", "-traditional", "-out", "KEY", "4096"],
        "p256": ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "KEY"]}
METADATA = [
    ["-N", "old-1", "-N", "old-2"], ["-g", "group"], ["-G", "g1", "-G", "g2"], ["-p", "k:v:w", "-p", "empty:"],
    ["-d", "need:this"], ["--clears-provides", "a.*"], ["-t", "second type"], ["-s", "ArtifactCommit_Leave_10"],
    ["-m", "meta.json"], ["--software-name", "n", "--software-version", "9", "--software-filesystem", "data"],
    ["--no-default-software-version"], ["--no-default-clears-provides"]]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Payloads, documents, scripts and keys that all tests use."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "app").write_bytes(bytes(range(256)) * 4000)
    (folder / "empty").write_bytes(b"")
    (folder / "odd,name_1.bin").write_bytes(b"odd")
    (folder / "meta.json").write_text('{"b": {"x": [1, 2.5, null, true]}, "a": "<&> \\u00e4"}')
    (folder / "augment.json").write_text('{"b": {"y": 2}, "c": {"d": "e"}}')
    for script in ("ArtifactInstall_Enter_05_check", "ArtifactCommit_Leave_10"):
        (folder / script).write_text(f"#!/bin/sh\n# {script}\n")
        (folder / script).chmod(0o755)
    for name, words in KEYS.items():
        for key in (f"{name}.key", f"stranger-{name}.key"):
            words_of_key = [key if word == "KEY" else word for word in words]
            subprocess.run(["openssl", *words_of_key], check=True, capture_output=True, cwd=folder, timeout=120)
            (folder / key).chmod(0o600)
            subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", key.replace(".key", ".pub")], check=True,
                           capture_output=True, cwd=folder, timeout=60)
    return folder


class Program:
    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def run(self, *words, expect=0):
        done = subprocess.run([self.path, *map(str, words)], capture_output=True, text=True, cwd=self.folder, timeout=120)
        assert done.returncode == expect, (self.path.name, words, done.stdout, done.stderr)
        return done.stdout

    def read(self, artifact, *words):
        return artifact_facts.read_facts(self.run("read", *words, artifact))


@pytest.fixture
def programs(bin, peers, files):
    """(ours, theirs)"""
    return Program(bin / "rota-artifact", files), Program(peers / "usr/bin/mender-artifact", files)


def check_across(programs, tmp_path, words, key=None):
    """Both write; both judge both. What they say may differ in nothing but the type that 3.9 leaves out of an image."""
    key_words = ["-k", f"{key}.pub"] if key else []
    made = []
    for i, maker in enumerate(programs):
        artifact = tmp_path / f"{i}.mender"
        maker.run(*words, "-n", "release-1", "-t", "ecu", "-o", artifact, *(["-k", f"{key}.key"] if key else []))
        for judge in programs:
            judge.run("validate", *key_words, artifact)
            if key:
                judge.run("validate", "-k", f"stranger-{key}.pub", artifact, expect=INVALID)
                judge.run("validate", artifact, expect=INVALID)
        facts = [judge.read(artifact, *key_words) for judge in programs]
        assert ("AUGMENTED" in facts[0]) == ("--augment-type" in words and key is not None)
        facts[0].pop("AUGMENTED", None)  # 3.9 shows it as covered by the signature
        assert facts[0] == facts[1]
        assert facts[0]["Signature"] == ("signed and verified correctly" if key else "no signature")
        made.append(artifact_facts.artifact_facts(artifact.read_bytes()))
    assert made[0] == made[1]
    return made[0]


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("payload", PAYLOADS)
def test_payload_and_compression(programs, tmp_path, payload, compression):
    facts = check_across(programs, tmp_path, ["--compression", compression, *PAYLOADS[payload]])
    assert facts["compression"] == {"none": "", "gzip": ".gz", "lzma": ".xz"}[compression]


@pytest.mark.parametrize("payload, key", itertools.product(PAYLOADS, KEYS))
def test_payload_and_signature(programs, tmp_path, payload, key):
    compression = COMPRESSIONS[(list(PAYLOADS).index(payload) + list(KEYS).index(key)) % len(COMPRESSIONS)]
    check_across(programs, tmp_path, ["--compression", compression, *PAYLOADS[payload]], key)


@pytest.mark.parametrize("flags", METADATA, ids=lambda flags: flags[0].strip("-"))
def test_metadata(programs, tmp_path, flags):
    plain = check_across(programs, tmp_path, [*MODULE, "-f", "app"])
    assert check_across(programs, tmp_path, [*MODULE, "-f", "app", *flags]) != plain


@pytest.mark.parametrize("key", KEYS)
def test_each_signs_what_the_other_wrote(programs, tmp_path, key):
    for maker, signer in (programs, programs[::-1]):
        artifact = tmp_path / f"{maker.path.name}.mender"
        maker.run(*PAYLOADS["module with all"], "-n", "release-1", "-t", "ecu", "-o", artifact)
        before = artifact_facts.artifact_facts(artifact.read_bytes())
        signer.run("sign", "-k", f"{key}.key", artifact)
        for judge in programs:
            judge.run("validate", "-k", f"{key}.pub", artifact)
        after = artifact_facts.artifact_facts(artifact.read_bytes())
        assert after["order"] == ["version", "manifest", "manifest.sig", *before["order"][2:]]
        assert {**after, "order": 0, "signed": 0} == {**before, "order": 0, "signed": 0}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("level", ["fastest", "fast", "better", "best"])
def test_zstd_by_zstd(programs, tmp_path, payload, level):
    ours, _ = programs
    ours.run("--compression", f"zstd_{level}", *PAYLOADS[payload], "-n", "release-1", "-t", "ecu", "-o", tmp_path / "z")
    ours.run("--compression", "none", *PAYLOADS[payload], "-n", "release-1", "-t", "ecu", "-o", tmp_path / "plain")
    ours.run("validate", tmp_path / "z")
    facts = artifact_facts.artifact_facts((tmp_path / "z").read_bytes())
    plain = artifact_facts.artifact_facts((tmp_path / "plain").read_bytes())
    assert facts["compression"] == ".zst"
    for own_to_it in ("compression", "order", "manifest", "augmented files"):
        facts.pop(own_to_it, None), plain.pop(own_to_it, None)
    assert facts == plain
