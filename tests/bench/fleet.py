#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A million devices: how long it takes to make a campaign for all of them, and to answer a filter's first page.

  create    a campaign for all devices, answered when it is on disk                   < 1 s
  ask       a device of it asks for the first time, and gets its instructions         shown
  filter    first page, over all devices and their attributes, each kind of operator  p95 < 100 ms
"""

import argparse
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.api import Api  # noqa: E402
from support.artifact import make_artifact  # noqa: E402
from support.device import Device  # noqa: E402
from support.seed import seed_attributes, seed_devices  # noqa: E402
from support.server import Server  # noqa: E402

CREATE_S, FILTER_MS = 1.0, 100
SEARCH = "/api/management/v2/inventory/filters/search"
RARE, COMMON, MANY = 1000, 20, 300_000  # how many different values an attribute has


def attribute_names(count):
    """One of each kind that the filters below ask for, and others beside them."""
    names = {"rare": (RARE, False), "common": (COMMON, False), "number": (MANY, True)}
    names.update({f"other{i:02}": (50, i % 2 == 0) for i in range(count - len(names))})
    return names


def condition(attribute, operator, value, scope="inventory"):
    return {"scope": scope, "attribute": attribute, "type": operator, "value": value}


FILTERS = {
    "equal, rare": [condition("rare", "$eq", "v7")],
    "equal, common": [condition("common", "$eq", "v7")],
    "equal, number": [condition("number", "$eq", 70)],
    "in": [condition("rare", "$in", ["v1", "v2", "v3"])],
    "not equal": [condition("rare", "$ne", "v7")],
    "range": [condition("number", "$gt", MANY - 3000)],
    "status": [condition("status", "$eq", "accepted", "identity")],
    "two": [condition("status", "$eq", "accepted", "identity"), condition("rare", "$eq", "v9")],
}


def timed(work):
    began = time.monotonic()
    result = work()
    return time.monotonic() - began, result


def compare_campaign(server, api, folder, device):
    path = folder / "release-2.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], [("file", b"x" * 5000)]))
    api.upload(path)
    create_s, deployment = timed(lambda: api.deploy("release-2"))
    targets = api.deployment(deployment)["max_devices"]
    ask_s, offered = timed(device.next)
    assert offered["id"] == deployment
    good = create_s < CREATE_S
    print(f"fleet: a campaign for {targets} devices: made in {create_s * 1000:.0f} ms (reach < {CREATE_S:.0f} s), the first "
          f"device answered in {ask_s * 1000:.0f} ms: {'ok' if good else 'SHORT'}", flush=True)
    return good


def compare_filters(api, rounds):
    times = []
    for name, filters in FILTERS.items():
        of_filter = []
        for _ in range(rounds):
            seconds, answer = timed(lambda body={"filters": filters}: api.post(SEARCH, json=body, expect=200))
            of_filter.append(seconds * 1000)
        times += of_filter
        print(f"fleet: filter {name}: {statistics.median(of_filter):.0f} ms, {answer.headers['X-Total-Count']} devices")
    p95 = statistics.quantiles(times, n=20)[-1]
    good = p95 < FILTER_MS
    print(f"fleet: first page of a filter: p95 {p95:.0f} ms (reach < {FILTER_MS}): {'ok' if good else 'SHORT'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--attributes", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-fleet-"))
    server = Server(os.environ.get("ROTA_BIN", ROOT / "out/bin"), folder / "server")
    try:
        server.create_user()
        seed_devices(server, options.devices)
        seed_attributes(server, attribute_names(options.attributes))
        seconds, _ = timed(server.start)
        print(f"fleet: {options.devices} devices with {options.attributes} attributes: ready in {seconds:.1f} s", flush=True)
        api = Api(server.url, server.ca).login(server.email, server.password)
        device = Device(server, {"mac": "02:00:00:00:00:01"})
        device.join(api)
        good = compare_campaign(server, api, folder, device)
        good &= compare_filters(api, options.rounds)
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
