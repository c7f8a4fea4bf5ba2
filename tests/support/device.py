# SPDX-License-Identifier: Apache-2.0
"""A device on the wire, without an agent: its own key, signed authentication, the device API."""

import base64
import json

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from support.api import Api

AUTH_REQUESTS = "/api/devices/v1/authentication/auth_requests"
ATTRIBUTES = "/api/devices/v1/inventory/device/attributes"
NEXT_V1 = "/api/devices/v1/deployments/device/deployments/next"
NEXT_V2 = "/api/devices/v2/deployments/device/deployments/next"
DEPLOYMENT = "/api/devices/v1/deployments/device/deployments"

# How each kind of key is made, and how it signs a body.
KEYS = {
    "rsa": (lambda: rsa.generate_private_key(65537, 2048),
            lambda key, body: key.sign(body, padding.PKCS1v15(), hashes.SHA256())),
    "p256": (lambda: ec.generate_private_key(ec.SECP256R1()),
             lambda key, body: key.sign(body, ec.ECDSA(hashes.SHA256()))),
    "ed25519": (ed25519.Ed25519PrivateKey.generate,
                lambda key, body: key.sign(body)),
}


class Device(Api):
    """device_type and artifact_name are what it says of itself when it asks for an update."""

    def __init__(self, server, identity, kind="ed25519", device_type="test-vehicle", artifact_name="release-1",
                 tenant_token=None):
        super().__init__(server.url, server.ca)
        make_key, self.sign = KEYS[kind]
        self.key = make_key()
        self.identity = identity
        self.device_type = device_type
        self.artifact_name = artifact_name
        self.tenant_token = tenant_token

    def public_key(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    def auth_body(self):
        body = {"id_data": json.dumps(self.identity), "pubkey": self.public_key()}
        if self.tenant_token:
            body["tenant_token"] = self.tenant_token
        return json.dumps(body).encode() + b"\n"

    def authenticate(self, expect=None, body=None, signature=None):
        """Asks to be let in; keeps the token it gets."""
        body = self.auth_body() if body is None else body
        signature = self.sign(self.key, body) if signature is None else signature
        answer = self.post(AUTH_REQUESTS, data=body, expect=expect, headers={
            "Content-Type": "application/json", "X-MEN-Signature": base64.b64encode(signature).decode(),
            "Authorization": None})
        if answer.status_code == 200:
            self.token = answer.text
        return answer

    def join(self, api):
        """Asks, is accepted by that user, asks again; returns the device's id."""
        self.authenticate(expect=401)
        device_id = api.accept(self.identity)
        self.authenticate(expect=200)
        return device_id

    def send_inventory(self, attributes, expect=200, replace=True):
        items = [{"name": name, "value": value} for name, value in attributes.items()]
        return self.call("PUT" if replace else "PATCH", ATTRIBUTES, json=items, expect=expect)

    def next(self, expect=(200, 204), **provides):
        """The answer to "what is next for me?" (v2), as a dictionary, or None."""
        provides = {"artifact_name": self.artifact_name, "device_type": self.device_type, **provides}
        answer = self.post(NEXT_V2, json={"device_provides": provides, "update_control_map": False}, expect=expect)
        return answer.json() if answer.status_code == 200 else None

    def report(self, deployment_id, status, expect=204, substate=None):
        body = {"status": status} if substate is None else {"status": status, "substate": substate}
        return self.put(f"{DEPLOYMENT}/{deployment_id}/status", json=body, expect=expect)

    def send_log(self, deployment_id, messages, expect=204):
        return self.put(f"{DEPLOYMENT}/{deployment_id}/log", json={"messages": messages}, expect=expect)

    def download(self, uri, **options):
        """The artifact behind a signed link: no token goes with it."""
        return self.session.get(uri, timeout=120, **options)
