# SPDX-License-Identifier: Apache-2.0
"""Users log in and out, change themselves and each other, keep settings and access tokens."""

import json
import re
import subprocess
import time

import pytest

from support.api import DEVAUTH, USERADM, Api, error_of

LOGS = "/api/management/v1/auditlogs/logs"


def log_in(server, email, password):
    return Api(server.url, server.ca).login(email, password)


def try_log_in(server, email, password, **options):
    return Api(server.url, server.ca).post(f"{USERADM}/auth/login", auth=(email, password), **options)


def make_user(api, email, password="a good long password", **more):
    answer = api.post(f"{USERADM}/users", json={"email": email, "password": password, **more}, expect=201)
    return answer.headers["Location"].rsplit("/", 1)[1]


@pytest.mark.shows("U1")
def test_logging_in_as_the_real_clients_do(server, api):
    answer = try_log_in(server, server.email.upper(), server.password, headers={"Content-Type": "application/json"})
    assert answer.status_code == 200 and answer.headers["Content-Type"] == "application/jwt"
    api.token = answer.text
    me = api.get(f"{USERADM}/users/me", expect=200).json()
    assert me["email"] == server.email and me["login_ts"]
    assert api.get(f"{USERADM}/users/me", headers={"Authorization": f"bearer {api.token}"}).status_code == 200
    by_cookie = api.get(f"{USERADM}/users/me", headers={"Authorization": None, "Cookie": f"a=b; JWT={api.token}; c=d"})
    assert by_cookie.status_code == 200
    for email, password in ((server.email, "wrong password"), ("nobody@example.com", server.password), ("", "")):
        assert error_of(try_log_in(server, email, password)) == "unauthorized"


def test_logging_out_ends_that_token_at_once_and_no_other(server, api):
    second = log_in(server, server.email, server.password)
    second.post(f"{USERADM}/auth/logout", expect=202)
    second.get(f"{USERADM}/users/me", expect=401)
    api.get(f"{USERADM}/users/me", expect=200)
    server.restart()
    second.get(f"{USERADM}/users/me", expect=401)
    api.get(f"{USERADM}/users/me", expect=200)


def test_the_eleventh_log_in_ends_the_first(server, api):
    for _ in range(10):
        last = log_in(server, server.email, server.password)
    api.get(f"{USERADM}/users/me", expect=401)
    last.get(f"{USERADM}/users/me", expect=200)


def test_users_are_made_listed_changed_and_removed(server, api):
    user_id = make_user(api, "New@Example.com", roles=["RBAC_ROLE_OBSERVER"])
    user = api.get(f"{USERADM}/users/{user_id}", expect=200).json()
    assert user["email"] == "new@example.com" and user["roles"] == ["RBAC_ROLE_OBSERVER"]
    assert {item["email"] for item in api.get(f"{USERADM}/users").json()} == {server.email, "new@example.com"}
    assert [item["id"] for item in api.get(f"{USERADM}/users", params={"email": "new@example.com"}).json()] == [user_id]
    assert api.get(f"{USERADM}/users", params={"created_after": int(time.time()) + 60}).json() == []
    api.put(f"{USERADM}/users/{user_id}", json={"email": "newer@example.com"}, expect=204)
    api.put(f"{USERADM}/users/{user_id}", json={"password": "not theirs to say"}, expect=422)
    log_in(server, "newer@example.com", "a good long password")
    api.delete(f"{USERADM}/users/{user_id}", expect=204)
    api.delete(f"{USERADM}/users/{user_id}", expect=204)
    api.get(f"{USERADM}/users/{user_id}", expect=404)
    assert try_log_in(server, "newer@example.com", "a good long password").status_code == 401


@pytest.mark.parametrize("body, status", [
    ({"email": "x@example.com", "password": "short"}, 422),
    ({"email": "longname@example.com", "password": "Longname@example.com"}, 422),
    ({"email": "longname@example.com", "password": "longname123"}, 422),
    ({"email": "admin@example.com", "password": "a good long password"}, 422),
    ({"email": "no address", "password": "a good long password"}, 400),
    ({"email": "x@example.com"}, 400),
    ({"email": "x@example.com", "password": "a good long password", "roles": ["KING"]}, 422),
    ({"email": "x@example.com", "password": "p" * 257}, 422),
    ({"email": "x" * 300 + "@example.com", "password": "a good long password"}, (400, 413)),
])
def test_users_that_cannot_be(server, api, body, status):
    error_of(api.post(f"{USERADM}/users", json=body, expect=status))
    assert len(api.get(f"{USERADM}/users").json()) == 1


def test_changing_oneself_needs_the_password_and_ends_other_log_ins(server, api):
    other = log_in(server, server.email, server.password)
    api.put(f"{USERADM}/users/me", json={"password": "an even better one"}, expect=422)
    api.put(f"{USERADM}/users/me", json={"password": "an even better one", "current_password": "no"}, expect=422)
    other.get(f"{USERADM}/users/me", expect=200)
    api.put(f"{USERADM}/users/me", expect=204,
            json={"password": "an even better one", "current_password": server.password})
    other.get(f"{USERADM}/users/me", expect=401)
    api.get(f"{USERADM}/users/me", expect=200)
    assert try_log_in(server, server.email, server.password).status_code == 401
    log_in(server, server.email, "an even better one")
    api.put("/api/management/v2/useradm/users/me", expect=204,
            json={"email": "chief@example.com", "current_password": "an even better one"})
    assert api.get(f"{USERADM}/users/me").json()["email"] == "chief@example.com"


# Which roles beside the administrator's hold a permission: what src/server/auth/permissions.c must say.
OBSERVER, CI, DEPLOYMENTS_MANAGER, TERMINAL = "OBSERVER", "CI", "DEPLOYMENTS_MANAGER", "REMOTE_TERMINAL"
HOLDERS = {
    "self": {OBSERVER, CI, DEPLOYMENTS_MANAGER, TERMINAL},
    "self.tokens": {CI, DEPLOYMENTS_MANAGER},
    "settings.read": {OBSERVER, CI, DEPLOYMENTS_MANAGER, TERMINAL},
    "settings.write": set(),
    "users.read": set(),
    "users.write": set(),
    "tenants.read": {OBSERVER, CI, DEPLOYMENTS_MANAGER, TERMINAL},
    "audit.read": set(),
    "devices.read": {OBSERVER, DEPLOYMENTS_MANAGER, TERMINAL},
    "devices.write": set(),
    "inventory.read": {OBSERVER, DEPLOYMENTS_MANAGER, TERMINAL},
    "inventory.write": set(),
    "artifacts.read": {OBSERVER, CI, DEPLOYMENTS_MANAGER},
    "artifacts.download": {OBSERVER, CI},
    "artifacts.upload": {CI},
    "artifacts.write": {CI},
    "deployments.read": {OBSERVER, DEPLOYMENTS_MANAGER},
    "deployments.write": {DEPLOYMENTS_MANAGER},
}


@pytest.mark.parametrize("role", [OBSERVER, CI, DEPLOYMENTS_MANAGER, TERMINAL])
def test_a_role_opens_what_it_names_and_nothing_else(server, api, bin, role):
    """Each role against each route: 403 where the table above says so, and only there."""
    printed = subprocess.run([bin / "rota-server", "routes", "--json"], capture_output=True, text=True, check=True)
    make_user(api, "probe@example.com", roles=[f"RBAC_ROLE_{role}"])
    probe = log_in(server, "probe@example.com", "a good long password")
    for route in json.loads(printed.stdout):
        if route["caller"] != "user" or route["path"].endswith("/auth/logout"):
            continue
        path = re.sub(r"\{[^}]*\}", "5c1f1c1e-0000-4000-8000-000000000000", route["path"])
        status = probe.call(route["method"], path, json={} if route["body_max"] else None).status_code
        may = role in HOLDERS[route["permission"]]
        assert (status == 403) == (not may), (route["method"], path, route["permission"], status)


def test_a_changed_role_acts_on_live_tokens(server, api):
    user_id = make_user(api, "moved@example.com", roles=["RBAC_ROLE_CI"])
    moved = log_in(server, "moved@example.com", "a good long password")
    moved.get(f"{DEVAUTH}/devices", expect=403)
    api.put(f"{USERADM}/users/{user_id}", json={"roles": ["RBAC_ROLE_OBSERVER"]}, expect=204)
    moved.get(f"{DEVAUTH}/devices", expect=200)
    moved.put(f"{USERADM}/users/me", json={"roles": ["RBAC_ROLE_PERMIT_ALL"]}, expect=403)
    api.delete(f"{USERADM}/users/{user_id}", expect=204)
    moved.get(f"{DEVAUTH}/devices", expect=401)


@pytest.mark.shows("U9", "A5")
def test_a_change_of_rights_is_recorded_with_both_values(server, api):
    user_id = make_user(api, "moved@example.com", roles=["RBAC_ROLE_CI"])
    api.put(f"{USERADM}/users/{user_id}", json={"roles": ["RBAC_ROLE_OBSERVER"]}, expect=204)
    entry = api.get(LOGS, params={"object_id": user_id}).json()[0]
    assert entry["action"] == "update" and entry["actor"]["email"] == server.email
    assert entry["object"]["user"]["roles_before"] == ["RBAC_ROLE_CI"]
    assert entry["object"]["user"]["roles"] == ["RBAC_ROLE_OBSERVER"]


def test_the_last_administrator_stays(server, api):
    my_id = api.get(f"{USERADM}/users/me").json()["id"]
    api.delete(f"{USERADM}/users/{my_id}", expect=422)
    api.put(f"{USERADM}/users/{my_id}", json={"roles": ["RBAC_ROLE_OBSERVER"]}, expect=422)
    make_user(api, "second@example.com", roles=["RBAC_ROLE_PERMIT_ALL"])
    api.put(f"{USERADM}/users/{my_id}", json={"roles": ["RBAC_ROLE_OBSERVER"]}, expect=204)


@pytest.mark.parametrize("path", ["/settings", "/settings/me"])
def test_settings_are_kept_and_two_writers_notice_each_other(server, api, path):
    path = USERADM + path
    first = api.get(path, expect=200)
    assert first.json() == {} and "ETag" not in first.headers
    etag = api.post(path, json={"mode": "dark", "columns": [1, 2]}, expect=201).headers["ETag"]
    shown = api.get(path, expect=200)
    assert shown.json() == {"mode": "dark", "columns": [1, 2]} and shown.headers["ETag"] == etag
    api.post(path, json={"mode": "light"}, headers={"If-Match": etag}, expect=201)
    api.post(path, json={"mode": "dark"}, headers={"If-Match": etag}, expect=412)
    assert api.get(path).json() == {"mode": "light"}
    api.post(path, json=[1], expect=400)
    api.post(path, json={str(number): 1 for number in range(1025)}, expect=400)
    api.post(path, json={"long": "x" * 4097}, expect=400)


@pytest.mark.shows("S6")
def test_access_tokens(server, api):
    tokens = f"{USERADM}/settings/tokens"
    answer = api.post(tokens, json={"name": "ci", "expires_in": 3600}, expect=200)
    assert answer.headers["Content-Type"] == "application/jwt"
    machine = Api(server.url, server.ca, token=answer.text)
    machine.get(f"{USERADM}/users/me", expect=200)
    [listed] = api.get(tokens, expect=200).json()
    assert listed["name"] == "ci" and listed["expiration_date"] and listed["last_used"]
    api.post(tokens, json={"name": "ci"}, expect=409)
    api.post(tokens, json={"name": "x", "expires_in": 31536001}, expect=400)
    api.post(tokens, json={"name": "x", "expires_in": -1}, expect=400)
    api.post(tokens, json={"name": "x", "expires_in": 2**63 - 1}, expect=400)
    api.delete(f"{tokens}/{listed['id']}", expect=204)
    machine.get(f"{USERADM}/users/me", expect=401)
    api.delete(f"{tokens}/{listed['id']}", expect=404)
    for number in range(10):
        api.post(tokens, json={"name": f"n{number}"}, expect=200)
    api.post(tokens, json={"name": "one too many"}, expect=422)


def test_an_access_token_ends_when_it_said(server, api):
    short = api.post(f"{USERADM}/settings/tokens", json={"name": "short", "expires_in": 2}, expect=200).text
    machine = Api(server.url, server.ca, token=short)
    machine.get(f"{USERADM}/users/me", expect=200)
    time.sleep(3)
    machine.get(f"{USERADM}/users/me", expect=401)


def test_the_tenant_is_told_its_token(server, api):
    tenant = api.get("/api/management/v1/tenantadm/user/tenant", expect=200).json()
    assert tenant["name"] == "default" and tenant["status"] == "active"
    printed = server.run_verb("tenant", "token", "--name", "default").stdout.strip()
    assert printed == tenant["tenant_token"]


def test_no_secret_is_in_the_log(server, api):
    make_user(api, "quiet@example.com", "a good long password")
    try_log_in(server, "quiet@example.com", "a wrong long password")
    text = server.log()
    for secret in (server.password, "a good long password", "a wrong long password", api.token):
        assert secret not in text
