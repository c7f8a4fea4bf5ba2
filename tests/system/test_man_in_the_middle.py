# SPDX-License-Identifier: Apache-2.0
"""Somebody between the vehicle and its server, with whatever certificate he can get: he sees the handshake and nothing
else, the vehicle says why in one clear line, falls back to nothing, and goes on with the real server."""

import datetime
import ssl

import pytest
from cryptography.hazmat.primitives import serialization
from support.api import wait_until
from support.hostile import Authority, HostileServer, whole
from support.vehicle import Vehicle

pytestmark = pytest.mark.shows("T1", "T2", "T5", "T6", "I5-MS4")

HOSTS = ("localhost", "127.0.0.1")
AGO = datetime.timedelta(hours=-1)


class Middle:
    """Serves with one certificate, and keeps what it is told."""

    def __init__(self, certificate, key, version=None):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = version
        self.requests = []
        self.server = HostileServer(self.answer, context)

    def answer(self, request):
        self.requests.append((request.method, request.path, dict(request.headers)))
        request.send(whole(401, b"{}"))


def self_signed(folder):
    """An authority of his own, whose root he serves as his own certificate."""
    own = Authority(folder, "localhost")
    key = folder / "self.key"
    key.write_bytes(own.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()))
    return own.file, key


# What he has, and the words the vehicle's log must hold.
CASES = {
    "another CA's": (lambda right, folder: Authority(folder, "other").issue("server", HOSTS), "unable to get local issuer"),
    "self-signed": (lambda right, folder: self_signed(folder), "self-signed certificate"),
    "expired": (lambda right, folder: right.issue("server", HOSTS, ends_in=AGO), "certificate has expired"),
    "of another name": (lambda right, folder: right.issue("server", ("update.example.com",)),
                        "no alternative certificate subject name matches"),
    "a client's": (lambda right, folder: right.issue("vehicle"), "does not match target host name"),
}


@pytest.fixture
def right(tmp_path):
    return Authority(tmp_path)


def make_vehicle(bin, folder, authority, url):
    return Vehicle(bin, folder / "vehicle").build(url, {"ServerCertificate": str(authority.file),
                                                        "UpdatePollIntervalSeconds": 1, "RetryPollIntervalSeconds": 1})


@pytest.mark.parametrize("name", CASES)
def test_he_learns_nothing(bin, tmp_path, right, name):
    make, words = CASES[name]
    middle = Middle(*make(right, tmp_path))
    with middle.server as server:
        vehicle = make_vehicle(bin, tmp_path, right, server.url)
        daemon = vehicle.start()
        try:
            assert daemon.wait_for_log(words), daemon.log()
            # again and again, and always the same
            wait_until(lambda: daemon.log().count(words) >= 3, what="further tries")
        finally:
            daemon.stop()
    line = next(line for line in daemon.log().splitlines() if words in line)
    assert f"localhost:{server.port}" in line or server.url in line, line
    assert middle.requests == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the old protocol is what is tested
def test_he_does_not_get_an_old_protocol(bin, tmp_path, right):
    middle = Middle(*right.issue("server", HOSTS), version=ssl.TLSVersion.TLSv1_1)
    with middle.server as server:
        done = make_vehicle(bin, tmp_path, right, server.url).run("bootstrap")
    assert done.returncode != 0 and "version" in done.stderr, done.stderr
    assert middle.requests == []


def test_without_the_authority_the_right_server_is_refused_too(bin, tmp_path, right):
    """Trust is what the system has and ServerCertificate adds; there is no way to switch it off."""
    middle = Middle(*right.issue("server", HOSTS))
    with middle.server as server:
        vehicle = Vehicle(bin, tmp_path / "vehicle").build(server.url)
        assert vehicle.run("bootstrap").returncode != 0
        assert middle.requests == []
        vehicle.configure(server.url, {"SkipVerify": True})
        refused = vehicle.run("bootstrap")
        assert refused.returncode != 0 and "SkipVerify" in refused.stderr
        vehicle.configure(f"http://update.example.com:{server.port}")
        refused = vehicle.run("bootstrap")
        assert refused.returncode != 0 and "http://" in refused.stderr
        assert middle.requests == []
        vehicle.configure(server.url, {"ServerCertificate": str(right.file)})
        assert vehicle.run("bootstrap").returncode != 0
        assert [path for _, path, _ in middle.requests] == ["/api/devices/v1/authentication/auth_requests"]


def test_it_goes_on_when_he_is_gone(bin, tmp_path, right):
    """The same address, first with a wrong certificate and then with the right one."""
    wrong = Middle(*Authority(tmp_path, "other").issue("server", HOSTS))
    good = Middle(*right.issue("server", HOSTS))
    with wrong.server as server:
        vehicle = make_vehicle(bin, tmp_path, right, server.url)
        daemon = vehicle.start()
        try:
            assert daemon.wait_for_log("unable to get local issuer")
            server.context = good.server.context
            server.answer = good.answer
            wait_until(lambda: good.requests, what="the vehicle with the right server")
        finally:
            daemon.stop()
    assert wrong.requests == []
