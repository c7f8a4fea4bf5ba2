# SPDX-License-Identifier: Apache-2.0
"""Bad input of every kind: a 4xx in the one error shape, never a 500, and nothing stored."""

import base64
import contextlib
import json
import re
import ssl
import socket
import subprocess
import time

import pytest

from support.api import DEPLOYMENTS, DEVAUTH, INVENTORY, USERADM, Api, error_of, wait_until
from support.device import AUTH_REQUESTS, Device
from support.server import Server
from support.store import Store

pytestmark = pytest.mark.shows("MS6")

UNKNOWN = "5c1f1c1e-0000-4000-8000-000000000000"

# Bodies that are no JSON, or JSON that nobody should take.
MALFORMED = {
    "nothing closed": b'{"a": [1, 2',
    "words": b"hello",
    "two values": b"{} {}",
    "trailing comma": b'{"a": 1,}',
    "a key twice": b'{"email": "a@b.c", "email": "d@e.f"}',
    "single quotes": b"{'a': 1}",
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "half a surrogate": b'{"a": "\\ud800"}',
    "NUL inside": b'{"a": "x\\u0000y"}',
    "NUL outside": b'{"a": 1}\x00',
    "a number too large": b'{"a": 99999999999999999999999999}',
    "deep": b"[" * 5000 + b"]" * 5000,
    "deep objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "a byte order mark": b"\xef\xbb\xbf{}",
    "only spaces": b"     ",
}

WRONG_TYPES = [None, True, 0, -1, 1.5, "text", [], {}, [None], [[]], {"a": {"b": []}}, ["a", 1], "x" * 5000]


@pytest.fixture
def routes(bin):
    printed = subprocess.run([bin / "rota-server", "routes", "--json"], capture_output=True, text=True, check=True)
    return json.loads(printed.stdout)


@pytest.fixture
def device(server, api):
    device = Device(server, {"mac": "known"})
    device.join(api)
    return device


@pytest.fixture
def unchanged(server, api, device):
    """After the test every table holds as many rows as before it."""
    store = Store(server)
    before = store.counts()
    assert len(before) >= 8, before
    yield
    assert store.counts() == before
    assert "internal error" not in server.log() and "ERROR" not in server.log(), server.log()


def filled(path, value=UNKNOWN):
    return re.sub(r"\{[^}]*\}", value, path)


def caller_of(route, api, device):
    return {"user": api, "device": device}.get(route["caller"]) or Api(api.url, api.session.verify)


def routes_with_json(routes):
    return [route for route in routes if route["body_max"] and route["mode"] != "stream"]


def assert_refused(answer, where):
    assert 400 <= answer.status_code < 500, f"{where}: {answer.status_code} {answer.text[:300]}"
    error_of(answer)


def test_malformed_json_is_refused_everywhere(api, device, routes, unchanged):
    for route in routes_with_json(routes):
        for name, body in MALFORMED.items():
            answer = caller_of(route, api, device).call(
                route["method"], filled(route["path"]), data=body, headers={"Content-Type": "application/json"})
            assert_refused(answer, f"{route['method']} {route['path']} with {name}")


def test_wrong_types_are_refused_or_change_nothing(server, api, device, routes):
    """A body of another shape than the call takes: 4xx; or, where everything in it is optional, nothing done."""
    for route in routes_with_json(routes):
        for value in WRONG_TYPES:
            answer = caller_of(route, api, device).call(route["method"], filled(route["path"]), json=value)
            where = f"{route['method']} {route['path']} with {json.dumps(value)[:60]}"
            assert answer.status_code < 500, f"{where}: {answer.status_code} {answer.text[:300]}"
            if answer.status_code >= 400:
                error_of(answer)
    assert "ERROR" not in server.log(), server.log()


FIELDS = {
    ("POST", f"{USERADM}/users"): {"email": "new@example.com", "password": "a good long password", "roles": []},
    ("PUT", f"{USERADM}/users/me"): {"email": "new@example.com", "password": "a good long one", "current_password": "x"},
    ("POST", f"{USERADM}/settings/tokens"): {"name": "ci", "expires_in": 1},
    ("POST", f"{DEVAUTH}/devices"): {"identity_data": {"mac": "1"}, "pubkey": "x", "force": False},
    ("POST", f"{DEVAUTH}/devices/search"): {"status": "accepted", "id": UNKNOWN},
    ("POST", AUTH_REQUESTS): {"id_data": "{}", "pubkey": "x", "tenant_token": "x"},
}


@pytest.mark.parametrize("method, path", FIELDS, ids=lambda word: word.rsplit("/", 1)[-1])
def test_a_field_of_a_wrong_type_is_named(api, unchanged, method, path):
    good = FIELDS[method, path]
    for name, value in good.items():
        right = type(value)
        for wrong in ([], {}, 7, "text", True):
            if isinstance(wrong, right) or (name in ("status", "id", "roles") and isinstance(wrong, (list, str))):
                continue
            if name == "identity_data" and not isinstance(wrong, dict):
                assert_refused(api.call(method, path, json={**good, name: wrong}), f"{name} = {wrong}")
                continue
            answer = api.call(method, path, json={**good, name: wrong})
            assert answer.status_code == 400, f"{name} = {wrong}: {answer.status_code} {answer.text}"
            assert name in error_of(answer)


def test_signatures_that_do_not_fit(server, device, unchanged):
    stranger = Device(server, {"mac": "stranger"}, kind="rsa")
    other = Device(server, {"mac": "other"}, kind="rsa")
    body = stranger.auth_body()
    good = stranger.sign(stranger.key, body)
    for signature in (b"", b"x", good[:-1], good + b"\0", bytes([good[0] ^ 1]) + good[1:], other.sign(other.key, body)):
        answer = stranger.authenticate(body=body, signature=signature)
        assert answer.status_code in (400, 401), answer.text
        error_of(answer)
    for text in ("!!!", base64.b64encode(good).decode() + " x", base64.b64encode(good).decode().rstrip("="), "é"):
        answer = stranger.post(AUTH_REQUESTS, data=body, headers={
            "Content-Type": "application/json", "X-MEN-Signature": text.encode(), "Authorization": None})
        assert answer.status_code in (400, 401), answer.text
    ed25519 = Device(server, {"mac": "e"})
    assert ed25519.authenticate(signature=bytes(64)).status_code == 401


def test_identities_and_keys_that_are_none(server, api, device, unchanged):
    good = Device(server, {"mac": "x"})
    key = good.public_key()
    private = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIPAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n-----END PRIVATE KEY-----\n"
    bad = [("[]", key), ("{}", key), ("5", key), ("", key), ("{", key), ('{"a":1,"a":2}', key), ('{"mac":"x"}', ""),
           ('{"mac":"x"}', "x"), ('{"mac":"x"}', private), ('{"mac":"x"}', key.replace("PUBLIC", "RSA PUBLIC")),
           ('{"mac":"x"}', key[:60]), ('{"mac":"' + "x" * 70000 + '"}', key)]
    for id_data, pubkey in bad:
        body = json.dumps({"id_data": id_data, "pubkey": pubkey}).encode()
        answer = good.authenticate(body=body)
        assert answer.status_code in (400, 413), f"{id_data[:40]}: {answer.status_code} {answer.text[:200]}"
        error_of(answer)
    for identity in ([], {}, 5, "x"):
        assert_refused(api.post(f"{DEVAUTH}/devices", json={"identity_data": identity, "pubkey": key}), identity)


def test_unknown_ids(api, device, routes, unchanged):
    for route in routes:
        if "{" not in route["path"] or route["caller"] == "anyone":
            continue
        for value in (UNKNOWN, "x", "..", "%2e%2e%2f", "%27%20OR%201=1--", "%F0%9F%9A%97", "x" * 900):
            body = {"json": {"status": "accepted"}} if route["body_max"] else {}
            answer = caller_of(route, api, device).call(route["method"], filled(route["path"], value), **body)
            where = f"{route['method']} {filled(route['path'], value)[:80]}"
            assert answer.status_code < 500, f"{where}: {answer.status_code} {answer.text[:200]}"
            if answer.status_code >= 400:
                error_of(answer)


def test_bodies_of_another_kind(api, device, unchanged):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/jsonx"):
        answer = api.post(f"{USERADM}/users", data=b'{"email": "a@b.c"}', headers={"Content-Type": kind})
        assert answer.status_code == 415, kind
        error_of(answer)
    assert api.post(f"{USERADM}/users", data=b"{}", headers={"Content-Type": "nonsense"}).status_code == 400


def test_chunked_bodies_are_taken_without_a_content_type(api, device, unchanged):
    answer = api.post(f"{DEVAUTH}/devices/search", data=iter([b'{"status":', b' "accepted"}']))
    assert answer.status_code == 200, answer.text
    assert len(answer.json()) == 1
    assert_refused(api.post(f"{DEVAUTH}/devices/search", data=iter([b'{"status":', b' "acc'])), "a body cut in two")


def open_tls(api):
    host, port = api.url.removeprefix("https://").split(":")
    context = ssl.create_default_context(cafile=str(api.session.verify))
    return context.wrap_socket(socket.create_connection((host, int(port)), timeout=30), server_hostname=host)


def read_answer(connection):
    """Status and whole text; the server closes after such an answer."""
    data = b""
    while True:
        try:
            piece = connection.recv(65536)
        except OSError:
            break
        if not piece:
            break
        data += piece
    return int(data.split(b" ", 2)[1]), data


def read_head(connection):
    """The same where the server has not closed yet: what has come once the text says it is whole."""
    data = b""
    while b"\r\n\r\n" not in data or not data.endswith(b"}"):
        data += connection.recv(65536)
    return int(data.split(b" ", 2)[1]), data


def get_raw(api, target):
    """A target as it is: requests would encode it anew."""
    with open_tls(api) as connection:
        connection.sendall((f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                            f"Authorization: Bearer {api.token}\r\n\r\n").encode())
        return read_answer(connection)


HUNDRED_MB = 100 * 1000 * 1000


def test_a_hundred_megabytes_are_refused_without_being_read(server, api, device, routes, unchanged):
    for route in routes_with_json(routes):
        token = {"user": api.token, "device": device.token}.get(route["caller"])
        with open_tls(api) as connection:
            head = (f"{route['method']} {filled(route['path'])} HTTP/1.1\r\nHost: localhost\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {HUNDRED_MB}\r\n")
            head += f"Authorization: Bearer {token}\r\n" if token else ""
            connection.sendall(head.encode() + b"\r\n")
            status, text = read_answer(connection)
        assert status == 413, f"{route['path']}: {status}"
        assert b'"error":"the body is larger than ' in text, text


def resident_kib(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", open(f"/proc/{pid}/status").read())[1])


def test_a_hundred_megabytes_in_chunks_are_not_kept(server, api, device, unchanged):
    """The answer comes at the megabyte; what a client that does not listen still sends is dropped unread."""
    before = resident_kib(server.process.pid)
    chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    with open_tls(api) as connection:
        connection.sendall((f"POST {USERADM}/settings HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            f"Transfer-Encoding: chunked\r\nAuthorization: Bearer {api.token}\r\n\r\n").encode())
        for _ in range(20):
            connection.sendall(chunk)
        status, text = read_head(connection)
        assert status == 413 and b"the body is larger than 1048576 bytes" in text, text
        with contextlib.suppress(OSError):
            for _ in range(HUNDRED_MB // 0x10000):
                connection.sendall(chunk)
    assert resident_kib(server.process.pid) - before < 16 * 1024
    assert api.get(f"{USERADM}/settings").json() == {}


def test_paths_and_queries_that_cannot_be_read(api, device, unchanged):
    paths = ["/api/%zz", "/api/%00", "/api/%ff", "//", "/" + "a/" * 60]
    queries = ["a=%zz", "a=%ff", "page=%00", "&".join("a=1" for _ in range(1100)), "page=-1", "page=0", "page=1e9",
               "per_page=99999999999999999999"]
    for target in paths + [f"{DEVAUTH}/devices?{query}" for query in queries]:
        status, text = get_raw(api, target)
        assert 400 <= status < 500, f"{target[:80]}: {status}"
        assert status == 414 or json.loads(text.split(b"\r\n\r\n", 1)[1])["error"], text


@pytest.mark.shows("R6")
def test_a_flood_of_log_ins_does_not_hold_up_others(server, api, device):
    """Hashes are slow on purpose: they wait for each other, nobody else for them."""
    crowd = []
    began = time.monotonic()
    for number in range(80):
        connection = open_tls(api)
        secret = base64.b64encode(f"user{number}@example.com:wrong password".encode()).decode()
        connection.sendall((f"POST {USERADM}/auth/login HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {secret}\r\n"
                            "Connection: close\r\nContent-Length: 0\r\n\r\n").encode())
        crowd.append(connection)
    slowest = 0
    for _ in range(20):
        start = time.monotonic()
        api.get(f"{USERADM}/users/me", expect=200)
        slowest = max(slowest, time.monotonic() - start)
    statuses = [read_answer(connection)[0] for connection in crowd]
    assert set(statuses) <= {401, 503}, statuses
    together = time.monotonic() - began
    assert slowest < together / 8, f"{slowest:.2f} s beside 80 log-ins that took {together:.2f} s"


@pytest.mark.shows("R6")
@pytest.mark.sqlite_only
def test_bodies_that_never_end_do_not_fill_the_memory(bin, tmp_path):
    """Strangers who each send all but the last byte: together they hold what a setting says, and no more."""
    server = Server(bin, tmp_path / "server")
    server.create_user()
    (server.data / "rota-server.conf").write_text(json.dumps({"BodiesHeldMax": 4 * 1024 * 1024}))
    server.start()
    api = Api(server.url, server.ca)
    crowd, statuses = [], []
    for _ in range(24):
        connection = open_tls(api)
        connection.settimeout(1)
        connection.sendall((f"POST {AUTH_REQUESTS} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                            f"Content-Length: 1000000\r\n\r\n").encode())
        with contextlib.suppress(OSError):
            connection.sendall(b" " * 999999)
        crowd.append(connection)
    for connection in crowd:
        with contextlib.suppress(OSError):
            statuses.append(connection.recv(65536)[:12])
    assert statuses.count(b"HTTP/1.1 503") >= 20 and set(statuses) <= {b"HTTP/1.1 503", b""}, statuses
    held = int(re.search(r"^rota_bodies_held_bytes (\d+)$", api.get("/metrics").text, re.M)[1])
    assert 3 * 1024 * 1024 < held < 5 * 1024 * 1024
    api.login(server.email, server.password)
    for connection in crowd:
        connection.close()
    wait_until(lambda: "rota_bodies_held_bytes 0\n" in api.get("/metrics").text, what="all bodies let go")
    server.stop()


UPLOADS = f"{DEPLOYMENTS}/artifacts"


def stored_bytes(server):
    """All files of the storage, but the one that says whose it is."""
    return [path for path in (server.data / "artifacts").rglob("*") if path.is_file() and path.name != "owner"]


PART = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
BROKEN_UPLOADS = {
    "nothing": b"",
    "no boundary line": b"hello",
    "a head cut": b'--b\r\nContent-Disposition: form-data; na',
    "a part cut": PART.format("artifact", "x" * 100).encode()[:-20],
    "no last boundary": PART.format("artifact", "x" * 100).encode(),
    "no artifact": (PART.format("description", "x") + "--b--\r\n").encode(),
    "no name": b'--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n',
    "not an artifact": (PART.format("artifact", "x" * 5000) + "--b--\r\n").encode(),
    "another size": (PART.format("size", "5") + PART.format("artifact", "x" * 100) + "--b--\r\n").encode(),
    "no number for a size": (PART.format("size", "many") + PART.format("artifact", "x" * 100) + "--b--\r\n").encode(),
}


@pytest.mark.parametrize("name", BROKEN_UPLOADS)
def test_broken_uploads(server, api, unchanged, name):
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    assert_refused(api.post(UPLOADS, data=BROKEN_UPLOADS[name], headers=headers), name)
    assert_refused(api.post(UPLOADS, data=iter([BROKEN_UPLOADS[name] or b" "]), headers=headers), f"{name}, chunked")
    left = stored_bytes(server)
    assert left == []


def test_an_upload_whose_client_goes_away(server, api, unchanged):
    with open_tls(api) as connection:
        body = PART.format("artifact", "x" * 100000).encode()
        connection.sendall((f"POST {UPLOADS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10 * len(body)}\r\n"
                            f"Content-Type: multipart/form-data; boundary=b\r\nAuthorization: Bearer {api.token}\r\n\r\n"
                            ).encode() + body[:50000])
        time.sleep(0.5)
    deadline = time.monotonic() + 10
    while stored_bytes(server):
        assert time.monotonic() < deadline, "a part of the upload stayed"
        time.sleep(0.1)


def test_inventory_that_is_none(api, device, unchanged):
    bad = [{}, [1], [[]], [{"name": "a"}], [{"value": "a"}], [{"name": "", "value": "a"}], [{"name": 5, "value": "a"}],
           [{"name": "a", "value": True}], [{"name": "a", "value": None}], [{"name": "a", "value": {}}],
           [{"name": "a", "value": ["x", 1]}], [{"name": "a" * 2000, "value": "x"}],
           [{"name": str(number), "value": "x"} for number in range(200)]]
    for attributes in bad:
        answer = device.put("/api/devices/v1/inventory/device/attributes", json=attributes)
        assert_refused(answer, json.dumps(attributes)[:60])
    for path in (f"{INVENTORY}/devices/{UNKNOWN}", f"{INVENTORY}/groups/nothing/devices"):
        assert_refused(api.get(path), path)
