# SPDX-License-Identifier: Apache-2.0
"""A vehicle of the demo: a folder that stands for its disk, and a real rota-agent that runs on it."""

import json
import pathlib
import shutil
import signal
import subprocess

from factory import DEVICE_TYPE, MODULE
from server import stop_process

DEMO = pathlib.Path(__file__).resolve().parent
COMMAND_DEADLINE_S = 60
POLL_S = 5

# ISO 3779: the ninth place of a VIN is a check digit over the others.
VIN_VALUES = dict(zip("ABCDEFGH", range(1, 9))) | dict(zip("JKLMN", range(1, 6))) | {"P": 7, "R": 9}
VIN_VALUES |= dict(zip("STUVWXYZ", range(2, 10))) | {str(digit): digit for digit in range(10)}
VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)

IDENTITY = """#!/bin/sh
echo vin={vin}
"""
INVENTORY = """#!/bin/sh
echo vin={vin}
echo model=Demo
echo colour={colour}
echo kernel="$(uname -r)"
"""


def make_vin(serial):
    """A VIN with its check digit; the maker's code RTA is nobody's."""
    draft = f"RTADEM000TX{serial:06d}"
    rest = sum(VIN_VALUES[letter] * weight for letter, weight in zip(draft, VIN_WEIGHTS)) % 11
    return draft[:8] + ("X" if rest == 10 else str(rest)) + draft[9:]


class Vehicle:
    def __init__(self, bin_folder, folder, serial, colour):
        self.program = bin_folder / "rota-agent"
        self.vin = make_vin(serial)
        self.colour = colour
        self.identity = {"vin": self.vin}
        self.root = folder / self.vin
        self.data = self.root / "var/lib/mender"
        self.application = self.root / "opt/vehicle/application"
        self.log = folder / f"{self.vin}.log"
        self.device_id = None
        self.process = None

    def build(self, server, public_key):
        """What the vehicle leaves the line with: no application yet, but all that is needed to get one."""
        shared = self.root / "usr/share/mender"
        self.data.mkdir(parents=True)
        (self.data / "device_type").write_text(f"device_type={DEVICE_TYPE}\n")
        install(shared / "modules/v3" / MODULE, (DEMO / MODULE).read_text(), 0o755)
        install(shared / "identity/mender-device-identity", IDENTITY.format(vin=self.vin), 0o755)
        install(shared / "inventory/mender-inventory-vehicle",
                INVENTORY.format(vin=self.vin, colour=self.colour), 0o755)
        etc = self.root / "etc/mender"
        install(etc / "server.crt", server.ca.read_text(), 0o644)
        install(etc / "vehicle-maker.pub", public_key.read_text(), 0o644)
        install(etc / "mender.conf", json.dumps({
            "ServerURL": server.url,
            "ServerCertificate": str(etc / "server.crt"),
            "ArtifactVerifyKey": str(etc / "vehicle-maker.pub"),
            "UpdatePollIntervalSeconds": POLL_S,
            "InventoryPollIntervalSeconds": POLL_S,
            "RetryPollIntervalSeconds": POLL_S,
        }, indent=4), 0o644)

    def agent_arguments(self):
        return ["--root", str(self.root), "--data", str(self.data)]

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.program, *self.agent_arguments(), "daemon"], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)

    def look_for_update(self):
        """What the agent does by itself every POLL_S seconds, now."""
        self.process.send_signal(signal.SIGUSR1)

    def check_alive(self):
        if self.process.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"the agent of {self.vin} ended with {self.process.returncode}:\n{last}")

    def stop(self):
        stop_process(self.process)

    # What is on the vehicle's disk, asked without the server.

    def installed_name(self):
        done = subprocess.run([self.program, *self.agent_arguments(), "show-artifact"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=COMMAND_DEADLINE_S)
        return done.stdout.strip()

    def running_version(self):
        """What the vehicle's own software says of itself; None where there is none."""
        if not self.application.exists():
            return None
        done = subprocess.run([self.application, "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=COMMAND_DEADLINE_S)
        return done.stdout.strip()


def install(path, text, mode):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)


def make_folder_anew(folder):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
