# SPDX-License-Identifier: Apache-2.0
"""The field's client and ours, each in a root of its own with the same files, and what a command has done there."""

import shutil
import signal
import subprocess
import types

from support.api import wait_until
from support.artifact import make_artifact
from support.mender_client import MenderClient
from support.stub_server import StubServer

THEIRS, OURS = "mender", "rota-agent"
DEADLINE_S = 30
ARTIFACT, OTHER_ARTIFACT, REBOOTING = "/data/a.mender", "/data/other.mender", "/data/reboot.mender"
PASSPHRASE = "the passphrase of a test"
# What each keeps for itself.
OWN_FILES = ("mender-store", ".lock", "deployments.", "spool", "tls-sessions", "calls", "modules")

SYSTEMCTL = """#!/bin/sh
# Which process the service has.
echo MainPID=$(cat /data/pid 2>/dev/null || echo 0)
"""

REBOOTS = """#!/bin/sh
[ "$1" != NeedsArtifactReboot ] || echo Yes
exit 0
"""


class AgentSide:
    def __init__(self, name, peers, bin, folder):
        self.name, self.stub = name, StubServer()
        folder.mkdir()
        authority = folder / "none.crt"
        authority.touch()
        server = types.SimpleNamespace(url=self.stub.url, ca=authority)
        self.client = MenderClient(peers, folder, server, "SIDE", ServerCertificate="", UpdatePollIntervalSeconds=3600,
                                   InventoryPollIntervalSeconds=3600)
        self.root = self.client.root
        self.key_path = self.root / "data/mender/mender-agent.pem"
        for program in ("rota-agent", "rota-agent-key", "rota-agent-net"):
            shutil.copy(bin / program, self.root / "opt/peer" / program)
        self.client.put("opt/peer/bin/systemctl", SYSTEMCTL, 0o755)
        self.client.put("usr/share/mender/modules/v3/reboots", REBOOTS, 0o755)
        self.put_artifact(ARTIFACT, "test-vehicle", "rota-test")
        self.put_artifact(OTHER_ARTIFACT, "other-vehicle", "rota-test")
        self.put_artifact(REBOOTING, "test-vehicle", "reboots")
        self.client.put("data/passphrase", PASSPHRASE + "\n")
        self.daemon = None

    def put_artifact(self, path, device_type, type):
        (self.root / path[1:]).write_bytes(make_artifact("release-2", [device_type], [("software", b"version 2")], type=type))

    # --- Running it ---

    def command(self, *words):
        return self.client.enter(f"/opt/peer/{self.name}", *words)

    def environment(self):
        there = self.client.environment()
        return {**there, "PATH": f"/opt/peer/bin:{there['PATH']}"}

    def run(self, *words, stdin=""):
        return subprocess.run(self.command(*words), env=self.environment(), input=stdin, capture_output=True, text=True,
                              timeout=DEADLINE_S)

    def start(self, *words):
        """The daemon, once it has asked for an update and told its inventory."""
        self.log = open(self.client.folder / "daemon.log", "wb")
        self.daemon = subprocess.Popen(self.command(*words), env=self.environment(), stdin=subprocess.DEVNULL,
                                       stdout=self.log, stderr=self.log)
        (self.root / "data/pid").write_text(str(self.daemon.pid))
        wait_until(lambda: self.stub.polls and self.stub.inventories or self.daemon.poll() is not None, DEADLINE_S,
                   what="the first contact")

    def stop(self):
        """Its exit status."""
        if self.daemon is None:
            return None
        if self.daemon.poll() is None:
            self.daemon.send_signal(signal.SIGTERM)
        status = self.daemon.wait(DEADLINE_S)
        self.log.close()
        self.daemon = None
        (self.root / "data/pid").unlink()
        return status

    def wait_for_more(self, heard, before):
        wait_until(lambda: len(getattr(self.stub, heard)) > before, DEADLINE_S, what=f"more {heard} at the server")

    def remove(self):
        self.stop()
        self.client.remove()
        self.stub.close()

    # --- What was done ---

    def make_key(self, *words, path=None):
        """In the one form that 3.4.0 reads."""
        subprocess.run(["openssl", "genrsa", "-traditional", *words, "-out", path or self.key_path, "2048"], check=True,
                       capture_output=True)

    def facts(self):
        software = self.run("--no-syslog", "show-artifact").stdout.strip()
        files = {str(path.relative_to(self.root)) for top in ("data", "etc/mender") for path in (self.root / top).rglob("*")
                 if not path.is_dir() and not any(own in str(path.relative_to(self.root / top)) for own in OWN_FILES)}
        return {"software": software, "installed": self.client.installed(), "files": sorted(files),
                "key": self.key_path.read_bytes() if self.key_path.exists() else None,
                "device type": self._device_type(), "asked the server": bool(self.stub.auth_requests)}

    def _device_type(self):
        path = self.root / "data/mender/device_type"
        return path.read_text().strip() if path.exists() else None


def effect(before, after):
    """What a command changed, in words that do not differ from one program to the other by chance."""
    changes = {name: after[name] for name in after if name not in ("key", "files") and after[name] != before[name]}
    changes["files"] = sorted(set(after["files"]) ^ set(before["files"]))
    changes["key"] = "kept" if before["key"] == after["key"] else "made" if before["key"] is None else "made anew"
    return changes


