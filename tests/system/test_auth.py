# SPDX-License-Identifier: Apache-2.0
"""Devices ask to be let in; users decide; decisions act at once and outlive a restart."""

import base64
import json
import time

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from support.api import DEVAUTH, error_of
from support.device import ATTRIBUTES, AUTH_REQUESTS, KEYS, Device

# A path of a device that needs a token and nothing else of the server's.
DEVICE_CALL = ATTRIBUTES


def device_is_in(device):
    """Whether the device's token opens a device path (what it does there is another domain's)."""
    return device.put(DEVICE_CALL, json=[]).status_code != 401


@pytest.mark.shows("T8", "C6")
@pytest.mark.parametrize("kind", sorted(KEYS))
def test_a_device_of_each_kind_of_key_waits_and_is_let_in(server, api, kind):
    device = Device(server, {"mac": f"00:{kind}"}, kind=kind)
    assert error_of(device.authenticate(expect=401)) == "dev auth: unauthorized"
    [listed] = api.devices(status="pending")
    assert listed["identity_data"] == {"mac": f"00:{kind}"} and listed["decommissioning"] is False
    [auth_set] = listed["auth_sets"]
    assert auth_set["status"] == "pending" and auth_set["pubkey"] == device.public_key()
    api.accept(device.identity)
    answer = device.authenticate(expect=200)
    assert answer.headers["Content-Type"] == "application/jwt"
    head, claims, _ = answer.text.split(".")
    claims = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert claims["jti"] == auth_set["id"] and claims["sub"] == listed["id"] and claims["mender.device"] is True
    assert claims["exp"] - claims["iat"] == 604800 and claims["mender.trial"] is False
    assert device_is_in(device)


def test_another_curve_may_authenticate(server, api):
    device = Device(server, {"mac": "p384"})
    device.key = ec.generate_private_key(ec.SECP384R1())
    device.sign = lambda key, body: key.sign(body, ec.ECDSA(hashes.SHA256()))
    device.join(api)


@pytest.mark.shows("T8")
def test_the_signature_is_over_the_body_as_it_came(server):
    device = Device(server, {"mac": "raw"})
    body = device.auth_body()
    good = device.sign(device.key, body)
    assert error_of(device.authenticate(expect=401, body=body.rstrip(b"\n"), signature=good)) == (
        "signature verification failed")
    assert error_of(device.authenticate(expect=401, body=body, signature=good)) == "dev auth: unauthorized"


def test_one_identity_however_it_is_written_is_one_device(server, api):
    device = Device(server, {"mac": "1", "sn": "2"})
    device.authenticate(expect=401)
    body = json.dumps({"id_data": '{ "sn":"2" ,\n "mac":"1" }', "pubkey": "\n" + device.public_key() + "\n"}).encode()
    device.authenticate(expect=401, body=body)
    assert len(api.devices()) == 1 and len(api.devices()[0]["auth_sets"]) == 1
    Device(server, {"mac": "1", "sn": "3"}).authenticate(expect=401)
    assert len(api.devices()) == 2


@pytest.mark.shows("S10", "C8")
def test_rejecting_and_decommissioning_end_the_token_at_once(server, api):
    device = Device(server, {"mac": "out"})
    device_id = device.join(api)
    assert device_is_in(device)
    [auth_set] = api.devices(id=device_id)[0]["auth_sets"]
    api.set_auth_status(device_id, auth_set["id"], "rejected")
    assert not device_is_in(device)
    assert error_of(device.authenticate(expect=401)) == "dev auth: unauthorized"
    old_token = device.token
    api.set_auth_status(device_id, auth_set["id"], "accepted")
    device.authenticate(expect=200)
    assert device_is_in(device)
    device.token, new_token = old_token, device.token
    assert not device_is_in(device), "a token from before the rejection came back to life"
    device.token = new_token
    api.delete(f"{DEVAUTH}/devices/{device_id}", expect=204)
    assert not device_is_in(device)
    api.get(f"{DEVAUTH}/devices/{device_id}", expect=404)
    api.delete(f"{DEVAUTH}/devices/{device_id}", expect=404)
    assert api.devices() == []
    device.authenticate(expect=401)
    assert api.devices()[0]["id"] != device_id


def test_decisions_outlive_a_restart(server, api):
    accepted, rejected = Device(server, {"mac": "a"}), Device(server, {"mac": "r"})
    accepted.join(api)
    rejected_id = rejected.join(api)
    api.set_auth_status(rejected_id, api.devices(id=rejected_id)[0]["auth_sets"][0]["id"], "rejected")
    server.restart()
    assert device_is_in(accepted) and not device_is_in(rejected)
    assert api.get(f"{DEVAUTH}/devices/count", params={"status": "accepted"}, expect=200).json() == {"count": 1}
    assert api.get(f"{DEVAUTH}/devices/count", expect=200).json() == {"count": 2}


def test_a_revoked_token_is_dead_and_a_new_one_can_be_had(server, api):
    device = Device(server, {"mac": "revoked"})
    device_id = device.join(api)
    [auth_set] = api.devices(id=device_id)[0]["auth_sets"]
    api.delete(f"{DEVAUTH}/tokens/{auth_set['id']}", expect=204)
    assert not device_is_in(device)
    device.authenticate(expect=200)
    assert device_is_in(device)
    api.delete(f"{DEVAUTH}/tokens/5c1f1c1e-0000-4000-8000-000000000000", expect=404)


@pytest.mark.shows("C8")
def test_a_second_key_takes_the_first_ones_place(server, api):
    first = Device(server, {"mac": "two-keys"})
    device_id = first.join(api)
    second = Device(server, {"mac": "two-keys"}, kind="rsa")
    second.authenticate(expect=401)
    assert device_is_in(first), "a stranger's request put the accepted key out"
    api.accept(second.identity)
    second.authenticate(expect=200)
    assert device_is_in(second) and not device_is_in(first)
    statuses = {item["pubkey"]: item["status"] for item in api.devices(id=device_id)[0]["auth_sets"]}
    assert statuses == {first.public_key(): "rejected", second.public_key(): "accepted"}


@pytest.mark.shows("MS6")
def test_keys_that_wait_for_a_decision_are_bounded(server, api):
    first = Device(server, {"mac": "known-to-all"})
    device_id = first.join(api)
    strangers = [Device(server, first.identity) for _ in range(21)]
    for stranger in strangers[:20]:
        stranger.authenticate(expect=401)
    assert int(strangers[20].authenticate(expect=429).headers["Retry-After"]) > 0
    first.authenticate(expect=200)
    strangers[0].authenticate(expect=401)  # is known already: nothing is stored
    sets = api.devices(id=device_id)[0]["auth_sets"]
    assert len(sets) == 21
    [waiting] = [item for item in sets if item["pubkey"] == strangers[0].public_key()]
    api.set_auth_status(device_id, waiting["id"], "rejected")
    strangers[20].authenticate(expect=401)
    assert len(api.devices(id=device_id)[0]["auth_sets"]) == 22


@pytest.mark.shows("C5")
def test_a_preauthorized_device_is_let_in_by_its_key_alone(server, api):
    device = Device(server, {"mac": "pre", "sn": "1"})
    body = {"identity_data": {"sn": "1", "mac": "pre"}, "pubkey": device.public_key()}
    location = api.post(f"{DEVAUTH}/devices", json=body, expect=201).headers["Location"]
    device_id = location.removeprefix("devices/")
    assert api.devices(status="preauthorized")[0]["id"] == device_id
    conflict = api.post(f"{DEVAUTH}/devices", json=body, expect=409).json()
    assert conflict["id"] == device_id and conflict["auth_sets"][0]["status"] == "preauthorized"
    set_id = conflict["auth_sets"][0]["id"]
    api.set_auth_status(device_id, set_id, "accepted", expect=400)
    device.authenticate(expect=200)
    assert device_is_in(device)
    assert api.get(f"{DEVAUTH}/devices/{device_id}/auth/{set_id}/status", expect=200).json() == {"status": "accepted"}


def test_force_preauthorises_a_new_key_of_a_known_device(server, api):
    old = Device(server, {"mac": "rotate"})
    device_id = old.join(api)
    new = Device(server, {"mac": "rotate"}, kind="p256")
    body = {"identity_data": {"mac": "rotate"}, "pubkey": new.public_key(), "force": True}
    assert api.post(f"{DEVAUTH}/devices", json=body, expect=201).headers["Location"] == f"devices/{device_id}"
    assert device_is_in(old)
    new.authenticate(expect=200)
    assert device_is_in(new) and not device_is_in(old)


def test_deleting_the_only_preauthorized_set_deletes_the_device(server, api):
    device = Device(server, {"mac": "unseen"})
    body = {"identity_data": device.identity, "pubkey": device.public_key()}
    device_id = api.post(f"{DEVAUTH}/devices", json=body, expect=201).headers["Location"].split("/")[1]
    set_id = api.devices(id=device_id)[0]["auth_sets"][0]["id"]
    api.delete(f"{DEVAUTH}/devices/{device_id}/auth/{set_id}", expect=204)
    api.get(f"{DEVAUTH}/devices/{device_id}", expect=404)


def test_a_device_without_auth_sets_is_noauth(server, api):
    device = Device(server, {"mac": "bare"})
    device_id = device.join(api)
    set_id = api.devices(id=device_id)[0]["auth_sets"][0]["id"]
    api.delete(f"{DEVAUTH}/devices/{device_id}/auth/{set_id}", expect=204)
    assert not device_is_in(device)
    assert api.devices(status="noauth")[0]["id"] == device_id


def test_the_limit_of_accepted_devices_holds(server, api):
    assert api.get(f"{DEVAUTH}/limits/max_devices", expect=200).json() == {"limit": -1}
    done = server.run_verb("tenant", "limit", "--name", "default", "--max-devices", "1")
    assert done.returncode == 0, done.stderr
    assert api.get(f"{DEVAUTH}/limits/max_devices", expect=200).json() == {"limit": 1}
    Device(server, {"mac": "in"}).join(api)
    late = Device(server, {"mac": "late"})
    late.authenticate(expect=401)
    listed = api.device_by_identity(late.identity)
    refused = api.set_auth_status(listed["id"], listed["auth_sets"][0]["id"], "accepted", expect=422)
    assert error_of(refused) == "maximum number of accepted devices reached"
    pre = Device(server, {"mac": "pre"})
    api.post(f"{DEVAUTH}/devices", json={"identity_data": pre.identity, "pubkey": pre.public_key()}, expect=201)
    assert error_of(pre.authenticate(expect=401)) == "unauthorized"


def test_lists_are_paged_and_filtered(server, api):
    devices = [Device(server, {"mac": str(number)}) for number in range(5)]
    for device in devices:
        device.authenticate(expect=401)
    first_id = api.accept(devices[0].identity)
    page = api.get(f"{DEVAUTH}/devices", params={"per_page": 2, "page": 2}, expect=200)
    assert [item["identity_data"]["mac"] for item in page.json()] == ["2", "3"]
    links = page.headers["Link"]
    assert 'page=1&per_page=2>; rel="prev"' in links and 'page=3&per_page=2>; rel="next"' in links
    assert 'rel="next"' not in api.get(f"{DEVAUTH}/devices", params={"per_page": 2, "page": 3}).headers["Link"]
    assert len(api.devices(status=["accepted", "pending"])) == 5
    assert [item["id"] for item in api.devices(status="accepted")] == [first_id]
    ids = [item["id"] for item in api.devices()][:2]
    assert [item["id"] for item in api.devices(id=ids)] == ids
    found = api.post(f"{DEVAUTH}/devices/search", json={"status": "accepted", "id": ids}, expect=200).json()
    assert [item["id"] for item in found] == [first_id]
    api.get(f"{DEVAUTH}/devices", params={"status": "happy"}, expect=400)
    api.get(f"{DEVAUTH}/devices", params={"per_page": 501}, expect=400)
    assert error_of(api.get(f"{DEVAUTH}/devices", params={"page": "x"}, expect=400)) == 'invalid page query: "x"'


def test_last_contact_is_seen_at_once_and_stored_soon(server, api):
    device = Device(server, {"mac": "contact"})
    device_id = device.join(api)
    assert device_is_in(device)
    before = api.get(f"{DEVAUTH}/devices/{device_id}").json()["check_in_time"]
    time.sleep(5)  # the longest that a last contact may be lost
    server.kill()
    server.start()
    assert api.get(f"{DEVAUTH}/devices/{device_id}").json()["check_in_time"] == before


def test_tenants_are_chosen_by_token_and_see_their_own_only(server, api):
    done = server.run_verb("tenant", "create", "--name", "other")
    assert done.returncode == 0, done.stderr
    token = done.stdout.strip()
    server.create_user("other@example.com", "another good password", "--tenant", "other")
    other = type(api)(server.url, server.ca).login("other@example.com", "another good password")
    theirs = Device(server, {"vin": "1"}, tenant_token=token)
    ours = Device(server, {"vin": "1"}, tenant_token="not a token")
    theirs.authenticate(expect=401)
    ours.authenticate(expect=401)
    [seen_by_us], [seen_by_them] = api.devices(), other.devices()
    assert seen_by_us["id"] != seen_by_them["id"]
    api.get(f"{DEVAUTH}/devices/{seen_by_them['id']}", expect=404)
    set_id = seen_by_them["auth_sets"][0]["id"]
    api.set_auth_status(seen_by_them["id"], set_id, "accepted", expect=404)
    api.delete(f"{DEVAUTH}/devices/{seen_by_them['id']}", expect=404)
    other.accept(theirs.identity)
    theirs.authenticate(expect=200)
    ours.authenticate(expect=401)


@pytest.mark.shows("A4")
def test_every_decision_is_in_the_audit_log(server, api):
    device = Device(server, {"mac": "told"})
    device_id = device.join(api)
    api.delete(f"{DEVAUTH}/devices/{device_id}", expect=204)
    entries = api.get("/api/management/v1/auditlogs/logs", params={"object_type": "device", "sort": "asc"}).json()
    assert [(entry["action"], entry["actor"]["type"]) for entry in entries] == [
        ("request", "device"), ("accept", "user"), ("decommission", "user")]
    assert all(entry["object"]["id"] == device_id for entry in entries)
    assert entries[1]["actor"]["email"] == server.email


def test_a_stranger_gets_nowhere(server):
    device = Device(server, {"mac": "stranger"})
    device.token = "e30.e30.e30"
    assert not device_is_in(device)
    device.token = None
    assert not device_is_in(device)
    answer = device.post(AUTH_REQUESTS, json={"id_data": "{}", "pubkey": device.public_key()})
    assert answer.status_code == 400 and error_of(answer) == "missing request signature header"
