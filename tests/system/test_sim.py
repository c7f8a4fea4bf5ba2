# SPDX-License-Identifier: Apache-2.0
"""rota-sim: vehicles with disks of their own and real agents, parked and driven again."""

import json
import os
import pathlib
import signal
import stat
import subprocess

import pytest

from support.api import wait_until
from support.hostile import HostileServer, whole


def refuse(request):
    request.send(whole(401, b'{"error":"dev auth: unauthorized","request_id":"1"}'))


def identities(server):
    return {json.loads(json.loads(request.body)["id_data"])["vin"] for request in list(server.requests)
            if request.path.endswith("/auth_requests")}


class Sim:
    def __init__(self, bin, folder, server, *more):
        self.process = subprocess.Popen(
            [bin / "rota-sim", "vehicles", "--server", server.url, "--dir", folder, "--count", "2",
             "--poll-interval", "1", *more],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Also where a test fails: no agent is left behind."""
        if self.process.poll() is None:
            self.stop()

    def agents(self):
        path = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(word) for word in path.read_text().split()]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=40)
        return output


def vins_of(folder):
    return sorted(path.name for path in folder.iterdir())


def test_vehicles_ask_to_be_let_in_and_park(bin, tmp_path):
    fleet = tmp_path / "fleet"
    with HostileServer(refuse) as server:
        with Sim(bin, fleet, server, "--device-type", "truck", "--first", "7") as sim:
            wait_until(lambda: len(identities(server)) == 2, what="an authentication of each vehicle")
            agents = sim.agents()
            output = sim.stop()
    assert sim.process.returncode == 0, output
    assert len(agents) == 2 and not any(pathlib.Path(f"/proc/{pid}").exists() for pid in agents)
    assert vins_of(fleet) == sorted(identities(server))
    assert "2 vehicles of type truck drive" in output and "the vehicles are parked" in output
    for vin in vins_of(fleet):
        root = fleet / vin
        assert (root / "var/lib/mender/device_type").read_text() == "device_type=truck\n"
        assert stat.S_IMODE((root / "etc/mender/mender.conf").stat().st_mode) == 0o600
        assert os.access(root / "usr/share/mender/modules/v3/single-file", os.X_OK)


def test_parked_vehicle_drives_on_with_its_key(bin, tmp_path):
    def keys(server):
        return {json.loads(request.body)["pubkey"] for request in list(server.requests)}

    fleet = tmp_path / "fleet"
    seen = []
    for _ in range(2):
        with HostileServer(refuse) as server:
            with Sim(bin, fleet, server):
                wait_until(lambda: len(identities(server)) == 2, what="an authentication of each vehicle")
            seen.append((identities(server), keys(server)))
    assert seen[0] == seen[1] and len(seen[0][1]) == 2


def test_agent_that_ends_is_started_again(bin, tmp_path):
    with HostileServer(refuse) as server:
        with Sim(bin, tmp_path / "fleet", server) as sim:
            wait_until(lambda: len(sim.agents()) == 2, what="two agents")
            victim = min(sim.agents())
            os.kill(victim, signal.SIGKILL)
            wait_until(lambda: len(sim.agents()) == 2 and victim not in sim.agents(), what="another agent")
            output = sim.stop()
    assert "the agent was ended by signal 9; it starts again in 1 s" in output


@pytest.mark.parametrize("words, complaint", [
    (["--server", "https://localhost"], "--dir: missing"),
    (["--dir", "/nonexistent/fleet", "--server", "https://localhost", "--count", "0"], "--count:"),
    (["--dir", "/proc/fleet", "--server", "https://localhost"], "/proc/fleet"),
])
def test_wrong_command_line(bin, words, complaint):
    done = subprocess.run([bin / "rota-sim", "vehicles", *words], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and complaint in done.stderr
