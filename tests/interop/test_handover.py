# SPDX-License-Identifier: Apache-2.0
"""A vehicle handed over in place: rota-agent goes on where Debian's mender-client stopped, on the same root, key, store
and modules, and mender-client understands what rota-agent leaves behind."""

import json
import shutil
import subprocess

import pytest
from support.api import wait_until
from support.artifact import make_artifact
from support.mender_client import BOUND, ENTER

pytestmark = pytest.mark.shows("MS2")

SOFTWARE = [("software", b"version 2")]


class Handover:
    """One root, two clients: `mender` and `rota` take the same words."""

    def __init__(self, client, bin):
        self.client = client
        for name in ("rota-agent", "rota-agent-key", "rota-agent-net"):
            shutil.copy(bin / name, client.root / "opt/peer" / name)
        # The path of the configuration's certificate is the same in both.
        (client.root / "etc/mender/mender.conf").write_text(json.dumps({
            **json.loads((client.root / "etc/mender/mender.conf").read_text())}))

    def rota_command(self, *words):
        script = ENTER.format(bound=" ".join(BOUND))
        return ["unshare", "--mount", "sh", "-c", script, "sh", str(self.client.root), "/opt/peer/rota-agent", *words]

    def rota(self, *words):
        return subprocess.run(self.rota_command(*words), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                              capture_output=True, text=True, timeout=120)

    def start_rota(self):
        log = open(self.client.folder / "rota.log", "ab")
        return subprocess.Popen(self.rota_command("daemon"), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def mender(self, *words):
        return self.client.run(*words)

    def artifact(self, name="release-2"):
        """Put where both see it; the path they see."""
        (self.client.root / "data" / f"{name}.mender").write_bytes(
            make_artifact(name, ["test-vehicle"], SOFTWARE, type="rota-test"))
        return f"/data/{name}.mender"


@pytest.fixture
def handover(make_client, bin):
    return Handover(make_client(), bin)


def ok(done):
    assert done.returncode == 0, f"{done.args[-2:]}: {done.stdout}{done.stderr}"
    return done.stdout


def test_mender_installs_and_rota_commits(handover):
    ok(handover.mender("install", handover.artifact()))
    assert handover.client.installed() == "version 2"
    assert ok(handover.rota("commit")) == "Committed.\n"
    assert handover.client.calls()[-2:] == ["ArtifactCommit", "Cleanup"]
    assert ok(handover.rota("show-artifact")) == "release-2\n"
    assert ok(handover.mender("show-artifact")).strip().endswith("release-2")


def test_mender_installs_and_rota_rolls_back(handover):
    ok(handover.mender("install", handover.artifact()))
    assert ok(handover.rota("rollback")) == "Rolled back.\n"
    assert handover.client.installed() is None
    assert handover.mender("rollback").returncode == 2


def test_rota_installs_and_mender_reads(handover):
    ok(handover.rota("install", handover.artifact()))
    ok(handover.rota("commit"))
    assert ok(handover.mender("show-artifact")).strip().endswith("release-2")
    provides = ok(handover.mender("show-provides"))
    assert "rootfs-image.rota-test.version=release-2" in provides
    ok(handover.mender("install", handover.artifact("release-3")))
    ok(handover.mender("commit"))
    assert ok(handover.rota("show-provides")).splitlines() == ["artifact_name=release-3",
                                                             "rootfs-image.rota-test.version=release-3"]


def test_the_same_device_for_the_server(handover, operator, station):
    """Accepted as mender-client, updated as rota-agent: same key, no second acceptance."""
    client = handover.client
    client.start()
    wait_until(lambda: operator.device_by_identity(client.identity), 120, what="its question")
    device_id = operator.accept(client.identity)
    client.look_for_update()
    wait_until(lambda: operator.inventory_of(device_id).get("inventory", {}).get("colour"), 120, what="its inventory")
    client.stop()
    name = f"handover-{client.identity['vin']}"
    path = client.folder / "artifact.mender"
    path.write_bytes(make_artifact(name, ["test-vehicle"], SOFTWARE, type="rota-test"))
    operator.upload(path)
    deployment = operator.deploy(name, devices=[device_id])
    daemon = handover.start_rota()
    try:
        wait_until(lambda: operator.statistics(deployment)["success"] == 1, 60, what="the update")
    finally:
        daemon.terminate()
        daemon.wait(30)
    assert client.installed() == "version 2"
    assert len(operator.device_by_identity(client.identity)["auth_sets"]) == 1


# in which state mender-client is killed -> what rota-agent makes of it
CUT_OFF = {
    "ArtifactInstall": ("failure", None, "ArtifactRollback"),
    "ArtifactCommit": ("failure", None, "ArtifactRollback"),
    "Cleanup": ("success", "version 2", "Cleanup"),
}


@pytest.mark.parametrize("state", CUT_OFF)
def test_an_update_mender_began_is_brought_to_its_end(handover, operator, state):
    """Killed in the middle of a deployment; the other client finds the journal and goes on as the table says."""
    final, installed, called = CUT_OFF[state]
    client = handover.client
    client.start()
    wait_until(lambda: operator.device_by_identity(client.identity), 120, what="its question")
    device_id = operator.accept(client.identity)
    name = f"cut-off-{client.identity['vin']}"
    path = client.folder / "artifact.mender"
    path.write_bytes(make_artifact(name, ["test-vehicle"], SOFTWARE + [(f"wait-{state}", b"")], type="rota-test"))
    operator.upload(path)
    deployment = operator.deploy(name, devices=[device_id])
    client.look_for_update()
    wait_until(lambda: state in client.calls(), 120, what=f"{state} under mender-client")
    client.process.kill()
    client.process.wait()
    (client.root / "data/go").touch()
    daemon = handover.start_rota()
    try:
        wait_until(lambda: operator.statistics(deployment)[final] == 1, 60, what=f"the report {final}")
    finally:
        daemon.terminate()
        daemon.wait(30)
    assert client.installed() == installed
    assert called in client.calls() and client.calls()[-1] == "Cleanup"
    assert ok(handover.rota("show-artifact")).strip() == (name if final == "success" else "release-1")


def test_modules_of_mender_run_under_rota(handover):
    """The single-file module as its package brings it, with the payload its generator writes."""
    files = [("dest_dir", b"/data/place"), ("filename", b"app"), ("permissions", b"644"), ("app", b"theirs")]
    (handover.client.root / "data/place").mkdir()
    (handover.client.root / "data/file.mender").write_bytes(
        make_artifact("file-1", ["test-vehicle"], files, type="single-file"))
    ok(handover.rota("install", "/data/file.mender"))
    assert (handover.client.root / "data/place/app").read_bytes() == b"theirs"
    ok(handover.rota("commit"))
