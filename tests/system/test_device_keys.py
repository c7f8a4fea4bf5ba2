# SPDX-License-Identifier: Apache-2.0
"""The device's key in a file, behind an OpenSSL engine, in a token (SoftHSM2) and in a TPM 2.0 (swtpm): made by
`rota-agent key create`, it authenticates the vehicle at the real server and makes the handshakes of mutual TLS, and the
vehicle's disk alone is worth nothing. rota-agent-key alone ever holds it."""

import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from support.api import wait_until
from support.artifact import make_artifact
from support.contact_probe import Probe
from support.hostile import Authority, HostileServer, whole
from support.softhsm import MODULE, PIN, SoftHsm
from support.softtpm import SoftTpm
from support.vehicle import Vehicle, write_program

IDENTITIES = iter(range(500, 1000))
pytestmark = pytest.mark.sqlite_only  # what is shown here is on the vehicle's side
PRIVATE = re.compile(rb"BEGIN (RSA |EC |ENCRYPTED )?PRIVATE KEY")


class File:
    """A PEM file in DATA, as Mender's clients have it."""
    types = ("ed25519", "p256", "rsa")
    engine = None

    def __init__(self, folder):
        self.folder, self.env = folder, dict(os.environ)
        folder.mkdir()

    def name(self, kind):
        return str(self.folder / f"{kind}.pem")

    def copy_env(self, folder):
        return self.env

    def end(self):
        pass


class Token(File):
    types = ("p256", "rsa")  # SoftHSM leaks at each use of Ed25519; src/crypto/key-pkcs11-test.c has that

    def __init__(self, folder):
        self.hsm = SoftHsm(folder)
        self.hsm.make_token("vehicle")
        self.folder, self.env = folder, self.hsm.env

    def name(self, kind):
        return f"pkcs11:token=vehicle;object={kind}?module-path={MODULE}&pin-source=file:{self.hsm.pin_file}"

    def copy_env(self, folder):
        """Another machine: a token of the same name with a key of the same name in it."""
        other = SoftHsm(folder)
        other.make_token("vehicle")
        other.make_pair("p256", "EC:prime256v1", 9, token="vehicle")
        return other.env


class Engine(Token):
    """The same token the way Mender's configuration knows it: through libp11's engine, by SSLEngine."""
    engine = "pkcs11"

    def __init__(self, folder):
        super().__init__(folder)
        self.env = {**self.env, "PKCS11_MODULE_PATH": str(MODULE)}

    def name(self, kind):
        return f"pkcs11:token=vehicle;object={kind};pin-value={PIN}"


class Tpm(File):
    types = ("p256", "rsa")

    def __init__(self, folder):
        self.tpm = SoftTpm(folder / "tpm").__enter__()
        self.folder, self.env = folder, self.tpm.env
        self.other = None

    def name(self, kind):
        return f"tpm2:{self.folder}/{kind}.tss"

    def copy_env(self, folder):
        self.other = SoftTpm(folder).__enter__()
        return self.other.env

    def end(self):
        for tpm in filter(None, (self.tpm, self.other)):
            tpm.__exit__()


PLACES = {"file": File, "token": Token, "engine": Engine, "tpm": Tpm}
CASES = [(name, kind) for name, place in PLACES.items() for kind in place.types]


@pytest.fixture
def place(request, tmp_path):
    place = PLACES[request.param](tmp_path / "keys")
    yield place
    place.end()


def cases(*names):
    return pytest.mark.parametrize("place, kind", [case for case in CASES if not names or case[0] in names],
                                   indirect=["place"])


def create(vehicle, place, kind):
    """The public half, in PEM. An engine makes no keys: the token does, by its own name."""
    name = Token.name(place, kind) if isinstance(place, Engine) else place.name(kind)
    done = vehicle.run("key", "create", "--in", name, "--type", kind, "--bits", "2048", environment=place.env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def configure(vehicle, server, place, kind):
    vehicle.configure(server.url, {
        "ServerCertificate": str(server.ca), "UpdatePollIntervalSeconds": 1,
        "Security": {"AuthPrivateKey": place.name(kind), **({"SSLEngine": place.engine} if place.engine else {})}})


def make_vehicle(bin, folder):
    vehicle = Vehicle(bin, folder).build()
    vehicle.identity = {"vin": f"KEYVEHICLE{next(IDENTITIES):07}"}
    write_program(vehicle.root / "usr/share/mender/identity/mender-device-identity",
                  f"#!/bin/sh\necho vin={vehicle.identity['vin']}\n")
    return vehicle


@pytest.mark.shows("H1", "H2", "H3", "H4", "I5-MS3")
@cases()
def test_authenticates_and_updates(bin, tmp_path, server, api, place, kind):
    vehicle = make_vehicle(bin, tmp_path / "vehicle")
    public = create(vehicle, place, kind)
    configure(vehicle, server, place, kind)
    daemon = vehicle.start(place.env)
    try:
        device = wait_until(lambda: api.device_by_identity(vehicle.identity), what="the vehicle's question")
        assert device["auth_sets"][0]["pubkey"].strip() == public.strip()
        vehicle.id = api.accept(vehicle.identity)
        name = f"{vehicle.identity['vin']}-1"
        path = tmp_path / "release.mender"
        path.write_bytes(make_artifact(name, [vehicle.device_type], [("content", b"new")], type="fake"))
        api.upload(path)
        deployment = api.deploy(name, devices=[vehicle.id])
        wait_until(lambda: api.statistics(deployment)["success"] == 1, what="the update")
        # Between two signatures the key is nowhere but where it is kept.
        children = (f"/proc/{daemon.process.pid}/task/{daemon.process.pid}/children")
        wait_until(lambda: not open(children).read().strip(), what="the end of the contact")
    finally:
        daemon.stop()
    assert not (vehicle.data / "mender-agent.pem").exists()
    for found in vehicle.root.rglob("*"):
        assert not found.is_file() or not PRIVATE.search(found.read_bytes()), found


@pytest.mark.shows("H5", "I5-MS3")
@cases("token", "tpm")
def test_disk_in_another_machine_yields_no_key(bin, tmp_path, server, api, place, kind):
    vehicle = make_vehicle(bin, tmp_path / "vehicle")
    create(vehicle, place, kind)
    configure(vehicle, server, place, kind)
    assert vehicle.run("bootstrap", environment=place.env).returncode != 0  # not accepted yet
    api.accept(vehicle.identity)
    assert vehicle.run("bootstrap", environment=place.env).returncode == 0
    shutil.copytree(vehicle.root, tmp_path / "copy")
    copy = Vehicle(bin, tmp_path / "copy")
    done = copy.run("bootstrap", environment=place.copy_env(tmp_path / "other"))
    assert done.returncode != 0
    sets = api.device_by_identity(vehicle.identity)["auth_sets"]
    assert [one["status"] for one in sets if one["status"] == "accepted"] == ["accepted"]
    if isinstance(place, Tpm):  # the blob is there and no other TPM unwraps it: nothing was even asked
        assert "the TPM gives no such key" in done.stderr and len(sets) == 1
    # and the real one goes on
    assert vehicle.run("bootstrap", environment=place.env).returncode == 0


@pytest.mark.shows("H1", "H2", "H4", "T7", "I5-MS3")
@cases()
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_makes_handshakes(bin, tmp_path, place, kind, version):
    if isinstance(place, Tpm) and kind == "rsa" and version == ssl.TLSVersion.TLSv1_3:
        pytest.skip("a TPM chooses the salt of PSS itself, as TPM 2.0 part 1, annex B.7 says: TLS 1.3 wants another")
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    authority = Authority(tmp_path)
    public = serialization.load_pem_public_key(create(vehicle, place, kind).encode())
    certificate = authority.certify("vehicle", public)
    probe = Probe(bin, tmp_path / "data")
    probe.ca, probe.certificate, probe.key = authority.file, certificate, place.name(kind)
    probe.environment = {**place.env, **({"KEY_ENGINE": place.engine} if place.engine else {})}
    context = authority.server_context(ask_for_client=True)
    context.minimum_version = context.maximum_version = version
    seen = []

    def answer(request):
        seen.append(x509.load_der_x509_certificate(request.connection.getpeercert(True)).public_key())
        request.send(whole(200, b"{}"))

    with HostileServer(answer, context) as server:
        done = probe.run("call", server.url, "GET", "/a")
        assert done.returncode == 0, done.stderr.decode()
        other = authority.certify("other", serialization.load_pem_private_key(
            authority.issue("other")[1].read_bytes(), None).public_key())
        probe.certificate = other
        refused = probe.run("call", server.url, "GET", "/a")
        assert refused.returncode != 0 and b"not one of the key" in refused.stderr
    assert len(seen) == 1 and seen[0].public_numbers() == public.public_numbers() if kind != "ed25519" else seen


@cases("file", "token", "tpm")
def test_is_made_once_and_shown(bin, tmp_path, place, kind):
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    public = create(vehicle, place, kind)
    again = vehicle.run("key", "create", "--in", place.name(kind), "--type", kind, environment=place.env)
    assert again.returncode == 1 and "not replaced" in again.stderr
    shown = vehicle.run("key", "show", "--in", place.name(kind), environment=place.env)
    assert shown.stdout == public
    vehicle.configure(settings={"Security": {"AuthPrivateKey": place.name(kind)}})
    assert vehicle.run("key", "show", environment=place.env).stdout == public


REFUSED = {
    "no such token": ("pkcs11:token=none", "no token matches"),
    "not a URI": ("pkcs11:nonsense", "not a PKCS#11 URI"),
    "no such file": ("/nowhere/device.pem", "No such file"),
    "no such TPM file": ("tpm2:/nowhere/device.tss", "/nowhere/device.tss is missing"),
    "neither file nor handle": ("tpm2:device", "tpm2:/PATH and tpm2:0xHANDLE"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_says_what_is_wrong(bin, tmp_path, name):
    key, text = REFUSED[name]
    vehicle = Vehicle(bin, tmp_path).build("https://localhost:1", {"Security": {"AuthPrivateKey": key}})
    shown = vehicle.run("key", "show")
    assert shown.returncode == 1 and text in shown.stderr, shown.stderr
    tried = vehicle.run("bootstrap")
    assert tried.returncode == 1 and "Security.AuthPrivateKey" in tried.stderr and text in tried.stderr, tried.stderr
    assert not (vehicle.data / "mender-agent.pem").exists()


def test_no_message_holds_the_pin(bin, tmp_path):
    token = Token(tmp_path / "keys")
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    create(vehicle, token, "p256")
    wrong = token.name("p256").split("?")[0] + f"?module-path={MODULE}&pin-value=00000"
    done = vehicle.run("key", "show", "--in", wrong, environment=token.env)
    assert done.returncode == 1 and "00000" not in done.stderr and "PIN" in done.stderr
    engine = vehicle.run("key", "create", "--in", "x", "--type", "nonsense", environment=token.env)
    assert engine.returncode == 1 and "no kind of key" in engine.stderr


def test_pin_from_a_file(bin, tmp_path):
    token = Token(tmp_path / "keys")
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    public = create(vehicle, token, "p256")
    bare = token.name("p256").split("&")[0]
    assert vehicle.run("key", "show", "--in", bare, environment=token.env).returncode == 1
    done = vehicle.run("key", "show", "--in", bare, "--passphrase-file", token.hsm.pin_file, environment=token.env)
    assert done.stdout == public


@pytest.mark.shows("H1")
def test_key_process_that_is_killed_costs_nothing(bin, tmp_path, server, api):
    """The next question starts another one."""
    vehicle = make_vehicle(bin, tmp_path / "vehicle")
    shim = tmp_path / "bin"
    shim.mkdir()
    for program in ("rota-agent", "rota-agent-net"):
        shutil.copy(bin / program, shim / program)
    mark = tmp_path / "killed"
    write_program(shim / "rota-agent-key",
                  f"#!/bin/sh\nif [ ! -e {mark} ]; then touch {mark}; kill -9 $$; fi\nexec {bin}/rota-agent-key\n")
    vehicle.bin = shim
    vehicle.configure(server.url, {"ServerCertificate": str(server.ca)})
    first = vehicle.run("bootstrap")
    assert mark.exists() and first.returncode == 1 and "signal 9" in first.stderr
    vehicle.run("bootstrap")
    assert api.accept(vehicle.identity)
    assert vehicle.run("bootstrap").returncode == 0


def test_key_process_shows_nothing_to_a_debugger(bin, tmp_path):
    """No core dumps, no new rights, and nobody reads its memory but root."""
    ours, theirs = socket.socketpair()
    os.set_inheritable(theirs.fileno(), True)
    process = subprocess.Popen(["bash", "-c", f"exec 3<&{theirs.fileno()} {bin}/rota-agent-key"], pass_fds=[theirs.fileno()])
    try:
        status = wait_until(lambda: "rota-agent-key" in open(f"/proc/{process.pid}/comm").read() and
                            re.search(r"NoNewPrivs:\t1", open(f"/proc/{process.pid}/status").read()), what="the process")
        limits = open(f"/proc/{process.pid}/limits").read()
        assert status and re.search(r"Max core file size\s+0\s+0", limits)
        assert os.stat(f"/proc/{process.pid}/mem").st_uid == 0
    finally:
        theirs.close()
        ours.close()
        assert process.wait(30) == 0


def test_other_messages_end_it(bin, tmp_path):
    """What does not keep to the order of the messages is answered with its end."""
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(["bash", "-c", f"exec 3<&{theirs.fileno()} {bin}/rota-agent-key"],
                               pass_fds=[theirs.fileno()], stderr=subprocess.PIPE, text=True)
    theirs.close()
    ours.sendall(bytes([3]) + (2).to_bytes(4, "big") + b"{}")
    assert process.wait(30) == 1 and "CALL" in process.stderr.read()
    ours.close()
