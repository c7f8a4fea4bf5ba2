# SPDX-License-Identifier: Apache-2.0
"""The agent's network side against servers that cut, drip, lie and never stop.

rota-agent-net is driven by contact-probe, which is a contact and nothing else.
"""

import base64
import hashlib
import json
import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import threading
import time

import pytest

from support.contact_probe import SPOOL, Probe
from support.hostile import Authority, HostileServer, head, whole
from support.vehicle import assert_no_crash

# RotaError, as the probe prints it.
INVALID, FORBIDDEN, CONFLICT, TOO_LARGE, TIMED_OUT, UNAVAILABLE = 0, 2, 4, 6, 10, 11
ETAG = '"one"'
CONTENT = hashlib.shake_128(b"download").digest(3_000_000)


@pytest.fixture
def probe(bin, tmp_path):
    return Probe(bin, tmp_path / "data")


def failed_with(done, code):
    last = done.stderr.decode().strip().splitlines()[-1]
    assert done.returncode == 1 and last.startswith(f"{code}: "), done.stderr.decode()
    return last


def succeeded(done, content=CONTENT):
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout == content


def part(request, content=CONTENT, etag=ETAG):
    """Head and body of a well-behaved answer to this request."""
    start = request.range_start()
    if start is None:
        return head(200, {"Content-Length": len(content), "ETag": etag}), content
    rest = content[start:]
    return head(206, {"Content-Length": len(rest), "ETag": etag,
                      "Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}), rest


def serve(request):
    request.send(b"".join(part(request)))


def cutting(every, first_only=False):
    """Resets the connection after so many bytes of the body."""
    cuts = []

    def answer(request):
        answer_head, body = part(request)
        if len(body) <= every or (first_only and cuts):
            request.send(answer_head + body)
            return
        cuts.append(request.range_start())
        request.send(answer_head + body[:every])
        time.sleep(0.05)
        request.cut()
    return answer


@pytest.mark.parametrize("name", ["download", ""], ids=["spool", "pipe"])
def test_cut_download_goes_on_where_it_was(probe, name):
    with HostileServer(cutting(1_100_000)) as server:
        succeeded(probe.fetch(server.url, name))
    starts = [request.range_start() for request in server.requests]
    assert starts[0] is None and len(starts) == 3
    assert 0 < starts[1] <= 1_100_000 < starts[2] <= 2_200_000


def test_tries_without_progress_end(probe):
    with HostileServer(lambda request: request.cut()) as server:
        failed_with(probe.fetch(server.url, tries=2), UNAVAILABLE)
    assert len(server.requests) == 3


def test_the_end_of_a_pipe_is_told_at_once(probe):
    """Who has read all bytes is not left waiting for the word that they are all."""
    def seconds(name):
        start = time.monotonic()
        with HostileServer(serve) as server:
            succeeded(probe.fetch(server.url, name))
        return time.monotonic() - start
    spooled = min(seconds("download") for _ in range(3))
    assert min(seconds("") for _ in range(3)) < 8 * spooled


@pytest.mark.parametrize("name", ["download", ""], ids=["spool", "pipe"])
def test_server_without_ranges_is_asked_for_all_and_the_start_skipped(probe, name):
    cuts = []

    def answer(request):
        answer_head = head(200, {"Content-Length": len(CONTENT), "ETag": ETAG})
        if cuts:
            request.send(answer_head + CONTENT)
            return
        cuts.append(1)
        request.send(answer_head + CONTENT[:1_500_000])
        time.sleep(0.05)
        request.cut()

    with HostileServer(answer) as server:
        succeeded(probe.fetch(server.url, name))


@pytest.mark.parametrize("wrong", ["bytes 0-2999999/3000000", "bytes 2999999-2999999/3000000", "bytes 5-4/3", "x"])
def test_wrong_range_is_not_believed(probe, wrong):
    def answer(request):
        if request.range_start() is not None:
            request.send(whole(206, b"x" * 1000, {"Content-Range": wrong, "ETag": ETAG}))
            return
        cut(request)

    cut = cutting(1_500_000, first_only=True)
    with HostileServer(answer) as server:
        succeeded(probe.fetch(server.url))
    assert [request.range_start() is None for request in server.requests] == [True, False, True]


def test_thing_that_changed_while_it_was_read_fails(probe):
    other = bytes(reversed(CONTENT))

    def answer(request):
        if len(server.requests) == 1:
            cut(request)
        else:
            request.send(b"".join(part(request, other, '"two"')))

    cut = cutting(1_500_000)
    with HostileServer(answer) as server:
        assert "changed" in failed_with(probe.fetch(server.url), CONFLICT)


def test_thing_that_changed_since_is_fetched_anew(probe):
    """What the spool holds of another thing is not handed out before the server was asked."""
    with HostileServer(cutting(1_500_000)) as server:
        assert probe.fetch(server.url, tries=0).returncode == 1
        assert (probe.data / "spool/download").stat().st_size > 0
    other = bytes(reversed(CONTENT[:2_000_000]))
    with HostileServer(lambda request: request.send(b"".join(part(request, other, '"two"')))) as server:
        succeeded(probe.fetch(server.url), other)
    assert [request.range_start() is None for request in server.requests] == [False, True]


@pytest.mark.shows("MS2")
def test_killed_agent_fetches_only_what_is_missing(probe):
    gate = threading.Event()

    def answer(request):
        answer_head, body = part(request)
        request.send(answer_head + body[:1_500_000])
        gate.wait(30)
        request.send(body[1_500_000:])

    with HostileServer(answer) as server:
        first = probe.start("fetch", server.url, "download", SPOOL, 3)
        got = first.stdout.read(1_400_000)
        assert got == CONTENT[:1_400_000]
        first.kill()
        first.wait()
        gate.set()
    with HostileServer(serve) as server:
        succeeded(probe.fetch(server.url))
    start = server.requests[0].range_start()
    assert start is not None and start >= 1_400_000


def child_of(process):
    children = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])


@pytest.mark.parametrize("name", ["download", ""], ids=["spool", "pipe"])
def test_killed_network_process_is_replaced_in_mid_download(probe, name):
    gate = threading.Event()

    def answer(request):
        answer_head, body = part(request)
        request.send(answer_head + body[:1_000_000])
        gate.wait(30)
        request.send(body[1_000_000:])

    with HostileServer(answer) as server:
        process = probe.start("fetch", server.url, name, SPOOL, 3)
        got = process.stdout.read(900_000)
        os.kill(child_of(process), signal.SIGKILL)
        gate.set()
        rest, log = process.stdout.read(), process.stderr.read()
        process.wait(60)
    assert process.returncode == 0, log.decode()
    assert got + rest == CONTENT
    assert server.requests[1].range_start() >= 900_000
    assert b"starting another network process" in log


@pytest.mark.parametrize("name", ["download", ""], ids=["spool", "pipe"])
def test_reader_that_takes_its_time_costs_no_try(probe, name):
    """A module may work for minutes: longer than the idle limit and the window of the least rate."""
    content = CONTENT * 10

    def answer(request):
        request.send(b"".join(part(request, content)))

    with HostileServer(answer) as server:
        process = probe.start("fetch", server.url, name, SPOOL, 0)
        got = process.stdout.read(1_000_000)
        time.sleep(6)
        got += process.stdout.read()
        process.wait(60)
        assert process.returncode == 0, process.stderr.read().decode()
    assert got == content and len(server.requests) == 1


@pytest.mark.parametrize("name", ["download", ""], ids=["spool", "pipe"])
def test_expired_link_is_replaced(probe, name):
    def answer(request):
        if request.path == "/fresh":
            serve(request)
        elif request.range_start() is None:
            cut(request)
        else:
            request.send(whole(403, b"URL expired"))

    cut = cutting(1_500_000)
    with HostileServer(answer) as server:
        done = probe.fetch(f"{server.url}/old", name, fresh=f"{server.url}/fresh")
    succeeded(done)
    assert done.stderr.count(b"asked for a fresh link") == 1
    assert server.requests[-1].range_start() >= 1_400_000


def test_links_that_expire_for_ever_end(probe):
    with HostileServer(lambda request: request.send(whole(403))) as server:
        failed_with(probe.fetch(server.url, fresh=server.url), FORBIDDEN)
    assert len(server.requests) == 6


def test_retry_after_is_waited_for(probe):
    def answer(request):
        if len(server.requests) == 1:
            request.send(whole(503, b"", {"Retry-After": "2"}))
        else:
            serve(request)

    began = time.monotonic()
    with HostileServer(answer) as server:
        succeeded(probe.fetch(server.url))
    assert 2 <= time.monotonic() - began < 25


def test_call_hands_over_retry_after(probe):
    with HostileServer(lambda request: request.send(whole(429, b'{"error":"x"}', {"Retry-After": "77"}))) as server:
        done = probe.run("call", server.url, "PUT", "/a")
    assert done.stdout == b'429 77 {"error":"x"}\n'
    request = server.requests[0]
    assert (request.method, request.path, request.body) == ("PUT", "/a", b"{}")
    assert request.headers["authorization"] == "Bearer token"
    assert request.headers["content-type"] == "application/json"


def drip(request):
    request.send(head(200, {"Content-Length": len(CONTENT)}))
    while True:
        request.send(b"x")
        time.sleep(0.2)


def drip_head(request):
    request.send(b"HTTP/1.1 200 x\r\n")
    for i in range(1000):
        request.send(b"X-%d: y\r\n" % i)
        time.sleep(0.2)


def silent(request):
    time.sleep(30)


def silent_after_head(request):
    request.send(head(200, {"Content-Length": len(CONTENT)}))
    time.sleep(30)


@pytest.mark.parametrize("answer", [drip, drip_head, silent, silent_after_head])
def test_slow_server_is_left(probe, answer):
    """The probe's idle limit is 2 s, so the window of the least rate is 4 s."""
    began = time.monotonic()
    with HostileServer(answer) as server:
        failed_with(probe.fetch(server.url, tries=0), TIMED_OUT)
    assert time.monotonic() - began < 25


def test_call_to_a_silent_server_ends(probe):
    with HostileServer(silent) as server:
        failed_with(probe.run("call", server.url, "PUT", "/a"), TIMED_OUT)


def test_endless_answer_of_a_call_is_cut(probe):
    def answer(request):
        request.send(head(200, {"Transfer-Encoding": "chunked"}))
        while True:
            request.send(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")

    with HostileServer(answer) as server:
        failed_with(probe.run("call", server.url, "GET", "/a"), TOO_LARGE)


def test_endless_download_is_a_stream_that_its_reader_ends(probe):
    """Nothing grows: not the spool (it is given up at its maximum), not the memory."""
    def answer(request):
        request.send(head(200))
        while True:
            request.send(b"x" * 0x10000)

    with HostileServer(answer) as server:
        process = probe.start("fetch", server.url, "download", 2_000_000, 3)
        assert process.stdout.read(30_000_000) == b"x" * 30_000_000
        spool = probe.data / "spool/download"
        assert not spool.exists() or spool.stat().st_size <= 2_100_000
        process.stdout.close()
        process.wait(20)
        process.stderr.close()


def test_body_longer_than_said_ends_where_it_was_said(probe):
    with HostileServer(lambda request: request.send(whole(200, CONTENT) + b"more" * 1000)) as server:
        succeeded(probe.fetch(server.url))


def test_empty_download(probe):
    with HostileServer(lambda request: request.send(whole(200, b""))) as server:
        succeeded(probe.fetch(server.url), b"")


def test_download_beyond_the_spool_is_streamed(probe):
    with HostileServer(serve) as server:
        succeeded(probe.fetch(server.url, spool=1_000_000))
    assert not (probe.data / "spool/download").exists()


def test_huge_head_is_refused(probe):
    def answer(request):
        request.send(head(200, {f"X-{i}": "y" * 1000 for i in range(100)} | {"Content-Length": 0}))

    with HostileServer(answer) as server:
        failed_with(probe.fetch(server.url, tries=0), TOO_LARGE)


def test_redirect_is_not_followed(probe):
    with HostileServer(serve) as other:
        with HostileServer(lambda request: request.send(whole(302, b"", {"Location": other.url}))) as server:
            failed_with(probe.fetch(server.url, fresh=server.url), UNAVAILABLE)
    assert len(server.requests) == 1 and not other.requests


def test_packed_body_is_refused(probe):
    with HostileServer(lambda request: request.send(whole(200, b"x", {"Content-Encoding": "gzip"}))) as server:
        failed_with(probe.fetch(server.url), UNAVAILABLE)
    assert "accept-encoding" not in server.requests[0].headers


@pytest.mark.parametrize("body", [b"a\0b", b"\xff\xfe"])
def test_answer_that_is_no_text_is_refused(probe, body):
    with HostileServer(lambda request: request.send(whole(200, body))) as server:
        failed_with(probe.run("call", server.url, "GET", "/a"), INVALID)


@pytest.mark.parametrize("answer", [b"garbage\r\n\r\n", b"HTTP/9.9 200 OK\r\n\r\n", b"HTTP/1.1 2000 x\r\n\r\n", b"\r\n",
                                    b"HTTP/1.1 200 x\r\nContent-Length: -1\r\n\r\n",
                                    b"HTTP/1.1 200 x\r\nContent-Length: 99999999999999999999\r\n\r\n"])
def test_no_http_is_an_error(probe, answer):
    def send(request):
        request.send(answer)
        request.cut()

    with HostileServer(send) as server:
        done = probe.run("call", server.url, "GET", "/a")
    assert done.returncode == 1, done.stdout


def test_plain_http_stays_on_this_machine(probe):
    failed_with(probe.run("call", "http://192.0.2.1", "GET", "/a"), FORBIDDEN)
    failed_with(probe.fetch("http://192.0.2.1/a"), FORBIDDEN)


def test_servers_are_tried_in_order(probe):
    with HostileServer(lambda request: request.cut()) as first, \
            HostileServer(lambda request: request.send(whole(401, b'{"error":"x"}'))) as second, \
            HostileServer(lambda request: request.send(whole(200, b"to.ke.n\n"))) as third:
        done = probe.run("authenticate", first.url, second.url, third.url)
        assert done.stdout == f"200 to.ke.n {third.url}\n".encode(), done.stderr
        done = probe.run("authenticate", first.url, second.url)
        assert done.stdout == b'401 0 {"error":"x"}\n'
        failed_with(probe.run("authenticate", first.url), UNAVAILABLE)
    request = third.requests[0]
    assert request.path == "/api/devices/v1/authentication/auth_requests"
    assert request.headers["x-men-signature"] == "c2ln" and request.body == b"{}"


@pytest.mark.parametrize("token", [b"", b"two words", b"a\nb: c", b"x" * 70_000])
def test_answer_that_is_no_token_is_refused(probe, token):
    with HostileServer(lambda request: request.send(whole(200, token))) as server:
        failed_with(probe.run("authenticate", server.url), INVALID)


# TLS

def test_certificates_are_verified(probe, tmp_path):
    ours = Authority(tmp_path)
    with HostileServer(serve, ours.server_context()) as server:
        assert "certificate" in failed_with(probe.run("call", server.url, "GET", "/a"), UNAVAILABLE)
        probe.ca = Authority(tmp_path, "other").file
        failed_with(probe.run("call", server.url, "GET", "/a"), UNAVAILABLE)
        assert not server.requests
        probe.ca = ours.file
        succeeded(probe.fetch(server.url))


def test_host_name_is_verified(probe, tmp_path):
    authority = Authority(tmp_path)
    probe.ca = authority.file
    with HostileServer(serve, authority.server_context(hosts=("elsewhere.example",))) as server:
        failed_with(probe.run("call", server.url, "GET", "/a"), UNAVAILABLE)
        assert not server.requests


def test_tls_session_outlives_the_process(probe, tmp_path):
    """Only under the same certificates: with others the handshake is made in full."""
    authority = Authority(tmp_path)
    probe.ca = authority.file
    with HostileServer(lambda request: request.send(whole(200, b"{}")), authority.server_context()) as server:
        for _ in range(3):
            assert probe.run("call", server.url, "GET", "/a").returncode == 0
        assert server.resumed == [False, True, True]
        mode = (probe.data / "tls-sessions").stat().st_mode
        assert stat.S_IMODE(mode) == 0o600
        probe.ca.write_bytes(probe.ca.read_bytes() + Authority(tmp_path, "more").file.read_bytes())
        assert probe.run("call", server.url, "GET", "/a").returncode == 0
        assert server.resumed[3] is False
        (probe.data / "tls-sessions").write_bytes(b"{ nonsense")
        assert probe.run("call", server.url, "GET", "/a").returncode == 0


def test_damaged_session_file_costs_one_call_at_most(probe, tmp_path):
    """What a disk may give back: a half, nothing but zeros, and another byte in the key (48 long) or the certificate."""
    authority = Authority(tmp_path)
    probe.ca = authority.file
    path = probe.data / "tls-sessions"
    with HostileServer(lambda request: request.send(whole(200, b"{}")), authority.server_context()) as server:
        assert probe.run("call", server.url, "GET", "/a").returncode == 0
        good = path.read_bytes()
        session = json.loads(good)["sessions"][0]
        der = base64.b64decode(session["data"])
        damaged = [good[:len(good) // 2], bytes(len(good))]
        for place in (*range(0, len(der), 24), der.rindex(b"localhost")):
            data = der[:place] + bytes([der[place] ^ 5]) + der[place + 1:]
            damaged.append(json.dumps({"sessions": [{**session, "data": base64.b64encode(data).decode()}]}).encode())
        failures = 0
        for content in damaged:
            path.write_bytes(content)
            if probe.run("call", server.url, "GET", "/a").returncode != 0:
                failures += 1
                assert probe.run("call", server.url, "GET", "/a").returncode == 0, content
        assert failures > 0  # else no byte that matters was met


def test_client_certificate(probe, tmp_path):
    authority = Authority(tmp_path)
    probe.ca = authority.file
    context = authority.server_context(ask_for_client=True)
    with HostileServer(lambda request: request.send(whole(200, b"{}")), context) as server:
        failed_with(probe.run("call", server.url, "GET", "/a"), UNAVAILABLE)
        probe.certificate, probe.key = authority.issue("vehicle")
        done = probe.run("call", server.url, "GET", "/a")
        assert done.returncode == 0, done.stderr.decode()
        probe.key = ""
        failed_with(probe.run("call", server.url, "GET", "/a"), UNAVAILABLE)


# Proxies

class TunnelProxy(HostileServer):
    """Answers CONNECT, whatever host is asked for, with a tunnel to one port of this machine."""

    def __init__(self, port):
        super().__init__(self.tunnel)
        self.target = port

    def tunnel(self, request):
        far = socket.create_connection(("127.0.0.1", self.target))
        request.send(b"HTTP/1.1 200 x\r\n\r\n")
        back = threading.Thread(target=self.copy, args=(far, request.connection), daemon=True)
        back.start()
        self.copy(request.connection, far)
        back.join()

    @staticmethod
    def copy(source, target):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def behind_proxy(probe, tmp_path):
    """(server, proxy): the server's name is known to the proxy only."""
    authority = Authority(tmp_path)
    probe.ca = authority.file
    with HostileServer(serve, authority.server_context(hosts=("vehicles.example",))) as server, \
            TunnelProxy(server.port) as proxy:
        server.url = "https://vehicles.example"
        yield server, proxy


@pytest.mark.parametrize("name", ["https_proxy", "HTTPS_PROXY"])
def test_proxy_of_the_environment_is_used(probe, behind_proxy, name):
    server, proxy = behind_proxy
    probe.environment[name] = f"http://user:secret@127.0.0.1:{proxy.port}"
    succeeded(probe.fetch(server.url))
    request = proxy.requests[0]
    assert (request.method, request.path) == ("CONNECT", "vehicles.example:443")
    assert request.headers["proxy-authorization"] == "Basic dXNlcjpzZWNyZXQ="
    assert "authorization" not in request.headers


def test_hosts_of_no_proxy_go_without(probe, behind_proxy):
    server, proxy = behind_proxy
    probe.environment |= {"https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": "other.example .example"}
    failed_with(probe.fetch(server.url, tries=0), UNAVAILABLE)
    assert not proxy.requests


def test_loopback_goes_without_a_proxy(probe):
    probe.environment |= {"http_proxy": "http://192.0.2.1:1", "https_proxy": "http://192.0.2.1:1"}
    with HostileServer(serve) as server:
        succeeded(probe.fetch(server.url))


def test_contradicting_proxies_are_refused(probe):
    probe.environment |= {"https_proxy": "http://u:secret@a", "HTTPS_PROXY": "http://b"}
    assert "secret" not in failed_with(probe.run("call", "http://127.0.0.1:1", "GET", "/a"), INVALID)


# Rights

def status_of(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@pytest.fixture
def waiting(probe):
    """A probe whose network process waits for an answer."""
    arrived = threading.Event()

    def answer(request):
        arrived.set()
        time.sleep(30)

    def start():
        server.__enter__()
        process = probe.start("call", server.url, "GET", "/a")
        processes.append(process)
        assert arrived.wait(20)
        return process

    server = HostileServer(answer)
    processes = []
    yield start
    for process in processes:
        process.kill()
        process.communicate()
    server.__exit__()


def test_network_process_has_a_filter_and_gains_nothing(waiting):
    status = status_of(child_of(waiting()))
    assert status["Seccomp"] == "2" and status["NoNewPrivs"] == "1"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_network_process_is_another_user(probe, waiting):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-net-"))
    folder.chmod(0o755)
    try:
        probe.net = shutil.copy(probe.net, folder)
        probe.user = "nobody"
        status = status_of(child_of(waiting()))
    finally:
        shutil.rmtree(folder)
    assert set(status["Uid"].split()) == {"65534"} and status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can remain root")
def test_network_process_is_never_root(probe, waiting):
    probe.user = "root"
    status = status_of(child_of(waiting()))
    assert set(status["Uid"].split()) == set(status["Gid"].split()) == {"65534"} and status["Groups"].strip() == ""
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0


def test_network_process_ends_with_the_agent(waiting):
    process = waiting()
    child = child_of(process)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 5
    while pathlib.Path(f"/proc/{child}").exists() and status_of(child)["State"][0] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("words", [["call", "GET", "/a"], ["fetch", "download", SPOOL, 3], ["fetch", "", 0, 3]],
                         ids=["call", "spool", "pipe"])
def test_stop_ends_every_wait(probe, words):
    arrived = threading.Event()

    def answer(request):
        if words[0] == "fetch":
            request.send(head(200, {"Content-Length": 1000}) + b"x" * 10)
        arrived.set()
        time.sleep(30)

    with HostileServer(answer) as server:
        process = probe.start(words[0], server.url, *words[1:])
        assert arrived.wait(20)
        child = child_of(process)
        process.terminate()
        _, log = process.communicate(timeout=20)
    assert f"{UNAVAILABLE}: " in log.decode() and "stopped" in log.decode(), log.decode()
    assert "does not end: killed" not in log.decode()
    assert not pathlib.Path(f"/proc/{child}").exists()


def test_missing_network_process_is_an_error(probe, tmp_path):
    probe.net = tmp_path / "absent"
    done = probe.run("call", "http://127.0.0.1:1", "GET", "/a")
    assert done.returncode == 1 and b"absent" in done.stderr
