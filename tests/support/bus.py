# SPDX-License-Identifier: Apache-2.0
"""A bus like a vehicle's system bus, with our policy, and rota-agent-bus on it."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 60
NAMES = ("io.mender.AuthenticationManager", "io.rota.Agent")
HMI_GROUP = "games"  # a group that every Debian has, in place of rota-hmi

# What Debian's system.conf says, without what only a running system has.
CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={folder}/socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <include>{folder}/rota-agent.conf</include>
</busconfig>
"""


def wait_until(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {DEADLINE_S} s"
        time.sleep(0.02)
    return value


class PrivateBus:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-bus-"))
        self.folder.chmod(0o755)
        policy = (ROOT / "data/rota-agent.conf").read_text()
        assert 'group="rota-hmi"' in policy
        (self.folder / "rota-agent.conf").write_text(policy.replace("rota-hmi", HMI_GROUP))
        (self.folder / "bus.conf").write_text(CONFIG.format(folder=self.folder))
        self.address = f"unix:path={self.folder}/socket"
        self.environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self.address}
        self.process = subprocess.Popen(
            ["dbus-daemon", f"--config-file={self.folder}/bus.conf", "--nofork", "--nopidfile"],
            stderr=(self.folder / "log").open("w"))
        wait_until((self.folder / "socket").exists, "the bus")

    def call(self, *words, user=None, group=None):
        """busctl, as another user where one is named: a program that knows nothing of ours."""
        return subprocess.run(["busctl", f"--address={self.address}", "--timeout=20", *words], text=True,
                              capture_output=True, timeout=DEADLINE_S, user=user, group=group,
                              extra_groups=[] if user else None)

    def listen(self, user=None):
        return Listener(self, user)

    def names(self):
        return {line.split()[0] for line in self.call("list", "--no-legend").stdout.splitlines()}

    def close(self):
        self.process.terminate()
        self.process.wait(DEADLINE_S)
        shutil.rmtree(self.folder)


LISTEN = """
import json, sys
from gi.repository import Gio, GLib
flags = Gio.DBusConnectionFlags
bus = Gio.DBusConnection.new_for_address_sync(
    sys.argv[1], flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION, None, None)
def heard(connection, sender, path, interface, member, values):
    print(json.dumps([path, member, values.unpack()]), flush=True)
bus.signal_subscribe(sys.argv[2], None, None, None, None, Gio.DBusSignalFlags.NONE, heard)
print(json.dumps("ready"), flush=True)
GLib.MainLoop().run()
"""


class Listener:
    """A program of any user that hears what rota-agent-bus says; both its names have one owner."""

    def __init__(self, bus, user=None):
        self.path = bus.folder / f"heard-{user}-{time.monotonic_ns()}"
        self.process = subprocess.Popen(["/usr/bin/python3", "-c", LISTEN, bus.address, NAMES[0]], user=user,
                                        extra_groups=[] if user else None, stdout=self.path.open("w"))
        wait_until(lambda: "ready" in self.path.read_text(), "a listener")

    def heard(self, member):
        lines = [json.loads(line) for line in self.path.read_text().splitlines() if line.endswith("]")]
        return [values for _, name, values in lines if name == member]

    def close(self):
        self.process.kill()
        self.process.wait()


class AgentBus:
    """rota-agent-bus of one vehicle."""

    def __init__(self, bus, vehicle):
        self.bus, self.vehicle = bus, vehicle
        self.log_path = bus.folder / "agent-bus.log"
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.vehicle.bin / "rota-agent-bus", "serve", "--root", self.vehicle.root, "--data", self.vehicle.data],
            env=self.bus.environment, stderr=self.log_path.open("a"))
        wait_until(lambda: self.process.poll() is not None or all(name in self.bus.names() for name in NAMES),
                   "the names")
        assert self.process.poll() is None, self.log()

    def log(self):
        return self.log_path.read_text()

    def children(self, name):
        """The numbers of its processes of that program."""
        text = subprocess.run(["ps", "-o", "pid=,comm=", "--ppid", str(self.process.pid)], text=True,
                              capture_output=True, check=False).stdout
        return [line.split()[0] for line in text.splitlines() if line.split()[1] == name]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(DEADLINE_S) == 0, self.log()

    def token(self):
        """What GetJwtToken answers."""
        done = self.bus.call("call", "io.mender.AuthenticationManager", "/io/mender/AuthenticationManager",
                             "io.mender.Authentication1", "GetJwtToken")
        assert done.returncode == 0, done.stderr
        return tuple(re.match(r'ss "(.*)" "(.*)"$', done.stdout).groups())

    def wait_for_token(self, other_than=""):
        return wait_until(lambda: (pair := self.token())[0] not in ("", other_than) and pair, "a token")
