# SPDX-License-Identifier: Apache-2.0
"""Inventory: what devices send, what users add, groups, and filters against a naive evaluation."""

import random
import re
import uuid

import pytest

from support.api import DEVAUTH, INVENTORY, error_of
from support.device import ATTRIBUTES, Device
from support.store import Store

V2 = "/api/management/v2/inventory"


@pytest.fixture
def join(server, api):
    count = 0

    def join(**identity):
        nonlocal count
        count += 1
        device = Device(server, identity or {"mac": f"00:00:00:00:00:{count:02x}"})
        device.id = device.join(api)
        return device
    return join


def put(device, items, expect=200):
    return device.call("PUT", ATTRIBUTES, json=items, expect=expect)


@pytest.mark.shows("I2")
def test_attributes_of_a_device(api, join):
    device = join(mac="aa", sn="7")
    sent = {"artifact_name": "release-1", "kernel": "6.1", "mem_total_kB": 512, "load": 0.5, "net": ["a", "b"],
            "ports": [1, 2], "none": []}
    answer = device.send_inventory(sent)
    assert answer.content == b""
    scopes = api.inventory_of(device.id)
    assert scopes["inventory"] == sent
    assert scopes["identity"] == {"mac": "aa", "sn": "7", "status": "accepted"}
    assert set(scopes["system"]) >= {"created_ts", "updated_ts"}
    device.send_inventory({"kernel": "6.2", "mem_total_kB": 512})
    assert api.inventory_of(device.id)["inventory"] == {"kernel": "6.2", "mem_total_kB": 512}
    device.send_inventory({"kernel": "6.3", "new": "x"}, replace=False)
    assert api.inventory_of(device.id)["inventory"] == {"kernel": "6.3", "mem_total_kB": 512, "new": "x"}
    device.send_inventory({"kernel": "6.2", "mem_total_kB": 512})  # as before the change: it counts again
    assert api.inventory_of(device.id)["inventory"] == {"kernel": "6.2", "mem_total_kB": 512}
    put(device, [{"name": "status", "value": "mine", "scope": "identity", "description": "of the device"}])
    scopes = api.inventory_of(device.id)
    assert scopes["inventory"] == {"status": "mine"}
    assert scopes["identity"]["status"] == "accepted"
    api.delete(f"{INVENTORY}/devices/{device.id}", expect=204)
    assert "inventory" not in api.inventory_of(device.id)


def test_equal_inventory_is_not_written(api, join):
    device = join()
    device.send_inventory({"a": "1", "b": ["x", "y"]})
    before = api.get(f"{INVENTORY}/devices/{device.id}", expect=200).json()["updated_ts"]
    put(device, [{"name": "b", "value": ["x", "y"]}, {"name": "a", "value": "1"}])  # in another order
    assert api.get(f"{INVENTORY}/devices/{device.id}", expect=200).json()["updated_ts"] == before
    put(device, [{"name": "b", "value": ["y", "x"]}, {"name": "a", "value": "1"}])
    assert api.get(f"{INVENTORY}/devices/{device.id}", expect=200).json()["updated_ts"] > before


@pytest.mark.shows("MS6")
def test_bad_inventory(api, join):
    device = join()
    device.send_inventory({"kept": "yes"})
    long_name = [{"name": "n" * 1025, "value": 1}]
    many = [{"name": f"n{i}", "value": 1} for i in range(101)]
    long_list = [{"name": "a", "value": list(range(600))}, {"name": "b", "value": ["x"] * 401}]
    for body in ({}, "x", 5, [1], [{}], [{"name": "a"}], [{"value": 1}], [{"name": 5, "value": 1}],
                 [{"name": "a", "value": None}], [{"name": "a", "value": True}], [{"name": "a", "value": {}}],
                 [{"name": "a", "value": [1, "b"]}], [{"name": "a", "value": [[1]]}], long_name, many,
                 long_list):
        for method in ("PUT", "PATCH"):
            error_of(device.call(method, ATTRIBUTES, json=body, expect=400))
    for raw in (b"", b"[", b'[{"name":"a","value":1}]x', b"\xff", b'[{"name":"a\\u0000","value":1}]'):
        error_of(device.call("PUT", ATTRIBUTES, data=raw, headers={"Content-Type": "application/json"}, expect=400))
    error_of(device.call("PUT", ATTRIBUTES, data=b"[]", headers={"Content-Type": "text/plain"}, expect=415))
    big = [{"name": "a", "value": "x" * (1024 * 1024)}]
    error_of(device.call("PUT", ATTRIBUTES, json=big, expect=413))
    device.send_inventory({f"n{i}": 1 for i in range(99)}, replace=False)
    error_of(device.send_inventory({"one": 1, "two": 2}, replace=False, expect=400))
    assert api.inventory_of(device.id)["inventory"]["kept"] == "yes"
    assert len(api.inventory_of(device.id)["inventory"]) == 100


@pytest.mark.shows("MS6")
def test_a_stranger_cannot_make_the_writer_work_without_end(server, api):
    device = Device(server, {"mac": "00", "ports": list(range(900)), "more": list(range(5000))})
    device_id = device.join(api)
    identity = api.inventory_of(device_id)["identity"]
    assert identity["mac"] == "00"
    [kept] = [value for value in (identity["ports"], identity["more"]) if isinstance(value, str)]
    assert len(kept) > 3000  # the text of the list that was too much
    wide = Device(server, {f"n{i}": i for i in range(101)})
    assert "members" in error_of(wide.authenticate(expect=400))


def test_names_nobody_bears_are_forgotten(server, api, join):
    def names():
        return {row[0] for row in Store(server).query("SELECT name FROM inventory_names")}

    device, other = join(mac="1", made_up="x"), join(mac="2")
    device.send_inventory({"kept": 1, "first": "a", "both": [1, 2]})
    other.send_inventory({"both": 3})
    device.send_inventory({"kept": 2, "second": "b"})
    assert {"kept", "second", "both"} <= names() and "first" not in names()
    assert api.inventory_of(device.id)["inventory"] == {"kept": 2, "second": "b"}
    api.delete(f"{DEVAUTH}/devices/{device.id}", expect=204)
    assert names() == {"mac", "both"}
    assert api.inventory_of(other.id)["inventory"] == {"both": 3}
    other.send_inventory({"after": "all"})
    assert api.inventory_of(other.id)["inventory"] == {"after": "all"}


def test_long_values_are_found(api, join):
    device, other = join(), join()
    long = "é" * 30000
    device.send_inventory({"long": long + "1"})
    other.send_inventory({"long": long + "2"})
    found = api.post(f"{V2}/filters/search", expect=200, json={
        "filters": [{"scope": "inventory", "attribute": "long", "type": "$eq", "value": long + "2"}]}).json()
    assert [device["id"] for device in found] == [other.id]


@pytest.mark.shows("I11")
def test_tags(api, join):
    device = join()
    path = f"{INVENTORY}/devices/{device.id}/tags"
    assert "ETag" not in api.get(f"{INVENTORY}/devices/{device.id}", expect=200).headers
    api.put(path, json=[{"name": "name", "value": "Herbie", "description": "shown"}], expect=200)
    first = api.get(f"{INVENTORY}/devices/{device.id}", expect=200).headers["ETag"]
    api.patch(path, json=[{"name": "plate", "value": "OFP 857"}], headers={"If-Match": first}, expect=200)
    error_of(api.put(path, json=[], headers={"If-Match": first}, expect=412))
    assert api.inventory_of(device.id)["tags"] == {"name": "Herbie", "plate": "OFP 857"}
    second = api.get(f"{INVENTORY}/devices/{device.id}", expect=200).headers["ETag"]
    assert second != first
    api.put(path, json=[{"name": "name", "value": "x"}], headers={"If-Match": second.strip('"')}, expect=200)
    assert api.inventory_of(device.id)["tags"] == {"name": "x"}
    error_of(api.put(path, json=[{"name": f"n{i}", "value": 1} for i in range(21)], expect=400))
    error_of(api.put(f"{INVENTORY}/devices/{uuid.uuid4()}/tags", json=[], expect=404))
    found = api.get(f"{INVENTORY}/devices", params={"tags/name": "x"}, expect=200).json()
    assert [device["id"] for device in found] == [device.id]


def test_groups(server, api, join):
    devices = [join() for _ in range(3)]
    ids = [device.id for device in devices]
    path = f"{INVENTORY}/devices/{ids[0]}/group"
    assert api.get(path, expect=200).json() == {"group": None}
    api.put(path, json={"group": "prod_1"}, expect=204)
    assert api.get(path, expect=200).json() == {"group": "prod_1"}
    answer = api.patch(f"{INVENTORY}/groups/test-2/devices", json=[ids[1], ids[2], str(uuid.uuid4())], expect=200)
    assert answer.json() == {"matched_count": 2, "updated_count": 2}
    answer = api.patch(f"{INVENTORY}/groups/test-2/devices", json=[ids[0], ids[1]], expect=200)
    assert answer.json() == {"matched_count": 2, "updated_count": 1}
    assert api.get(f"{INVENTORY}/groups", expect=200).json() == ["test-2"]
    listed = api.get(f"{INVENTORY}/groups/test-2/devices", params={"per_page": 2}, expect=200)
    assert listed.headers["X-Total-Count"] == "3" and len(listed.json()) == 2
    assert api.get(f"{INVENTORY}/groups", params={"status": "rejected"}, expect=200).json() == []
    server.restart()  # groups are memory that is made anew
    assert api.get(f"{INVENTORY}/groups", params={"status": "accepted"}, expect=200).json() == ["test-2"]
    assert api.inventory_of(ids[0])["system"]["group"] == "test-2"
    api.delete(f"{path}/test-2", expect=204)
    error_of(api.delete(f"{path}/test-2", expect=404))
    answer = api.delete(f"{INVENTORY}/groups/test-2/devices", json=[ids[0], ids[1]], expect=200)
    assert answer.json() == {"matched_count": 1, "updated_count": 1}
    assert api.get(f"{INVENTORY}/groups/test-2/devices", expect=200).json() == [ids[2]]
    assert api.delete(f"{INVENTORY}/groups/test-2", expect=200).json()["updated_count"] == 1
    error_of(api.get(f"{INVENTORY}/groups/test-2/devices", expect=404))
    for name in ("", "a b", "a/b", "x" * 257, "ä"):
        error_of(api.put(path, json={"group": name}, expect=(400, 413)))
    for body in ([], {}, "x", [5], None):
        error_of(api.patch(f"{INVENTORY}/groups/g/devices", json=body, expect=400))
    error_of(api.put(f"{INVENTORY}/devices/{uuid.uuid4()}/group", json={"group": "x"}, expect=404))
    assert api.get(f"{INVENTORY}/groups", expect=200).json() == []


def test_list_of_version_1(api, join):
    devices = [join() for _ in range(4)]
    for i, device in enumerate(devices):
        device.send_inventory({"n": 10 - i, "kind": "even" if i % 2 == 0 else "odd"})
    api.put(f"{INVENTORY}/devices/{devices[0].id}/group", json={"group": "g"}, expect=204)

    def numbers(**query):
        answer = api.get(f"{INVENTORY}/devices", params=query, expect=200)
        ids = [device.id for device in devices]
        return [ids.index(device["id"]) for device in answer.json()], answer.headers["X-Total-Count"]

    assert numbers() == ([0, 1, 2, 3], "4")
    assert numbers(kind="odd") == ([1, 3], "2")
    assert numbers(n="9") == ([1], "1")
    assert numbers(n="eq:9") == ([1], "1")
    assert numbers(**{"identity/mac": "00:00:00:00:00:03"}) == ([2], "1")
    assert numbers(group="g") == ([0], "1")
    assert numbers(has_group="true") == ([0], "1")
    assert numbers(has_group="false") == ([1, 2, 3], "3")
    assert numbers(sort="n") == ([3, 2, 1, 0], "4")
    assert numbers(sort="kind:desc", per_page=3) == ([1, 3, 0], "4")
    assert numbers(sort="inventory/n:asc", page=2, per_page=3) == ([0], "4")
    assert numbers(page=9) == ([], "4")
    for query in ({"sort": "n:up"}, {"has_group": "perhaps"}, {"per_page": 501}, {"page": "x"}):
        error_of(api.get(f"{INVENTORY}/devices", params=query, expect=400))


def naive(value, operator, operand):
    """What MongoDB would say about one device; value None: it lacks the attribute."""
    elements = value if isinstance(value, list) else [] if value is None else [value]

    def same_type(a, b):
        return isinstance(a, str) == isinstance(b, str)

    def compare(test):
        return any(same_type(element, operand) and test(element) for element in elements)

    def equal(wanted):
        return any(same_type(element, wanted) and element == wanted for element in elements)

    return {
        "$eq": lambda: equal(operand),
        "$ne": lambda: not equal(operand),
        "$in": lambda: any(equal(wanted) for wanted in operand),
        "$nin": lambda: not any(equal(wanted) for wanted in operand),
        "$gt": lambda: compare(lambda element: element > operand),
        "$gte": lambda: compare(lambda element: element >= operand),
        "$lt": lambda: compare(lambda element: element < operand),
        "$lte": lambda: compare(lambda element: element <= operand),
        "$ltne": lambda: value is None or compare(lambda element: element < operand),
        "$exists": lambda: (value is not None) == operand,
        "$regex": lambda: any(isinstance(element, str) and re.search(operand, element) for element in elements),
    }[operator]()


@pytest.mark.shows("I3")
def test_filters_equal_a_naive_evaluation(api, join):
    chance = random.Random(7)
    values = ["", "a", "ab", "b", "B", "10", "9", "é", 0, 1, 9, 10, -1, 2.5, ["a", "b"], ["10"], [1, 9], [], None]
    devices = []
    for _ in range(24):
        device = join()
        has = {name: chance.choice(values) for name in ("x", "y", "with space/and%")}
        device.has = {name: value for name, value in has.items() if value is not None}
        device.send_inventory(device.has)
        devices.append(device)
    operands = [value for value in values if isinstance(value, (str, int, float))]
    n_found = 0
    for _ in range(150):
        filters = []
        for _ in range(chance.choice((1, 1, 2))):
            operator = chance.choice("$eq $ne $in $nin $gt $gte $lt $lte $ltne $exists $regex".split())
            operand = {"$in": chance.sample(operands, 3), "$nin": chance.sample(operands, 3),
                       "$exists": chance.random() < 0.5, "$regex": chance.choice(("^a", "b$", "[0-9]+", ".", "é")),
                       }.get(operator, chance.choice(operands))
            filters.append({"scope": "inventory", "attribute": chance.choice(("x", "y", "with space/and%", "no")),
                            "type": operator, "value": operand})
        expected = [device.id for device in devices if all(
            naive(device.has.get(one["attribute"]), one["type"], one["value"]) for one in filters)]
        answer = api.post(f"{V2}/filters/search", json={"filters": filters, "per_page": 100}, expect=200)
        assert sorted(device["id"] for device in answer.json()) == sorted(expected), filters
        assert answer.headers["X-Total-Count"] == str(len(expected))
        n_found += len(expected)
    assert n_found > 500  # it was not about empty sets


def test_search(api, join):
    devices = [join() for _ in range(4)]
    for device, version in zip(devices, ("1.10", "1.9", "2.0", None)):
        device.send_inventory({"version": version, "place": "Ober Stadt"} if version else {"place": "Nieder Stadt"})
    api.put(f"{INVENTORY}/devices/{devices[1].id}/group", json={"group": "west"}, expect=204)
    ids = [device.id for device in devices]

    def search(**body):
        answer = api.post(f"{V2}/filters/search", json=body, expect=200)
        return [ids.index(device["id"]) for device in answer.json()]

    def one(scope, attribute, type, value):
        return {"scope": scope, "attribute": attribute, "type": type, "value": value}

    by_version = {"scope": "inventory", "attribute": "version"}
    assert search() == [0, 1, 2, 3]
    assert search(sort=[{**by_version, "order": "asc"}]) == [3, 0, 1, 2]
    assert search(sort=[{**by_version, "order": "desc"}], per_page=2) == [2, 1]
    assert search(sort=[{"scope": "system", "attribute": "created_ts", "order": "desc"}]) == [3, 2, 1, 0]
    assert search(filters=[one("identity", "status", "$eq", "accepted")]) == [0, 1, 2, 3]
    assert search(filters=[one("identity", "status", "$in", ["pending", "rejected"])]) == []
    assert search(filters=[one("system", "group", "$eq", "west")]) == [1]
    assert search(filters=[one("system", "group", "$exists", False)]) == [0, 2, 3]
    assert search(filters=[one("identity", "id", "$eq", ids[2])]) == [2]
    assert search(filters=[one("system", "check_in_time", "$gt", "2020-01-01T00:00:00Z")]) == [0, 1, 2, 3]
    assert search(device_ids=[ids[3], ids[0], str(uuid.uuid4())]) == [0, 3]
    assert search(text="stadt nieder") == [3]
    assert search(text="west") == [1]
    assert search(text=ids[2]) == [2]
    assert search(text="%") == []
    [shown] = api.post(f"{V2}/filters/search", expect=200, json={
        "filters": [one("inventory", "version", "$eq", "2.0")], "attributes": [by_version]}).json()
    assert shown["attributes"] == [{"name": "version", "value": "2.0", "scope": "inventory"}]
    assert set(shown) == {"id", "attributes", "updated_ts"}
    names = api.get(f"{V2}/filters/attributes", expect=200).json()
    assert {"name": "version", "scope": "inventory", "count": 3} in names
    assert {"name": "mac", "scope": "identity", "count": 4} in names


@pytest.mark.shows("MS6")
def test_bad_searches(api, join):
    join().send_inventory({"a": "a" * 200 + "!"})
    good = {"scope": "inventory", "attribute": "a", "type": "$eq", "value": 1}
    for body in ({"filters": {}}, {"filters": [1]}, {"filters": [{}]}, {"filters": [{**good, "type": "$like"}]},
                 {"filters": [{**good, "value": None}]}, {"filters": [{**good, "type": "$in"}]},
                 {"filters": [{**good, "type": "$regex", "value": "("}]},
                 {"filters": [{**good, "type": "$regex", "value": "^(a|aa)+$"}]},
                 {"filters": [good] * 65}, {"sort": "a"}, {"sort": [{"scope": "x"}]},
                 {"sort": [{"scope": "x", "attribute": "y", "order": "up"}]}, {"attributes": [1]},
                 {"page": 0.5}, {"page": -1}, {"per_page": 501}, {"per_page": "x"}, {"device_ids": "x"}, []):
        error_of(api.post(f"{V2}/filters/search", json=body, expect=400))
    error_of(api.post(f"{V2}/filters/search", data=b"{", headers={"Content-Type": "application/json"}, expect=400))
    error_of(api.get(f"{INVENTORY}/devices/{uuid.uuid4()}", expect=404))
    error_of(api.get(f"{INVENTORY}/devices/x", expect=(400, 404)))


def test_gone_with_the_device(api, join):
    device = join()
    device.send_inventory({"a": 1})
    api.put(f"{INVENTORY}/devices/{device.id}/group", json={"group": "g"}, expect=204)
    api.delete(f"{DEVAUTH}/devices/{device.id}", expect=204)
    error_of(api.get(f"{INVENTORY}/devices/{device.id}", expect=404))
    assert api.get(f"{INVENTORY}/devices", expect=200).json() == []
    assert api.get(f"{INVENTORY}/groups", expect=200).json() == []
    assert device.call("PUT", ATTRIBUTES, json=[]).status_code == 401
