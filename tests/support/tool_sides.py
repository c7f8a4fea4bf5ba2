# SPDX-License-Identifier: Apache-2.0
"""rota-artifact and mender-artifact side by side: each in a folder with the same files, and what came of it."""

import json
import os
import shutil
import subprocess

from support import artifact_facts


class Side:
    """One program in a folder of its own with the files of the template."""

    def __init__(self, program, template, folder, environment):
        self.program, self.template, self.folder, self.environment = program, template, folder, environment
        shutil.copytree(template, folder)

    def run(self, words):
        return subprocess.run([self.program, *words], capture_output=True, cwd=self.folder, env=self.environment,
                              timeout=120, stdin=subprocess.DEVNULL)

    def changed(self):
        """Path to facts, of all files that are not as in the template."""
        facts = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            before = self.template / name
            if path.is_file() and (not before.is_file() or before.read_bytes() != path.read_bytes()):
                facts[str(name)] = self.facts_of(path.read_bytes())
        return facts

    def facts_of(self, data):
        if artifact_facts.is_artifact(data):
            return artifact_facts.artifact_facts(data, self.content)
        return json.loads(data) if data.startswith(b"{") else self.content(data)

    def content(self, data):
        """Of an image the files in it: two programs need not write the same blocks."""
        if not artifact_facts.is_ext4(data):
            return artifact_facts.sha256(data)
        folder = self.folder.parent / f"look-{os.urandom(4).hex()}"
        folder.mkdir()
        try:
            return artifact_facts.image_facts(data, folder)
        finally:
            shutil.rmtree(folder)


def shell(folder, *words, **more_arguments):
    subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=120, cwd=folder, **more_arguments)


def make_image(folder):
    tree = folder / "tree"
    (tree / "etc/mender").mkdir(parents=True)
    (tree / "etc/hello").write_text("hello\n")
    (tree / "etc/mender/artifact_info").write_text("artifact_name=r1\n")
    (tree / "etc/mender/mender.conf").write_text('{"ServerURL": "https://here", "TenantToken": "dummy"}')
    shell(folder, "mkfs.ext4", "-q", "-O", "^has_journal", "-d", "tree", "image.ext4", "1M")
    shutil.copy(folder / "image.ext4", folder / "image.sdimg")  # a plain image must have this name for 3.9
    shutil.rmtree(tree)


def make_keys(folder, environment):
    shell(folder, "openssl", "genrsa", "-traditional", "-out", "rsa.key", "2048")
    shell(folder, "openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "p256.key")
    for name in ("rsa", "p256"):
        (folder / f"{name}.key").chmod(0o600)
        shell(folder, "openssl", "pkey", "-in", f"{name}.key", "-pubout", "-out", f"{name}.pub")
    pkcs8 = folder.parent / "rsa.pkcs8"
    shell(folder, "openssl", "pkcs8", "-topk8", "-nocrypt", "-in", "rsa.key", "-out", pkcs8)
    shell(folder, "softhsm2-util", "--init-token", "--free", "--label", "t", "--pin", "1234", "--so-pin", "1234",
          env=environment)
    shell(folder, "softhsm2-util", "--import", pkcs8, "--token", "t", "--label", "rsa", "--id", "01", "--pin", "1234",
          env=environment)


def make_template(folder, theirs, environment):
    """The files that every command line finds; the artifacts among them are the real tool's."""
    folder.mkdir()
    make_keys(folder, environment)
    make_image(folder)
    for name in ("app", "more", "other"):
        (folder / name).write_bytes(f"content of {name}\n".encode() * 500)
    (folder / "meta.json").write_text('{"b": {"x": 1}, "a": "<&>"}')
    (folder / "augment.json").write_text('{"b": {"y": 2}, "c": [1, "two"]}')
    for script in ("ArtifactInstall_Enter_05_check", "ArtifactCommit_Leave_10"):
        (folder / script).write_text(f"#!/bin/sh\n# {script}\n")
        (folder / script).chmod(0o755)
    rich = ["write", "module-image", "-n", "r1", "-t", "ecu", "-t", "ecu-2", "-T", "raw", "-f", "app", "-f", "more",
            "-m", "meta.json", "-s", "ArtifactInstall_Enter_05_check", "-s", "ArtifactCommit_Leave_10", "-p", "k:v",
            "-d", "need:this", "-g", "g1", "-G", "g2", "-N", "old", "--clears-provides", "before.*"]
    shell(folder, theirs, *rich, "-o", "rich.mender")
    shell(folder, theirs, *rich, "-o", "signed.mender", "-k", "rsa.key")
    shell(folder, theirs, *rich, "-o", "augmented.mender", "--augment-type", "gen", "--augment-file", "other",
          "--augment-meta-data", "augment.json")
    shell(folder, theirs, "write", "rootfs-image", "-n", "r1", "-t", "ecu", "-f", "image.ext4", "-o", "image.mender")
