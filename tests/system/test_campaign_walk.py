# SPDX-License-Identifier: Apache-2.0
"""A long random walk through campaigns, beside a model that knows the rules and nothing else."""

import dataclasses
import os
import random

import pytest

from support.api import DEPLOYMENTS, wait_until
from support.artifact import make_artifact
from support.device import Device

ALL = f"{DEPLOYMENTS}/deployments"
N_DEVICES, N_STEPS = 5, 160
ACTIVE = {"pending", "downloading", "installing", "rebooting", "pause_before_installing"}
FINAL = {"aborted", "decommissioned"}


@dataclasses.dataclass
class Part:
    """One device's part in a campaign that it has asked for."""

    status: str = "pending"
    attempts: int = 0
    asked: bool = True  # since its last failure


@dataclasses.dataclass
class Campaign:
    id: str
    release: str
    targets: set
    retries: int
    finished: bool = False
    parts: dict = dataclasses.field(default_factory=dict)

    def settle(self):
        if sum(part.status not in ACTIVE for part in self.parts.values()) >= len(self.targets):
            self.finished = True


class Model:
    """What should come of it; campaigns in the order of their creation."""

    def __init__(self):
        self.campaigns = []
        self.installed = {}

    def next(self, device):
        """The campaign a device is to be given, or None; as the rules of docs/design/matching.md say."""
        mine = [campaign for campaign in self.campaigns if device in campaign.parts]
        active = [campaign for campaign in mine if campaign.parts[device].status in ACTIVE]
        newest_done = max((self.campaigns.index(campaign) for campaign in mine if campaign not in active), default=-1)
        chosen = active[0] if active else next(
            (campaign for campaign in self.campaigns[newest_done + 1:]
             if not campaign.finished and device in campaign.targets), None)
        if chosen is None:
            return None
        part = chosen.parts.setdefault(device, Part())
        part.asked = True
        if part.status == "pending" and chosen.release == self.installed[device]:
            part.status = "already-installed"
            chosen.settle()
            return None
        return chosen

    def report(self, campaign, device, status):
        """The status code of the answer."""
        part = campaign.parts.get(device)
        if part is None:
            return 404
        if part.status in FINAL:
            return 409
        repeated = status == "failure" and part.status == "pending" and part.attempts > 0 and not part.asked
        if status == part.status or repeated:
            return 204
        if status == "failure" and part.status in ACTIVE and part.attempts < campaign.retries:
            part.attempts += 1
            part.status, part.asked = "pending", False
        else:
            part.status = status
        campaign.settle()
        return 204

    def abort(self, campaign):
        if campaign.finished:
            return 422
        for part in campaign.parts.values():
            if part.status in ACTIVE:
                part.status = "aborted"
        campaign.finished = True
        return 204

    def counts(self, campaign):
        counts = {}
        for part in campaign.parts.values():
            counts[part.status] = counts.get(part.status, 0) + 1
        counts.pop("pending", None)
        pending = 0 if campaign.finished else len(campaign.targets) - sum(counts.values())
        return {**counts, **({"pending": pending} if pending else {})}


@pytest.mark.parametrize("seed", [1, 2])
def test_walk(server, api, tmp_path, seed):
    chance = random.Random(seed)
    releases = [f"release-{i}" for i in range(4)]
    for release in releases:
        path = tmp_path / f"{release}.mender"
        path.write_bytes(make_artifact(release, ["test-vehicle"], [("file", os.urandom(5000))]))
        api.upload(path)
    devices = [Device(server, {"mac": f"{i:02x}"}, artifact_name=releases[0]) for i in range(N_DEVICES)]
    ids = [device.join(api) for device in devices]
    model = Model()
    model.installed = {device: device.artifact_name for device in devices}

    def create():
        targets = set(chance.sample(devices, chance.randint(1, N_DEVICES)))
        release, retries = chance.choice(releases), chance.choice((0, 0, 1, 2))
        deployment = api.deploy(release, [ids[devices.index(device)] for device in targets],
                                name=f"campaign {len(model.campaigns)}", retries=retries)
        model.campaigns.append(Campaign(deployment, release, targets, retries))

    def ask():
        device = chance.choice(devices)
        expected, offered = model.next(device), device.next()
        assert (offered or {}).get("id") == (expected.id if expected else None)

    def report():
        device, campaign = chance.choice(devices), chance.choice(model.campaigns)
        status = chance.choice(("downloading", "installing", "rebooting", "pause_before_installing", "success", "failure",
                                "failure"))
        expected = model.report(campaign, device, status)
        device.report(campaign.id, status, expect=expected)

    def abort():
        campaign = chance.choice(model.campaigns)
        api.abort(campaign.id, expect=model.abort(campaign))

    def cut():
        server.kill()
        server.start()
        wait_until(lambda: api.get(ALL).status_code == 200, what="the server answers")

    create()
    for step in range(N_STEPS):
        what = chance.choices((create, ask, report, abort, cut), (8, 40, 40, 2, 1))[0]
        what()
        for campaign in model.campaigns[-3:]:
            shown = api.statistics(campaign.id)
            assert {status: n for status, n in shown.items() if n} == model.counts(campaign), (step, what.__name__)
    for campaign in model.campaigns:
        assert (api.deployment(campaign.id)["status"] == "finished") == campaign.finished
        assert {status: n for status, n in api.statistics(campaign.id).items() if n} == model.counts(campaign)
