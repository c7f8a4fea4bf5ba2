# SPDX-License-Identifier: Apache-2.0
"""Debian's mender-artifact 3.9.0 checks what ours signs, with every form and place of a key, and the reverse."""

import pathlib
import shutil
import subprocess

import pytest

from support import softhsm

pytestmark = pytest.mark.shows("I3-MS2")

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KINDS = ["rsa", "p256"]
FORMS = {
    "pkcs8": ["pkcs8", "-topk8", "-nocrypt"],
    "pkcs8-encrypted": ["pkcs8", "-topk8", "-passout", "pass:sesame"],
    "traditional": ["pkey", "-traditional"],
    "traditional-encrypted": ["pkey", "-traditional", "-aes128", "-passout", "pass:sesame"],
}


def run(*words, **more):
    return subprocess.run(list(map(str, words)), check=True, capture_output=True, timeout=60, **more)


@pytest.fixture
def ours(bin, tmp_path):
    def call(*words, env=None):
        return run(bin / "rota-artifact", *words, cwd=tmp_path, env=env)
    return call


@pytest.fixture
def artifact(tmp_path):
    shutil.copy(VECTORS / "files-seven.mender", tmp_path / "a.mender")
    return tmp_path / "a.mender"


@pytest.fixture
def hsm(tmp_path):
    if not softhsm.is_installed():
        pytest.skip("SoftHSM2 and OpenSC are not installed: script/setup test")
    hsm = softhsm.SoftHsm(tmp_path / "hsm")
    hsm.make_token()
    return hsm


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_it_takes_every_form_of_our_keys(ours, mender_artifact, make_key, artifact, tmp_path, kind, form):
    private, public = make_key("maker", kind)
    _, stranger = make_key("stranger", kind)
    run("openssl", *FORMS[form], "-in", private, "-out", tmp_path / "form.pem")
    (tmp_path / "passphrase").write_text("sesame")
    ours("sign", "-k", tmp_path / "form.pem", "--key-passphrase-file", tmp_path / "passphrase", artifact)
    mender_artifact.run("validate", "-k", public, artifact)
    mender_artifact.run("validate", "-k", stranger, artifact, expect=4)
    assert "signed and verified correctly" in mender_artifact.run("read", "-k", public, artifact)


@pytest.mark.parametrize("kind, words", [("rsa", "rsa:3072"), ("p256", "EC:prime256v1")])
def test_it_takes_signatures_of_a_token(ours, mender_artifact, artifact, hsm, kind, words):
    public = hsm.make_key("release", words, 1)
    ours("sign", "--key-pkcs11", hsm.uri("release"), artifact, env=hsm.env)
    mender_artifact.run("validate", "-k", public, artifact)


@pytest.mark.parametrize("kind", KINDS)
def test_it_takes_signatures_made_elsewhere(ours, mender_artifact, make_key, artifact, tmp_path, kind):
    """By openssl, over what --manifest-out wrote."""
    private, public = make_key("maker", kind)
    ours("sign", "--manifest-out", "manifest", artifact)
    run("openssl", "dgst", "-sha256", "-sign", private, "-out", "signature", "manifest", cwd=tmp_path)
    ours("sign", "--signature-in", "signature", "-k", public, artifact)
    mender_artifact.run("validate", "-k", public, artifact)


@pytest.mark.parametrize("kind", KINDS)
def test_detached_signatures_do_not_disturb_it(ours, mender_artifact, make_key, artifact, kind):
    private, public = make_key("maker", kind)
    other, _ = make_key("other", "rsa")
    ours("sign", "-k", private, artifact)
    ours("sign", "-k", other, "--detached", artifact)
    mender_artifact.run("validate", "-k", public, artifact)


@pytest.mark.parametrize("kind", KINDS)
def test_ours_takes_what_it_signs(ours, mender_artifact, make_key, artifact, tmp_path, kind):
    """It reads the old forms of a private key only."""
    private, public = make_key("maker", kind)
    _, stranger = make_key("stranger", kind)
    run("openssl", "pkey", "-traditional", "-in", private, "-out", tmp_path / "old.pem")
    mender_artifact.run("sign", "-k", tmp_path / "old.pem", artifact)
    ours("validate", "-k", public, artifact)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        ours("validate", "-k", stranger, artifact)
    assert failed.value.returncode == 4


@pytest.mark.parametrize("kind, words", [("rsa", "rsa:2048"), ("p256", "EC:prime256v1")])
def test_ours_checks_it_with_a_key_in_a_token(ours, mender_artifact, make_key, artifact, tmp_path, hsm, kind, words):
    """Its private key was imported into the token; its public half is read from there."""
    private, _ = make_key("maker", kind)
    run("openssl", "pkey", "-traditional", "-in", private, "-out", tmp_path / "old.pem")
    run("openssl", "pkcs8", "-topk8", "-nocrypt", "-in", private, "-out", tmp_path / "new.pem")
    hsm.run("softhsm2-util", "--import", tmp_path / "new.pem", "--token", "build", "--label", "imported", "--id", "07",
            "--pin", softhsm.PIN)
    mender_artifact.run("sign", "-k", tmp_path / "old.pem", artifact)
    ours("validate", "--key-pkcs11", hsm.uri("imported", pin=False), artifact, env=hsm.env)
    ours("sign", "-f", "--key-pkcs11", hsm.uri("imported"), artifact, env=hsm.env)
    ours("validate", "--key-pkcs11", hsm.uri("imported", pin=False), artifact, env=hsm.env)


# what each of the two ends with: words after the verb, and why ours is not theirs
STATUSES = [
    (["validate", "-k", "maker.pub", "signed.mender"], None),
    (["validate", "-k", "stranger.pub", "signed.mender"], None),
    (["validate", "-k", "maker.pub", "plain.mender"], None),
    (["validate", "signed.mender"], None),
    (["validate", "plain.mender"], None),
    (["validate", "missing.mender"], None),
    (["validate", "-k", "stranger.pub", "-k", "maker.pub", "signed.mender"], None),
    (["validate", "-k", "missing.pub", "plain.mender"], "theirs complains and ends with 0"),
    (["validate", "-k", "maker.pem", "signed.mender"], "theirs complains and ends with 0"),
    (["validate", "-k", "maker.pub", "-k", "stranger.pub", "signed.mender"], "theirs takes the last key only"),
    (["read", "-k", "maker.pub", "signed.mender"], None),
    (["read", "signed.mender"], None),
    (["read", "missing.mender"], None),
    (["read", "-k", "stranger.pub", "signed.mender"], "theirs ends with 0"),
    (["read", "-k", "maker.pub", "plain.mender"], "theirs ends with 0"),
    (["sign", "plain.mender"], None),
    (["sign", "-k", "maker.pem"], None),
    (["sign", "-k", "maker.pem", "missing.mender"], None),
    (["sign", "-k", "missing.pem", "plain.mender"], None),
    (["sign", "-k", "maker.pub", "plain.mender"], None),
    (["sign", "-k", "maker.pem", "maker.pub"], None),
    (["sign", "-k", "maker.pem", "signed.mender"], None),
    (["sign", "-k", "maker.pem", "--force", "signed.mender"], None),
    (["sign", "-k", "maker.pem", "-o", "out.mender", "plain.mender"], None),
    (["sign", "-k", "maker.pem", "--key-pkcs11", "pkcs11:object=x", "plain.mender"], None),
    (["sign", "--key-pkcs11", "pkcs11:token=nonexistent;object=x", "plain.mender"], None),
    (["sign", "--gcp-kms-key", "x", "plain.mender"], None),
]


@pytest.mark.parametrize("words, differs", STATUSES)
def test_statuses(bin, peers, make_key, tmp_path, words, differs):
    """Where theirs ends with 0 after a complaint, ours does not."""
    private, _ = make_key("maker", "p256")
    run("openssl", "pkey", "-traditional", "-in", private, "-out", tmp_path / "old.pem")
    make_key("stranger", "p256")
    statuses = []
    for program in (bin / "rota-artifact", peers / "usr/bin/mender-artifact"):
        place = tmp_path / program.name
        place.mkdir()
        shutil.copy(VECTORS / "comp-none.mender", place / "plain.mender")
        run(bin / "rota-artifact", "sign", "-k", private, "-o", place / "signed.mender", place / "plain.mender")
        for name in ("maker.pub", "stranger.pub"):
            shutil.copy(tmp_path / name, place / name)
        shutil.copy(tmp_path / "old.pem", place / "maker.pem")
        statuses.append(subprocess.run([program, *words], cwd=place, capture_output=True, timeout=60).returncode)
    assert (statuses[0] == statuses[1]) == (differs is None), statuses
    assert not differs or "0" not in differs or statuses[0] > 0
