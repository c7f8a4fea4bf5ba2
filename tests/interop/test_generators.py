# SPDX-License-Identifier: Apache-2.0
"""What our generators write, in the field's hands: Debian's mender-artifact reads it, Debian's own generators make the
same, and Debian's unmodified update modules (and ours) install it under rota-agent. dpkg, rpm and docker are stood for by
programs that note what they are told."""

import json
import os
import shutil
import subprocess

import pytest

from support.docker import Docker
from support.generated import DIGEST, RPM, fake_docker, make_deb, make_image
from support.module import MODULES as OURS
from support.module_world import WORLDS, reason_to_skip
from support.vehicle import Vehicle, write_program

pytestmark = pytest.mark.shows("I3-MS2")

GENERATORS = "usr/share/doc/mender-client/examples"
MODULES = "usr/share/mender/modules/v3"
WHOSE = pytest.mark.parametrize("whose", ["theirs", "ours"])


@pytest.fixture
def write(bin, tmp_path):
    """write(verb, *words): the artifact of `rota-artifact write VERB`, named release-1."""
    def run(verb, *words, name="release-1", env=None):
        target = tmp_path / f"{name}.mender"
        done = subprocess.run([bin / "rota-artifact", "write", verb, "-n", name, "-t", "test-vehicle", "-o", target,
                               *map(str, words)], cwd=tmp_path, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})
        assert done.returncode == 0, done.stderr
        return target
    return run


@pytest.fixture
def parts(tmp_path):
    """What the artifacts of this file are made of."""
    application = tmp_path / "application"
    application.write_text("one")
    application.chmod(0o750)
    (tmp_path / "folder/sub").mkdir(parents=True)
    (tmp_path / "folder/a").write_text("1")
    (tmp_path / "folder/sub/b").write_text("1")
    (tmp_path / "folder/link").symlink_to("sub/b")
    write_program(tmp_path / "step", f"#!/bin/sh\necho ran >>{tmp_path}/mark\n")
    make_deb(tmp_path / "demo_1.0+x~1_all.deb", version="1.0+x~1")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/compose.yaml").write_text("services: {}\n")
    make_image(tmp_path / "images/one.tar")
    return tmp_path


WRITES = {
    "single-file": ["-d", "/opt", "application"],
    "directory": ["-d", "/opt", "folder"],
    "deb": ["demo_1.0+x~1_all.deb"],
    "rpm": [RPM],
    "script": ["step"],
    "docker": [f"a/b@{DIGEST}"],
    "docker-compose": ["-m", "manifests", "-i", "images", "-p", "demo"],
}


# --- read by mender-artifact, and taken apart and made again by it ---

@pytest.mark.parametrize("compression", ["none", "gzip", "lzma"])
@pytest.mark.parametrize("verb", WRITES)
def test_the_field_reads_it(write, mender_artifact, parts, make_key, verb, compression):
    private, public = make_key("signer")
    made = write(verb, *WRITES[verb], "--compression", compression, "-k", private)
    mender_artifact.run("validate", "-k", public, made)
    said = mender_artifact.run("read", "-k", public, made)
    assert "Name: release-1" in said and f"Type:   {verb}" in said and "signed and verified correctly" in said
    mender_artifact.run("dump", "--files", parts / "files", "--meta-data", parts / "meta", made)
    inner = [path.name for path in (parts / "files").iterdir()] if (parts / "files").exists() else []
    assert sorted(inner) == {
        "single-file": ["application", "dest_dir", "filename", "permissions"], "directory": ["dest_dir", "update.tar"],
        "deb": ["demo_1.0_x_1_all.deb"], "rpm": [RPM.name], "script": ["step"], "docker": [],
        "docker-compose": ["images.tar.gz", "manifests.tar"]}[verb]


# --- the same as the field's generators make ---

def facts(bin, artifact):
    """What is said, but for times and the order of the files."""
    done = subprocess.run([bin / "rota-artifact", "read", "--json", artifact], capture_output=True, check=True, timeout=60)
    payload, = json.loads(done.stdout)["payloads"]
    payload["files"] = {file["name"]: file["sha256"] for file in payload["files"] if file["name"] != "update.tar"}
    return payload


def generate(peers, folder, kind, *words, path=""):
    done = subprocess.run([peers / GENERATORS / f"{kind}-artifact-gen", "-n", "release-1", "-t", "test-vehicle", "-o",
                           folder / "theirs.mender", *words], cwd=folder, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": f"{path}{peers}/usr/bin:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "theirs.mender"


def test_single_file_is_what_theirs_makes(bin, peers, write, parts):
    theirs = generate(peers, parts, "single-file", "-d", "/opt/app", "--software-name", "s", "application")
    ours = write("single-file", "-d", "/opt/app", "--software-name", "s", "application")
    assert facts(bin, ours) == facts(bin, theirs)


def test_directory_is_what_theirs_makes(bin, peers, write, parts):
    theirs = facts(bin, generate(peers, parts, "directory", "-d", "/opt/app", "--software-version", "9", "folder"))
    ours = facts(bin, write("directory", "-d", "/opt/app", "--software-version", "9", "folder"))
    assert ours == theirs and list(ours["files"]) == ["dest_dir"]


def test_docker_is_what_theirs_makes(bin, peers, write, parts):
    fake_docker(parts / "programs", parts / "log")
    theirs = generate(peers, parts, "docker", "--run-args", "-p 80:80", "a/b:1", "c:2", path=f"{parts}/programs:")
    asked = (parts / "log").read_text()
    (parts / "log").unlink()
    ours = write("docker", "--run-args", "-p 80:80", "a/b:1", "c:2",
                 env={"PATH": f"{parts}/programs:{os.environ['PATH']}"})
    assert facts(bin, ours) == facts(bin, theirs)
    assert sorted((parts / "log").read_text().splitlines()) == sorted(asked.splitlines())


# --- installed by the modules ---

@pytest.fixture
def vehicle(bin, tmp_path, peers, request):
    """With the field's modules or ours; what Debian has modules for and we have not is always the field's."""
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    whose = request.node.callspec.params.get("whose", "theirs") if hasattr(request.node, "callspec") else "theirs"
    for module in (peers / MODULES).iterdir():
        target = vehicle.root / MODULES / module.name
        if whose == "theirs" or not target.exists():
            shutil.copy(module, target)
    return vehicle


def do(vehicle, *words, path=""):
    done = vehicle.run(*words, environment={"PATH": f"{path}:{os.environ['PATH']}"} if path else None)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@WHOSE
def test_single_file_is_installed_and_taken_back(vehicle, write, parts, whose):
    target = parts / "place/sub/renamed"
    do(vehicle, "install", write("single-file", "-d", target.parent, "--filename", "renamed", "application"))
    do(vehicle, "commit")
    assert target.read_text() == "one" and target.stat().st_mode & 0o7777 == 0o750
    (parts / "application").write_text("two")
    do(vehicle, "install", write("single-file", "-d", target.parent, "--filename", "renamed", "--permissions", "600",
                                 "application", name="release-2"))
    assert target.read_text() == "two" and target.stat().st_mode & 0o7777 == 0o600
    do(vehicle, "rollback")
    assert target.read_text() == "one" and vehicle.artifact_name() == "release-1"


@WHOSE
def test_directory_is_installed_and_taken_back(vehicle, write, parts, whose):
    place = parts / "place"
    do(vehicle, "install", write("directory", "-d", place, "folder"))
    do(vehicle, "commit")
    assert (place / "sub/b").read_text() == "1" and os.readlink(place / "link") == "sub/b"
    (parts / "folder/sub/b").write_text("2")
    (parts / "folder/a").unlink()
    do(vehicle, "install", write("directory", "-d", place, "folder", name="release-2"))
    assert (place / "sub/b").read_text() == "2" and not (place / "a").exists()
    do(vehicle, "rollback")
    assert (place / "sub/b").read_text() == "1" and (place / "a").read_text() == "1"


@WHOSE
def test_script_is_run(vehicle, write, parts, whose):
    do(vehicle, "install", write("script", "step"))
    assert (parts / "mark").read_text() == "ran\n" and vehicle.artifact_name() == "release-1"


# Keeps the package it was given.
TAKES_PACKAGES = '#!/bin/sh\necho "$*" >>@LOG@\nfor word; do [ ! -f "$word" ] || cp "$word" @TAKEN@; done\n'


@pytest.mark.parametrize("kind, program, words", [("deb", "dpkg", "-i "), ("rpm", "rpm", "-U -v --force ")])
def test_packages_are_installed(vehicle, write, parts, kind, program, words):
    taken, log = parts / "taken", parts / "log"
    taken.mkdir()
    write_program(parts / "programs" / program,
                  TAKES_PACKAGES.replace("@LOG@", str(log)).replace("@TAKEN@", str(taken)))
    do(vehicle, "install", write(kind, *WRITES[kind]), path=parts / "programs")
    assert log.read_text().startswith(words)
    package, = taken.iterdir()
    assert package.read_bytes() == (parts / WRITES[kind][0]).read_bytes()
    shown = do(vehicle, "show-provides").stdout
    assert "rootfs-image.rota-demo.version=" + {"deb": "1.0+x~1", "rpm": "3:1.0-2"}[kind] in shown


@pytest.mark.parametrize("kind", ["deb", "rpm"])
def test_packages_are_installed_by_our_module(vehicle, write, parts, kind):
    """The real dpkg and rpm, on a system in a folder: two packages of which one needs the other."""
    if reason_to_skip(kind):
        pytest.skip(reason_to_skip(kind))
    world = WORLDS[kind](parts / "world", "nothing")
    for name, content in world.module.files.items():
        (parts / name).write_bytes(content)
    shutil.copy(OURS / "package/package", vehicle.root / MODULES / kind)
    made = write(kind, *world.module.files)
    done = vehicle.run("install", made, environment=world.module.environment)
    assert done.returncode == 0 and world.is_new(), done.stdout + done.stderr
    vehicle.run("commit", environment=world.module.environment)
    provided = vehicle.run("show-provides").stdout
    assert "rootfs-image.app.version=2" in provided and "rootfs-image.dependency.version=1" in provided


def test_a_package_that_dpkg_takes(write, parts, bin):
    """The real dpkg-deb reads what the module would be given, under the name it has in the artifact."""
    made = write("deb", *WRITES["deb"])
    subprocess.run([bin / "rota-artifact", "dump", "--files", parts / "files", made], check=True, timeout=60)
    inner, = (parts / "files").iterdir()
    said = subprocess.run(["dpkg-deb", "-f", inner, "Package", "Version"], capture_output=True, text=True, check=True,
                          timeout=60)
    assert said.stdout == "Package: rota-demo\nVersion: 1.0+x~1\n"


def test_docker_images_are_run(vehicle, write, parts):
    programs, log = parts / "programs", parts / "log"
    fake_docker(programs, log)
    (parts / "log.running").write_text("earlier\n")
    do(vehicle, "install", write("docker", f"a/b@{DIGEST}", f"c@{DIGEST}", "--run-args", "-p 80:80"), path=programs)
    assert log.read_text().splitlines() == [
        "ps -q", "stop earlier", f"pull a/b@{DIGEST}", f"run -dt -p 80:80 a/b@{DIGEST}", f"pull c@{DIGEST}",
        f"run -dt -p 80:80 c@{DIGEST}"]
    do(vehicle, "commit", path=programs)
    assert vehicle.artifact_name() == "release-1"


def test_docker_images_are_run_by_our_module(vehicle, write, parts):
    docker = Docker(parts / "docker")
    shutil.copy(OURS / "docker/docker", vehicle.root / MODULES / "docker")
    do(vehicle, "install", write("docker", f"a/b@{DIGEST}", f"c@{DIGEST}"), path=docker.folder)
    assert docker.running() == [f"a/b@{DIGEST}", f"c@{DIGEST}"]
    do(vehicle, "commit", path=docker.folder)
    do(vehicle, "install", write("docker", f"d@{DIGEST}", name="release-2"), path=docker.folder)
    assert docker.running() == [f"d@{DIGEST}"]
    do(vehicle, "rollback", path=docker.folder)
    assert docker.running() == [f"a/b@{DIGEST}", f"c@{DIGEST}"] and vehicle.artifact_name() == "release-1"
