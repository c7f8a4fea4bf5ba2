# SPDX-License-Identifier: Apache-2.0
"""Every module that can take an update back, through every way an update may go: module x what was there before x
{installed, refused, taken back before and after the commit, killed at each call that changes a file system, no room from
each such call on, a full disk, a disk only for reading}. What a way must leave is said once, here; what the module's
world looks like, in tests/support/module_world.py."""

import re

import pytest
from support.module import Failed, spread
from support.module_world import EACH, WORLDS

pytestmark = pytest.mark.shows("I4-MS6")
SPREAD = True  # no case shares anything with another
WAYS = pytest.mark.parametrize("name,before", EACH)


def world_of(folder, name, before, **places):
    folder.mkdir(exist_ok=True)
    return WORLDS[name](folder, before, **places)


@WAYS
def test_installed_and_kept(tmp_path, name, before):
    world = world_of(tmp_path, name, before)
    world.module.install()
    assert world.is_new(), world.seen()
    world.keep()
    assert world.is_new() and not leftovers(world)


def leftovers(world):
    return [path for path in world.place.rglob("*") if "rota-" in path.name]


@WAYS
def test_installed_and_taken_back(tmp_path, name, before):
    world = world_of(tmp_path, name, before)
    world.module.install()
    assert world.is_new()
    world.take_back()
    assert world.is_old(), world.differences()


@WAYS
def test_taken_back_before_install_and_again_after_it(tmp_path, name, before):
    """A script before Install fails: rollback without an install. The next update goes well all the same."""
    world = world_of(tmp_path, name, before)
    world.module.prepare()
    world.module.download()
    world.take_back()
    assert world.is_old()
    world.module.install()
    assert world.is_new()
    world.take_back()
    assert world.is_old()


@WAYS
def test_taken_back_after_commit(tmp_path, name, before):
    """What can be undone is kept until Cleanup: of several payloads the next one's commit may fail."""
    world = world_of(tmp_path, name, before)
    world.module.install()
    world.commit()
    world.take_back()
    assert world.is_old(), world.differences()


@WAYS
def test_after_cleanup_nothing_is_taken_back(tmp_path, name, before):
    world = world_of(tmp_path, name, before)
    world.module.install()
    world.keep()
    kept = world.seen()
    world.module.prepare()
    world.module.download()
    world.take_back()
    assert not world.differences(kept)


@WAYS
def test_a_payload_that_cannot_be_installed(tmp_path, name, before):
    world = world_of(tmp_path, name, before)
    world.spoil()
    with pytest.raises(Failed) as failure:
        world.module.install()
    assert failure.value.done.stderr.strip(), "it fails without a word"
    world.take_back()
    assert world.is_old(), world.differences()


def moments(striker, request, tmp_path, name, before, prepare):
    """A fresh world for each moment at which a call can be struck: (number of the call, world, state)."""
    world = world_of(tmp_path / "counted", name, before)
    state = prepare(world)
    world.module.ok(state, striker.count())
    count = striker.calls()
    assert count > 0 or state == "Cleanup", f"{state}: no call was seen"
    numbers = spread(count, None if request.config.getoption("--long") else world.moments_in_ci)
    for number in numbers:
        yield number, world_of(tmp_path / str(number), name, before), state
    print(f"{name}, {before}, {state}: {len(numbers)} of {count} moments")


def downloaded(world):
    world.module.prepare()
    world.module.download()
    return "ArtifactInstall"


def installed(world):
    downloaded(world)
    world.module.ok("ArtifactInstall")
    return "ArtifactRollback"


def committed(world):
    installed(world)
    world.commit()
    return "Cleanup"


@WAYS
@pytest.mark.parametrize("prepare", [downloaded, installed], ids=["in install", "in rollback"])
def test_killed_at_each_call(tmp_path, striker, request, name, before, prepare):
    for number, world, state in moments(striker, request, tmp_path, name, before, prepare):
        prepare(world)
        done = world.module.call(state, striker.kill(number))
        assert done.returncode != 0, f"call {number} was not reached"
        assert world.is_whole(), f"killed at call {number}: neither old nor new: {world.seen()}"
        world.take_back()
        assert world.is_old(), f"killed at call {number}: {world.differences()}"


@WAYS
def test_killed_in_cleanup(tmp_path, striker, request, name, before):
    for number, world, state in moments(striker, request, tmp_path, name, before, committed):
        committed(world)
        world.module.call(state, striker.kill(number))
        world.module.clean_up()
        assert world.is_new() and not leftovers(world), f"killed at call {number}"


@WAYS
def test_no_room_from_each_call_on(tmp_path, striker, request, name, before):
    """The install fails with words, or it did not need that room; the way back has room again."""
    failed = 0
    for number, world, state in moments(striker, request, tmp_path, name, before, downloaded):
        downloaded(world)
        done = world.module.call(state, striker.full(number))
        if done.returncode == 0:
            assert world.is_new(), f"no room from call {number} on: said to be installed, and is not: {done.stderr}"
        else:
            failed += 1
            assert done.stderr.strip(), f"no room from call {number} on: it fails without a word"
            assert world.is_whole()
        world.take_back()
        assert world.is_old(), f"no room from call {number} on: {world.differences()}"
    assert failed > 0, "there was always room enough"


@WAYS
@pytest.mark.parametrize("room_kib", [0, 8])
def test_a_full_disk(tmp_path, small_disk, name, before, room_kib):
    """A real one below the target: nothing is lost, and the way back needs no room where files are but renamed."""
    disk = small_disk(WORLDS[name].disk_kib)
    world = world_of(tmp_path, name, before, place=disk.path)
    disk.fill(room_kib)
    try:
        world.module.install()
    except Failed as failure:
        assert re.search("No space left|disk is full|on the .* filesystem", failure.done.stdout + failure.done.stderr)
    else:
        assert world.is_new()
    if world.way_back_needs_room:
        disk.empty()
    else:
        disk.fill()
    world.take_back()
    assert world.is_old(), world.differences()


@WAYS
def test_data_is_full(tmp_path, small_disk, name, before):
    """DATA without room for a single note: nothing is touched."""
    disk = small_disk(WORLDS[name].disk_kib)
    world = world_of(tmp_path, name, before, data=disk.path / "data")
    world.module.prepare()
    world.module.download()
    disk.fill()
    done = world.module.call("ArtifactInstall")
    if done.returncode == 0:
        assert world.is_new()
    else:
        assert done.stderr.strip() and world.is_whole()
    world.take_back()
    assert world.is_old()


@WAYS
@pytest.mark.parametrize("which", ["place", "data"])
def test_a_disk_only_for_reading(tmp_path, small_disk, name, before, which):
    """As the kernel leaves one on which it found a fault. Nothing is touched, and nothing has to be taken back."""
    disk = small_disk(WORLDS[name].disk_kib)
    world = world_of(tmp_path, name, before, **{which: disk.path / ("data" if which == "data" else "")})
    world.module.prepare()
    world.module.download()
    disk.only_for_reading(True)
    done = world.module.call("ArtifactInstall")
    assert done.returncode != 0 or which == "data" and world.is_new(), "nothing can have been installed"
    if done.returncode != 0:
        assert done.stderr.strip(), "it fails without a word"
        assert world.is_whole(), world.differences()
    if which == "place" and not world.way_back_needs_room:
        world.module.ok("ArtifactRollback")
        assert world.is_old(), world.differences()
    disk.only_for_reading(False)
    world.take_back()
    assert world.is_old(), world.differences()
