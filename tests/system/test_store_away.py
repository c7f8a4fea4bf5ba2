# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL goes away under a running server and comes back: callers hear 503 at once, nothing half-done is kept, an
idle poll does not notice, and the server goes on by itself."""

import time

import pytest
from support import postgresql
from support.api import Api, error_of, wait_until
from support.artifact import make_artifact
from support.device import Device
from support.server import Server

AT_ONCE_S = 8  # under a loaded machine; a caller must not wait for a deadline


@pytest.fixture
def cluster():
    if not postgresql.is_installed():
        pytest.skip("PostgreSQL is not installed: script/setup test")
    cluster = postgresql.Cluster()
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture
def server(bin, tmp_path, cluster):
    server = Server(bin, tmp_path / "server", database=cluster.create_database())
    server.create_user()
    server.start()
    yield server
    server.stop()


def answered_unavailable(answer):
    assert answer.status_code == 503, f"{answer.status_code} {answer.text}"
    error_of(answer)
    assert answer.elapsed.total_seconds() < AT_ONCE_S


@pytest.mark.shows("MS5")
@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_store_goes_away_and_comes_back(server, cluster, tmp_path, mode):
    api = Api(server.url, server.ca).login(server.email, server.password)
    device = Device(server, {"serial": "away"})
    device_id = device.join(api)
    path = tmp_path / "release-2.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], [("file", b"two")]))
    api.upload(path)
    deployment_id = api.deploy("release-2", devices=[device_id])
    device.next(expect=200)
    device.report(deployment_id, "downloading")

    cluster.stop(mode)
    for _ in range(3):
        answered_unavailable(device.report(deployment_id, "installing", expect=None))
        answered_unavailable(api.get(f"/api/management/v1/deployments/deployments/{deployment_id}"))
    assert server.process.poll() is None, server.log()

    cluster.start()
    began = time.monotonic()
    wait_until(lambda: device.report(deployment_id, "success", expect=None).status_code == 204,
               what="the server finds its store again")
    assert time.monotonic() - began < 30
    wait_until(lambda: api.get("/api/management/v2/devauth/devices").status_code == 200, what="readers are back")
    assert api.statistics(deployment_id)["success"] == 1
    assert api.deployment(deployment_id)["status"] == "finished"
