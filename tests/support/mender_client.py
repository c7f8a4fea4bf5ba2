# SPDX-License-Identifier: Apache-2.0
"""Debian's mender-client as it comes from its package, in a root of its own.

Its paths are fixed (/usr/share/mender, /etc/mender, /var/lib/mender), so it runs in a private mount
namespace whose root is a folder of the test: the host's programs and libraries are bound into it, what
the client owns is the test's. The D-Bus it wants is a private one. Nothing of the host is touched.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from support.api import wait_until

# Bound from the host, for reading: what its modules and scripts run with.
BOUND = ("usr/bin", "usr/sbin", "usr/lib", "usr/lib32", "usr/lib64", "usr/libx32", "etc/ssl", "etc/alternatives")
LINKS = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")
STOP_DEADLINE_S = 20

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path={socket}</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
"""

# Mounts live and die with the namespace; the host sees none of them.
ENTER = """set -e
root=$1; shift
mount --make-rprivate /
for path in {bound}; do
	[ -d "/$path" ] || continue
	mkdir -p "$root/$path"
	mount --bind "/$path" "$root/$path"
done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"
"""

# An update module that does what its payload says, writes down each call, and can undo.
MODULE = """#!/bin/sh
state=$1
tree=$2
echo "$state" >>/data/calls
case $state in
SupportsRollback) echo Yes ;;
NeedsArtifactReboot) echo No ;;
ArtifactInstall)
	[ ! -e /data/installed ] || cp /data/installed "$tree/tmp/before"
	cp "$tree/files/software" /data/installed
	;;
ArtifactRollback)
	if [ -e "$tree/tmp/before" ]; then cp "$tree/tmp/before" /data/installed; else rm -f /data/installed; fi
	;;
esac
if [ -e "$tree/files/wait-$state" ]; then
	n=0
	while [ ! -e /data/go ] && [ $n -lt 600 ]; do sleep 0.1; n=$((n + 1)); done
fi
if [ -e "$tree/files/fail-$state" ]; then
	echo "the payload wants $state to fail" >&2
	exit 1
fi
exit 0
"""


class Bus:
    def __init__(self, folder):
        self.socket = folder / "bus"
        config = folder / "bus.conf"
        config.write_text(BUS.format(socket=self.socket))
        with open(folder / "bus.log", "wb") as log:
            self.process = subprocess.Popen(["dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_until(self.socket.exists, what="the private D-Bus", deadline_s=20)

    def stop(self):
        self.process.terminate()
        self.process.wait(STOP_DEADLINE_S)


class MenderClient:
    """vin is its identity; settings go over the configuration that every test needs."""

    def __init__(self, peers, folder, server, vin, device_type="test-vehicle", verify_key=None, **settings):
        self.folder = folder
        self.root = folder / "root"
        self.data = self.root / "data/mender"
        self.identity = {"vin": vin}
        self.device_type = device_type
        self.process = None
        self.lines = []
        self._build(peers, server, vin)
        config = {"ServerURL": server.url, "ServerCertificate": "/etc/mender/server.crt",
                  "UpdatePollIntervalSeconds": 2, "InventoryPollIntervalSeconds": 2, "RetryPollIntervalSeconds": 2,
                  **settings}
        if verify_key is not None:
            self.put("etc/mender/artifact.pub", pathlib.Path(verify_key).read_text())
            config["ArtifactVerifyKey"] = "/etc/mender/artifact.pub"
        self.put("etc/mender/mender.conf", json.dumps(config))
        self.bus = Bus(folder)

    def put(self, path, text, mode=0o644):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        full.chmod(mode)

    def _build(self, peers, server, vin):
        for name in ("proc", "dev", "tmp", "run", "var/lib", "data/mender", "usr", "opt/peer"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        for name in LINKS:
            if pathlib.Path("/", name).is_symlink():
                (self.root / name).symlink_to(os.readlink(f"/{name}"))
        (self.root / "var/lib/mender").symlink_to("/data/mender")
        shutil.copy(peers / "usr/bin/mender", self.root / "opt/peer/mender")
        shutil.copytree(peers / "usr/share/mender", self.root / "usr/share/mender")
        self.put("usr/share/mender/modules/v3/rota-test", MODULE, 0o755)
        self.put("usr/share/mender/identity/mender-device-identity", f"#!/bin/sh\necho vin={vin}\n", 0o755)
        self.put("usr/share/mender/inventory/mender-inventory-test", "#!/bin/sh\necho colour=green\n", 0o755)
        self.put("etc/mender/artifact_info", "artifact_name=release-1\n")
        self.put("etc/mender/server.crt", pathlib.Path(server.ca).read_text())
        self.put("etc/mender/scripts/version", "3")
        self.put("data/mender/device_type", f"device_type={self.device_type}\n")
        self.put("etc/hosts", "127.0.0.1 localhost\n")
        self.put("etc/passwd", "root:x:0:0:root:/root:/bin/sh\n")
        self.put("etc/nsswitch.conf", "hosts: files\n")

    def enter(self, *words):
        """A command that runs in the client's root."""
        script = ENTER.format(bound=" ".join(BOUND))
        return ["unshare", "--mount", "sh", "-c", script, "sh", self.root, *words]

    def command(self, *words):
        return self.enter("/opt/peer/mender", *words)

    def environment(self):
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={self.inner_bus()}"}

    def inner_bus(self):
        """The bus's socket as seen from within the root: a second name of it."""
        link = self.root / "run/bus"
        if not link.exists():
            os.link(self.bus.socket, link)
        return "/run/bus"

    def run(self, *words, deadline_s=120):
        return subprocess.run(self.command(*words), env=self.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=deadline_s)

    def start(self, command=None):
        command = command or self.command("--log-level", "debug", "--no-syslog", "daemon")
        self.process = subprocess.Popen(
            command, env=self.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors="replace")
        self.reader = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self.reader.start()

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line)

    def log(self):
        return "".join(self.lines)

    def look_for_update(self):
        self.process.send_signal(signal.SIGUSR1)

    def send_inventory(self):
        self.process.send_signal(signal.SIGUSR2)

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()

    def remove(self):
        self.stop()
        self.bus.stop()

    # What lies on its disk

    def calls(self):
        """States of the test module, in the order they were called."""
        path = self.root / "data/calls"
        return path.read_text().split() if path.exists() else []

    def installed(self):
        path = self.root / "data/installed"
        return path.read_text() if path.exists() else None
