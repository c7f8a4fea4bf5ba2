# SPDX-License-Identifier: Apache-2.0
"""What the HTTP engine does for a good client and with a slow one, on its own test server."""

import hashlib
import json
import os
import signal
import ssl
import subprocess
import threading
import time

import pytest

from support.http import Connection, TestServer, client_context, make_certificate, wait_until

pytestmark = pytest.mark.shows("MS7")

PLAIN = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture
def certificate(tmp_path):
    return make_certificate(tmp_path)


@pytest.fixture
def start(bin, tmp_path, certificate):
    servers = []

    def start(**options):
        servers.append(TestServer(bin, tmp_path, *certificate, **options))
        return servers[-1]

    yield start
    for server in servers:
        if server.process.poll() is None:
            server.stop()


def get(connection, path, *lines, method="GET", body=b""):
    head = [f"{method} {path} HTTP/1.1", "Host: a", *lines]
    connection.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)
    return connection.answer(method)


def test_a_taken_port_is_refused(start, bin, tmp_path, certificate):
    """Loops of one server share a port; two servers never do."""
    first = start()
    second = subprocess.run(
        [first.program, "--port", str(first.port), *map(str, certificate)], capture_output=True, text=True, timeout=20
    )
    assert second.returncode != 0
    assert "already in use" in second.stderr
    with Connection(first.port) as connection:
        assert get(connection, "/").status == 200


def test_keep_alive_and_close(start):
    with Connection(start().port) as connection:
        for _ in range(3):
            answer = get(connection, "/")
            assert (answer.status, answer.body) == (200, b"ok")
            assert "connection" not in answer.headers
        assert get(connection, "/", "Connection: close").headers["connection"] == "close"
        assert connection.closes_within(2)


def test_http_1_0(start):
    server = start()
    with Connection(server.port) as connection:
        connection.send(b"GET / HTTP/1.0\r\n\r\n")
        assert connection.answer().headers["connection"] == "close"
        assert connection.closes_within(2)
    with Connection(server.port) as connection:
        connection.send(b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
        assert connection.answer().headers["connection"] == "keep-alive"
        assert get(connection, "/").status == 200


def test_head_has_the_length_but_no_body(start):
    with Connection(start().port) as connection:
        answer = get(connection, "/big?5000", method="HEAD")
        assert (answer.headers["content-length"], connection.buffer) == ("5000", b"")
        assert get(connection, "/").body == b"ok"


def test_no_content_has_no_length(start):
    with Connection(start().port) as connection:
        answer = get(connection, "/nothing")
        assert answer.status == 204 and "content-length" not in answer.headers
        assert get(connection, "/").body == b"ok"


def test_answers_from_other_threads_keep_their_order(start):
    with Connection(start().port) as connection:
        connection.send(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n" + PLAIN)
        assert connection.answer().body == b"later"
        assert connection.answer().body == b"ok"


def test_client_gone_before_its_answer(start):
    server = start()
    for _ in range(50):
        with Connection(server.port) as connection:
            connection.send(b"GET /later HTTP/1.1\r\nHost: a\r\n\r\n")
    time.sleep(0.3)
    with Connection(server.port) as connection:
        assert get(connection, "/").status == 200


@pytest.mark.parametrize("size", [0, 1, 16000, 16384, 100000, 10_000_000])
def test_big_answers_and_files(start, tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    with Connection(start().port) as connection:
        assert len(get(connection, f"/big?{size}").body) == size
        assert hashlib.sha256(get(connection, f"/file?{tmp_path}/file").body).digest() == hashlib.sha256(content).digest()
        assert get(connection, "/").body == b"ok"


@pytest.mark.parametrize("path", ["/echo", "/", "/slowly"])
def test_bodies(start, path):
    body = os.urandom(300_000)
    expected = body if path == "/echo" else str(len(body)).encode()
    chunks = b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n"
                      for part in (body[i:i + 7777] for i in range(0, len(body), 7777)))
    with Connection(start().port) as connection:
        assert get(connection, path, f"Content-Length: {len(body)}", method="POST", body=body).body == expected
        answer = get(connection, path, "Transfer-Encoding: chunked", method="POST", body=chunks + b"0\r\n\r\n")
        assert answer.body == expected
        assert get(connection, "/").body == b"ok"


def test_expect_continue(start):
    with Connection(start().port) as connection:
        lines = ("Content-Length: 5", "Expect: 100-continue")
        assert get(connection, "/echo", *lines, method="POST").status == 100
        connection.send(b"hello")
        assert connection.answer().body == b"hello"
        # Refused without having asked for it: nobody knows whether the body comes, so the connection ends.
        answer = get(connection, "/refused", *lines, method="POST")
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_an_unread_body_is_dropped_or_ends_the_connection(start):
    server = start()
    with Connection(server.port) as connection:
        assert get(connection, "/refused", "Content-Length: 5000", method="POST", body=b"x" * 5000).status == 413
        assert get(connection, "/").body == b"ok"
    with Connection(server.port) as connection:
        answer = get(connection, "/refused", "Content-Length: 5000000", method="POST", body=b"x" * 5_000_000)
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert connection.closes_within(5)
    with Connection(server.port) as connection:
        answer = get(connection, "/echo", "Content-Length: 5000000", method="POST", body=b"x" * 5_000_000)
        assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_slow_body_is_cut(start):
    """A body that comes slower than the least rate over the window."""
    started = time.monotonic()
    with Connection(start(rate=1000).port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n")
        connection.socket.settimeout(0.5)
        while time.monotonic() - started < 30:
            connection.send(b"x" * 100)
            try:
                if not connection.receive():
                    break
            except TimeoutError:
                continue
        assert connection.buffer.startswith(b"HTTP/1.1 408 ")
        assert 9 < time.monotonic() - started < 18


def test_body_at_the_least_rate_is_taken(start):
    with Connection(start(rate=1000).port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 20000\r\n\r\n")
        for _ in range(40):
            connection.send(b"x" * 500)
            time.sleep(0.4)
        assert connection.answer().body == b"20000"


@pytest.mark.parametrize("path", ["/big?60000000", "/file?/proc/self/exe"])
def test_reader_that_does_not_read(start, path, tmp_path):
    (tmp_path / "file").write_bytes(bytes(30_000_000))
    path = path.replace("/proc/self/exe", f"{tmp_path}/file")
    with Connection(start(write=2).port) as connection:
        connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        time.sleep(6)
        size = 0
        connection.socket.settimeout(5)
        while connection.receive():
            size += len(connection.buffer)
            connection.buffer = b""
        assert size < 29_000_000


def test_idle_connection_is_closed(start):
    with Connection(start(idle=1).port) as connection:
        assert get(connection, "/").status == 200
        started = time.monotonic()
        assert connection.closes_within(5)
        assert 0.5 < time.monotonic() - started < 3


def test_stalled_handshakes_make_room(start):
    """More stalled handshakes than are let in at a time do not keep others out for long."""
    import socket
    server = start(handshakes=10, handshake=60)
    stalled = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(30)]
    started = time.monotonic()
    with Connection(server.port) as connection:
        assert get(connection, "/").status == 200
    assert time.monotonic() - started < 10
    for connection in stalled:
        connection.close()


def test_one_connection_too_many_is_told_so(start):
    server = start(connections=5)
    kept = [Connection(server.port) for _ in range(5)]
    for connection in kept:
        assert get(connection, "/").status == 200
    with Connection(server.port) as connection:
        answer = get(connection, "/")
        assert (answer.status, answer.headers["connection"]) == (503, "close")
        assert int(answer.headers["retry-after"]) > 0
    kept.pop().socket.close()
    wait_until(lambda: get_once(server.port) == 200, 5)
    for connection in kept:
        connection.socket.close()


def get_once(port):
    with Connection(port) as connection:
        return get(connection, "/").status


def test_drain(start):
    """What runs is answered with Connection: close, what is idle is closed, then the server ends."""
    server = start(drain=5)
    idle, busy = Connection(server.port), Connection(server.port)
    assert get(idle, "/").status == 200
    busy.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nxx")
    time.sleep(0.3)
    server.process.send_signal(signal.SIGTERM)
    assert idle.closes_within(2)
    time.sleep(0.3)
    with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
        Connection(server.port)
    busy.send(b"xx")
    answer = busy.answer()
    assert (answer.status, answer.body, answer.headers["connection"]) == (200, b"4", "close")
    busy.socket.close()
    assert server.process.wait(5) == 0


def test_drain_has_a_deadline(start):
    server = start(drain=1)
    with Connection(server.port) as connection:
        connection.send(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nxx")
        time.sleep(0.3)
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(10) == 0
        assert 0.8 < time.monotonic() - started < 4


@pytest.mark.shows("T1")
def test_versions_and_ciphers(start):
    server = start()
    with Connection(server.port) as connection:
        assert connection.socket.version() == "TLSv1.3"
        assert connection.socket.cipher()[0] == "TLS_AES_128_GCM_SHA256"
    context = client_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Connection(server.port, context) as connection:
        assert connection.socket.cipher()[0] == "ECDHE-ECDSA-AES128-GCM-SHA256"
        assert get(connection, "/").status == 200
    old = subprocess.run(["openssl", "s_client", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0",
                          "-connect", f"127.0.0.1:{server.port}"], input=b"", capture_output=True, timeout=20)
    assert old.returncode != 0


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_on_any_loop_and_after_a_reload(start, version):
    server = start(loops=2)
    context = client_context()
    context.maximum_version = version
    with Connection(server.port, context) as connection:
        assert get(connection, "/").status == 200
        session = connection.socket.session
    for i in range(10):
        if i == 5:
            server.process.send_signal(signal.SIGHUP)
            time.sleep(0.2)
        with Connection(server.port, context, session) as connection:
            assert connection.socket.session_reused
            assert get(connection, "/").status == 200


def test_reload_takes_a_new_certificate_and_keeps_the_old_on_failure(start, tmp_path, certificate):
    server = start()

    def served():
        return ssl.get_server_certificate(("127.0.0.1", server.port))

    first = served()
    (tmp_path / "later").mkdir()
    for old, new in zip(certificate, make_certificate(tmp_path / "later"), strict=True):
        os.replace(new, old)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: served() != first, 5)
    second = served()
    certificate[0].write_text("nonsense")
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.5)
    assert served() == second


@pytest.mark.shows("T7")
def test_client_certificates(bin, tmp_path, certificate):
    ca = make_certificate(tmp_path, "ca")
    other_ca = make_certificate(tmp_path, "other-ca")
    good, foreign = make_certificate(tmp_path, "vehicle-1", ca), make_certificate(tmp_path, "vehicle-2", other_ca)
    server = TestServer(bin, tmp_path, *certificate, client_ca=ca[0])
    try:
        digest = subprocess.run(["openssl", "x509", "-in", good[0], "-noout", "-fingerprint", "-sha256"],
                                capture_output=True, text=True, check=True, timeout=20)
        digest = digest.stdout.strip().split("=")[1].replace(":", "").lower()
        context = client_context(*good)
        session = None
        for _ in range(3):  # judged, remembered, resumed
            with Connection(server.port, context, session) as connection:
                answer = get(connection, "/client")
                assert (answer.status, answer.body.decode()) == (200, f"{digest} vehicle-1")
                session = connection.socket.session
        for context in (client_context(*foreign), client_context()):
            with Connection(server.port, context) as connection:
                assert get(connection, "/client").status == 403
                assert get(connection, "/").status == 200
    finally:
        server.stop()


def test_many_clients_at_once(start):
    """Requests, bodies, answers from elsewhere and lost connections beside each other on two loops."""
    server = start(loops=2)
    failures = []

    def visit(seed):
        try:
            for i in range(15):
                with Connection(server.port) as connection:
                    if (seed + i) % 5 == 0:
                        connection.send(b"POST /slowly HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n" + b"x" * 50000)
                        continue
                    body = os.urandom(1000 * i)
                    assert get(connection, "/later").body == b"later"
                    assert get(connection, "/echo", f"Content-Length: {len(body)}", method="POST", body=body).body == body
                    assert len(get(connection, "/big?200000").body) == 200000
        except Exception as error:  # a thread's failure is the test's
            failures.append(repr(error))

    threads = [threading.Thread(target=visit, args=(seed,)) for seed in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert get_once(server.port) == 200


def test_errors_have_the_one_shape(start):
    with Connection(start().port) as connection:
        connection.send(b"GET / HTTP/1.1\r\n\r\n")
        answer = connection.answer()
        assert answer.headers["content-type"] == "application/json"
        assert set(json.loads(answer.body)) == {"error", "request_id"}
