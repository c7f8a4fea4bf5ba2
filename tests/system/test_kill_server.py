# SPDX-License-Identifier: Apache-2.0
"""The server killed a hundred times under 32 reporting devices: what it acknowledged is there after each restart.

Each device reports, in turn and as fast as it can, a status, a log and its inventory, each with a number that grows.
After a kill the server is started again and asked: of each kind it must hold the last number that was acknowledged,
or the next one that was on its way. Every tenth time `rota-server check` looks at the store before that.
"""

import json
import random
import threading
import time

import pytest
import requests
from support.artifact import make_artifact
from support.device import Device

DEVICES, KILLS, CHECK_EVERY = 32, 100, 10
KINDS = ("status", "log", "inventory")


class Reporter(Device):
    def __init__(self, server, number):
        super().__init__(server, {"serial": f"kill-{number:02}"})
        self.sent = dict.fromkeys(KINDS, 0)
        self.acknowledged = dict.fromkeys(KINDS, 0)
        self.fault = None

    def send(self, kind, number):
        if kind == "status":
            # An equal status would be a report that was sent twice.
            self.report(self.deployment_id, ("downloading", "installing")[number % 2], substate=f"step {number}")
        elif kind == "log":
            self.send_log(self.deployment_id, [
                {"timestamp": "2026-01-01T00:00:00Z", "level": "info", "message": f"line {number}"}])
        else:
            self.send_inventory({"number": f"{number}"})

    def report_until_killed(self):
        try:
            while True:
                for kind in KINDS:
                    self.sent[kind] += 1
                    self.send(kind, self.sent[kind])
                    self.acknowledged[kind] = self.sent[kind]
        except requests.RequestException:
            self.session.close()  # the server is gone
        except AssertionError as error:
            self.fault = str(error)


def set_up(server, api, tmp_path):
    reporters = [Reporter(server, number) for number in range(DEVICES)]
    for reporter in reporters:
        reporter.id = reporter.join(api)
    path = tmp_path / "release-2.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], [("file", b"two")]))
    api.upload(path)
    deployment_id = api.deploy("release-2", devices=[reporter.id for reporter in reporters])
    for reporter in reporters:
        offered = reporter.next(expect=200)
        reporter.deployment_id = offered["id"]
        assert offered["id"] == deployment_id
        for kind in KINDS:
            reporter.sent[kind] += 1
            reporter.send(kind, 1)
            reporter.acknowledged[kind] = 1
    return reporters, deployment_id


def run_and_kill(server, reporters, seconds):
    threads = [threading.Thread(target=reporter.report_until_killed, daemon=True) for reporter in reporters]
    for thread in threads:
        thread.start()
    time.sleep(seconds)
    server.kill()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive(), "a device still waits for a server that is gone"
    faults = [reporter.fault for reporter in reporters if reporter.fault]
    assert not faults, faults[0]


def held_numbers(api, deployment_id, reporter, substates, inventories):
    log = api.device_log(deployment_id, reporter.id)
    return {
        "status": int(substates[reporter.id].removeprefix("step ")),
        "log": int(log.rstrip().rsplit("line ", 1)[1]),
        "inventory": int(inventories[reporter.id]),
    }


def assert_nothing_lost(api, deployment_id, reporters):
    substates = {row["id"]: row["substate"] for row in api.deployment_devices(deployment_id)}
    listed = api.get("/api/management/v1/inventory/devices", params={"per_page": 500}, expect=200).json()
    inventories = {row["id"]: attribute["value"] for row in listed for attribute in row["attributes"]
                   if attribute["name"] == "number"}
    for reporter in reporters:
        held = held_numbers(api, deployment_id, reporter, substates, inventories)
        for kind in KINDS:
            assert reporter.acknowledged[kind] <= held[kind] <= reporter.sent[kind], (
                f"{reporter.identity}: {kind} {held[kind]} is held, {reporter.acknowledged[kind]} was acknowledged, "
                f"{reporter.sent[kind]} sent: {json.dumps(held)}")
            reporter.acknowledged[kind] = reporter.sent[kind] = held[kind]


@pytest.mark.shows("MS5")
def test_nothing_acknowledged_is_lost(server, api, tmp_path):
    reporters, deployment_id = set_up(server, api, tmp_path)
    rng = random.Random(5)
    for kill in range(KILLS):
        run_and_kill(server, reporters, rng.uniform(0.05, 0.25))
        if (kill + 1) % CHECK_EVERY == 0:
            checked = server.run_verb("check")
            assert checked.returncode == 0, checked.stdout + checked.stderr
        server.start()
        assert_nothing_lost(api, deployment_id, reporters)
    total = sum(sum(reporter.acknowledged.values()) for reporter in reporters)
    print(f"{KILLS} kills, {total} acknowledged reports, none lost")
    assert total > KILLS * DEVICES, "the devices hardly got to report anything"
