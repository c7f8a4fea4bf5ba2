#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""demo.py [--check]: the story that script/run tells. See README.md beside it.

Every step waits for what it expects, with a deadline, and then looks twice: at what the server says, and at what
lies on the vehicles' disks. The first thing that is not so ends the demo with exit status 1.
"""

import argparse
import pathlib
import shutil
import signal
import sys
import time

from api import Api
from factory import Factory
from fleet import Fleet
from server import EMAIL, PORT, Server, choose_port, shown

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STEP_DEADLINE_S = 120
ROUND_S = 0.25
N_VEHICLES = 3
ENDS = {"success", "failure", "noartifact", "already-installed", "aborted", "decommissioned"}


class DemoFailed(Exception):
    pass


def say(text=""):
    print(text, flush=True)


def require(fact, what):
    if not fact:
        raise DemoFailed(what)


class Demo:
    def __init__(self, bin_folder, folder, port):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.server = Server(bin_folder, folder / "server", port)
        self.factory = Factory(bin_folder, folder / "factory")
        self.fleet = Fleet(bin_folder, folder / "vehicles")
        self.vehicles = []
        self.api = None
        self.steps = 0

    def step(self, text):
        self.steps += 1
        say(f"\n{self.steps}. {text}")

    def wait_until(self, condition, what):
        """Returns the first true value of condition()."""
        deadline = time.monotonic() + STEP_DEADLINE_S
        while True:
            value = condition()
            if value:
                return value
            require(time.monotonic() < deadline, f"{what}: not within {STEP_DEADLINE_S} s")
            require(self.server.process.poll() is None, f"the server ended:\n{self.server.last_words()}")
            self.fleet.check_alive()
            time.sleep(ROUND_S)

    def stop(self):
        self.fleet.stop()
        self.server.stop()

    # The story

    def start_server(self):
        self.step("A fleet server starts. It makes its database, its keys and a certificate of its own.")
        self.server.create_user()
        self.server.start()
        self.api = Api(self.server.url, self.server.ca)
        self.api.login(EMAIL, self.server.password)
        say(f"   It listens on {self.server.url}; {EMAIL} has logged in.")

    def start_vehicles(self):
        self.step("Three vehicles leave the line. Each makes a key of its own and asks the server to be let in.")
        self.fleet.start(N_VEHICLES, self.server, self.factory.public_key)

        def all_have_asked():
            devices = self.api.pending_devices()
            return devices if len(devices) == N_VEHICLES else None

        devices = self.wait_until(all_have_asked, "three vehicles have asked")
        for device in sorted(devices, key=lambda device: device["identity_data"]["vin"]):
            vehicle = self.fleet.vehicle(device["identity_data"]["vin"])
            require(vehicle.root.is_dir(), f"{vehicle.vin} is none of the vehicles on disk")
            vehicle.device_id = device["id"]
            self.vehicles.append(vehicle)
            say(f"   {vehicle.vin} waits. Nobody has accepted it, so it gets nothing.")

    def accept_vehicles(self):
        self.step("The operator accepts them; they report what they are.")
        for device in self.api.pending_devices():
            self.api.accept(device)
        for vehicle in self.vehicles:
            facts = self.wait_until(lambda: self.inventory_of(vehicle), f"the inventory of {vehicle.vin} has arrived")
            require(facts["vin"] == vehicle.vin, f"{vehicle.vin} reports the VIN {facts['vin']}")
            say(f"   {vehicle.vin}: {facts['colour']}, {facts['odometer_km']} km, kernel {facts['kernel']}")

    def inventory_of(self, vehicle):
        """What the vehicle has reported; None as long as nothing of its own has arrived."""
        try:
            facts = self.api.inventory(vehicle.device_id)
        except RuntimeError:
            return None
        return facts if "vin" in facts and "odometer_km" in facts else None

    def roll_out(self, version, targets, expected):
        """Deploys a release and waits until each target has come to its end; returns the deployment's id."""
        deployment = self.api.deploy(f"demo {version}", version, [vehicle.device_id for vehicle in targets])

        def all_ended():
            statuses = self.api.statuses(deployment)
            return all(statuses.get(vehicle.device_id) in ENDS for vehicle in targets)

        self.wait_until(all_ended, f"all vehicles have finished with {version}")
        for vehicle in targets:
            status = self.api.statuses(deployment)[vehicle.device_id]
            require(status == expected, f"{vehicle.vin} ended {version} with {status}, not {expected}:\n"
                    + self.log_of(deployment, vehicle))
        return deployment

    def log_of(self, deployment, vehicle):
        try:
            return self.api.log(deployment, vehicle.device_id)
        except RuntimeError as refusal:
            return f"(no log: {refusal})"

    def require_on_disk(self, vehicle, version):
        require(vehicle.application.read_text() == self.factory.application(version),
                f"{vehicle.vin} does not hold the program of {version}")
        require(vehicle.running_version() == version, f"{vehicle.vin} does not run {version}")
        self.wait_until(lambda: vehicle.installed_name() == version, f"{vehicle.vin} says that it has {version}")

    def install_release(self, version, text):
        self.step(text)
        for vehicle in self.vehicles:
            before = vehicle.running_version()
            require(before != version, f"{vehicle.vin} has {version} before it was rolled out")
        self.api.upload(self.factory.release(version))
        self.roll_out(version, self.vehicles, "success")
        for vehicle in self.vehicles:
            self.require_on_disk(vehicle, version)
            say(f"   {vehicle.vin}: success; its software says it is {vehicle.running_version()}.")

    def refuse_stranger(self):
        kept, version = "release-2", "release-2-stranger"
        victim = self.vehicles[0]
        self.step("Somebody with full rights on the server uploads a release signed by another key, and rolls it out.\n"
                  f"   The server passes it on to {victim.vin}: what a vehicle installs is not the server's to decide.")
        self.api.upload(self.factory.release(version, key=self.factory.stranger_key))
        deployment = self.roll_out(version, [victim], "failure")
        log = self.log_of(deployment, victim)
        # "TIME LEVEL: what is said"
        reasons = [line.split(": ", 1)[-1] for line in log.splitlines() if "signature" in line.lower()]
        require(reasons, f"the log of {victim.vin} does not speak of the signature:\n{log}")
        self.require_on_disk(victim, kept)
        say(f"   {victim.vin}: refused. It says: {reasons[0]}")
        say(f"   It still runs {kept}.")

    def roll_back_broken(self):
        kept, version = "release-2", "release-3"
        self.step(f"{version} is signed and sound, but its brake controller does not answer: "
                  "the health check in the vehicle fails.")
        self.api.upload(self.factory.release(version, healthy=False))
        deployment = self.roll_out(version, self.vehicles, "failure")
        for vehicle in self.vehicles:
            log = self.log_of(deployment, vehicle)
            require("brake controller does not answer" in log, f"the log of {vehicle.vin} does not say why:\n{log}")
            self.require_on_disk(vehicle, kept)
            say(f"   {vehicle.vin}: rolled back; its software says it is {vehicle.running_version()} again.")
        say("   Each vehicle has sent its log; it says: the brake controller does not answer.")

    def tell(self):
        self.start_server()
        self.start_vehicles()
        self.accept_vehicles()
        self.install_release("release-1", "Release 1 is made, signed with the vehicle maker's key, uploaded and rolled out.")
        self.install_release("release-2", "Release 2 follows, to all three.")
        self.refuse_stranger()
        self.roll_back_broken()

    def say_farewell(self):
        ca, url = shown(self.server.ca), self.server.url
        say("\nAll of it happened: each step was checked at the server and on the vehicles' disks.")
        say(f"\nThe server stays up:  {url}  (its certificate authority: {ca})")
        say(f"Log in as:            {EMAIL}  with password  {self.server.password}")
        say("Try next, in another terminal:")
        say(f"  TOKEN=$(curl -s --cacert {ca} -u {EMAIL}:{self.server.password} -X POST {url}/api/management/v1/useradm/auth/login)")
        say(f'  curl -s --cacert {ca} -H "Authorization: Bearer $TOKEN" {url}/api/management/v1/deployments/deployments | python3 -m json.tool')
        say(f"  {shown(self.fleet.bin_folder / 'rota-agent')} --root {shown(self.fleet.folder / self.vehicles[0].vin)} status")
        say(f"The vehicles' disks are in {shown(self.fleet.folder)}; {shown(self.fleet.log)} is what their agents say.")
        say("Ctrl-C ends it all.")


def wait_for_ctrl_c(demo):
    try:
        while demo.server.process.poll() is None:
            time.sleep(ROUND_S)
        raise DemoFailed(f"the server ended:\n{demo.server.last_words()}")
    except KeyboardInterrupt:
        say("\nStopping.")


def main():
    parser = argparse.ArgumentParser(description="The demo of script/run.")
    parser.add_argument("--check", action="store_true", help="do not stay; exit 0 only if all of it happened")
    parser.add_argument("--bin", type=pathlib.Path, default=ROOT / "out/bin", help="folder of the programs")
    parser.add_argument("--folder", type=pathlib.Path, default=ROOT / "out/demo", help="made anew: what the demo writes")
    parser.add_argument("--port", type=int, help=f"of the server; {PORT} without it")
    options = parser.parse_args()

    # Also where a shell has started us in the background and had SIGINT ignored.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    began = time.monotonic()
    demo = None
    try:
        demo = Demo(options.bin, options.folder, options.port or choose_port(any_will_do=options.check))
        demo.tell()
        if options.check:
            say(f"\nAll of it happened, in {time.monotonic() - began:.0f} s.")
        else:
            demo.say_farewell()
            wait_for_ctrl_c(demo)
        return 0
    except (DemoFailed, RuntimeError) as failure:
        say(f"\nThe demo ended early: {failure}")
        say(f"What was said so far lies below {shown(options.folder)}.")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130
    finally:
        if demo:
            demo.stop()


if __name__ == "__main__":
    sys.exit(main())
