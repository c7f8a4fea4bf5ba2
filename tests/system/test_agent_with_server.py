# SPDX-License-Identifier: Apache-2.0
"""The real agent against the real server over TLS: let in, told of, updated, rolled back, refused."""

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.api import wait_until
from support.artifact import make_artifact
from support.vehicle import Vehicle, write_program

IDENTITIES = iter(range(1, 1000))


@pytest.fixture
def vehicle(bin, tmp_path, server):
    key = ec.generate_private_key(ec.SECP256R1())
    verify = tmp_path / "verify.pem"
    verify.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM,
                                                     serialization.PublicFormat.SubjectPublicKeyInfo))
    vehicle = Vehicle(bin, tmp_path / "vehicle").build(server.url, {
        "ServerCertificate": str(server.ca), "ArtifactVerifyKey": str(verify), "UpdatePollIntervalSeconds": 1})
    vehicle.key = key
    vehicle.identity = {"vin": f"TESTVEHICLE{next(IDENTITIES):06}"}
    write_program(vehicle.root / "usr/share/mender/identity/mender-device-identity",
                  f"#!/bin/sh\necho vin={vehicle.identity['vin']}\n")
    daemon = vehicle.start()
    yield vehicle
    daemon.stop()


def release(api, vehicle, name, key=None, **options):
    """Uploads a release for the fake module and rolls it out to this vehicle; the deployment's id."""
    path = vehicle.root / f"{name}.mender"
    path.write_bytes(make_artifact(name, [vehicle.device_type], [("content", name.encode())], type="fake",
                                   key=key or vehicle.key, **options))
    api.upload(path)
    return api.deploy(name, devices=[vehicle.id])


def join(api, vehicle):
    wait_until(lambda: api.device_by_identity(vehicle.identity), what="the vehicle's question")
    vehicle.id = api.accept(vehicle.identity)
    return vehicle


def told(api, vehicle, name):
    """The vehicle's inventory once it names that release."""
    known = api.inventory_of(vehicle.id).get("inventory", {})
    return known if known.get("artifact_name") == name else None


def outcome(api, deployment_id):
    def finished():
        counts = api.statistics(deployment_id)
        return next((status for status in ("success", "failure", "aborted") if counts[status]), None)
    return wait_until(finished, what="the end of the deployment")


def test_update_failure_and_wrong_key(api, vehicle):
    join(api, vehicle)
    names = [f"{vehicle.identity['vin']}-{i}" for i in range(4)]

    assert outcome(api, release(api, vehicle, names[0])) == "success"
    assert vehicle.target() == names[0]
    wait_until(lambda: vehicle.artifact_name() == names[0], what="the new name")

    vehicle.fault("ArtifactCommit", "fail")
    failed = release(api, vehicle, names[1])
    assert outcome(api, failed) == "failure"
    assert vehicle.target() == names[0] and vehicle.artifact_name() == names[0]
    log = wait_until(lambda: api.device_log(failed, vehicle.id), what="the log")
    assert "ArtifactCommit: exited with 1" in log

    calls = vehicle.calls()
    wrong = release(api, vehicle, names[2], key=ec.generate_private_key(ec.SECP256R1()))
    assert outcome(api, wrong) == "failure"
    assert vehicle.calls() == calls and vehicle.target() == names[0]

    assert outcome(api, release(api, vehicle, names[3])) == "success"
    assert vehicle.target() == names[3]
    known = wait_until(lambda: told(api, vehicle, names[3]), what="the inventory")
    assert known["device_type"] == vehicle.device_type
