# SPDX-License-Identifier: Apache-2.0
"""Two organisations with one of everything: neither reads or changes what is the other's, on any route."""

import json
import subprocess

import pytest

from support.api import Api
from support.world import World


@pytest.fixture
def routes(bin):
    printed = subprocess.run([bin / "rota-server", "routes", "--json"], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


@pytest.fixture
def worlds(server, api, tmp_path):
    done = server.run_verb("tenant", "create", "--name", "other")
    assert done.returncode == 0, done.stderr
    server.create_user("other@example.com", "another good password", "--tenant", "other")
    other = Api(server.url, server.ca).login("other@example.com", "another good password")
    return (World(server, api, tmp_path, "ours"),
            World(server, other, tmp_path, "theirs", tenant_token=done.stdout.strip()))


def bodies_for(route, victim):
    """What somebody who knows the other's ids would send."""
    yield {}
    yield {"status": "rejected"}
    yield {"status": "aborted"}
    yield {"description": "changed", "group": "stolen", "email": "stolen@example.com", "roles": []}
    yield [victim.device_id]
    yield [{"name": "stolen", "value": "yes"}]
    yield {"id": victim.device_id, "device_ids": [victim.device_id], "deployment_ids": [victim.deployment]}
    yield {"name": "x", "artifact_name": victim.release, "devices": [victim.device_id]}


@pytest.mark.shows("S15")
def test_no_route_reads_or_changes_what_is_the_others(server, worlds, routes):
    ours, theirs = worlds
    before = ours.state()
    for route in routes:
        if route["caller"] != "user" or route["mode"] == "stream":
            continue
        # One's own session is not at stake here, and would end the walk.
        if route["path"].endswith("/auth/logout"):
            continue
        path = ours.fill(route["path"])
        for body in bodies_for(route, ours) if route["body_max"] else [None]:
            answer = theirs.api.call(route["method"], path, json=body)
            where = f"{route['method']} {path} with {json.dumps(body)}"
            assert answer.status_code < 500, f"{where}: {answer.text}"
            # A refusal may quote what was sent; an answer may not know it.
            for word in ours.ids() if answer.status_code < 400 else []:
                assert word not in answer.text, f"{where} shows {word}: {answer.text[:500]}"
            if "{" in route["path"] and route["method"] == "GET" and answer.status_code == 200:
                assert answer.json() in ([], {}), f"{where}: {answer.text[:500]}"
    assert ours.state() == before


@pytest.mark.shows("S15")
def test_a_device_reaches_only_its_own(server, worlds):
    ours, theirs = worlds
    before = ours.state()
    offered = theirs.device.next()
    assert offered["artifact"]["artifact_name"] == theirs.release
    theirs.device.report(ours.deployment, "success", expect=404)
    link = offered["artifact"]["source"]["uri"]
    stolen = link.replace(theirs.artifact, ours.artifact)
    assert stolen != link
    assert theirs.device.session.get(stolen).status_code == 403
    assert theirs.device.session.get(link).status_code == 200
    assert ours.state() == before


@pytest.mark.shows("C2")
def test_the_same_vin_is_a_device_of_each(worlds):
    ours, theirs = worlds
    assert ours.device_id != theirs.device_id
    assert [device["id"] for device in ours.api.devices()] == [ours.device_id]
    assert [device["id"] for device in theirs.api.devices()] == [theirs.device_id]


def test_one_mail_address_is_one_user_over_all_tenants(server, worlds):
    done = server.run_verb("user", "create", "--email", "other@example.com", "--password-file", "/dev/null")
    assert done.returncode == 1
    ours, _ = worlds
    body = {"email": "other@example.com", "password": "a good long password"}
    answer = ours.api.post("/api/management/v1/useradm/users", json=body, expect=422)
    assert "tenant" not in answer.text
