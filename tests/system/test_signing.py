# SPDX-License-Identifier: Apache-2.0
"""Signing by rota-artifact: keys in every form and place, several signatures with a policy, keys on another machine.
What the field's tool makes of the signatures: tests/interop/test_signing.py."""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import stat
import subprocess
import tarfile
import termios
import time

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from support import softhsm

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
GOOD, USAGE, OPEN, INVALID = 0, 1, 3, 4
PASSPHRASE = "open sesame"
KINDS = ["rsa", "p256"]

# how openssl turns a plain PKCS#8 key into each form
FORMS = {
    "pkcs8": ["pkcs8", "-topk8", "-nocrypt"],
    "pkcs8-encrypted": ["pkcs8", "-topk8", "-passout", f"pass:{PASSPHRASE}"],
    "pkcs8-encrypted-scrypt": ["pkcs8", "-topk8", "-scrypt", "-passout", f"pass:{PASSPHRASE}"],
    "traditional": ["pkey", "-traditional"],
    "traditional-encrypted": ["pkey", "-traditional", "-aes128", "-passout", f"pass:{PASSPHRASE}"],
}


def openssl(*words, **more):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, timeout=60, **more)


@pytest.fixture
def tool(bin, tmp_path):
    """tool(*words, expect=0) runs rota-artifact in the test's folder, without a terminal."""
    def run(*words, expect=GOOD, env=None, cwd=tmp_path, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, timeout=120, cwd=cwd,
                              env={**os.environ, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def artifact(tmp_path):
    shutil.copy(VECTORS / "files-seven.mender", tmp_path / "a.mender")
    return tmp_path / "a.mender"


@pytest.fixture
def make_key(tmp_path):
    """make_key(name, kind) -> (private in PKCS#8, public)"""
    def make(name, kind="p256", bits=2048):
        private, public = tmp_path / f"{name}.pem", tmp_path / f"{name}.pub"
        options = ["RSA", "-pkeyopt", f"rsa_keygen_bits:{bits}"] if kind == "rsa" else \
            ["EC", "-pkeyopt", "ec_paramgen_curve:" + {"p256": "P-256", "p384": "P-384"}[kind]]
        openssl("genpkey", "-algorithm", *options, "-out", private)
        private.chmod(0o600)
        openssl("pkey", "-in", private, "-pubout", "-out", public)
        return private, public
    return make


@pytest.fixture
def hsm(tmp_path):
    if not softhsm.is_installed():
        pytest.skip("SoftHSM2 and OpenSC are not installed: script/setup test")
    hsm = softhsm.SoftHsm(tmp_path / "hsm")
    hsm.make_token()
    return hsm


def id_of(public):
    return hashlib.sha256(openssl("pkey", "-pubin", "-in", public, "-outform", "DER").stdout).hexdigest()


def entries(path):
    """(header block, body) of each entry: what must stay to the byte."""
    with tarfile.open(path) as tar:
        data = path.read_bytes()
        return {member.name: data[member.offset:member.offset_data + member.size] for member in tar}


def verdicts(tool, path, *more):
    done = tool("read", "--json", "--allow-bad-signature", *more, path)
    return {entry["key_id"]: entry["verdict"] for entry in json.loads(done.stdout)["signatures"]}


# --- keys in files ---

@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_key(tool, artifact, make_key, tmp_path, kind, form):
    plain, public = make_key("plain", kind)
    key = tmp_path / "key.pem"
    openssl(*FORMS[form], "-in", plain, "-out", key)
    key.chmod(0o600)
    encrypted = "encrypted" in form
    (tmp_path / "right").write_text(PASSPHRASE + "\nsecond line\n")
    (tmp_path / "wrong").write_text("close sesame\n")
    if encrypted:
        before = artifact.read_bytes()
        done = tool("sign", "-k", key, artifact, expect=USAGE)
        assert b"a passphrase is needed" in done.stderr
        done = tool("sign", "-k", key, "--key-passphrase-file", "wrong", artifact, expect=USAGE)
        assert b"wrong passphrase" in done.stderr and b"sesame" not in done.stderr
        done = tool("sign", "-k", key, "--key-passphrase-file", "missing", artifact, expect=USAGE)
        assert b"missing" in done.stderr
        assert artifact.read_bytes() == before
        tool("sign", "-k", key, "-o", "by-variable.mender", artifact, env={"ROTA_KEY_PASSPHRASE": PASSPHRASE})
        tool("validate", "-k", public, "by-variable.mender")
    done = tool("sign", "-k", key, "--key-passphrase-file", "right", artifact)
    assert done.stderr == b""
    tool("validate", "-k", public, artifact)


def test_passphrase_on_a_terminal(bin, artifact, make_key, tmp_path):
    """The question is on stderr, what is typed is not shown, and the terminal is as before."""
    plain, public = make_key("plain")
    openssl("pkcs8", "-topk8", "-passout", f"pass:{PASSPHRASE}", "-in", plain, "-out", tmp_path / "key.pem")
    ours, theirs = pty.openpty()
    process = subprocess.Popen([bin / "rota-artifact", "sign", "-k", tmp_path / "key.pem", artifact], stdin=theirs,
                               stdout=theirs, stderr=subprocess.PIPE)
    assert process.stderr.read(len(b"Passphrase of ")) == b"Passphrase of "
    os.write(ours, PASSPHRASE.encode() + b"\n")
    process.stderr.read()
    assert process.wait(timeout=60) == GOOD
    os.set_blocking(ours, False)
    try:
        shown = os.read(ours, 1000)
    except BlockingIOError:
        shown = b""
    assert b"sesame" not in shown
    os.close(ours)
    os.close(theirs)
    assert subprocess.run([bin / "rota-artifact", "validate", "-k", public, artifact]).returncode == GOOD


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_question_leaves_the_terminal_as_it_was(bin, artifact, make_key, tmp_path, number):
    """Nor is what was typed of the passphrase left for whoever reads the terminal next."""
    plain, _ = make_key("plain")
    openssl("pkcs8", "-topk8", "-passout", f"pass:{PASSPHRASE}", "-in", plain, "-out", tmp_path / "key.pem")
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    process = subprocess.Popen([bin / "rota-artifact", "sign", "-k", tmp_path / "key.pem", artifact], stdin=theirs,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr.read(len(b"Passphrase of ")) == b"Passphrase of "
    assert not termios.tcgetattr(theirs)[3] & termios.ECHO
    os.write(ours, b"open ses")
    time.sleep(0.2)  # until the kernel has passed it on: without a line feed and an echo nothing tells
    process.send_signal(number)
    assert b"interrupted" in process.stderr.read() and process.wait(timeout=60) == -number
    assert termios.tcgetattr(theirs) == before
    os.write(ours, b"next\n")
    assert os.read(theirs, 100) == b"next\n"
    os.close(ours)
    os.close(theirs)


@pytest.mark.shows("I3-MS5")
def test_keys_that_cannot_sign(tool, artifact, make_key, tmp_path):
    private, public = make_key("good")
    p384, _ = make_key("p384", "p384")
    small, small_public = make_key("small", "rsa", bits=1024)
    openssl("genpkey", "-algorithm", "ED25519", "-out", tmp_path / "ed.pem")
    (tmp_path / "junk").write_text("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    before = artifact.read_bytes()
    for key, words in [(public, b"public key, where a private key is needed"), (p384, b"EC on secp384r1"),
                       (tmp_path / "ed.pem", b"Ed25519"), (small, b"2048 to 16384 bits, not 1024"),
                       (tmp_path / "junk", b"cannot be decoded"), (artifact, b"no private key in PEM"),
                       (tmp_path, b"Is a directory"), (tmp_path / "none", b"No such file")]:
        done = tool("sign", "-k", key, artifact, expect=USAGE)
        assert words in done.stderr and str(key).encode() in done.stderr, done.stderr
    done = tool("validate", "-k", private, artifact, expect=USAGE)
    assert b"private key, where a public key is needed" in done.stderr
    done = tool("sign", "-k", private, "-k", small, artifact, expect=USAGE)
    assert b"one key signs at a time, and 2 are named" in done.stderr
    for store in ("gcp-kms-key", "azure-key", "vault-transit-key", "keyfactor-signserver-worker"):
        for verb in (["sign"], ["validate"], ["read"]):
            done = tool(*verb, f"--{store}", "x", artifact, expect=USAGE)
            assert f"--{store}: this program does not speak to that key store".encode() in done.stderr
    assert artifact.read_bytes() == before and sorted(tmp_path.glob("*.mender")) == [artifact]
    tool("sign", "--allow-weak-key", "-k", small, artifact)
    tool("validate", "-k", small_public, artifact, expect=USAGE)
    tool("validate", "--allow-weak-key", "-k", small_public, artifact)


def test_open_key_file_is_warned_about(tool, artifact, make_key):
    private, _ = make_key("good")
    private.chmod(0o640)
    assert b"is open to others (mode 0640)" in tool("sign", "-k", private, artifact).stderr
    private.chmod(0o400)
    assert b"open to others" not in tool("sign", "-f", "-k", private, artifact).stderr


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("words", [["pkcs8", "-topk8", "-v1", "PBE-MD5-DES"], ["rsa", "-traditional", "-des"]])
def test_ciphers_of_the_past_are_named(tool, artifact, make_key, tmp_path, words):
    """Not taken for a wrong passphrase, which nobody would ever find the right one for."""
    plain, _ = make_key("plain", "rsa")
    openssl(*words, "-provider", "legacy", "-provider", "default", "-in", plain, "-out", tmp_path / "old.pem",
            "-passout", f"pass:{PASSPHRASE}")
    done = tool("sign", "-k", "old.pem", artifact, env={"ROTA_KEY_PASSPHRASE": PASSPHRASE}, expect=USAGE)
    assert b"too weak to be supported" in done.stderr


# --- in place ---

@pytest.mark.parametrize("name", ["files-seven", "comp-none", "comp-lzma", "comp-zstd_best", "aug-gzip", "bootstrap",
                                  "rootfs-v2-legacy"])
def test_all_else_stays(tool, artifact, make_key, name):
    private, public = make_key("good", "rsa")
    shutil.copy(VECTORS / f"{name}.mender", artifact)
    artifact.chmod(0o664)
    os.chown(artifact, 12, 34)
    before = entries(artifact)
    done = tool("sign", "-k", private, artifact)
    after = entries(artifact)
    assert after.pop("manifest.sig") and after == before
    assert list(entries(artifact))[:3] == ["version", "manifest", "manifest.sig"]
    status = artifact.stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o664, 12, 34)
    assert (b"AUGMENTED" in done.stderr) == name.startswith("aug")
    tool("validate", "-k", public, artifact)


def test_second_signature_wants_force(tool, artifact, make_key):
    first, first_public = make_key("first")
    second, second_public = make_key("second")
    tool("sign", "-k", first, artifact)
    signed = artifact.read_bytes()
    done = tool("sign", "-k", second, artifact, expect=USAGE)
    assert b"signed already; --force" in done.stderr and artifact.read_bytes() == signed
    tool("sign", "-k", second, "--force", artifact)
    tool("validate", "-k", second_public, artifact)
    tool("validate", "-k", first_public, artifact, expect=INVALID)
    tool("validate", "-k", first_public, "-k", second_public, artifact)


def test_read_with_a_wrong_key_fails(tool, artifact, make_key):
    """Unlike the field's tool: its text, but not its status 0."""
    private, public = make_key("good")
    _, other = make_key("other")
    for key, before in ((public, b"no signature"), (other, b"no signature")):
        done = tool("read", "-k", key, artifact, expect=INVALID)
        assert before in done.stdout and b"--allow-bad-signature" in done.stderr
    tool("sign", "-k", private, artifact)
    tool("read", "-k", public, artifact)
    done = tool("read", "-k", other, artifact, expect=INVALID)
    assert b"signed; verification using provided key failed" in done.stdout
    assert tool("read", "-k", other, "--allow-bad-signature", artifact).stdout == done.stdout
    assert json.loads(tool("read", "--json", "-k", other, artifact, expect=INVALID).stdout)["signature"] == "bad"


# --- keys in tokens ---

@pytest.mark.parametrize("kind, words", [("rsa", "rsa:3072"), ("p256", "EC:prime256v1")])
def test_key_in_a_token(tool, artifact, hsm, kind, words):
    public = hsm.make_key("release", words, 1)
    tool("sign", "--key-pkcs11", hsm.uri("release"), artifact, env=hsm.env)
    tool("validate", "-k", public, artifact)
    tool("validate", "--key-pkcs11", hsm.uri("release", pin=False), artifact, env=hsm.env)
    assert b"verified correctly" in tool("read", "--key-pkcs11", hsm.uri("release", pin=False), artifact,
                                         env=hsm.env).stdout
    done = tool("write", "module-image", "-T", "raw", "-n", "n", "-t", "t", "-o", "written.mender", "--key-pkcs11",
                hsm.uri("release", pin=False), env={**hsm.env, "ROTA_KEY_PASSPHRASE": softhsm.PIN})
    assert done.stderr == b""
    tool("validate", "-k", public, "written.mender")
    hsm.make_key("other", words, 2)
    tool("validate", "--key-pkcs11", hsm.uri("other", pin=False), artifact, env=hsm.env, expect=INVALID)


def test_module_known_to_p11_kit(tool, artifact, hsm):
    """Debian's softhsm2 tells p11-kit where its module is: a URI needs no path."""
    public = hsm.make_key("release", "EC:prime256v1", 1)
    tool("sign", "--key-pkcs11", "pkcs11:token=build;object=release", "--key-passphrase-file", hsm.pin_file, artifact,
         env=hsm.env)
    tool("validate", "-k", public, artifact)


@pytest.mark.shows("I3-MS5")
def test_what_can_be_wrong_with_a_token(tool, artifact, hsm):
    hsm.make_key("release", "EC:prime256v1", 1)
    hsm.make_pair("p384", "EC:secp384r1", 2)
    before = artifact.read_bytes()
    bare = hsm.uri("release", pin=False)
    wrong = {**hsm.env, "ROTA_KEY_PASSPHRASE": "999999"}
    for uri, words, env in [
            (bare, b"a passphrase is needed", hsm.env), (bare, b"the token refuses the PIN", wrong),
            (hsm.uri("none"), b"no such private key", hsm.env),
            (hsm.uri("release", token="none"), b"no token matches", hsm.env),
            (hsm.uri("p384"), b"EC on secp384r1", hsm.env),
            ("pkcs11:object=release?module-path=/nonexistent.so", b"/nonexistent.so cannot be loaded", hsm.env),
            ("pkcs12:object=release", b"not a PKCS#11 URI", hsm.env)]:
        done = tool("sign", "--key-pkcs11", uri, artifact, env=env, expect=USAGE)
        assert words in done.stderr and b"999999" not in done.stderr, done.stderr
        assert softhsm.PIN.encode() not in done.stderr
    done = tool("sign", "--key-pkcs11", f"{bare}&pin-value=999999", artifact, env=hsm.env, expect=USAGE)
    assert b"a PIN on the command line" in done.stderr and b"999999" not in done.stderr
    hsm.make_token("second")
    done = tool("sign", "--key-pkcs11", hsm.uri("release").replace("token=build;", ""), artifact, env=hsm.env,
                expect=USAGE)
    assert b"2 tokens match, and one must be named" in done.stderr and b"second (serial=" in done.stderr
    hsm.remove_token()
    tool("sign", "--key-pkcs11", hsm.uri("release"), artifact, env=hsm.env, expect=USAGE)
    assert artifact.read_bytes() == before


# --- several signatures ---

@pytest.fixture
def three(make_key):
    return [make_key(name, kind) for name, kind in (("a", "p256"), ("b", "rsa"), ("c", "p256"))]


def keys_of(pairs):
    return [word for _, public in pairs for word in ("-k", public)]


def test_policy_counts_different_keys(tool, artifact, three):
    (a, a_public), (b, b_public), (c, c_public) = three
    tool("sign", "-k", a, artifact)
    signed = artifact.read_bytes()
    done = tool("validate", *keys_of(three), "--require", 2, artifact, expect=INVALID)
    text = done.stderr.decode()
    assert "2 of the 3 keys must have signed, and 1 did" in text
    assert f"signed by {a_public} ({id_of(a_public)})" in text
    assert f"{b_public} ({id_of(b_public)}: no signature)" in text
    assert done.stdout == b""
    tool("sign", "-k", b, "--detached", artifact)
    assert artifact.read_bytes() == signed
    done = tool("validate", *keys_of(three), "--require", 2, artifact)
    assert done.stdout.decode().startswith(f"Artifact file '{artifact}' validated successfully\n")
    assert f"{id_of(b_public)}: good" in done.stdout.decode()
    tool("validate", *keys_of(three), "--require", 3, artifact, expect=INVALID)
    tool("sign", "-k", c, "--detached", artifact)
    tool("validate", *keys_of(three), "--require", 3, artifact)
    # the same key inside and beside, and the same key under two names, count once
    tool("sign", "-k", a, "--detached", artifact)
    tool("validate", "-k", a_public, "--require", 1, artifact)
    shutil.copy(a_public, artifact.parent / "again.pub")
    done = tool("validate", "-k", a_public, "-k", "again.pub", "--require", 2, artifact, expect=USAGE)
    assert b"--require 2, and 1 different keys are given" in done.stderr
    for wrong in ("-1", "x", "4"):
        tool("validate", *keys_of(three), "--require", wrong, artifact, expect=USAGE)
    tool("validate", "--require", 1, artifact, expect=USAGE)


def test_policy_in_json(tool, artifact, three):
    tool("sign", "-k", three[1][0], "--detached", artifact)
    done = tool("validate", "--json", *keys_of(three), "--require", 2, artifact, expect=INVALID)
    told = json.loads(done.stdout)
    assert told["valid"] is False and told["error"]["status"] == INVALID
    assert [(s["key_id"], s["verdict"]) for s in told["signatures"]] == [(id_of(three[1][1]), "good")]
    told = json.loads(tool("validate", "--json", *keys_of(three), "--require", 1, artifact).stdout)
    assert told["valid"] is True and told["signature"] == "none"


def test_without_a_policy_the_one_inside_decides(tool, artifact, three):
    """As the field's tool and every vehicle see it."""
    tool("sign", "-k", three[0][0], "--detached", artifact)
    tool("validate", "-k", three[0][1], artifact, expect=INVALID)
    tool("sign", "-k", three[1][0], artifact)
    tool("validate", "-k", three[0][1], artifact, expect=INVALID)
    tool("validate", "-k", three[1][1], artifact)
    tool("validate", artifact, expect=INVALID)


def test_verdicts_are_listed(tool, artifact, three, tmp_path):
    (a, a_public), (b, b_public), (c, c_public) = three
    folder = tmp_path / "a.mender.sig.d"
    for private in (a, b, c):
        tool("sign", "-k", private, "--detached", artifact)
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        f"{id_of(public)}.sig" for _, public in three)
    assert verdicts(tool, artifact, "-k", a_public) == {
        id_of(a_public): "good", id_of(b_public): "unchecked", id_of(c_public): "unchecked"}
    changed = json.loads((folder / f"{id_of(b_public)}.sig").read_text())
    changed["signature"] = base64.b64encode(bytes(256)).decode()
    (folder / f"{id_of(b_public)}.sig").write_text(json.dumps(changed))
    (folder / f"{id_of(c_public)}.sig").write_text("{")
    (folder / "README").write_text("not looked at")
    assert verdicts(tool, artifact, *keys_of(three)) == {id_of(a_public): "good", id_of(b_public): "bad",
                                                         None: "malformed"}
    text = tool("read", artifact).stdout.decode()
    assert re.search(r"  Detached signatures:\n(    - [0-9a-f]{64}(\.sig)?: \w+.*\n){3}  Compatible types", text)
    tool("validate", *keys_of(three), "--require", 2, artifact, expect=INVALID)
    tool("validate", *keys_of(three), "--require", 1, artifact)


def test_a_changed_artifact_makes_them_stale(tool, artifact, three, tmp_path):
    (a, a_public), (b, b_public), _ = three
    for private in (a, b):
        tool("sign", "-k", private, "--detached", artifact)
    done = tool("modify", "-n", "another", artifact)
    assert b"a.mender.sig.d become stale" in done.stderr
    assert set(verdicts(tool, artifact, "-k", a_public).values()) == {"stale"}
    done = tool("validate", "-k", a_public, "-k", b_public, "--require", 1, artifact, expect=INVALID)
    assert done.stderr.count(b": stale)") == 2
    tool("sign", "-k", a, "--detached", artifact)  # a stale one gives way without --force
    assert verdicts(tool, artifact, "-k", a_public)[id_of(a_public)] == "good"
    done = tool("sign", "-k", a, "--detached", artifact, expect=USAGE)
    assert b"has signed the artifact already" in done.stderr
    tool("sign", "-k", a, "--detached", "--force", artifact)


def test_another_folder_for_signatures(tool, artifact, three, tmp_path):
    (a, a_public), _, _ = three
    tool("sign", "-k", a, "--detached", "--signatures-dir", "signatures", artifact)
    assert not (tmp_path / "a.mender.sig.d").exists()
    tool("validate", "-k", a_public, "--require", 1, artifact, expect=INVALID)
    tool("validate", "-k", a_public, "--require", 1, "--signatures-dir", "signatures", artifact)
    with artifact.open("rb") as stream:
        tool("validate", "-k", a_public, "--require", 1, "--signatures-dir", "signatures", "-", stdin=stream)
    tool("sign", "-k", a, "--detached", "-o", "x.mender", artifact, expect=USAGE)
    tool("sign", "-k", a, "--signatures-dir", "signatures", artifact, expect=USAGE)


def test_a_folder_that_cannot_be_read_stops_policies_only(tool, artifact, three, tmp_path):
    """Whoever may write beside an artifact must not be able to make it invalid."""
    tool("sign", "-k", three[0][0], artifact)
    folder = tmp_path / "a.mender.sig.d"
    folder.mkdir()
    for i in range(65):
        (folder / f"{i}.sig").write_text("{}")
    done = tool("validate", "-k", three[0][1], artifact)
    assert b"more than 64 signatures" in done.stderr
    assert b"more than 64 signatures" in tool("read", artifact).stderr
    done = tool("validate", "-k", three[0][1], "--require", 1, artifact, expect=INVALID)
    assert b"more than 64 signatures" in done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small file system")
@pytest.mark.shows("I3-MS5")
def test_full_disk_leaves_no_half_signature(tool, artifact, three, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", small], capture_output=True).returncode:
        pytest.skip("no file system can be mounted here")
    try:
        with open(small / "fill", "wb", buffering=0) as fill, contextlib.suppress(OSError):
            while fill.write(bytes(4096)):
                pass
        done = tool("sign", "-k", three[1][0], "--detached", "--signatures-dir", small / "d", artifact, expect=USAGE)
        assert b"No space left" in done.stderr
        assert not (small / "d").exists() or list((small / "d").iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)


# --- a key on another machine ---

@pytest.fixture
def machines(tmp_path):
    """Two folders, and nothing but what the test carries over is in both."""
    build, vault = tmp_path / "build", tmp_path / "vault"
    build.mkdir()
    vault.mkdir()
    return build, vault


def digest_in(request):
    return bytes.fromhex(json.loads(request.read_text())["manifest_sha256"])


def sign_by_tool(tool, vault, kind):
    tool("sign", "--digest-in", "request", "-k", "key.pem", "--signature-out", "signature", cwd=vault)


def sign_by_pkeyutl(tool, vault, kind):
    (vault / "digest").write_bytes(digest_in(vault / "request"))
    openssl("pkeyutl", "-sign", "-inkey", "key.pem", "-in", "digest", "-out", "signature", "-pkeyopt", "digest:sha256",
            cwd=vault)


def sign_by_dgst(tool, vault, kind):
    openssl("dgst", "-sha256", "-sign", "key.pem", "-out", "signature", "manifest", cwd=vault)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("signer", [sign_by_tool, sign_by_pkeyutl, sign_by_dgst])
def test_the_key_never_meets_the_artifact(tool, artifact, make_key, machines, kind, signer):
    build, vault = machines
    private, public = make_key("key", kind)
    shutil.move(artifact, build / "a.mender")
    shutil.move(private, vault / "key.pem")
    shutil.copy(public, build / "key.pub")
    before = entries(build / "a.mender")
    tool("sign", "--digest-out", "request", "--manifest-out", "manifest", "a.mender", cwd=build)
    assert entries(build / "a.mender") == before
    shutil.move(build / "request", vault)
    shutil.move(build / "manifest", vault)
    assert json.loads((vault / "request").read_text())["artifact_name"] == "multi-7"
    signer(tool, vault, kind)
    assert not list(vault.glob("*.mender"))
    shutil.copy(vault / "signature", build)
    tool("sign", "--signature-in", "signature", "-k", "key.pub", "a.mender", cwd=build)
    tool("validate", "-k", "key.pub", "a.mender", cwd=build)
    raw = base64.b64decode(entries(build / "a.mender")["manifest.sig"][512:])
    assert len(raw) == (64 if kind == "p256" else 256)  # DER of openssl has become r and s
    tool("sign", "--signature-in", "signature", "-k", "key.pub", "--detached", "a.mender", cwd=build)
    tool("validate", "-k", "key.pub", "--require", 1, "a.mender", cwd=build)


def test_short_numbers_survive_the_way(tool, artifact, make_key, tmp_path):
    """About one DER signature in a hundred has an r or s of less than 32 bytes: each must become 64 bytes."""
    private, public = make_key("key")
    tool("sign", "--manifest-out", "manifest", artifact)
    lengths = set()
    key = serialization.load_pem_private_key(private.read_bytes(), None)
    for _ in range(4000):
        der = key.sign((tmp_path / "manifest").read_bytes(), ec.ECDSA(hashes.SHA256()))
        if len(der) in lengths:
            continue
        lengths.add(len(der))
        (tmp_path / "signature").write_bytes(der)
        tool("sign", "-f", "--signature-in", "signature", "-k", public, "-o", "signed.mender", artifact)
        tool("validate", "-k", public, "signed.mender")
        if min(lengths) < 70:
            break
    assert min(lengths) < 70


def test_a_wrong_signature_is_not_put_in(tool, artifact, make_key, tmp_path):
    private, public = make_key("key")
    _, other = make_key("other")
    before = artifact.read_bytes()
    tool("sign", "--digest-out", "request", artifact)
    tool("sign", "--digest-in", "request", "-k", private, "--signature-out", "signature")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "zeros").write_bytes(bytes(64))
    (tmp_path / "large").write_bytes(bytes(20000))
    for signature, key in [("signature", other), ("empty", public), ("zeros", public), ("large", public),
                           ("missing", public)]:
        done = tool("sign", "--signature-in", signature, "-k", key, artifact, expect=USAGE)
        assert signature.encode() in done.stderr, done.stderr
    tool("sign", "--signature-in", "signature", "-k", private, artifact, expect=USAGE)
    tool("sign", "--signature-in", "signature", artifact, expect=USAGE)
    tool("sign", "--signature-in", "signature", "-k", public, "-k", other, artifact, expect=USAGE)
    assert artifact.read_bytes() == before


def test_only_requests_are_signed(tool, artifact, make_key, tmp_path):
    """A key that signs artifacts is not talked into signing something else."""
    private, _ = make_key("key")
    tool("sign", "--digest-out", "request", artifact)
    good = json.loads((tmp_path / "request").read_text())
    token = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9"
    for change in [{"manifest": token, "manifest_sha256": hashlib.sha256(token.encode()).hexdigest()},
                   {"manifest_sha256": "0" * 64}, {"format": "other"}, {"version": 2}, {"manifest": ""}]:
        (tmp_path / "changed").write_text(json.dumps({**good, **change}))
        done = tool("sign", "--digest-in", "changed", "-k", private, "--signature-out", "s", expect=USAGE)
        assert b"signing request changed" in done.stderr
        assert not (tmp_path / "s").exists()
    tool("sign", "--digest-in", "request", "-k", private, "--signature-out", "s", artifact, expect=USAGE)
    tool("sign", "--digest-out", "x", "-k", private, artifact, expect=USAGE)


def test_requests_and_signatures_through_pipes(tool, artifact, make_key):
    private, public = make_key("key")
    request = tool("sign", "--digest-out", "-", artifact).stdout
    signature = tool("sign", "--digest-in", "-", "-k", private, stdin=None, input=request).stdout
    assert len(base64.b64decode(signature)) == 64
    tool("sign", "--signature-in", "-", "-k", public, artifact, stdin=None, input=signature)
    tool("validate", "-k", public, artifact)


def test_each_step_elsewhere_tells_one_object(tool, artifact, make_key):
    private, public = make_key("key")
    def step(*words):
        return json.loads(tool("sign", *words, "--json").stdout)

    asked = step("--digest-out", "request", artifact)
    assert (asked["request"], asked["manifest"]) == ("request", None)
    answered = step("--digest-in", "request", "-k", private, "--signature-out", "signature")
    assert (answered["signature"], answered["key_id"]) == ("signature", id_of(public))
    put = step("--signature-in", "signature", "-k", public, artifact)
    assert put["key_id"] == id_of(public)
    assert asked["manifest_sha256"] == answered["manifest_sha256"] == put["manifest_sha256"]
    done = tool("sign", "--manifest-out", "-", artifact, "--json")
    assert hashlib.sha256(done.stdout).hexdigest() == json.loads(done.stderr)["manifest_sha256"] == put["manifest_sha256"]


def test_offline_with_a_token(tool, artifact, hsm):
    """The vault's machine has an HSM, and no artifact."""
    public = hsm.make_key("release", "rsa:2048", 1)
    tool("sign", "--digest-out", "request", artifact)
    tool("sign", "--digest-in", "request", "--key-pkcs11", hsm.uri("release"), "--signature-out", "signature",
         env=hsm.env)
    tool("sign", "--signature-in", "signature", "-k", public, artifact)
    tool("validate", "-k", public, artifact)
