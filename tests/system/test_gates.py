# SPDX-License-Identifier: Apache-2.0
"""A vehicle that is not fit for the next step says so, waits, and goes on; and at any time it tells what it does."""

import json
import os
import signal
import time

import pytest
from support.artifact import make_artifact
from support.stub_server import StubServer
from support.vehicle import DEADLINE_S, Vehicle

STEPS = ("download", "install", "reboot", "commit")
WAITING = {"download": "downloading", "install": "pause_before_installing", "reboot": "pause_before_rebooting",
           "commit": "pause_before_committing", "rollback-reboot": "pause_before_rebooting"}
# Closed as long as ROOT/closed names the step; notes what it is asked.
GATE = """#!/bin/sh
echo "$@" >>@ROOT@/asked
[ "$(cat @ROOT@/closed 2>/dev/null)" = "$1" ] || exit 0
echo "the vehicle moves at 50 km/h"
echo "a second line is not said"
exit 21
"""


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_S} s"
        time.sleep(0.02)


class Gated:
    def __init__(self, bin, root):
        self.stub = StubServer(make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake"))
        self.vehicle = Vehicle(bin, root).build(self.stub.url)
        self.root = self.vehicle.root
        self.configure()
        self.gate("50-speed", GATE.replace("@ROOT@", str(self.root)))

    def configure(self, **settings):
        self.vehicle.configure(self.stub.url, {"GateIntervalSeconds": 1, **settings})

    def gate(self, name, text):
        self.vehicle.script(name, text, "etc/rota/gates")

    def close(self, step):
        (self.root / "closed").write_text(step)

    def open(self):
        (self.root / "closed").unlink()

    def status(self, *words):
        return self.vehicle.run("status", *words)

    def facts(self):
        return json.loads(self.status("--json").stdout)

    def wait_at_gate(self, step):
        wait_until(lambda: WAITING[step] in self.stub.statuses and self.stub.substates[-1], f"waiting before {step}")


@pytest.fixture
def gated(bin, tmp_path):
    gated = Gated(bin, tmp_path)
    yield gated
    gated.stub.close()


def finish(gated, daemon, result="success"):
    wait_until(lambda: result in gated.stub.statuses, result)
    assert daemon.wait_for_log("d-1: done", "d-1: failed")
    daemon.stop()


@pytest.mark.shows("X28")
@pytest.mark.parametrize("step", STEPS)
def test_a_closed_gate_is_waited_for(gated, step):
    (gated.root / "needs-reboot").write_text("Yes")  # the module reboots something by itself: the agent goes on
    gated.close(step)
    daemon = gated.vehicle.start()
    gated.wait_at_gate(step)
    calls = gated.vehicle.calls()
    facts = gated.facts()
    assert facts["running"] and facts["state"] == "updating"
    assert facts["update"] == {"deployment": "d-1", "artifact": "release-2", "phase": f"wait for leave to {step}"}
    assert facts["waiting"]["for"] == "50-speed: the vehicle moves at 50 km/h"
    text = gated.status().stdout
    assert "waits for     50-speed: the vehicle moves at 50 km/h" in text and "d-1 of artifact release-2" in text
    told = gated.stub.inventories[-1]
    assert {"name": "rota_agent_waits_for", "value": "50-speed: the vehicle moves at 50 km/h"} in told
    assert gated.vehicle.calls() == calls, "nothing runs while it waits"
    gated.open()
    finish(gated, daemon)
    assert gated.stub.substates[gated.stub.statuses.index(WAITING[step])] is not None or step == "download"
    assert gated.vehicle.artifact_name() == "release-2"
    asked = [line.split() for line in (gated.root / "asked").read_text().splitlines()]
    assert [words[0] for words in asked if words[0] != step] == [each for each in STEPS if each != step]
    assert all(words[1:] == ["d-1", "release-2"] for words in asked)


@pytest.mark.parametrize("step, installed", [("download", "unknown"), ("install", "unknown"), ("commit", "unknown")])
def test_the_server_may_take_it_back_meanwhile(gated, step, installed):
    gated.configure(UpdatePollIntervalSeconds=1)
    gated.close(step)
    daemon = gated.vehicle.start()
    gated.wait_at_gate(step)
    gated.stub.status_answers[WAITING[step]] = 409
    assert daemon.wait_for_log("d-1: done", "d-1: failed")
    daemon.stop()
    assert gated.vehicle.artifact_name() == installed
    assert gated.vehicle.target() == "old"


def test_nobody_waits_for_ever(gated):
    gated.configure(GateTimeoutSeconds=2)
    gated.close("install")
    daemon = gated.vehicle.start()
    finish(gated, daemon, "failure")
    reason = gated.stub.substates[gated.stub.statuses.index("failure")]
    assert "no leave to install within 2 s: 50-speed: the vehicle moves at 50 km/h" in reason
    assert gated.vehicle.target() == "old"


@pytest.mark.parametrize("text, said", [
    ("#!/bin/sh\nexit 3\n", "60-odd: exited with 3, which says nothing"),
    ("#!/bin/sh\nkill -9 $$\n", "60-odd: exited with 137, which says nothing"),
    ("#!/bin/sh\nexit 21\n", "60-odd: not now"),
    ("#!/no/such/interpreter\n", "60-odd: run"),
], ids=["status", "signal", "silent", "interpreter"])
def test_what_is_not_known_is_a_no(gated, text, said):
    gated.gate("60-odd", text)
    daemon = gated.vehicle.start()
    gated.wait_at_gate("download")
    assert gated.stub.substates[-1].startswith(said)
    (gated.root / "etc/rota/gates/60-odd").unlink()
    finish(gated, daemon)


def test_what_is_no_gate_is_not_run(gated):
    gated.gate("README.md", "#!/bin/sh\nexit 21\n")
    gated.gate(".hidden", "#!/bin/sh\nexit 21\n")
    finish(gated, gated.vehicle.start())


def test_a_power_cut_while_it_waits_to_install_costs_nothing(gated):
    gated.close("install")
    daemon = gated.vehicle.start()
    gated.wait_at_gate("install")
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(DEADLINE_S)
    gated.open()
    finish(gated, gated.vehicle.start())
    assert gated.vehicle.artifact_name() == "release-2"
    assert "failure" not in gated.stub.statuses


def test_a_power_cut_while_it_waits_to_reboot_is_the_reboot(gated):
    (gated.root / "needs-reboot").write_text("Automatic")
    gated.close("reboot")
    daemon = gated.vehicle.start()
    gated.wait_at_gate("reboot")
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(DEADLINE_S)
    (gated.root / "proc/sys/kernel/random/boot_id").write_text("second-boot\n")
    finish(gated, gated.vehicle.start())
    assert "reboot" not in gated.vehicle.calls()
    assert gated.vehicle.artifact_name() == "release-2"


def test_a_stop_while_it_waits_to_reboot_is_none(gated):
    (gated.root / "needs-reboot").write_text("Automatic")
    gated.close("reboot")
    daemon = gated.vehicle.start()
    gated.wait_at_gate("reboot")
    daemon.stop()
    daemon = gated.vehicle.start()
    assert daemon.wait_for_log("reboot waits: 50-speed")
    gated.open()
    daemon.process.wait(DEADLINE_S)  # the machine goes down
    finish(gated, gated.vehicle.start())
    assert gated.vehicle.calls().count("reboot") == 1
    assert gated.vehicle.artifact_name() == "release-2"


def test_the_way_back_waits_too(gated):
    (gated.root / "needs-reboot").write_text("Yes")
    gated.vehicle.fault("ArtifactVerifyReboot", "fail always")
    gated.close("rollback-reboot")
    daemon = gated.vehicle.start()
    wait_until(lambda: "waits for     50-speed" in gated.status().stdout, "waiting on the way back")
    assert "ArtifactRollbackReboot" not in gated.vehicle.calls()
    gated.open()
    finish(gated, daemon, "failure")
    assert "ArtifactRollbackReboot" in gated.vehicle.calls()


def test_status_in_idle_and_without_a_daemon(gated):
    done = gated.status()
    assert done.returncode == 1 and "the daemon is not running" in done.stdout
    assert gated.vehicle.run("status", "--json").stdout == '{"running":false}\n'
    daemon = gated.vehicle.start()
    wait_until(lambda: "success" in gated.stub.statuses and gated.facts().get("state") == "idle", "idle again")
    facts = gated.facts()
    assert facts["pid"] == daemon.process.pid and facts["artifact_name"] == "release-2"
    assert facts["waiting"]["for"].startswith("the next ") and facts["waiting"]["until"].endswith("Z")
    assert facts["update_check"]["result"] and facts["inventory"]["result"] == "the server has it"
    assert facts["last_update"]["deployment"] == "d-1" and facts["last_update"]["result"] == "success"
    assert "update" not in facts
    text = gated.status().stdout
    assert "installed     release-2 on a device of type test-vehicle" in text and " min (" in text
    daemon.stop()
    assert gated.status().returncode == 1
    assert not (gated.root / "run/rota-agent/status.json").exists()


def test_why_the_last_update_failed_is_kept(gated):
    gated.vehicle.fault("ArtifactInstall", "fail always")
    daemon = gated.vehicle.start()
    finish(gated, daemon, "failure")
    daemon = gated.vehicle.start()
    wait_until(lambda: gated.facts().get("state") == "idle", "idle")
    last = gated.facts()["last_update"]
    assert last["result"] == "failure" and last["reason"].startswith("install: ")
    assert f"                {last['reason']}\n" in gated.status().stdout
    values = {entry["name"]: entry["value"] for entry in gated.stub.inventories[-1]}
    assert values["rota_agent_last_reason"] == last["reason"] and values["rota_agent_version"]
    daemon.stop()


def test_a_killed_daemon_is_not_said_to_run(gated):
    daemon = gated.vehicle.start()
    wait_until(lambda: gated.facts()["running"], "running")
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait(DEADLINE_S)
    assert (gated.root / "run/rota-agent/status.json").exists()
    assert gated.status().returncode == 1


def test_where_it_cannot_be_told_the_vehicle_goes_on(gated):
    os.makedirs(gated.root / "run")
    (gated.root / "run/rota-agent").write_text("in the way")
    daemon = gated.vehicle.start()
    finish(gated, daemon)
    assert "status.json cannot be written" in daemon.log()
