# SPDX-License-Identifier: Apache-2.0
"""Our update modules under Debian's mender-client 3.4.0, as it is: module x what was there before x {kept, taken back, a
payload that cannot be installed}. rootfs-image is not among them: 3.4.0 installs that type by itself."""

import os
import shutil
import subprocess
import types

import pytest
from support.artifact import make_artifact
from support.mender_client import MenderClient
from support.module import MODULES
from support.module_world import EACH, WORLDS

pytestmark = pytest.mark.shows("MS2", "I4-MS6")
SPREAD = True  # no case shares anything with another
WAYS = pytest.mark.parametrize("name,before", [case for case in EACH if case.values[0] != "rootfs-image"])


class Client:
    """The client in its root, and a world whose folder has the same name within and without."""

    def __init__(self, peers, folder, name, before):
        authority = folder / "none.crt"
        authority.touch()
        self.client = MenderClient(peers, folder, types.SimpleNamespace(url="https://127.0.0.1:9", ca=authority), "OURS")
        self.root = self.client.root
        modules = self.root / "usr/share/mender/modules/v3"
        shutil.rmtree(modules)
        modules.mkdir()
        for module in ("single-file", "directory", "script", "docker", "docker-compose"):
            shutil.copy(MODULES / module / module, modules / module)
        for type in ("deb", "rpm"):
            shutil.copy(MODULES / "package/package", modules / type)
        seen = folder / "w"
        within = self.root / str(seen)[1:]
        within.mkdir(parents=True)
        seen.symlink_to(within)
        self.world = WORLDS[name](seen, before, data=self.root / "data/mender")

    def artifact(self):
        module = self.world.module
        (self.root / "data/a.mender").write_bytes(make_artifact(
            "release-2", ["test-vehicle"], list(module.files.items()), type=self.world.name, meta_data=module.meta_data))
        return "/data/a.mender"

    def run(self, *words):
        environment = {**self.client.environment(), **self.world.module.environment}
        return subprocess.run(self.client.command("--no-syslog", *words), env=environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120)

    def ok(self, *words):
        done = self.run(*words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def make(peers, tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("mender-client runs in a mount namespace: needs root")
    made = []

    def client(name, before):
        # A short path: the bus's socket has 108 bytes.
        made.append(Client(peers, tmp_path_factory.mktemp("o"), name, before))
        return made[-1]
    yield client
    for each in made:
        each.client.remove()


@WAYS
def test_kept_or_taken_back(make, name, before):
    subject = make(name, before)
    subject.ok("install", subject.artifact())
    assert subject.world.is_new()
    subject.ok("rollback")
    assert subject.world.is_old(), subject.world.differences()
    subject.ok("install", subject.artifact())
    subject.ok("commit")
    assert subject.world.is_new()
    assert not [path for path in subject.world.place.rglob("*") if "rota-" in path.name]


@WAYS
def test_a_payload_that_cannot_be_installed(make, name, before):
    subject = make(name, before)
    subject.world.spoil()
    done = subject.run("install", subject.artifact())
    assert done.returncode == 1, done.stdout + done.stderr
    assert subject.world.is_old(), subject.world.differences()
    assert subject.run("show-artifact").stdout.strip() == "release-1"


def test_script(make):
    """No rollback, and it says so: committed at once."""
    subject = make("single-file", "nothing")
    mark = subject.world.place / "mark"
    subject.world.name = "script"
    subject.world.module.files = {"run-me": f"#!/bin/sh\necho ran >>{mark}\n".encode()}
    subject.ok("install", subject.artifact())
    assert mark.read_text() == "ran\n" and subject.run("show-artifact").stdout.strip() == "release-2"
