# SPDX-License-Identifier: Apache-2.0
"""The demo's vehicles: rota-sim runs a real rota-agent on each, on a folder that stands for its disk."""

import pathlib
import subprocess

from factory import DEVICE_TYPE
from server import stop_process

MODULES = pathlib.Path(__file__).resolve().parent / "modules"
COMMAND_DEADLINE_S = 60
POLL_S = 1


class Vehicle:
    """One vehicle, looked at without the server: what lies on its disk, what its software says of itself."""

    def __init__(self, agent, root):
        self.agent = agent
        self.root = root
        self.vin = root.name
        self.application = root / "opt/vehicle/application"
        self.device_id = None

    def installed_name(self):
        """What the agent's own store says is installed."""
        done = subprocess.run(
            [self.agent, "--root", self.root, "--data", self.root / "var/lib/mender", "show-artifact"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=COMMAND_DEADLINE_S)
        return done.stdout.strip()

    def running_version(self):
        """What the vehicle's software says; None where there is none."""
        if not self.application.exists():
            return None
        done = subprocess.run([self.application, "--version"], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=COMMAND_DEADLINE_S)
        return done.stdout.strip()


class Fleet:
    def __init__(self, bin_folder, folder):
        self.bin_folder = bin_folder
        self.folder = folder
        self.log = folder / "vehicles.log"
        self.process = None

    def start(self, count, server, public_key):
        """Builds and starts the vehicles; each trusts this server's authority and this signing key."""
        self.folder.mkdir()
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.bin_folder / "rota-sim", "vehicles", "--server", server.url, "--ca", server.ca,
                 "--count", str(count), "--dir", self.folder, "--device-type", DEVICE_TYPE,
                 "--modules", MODULES, "--verify-key", public_key, "--poll-interval", str(POLL_S)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def vehicle(self, vin):
        return Vehicle(self.bin_folder / "rota-agent", self.folder / vin)

    def check_alive(self):
        if self.process.poll() is not None:
            last = "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
            raise RuntimeError(f"the vehicles ended with {self.process.returncode}:\n{last}")

    def stop(self):
        stop_process(self.process)
