# SPDX-License-Identifier: Apache-2.0
"""Deployments from creation to the end: who gets what, in which order, and what reports do."""

import concurrent.futures
import os
import uuid

import pytest

from support.api import DEPLOYMENTS, DEVAUTH, INVENTORY, Api, error_of, wait_until
from support.artifact import make_artifact
from support.device import DEPLOYMENT, NEXT_V1, NEXT_V2, Device

ALL = f"{DEPLOYMENTS}/deployments"
ZERO = {status: 0 for status in (
    "failure aborted pause_before_installing pause_before_committing pause_before_rebooting downloading installing "
    "rebooting pending success noartifact already-installed decommissioned").split()}


@pytest.fixture
def upload(api, tmp_path):
    def upload(name, device_types=("test-vehicle",), size=5000, **more):
        path = tmp_path / f"{uuid.uuid4()}.mender"
        path.write_bytes(make_artifact(name, device_types, [("file", os.urandom(size))], **more))
        return api.upload(path)
    return upload


@pytest.fixture
def join(server, api):
    count = 0

    def join(**more):
        nonlocal count
        count += 1
        device = Device(server, {"mac": f"00:00:00:00:00:{count:02x}"}, **more)
        device.id = device.join(api)
        return device
    return join


def counts(api, deployment_id):
    return {status: n for status, n in api.statistics(deployment_id).items() if n}


def test_life(api, upload, join):
    artifact_id = upload("release-2")
    device, other = join(), join()
    deployment_id = api.deploy("release-2", name="first")
    shown = api.deployment(deployment_id)
    assert shown["status"] == "pending"
    assert shown["artifacts"] == [artifact_id]
    assert (shown["device_count"], shown["max_devices"]) == (0, 2)
    assert api.statistics(deployment_id) == {**ZERO, "pending": 2}

    offered = device.next()
    assert offered["id"] == deployment_id
    assert offered["artifact"]["id"] == artifact_id
    assert offered["artifact"]["artifact_name"] == "release-2"
    assert offered["artifact"]["device_types_compatible"] == ["test-vehicle"]
    assert device.next()["id"] == deployment_id  # asking again changes nothing
    assert api.deployment(deployment_id)["status"] == "pending"
    assert api.deployment(deployment_id)["device_count"] == 1

    for status in ("downloading", "downloading", "installing", "rebooting", "installing"):
        device.report(deployment_id, status, substate=f"doing {status}")
        assert counts(api, deployment_id) == {status: 1, "pending": 1}
    assert api.deployment(deployment_id)["status"] == "inprogress"
    device.report(deployment_id, "success")
    assert device.next() is None
    assert other.next()["id"] == deployment_id
    other.report(deployment_id, "failure")
    other.send_log(deployment_id, [
        {"level": "error", "message": "no > room", "timestamp": "2026-01-01T10:00:00.5Z", "extra": 1}])
    shown = api.deployment(deployment_id)
    assert shown["status"] == "finished"
    assert shown["finished"] >= shown["created"]
    assert shown["statistics"]["status"] == {**ZERO, "success": 1, "failure": 1}
    assert shown["statistics"]["total_size"] == 2 * api.get(
        f"{DEPLOYMENTS}/artifacts/{artifact_id}", expect=200).json()["size"]
    rows = {row["id"]: row for row in api.deployment_devices(deployment_id)}
    assert rows[device.id]["status"] == "success" and rows[device.id]["log"] is False
    assert rows[device.id]["image"]["id"] == artifact_id
    assert rows[other.id]["status"] == "failure" and rows[other.id]["log"] is True
    assert rows[device.id]["created"] <= rows[device.id]["started"] <= rows[device.id]["finished"]
    assert api.device_log(deployment_id, other.id) == "2026-01-01T10:00:00.500Z error: no > room\n"
    error_of(api.get(f"{ALL}/{deployment_id}/devices/{device.id}/log", expect=404))


def test_three_ways_to_ask(api, upload, join):
    upload("release-2")
    devices = [join() for _ in range(3)]
    deployment_id = api.deploy("release-2")
    said = {"artifact_name": "release-1", "device_type": "test-vehicle"}
    answers = [devices[0].get(NEXT_V1, params=said, expect=200),
               devices[1].post(NEXT_V1, json={**said, "rootfs-image.version": "x"}, expect=200),
               devices[2].post(NEXT_V2, json={"device_provides": said}, expect=200)]
    assert {answer.json()["id"] for answer in answers} == {deployment_id}
    for device in devices:
        error_of(device.get(NEXT_V1, params={"artifact_name": "x"}, expect=400))
        error_of(device.post(NEXT_V1, json={"device_type": "x"}, expect=400))
        error_of(device.post(NEXT_V1, json=[], expect=400))
        error_of(device.post(NEXT_V2, json={"device_provides": {"device_type": "x"}}, expect=400))
        error_of(device.post(NEXT_V2, json=said, expect=400))


def test_matching(api, upload, join):
    upload("rel", ["a"], 50000)
    delta = upload("rel", ["a"], 2000, depends={"rootfs-image.checksum": ["1", "2"]})
    upload("rel", ["b"], 9000)
    device, other, none = join(device_type="a"), join(device_type="a"), join(device_type="c")
    deployment_id = api.deploy("rel")
    assert device.next(**{"rootfs-image.checksum": "2"})["artifact"]["id"] == delta
    assert other.next(**{"rootfs-image.checksum": "3"})["artifact"]["id"] != delta
    assert none.next() is None
    assert counts(api, deployment_id) == {"noartifact": 1, "pending": 2}
    late = upload("rel", ["a"], 20, depends={"rootfs-image.checksum": ["3"]})
    newcomer = join(device_type="a")
    assert newcomer.next() is None  # the targets are frozen
    assert device.next(**{"rootfs-image.checksum": "2"})["artifact"]["id"] == delta  # chosen once
    assert late != delta


def test_already_installed_and_forced(api, upload, join):
    upload("release-1")
    device = join()
    plain = api.deploy("release-1", [device.id], name="plain")
    assert device.next() is None
    assert counts(api, plain) == {"already-installed": 1}
    assert api.deployment(plain)["status"] == "finished"
    forced = api.deploy("release-1", [device.id], name="forced", force_installation=True)
    assert device.next()["id"] == forced


def test_oldest_first_and_never_older(api, upload, join):
    for name in ("r-2", "r-3", "r-4"):
        upload(name)
    device = join()
    first, second = api.deploy("r-2"), api.deploy("r-3")
    assert device.next()["id"] == first
    device.report(first, "success")
    device.artifact_name = "r-2"
    assert device.next()["id"] == second
    late = api.deploy("r-4")
    device.report(second, "failure")
    assert device.next()["id"] == late
    device.report(late, "success")
    assert device.next() is None
    history = api.get(f"{ALL}/devices/{device.id}", expect=200)
    assert [(entry["id"], entry["device"]["status"]) for entry in history.json()] == [
        (late, "success"), (second, "failure"), (first, "success")]
    assert history.headers["X-Total-Count"] == "3"


def test_conflicting_request(api, upload, join):
    upload("release-2")
    device = join()
    deployment_id = api.deploy("release-2")
    device.next()
    device.report(deployment_id, "installing")
    device.artifact_name = "something-else"
    answer = device.post(NEXT_V2, expect=409, json={
        "device_provides": {"artifact_name": "something-else", "device_type": "test-vehicle"}})
    assert error_of(answer) == "conflicting request data"
    assert counts(api, deployment_id) == {"failure": 1}
    assert device.next() is None


@pytest.mark.shows("S7")
def test_abort(api, upload, join):
    upload("release-2")
    busy, idle = join(), join()
    deployment_id = api.deploy("release-2")
    busy.next()
    busy.report(deployment_id, "downloading")
    error_of(api.put(f"{ALL}/{deployment_id}/status", json={"status": "paused"}, expect=400))
    api.abort(deployment_id)
    assert api.deployment(deployment_id)["status"] == "finished"
    assert counts(api, deployment_id) == {"aborted": 1}
    assert error_of(busy.report(deployment_id, "installing", expect=409)) == "Deployment aborted"
    error_of(busy.report(deployment_id, "failure", expect=409))
    assert busy.next() is None
    assert idle.next() is None
    error_of(api.abort(deployment_id, expect=422))
    untouched = api.deploy("release-2", name="untouched")
    api.abort(untouched)
    assert api.statistics(untouched) == ZERO


@pytest.mark.shows("S8", "S13")
def test_targets(api, upload, join):
    upload("release-2")
    devices = [join() for _ in range(4)]
    for device in devices[:2]:
        api.put(f"{INVENTORY}/devices/{device.id}/group", json={"group": "US-West"}, expect=204)
    body = {"name": "to a group", "artifact_name": "release-2"}
    answer = api.post(f"{ALL}/group/US-West", json=body, expect=201)
    group_id = answer.headers["Location"].rsplit("/", 1)[1]
    named_id = api.deploy("release-2", [devices[2].id], name="to one")
    assert [(device.next() or {}).get("id") for device in devices] == [group_id, group_id, named_id, None]
    shown = api.deployment(group_id)
    assert shown["groups"] == ["US-West"]
    assert shown["filter"]["terms"] == [
        {"scope": "system", "attribute": "group", "type": "$eq", "value": "US-West"}]
    listed = api.get(f"{ALL}/{group_id}/device_list", expect=200).json()
    assert sorted(listed) == sorted(device.id for device in devices[:2])
    everyone = api.deploy("release-2", name="to all")
    assert len(api.get(f"{ALL}/{everyone}/device_list", expect=200).json()) == 4


def test_creation_refused(api, upload, join):
    upload("release-2")
    device = join()
    good = {"name": "n", "artifact_name": "release-2", "devices": [device.id]}
    for status, change in (
            (400, {"devices": None}), (400, {"all_devices": True}), (400, {"devices": []}),
            (400, {"devices": [str(uuid.uuid4())]}), (400, {"devices": [1]}), (400, {"devices": "x"}),
            (400, {"name": None}), (413, {"name": "x" * 257}), (400, {"name": 5}),
            (400, {"artifact_name": None}), (422, {"artifact_name": "none"}),
            (400, {"retries": -1}), (400, {"retries": "x"}), (400, {"phases": [{"batch_size": 10}]}),
            (400, {"force_installation": "yes"})):
        error_of(api.post(ALL, json={**good, **change}, expect=status))
    error_of(api.post(f"{ALL}/group/empty", json={"name": "n", "artifact_name": "release-2"}, expect=400))
    error_of(api.post(ALL, data="{", headers={"Content-Type": "application/json"}, expect=400))
    assert api.get(ALL, expect=200).json() == []
    api.post(ALL, json=good, expect=201)
    error_of(api.post(ALL, json=good, expect=409))


def test_unknown_ids(api, join):
    device, nobody = join(), str(uuid.uuid4())
    for path in (nobody, f"{nobody}/statistics", f"{nobody}/devices", f"{nobody}/devices/list", f"{nobody}/device_list",
                 f"{nobody}/devices/{device.id}/log", "no-uuid"):
        error_of(api.get(f"{ALL}/{path}", expect=(400, 404)))
    error_of(api.abort(nobody, expect=404))
    error_of(api.delete(f"{ALL}/devices/{nobody}", expect=404))
    error_of(device.report(nobody, "success", expect=404))
    error_of(device.send_log(nobody, [{"level": "x", "message": "y", "timestamp": "2026-01-01T00:00:00Z"}], expect=404))


@pytest.mark.shows("MS6")
def test_bad_reports(api, upload, join):
    upload("release-2")
    device = join()
    deployment_id = api.deploy("release-2")
    device.next()
    for body in ({}, {"status": None}, {"status": 5}, {"status": "dancing"}, {"status": "pending"},
                 {"status": "aborted"}, {"status": "installing", "substate": 5}, []):
        error_of(device.put(f"{DEPLOYMENT}/{deployment_id}/status", json=body, expect=400))
    message = {"level": "x", "message": "y", "timestamp": "2026-01-01T00:00:00Z"}
    for messages in ([], None, {}, [{**message, "timestamp": "yesterday"}], [{"message": "y"}], ["x"]):
        error_of(device.put(f"{DEPLOYMENT}/{deployment_id}/log", json={"messages": messages}, expect=400))
    huge = {"messages": [{**message, "message": "z" * 60000}] * 20}
    error_of(device.put(f"{DEPLOYMENT}/{deployment_id}/log", json=huge, expect=413))
    assert counts(api, deployment_id) == {"pending": 1}
    error_of(api.get(f"{ALL}/{deployment_id}/devices/{device.id}/log", expect=404))


def test_retries(api, upload, join):
    upload("release-2")
    device = join()
    deployment_id = api.deploy("release-2", retries=1)
    for status in ("pending", "failure"):
        assert device.next()["id"] == deployment_id
        device.report(deployment_id, "downloading")
        device.report(deployment_id, "failure")
        device.report(deployment_id, "failure")  # said twice, counted once
        assert counts(api, deployment_id) == {status: 1}
        device.artifact_name = "release-2_INCONSISTENT"
    assert device.next() is None
    assert api.deployment(deployment_id)["status"] == "finished"


def test_stop_and_reset_one_device(api, upload, join):
    upload("release-2")
    device, other = join(), join()
    deployment_id = api.deploy("release-2")
    api.delete(f"{ALL}/devices/{device.id}", expect=204)
    assert device.next() is None
    assert other.next()["id"] == deployment_id
    assert counts(api, deployment_id) == {"aborted": 1, "pending": 1}
    api.delete(f"{ALL}/devices/{device.id}/history", expect=204)
    assert device.next()["id"] == deployment_id
    assert counts(api, deployment_id) == {"pending": 2}
    device.report(deployment_id, "success")
    other.report(deployment_id, "success")
    assert api.deployment(deployment_id)["status"] == "finished"


@pytest.mark.shows("S10")
def test_decommissioned(api, upload, join):
    upload("release-2")
    device, other = join(), join()
    deployment_id = api.deploy("release-2")
    device.next()
    device.report(deployment_id, "downloading")
    for gone in (device, other):
        api.delete(f"{DEVAUTH}/devices/{gone.id}", expect=204)
        gone.post(NEXT_V2, expect=401, json={"device_provides": {"artifact_name": "x", "device_type": "y"}})
    assert counts(api, deployment_id) == {"decommissioned": 2}
    assert api.deployment(deployment_id)["status"] == "finished"
    error_of(api.get(f"{INVENTORY}/devices/{device.id}", expect=404))
    assert len(api.get(f"{ALL}/devices/{device.id}", expect=200).json()) == 1  # the record stays


@pytest.mark.shows("C8")
def test_a_device_that_goes_while_its_deployment_is_made(server, api, upload):
    """Both changes may be committed together: whichever was first, the deployment comes to its end."""
    upload("r2")
    other = Api(server.url, server.ca, token=api.token)
    devices = [Device(server, {"mac": f"gone-{number}"}) for number in range(40)]
    for device in devices:
        body = {"identity_data": device.identity, "pubkey": device.public_key()}
        device.id = api.post(f"{DEVAUTH}/devices", json=body, expect=201).headers["Location"].removeprefix("devices/")
    made = []
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        for number, device in enumerate(devices):
            body = {"name": f"d{number}", "artifact_name": "r2", "devices": [device.id]}
            going = threads.submit(other.delete, f"{DEVAUTH}/devices/{device.id}", expect=204)
            answer = threads.submit(api.post, f"{DEPLOYMENTS}/deployments", json=body, expect=(201, 400)).result()
            going.result()
            if answer.status_code == 201:
                made.append(answer.headers["Location"].rsplit("/", 1)[1])
    for deployment in made:
        wait_until(lambda deployment=deployment: api.deployment(deployment)["status"] == "finished", deadline_s=10,
                   what=f"the end of one of {len(made)} deployments")
        assert api.statistics(deployment)["decommissioned"] == 1


def test_lists(api, upload, join):
    upload("release-2")
    upload("other")
    device = join()
    first = api.deploy("release-2", name="Alpha")
    device.next()
    device.report(first, "success")
    second = api.deploy("other", name="beta")
    third = api.deploy("release-2", name="100%")

    def ids(version=1, **query):
        answer = api.get(f"/api/management/v{version}/deployments/deployments", params=query, expect=200)
        assert answer.headers["X-Total-Count"] == str(len(answer.json())) or "per_page" in query
        return [deployment["id"] for deployment in answer.json()]

    assert ids() == [third, second, first]
    assert ids(sort="asc") == [first, second, third]
    assert ids(per_page=1, page=2) == [second]
    assert ids(status="finished") == [first]
    assert ids(status="pending") == [third, second]
    assert ids(status="inprogress") == []
    assert ids(status="scheduled") == []
    assert ids(search="ALPHA") == [first]
    assert ids(search="other") == [second]
    assert ids(search="%") == [third]
    assert ids(type="configuration") == []
    assert ids(created_after=4102444800) == []
    assert ids(created_before=4102444800) == [third, second, first]
    assert ids(2, name="beta") == [second]
    assert ids(2, id=[first, third]) == [first, third]
    for query in ({"status": "x"}, {"sort": "x"}, {"created_after": "x"}, {"per_page": 501}, {"page": 0}):
        error_of(api.get(ALL, params=query, expect=400))
    listed = api.post(f"{ALL}/statistics/list", json={"deployment_ids": [first, second]}, expect=200).json()
    assert [(entry["id"], entry["stats"]["success"], entry["stats"]["pending"]) for entry in listed] == [
        (first, 1, 0), (second, 0, 1)]
    assert api.post(f"{ALL}/statistics/list", json={"deployment_ids": []}, expect=200).json() == {}


def test_device_rows(api, upload, join):
    upload("release-2")
    devices = [join() for _ in range(5)]
    deployment_id = api.deploy("release-2")
    for device, status in zip(devices, ("success", "installing", "pause_before_rebooting")):
        device.next()
        device.report(deployment_id, status)

    def rows(**query):
        answer = api.get(f"{ALL}/{deployment_id}/devices/list", params=query, expect=200)
        return [(row["id"], row["status"]) for row in answer.json()], int(answer.headers["X-Total-Count"])

    all_rows, total = rows()
    assert total == 5
    assert [row for row in all_rows if row[1] != "pending"] == [
        (devices[0].id, "success"), (devices[1].id, "installing"), (devices[2].id, "pause_before_rebooting")]
    assert {row[0] for row in all_rows if row[1] == "pending"} == {device.id for device in devices[3:]}
    assert rows(status="finished") == ([(devices[0].id, "success")], 1)
    assert rows(status="pause") == ([(devices[2].id, "pause_before_rebooting")], 1)
    assert rows(status="active")[1] == 4
    assert [rows(per_page=2, page=page)[0] for page in (1, 2, 3)] == [all_rows[:2], all_rows[2:4], all_rows[4:]]
    error_of(api.get(f"{ALL}/{deployment_id}/devices/list", params={"status": "x"}, expect=400))
    assert len(api.get(f"{ALL}/{deployment_id}/devices", expect=200).json()) == 5


def test_artifact_in_use(api, upload, join):
    artifact_id = upload("release-2")
    device = join()
    deployment_id = api.deploy("release-2")
    error_of(api.delete(f"{DEPLOYMENTS}/artifacts/{artifact_id}", expect=409))
    device.next()
    device.report(deployment_id, "success")
    error_of(api.put(f"{DEPLOYMENTS}/artifacts/{artifact_id}", json={"description": "x"}, expect=422))
    api.delete(f"{DEPLOYMENTS}/artifacts/{artifact_id}", expect=204)
    assert api.deployment(deployment_id)["artifacts"] == []
    assert api.deployment_devices(deployment_id)[0]["status"] == "success"


def test_memory_is_made_anew_at_start(server, api, upload, join):
    upload("release-2")
    waiting, done = join(), join()
    deployment_id = api.deploy("release-2")
    done.next()
    done.report(deployment_id, "success")
    server.kill()
    server.start()
    wait_until(lambda: api.get(ALL).status_code == 200, what="the server answers")
    assert done.next() is None
    assert waiting.next()["id"] == deployment_id
    assert counts(api, deployment_id) == {"success": 1, "pending": 1}
