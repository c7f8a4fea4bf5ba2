# SPDX-License-Identifier: Apache-2.0
"""Each route that changes something leaves exactly one entry when it does, and none when it fails."""

import json
import subprocess

import pytest

from support.api import DEPLOYMENTS, DEVAUTH, INVENTORY, USERADM
from support.device import Device
from support.world import PASSWORD, World

LOGS = "/api/management/v1/auditlogs/logs"


@pytest.fixture
def world(server, api, tmp_path):
    return World(server, api, tmp_path, "ours")


@pytest.fixture
def audited(bin):
    """The routes whose row names an action."""
    printed = subprocess.run([bin / "rota-server", "routes", "--json"], capture_output=True, text=True, check=True)
    return {(route["method"], route["path"]): route["audit"] for route in json.loads(printed.stdout) if route["audit"]}


def preauthorise(world, mac):
    device = Device(world.server, {"mac": mac})
    body = {"identity_data": device.identity, "pubkey": device.public_key()}
    where = world.api.post(f"{DEVAUTH}/devices", json=body, expect=201).headers["Location"]
    world.other = where.removeprefix("devices/")
    world.other_set = world.api.devices(id=world.other)[0]["auth_sets"][0]["id"]


def join_group(world):
    world.api.put(f"{INVENTORY}/devices/{world.device_id}/group", json={"group": world.group}, expect=204)


def deploy(world):
    world.latest = world.api.deploy(world.release, devices=[world.device_id], name=f"at {len(entries(world.api))}")


def attributes(name):
    return [{"name": name, "value": "x"}]


# (method, path): what must be before, and how it is done once, for real. One organisation goes through all, in order.
STEPS = {
    ("POST", f"{DEVAUTH}/devices"): (None, lambda w: w.api.post(
        f"{DEVAUTH}/devices", json={"identity_data": {"mac": "new"}, "pubkey": w.device.public_key()})),
    ("DELETE", f"{DEVAUTH}/devices/{{id}}/auth/{{aid}}"): (
        lambda w: preauthorise(w, "set"), lambda w: w.api.delete(f"{DEVAUTH}/devices/{w.other}/auth/{w.other_set}")),
    ("DELETE", f"{DEVAUTH}/devices/{{id}}"): (
        lambda w: preauthorise(w, "gone"), lambda w: w.api.delete(f"{DEVAUTH}/devices/{w.other}")),
    ("POST", f"{USERADM}/users"): (None, lambda w: w.api.post(
        f"{USERADM}/users", json={"email": "new@example.com", "password": PASSWORD})),
    ("PUT", f"{USERADM}/users/{{id}}"): (None, lambda w: w.api.put(
        f"{USERADM}/users/{w.user}", json={"roles": ["RBAC_ROLE_CI"]})),
    ("DELETE", f"{USERADM}/users/{{id}}"): (None, lambda w: w.api.delete(f"{USERADM}/users/{w.user}")),
    ("POST", f"{USERADM}/settings"): (None, lambda w: w.api.post(f"{USERADM}/settings", json={"a": 1})),
    ("POST", f"{USERADM}/settings/me"): (None, lambda w: w.api.post(f"{USERADM}/settings/me", json={"a": 1})),
    ("POST", f"{USERADM}/settings/tokens"): (None, lambda w: w.api.post(
        f"{USERADM}/settings/tokens", json={"name": "new"})),
    ("DELETE", f"{USERADM}/settings/tokens/{{id}}"): (None, lambda w: w.api.delete(
        f"{USERADM}/settings/tokens/{w.token}")),
    ("PUT", f"{INVENTORY}/devices/{{id}}/tags"): (None, lambda w: w.api.put(
        f"{INVENTORY}/devices/{w.device_id}/tags", json=attributes("a"))),
    ("PATCH", f"{INVENTORY}/devices/{{id}}/tags"): (None, lambda w: w.api.patch(
        f"{INVENTORY}/devices/{w.device_id}/tags", json=attributes("b"))),
    ("PUT", f"{INVENTORY}/devices/{{id}}/group"): (None, lambda w: w.api.put(
        f"{INVENTORY}/devices/{w.device_id}/group", json={"group": "another"})),
    ("DELETE", f"{INVENTORY}/devices/{{id}}/group/{{name}}"): (None, lambda w: w.api.delete(
        f"{INVENTORY}/devices/{w.device_id}/group/another")),
    ("PATCH", f"{INVENTORY}/groups/{{name}}/devices"): (None, lambda w: w.api.patch(
        f"{INVENTORY}/groups/another/devices", json=[w.device_id])),
    ("DELETE", f"{INVENTORY}/groups/{{name}}/devices"): (None, lambda w: w.api.delete(
        f"{INVENTORY}/groups/another/devices", json=[w.device_id])),
    ("DELETE", f"{INVENTORY}/groups/{{name}}"): (join_group, lambda w: w.api.delete(f"{INVENTORY}/groups/{w.group}")),
    ("POST", f"{DEPLOYMENTS}/artifacts"): (None, lambda w: w.upload("release-new") and None),
    ("PUT", f"{DEPLOYMENTS}/artifacts/{{id}}"): (None, lambda w: w.api.put(
        f"{DEPLOYMENTS}/artifacts/{w.spare_artifact}", json={"description": "new"})),
    ("DELETE", f"{DEPLOYMENTS}/artifacts/{{id}}"): (None, lambda w: w.api.delete(
        f"{DEPLOYMENTS}/artifacts/{w.spare_artifact}")),
    ("DELETE", f"{DEPLOYMENTS}/deployments/devices/{{device}}"): (
        lambda w: w.device.next(), lambda w: w.api.delete(f"{DEPLOYMENTS}/deployments/devices/{w.device_id}")),
    ("DELETE", f"{DEPLOYMENTS}/deployments/devices/{{device}}/history"): (None, lambda w: w.api.delete(
        f"{DEPLOYMENTS}/deployments/devices/{w.device_id}/history")),
    ("POST", f"{DEPLOYMENTS}/deployments"): (None, lambda w: w.api.post(f"{DEPLOYMENTS}/deployments", json={
        "name": "again", "artifact_name": w.release, "devices": [w.device_id]})),
    ("POST", f"{DEPLOYMENTS}/deployments/group/{{name}}"): (join_group, lambda w: w.api.post(
        f"{DEPLOYMENTS}/deployments/group/{w.group}", json={"name": "x", "artifact_name": w.release})),
    ("PUT", f"{DEPLOYMENTS}/deployments/{{id}}/status"): (deploy, lambda w: w.api.put(
        f"{DEPLOYMENTS}/deployments/{w.latest}/status", json={"status": "aborted"})),
    ("DELETE", f"{INVENTORY}/devices/{{id}}"): (None, lambda w: w.api.delete(f"{INVENTORY}/devices/{w.device_id}")),
    ("DELETE", f"{DEVAUTH}/tokens/{{id}}"): (None, lambda w: w.api.delete(f"{DEVAUTH}/tokens/{w.auth_set}")),
    ("PUT", f"{DEVAUTH}/devices/{{id}}/auth/{{aid}}/status"): (None, lambda w: w.api.put(
        f"{DEVAUTH}/devices/{w.device_id}/auth/{w.auth_set}/status", json={"status": "rejected"})),
    ("PUT", f"{USERADM}/users/me"): (None, lambda w: w.api.put(
        f"{USERADM}/users/me", json={"email": "chief@example.com", "current_password": w.server.password})),
    ("PUT", "/api/management/v2/useradm/users/me"): (None, lambda w: w.api.put(
        "/api/management/v2/useradm/users/me", json={"password": PASSWORD, "current_password": w.server.password})),
}
# A row names one action; what was decided is told by another word.
OTHER_WORDS = {"accept": {"accept", "reject", "reset"}}


def entries(api):
    return api.get(LOGS, params={"per_page": 500, "sort": "asc"}, expect=200).json()


@pytest.mark.shows("A1", "A3", "A4", "A5")
def test_each_change_is_one_entry_of_its_kind(world, audited):
    assert sorted(STEPS) == sorted(audited), "every audited route has a step here"
    my_id = world.api.get(f"{USERADM}/users/me").json()["id"]
    for route, (prepare, act) in STEPS.items():
        where = " ".join(route)
        if prepare:
            prepare(world)
        before = entries(world.api)
        answer = act(world)
        assert answer is None or answer.status_code < 300, f"{where}: {answer.status_code} {answer.text}"
        new = entries(world.api)[len(before):]
        assert len(new) == 1, f"{where}: {new}"
        action = audited[route]
        assert new[0]["action"] in OTHER_WORDS.get(action, {action}), f"{where}: {new}"
        assert new[0]["actor"]["type"] == "user" and new[0]["actor"]["id"] == my_id, f"{where}: {new}"
        assert new[0]["object"]["type"], f"{where}: {new}"
    numbers = [entry["number"] for entry in entries(world.api)]
    assert numbers == list(range(1, len(numbers) + 1)), "an entry is missing"


@pytest.mark.shows("A1")
def test_a_change_that_fails_leaves_none(world):
    api = world.api
    before = entries(api)
    api.put(f"{DEVAUTH}/devices/{world.device_id}/auth/{world.auth_set}/status", json={"status": "happy"}, expect=400)
    api.post(f"{DEVAUTH}/devices", expect=409, json={
        "identity_data": world.device.identity, "pubkey": world.device.public_key()})
    api.post(f"{USERADM}/users", json={"email": world.server.email, "password": PASSWORD}, expect=422)
    api.delete(f"{DEPLOYMENTS}/artifacts/{world.artifact}", expect=409)
    api.post(f"{USERADM}/settings", json={"a": 1}, headers={"If-Match": "nothing"}, expect=412)
    api.post(f"{DEPLOYMENTS}/deployments", expect=422, json={
        "name": "x", "artifact_name": "nothing", "devices": [world.device_id]})
    assert entries(api) == before


def test_the_log_is_read_by_page_and_filter(world):
    api = world.api
    everything = entries(api)
    page = api.get(LOGS, params={"per_page": 2, "page": 2, "sort": "asc"}, expect=200)
    assert page.json() == everything[2:4] and int(page.headers["X-Total-Count"]) == len(everything)
    assert 'rel="last"' in page.headers["Link"]
    assert api.get(LOGS).json()[0] == everything[-1]
    devices = api.get(LOGS, params={"object_type": "device"}).json()
    assert devices and all(entry["object"]["type"] == "device" for entry in devices)
    assert api.get(LOGS, params={"actor_email": "nobody@example.com"}).json() == []
    assert api.get(LOGS, params={"created_before": 1}).json() == []
    assert len(api.get(LOGS, params={"created_after": 1, "per_page": 500}).json()) == len(everything)
    api.get(LOGS, params={"created_after": "yesterday"}, expect=400)
