# SPDX-License-Identifier: Apache-2.0
"""An organisation with one of everything, so that a test can walk all routes with ids that exist."""

import os
import re

from support.api import DEPLOYMENTS, DEVAUTH, INVENTORY, USERADM
from support.artifact import make_artifact
from support.device import Device

PASSWORD = "a good long password"


class World:
    """ids: the name of a route's parameter, by route word, to an id of this organisation."""

    def __init__(self, server, api, folder, name, tenant_token=None):
        self.server, self.api, self.folder, self.name = server, api, folder, name
        self.device = Device(server, {"vin": "1"}, tenant_token=tenant_token)
        self.device_id = self.device.join(api)
        self.auth_set = api.devices(id=self.device_id)[0]["auth_sets"][0]["id"]
        self.device.send_inventory({"device_type": "test-vehicle", "artifact_name": "release-1", "owner": name})
        self.group = f"group-{name}"
        api.put(f"{INVENTORY}/devices/{self.device_id}/group", json={"group": self.group}, expect=204)
        self.release = f"release-{name}"
        self.artifact = self.upload(self.release)
        self.spare_artifact = self.upload(f"spare-{name}")
        self.deployment = api.deploy(self.release, devices=[self.device_id], name=f"deployment-{name}")
        self.user = self.make_user(f"user@{name}.example.com")
        api.post(f"{USERADM}/settings", json={"mark": name}, expect=201)
        self.make_token(f"token-{name}")

    def upload(self, release):
        path = self.folder / f"{release}.mender"
        path.write_bytes(make_artifact(release, ["test-vehicle"], [("file", os.urandom(5000))]))
        return self.api.upload(path)

    def make_user(self, email):
        body = {"email": email, "password": PASSWORD}
        return self.api.post(f"{USERADM}/users", json=body, expect=201).headers["Location"].rsplit("/", 1)[1]

    def make_token(self, name):
        self.api.post(f"{USERADM}/settings/tokens", json={"name": name}, expect=200)
        self.token = next(token["id"] for token in self.api.get(f"{USERADM}/settings/tokens").json()
                          if token["name"] == name)
        return self.token

    def fill(self, path):
        """The route's path with this organisation's ids in it."""
        words = {"aid": self.auth_set, "device": self.device_id, "name": self.group}
        if "/releases/" in path:
            words["name"] = self.release
        for prefix, value in ((f"{DEVAUTH}/tokens/", self.auth_set), (f"{USERADM}/users/", self.user),
                              (f"{USERADM}/settings/tokens/", self.token), (f"{DEPLOYMENTS}/artifacts/", self.artifact),
                              (f"{DEPLOYMENTS}/deployments/", self.deployment)):
            if path.startswith(prefix):
                words["id"] = value
        words.setdefault("id", self.device_id)
        return re.sub(r"\{([^}]*)\}", lambda match: words[match[1]], path)

    def ids(self):
        return [self.device_id, self.auth_set, self.group, self.release, self.artifact, self.spare_artifact,
                self.deployment, self.user, self.token, f"token-{self.name}", f"deployment-{self.name}"]

    def state(self):
        """All that the API shows of this organisation, but for times that pass by themselves."""
        get = self.api.get
        devices = [{key: value for key, value in device.items() if key != "check_in_time"} for device in self.api.devices()]
        tokens = [{key: value for key, value in token.items() if key != "last_used"}
                  for token in get(f"{USERADM}/settings/tokens").json()]
        return {
            "devices": devices, "tokens": tokens, "scopes": self.api.inventory_of(self.device_id)["inventory"],
            "group": get(f"{INVENTORY}/devices/{self.device_id}/group").json(),
            "artifacts": sorted(item["id"] for item in get(f"{DEPLOYMENTS}/artifacts").json()),
            "deployment": self.api.deployment(self.deployment), "statistics": self.api.statistics(self.deployment),
            "users": get(f"{USERADM}/users").json(), "settings": get(f"{USERADM}/settings").json(),
            "log": len(get("/api/management/v1/auditlogs/logs", params={"per_page": 500}).json())}
