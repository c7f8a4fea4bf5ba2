# SPDX-License-Identifier: Apache-2.0
"""A vehicle that runs Debian's mender-client is handed to rota-agent in place, and back again.

Same disk, same key, same store, same modules: both run in the same root, one after the other.
"""

import shutil
import subprocess

import pytest

from support.api import wait_until

pytestmark = pytest.mark.shows("MS2")

DEADLINE_S = 120


class Agent:
    """rota-agent in the root of a mender-client."""

    def __init__(self, bin, client):
        self.client = client
        for name in ("rota-agent", "rota-agent-key", "rota-agent-net"):
            shutil.copy(bin / name, client.root / "opt/peer" / name)

    def run(self, *words):
        done = subprocess.run(self.client.enter("/opt/peer/rota-agent", *words), env=self.client.environment(),
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def start(self):
        self.client.start(self.client.enter("/opt/peer/rota-agent", "daemon"))


def update(operator, client, device_id, mender_artifact, name):
    operator.upload(mender_artifact.write(name, {"software": name.encode()}))
    deployment = operator.deploy(name, [device_id])
    try:
        wait_until(lambda: operator.deployment(deployment)["status"] == "finished", DEADLINE_S, 0.3,
                   what=f"the end of {name}")
    finally:
        print(client.log()[-4000:])
    assert operator.statistics(deployment)["success"] == 1
    assert client.installed() == name


def test_vehicle_changes_its_agent_and_changes_back(bin, make_client, operator, mender_artifact):
    client = make_client()
    client.start()
    wait_until(lambda: operator.device_by_identity(client.identity), DEADLINE_S, what="its authentication request")
    device_id = operator.accept(client.identity)
    client.look_for_update()
    update(operator, client, device_id, mender_artifact, "by-mender-2")
    client.stop()

    agent = Agent(bin, client)
    assert agent.run("show-artifact").strip() == "by-mender-2"
    assert "rootfs-image.rota-test.version=by-mender-2" in agent.run("show-provides").split()
    agent.start()
    update(operator, client, device_id, mender_artifact, "by-rota-3")
    client.stop()

    assert client.run("show-artifact").stdout.strip().endswith("by-rota-3")
    assert "rootfs-image.rota-test.version=by-rota-3" in client.run("show-provides").stdout
    client.start()
    update(operator, client, device_id, mender_artifact, "by-mender-4")
    # It was the same device all along: one identity, one key.
    device = operator.device_by_identity(client.identity)
    assert device["id"] == device_id and len(device["auth_sets"]) == 1
