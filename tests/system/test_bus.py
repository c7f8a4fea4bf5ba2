# SPDX-License-Identifier: Apache-2.0
"""The agent on D-Bus, and add-ons that reach their server through the local forwarder.

A private dbus-daemon stands for the system bus, with our policy in it; who calls is busctl, and Debian's
mender-connect as it is.
"""

import json
import re
import socket as sockets
import subprocess
import time

import pytest
from support.artifact import make_artifact
from support.bus import HMI_GROUP, AgentBus, PrivateBus, wait_until
from support.connect_server import BINARY, CONNECT, PING, PONG, ConnectServer
from support.http import make_certificate
from support.stub_server import StubServer
from support.vehicle import ROOT, Vehicle

AUTHENTICATION = ("io.mender.AuthenticationManager", "/io/mender/AuthenticationManager", "io.mender.Authentication1")
AGENT = ("io.rota.Agent", "/io/rota/Agent", "io.rota.Agent1")
INVENTORY = "/api/devices/v1/inventory/device/attributes"


@pytest.fixture
def bus():
    bus = PrivateBus()
    yield bus
    bus.close()


class World:
    def __init__(self, bus, bin, folder, **settings):
        certificate, key = make_certificate(folder)
        client, client_key = make_certificate(folder, "vehicle")
        self.server = ConnectServer(certificate, key, client_authority=client)
        self.vehicle = Vehicle(bin, folder / "root").build(self.server.url, {
            "ServerCertificate": str(certificate), "HttpsClient": {"Certificate": str(client), "Key": str(client_key)},
            **settings})
        self.bus, self.agent_bus, self.connect = bus, AgentBus(bus, self.vehicle), None

    def start_connect(self, program, folder):
        config = folder / "connect.conf"
        config.write_text('{"ShellCommand": "/bin/sh", "User": "nobody", "ReconnectIntervalSeconds": 1}')
        self.connect_log = folder / "connect.log"
        self.connect = subprocess.Popen([program, "--config", config, "--debug", "daemon"],
                                        env=self.bus.environment, stderr=self.connect_log.open("w"),
                                        stdout=subprocess.DEVNULL)

    def close(self):
        if self.connect:
            self.connect.kill()
            self.connect.wait()
        if self.agent_bus.process.poll() is None:
            self.agent_bus.stop()
        self.server.close()


@pytest.fixture
def world(bus, bin, tmp_path):
    world = World(bus, bin, tmp_path)
    yield world
    world.close()


@pytest.fixture
def mender_connect(peers):
    program = peers / "usr/bin/mender-connect"
    if not program.exists():
        pytest.skip("mender-connect is not unpacked: script/setup test")
    return program


def check_both_ways(socket):
    """A frame there, its echo back: through the forwarder, and answered by mender-connect's own code."""
    socket.send(PING, b"are you there")
    assert socket.wait_for(PONG) == b"are you there"


# What mender-connect speaks: MessagePack of {"hdr": {"proto": 1, "typ": "new", "sid": "s"}, "body": b""}.
NEW_SHELL = (b"\x82\xa3hdr\x84\xa5proto\x01\xa3typ\xa3new\xa3sid\xa6sid-42\xa5props"
             b"\x83\xa7user_id\xa6user-1\xaeterminal_width\x50\xafterminal_height\x18\xa4body\xc4\x00")


@pytest.mark.shows("F10")
def test_mender_connect_works_through_the_forwarder(world, mender_connect, tmp_path):
    world.start_connect(mender_connect, tmp_path)
    socket = world.server.next_socket()
    assert socket.token == "token-1" and dict(socket.peer_certificate["subject"][0])["commonName"] == "vehicle"
    check_both_ways(socket)
    socket.send(BINARY, NEW_SHELL)
    assert b"sid-42" in socket.wait_for(BINARY)
    head = next(head for path, head in world.server.heads if path == CONNECT)
    assert head["Host"] == world.server.url.removeprefix("https://")


def test_mender_connect_goes_on_after_the_server_closed(world, mender_connect, tmp_path):
    world.start_connect(mender_connect, tmp_path)
    first = world.server.next_socket()
    check_both_ways(first)
    first.close()
    second = world.server.next_socket()
    assert second.token == "token-1"
    check_both_ways(second)


def test_a_web_socket_lives_through_a_new_token(world, mender_connect, tmp_path):
    world.start_connect(mender_connect, tmp_path)
    socket = world.server.next_socket()
    assert world.bus.call("call", *AUTHENTICATION, "FetchJwtToken").stdout == "b true\n"
    world.agent_bus.wait_for_token(other_than="token-1")
    check_both_ways(socket)
    socket.close()
    second = world.server.next_socket()
    assert second.token == "token-2"
    check_both_ways(second)


def test_a_token_that_the_server_refuses_is_replaced(world, mender_connect, tmp_path):
    listener = world.bus.listen()
    world.start_connect(mender_connect, tmp_path)
    first = world.server.next_socket()
    url = world.agent_bus.token()[1]
    with world.server.lock:
        world.server.tokens.append("valid from now on, and nobody has it")
    first.close()
    second = world.server.next_socket()
    assert second.token == "token-2"
    check_both_ways(second)
    assert listener.heard("JwtTokenStateChange") == [["token-1", url], ["", ""], ["token-2", url]]
    listener.close()


# --- io.mender.Authentication1 ---


def test_a_question_for_the_token_brings_one(world):
    listener = world.bus.listen()
    assert world.agent_bus.token() == ("", "")
    token, url = world.agent_bus.wait_for_token()
    assert token == "token-1" and re.fullmatch(r"http://127\.0\.0\.1:\d+", url)
    assert listener.heard("JwtTokenStateChange") == [["token-1", url]]
    assert world.server.asked == 1
    listener.close()


def test_a_device_that_is_not_accepted_is_told_and_asks_again(world):
    listener = world.bus.listen()
    world.server.accepts = False
    assert world.agent_bus.token() == ("", "")
    wait_until(lambda: listener.heard("JwtTokenStateChange"), "the signal of a refusal")
    assert listener.heard("JwtTokenStateChange")[0] == ["", ""]
    world.server.accepts = True
    token, url = wait_until(lambda: listener.heard("JwtTokenStateChange")[-1][0] and
                            listener.heard("JwtTokenStateChange")[-1], "the signal of a token")
    assert (token, url) == world.agent_bus.token()
    listener.close()


def test_only_root_gets_the_token(world):
    world.agent_bus.token()
    world.agent_bus.wait_for_token()
    for method in ("GetJwtToken", "FetchJwtToken"):
        for group in (None, HMI_GROUP):
            done = world.bus.call("call", *AUTHENTICATION, method, user="nobody", group=group)
            assert done.returncode != 0 and "denied" in done.stderr.lower(), done
    nobody, root = world.bus.listen("nobody"), world.bus.listen()
    world.bus.call("call", *AUTHENTICATION, "FetchJwtToken")
    wait_until(lambda: root.heard("JwtTokenStateChange"), "the signal")
    time.sleep(0.5)
    assert nobody.heard("JwtTokenStateChange") == []
    nobody.close()
    root.close()


def test_the_token_is_root_s_even_on_a_bus_that_allows_all(bus, bin, tmp_path):
    """The policy may be lost or overruled: rota-agent-bus looks at its callers as well."""
    text = (bus.folder / "bus.conf").read_text()
    allowed = '<policy context="mandatory"><allow send_destination="*"/></policy></busconfig>'
    (bus.folder / "bus.conf").write_text(text.replace("</busconfig>", allowed))
    assert bus.call("call", "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                    "ReloadConfig").returncode == 0
    world = World(bus, bin, tmp_path)
    done = bus.call("call", *AUTHENTICATION, "GetJwtToken", user="nobody")
    assert done.returncode != 0 and "denied" in done.stderr.lower(), done
    assert bus.call("call", *AUTHENTICATION, "GetJwtToken").returncode == 0
    world.close()


# --- The forwarder ---


def curl(*words):
    """(status, body)"""
    done = subprocess.run(["curl", "-s", "-m", "60", "-w", "\\n%{http_code}", *words], capture_output=True, text=True,
                          check=False)
    body, status = done.stdout.rsplit("\n", 1)
    return int(status), body


@pytest.fixture
def port(world):
    world.agent_bus.token()
    return world.agent_bus.wait_for_token()


RIGHT = ("-H", "Authorization: Bearer token-1")


@pytest.mark.parametrize("words, path, status", [
    (RIGHT, "/api/devices/v1/anything", 200),
    (("-H", "authorization: bearer token-1"), "/api/devices/v1/anything?a=b", 200),
    ((), "/api/devices/v1/anything", 401),
    (("-H", "Authorization: Bearer token-12"), "/api/devices/v1/anything", 401),
    (("-H", "Authorization: Basic token-1"), "/api/devices/v1/anything", 401),
    (RIGHT, "/api/devices/v1/authentication/auth_requests", 403),
    (RIGHT, "/api/management/v1/anything", 404),
    (RIGHT, "/", 404),
    ((*RIGHT, "--path-as-is"), "/api/devices/../management/v1", 404),
    (RIGHT, "/api/devices/%2e%2e/management/v1", 404),
    ((*RIGHT, "-H", "Transfer-Encoding: chunked", "-d", "{}"), "/api/devices/v1/anything", 411),
    ((*RIGHT, "-H", "Padding: " + 17000 * "x"), "/api/devices/v1/anything", 431),
])
def test_forwarder_lets_through_what_mender_s_does(world, port, words, path, status):
    before = len(world.server.heads)
    assert curl(*words, port[1] + path)[0] == status
    heads = world.server.heads[before:]
    assert len(heads) == (status == 200)
    if heads:
        assert heads[0][0] == path and heads[0][1]["Authorization"] == "Bearer token-1"


def test_a_body_goes_there_and_a_large_answer_comes_back(world, port, tmp_path):
    body = json.dumps({"a": "x" * 300_000})
    (tmp_path / "body").write_text(body)
    assert curl(*RIGHT, "-X", "PUT", "-d", f"@{tmp_path}/body", port[1] + INVENTORY)[0] == 200
    assert world.server.inventories == [json.loads(body)]
    world.server.content = b"y" * 5_000_000
    assert curl(*RIGHT, port[1] + "/api/devices/v1/large") == (200, "y" * 5_000_000)


def test_nothing_hides_behind_a_request(world, port):
    request = f"GET {{}} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-1\r\n\r\n"
    with sockets.create_connection(("127.0.0.1", int(port[1].rsplit(":")[-1])), 60) as caller:
        caller.sendall((request.format("/api/devices/first") + request.format("/api/devices/second")).encode())
        answer = caller.makefile("rb").read()
    assert answer.count(b"HTTP/1.1 ") == 1
    assert [path for path, _ in world.server.heads] == ["/api/devices/first"]


def test_a_server_that_is_away_is_said(world, port):
    world.server.close()
    assert curl(*RIGHT, port[1] + "/api/devices/v1/anything")[0] in (502, 503)


def test_the_port_is_on_the_loopback_interface_alone(world, port):
    number = int(port[1].rsplit(":")[-1])
    listening = [line for line in open("/proc/net/tcp") if line.split()[3] == "0A" and
                 int(line.split()[1].split(":")[1], 16) == number]
    assert [line.split()[1].split(":")[0] for line in listening] == ["0100007F"]
    assert not any(int(line.split()[1].split(":")[1], 16) == number for line in open("/proc/net/tcp6")
                   if line.split()[0] != "sl" and line.split()[3] == "0A")


def test_a_forwarder_that_dies_is_replaced(world, port):
    assert curl(*RIGHT, port[1] + "/api/devices/v1/anything")[0] == 200
    pid, = world.agent_bus.children("rota-agent-net")
    subprocess.run(["kill", "-9", pid], check=True)
    assert wait_until(lambda: curl(*RIGHT, port[1] + "/api/devices/v1/anything")[0] == 200, "another forwarder")
    assert world.agent_bus.children("rota-agent-net") != [pid]


def wakes(pid):
    status = open(f"/proc/{pid}/status").read()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)[1])


def test_nobody_wakes_up_while_nothing_comes(world, port):
    """With a token, a forwarder, and a WebSocket through it that is silent."""
    with sockets.create_connection(("127.0.0.1", int(port[1].rsplit(":")[-1])), 60) as caller:
        caller.sendall(f"GET {CONNECT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-1\r\nUpgrade: websocket\r\n"
                       "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n".encode())
        assert caller.recv(12) == b"HTTP/1.1 101"
        assert curl(*RIGHT, "-H", "Upgrade: websocket", port[1] + CONNECT)[0] == 503
        time.sleep(1)
        pids = [world.agent_bus.process.pid, *world.agent_bus.children("rota-agent-net")]
        before = [wakes(pid) for pid in pids]
        time.sleep(4)
        assert len(pids) == 2 and [wakes(pid) for pid in pids] == before


def test_connections_without_end_do_not_keep_others_out(world, port):
    """Those who say nothing are gone after ten seconds; more than eight wait in the queue meanwhile."""
    address = ("127.0.0.1", int(port[1].rsplit(":")[-1]))
    silent = [sockets.create_connection(address, 60) for _ in range(9)]
    assert curl(*RIGHT, port[1] + "/api/devices/v1/anything")[0] == 200
    for each in silent:
        each.close()


# --- io.rota.Agent1 ---


class Watched:
    """A vehicle whose agent works against a plain server, with rota-agent-bus beside it."""

    def __init__(self, bus, bin, folder, **settings):
        self.stub = StubServer(make_artifact("release-2", ["test-vehicle"], [("content", b"new")], type="fake"))
        self.vehicle = Vehicle(bin, folder / "root").build(self.stub.url, {"GateIntervalSeconds": 600, **settings})
        self.bus, self.agent_bus = bus, AgentBus(bus, self.vehicle)

    def get(self, name, user=None):
        done = self.bus.call("--json=short", "get-property", *AGENT, name, user=user)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["data"]

    def order(self, *words, **who):
        return self.bus.call("call", *AGENT, *words, **who)

    def close(self):
        self.agent_bus.stop()
        self.stub.close()


@pytest.fixture
def watched(bus, bin, tmp_path):
    watched = Watched(bus, bin, tmp_path, ConsentBefore=["install"])
    yield watched
    watched.close()


def changes(listener):
    """All that PropertiesChanged has said, the last word for each property."""
    return {name: value for _, values, _ in listener.heard("PropertiesChanged") for name, value in values.items()}


@pytest.mark.shows("X10")
def test_the_driver_is_asked_and_answers_over_the_bus(watched):
    listener = watched.bus.listen("nobody")
    assert watched.get("Running") is False
    daemon = watched.vehicle.start()
    wait_until(lambda: watched.get("Question")[0], "the question")
    question = ["d-1/install", "d-1", "release-2", "install"]
    assert watched.get("Question", user="nobody") == question
    assert watched.get("WaitsFor") == "consent: the driver is asked"
    assert watched.get("State") == "updating" and watched.get("Deployment") == "d-1"
    assert "ArtifactInstall" not in watched.vehicle.calls()

    assert "denied" in watched.order("Answer", "sb", question[0], "true", user="nobody").stderr.lower()
    assert "nothing of that name" in watched.order("Answer", "sb", "d-1/reboot", "true").stderr
    assert watched.order("Answer", "sb", question[0], "false", user="nobody", group=HMI_GROUP).returncode == 0
    wait_until(lambda: watched.get("WaitsFor") == "consent: the driver said no", "the no")
    assert "ArtifactInstall" not in watched.vehicle.calls()

    assert watched.order("Answer", "sb", question[0], "true", user="nobody", group=HMI_GROUP).returncode == 0
    wait_until(lambda: "success" in watched.stub.statuses, "success")
    assert daemon.wait_for_log("d-1: done")
    wait_until(lambda: watched.get("State") == "idle", "idle")
    assert watched.get("Question") == ["", "", "", ""] and watched.get("ArtifactName") == "release-2"
    (deployment, artifact, result, reason, _), = watched.get("History")
    assert (deployment, artifact, result, reason) == ("d-1", "release-2", "success", "")
    said = wait_until(lambda: (said := changes(listener)).get("History") and said, "the signal of the history")
    assert said["ArtifactName"] == "release-2" and said["LastUpdate"][:3] == ["d-1", "release-2", "success"]
    heard = [values["Question"][0] for _, values, _ in listener.heard("PropertiesChanged") if "Question" in values]
    assert heard == ["d-1/install", ""]
    daemon.stop()
    listener.close()


def test_all_that_status_tells_is_on_the_bus(watched):
    daemon = watched.vehicle.start()
    wait_until(lambda: watched.get("WaitsUntil"), "the wait")
    facts = json.loads(watched.vehicle.run("status", "--json").stdout)
    assert json.loads(watched.get("Status", user="nobody")) == facts
    done = watched.bus.call("--json=short", "call", *AGENT[:2], "org.freedesktop.DBus.Properties", "GetAll", "s", AGENT[2],
                            user="nobody")
    values = {name: value["data"] for name, value in json.loads(done.stdout)["data"][0].items()}
    assert values["Version"] == facts["version"] and values["DeviceType"] == facts["device_type"] == "test-vehicle"
    assert values["Phase"] == facts["update"]["phase"] and values["WaitsUntil"] == facts["waiting"]["until"]
    assert values["WaitsUntilMonotonic"] == facts["waiting"]["until_monotonic_us"]
    assert values["LastUpdateCheck"] == [facts["update_check"]["at"], "d-1"]
    daemon.stop()
    assert watched.get("Running") is False and json.loads(watched.get("Status")) == {"running": False}


@pytest.mark.parametrize("method, told", [("CheckUpdate", "polls"), ("SendInventory", "inventories")])
def test_orders_are_the_command_line_s(bus, bin, tmp_path, method, told):
    watched = Watched(bus, bin, tmp_path)
    watched.stub.artifact = None
    assert "not running" in watched.order(method).stderr
    daemon = watched.vehicle.start()
    wait_until(lambda: watched.get("State") == "idle" and watched.stub.inventories, "idle")
    before = len(getattr(watched.stub, told))
    assert "denied" in watched.order(method, user="nobody").stderr.lower()
    assert watched.order(method, user="nobody", group=HMI_GROUP).returncode == 0
    wait_until(lambda: len(getattr(watched.stub, told)) > before, told)
    daemon.stop()
    watched.close()


def test_an_answer_to_another_deployment_opens_nothing(watched):
    """What lies there may be old, or not be an answer at all."""
    answer = watched.vehicle.root / "run/rota-agent/consent.json"
    answer.write_text('{"question": "d-0/install", "yes": true}')
    daemon = watched.vehicle.start()
    wait_until(lambda: watched.get("Question")[0], "the question")
    for text in ('{"question": "d-1/install"}', "", "[]", '{"question": "d-1/install", "yes": "true"}'):
        answer.write_text(text)
        before = len(watched.stub.substates)
        assert watched.order("CheckUpdate").returncode == 0
        time.sleep(0.3)
        assert watched.get("Question")[0] == "d-1/install" and len(watched.stub.substates) == before
    assert "ArtifactInstall" not in watched.vehicle.calls()
    daemon.stop()


def test_the_interfaces_are_the_documented_ones(watched):
    for name, path in (("io.mender.AuthenticationManager", "/io/mender/AuthenticationManager"),
                       ("io.rota.Agent", "/io/rota/Agent")):
        done = watched.bus.call("--xml-interface", "introspect", name, path)
        documented = (ROOT / f"docs/api/{name}.xml").read_text()
        for interface in re.findall(r' <interface name="io\..*?</interface>\n', done.stdout, re.DOTALL):
            assert interface in documented
