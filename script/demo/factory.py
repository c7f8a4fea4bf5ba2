# SPDX-License-Identifier: Apache-2.0
"""Where releases are made and signed. The signing keys stay here: the server never sees them."""

import subprocess

DEVICE_TYPE = "demo-vehicle"
MODULE = "vehicle-application"
COMMAND_DEADLINE_S = 60

# The software of the demo's vehicles: a program that can say its version and test itself.
APPLICATION = """#!/bin/sh
case ${{1-}} in
--version) echo {version} ;;
--self-test) {self_test} ;;
*) echo "the vehicle runs {version}" ;;
esac
"""

# Comes with each release and runs in the vehicle before the update is made final. It finds the program from its
# own place, DATA/scripts.
HEALTH_CHECK = """#!/bin/sh
root=${0%/var/lib/*}
exec "$root/opt/vehicle/application" --self-test
"""


def run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=COMMAND_DEADLINE_S)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {done.stdout}")
    return done.stdout


def make_key(folder, name):
    """A P-256 key pair: NAME.key to sign with, NAME.pub to verify with."""
    key = folder / f"{name}.key"
    folder.mkdir(parents=True, exist_ok=True)
    key.touch(mode=0o600)
    run("openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
    run("openssl", "pkey", "-in", key, "-pubout", "-out", folder / f"{name}.pub")
    return key


class Factory:
    def __init__(self, bin_folder, folder):
        self.tool = bin_folder / "rota-artifact"
        self.folder = folder
        self.key = make_key(folder / "keys", "vehicle-maker")
        self.stranger_key = make_key(folder / "keys", "stranger")
        self.public_key = folder / "keys/vehicle-maker.pub"

    def application(self, version, healthy=True):
        """The program of a release, as it must then lie on the vehicles' disks."""
        self_test = "exit 0" if healthy else 'echo "the brake controller does not answer" >&2; exit 1'
        return APPLICATION.format(version=version, self_test=self_test)

    def release(self, version, healthy=True, key=None):
        """The artifact file of a release."""
        folder = self.folder / version
        folder.mkdir()
        program, check = folder / "application", folder / "ArtifactCommit_Enter_10_health-check"
        program.write_text(self.application(version, healthy))
        check.write_text(HEALTH_CHECK)
        program.chmod(0o755)
        check.chmod(0o755)
        artifact = folder / f"{version}.mender"
        run(self.tool, "write", "module-image", "-T", MODULE, "-n", version, "-t", DEVICE_TYPE, "-o", artifact,
            "-f", program, "-s", check, "-k", key or self.key)
        return artifact
