# SPDX-License-Identifier: Apache-2.0
"""One server for the tests of a file, and clients of Debian's on it."""

import itertools
import os
import subprocess

import pytest

from support.api import Api
from support.mender_client import MenderClient
from support.server import Server
from support.tool_sides import Side, make_template

serials = itertools.count(1)


def folder_of_programs():
    from conftest import folder_of_programs
    return folder_of_programs(release=False)


@pytest.fixture(scope="module")
def station(sanitizer_folder, tmp_path_factory):
    """A running rota-server with an administrator, on SQLite; shared, so tests name their own devices."""
    server = Server(folder_of_programs(), tmp_path_factory.mktemp("station") / "server")
    server.create_user()
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def operator(station):
    return Api(station.url, station.ca).login(station.email, station.password)


@pytest.fixture
def make_client(peers, station, tmp_path_factory):
    """make_client(**settings) gives a mender-client on the station, not started yet."""
    if os.geteuid() != 0:
        pytest.skip("mender-client runs in a mount namespace: needs root")
    clients = []

    def make(server=station, **settings):
        # A short path: the bus's socket has 108 bytes.
        folder = tmp_path_factory.mktemp("c", numbered=True)
        client = MenderClient(peers, folder, server, f"INTEROP{next(serials):05d}-{os.getpid()}", **settings)
        clients.append(client)
        return client

    yield make
    for client in clients:
        client.remove()


class MenderArtifact:
    """Debian's mender-artifact."""

    def __init__(self, peers, folder):
        self.program = peers / "usr/bin/mender-artifact"
        self.folder = folder

    def run(self, *words, expect=0):
        done = subprocess.run([self.program, *map(str, words)], capture_output=True, text=True, timeout=120)
        assert done.returncode == expect, f"mender-artifact {words}: {done.stdout}{done.stderr}"
        return done.stdout

    def write(self, name, files, type="rota-test", device_type="test-vehicle", more=(), compression="gzip"):
        """An artifact of (name, bytes) files; returns its path."""
        folder = self.folder / name
        folder.mkdir()
        words = []
        for file, content in files.items():
            (folder / file).write_bytes(content)
            words += ["-f", folder / file]
        target = self.folder / f"{name}.mender"
        self.run("--compression", compression, "write", "module-image", "-T", type, "-n", name, "-t", device_type,
                 "-o", target, *words, *more)
        return target


@pytest.fixture
def mender_artifact(peers, tmp_path):
    return MenderArtifact(peers, tmp_path)


@pytest.fixture
def make_key(tmp_path):
    """make_key(name, kind) gives (private, public) PEM files that mender-artifact 3.9 can read."""
    def make(name, kind="rsa"):
        private, public = tmp_path / f"{name}.key", tmp_path / f"{name}.pub"
        how = {"rsa": ["genrsa", "-traditional", "-out", private, "2048"],
               "p256": ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", private]}[kind]
        subprocess.run(["openssl", *how], check=True, capture_output=True, timeout=60)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True,
                       capture_output=True, timeout=60)
        return private, public
    return make


# --- mender-artifact and rota-artifact side by side ---

@pytest.fixture(scope="session")
def real_tool(peers):
    return peers / "usr/bin/mender-artifact"


@pytest.fixture(scope="session")
def tool_environment(tmp_path_factory):
    """Of both programs: a token of their own, and the tools that mender-artifact starts."""
    tokens = tmp_path_factory.mktemp("tokens")
    (tokens / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nobjectstore.backend = file\n")
    return {**os.environ, "SOFTHSM2_CONF": str(tokens / "softhsm2.conf"), "PATH": f"/usr/sbin:/sbin:{os.environ['PATH']}"}


@pytest.fixture(scope="session")
def tool_template(real_tool, tool_environment, tmp_path_factory):
    folder = tmp_path_factory.mktemp("template") / "files"
    make_template(folder, real_tool, tool_environment)
    return folder


@pytest.fixture
def sides(bin, real_tool, tool_template, tool_environment, tmp_path):
    """sides() gives (ours, theirs), each in a fresh folder."""
    count = itertools.count(1)

    def make():
        number = next(count)
        return (Side(bin / "rota-artifact", tool_template, tmp_path / f"ours-{number}", tool_environment),
                Side(real_tool, tool_template, tmp_path / f"theirs-{number}", tool_environment))
    return make
