# SPDX-License-Identifier: Apache-2.0
"""The management API as a user sees it: a thin layer over requests, so that tests stay readable.

Every call returns the requests.Response; expect=STATUS asserts its status and shows the body where it differs.
"""

import json
import time

import requests

DEVAUTH = "/api/management/v2/devauth"
DEPLOYMENTS = "/api/management/v1/deployments"
INVENTORY = "/api/management/v1/inventory"
USERADM = "/api/management/v1/useradm"
CALL_DEADLINE_S = 60


class Api:
    def __init__(self, url, ca, token=None):
        self.url = url
        self.session = requests.Session()
        self.session.verify = str(ca)
        self.session.trust_env = False
        self.token = token

    def call(self, method, path, expect=None, headers=None, **options):
        headers = dict(headers or {})
        if self.token and "Authorization" not in headers:
            headers["Authorization"] = f"Bearer {self.token}"
        options.setdefault("timeout", CALL_DEADLINE_S)
        answer = self.session.request(method, self.url + path, headers=headers, **options)
        if expect is not None:
            allowed = expect if isinstance(expect, (tuple, list, set)) else (expect,)
            assert answer.status_code in allowed, f"{method} {path}: {answer.status_code} {answer.text[:2000]}"
        return answer

    def get(self, path, **options):
        return self.call("GET", path, **options)

    def post(self, path, **options):
        return self.call("POST", path, **options)

    def put(self, path, **options):
        return self.call("PUT", path, **options)

    def patch(self, path, **options):
        return self.call("PATCH", path, **options)

    def delete(self, path, **options):
        return self.call("DELETE", path, **options)

    def login(self, email, password):
        answer = self.post(f"{USERADM}/auth/login", auth=(email, password), headers={"Authorization": None}, expect=200)
        self.token = answer.text.strip()
        return self

    # Devices

    def devices(self, **query):
        return self.get(f"{DEVAUTH}/devices", params=query, expect=200).json()

    def device_by_identity(self, identity):
        """The device with these identity data, or None."""
        page = 1
        while True:
            found = self.devices(per_page=500, page=page)
            for device in found:
                if device["identity_data"] == identity:
                    return device
            if len(found) < 500:
                return None
            page += 1

    def set_auth_status(self, device_id, auth_id, status, expect=204):
        return self.put(f"{DEVAUTH}/devices/{device_id}/auth/{auth_id}/status", json={"status": status}, expect=expect)

    def accept(self, identity):
        """Accepts the pending key of the device with these identity data; returns the device's id."""
        device = self.device_by_identity(identity)
        assert device is not None, f"no device has asked with {identity}"
        for auth_set in device["auth_sets"]:
            if auth_set["status"] == "pending":
                self.set_auth_status(device["id"], auth_set["id"], "accepted")
        return device["id"]

    def inventory_of(self, device_id):
        """{scope: {name: value}} of a device."""
        attributes = self.get(f"{INVENTORY}/devices/{device_id}", expect=200).json()["attributes"]
        scopes = {}
        for attribute in attributes:
            scopes.setdefault(attribute.get("scope", "inventory"), {})[attribute["name"]] = attribute["value"]
        return scopes

    # Artifacts and deployments

    def upload(self, path, description="", expect=201):
        """Uploads an artifact file; returns its id where 201 was expected and given."""
        size = path.stat().st_size
        with open(path, "rb") as content:
            answer = self.post(
                f"{DEPLOYMENTS}/artifacts", expect=expect,
                files=[("size", (None, str(size))), ("description", (None, description)),
                       ("artifact", (path.name, content, "application/octet-stream"))])
        return answer.headers["Location"].rsplit("/", 1)[1] if answer.status_code == 201 else answer

    def deploy(self, artifact_name, devices=None, name=None, **more):
        """Makes a deployment for these devices (all accepted ones without); returns its id."""
        body = {"name": name or f"deploy {artifact_name}", "artifact_name": artifact_name, **more}
        body.update({"devices": devices} if devices else {"all_devices": True})
        answer = self.post(f"{DEPLOYMENTS}/deployments", json=body, expect=201)
        return answer.headers["Location"].rsplit("/", 1)[1]

    def deployment(self, deployment_id):
        return self.get(f"{DEPLOYMENTS}/deployments/{deployment_id}", expect=200).json()

    def abort(self, deployment_id, expect=204):
        return self.put(f"{DEPLOYMENTS}/deployments/{deployment_id}/status", json={"status": "aborted"}, expect=expect)

    def statistics(self, deployment_id):
        return self.get(f"{DEPLOYMENTS}/deployments/{deployment_id}/statistics", expect=200).json()

    def deployment_devices(self, deployment_id):
        return self.get(f"{DEPLOYMENTS}/deployments/{deployment_id}/devices/list",
                        params={"per_page": 500}, expect=200).json()

    def device_log(self, deployment_id, device_id):
        return self.get(f"{DEPLOYMENTS}/deployments/{deployment_id}/devices/{device_id}/log", expect=200).text


def wait_until(condition, deadline_s=60, interval_s=0.1, what="the condition"):
    """Returns the first true value of condition(); an AssertionError after the deadline."""
    deadline = time.monotonic() + deadline_s
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not come true within {deadline_s} s"
        time.sleep(interval_s)


def error_of(answer):
    """The text of an error answer, after checking that it has the one error shape."""
    assert answer.headers["Content-Type"].split(";")[0] == "application/json", answer.headers
    body = json.loads(answer.text)
    assert isinstance(body.get("error"), str) and body["error"], body
    assert isinstance(body.get("request_id"), str) and body["request_id"], body
    return body["error"]
