# SPDX-License-Identifier: Apache-2.0
"""The program around the API: first start, certificates, settings, signals, maintenance verbs."""

import json
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import time

import pytest

from support.api import DEVAUTH, Api, error_of, wait_until
from support.device import Device
from support.http import make_certificate
from support.server import Server

pytestmark = pytest.mark.sqlite_only


def certificate_of(server, ca):
    context = ssl.create_default_context(cafile=str(ca))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30),
                             server_hostname="localhost") as connection:
        return connection.getpeercert(binary_form=True)


def test_a_first_start_makes_what_it_needs_and_keeps_it(bin, tmp_path):
    server = Server(bin, tmp_path / "server")
    server.start()
    modes = {name: stat.S_IMODE((server.data / name).stat().st_mode)
             for name in ("keys/token.key", "tls/ca.key", "tls/server.key")}
    assert set(modes.values()) == {0o600}, modes
    assert stat.S_IMODE(server.data.stat().st_mode) == 0o700
    assert str(server.data / "tls/ca.crt") in server.log() and str(server.data / "keys/token.key") in server.log()
    first = certificate_of(server, server.ca)
    names = ssl._ssl._test_decode_cert(str(server.data / "tls/server.crt"))["subjectAltName"]
    assert {("DNS", "localhost"), ("IP Address", "127.0.0.1"), ("DNS", socket.gethostname())} <= set(names)
    assert any(kind == "IP Address" and value.startswith("0:0:0:0:0:0:0:1") for kind, value in names)
    server.restart()
    assert certificate_of(server, server.ca) == first
    server.stop()


def test_a_second_server_on_the_same_folder_is_refused(server):
    other = subprocess.run([server.program, "serve", "--listen", "127.0.0.1:0", "--data", str(server.data)],
                           capture_output=True, text=True, timeout=60)
    assert other.returncode == 1 and "another server serves from" in other.stderr
    server.kill()
    server.start()


def test_own_certificates_are_read_again_on_sighup(bin, tmp_path):
    first, second = make_certificate(tmp_path, "first"), make_certificate(tmp_path, "second")
    certificate, key = tmp_path / "server.crt", tmp_path / "server.key"
    shutil.copy(first[0], certificate), shutil.copy(first[1], key)
    server = Server(bin, tmp_path / "server", arguments=["--tls-cert", certificate, "--tls-key", key])
    server.start()
    assert not (server.data / "tls").exists()
    before = certificate_of(server, first[0])
    shutil.copy(second[0], certificate), shutil.copy(second[1], key)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "read certificates and tenants again" in server.log(), what="the log line")
    assert certificate_of(server, second[0]) != before
    certificate.write_text("no certificate")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "what was in use stays" in server.log(), what="the warning")
    certificate_of(server, second[0])
    server.stop()


@pytest.mark.shows("C3")
def test_a_tenant_token_can_be_made_a_must(bin, tmp_path):
    server = Server(bin, tmp_path / "server")
    server.create_user()
    (server.data / "rota-server.conf").write_text(json.dumps({"RequireTenantToken": True, "LogFormat": "json"}))
    server.start()
    assert error_of(Device(server, {"mac": "1"}).authenticate(expect=401)) == "a tenant token is needed"
    token = server.run_verb("tenant", "token", "--name", "default").stdout.strip()
    device = Device(server, {"mac": "1"}, tenant_token=token)
    assert error_of(device.authenticate(expect=401)) == "dev auth: unauthorized"
    api = Api(server.url, server.ca).login(server.email, server.password)
    assert len(api.devices()) == 1
    server.stop()
    records = [json.loads(line) for line in server.lines if line.startswith("{")]
    assert records and all({"time", "level", "message"} <= set(record) for record in records)


def test_pending_devices_are_bounded(bin, tmp_path):
    server = Server(bin, tmp_path / "server")
    server.create_user()
    (server.data / "rota-server.conf").write_text(json.dumps({"PendingDevicesMax": 2}))
    server.start()
    devices = [Device(server, {"mac": str(number)}) for number in range(3)]
    for device in devices[:2]:
        device.authenticate(expect=401)
    answer = devices[2].authenticate(expect=429)
    assert int(answer.headers["Retry-After"]) > 0
    api = Api(server.url, server.ca).login(server.email, server.password)
    api.accept(devices[0].identity)
    devices[2].authenticate(expect=401)
    assert len(api.get(f"{DEVAUTH}/devices").json()) == 3
    server.stop()


@pytest.mark.parametrize("settings, words", [
    ("{", "line 1"), ('{"Readers": 0}', "Readers"), ('{"LogLevel": "loud"}', "LogLevel"), ('{"Loops": "x"}', "Loops")])
def test_settings_that_cannot_be_are_named(bin, tmp_path, settings, words):
    config = tmp_path / "settings.conf"
    config.write_text(settings)
    done = subprocess.run([bin / "rota-server", "serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0",
                           "--config", config], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and words in done.stderr, done.stderr


def test_the_verbs_say_what_is_wrong(bin, tmp_path):
    server = Server(bin, tmp_path / "server")
    short, good = tmp_path / "short", tmp_path / "good"
    short.write_text("short\n")
    good.write_text("a good long password")
    create = ["user", "create", "--email", "a@example.com", "--password-file"]
    for words, message in (
            ([*create, str(short)], "password: must have 8 to 256 characters"),
            ([*create, str(tmp_path / "none")], "none"),
            ([*create, str(good), "--role", "KING"], "no role is named"),
            ([*create, str(good), "--tenant", "nowhere"], "no tenant is named"),
            (["user", "create", "--email", "x", "--password-file", str(good)], "email: not an address"),
            (["tenant", "create"], "--name is needed"),
            (["tenant", "create", "--name", "default"], 'there is a tenant named "default"')):
        done = server.run_verb(*words)
        assert done.returncode == 1 and message in done.stderr, (words, done.stderr)
    assert server.run_verb(*create, str(good)).returncode == 0
    assert "there is a user with this address" in server.run_verb(*create, str(good)).stderr
    assert "sound" in server.run_verb("check").stdout
    assert "schema" in server.run_verb("migrate").stdout


def test_sigterm_lets_what_is_under_way_end(server, api):
    """The answer to a call that was begun comes; a new connection is not taken."""
    context = ssl.create_default_context(cafile=str(server.ca))
    with context.wrap_socket(socket.create_connection(("127.0.0.1", server.port), timeout=30),
                             server_hostname="localhost") as connection:
        connection.sendall(b"POST /api/management/v1/useradm/auth/login HTTP/1.1\r\nHost: localhost\r\n"
                           b"Authorization: Basic bm9ib2R5OndhcyBoZXJl\r\nContent-Length: 0\r\n\r\n")
        time.sleep(0.1)  # on the server's side of the wire by now, with a slow hash before its answer
        server.process.send_signal(signal.SIGTERM)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
    assert server.process.wait(30) == 0
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", server.port), timeout=5)
