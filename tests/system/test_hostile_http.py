# SPDX-License-Identifier: Apache-2.0
"""Hostile HTTP over a real TLS socket: against the engine's own test server, and against rota-server."""

import json
import socket
import time

import pytest

from support.http import Connection, TestServer, cpu_seconds, first_bytes_of_hello, make_certificate
from support.server import Server
from conftest import ROOT

pytestmark = pytest.mark.shows("MS7", "R6")

REQUESTS = json.loads((ROOT / "tests/vectors/http/requests.json").read_text())["requests"]
PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
CLOSE_WITHIN_S = 5

# What the words of the file mean: how many answers that are no refusal, and the statuses that may follow.
EXPECTATIONS = {
    "served": (1, ()),
    "as without it": (1, ()),
    "served as HTTP/1.1": (1, ()),
    "served or 4xx": (1, ()),
    "both served, in order": (2, ()),
    "400 close": (0, (400,)),
    "400 or 404": (0, (400, 404)),
    "400 or 501 close": (0, (400, 501)),
    "400 or 505 close": (0, (400, 505)),
    "400 or 413 close": (0, (400, 413)),
    "first served, then 400 close": (1, (400,)),
}


class Target:
    def __init__(self, port, pid, head_timeout_s):
        self.port, self.pid, self.head_timeout_s = port, pid, head_timeout_s


@pytest.fixture(scope="module")
def target_makers(tmp_path_factory):
    """One server of each kind for the whole file, started when first asked for."""
    running = {}

    def test_server(bin):
        folder = tmp_path_factory.mktemp("http")
        server = TestServer(bin, folder, *make_certificate(folder), head=2)
        return server, Target(server.port, server.pid, 2)

    def rota_server(bin):
        if not (bin / "rota-server").exists():
            pytest.skip("there is no rota-server in this build")
        server = Server(bin, tmp_path_factory.mktemp("rota") / "server")
        server.start()
        return server, Target(server.port, server.process.pid, 10)

    def get(name, bin):
        if name not in running:
            running[name] = {"test-server": test_server, "rota-server": rota_server}[name](bin)
        return running[name][1]

    yield get
    for server, _ in running.values():
        server.stop()


@pytest.fixture(params=["test-server", "rota-server"])
def target(request, target_makers, bin):
    return target_makers(request.param, bin)


def is_served(answer):
    """Answered by the application, whatever it thinks of the path or the caller."""
    return answer is not None and answer.status not in (400, 408, 417, 431, 501, 505) and answer.status < 500


@pytest.mark.parametrize("request_", REQUESTS, ids=[entry["name"] for entry in REQUESTS])
def test_known_requests(target, request_):
    n_served, refusals = EXPECTATIONS[request_["expect"]]
    with Connection(target.port) as connection:
        connection.send(request_["raw"].encode("latin-1"))
        for _ in range(n_served):
            answer = connection.answer()
            if request_["name"] == "GET with a body" and answer.status in range(400, 500):
                continue
            assert is_served(answer), answer
        if refusals:
            answer = connection.answer()
            assert answer.status in refusals, answer
        if "close" in request_["expect"]:
            assert answer.headers["connection"] == "close"
            assert "error" in json.loads(answer.body)
            assert connection.closes_within(CLOSE_WITHIN_S)
            assert connection.buffer == b""
        elif n_served:
            connection.send(PLAIN)
            assert is_served(connection.answer())


def test_a_trailer_changes_nothing(target):
    head = b"POST /api/management/v1/useradm/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
    statuses = []
    for trailer in (b"", b"Authorization: Bearer x\r\nContent-Length: 5\r\nHost: b\r\n"):
        with Connection(target.port) as connection:
            connection.send(head + trailer + b"\r\n")
            statuses.append(connection.answer().status)
    assert statuses[0] == statuses[1]


def test_requests_in_single_bytes(target):
    with Connection(target.port) as connection:
        for i in range(len(PLAIN)):
            connection.send(PLAIN[i:i + 1])
        assert is_served(connection.answer())


def test_dripped_head_is_cut(target):
    """One deadline for the whole head: each further byte does not prolong it."""
    started = time.monotonic()
    with Connection(target.port) as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        connection.socket.settimeout(0.2)
        while time.monotonic() - started < target.head_timeout_s + 5:
            connection.send(b"y")
            try:
                if not connection.receive():
                    break
            except TimeoutError:
                continue
        took = time.monotonic() - started
        assert connection.buffer.startswith(b"HTTP/1.1 408 ")
        assert target.head_timeout_s - 0.5 < took < target.head_timeout_s + 2


def test_silence_after_the_handshake_is_cut(target):
    started = time.monotonic()
    with Connection(target.port) as connection:
        assert connection.closes_within(target.head_timeout_s + 3)
        assert connection.buffer == b""
        assert time.monotonic() - started > target.head_timeout_s - 0.5


@pytest.mark.parametrize("n_bytes", [0, 3, 100])
def test_stalled_handshakes_cost_nothing(target, n_bytes):
    """20 clients that stop within their first message cost less than 5 % of a core, and others are served."""
    hello = first_bytes_of_hello()[:n_bytes]
    stalled = [socket.create_connection(("127.0.0.1", target.port)) for _ in range(20)]
    for connection in stalled:
        connection.sendall(hello)
    time.sleep(0.3)
    before, started = cpu_seconds(target.pid), time.monotonic()
    time.sleep(3)
    share = (cpu_seconds(target.pid) - before) / (time.monotonic() - started)
    with Connection(target.port) as connection:
        connection.send(PLAIN)
        assert is_served(connection.answer())
    for connection in stalled:
        connection.close()
    print(f"20 handshakes stalled after {n_bytes} bytes: {share:.2%} of a core")
    assert share < 0.05


def test_noise_instead_of_tls(target):
    for noise in (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"\x16\x03\x01\xff\xff" + b"\x00" * 200, b"\x80\x01\x01"):
        with socket.create_connection(("127.0.0.1", target.port), 15) as connection:
            connection.sendall(noise + bytes(20000))
            try:
                while connection.recv(4096):
                    pass
            except ConnectionResetError:
                pass
    with Connection(target.port) as connection:
        connection.send(PLAIN)
        assert is_served(connection.answer())


def test_pipelining_with_an_error_in_the_middle(target):
    with Connection(target.port) as connection:
        connection.send(PLAIN * 5 + b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + PLAIN * 5)
        for _ in range(5):
            assert is_served(connection.answer())
        assert connection.answer().status == 400
        assert connection.closes_within(CLOSE_WITHIN_S)
        assert connection.buffer == b""


@pytest.mark.parametrize("raw, status", [
    (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"y" * 20000, 431),
    (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
    (b"GET /" + b"y" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\nContent-Length: 1\r\n\r\n", 417),
], ids=["head", "lines", "target", "expectation"])
def test_limits(target, raw, status):
    with Connection(target.port) as connection:
        connection.send(raw)
        assert connection.answer().status == status
        assert connection.closes_within(CLOSE_WITHIN_S)
