# SPDX-License-Identifier: Apache-2.0
"""The units of systemd: how much they leave open, and that the agent's does not close what an update needs."""

import pathlib
import subprocess

import pytest

DATA = pathlib.Path(__file__).resolve().parent.parent.parent / "data"

# systemd's own measure, in tenths: 0 is closed, 100 is open. The agent's modules are root, which is most of its figure.
EXPOSURE_MAX = {"rota-agent": 77, "rota-server": 15}


def security(unit, *options):
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", *options, DATA / f"{unit}.service"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("unit", EXPOSURE_MAX)
def test_a_unit_leaves_no_more_open_than_it_must(unit):
    done = security(unit, f"--threshold={EXPOSURE_MAX[unit]}")
    assert done.returncode == 0, done.stdout[-300:] + done.stderr


def test_the_agent_reaches_the_devices_of_its_slots():
    """ProtectClock= and PrivateDevices= bring an access list of devices, and with it all others are closed."""
    settings = {line.split("=")[0] for line in (DATA / "rota-agent.service").read_text().splitlines()}
    assert not settings & {"ProtectClock", "PrivateDevices", "DevicePolicy", "DeviceAllow"}
