# SPDX-License-Identifier: Apache-2.0
"""Debian's mender-client 3.4.0, unmodified, through its whole life beside rota-server."""

import pytest

from support.api import DEPLOYMENTS, wait_until

pytestmark = pytest.mark.shows("MS2")

DEADLINE_S = 120


def join(client, operator):
    """Starts the client, lets it ask, accepts it; returns the device's id."""
    client.start()
    wait_until(lambda: operator.device_by_identity(client.identity), DEADLINE_S, what="its authentication request")
    device_id = operator.accept(client.identity)
    client.look_for_update()
    return device_id


def inventory(operator, device_id):
    return operator.inventory_of(device_id).get("inventory", {})


def wait_for_inventory(client, operator, device_id, name, value):
    def there():
        return inventory(operator, device_id).get(name) == value
    try:
        wait_until(there, DEADLINE_S, 0.5, what=f"{name}={value} in its inventory")
    except AssertionError:
        print(client.log()[-5000:])
        raise


def status_of(operator, deployment_id, device_id):
    for device in operator.deployment_devices(deployment_id):
        if device["id"] == device_id:
            return device["status"]
    return None


def wait_for_status(client, operator, deployment_id, device_id, *wanted):
    def there():
        return status_of(operator, deployment_id, device_id) in wanted
    try:
        wait_until(there, DEADLINE_S, 0.3, what=f"status {' or '.join(wanted)}")
    except AssertionError:
        print(client.log()[-8000:], operator.deployment(deployment_id), operator.deployment_devices(deployment_id))
        raise


def finish(client, operator, deployment_id, device_id, wanted):
    wait_for_status(client, operator, deployment_id, device_id, wanted)
    wait_until(lambda: operator.deployment(deployment_id)["status"] == "finished", what="the deployment's end")


def test_accept_and_inventory(make_client, operator):
    client = make_client()
    client.start()
    wait_until(lambda: operator.device_by_identity(client.identity), DEADLINE_S, what="its authentication request")
    device = operator.device_by_identity(client.identity)
    assert device["status"] == "pending"
    assert operator.inventory_of(device["id"]).get("inventory", {}) == {}
    operator.accept(client.identity)
    client.look_for_update()
    wait_for_inventory(client, operator, device["id"], "colour", "green")
    attributes = inventory(operator, device["id"])
    assert attributes["device_type"] == "test-vehicle"
    assert attributes["artifact_name"] == "release-1"
    assert attributes["mender_client_version"].startswith("3.4.0")


def test_rejected_device_gets_nothing(make_client, operator):
    client = make_client()
    device_id = join(client, operator)
    wait_for_inventory(client, operator, device_id, "colour", "green")
    device = operator.device_by_identity(client.identity)
    operator.set_auth_status(device_id, device["auth_sets"][0]["id"], "rejected")
    before = len(client.lines)
    client.look_for_update()
    wait_until(lambda: any("unauthorized" in line.lower() or "401" in line for line in client.lines[before:]),
               DEADLINE_S, what="the refusal in its log")


def test_successful_update(make_client, operator, mender_artifact):
    client = make_client()
    device_id = join(client, operator)
    operator.upload(mender_artifact.write("success-2", {"software": b"version 2"}))
    deployment = operator.deploy("success-2", [device_id])
    finish(client, operator, deployment, device_id, "success")
    assert client.installed() == "version 2"
    assert client.calls() == ["Download", "SupportsRollback", "ArtifactInstall", "NeedsArtifactReboot",
                              "ArtifactCommit", "Cleanup"]
    wait_for_inventory(client, operator, device_id, "artifact_name", "success-2")
    statistics = operator.statistics(deployment)
    assert statistics["success"] == 1 and sum(statistics.values()) == 1


def test_failing_update_is_rolled_back_and_explained(make_client, operator, mender_artifact):
    client = make_client()
    device_id = join(client, operator)
    operator.upload(mender_artifact.write("failing-2", {"software": b"version 2"}))
    finish(client, operator, operator.deploy("failing-2", [device_id]), device_id, "success")
    operator.upload(mender_artifact.write("failing-3", {"software": b"version 3", "fail-ArtifactInstall": b""}))
    deployment = operator.deploy("failing-3", [device_id])
    finish(client, operator, deployment, device_id, "failure")
    assert client.installed() == "version 2"
    assert client.calls()[6:] == ["Download", "SupportsRollback", "ArtifactInstall", "NeedsArtifactReboot",
                                  "ArtifactRollback", "ArtifactFailure", "Cleanup"] or \
        [call for call in client.calls()[6:] if call != "NeedsArtifactReboot"] == [
            "Download", "SupportsRollback", "ArtifactInstall", "ArtifactRollback", "ArtifactFailure", "Cleanup"]
    wait_until(lambda: operator.deployment_devices(deployment)[0].get("log"), what="the log's arrival")
    log = operator.device_log(deployment, device_id)
    assert "the payload wants ArtifactInstall to fail" in log
    assert inventory(operator, device_id)["artifact_name"] == "failing-2"


def test_wrong_device_type_is_no_artifact(make_client, operator, mender_artifact):
    client = make_client()
    device_id = join(client, operator)
    operator.upload(mender_artifact.write("other-2", {"software": b"x"}, device_type="other-vehicle"))
    deployment = operator.deploy("other-2", [device_id])
    finish(client, operator, deployment, device_id, "noartifact")
    assert client.calls() == [] and client.installed() is None


def test_already_installed(make_client, operator, mender_artifact):
    client = make_client()
    device_id = join(client, operator)
    operator.upload(mender_artifact.write("release-1", {"software": b"x"}))
    deployment = operator.deploy("release-1", [device_id])
    finish(client, operator, deployment, device_id, "already-installed")
    assert client.calls() == []


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_signed_by_the_right_key(make_client, operator, mender_artifact, make_key, kind):
    private, public = make_key("maker", kind)
    client = make_client(verify_key=public)
    device_id = join(client, operator)
    name = f"signed-{kind}"
    operator.upload(mender_artifact.write(name, {"software": b"signed"}, more=["-k", private]))
    finish(client, operator, operator.deploy(name, [device_id]), device_id, "success")
    assert client.installed() == "signed"


@pytest.mark.parametrize("how", ["stranger", "unsigned"])
def test_signed_by_a_stranger_or_not_at_all(make_client, operator, mender_artifact, make_key, how):
    _, public = make_key("maker")
    client = make_client(verify_key=public)
    device_id = join(client, operator)
    name = f"signed-{how}"
    more = ["-k", make_key("stranger")[0]] if how == "stranger" else []
    operator.upload(mender_artifact.write(name, {"software": b"signed"}, more=more))
    deployment = operator.deploy(name, [device_id])
    finish(client, operator, deployment, device_id, "failure")
    assert client.installed() is None and "ArtifactInstall" not in client.calls()
    wait_until(lambda: operator.deployment_devices(deployment)[0].get("log"), what="the log's arrival")
    assert "sign" in operator.device_log(deployment, device_id).lower()


def test_aborted_update_is_undone(make_client, operator, mender_artifact):
    client = make_client()
    device_id = join(client, operator)
    operator.upload(mender_artifact.write("aborted-2", {"software": b"version 2", "wait-ArtifactInstall": b""}))
    deployment = operator.deploy("aborted-2", [device_id])
    wait_until(lambda: "ArtifactInstall" in client.calls(), DEADLINE_S, what="the installation")
    operator.abort(deployment)
    assert operator.deployment(deployment)["status"] == "finished"
    client.put("data/go", "")
    wait_until(lambda: "Cleanup" in client.calls(), DEADLINE_S, what="its clean-up")
    assert "ArtifactRollback" in client.calls() and "ArtifactCommit" not in client.calls()
    assert client.installed() is None
    assert status_of(operator, deployment, device_id) == "aborted"
    assert operator.statistics(deployment)["aborted"] == 1
    # And life goes on.
    operator.upload(mender_artifact.write("after-abort-2", {"software": b"version 3"}))
    finish(client, operator, operator.deploy("after-abort-2", [device_id]), device_id, "success")
    assert client.installed() == "version 3"


def test_deployment_that_is_aborted_before_it_is_seen(make_client, operator, mender_artifact):
    client = make_client(UpdatePollIntervalSeconds=3600)
    device_id = join(client, operator)
    wait_for_inventory(client, operator, device_id, "colour", "green")
    operator.upload(mender_artifact.write("unseen-2", {"software": b"version 2"}))
    deployment = operator.deploy("unseen-2", [device_id])
    operator.abort(deployment)
    client.look_for_update()
    wait_until(lambda: any("No update available" in line for line in client.lines[-200:]), DEADLINE_S,
               what="an answer to its question")
    assert client.calls() == []
    devices = operator.get(f"{DEPLOYMENTS}/deployments/{deployment}/devices/list", expect=200).json()
    assert all(device["status"] == "aborted" for device in devices)
