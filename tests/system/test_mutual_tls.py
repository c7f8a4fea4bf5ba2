# SPDX-License-Identifier: Apache-2.0
"""Devices with client certificates: what a token is worth over which certificate."""

import base64
import json
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from support.device import ATTRIBUTES, Device
from support.http import make_certificate
from support.server import Server


@pytest.fixture
def ca(tmp_path):
    return make_certificate(tmp_path, "ca")


@pytest.fixture
def server(bin, tmp_path, database, ca):
    server = Server(bin, tmp_path / "server", database=database, arguments=["--client-ca", ca[0]])
    server.create_user()
    server.start()
    yield server
    server.stop()


def claims_of(token):
    claims = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))


def thumbprint(certificate):
    digest = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def status_over(server, token, pair=None):
    """What curl is told, on a connection of its own, that uses the token over that certificate."""
    words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", server.ca, "-X", "PUT", "-d", "[]",
             "-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {token}"]
    words += ["--cert", pair[0], "--key", pair[1]] if pair else []
    done = subprocess.run([str(word) for word in [*words, server.url + ATTRIBUTES]],
                          capture_output=True, text=True, timeout=60, check=True)
    return int(done.stdout)


@pytest.mark.shows("C4", "T7")
def test_a_token_is_good_over_its_certificate_alone(server, api, tmp_path, ca):
    own, neighbour = make_certificate(tmp_path, "vehicle-1", ca), make_certificate(tmp_path, "vehicle-2", ca)
    stranger = make_certificate(tmp_path, "vehicle-1-self-signed")
    device = Device(server, {"mac": "bound"})
    device.session.cert = tuple(str(path) for path in own)
    device.join(api)
    assert claims_of(device.token)["cnf"] == {"x5t#S256": thumbprint(own[0])}
    # Before and after the server has the token in its memory.
    for pair, good in [(neighbour, False), (None, False), (own, True), (neighbour, False), (stranger, False),
                       (None, False), (own, True)]:
        status = status_over(server, device.token, pair)
        assert status == 200 if good else status == 401, (pair, status)


@pytest.mark.shows("C4")
def test_a_renewed_certificate_asks_for_a_token_of_its_own(server, api, tmp_path, ca):
    device = Device(server, {"mac": "renewed"})
    device.session.cert = tuple(str(path) for path in make_certificate(tmp_path, "first", ca))
    device.join(api)
    renewed = make_certificate(tmp_path, "second", ca)
    assert status_over(server, device.token, renewed) == 401
    device.session.close()
    device.session.cert = tuple(str(path) for path in renewed)
    device.authenticate(expect=200)
    assert status_over(server, device.token, renewed) == 200


def test_a_token_asked_for_without_a_good_certificate_is_not_bound(server, api, tmp_path, ca):
    own = make_certificate(tmp_path, "vehicle-3", ca)
    device = Device(server, {"mac": "unbound"})
    device.session.cert = tuple(str(path) for path in make_certificate(tmp_path, "self-signed"))
    device.join(api)
    assert "cnf" not in claims_of(device.token)
    for pair in (None, own, None):
        assert status_over(server, device.token, pair) == 200
