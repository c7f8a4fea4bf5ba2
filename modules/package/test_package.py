# SPDX-License-Identifier: Apache-2.0
"""What is special about deb and rpm: no package to go back to, programs of packages that fail, locks, a package manager
that was killed before the update."""

import fcntl
import os
import struct
import subprocess
import time

import pytest
from support.module import Failed
from support.module_world import WORLDS, reason_to_skip
from support.tree import look

pytestmark = pytest.mark.shows("I4-MS6", "M2")
TYPES = pytest.mark.parametrize("type", [
    pytest.param(type, marks=pytest.mark.skipif(bool(reason_to_skip(type)), reason=str(reason_to_skip(type))))
    for type in ("deb", "rpm")])
FAILING_SCRIPT = {"deb": {"postinst": "exit 1"}, "rpm": {"pre": "exit 1"}}


def world_of(tmp_path, type, before="an older version"):
    return WORLDS[type](tmp_path, before)


@TYPES
def test_answers(tmp_path, type):
    module = world_of(tmp_path, type).module.prepare()
    assert module.ask("NeedsArtifactReboot") == "No" and module.ok("NoSuchState") == ""


@TYPES
def test_without_the_package_before_there_is_no_way_back(tmp_path, type):
    """As on the first update of a vehicle: it says so before and after, and installs all the same. The one after has
    a way back."""
    world = world_of(tmp_path, type)
    for path in (world.module.folder / f"modules/v3/kept/{type}").iterdir():
        path.unlink()
    world.module.prepare()
    world.module.download()
    assert world.module.ask("SupportsRollback") == "No"
    done = world.module.call("ArtifactInstall")
    assert done.returncode == 0 and "no package is kept of app" in done.stderr
    assert world.module.ask("SupportsRollback") == "No"
    world.module.commit()
    assert world.is_new()
    world.module.files = {f"app_3.{type}": world.package("app", "3", {"usr/share/app/data": b"third"})}
    middle = world.seen()
    world.module.install()
    world.module.take_back()
    assert not world.differences(middle)


@TYPES
def test_the_package_managers_cache_is_looked_into(tmp_path, type):
    world = world_of(tmp_path, type)
    store = world.module.folder / f"modules/v3/kept/{type}"
    cache = world.place / {"deb": "var/cache/apt/archives", "rpm": "var/cache/rpm"}[type]
    cache.mkdir(parents=True)
    for path in store.iterdir():
        path.rename(cache / path.name)
    world.module.install()
    assert world.module.ask("SupportsRollback") == "Yes"
    world.module.take_back()
    assert world.is_old()


@TYPES
def test_a_kept_package_that_is_damaged_is_none(tmp_path, type):
    world = world_of(tmp_path, type)
    path, = (world.module.folder / f"modules/v3/kept/{type}").iterdir()
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    world.module.prepare()
    world.module.download()
    assert world.module.ask("SupportsRollback") == "No"


@TYPES
def test_only_what_is_installed_is_kept(tmp_path, type):
    world = world_of(tmp_path, type)
    world.module.install()
    world.module.commit()
    kept = sorted(path.name.split("_")[0] for path in (world.module.folder / f"modules/v3/kept/{type}").iterdir())
    assert kept == ["app", "dependency"]


@TYPES
def test_a_program_of_a_package_fails(tmp_path, type):
    world = world_of(tmp_path, type)
    world.module.files = {f"app.{type}": world.package("app", "2", world.OLD, scripts=FAILING_SCRIPT[type])}
    with pytest.raises(Failed, match="package manager ended"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


@TYPES
@pytest.mark.parametrize("files", [{}, {"readme": b"x"}])
def test_a_payload_without_packages(tmp_path, type, files):
    world = world_of(tmp_path, type)
    world.module.files = files
    with pytest.raises(Failed, match="has no file that ends in"):
        world.module.install()
    world.module.take_back()
    assert world.is_old()


def lock_files(world):
    if world.name == "deb":
        return [world.place / "var/lib/dpkg/lock-frontend", world.place / "var/lib/dpkg/lock"]
    database = subprocess.run(["rpm", "--eval", "%_dbpath"], capture_output=True, text=True, check=True).stdout.strip()
    return [world.place / database.lstrip("/") / ".rpm.lock"]


class Locks:
    """Another program that is installing."""

    def __init__(self, world):
        self.fds = []
        for path in lock_files(world):
            self.fds.append(os.open(path, os.O_RDWR | os.O_CREAT, 0o640))
            fcntl.fcntl(self.fds[-1], fcntl.F_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))

    def release(self):
        for fd in self.fds:
            os.close(fd)


@TYPES
def test_another_program_that_installs_is_waited_for(tmp_path, type):
    world = world_of(tmp_path, type)
    world.module.prepare()
    world.module.download()
    locks = Locks(world)
    process = world.module.start("ArtifactInstall", {"ROTA_LOCK_WAIT_S": "50"})
    time.sleep(3)
    assert process.poll() is None and not world.is_new()
    locks.release()
    out, errors = process.communicate(timeout=60)
    assert process.returncode == 0, out + errors
    assert world.is_new()


@TYPES
def test_but_not_for_ever(tmp_path, type):
    world = world_of(tmp_path, type)
    locks = Locks(world)
    start = time.monotonic()
    with pytest.raises(Failed, match="another program was installing for 2 s"):
        world.module.prepare()
        world.module.download()
        world.module.ok("ArtifactInstall", {"ROTA_LOCK_WAIT_S": "2"})
    assert 2 <= time.monotonic() - start < 45
    locks.release()
    world.module.take_back()
    assert world.is_old()


@pytest.mark.skipif(bool(reason_to_skip("deb")), reason=str(reason_to_skip("deb")))
def test_dpkg_was_killed_before_the_update(tmp_path):
    """Packages that are unpacked and not configured are settled first."""
    world = world_of(tmp_path, "deb", "nothing")
    (tmp_path / "other.deb").write_bytes(world.package("other", "1", {"usr/share/other": b"x"}))
    subprocess.run(["dpkg", "--root", world.place, "--unpack", tmp_path / "other.deb"], check=True, capture_output=True)
    assert ("other", "1", "iU") in world.installed()
    world.module.install()
    assert ("other", "1") in world.installed() and ("app", "2") in world.installed()


@pytest.mark.skipif(bool(reason_to_skip("deb")), reason=str(reason_to_skip("deb")))
def test_changed_configuration_stays(tmp_path):
    world = world_of(tmp_path, "deb", "nothing")
    conf = "etc/app.conf"
    world.module.files = {"app.deb": world.package("app", "1", {conf: b"old"}, conffiles=(conf,))}
    world.module.install()
    world.module.commit()
    (world.place / conf).write_text("changed by hand")
    world.old = world.seen()
    world.module.files = {"app.deb": world.package("app", "2", {conf: b"new"}, conffiles=(conf,))}
    world.module.install()
    assert (world.place / conf).read_text() == "changed by hand"
    world.module.take_back()
    assert (world.place / conf).read_text() == "changed by hand" and ("app", "1") in world.installed()


@pytest.mark.skipif(bool(reason_to_skip("deb")), reason=str(reason_to_skip("deb")))
def test_dpkg_is_killed_before_it_notes_whose_files_they_are(tmp_path, striker):
    """From the first file under its temporary name to the last under its own: a purge knows of none of them."""
    def world(name):
        world = WORLDS["deb"](tmp_path / name, "nothing")
        world.module.prepare()
        world.module.download()
        return world
    for name in ("counted", "first", "last"):
        (tmp_path / name).mkdir()
    log = tmp_path / "log"
    world("counted").module.ok("ArtifactInstall", striker.count(log))
    calls = [line.split(maxsplit=3) for line in log.read_text().splitlines() if "/usr/share/app/" in line]
    opened = [int(call[0]) for call in calls if call[2].startswith("open")]
    renamed = [int(call[0]) for call in calls if call[2] == "rename"]
    for name, number in (("first", opened[0] + 1), ("last", renamed[-1] + 1)):
        struck = world(name)
        assert struck.module.call("ArtifactInstall", striker.kill(number)).returncode != 0
        assert look(struck.place / "usr/share/app"), f"killed at call {number}: nothing was there yet"
        struck.take_back()
        assert struck.is_old(), struck.differences()
