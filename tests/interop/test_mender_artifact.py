# SPDX-License-Identifier: Apache-2.0
"""Debian's mender-artifact 3.9.0 against ours: what it writes is installed, what we write it takes."""

import subprocess

import pytest

from support.vehicle import Vehicle

pytestmark = pytest.mark.shows("MS2")

COMPRESSIONS = ["none", "gzip", "lzma"]
FLEXIBLE = b"any bytes \0\xff\n" * 5000


@pytest.fixture
def vehicle(bin, tmp_path):
    return Vehicle(bin, tmp_path / "vehicle").build()


def installed(vehicle, artifact, expect=0):
    done = vehicle.run("install", artifact)
    assert done.returncode == expect, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_agent_installs_what_it_writes(vehicle, mender_artifact, compression):
    artifact = mender_artifact.write("theirs-2", {"content": b"version 2"}, type="fake", compression=compression)
    installed(vehicle, artifact)
    assert vehicle.target() == "version 2"
    assert vehicle.run("commit").returncode == 0
    assert vehicle.artifact_name() == "theirs-2"
    assert "rootfs-image.fake.version=theirs-2" in vehicle.run("show-provides").stdout


def test_agent_rolls_back_what_it_writes(vehicle, mender_artifact):
    installed(vehicle, mender_artifact.write("theirs-2", {"content": b"version 2"}, type="fake"))
    assert vehicle.run("rollback").returncode == 0
    assert vehicle.target() == "old" and vehicle.artifact_name() != "theirs-2"


def test_agent_refuses_another_device_type(vehicle, mender_artifact):
    artifact = mender_artifact.write("theirs-2", {"content": b"x"}, type="fake", device_type="another")
    installed(vehicle, artifact, expect=1)
    assert vehicle.target() == "old" and vehicle.calls() == []


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_agent_checks_its_signatures(vehicle, mender_artifact, make_key, kind):
    private, public = make_key("maker", kind)
    stranger, _ = make_key("stranger", kind)
    vehicle.configure(settings={"ArtifactVerifyKey": str(public)})
    for name, more in (("unsigned", []), ("wrong", ["-k", stranger])):
        installed(vehicle, mender_artifact.write(name, {"content": b"x"}, type="fake", more=more), expect=1)
        assert vehicle.target() == "old" and vehicle.calls() == []
    installed(vehicle, mender_artifact.write("right", {"content": b"signed"}, type="fake", more=["-k", private]))
    assert vehicle.target() == "signed"


def test_agent_obeys_its_provides_depends_and_clears(vehicle, mender_artifact):
    first = mender_artifact.write("first", {"content": b"1"}, type="fake", more=[
        "-p", "ecu.version:1", "-g", "north"])
    installed(vehicle, first)
    assert vehicle.run("commit").returncode == 0
    provides = vehicle.run("show-provides").stdout.split()
    assert "ecu.version=1" in provides and "artifact_group=north" in provides
    wrong = mender_artifact.write("wrong", {"content": b"2"}, type="fake", more=["-d", "ecu.version:7"])
    installed(vehicle, wrong, expect=1)
    right = mender_artifact.write("right", {"content": b"3"}, type="fake", more=[
        "-d", "ecu.version:1", "-N", "first", "-G", "north", "--clears-provides", "ecu.*"])
    installed(vehicle, right)
    assert vehicle.run("commit").returncode == 0
    assert "ecu.version=1" not in vehicle.run("show-provides").stdout.split()


def test_agent_runs_its_state_scripts(vehicle, mender_artifact, tmp_path):
    ran = tmp_path / "ran"
    scripts = []
    for state in ("ArtifactInstall_Enter_01", "ArtifactCommit_Leave_02_last"):
        script = tmp_path / state
        script.write_text(f"#!/bin/sh\necho {state} >>{ran}\n")
        script.chmod(0o755)
        scripts += ["-s", script]
    installed(vehicle, mender_artifact.write("scripts", {"content": b"1"}, type="fake", more=scripts))
    assert vehicle.run("commit").returncode == 0
    assert ran.read_text().split() == ["ArtifactInstall_Enter_01", "ArtifactCommit_Leave_02_last"]


@pytest.fixture
def write_ours(bin, tmp_path):
    """Ours, with the options of theirs."""
    def write(name, files, *more, compression="gzip"):
        folder = tmp_path / f"{name}-files"
        folder.mkdir()
        words = []
        for file, content in files.items():
            (folder / file).write_bytes(content)
            words += ["-f", folder / file]
        target = tmp_path / f"{name}.mender"
        done = subprocess.run([bin / "rota-artifact", "write", "module-image", "-T", "fake", "-n", name, "-t", "test-vehicle",
                               "--compression", compression, "-o", target, *words, *more],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return target
    return write


@pytest.mark.parametrize("compression", COMPRESSIONS)
def test_it_reads_and_validates_what_we_write(write_ours, mender_artifact, compression):
    target = write_ours("ours-2", {"content": FLEXIBLE, "more": b""}, "-p", "ecu.version:1", "-d", "ecu.version:0",
                        compression=compression)
    mender_artifact.run("validate", target)
    text = mender_artifact.run("read", target)
    for fact in ("Name: ours-2", "test-vehicle", "Type:   fake", "ecu.version: \"1\"", "ecu.version: \"0\"",
                 "name:     content", "name:     more", f"size:     {len(FLEXIBLE)}",
                 "rootfs-image.fake.version: ours-2"):
        assert fact.replace('"', "") in text.replace('"', ""), f"{fact} is not in:\n{text}"


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_it_verifies_what_we_sign(write_ours, mender_artifact, make_key, kind):
    private, public = make_key("maker", kind)
    _, stranger = make_key("stranger", kind)
    target = write_ours("ours-signed", {"content": FLEXIBLE}, "-k", private)
    mender_artifact.run("validate", "-k", public, target)
    mender_artifact.run("validate", "-k", stranger, target, expect=4)  # its code for a wrong signature
    assert "signed and verified correctly" in mender_artifact.run("read", "-k", public, target)


def run_ours(bin, *words):
    done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_it_validates_our_image_and_our_bootstrap(bin, mender_artifact, tmp_path):
    image = tmp_path / "rootfs.ext4"
    image.write_bytes(FLEXIBLE)
    target = tmp_path / "image.mender"
    run_ours(bin, "write", "rootfs-image", "-n", "image-1", "-t", "test-vehicle", "-f", image, "-o", target)
    mender_artifact.run("validate", target)
    text = mender_artifact.run("read", target)
    for fact in ("Type:   rootfs-image", "rootfs-image.version: image-1", "rootfs-image.checksum: ", "name:     rootfs.ext4",
                 'Clears Provides: ["artifact_group", "rootfs_image_checksum", "rootfs-image.*"]'):
        assert fact in text, text
    run_ours(bin, "write", "bootstrap-artifact", "-n", "first-1", "-t", "test-vehicle", "-p", "ecu.version:1", "-o", target)
    mender_artifact.run("validate", target)
    text = mender_artifact.run("read", target)
    assert "Empty type" in text and "ecu.version: 1" in text


@pytest.mark.parametrize("kind", ["rsa", "p256"])
def test_each_signs_what_the_other_wrote(bin, mender_artifact, write_ours, make_key, kind):
    private, public = make_key("maker", kind)
    theirs = mender_artifact.write("theirs-1", {"content": FLEXIBLE})
    run_ours(bin, "sign", "-k", private, theirs)
    mender_artifact.run("validate", "-k", public, theirs)
    ours = write_ours("ours-1", {"content": FLEXIBLE})
    mender_artifact.run("sign", "-k", private, ours)
    run_ours(bin, "validate", "-k", public, ours)
