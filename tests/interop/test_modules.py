# SPDX-License-Identifier: Apache-2.0
"""Debian's update modules and artifact generators, unmodified: theirs run under rota-agent, and ours take what
theirs take. Where ours do better (a rollback removes what was not there before) is said by each row."""

import os
import pathlib
import shutil
import subprocess

import pytest

from support.artifact import make_artifact
from support.module_world import WORLDS, reason_to_skip
from support.vehicle import Vehicle, write_program

pytestmark = pytest.mark.shows("MS2")

GENERATORS = "usr/share/doc/mender-client/examples"
OURS = pathlib.Path(__file__).resolve().parents[2] / "modules"
OURS_BY_TYPE = {"deb": "package/package", "rpm": "package/package", "docker": "docker/docker"}
MODULES = pytest.mark.parametrize("whose", ["theirs", "ours"])


@pytest.fixture
def vehicle(bin, tmp_path, peers, request):
    vehicle = Vehicle(bin, tmp_path / "vehicle").build()
    if request.node.callspec.params.get("whose") == "theirs":
        for path in (peers / "usr/share/mender/modules/v3").iterdir():
            shutil.copy(path, vehicle.root / "usr/share/mender/modules/v3" / path.name)
    else:
        for name, source in OURS_BY_TYPE.items():
            shutil.copy(OURS / source, vehicle.root / "usr/share/mender/modules/v3" / name)
    return vehicle


@pytest.fixture
def generate(peers, tmp_path):
    """generate(kind, name, source, dest_dir) runs Debian's KIND-artifact-gen; returns the artifact."""
    def run(kind, name, source, dest_dir):
        target = tmp_path / f"{name}.mender"
        done = subprocess.run(
            [peers / GENERATORS / f"{kind}-artifact-gen", "-n", name, "-t", "test-vehicle", "-d", dest_dir,
             "-o", target, source],
            env={**os.environ, "PATH": f"{peers}/usr/bin:{os.environ['PATH']}"}, cwd=tmp_path,
            capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stdout + done.stderr
        return target
    return run


def do(vehicle, *words):
    done = vehicle.run(*words)
    assert done.returncode == 0, done.stdout + done.stderr


def source_file(tmp_path, content):
    source = tmp_path / "made/application"
    source.parent.mkdir(exist_ok=True)
    source.write_text(content)
    source.chmod(0o750)
    return source


@MODULES
def test_single_file(vehicle, generate, tmp_path, whose):
    place = tmp_path / "place"
    target = place / "application"
    do(vehicle, "install", generate("single-file", "one", source_file(tmp_path, "one"), place))
    do(vehicle, "commit")
    assert target.read_text() == "one" and target.stat().st_mode & 0o777 == 0o750
    do(vehicle, "install", generate("single-file", "two", source_file(tmp_path, "two"), place))
    assert target.read_text() == "two"
    do(vehicle, "rollback")
    assert target.read_text() == "one" and vehicle.artifact_name() == "one"


@MODULES
def test_single_file_that_was_not_there(vehicle, generate, tmp_path, whose):
    target = tmp_path / "place/application"
    target.parent.mkdir()
    do(vehicle, "install", generate("single-file", "one", source_file(tmp_path, "one"), target.parent))
    do(vehicle, "rollback")
    assert target.exists() == (whose == "theirs")


def source_folder(tmp_path, **files):
    folder = tmp_path / "folder"
    shutil.rmtree(folder, ignore_errors=True)
    for name, content in files.items():
        path = folder / name.replace("_", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in pathlib.Path(folder).rglob("*") if path.is_file()}


@MODULES
def test_directory(vehicle, generate, tmp_path, whose):
    place = tmp_path / "place"
    do(vehicle, "install", generate("directory", "one", source_folder(tmp_path, a="1", sub_b="1"), place))
    do(vehicle, "commit")
    assert contents(place) == {"a": "1", "sub/b": "1"}
    do(vehicle, "install", generate("directory", "two", source_folder(tmp_path, a="2", c="2"), place))
    assert contents(place)["a"] == "2" and contents(place)["c"] == "2"
    do(vehicle, "rollback")
    assert contents(place) == {"a": "1", "sub/b": "1"} and vehicle.artifact_name() == "one"


@MODULES
def test_script(vehicle, mender_artifact, tmp_path, whose):
    mark = tmp_path / "mark"
    script = f"#!/bin/sh\necho ran >>{mark}\n".encode()
    do(vehicle, "install", mender_artifact.write("scripted", {"run-me": script}, type="script"))
    assert mark.read_text() == "ran\n"
    assert vehicle.artifact_name() == "scripted"


@MODULES
@pytest.mark.parametrize("type", ["deb", "rpm"])
def test_packages(vehicle, tmp_path, whose, type):
    """The real dpkg and rpm, on a system in a folder. Theirs has no way back; ours has one from the second update on."""
    if reason_to_skip(type):
        pytest.skip(reason_to_skip(type))
    world = WORLDS[type](tmp_path / "world", "nothing")
    environment = world.module.environment
    if whose == "theirs":  # its rpm and dpkg are told by others which system is meant
        write_program(tmp_path / "programs/rpm", f'#!/bin/sh\nexec {shutil.which("rpm")} --root {world.place} "$@"\n')
        environment = {"DPKG_ROOT": str(world.place), "PATH": f"{tmp_path}/programs:{os.environ['PATH']}"}

    def install(name, files):
        path = tmp_path / f"{name}.mender"
        path.write_bytes(make_artifact(name, ["test-vehicle"], list(files.items()), type=type))
        return vehicle.run("install", path, environment=environment)
    done = install("one", {f"app.{type}": world.package("app", "1", world.OLD)})
    assert done.returncode == 0, done.stderr
    if whose == "ours":
        assert vehicle.run("commit", environment=environment).returncode == 0
    one = world.seen()
    done = install("two", world.module.files)
    assert done.returncode == 0 and world.is_new(), done.stderr
    if whose == "theirs":
        assert "doesn't support rollback" in done.stdout and vehicle.artifact_name() == "two"
        return
    assert vehicle.run("rollback", environment=environment).returncode == 0
    assert not world.differences(one) and vehicle.artifact_name() == "one"


@MODULES
def test_docker(vehicle, tmp_path, whose):
    if reason_to_skip("docker"):
        pytest.skip(reason_to_skip("docker"))
    world = WORLDS["docker"](tmp_path / "world", "of somebody else")
    path = tmp_path / "two.mender"
    path.write_bytes(make_artifact("two", ["test-vehicle"], [], type="docker", meta_data={
        "containers": ["new/a", "new/b"], "run_args": "-p 80:80"}))
    done = vehicle.run("install", path, environment=world.module.environment)
    assert done.returncode == 0 and world.docker.running() == ["new/a", "new/b"], done.stderr
    done = vehicle.run("rollback", environment=world.module.environment)
    assert done.returncode == 0 and world.docker.running() == ["old/a", "old/b"], done.stderr
    assert len(world.docker.containers()) == (4 if whose == "theirs" else 2)
