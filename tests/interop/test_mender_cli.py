# SPDX-License-Identifier: Apache-2.0
"""Debian's mender-cli 1.9.0 against rota-server: log-in, upload, lists, delete."""

import json
import subprocess

import pytest

from support.device import Device

pytestmark = pytest.mark.shows("MS2")


class MenderCli:
    def __init__(self, peers, home, server):
        self.program = peers / "usr/bin/mender-cli"
        self.server = server
        self.home = home

    def run(self, *words, expect=0):
        done = subprocess.run(
            [self.program, "--server", self.server.url, *map(str, words)], capture_output=True, text=True, timeout=120,
            env={"HOME": str(self.home), "PATH": "/usr/bin:/bin", "SSL_CERT_FILE": str(self.server.ca)})
        assert done.returncode == expect, f"mender-cli {words}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def login(self, password=None, expect=0):
        return self.run("login", "--username", self.server.email, "--password", password or self.server.password,
                        expect=expect)


@pytest.fixture
def cli(peers, tmp_path, station):
    return MenderCli(peers, tmp_path, station)


def test_log_in(cli):
    assert "login successful" in cli.login()


def test_wrong_password(cli):
    assert "401" in cli.login("wrong", expect=1)
    cli.run("artifacts", "list", expect=1)


def test_upload_list_delete(cli, operator, mender_artifact):
    artifact = mender_artifact.write("by-cli", {"software": b"x" * 100_000})
    cli.login()
    assert "upload successful" in cli.run("artifacts", "upload", "--no-progress", "--description", "a test", artifact)
    listed = cli.run("artifacts", "list", "--detail", "3")
    assert "by-cli" in listed and "test-vehicle" in listed
    found = [entry for entry in operator.get("/api/management/v1/deployments/artifacts", expect=200).json()
             if entry["name"] == "by-cli"]
    assert len(found) == 1 and found[0]["description"] == "a test"
    cli.run("artifacts", "delete", found[0]["id"])
    assert "by-cli" not in cli.run("artifacts", "list")


def test_broken_artifact_is_refused_with_a_reason(cli, tmp_path):
    broken = tmp_path / "broken.mender"
    broken.write_bytes(b"no artifact" * 1000)
    cli.login()
    assert "upload successful" not in cli.run("artifacts", "upload", "--no-progress", broken, expect=1)


def test_devices(cli, station, operator):
    device = Device(station, {"mac": "02:00:00:00:00:77"})  # of an identity it shows mac, sn and sku
    device.join(operator)
    cli.login()
    assert "02:00:00:00:00:77" in cli.run("devices", "list", "--detail", "3")
    raw = cli.run("devices", "list", "--raw")
    start = raw.index("[")
    devices = json.loads(raw[start:raw.rindex("]") + 1])
    assert any(entry["identity_data"] == {"mac": "02:00:00:00:00:77"} for entry in devices)
