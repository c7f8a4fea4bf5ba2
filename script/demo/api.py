# SPDX-License-Identifier: Apache-2.0
"""The management calls the demo needs, with nothing but Python's own library."""

import base64
import json
import ssl
import urllib.error
import urllib.request
import uuid

CALL_DEADLINE_S = 30
DEVAUTH = "/api/management/v2/devauth"
DEPLOYMENTS = "/api/management/v1/deployments"
INVENTORY = "/api/management/v1/inventory"
LOGIN = "/api/management/v1/useradm/auth/login"


class Api:
    def __init__(self, url, ca):
        self.url = url
        handlers = [urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(ca))),
                    urllib.request.ProxyHandler({})]
        self.opener = urllib.request.build_opener(*handlers)
        self.authorization = None

    def call(self, method, path, body=None, content_type="application/json"):
        """(headers, bytes) of a successful answer; anything else is an error that says what the server said."""
        request = urllib.request.Request(self.url + path, data=body, method=method)
        if body is not None:
            request.add_header("Content-Type", content_type)
        request.add_header("Authorization", self.authorization)
        try:
            with self.opener.open(request, timeout=CALL_DEADLINE_S) as answer:
                return answer.headers, answer.read()
        except urllib.error.HTTPError as refusal:
            text = refusal.read().decode(errors="replace")
            raise RuntimeError(f"{method} {path}: {refusal.code} {text}") from None
        except OSError as trouble:
            raise RuntimeError(f"{method} {path}: {trouble}") from None

    def get(self, path):
        return json.loads(self.call("GET", path)[1])

    def post(self, path, value):
        """The id of what was made: the last part of its Location."""
        headers, _ = self.call("POST", path, json.dumps(value).encode())
        return headers["Location"].rsplit("/", 1)[1]

    def login(self, email, password):
        self.authorization = "Basic " + base64.b64encode(f"{email}:{password}".encode()).decode()
        _, token = self.call("POST", LOGIN, b"")
        self.authorization = "Bearer " + token.decode().strip()

    def pending_devices(self):
        return self.get(f"{DEVAUTH}/devices?status=pending&per_page=100")

    def accept(self, device):
        for auth_set in device["auth_sets"]:
            path = f"{DEVAUTH}/devices/{device['id']}/auth/{auth_set['id']}/status"
            self.call("PUT", path, b'{"status":"accepted"}')

    def inventory(self, device_id):
        attributes = self.get(f"{INVENTORY}/devices/{device_id}")["attributes"]
        return {attribute["name"]: attribute["value"] for attribute in attributes}

    def upload(self, path):
        content = path.read_bytes()
        boundary = uuid.uuid4().hex
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="size"\r\n\r\n{len(content)}\r\n',
            f'--{boundary}\r\nContent-Disposition: form-data; name="artifact"; filename="{path.name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n",
        ]
        body = "".join(parts).encode() + content + f"\r\n--{boundary}--\r\n".encode()
        self.call("POST", f"{DEPLOYMENTS}/artifacts", body, f"multipart/form-data; boundary={boundary}")

    def deploy(self, name, artifact_name, device_ids):
        return self.post(f"{DEPLOYMENTS}/deployments",
                         {"name": name, "artifact_name": artifact_name, "devices": device_ids})

    def statuses(self, deployment_id):
        """{device id: status} of a deployment."""
        rows = self.get(f"{DEPLOYMENTS}/deployments/{deployment_id}/devices/list?per_page=100")
        return {row["id"]: row["status"] for row in rows}

    def log(self, deployment_id, device_id):
        return self.call("GET", f"{DEPLOYMENTS}/deployments/{deployment_id}/devices/{device_id}/log")[1].decode()
