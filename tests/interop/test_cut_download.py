# SPDX-License-Identifier: Apache-2.0
"""A download of 200 MiB over a line that is cut: Debian's mender-client and our agent go on where they were."""

import hashlib
import random

import pytest

from support.api import Api, wait_until
from support.cutting_proxy import CuttingProxy
from support.server import Server
from support.vehicle import Vehicle

pytestmark = pytest.mark.shows("MS2")

MIB = 1024 * 1024
SIZE = 200 * MIB
SLACK = 20 * MIB  # what was on its way when the line was cut, and everything that is no download
DEADLINE_S = 240


@pytest.fixture(scope="module")
def content():
    return random.Random(1).randbytes(SIZE)


class Line:
    """A server behind a proxy: devices are told the proxy's address, the operator goes straight."""

    def __init__(self, bin, folder, cut_after):
        self.server = Server(bin, folder / "server")
        self.server.create_user()
        self.proxy = CuttingProxy(self.server.port, cut_after)
        self.straight = self.server.url
        self.server.url = f"https://localhost:{self.proxy.port}"

    def __enter__(self):
        self.proxy.__enter__()
        self.server.start()
        self.operator = Api(self.straight, self.server.ca).login(self.server.email, self.server.password)
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.proxy.__exit__()

    def deploy(self, artifact, name, identity, wake):
        operator = self.operator
        wait_until(lambda: operator.device_by_identity(identity), DEADLINE_S, what="an authentication request")
        device_id = operator.accept(identity)
        operator.upload(artifact)
        deployment = operator.deploy(name, [device_id])
        wake()
        wait_until(lambda: operator.deployment(deployment)["status"] == "finished", DEADLINE_S, 0.5,
                   what="the deployment's end")
        return operator.statistics(deployment)


def check_line(line, cuts):
    assert not line.proxy.cut_after, "the line was never cut"
    total = sum(line.proxy.received)
    assert SIZE <= total <= SIZE + cuts * SLACK, f"{total} bytes came through for {SIZE}"


def test_mender_client_resumes(bin, tmp_path, make_client, mender_artifact, content):
    """Its pause after a cut is a minute, whatever it is told: one cut has to do."""
    artifact = mender_artifact.write("large-2", {"software": content}, compression="none")
    with Line(bin, tmp_path, [100 * MIB]) as line:
        client = make_client(server=line.server)
        client.start()
        try:
            statistics = line.deploy(artifact, "large-2", client.identity, client.look_for_update)
        except AssertionError:
            print(client.log()[-6000:])
            raise
        assert statistics["success"] == 1, client.log()[-6000:]
        installed = (client.root / "data/installed").read_bytes()
        assert hashlib.sha256(installed).digest() == hashlib.sha256(content).digest()
        client.stop()
    check_line(line, 1)


def test_our_agent_resumes(bin, tmp_path, mender_artifact, content):
    artifact = mender_artifact.write("large-2", {"content": content}, type="big", compression="none")
    with Line(bin, tmp_path, [40 * MIB, 40 * MIB, 40 * MIB]) as line:
        vehicle = Vehicle(bin, tmp_path / "vehicle").build(
            line.server.url, {"ServerCertificate": str(line.server.ca), "UpdatePollIntervalSeconds": 1})
        module = vehicle.root / "usr/share/mender/modules/v3/big"
        module.write_text(f'#!/bin/sh\n[ "$1" != ArtifactInstall ] || cp "$2/files/content" "{vehicle.root}/target"\n')
        module.chmod(0o755)
        daemon = vehicle.start()
        try:
            statistics = line.deploy(artifact, "large-2", {"vin": "TESTVEHICLE000001"}, lambda: None)
        finally:
            daemon.stop()
        assert statistics["success"] == 1, daemon.log()[-6000:]
    installed = (vehicle.root / "target").read_bytes()
    assert hashlib.sha256(installed).digest() == hashlib.sha256(content).digest()
    check_line(line, 3)
