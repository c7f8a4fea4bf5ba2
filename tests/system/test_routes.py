# SPDX-License-Identifier: Apache-2.0
"""A walk over all route tables: what they promise, what docs/api says, what the server does."""

import json
import pathlib
import re
import subprocess

import pytest
import yaml

from support.api import Api, error_of

API = pathlib.Path(__file__).resolve().parents[2] / "docs/api"
METHODS = {"get", "put", "post", "patch", "delete"}
# Who may call without a token, and why; a row that is not here and asks for nobody fails the test.
OPEN = {
    "log-in": ("POST", "/api/management/v1/useradm/auth/login"),
    "devices ask to be let in": ("POST", "/api/devices/v1/authentication/auth_requests"),
    "health": ("GET", "/health"),
    "metrics, on this machine": ("GET", "/metrics"),
    "signed links": ("GET", "/api/devices/v1/deployments/download/artifact"),
}


@pytest.fixture
def routes(bin):
    printed = subprocess.run([bin / "rota-server", "routes", "--json"], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


def documented():
    """(METHOD, path) -> operation, from all files; a path said twice is a mistake."""
    operations = {}
    for path in sorted(API.glob("*.yaml")):
        document = yaml.safe_load(path.read_text())
        for where, item in document["paths"].items():
            for method in METHODS & set(item):
                assert (method.upper(), where) not in operations, f"{path.name}: {method} {where} is said twice"
                operations[method.upper(), where] = item[method]
    return operations


def plain(path):
    """Without the names of parameters, which a document may call otherwise."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_each_route_is_documented_and_the_reverse(routes):
    served = {(route["method"], plain(route["path"])) for route in routes}
    said = {(method, plain(path)) for method, path in documented()}
    assert sorted(served - said) == [], "served and not in docs/api"
    assert sorted(said - served) == [], "in docs/api and not served"


def test_the_documents_say_the_same_rights_and_records(routes):
    said = {(method, plain(path)): operation for (method, path), operation in documented().items()}
    for route in routes:
        operation = said.get((route["method"], plain(route["path"])))
        if operation is None:
            continue
        where = f"{route['method']} {route['path']}"
        assert operation.get("x-permission") == route["permission"], where
        assert operation.get("x-audit") == route["audit"], where
        assert operation["summary"] and operation["responses"], where


def test_each_user_route_names_a_permission_and_each_change_a_record(routes):
    # A change of one's own log-ins leaves no record; a search is a question in a body.
    unrecorded = {"/api/management/v1/useradm/auth/logout"}
    for route in routes:
        where = f"{route['method']} {route['path']}"
        assert (route["caller"] == "user") == bool(route["permission"]), where
        if route["caller"] != "user" or route["method"] == "GET":
            continue
        changes = route["mode"] in ("write", "stream") or route["audit"]
        if changes and route["path"] not in unrecorded:
            assert route["audit"], f"{where} changes something and records nothing"


def test_nobody_else_is_let_in_unasked(routes):
    allowed = set(OPEN.values())
    for route in routes:
        if route["caller"] != "anyone" or route["path"].startswith("/api/internal/"):
            continue
        assert any(route["method"] == method and route["path"].startswith(path) for method, path in allowed), route


@pytest.mark.shows("U1", "C1")
@pytest.mark.sqlite_only
def test_every_route_is_closed_without_a_token_and_with_a_wrong_one(server, api, routes):
    anyone = Api(server.url, server.ca)
    for token in (None, "nonsense", "e30.e30.e30"):
        anyone.token = token
        for route in routes:
            if route["caller"] == "anyone":
                continue
            path = re.sub(r"\{[^}]*\}", "5c1f1c1e-0000-4000-8000-000000000000", route["path"])
            body = {"json": {}} if route["body_max"] else {}
            answer = anyone.call(route["method"], path, **body)
            assert answer.status_code == 401, f"{route['method']} {path}: {answer.status_code}"
            error_of(answer)


@pytest.mark.sqlite_only
def test_a_user_is_no_device_and_a_device_no_user(server, api, routes):
    for route in routes:
        if route["caller"] == "device":
            path = re.sub(r"\{[^}]*\}", "5c1f1c1e-0000-4000-8000-000000000000", route["path"])
            assert api.call(route["method"], path).status_code == 401, path


@pytest.mark.sqlite_only
def test_unknown_paths_methods_and_options(server, api):
    users = "/api/management/v1/useradm/users"
    assert error_of(api.get("/api/management/v1/useradm/nothing", expect=404))
    answer = api.patch(users, expect=405)
    error_of(answer)
    assert answer.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    options = api.call("OPTIONS", users, expect=200)
    assert options.headers["Allow"] == "GET, HEAD, POST, OPTIONS"
    head = api.call("HEAD", users, expect=200)
    assert head.text == "" and int(head.headers["Content-Length"]) > 0


@pytest.mark.sqlite_only
def test_request_ids_are_taken_over_or_made(server, api):
    assert api.get("/health", headers={"X-MEN-RequestID": "my-id.1"}).headers["X-MEN-RequestID"] == "my-id.1"
    hostile = api.get("/nothing", headers={"X-MEN-RequestID": 'a"b<c>'})
    assert re.fullmatch(r"[0-9a-f-]{36}", hostile.headers["X-MEN-RequestID"])
    assert hostile.json()["request_id"] == hostile.headers["X-MEN-RequestID"]
    ids = {api.get("/health").headers["X-MEN-RequestID"] for _ in range(5)}
    assert len(ids) == 5


@pytest.mark.sqlite_only
def test_health_and_metrics(server, api):
    assert api.get("/health", expect=200).json() == {"status": "ok"}
    for service in ("devauth", "deployments", "inventory", "useradm"):
        api.get(f"/api/internal/v1/{service}/health", expect=204)
        api.get(f"/api/internal/v1/{service}/alive", expect=204)
    text = api.get("/metrics", expect=200).text
    for name in ("rota_calls_total", "rota_answers_total", "rota_devices", "rota_store_jobs_written_total"):
        assert f"# TYPE {name} " in text
    assert 'rota_devices{status="accepted"} 0' in text
