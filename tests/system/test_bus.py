# SPDX-License-Identifier: Apache-2.0
"""The agent on D-Bus, and add-ons that reach their server through the local forwarder.

A private dbus-daemon stands for the system bus, with our policy in it; who calls is busctl, and Debian's
mender-connect as it is.
"""

import os
import shutil
import subprocess
import time

import pytest
from support.bus import HMI_GROUP, AgentBus, PrivateBus, wait_until
from support.connect_server import BINARY, CONNECT, PING, PONG, ConnectServer
from support.http import make_certificate
from support.vehicle import Vehicle

CONNECT_LOG_S = 60


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
