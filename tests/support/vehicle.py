# SPDX-License-Identifier: Apache-2.0
"""A vehicle in a folder: ROOT with modules and scripts, DATA, and the real agent started on them."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DEADLINE_S = 60
QUICK = {"UpdatePollIntervalSeconds": 3600, "InventoryPollIntervalSeconds": 3600, "RetryPollIntervalSeconds": 1,
         "RetryDownloadIntervalSeconds": 1, "RetryDownloadCount": 2, "StateScriptRetryIntervalSeconds": 1}

# Keeps what it replaces like a real module, notes each call, and does what ROOT/faults/STATE says: "fail" does its work
# and exits with 1, "hang" never ends, "kill" ends the agent, "power" the whole machine, which boots anew; each of them
# once or, with "always", each time.
FAKE_MODULE = r'''#!/bin/sh
set -u
root=@ROOT@
echo "$1" >>"$root/calls"
fault=$(cat "$root/faults/$1" 2>/dev/null)
case "$fault" in
fail | hang | kill | power) rm -f "$root/faults/$1" ;;
esac
case "$fault" in
hang*) sleep 1000; exit 1 ;;
power*) cat /proc/sys/kernel/random/uuid >"$root/proc/sys/kernel/random/boot_id" ;;
esac
case "$fault" in
kill* | power*) kill -9 $PPID; sleep 5; exit 1 ;;
esac
put() {
	printf '%s' "$1" >"$root/target.new" && sync "$root/target.new" && mv "$root/target.new" "$root/target" &&
		sync "$root"
}
case "$1" in
NeedsArtifactReboot) cat "$root/needs-reboot" 2>/dev/null ;;
SupportsRollback) cat "$root/supports-rollback" 2>/dev/null || echo Yes ;;
ArtifactInstall)
	[ -e "$2/tmp/old" ] || { cp "$root/target" "$2/tmp/old.new" && sync "$2/tmp/old.new" &&
		mv "$2/tmp/old.new" "$2/tmp/old" && sync "$2/tmp"; } || exit 1
	put "$(cat "$2/files/content")"
	;;
ArtifactRollback) [ ! -e "$2/tmp/old" ] || put "$(cat "$2/tmp/old")" ;;
esac
case "$fault" in
fail*) exit 1 ;;
esac
exit 0
'''

REBOOT = r'''#!/bin/sh
# The machine goes down: the agent with it, and the next boot has another id.
echo reboot >>@ROOT@/calls
cat /proc/sys/kernel/random/uuid >@ROOT@/proc/sys/kernel/random/boot_id
kill -9 $PPID
sleep 5
'''

IDENTITY = "#!/bin/sh\necho vin=TESTVEHICLE000001\n"


# SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV, SIGSYS, and the status of a sanitizer's report.
CRASH = re.compile(r"rota-agent-net (was ended by signal (4|6|7|8|11|31)|ended with status 99)$", re.MULTILINE)


def assert_no_crash(log):
    """The agent replaces a network process that ends, and an update goes well without it: only the log tells."""
    assert not CRASH.search(log), log


def write_program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


class Vehicle:
    """Everything lies below `folder`; `data` may lie elsewhere (on a recorded disk)."""

    def __init__(self, bin, folder, data=None, device_type="test-vehicle"):
        self.bin, self.root = pathlib.Path(bin), pathlib.Path(folder)
        self.data = pathlib.Path(data) if data else self.root / "var/lib/mender"
        self.device_type = device_type

    def build(self, server_url=None, settings=None):
        """Makes what a vehicle has when it leaves the factory, with release-1 as its software."""
        for folder in (self.root / "faults", self.root / "proc/sys/kernel/random", self.root / "etc/mender/scripts",
                       self.data):
            folder.mkdir(parents=True, exist_ok=True)
        modules = self.root / "usr/share/mender/modules/v3"
        write_program(modules / "fake", FAKE_MODULE.replace("@ROOT@", str(self.root)))
        for name in ("single-file", "directory", "script", "rootfs-image"):
            shutil.copy(ROOT / "modules" / name / name, modules / name)
        write_program(self.root / "sbin/reboot", REBOOT.replace("@ROOT@", str(self.root)))
        write_program(self.root / "usr/share/mender/identity/mender-device-identity", IDENTITY)
        (self.root / "proc/sys/kernel/random/boot_id").write_text("first-boot\n")
        (self.root / "target").write_text("old")
        (self.data / "device_type").write_text(f"device_type={self.device_type}\n")
        self.configure(server_url, settings)
        return self

    def configure(self, server_url=None, settings=None):
        values = {**QUICK, **({"ServerURL": server_url} if server_url else {}), **(settings or {})}
        (self.root / "etc/mender/mender.conf").write_text(json.dumps(values))

    def fault(self, state, kind):
        (self.root / "faults" / state).write_text(kind)

    def script(self, name, text, folder="etc/mender/scripts"):
        write_program(self.root / folder / name, text)

    def calls(self):
        """The states in which the fake module was called, without its queries."""
        path = self.root / "calls"
        queries = ("ProvidePayloadFileSizes", "SupportsRollback", "NeedsArtifactReboot")
        return [word for word in path.read_text().split() if word not in queries] if path.exists() else []

    def command(self, *words):
        return [str(self.bin / "rota-agent"), "--root", str(self.root), "--data", str(self.data), *map(str, words)]

    def run(self, *words, environment=None, timeout=DEADLINE_S):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, timeout=timeout,
                              env={**os.environ, **(environment or {})})
        assert_no_crash(done.stderr)
        return done

    def start(self, environment=None):
        return Daemon(self, environment)

    def artifact_name(self):
        done = self.run("show-artifact")
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def target(self):
        return (self.root / "target").read_text()


class Daemon:
    """The running agent. Its log is kept in a file, so that it never waits for a reader."""

    def __init__(self, vehicle, environment=None):
        self.log_path = vehicle.root / "daemon.log"
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(vehicle.command("daemon"), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            env={**os.environ, **(environment or {})})

    def log(self):
        return self.log_path.read_bytes()[self.log_start:].decode(errors="replace")

    def wait_for_log(self, *texts, deadline_s=DEADLINE_S, also=lambda: False):
        """Waits until one of the texts is in the log, or `also` holds, or the agent has ended; the text, or None."""
        deadline = time.monotonic() + deadline_s
        while True:
            ended = self.process.poll() is not None
            log = self.log()
            for text in texts:
                if text in log:
                    return text
            if ended or also():
                return None
            assert time.monotonic() < deadline, f"none of {texts} within {deadline_s} s:\n{log}"
            time.sleep(0.01)

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(DEADLINE_S)
        assert_no_crash(self.log())
        return status
