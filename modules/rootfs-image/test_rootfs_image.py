# SPDX-License-Identifier: Apache-2.0
"""What is special about rootfs-image: which partition is written and what is refused, what a boot loader may do meanwhile,
and that what is right on the disk is not written again."""

import os
import stat
import subprocess

import pytest
from support.module import Failed, Module, spread
from support.module_world import RootfsImageWorld, reason_to_skip
from support.slots import PART_SIZE

pytestmark = [pytest.mark.shows("I4-MS6", "F4"),
              pytest.mark.skipif(bool(reason_to_skip("rootfs-image")), reason=str(reason_to_skip("rootfs-image")))]


@pytest.fixture
def world(tmp_path):
    return RootfsImageWorld(tmp_path, "U-Boot")


def download(world, **options):
    world.module.prepare()
    world.module.download(**options)


def untouched(world):
    return world.is_old() and world.slots.parts[3].read_bytes() == bytes([3]) * PART_SIZE


def test_answers(world):
    module = world.module.prepare()
    assert module.ask("SupportsRollback") == "Yes" and module.ask("NeedsArtifactReboot") == "Automatic"
    assert module.ask("ProvidePayloadFileSizes") == "Yes" and module.ok("NoSuchState") == ""
    with pytest.raises(Failed, match="must tell the size"):
        module.ok("Download")


def test_nothing_is_stored_on_the_way(world):
    download(world)
    assert list((world.module.tree / "files").iterdir()) == [] and world.is_old()
    assert world.slots.parts[3].read_bytes() == world.NEW + bytes([3]) * (PART_SIZE - len(world.NEW))


def test_back_and_forth(world):
    """Two updates: the second one is written over what the first one left."""
    world.module.install()
    world.keep()
    world.module.files = {"system.img": bytes(100)}
    world.module.install()
    assert world.slots.record()["mender_boot_part"] == 2 == world.slots.record()["mender_boot_part_hex"]
    world.slots.reboot()
    world.module.ok("ArtifactVerifyReboot")
    world.module.commit()
    assert world.slots.running == 2 and world.slots.parts[2].read_bytes().startswith(bytes(100) + bytes([2]))


def slot_write(world, words):
    """A module that does no more than `words`, with `rota-agent` on its PATH."""
    path = world.folder / "slot-write"
    path.write_text(f"#!/bin/sh\n{words}\n")
    path.chmod(0o755)
    return Module(path, world.folder / "other-data", {}, environment=world.module.environment).prepare()


def test_what_is_right_is_not_written_again(world):
    download(world)
    image = bytearray(world.NEW)
    image[1 << 20] ^= 1
    (world.folder / "image").write_bytes(image)
    writer = slot_write(world, f"rota-agent slot write <{world.folder}/image")
    assert f"{len(image)} bytes, {1 << 20} of them new" in writer.ok("ArtifactInstall")
    assert f"{len(image)} bytes, 0 of them new" in writer.ok("ArtifactInstall")
    assert world.slots.parts[3].read_bytes().startswith(bytes(image))


@pytest.mark.parametrize("size,message", [(PART_SIZE + 1, "takes 3149824"), (0, "ended after 0 bytes")])
def test_images_that_do_not_fit(world, size, message):
    world.module.files = {"system.img": bytes(size)}
    with pytest.raises(Failed, match=message):
        download(world)
    world.module.clean_up()
    assert untouched(world)


def test_an_image_that_just_fits(world):
    world.module.files = {"system.img": bytes(PART_SIZE)}
    world.module.install()
    assert world.slots.parts[3].read_bytes() == bytes(PART_SIZE)


@pytest.mark.parametrize("size", ["5", "3000000", "99999999"])
def test_a_stream_of_another_size(world, size):
    """Less or more than was told: the boot loader never hears of it."""
    program = slot_write(world, f"printf 123456 | rota-agent slot write --size {size}")
    with pytest.raises(Failed, match="ended after 6 bytes|takes 3149824"):
        program.ok("ArtifactInstall")
    assert world.is_old()


def test_the_line_dies(world):
    download_dies = {"break_after": 1 << 20}
    with pytest.raises(Failed):
        download(world, **download_dies)
    world.module.clean_up()
    assert world.is_old()
    world.module.install()
    assert world.is_new()


def test_more_than_one_file(world):
    world.module.files["second"] = b"x"
    with pytest.raises(Failed, match="more than one file"):
        download(world)
    assert world.is_old()


def break_command_line(world):
    world.slots.running = 5


def break_agreement(world):
    world.slots.running = 3


def break_by_trial(world):
    world.slots.set(upgrade_available=1)


def break_loader(world):
    for path in (world.place / "usr/bin").iterdir():
        path.unlink()


def break_record(world):
    world.slots.environment.write_text("upgrade_available=0\nbootcount=0\n")


def break_parts(world):
    world.slots.configure(RootfsPartB="/dev/part2")


def break_number(world):
    (world.place / "dev/part").write_bytes(b"x")
    world.slots.configure(RootfsPartB="/dev/part")


def break_device(world):
    os.mkfifo(world.place / "dev/part7")
    world.slots.configure(RootfsPartB="/dev/part7")


@pytest.mark.parametrize("spoil,message", [
    (break_command_line, "not known which partition runs"), (break_agreement, "the boot loader starts partition 2"),
    (break_by_trial, "waits for its commit"), (break_loader, "no boot loader is known"),
    (break_record, "mender_boot_part is missing|exited with 1"), (break_parts, "the same partition"),
    (break_number, "does not end in a number"), (break_device, "no block device"),
])
def test_machines_that_are_not_touched(world, spoil, message):
    spoil(world)
    record = world.slots.environment.read_bytes()
    with pytest.raises(Failed, match=message):
        download(world)
    assert world.slots.environment.read_bytes() == record
    assert world.slots.parts[3].read_bytes() == bytes([3]) * PART_SIZE
    assert world.slots.parts[2].read_bytes() == bytes([2]) * PART_SIZE


@pytest.mark.parametrize("fault,message", [("fails", "exited with 1"), ("forgets", "another record is read back")])
def test_a_boot_loader_that_does_not_take_the_record(world, fault, message):
    download(world)
    mark = world.place / f"boot/env.{fault}"
    mark.touch()
    with pytest.raises(Failed, match=message):
        world.module.ok("ArtifactInstall")
    assert world.is_old()
    mark.unlink()
    world.take_back()
    assert world.is_old()


def test_the_boot_loader_goes_back_by_itself(world):
    """The new system did not come up: the second start is the old one's."""
    world.module.install()
    world.slots.reboot()
    assert world.slots.running == 3
    world.slots.reboot()
    assert world.slots.running == 2
    for state in ("ArtifactVerifyReboot", "ArtifactCommit"):
        with pytest.raises(Failed, match="the boot loader went back"):
            world.module.ok(state)
    world.take_back()
    assert world.is_old()


def test_back_from_the_new_system(world):
    world.module.install()
    world.slots.reboot()
    world.module.ok("ArtifactVerifyReboot")
    assert world.slots.running == 3
    world.take_back()
    assert world.is_old()


def test_back_after_commit(world):
    """Another payload of the same artifact failed."""
    world.module.install()
    world.slots.reboot()
    world.module.ok("ArtifactCommit")
    world.take_back()
    assert world.is_old()


def test_commit_without_a_reboot_is_refused(world):
    world.module.install()
    with pytest.raises(Failed, match="the boot loader starts partition 3"):
        world.module.ok("ArtifactCommit")
    with pytest.raises(Failed, match="the boot loader starts partition 3"):
        world.module.ok("ArtifactVerifyReboot")


def test_an_update_that_another_client_began_is_taken_back(world):
    """A client before modules kept nothing in the tree; the record alone says what is tried."""
    world.slots.set(mender_boot_part=3, mender_boot_part_hex=3, upgrade_available=1, bootcount=0)
    world.slots.reboot()
    world.module.prepare()
    world.take_back()
    assert world.is_old()


def test_killed_while_the_image_is_written(world, striker, request):
    """The running system and the record are never touched; the next try goes well."""
    world.module.prepare()
    world.module.download(striker.count())
    count = striker.calls()
    assert count > 3
    for number in spread(count, None if request.config.getoption("--long") else 5):
        world.slots.parts[3].write_bytes(bytes([3]) * PART_SIZE)
        with pytest.raises((Failed, AssertionError)):
            download(world, environment=striker.kill(number))
        world.module.clean_up()
        assert world.is_old(), f"killed at call {number}"
    world.module.install()
    assert world.is_new()


def test_links_to_partitions_are_followed(world):
    (world.place / "dev/disk").mkdir()
    (world.place / "dev/disk/other").symlink_to("../part3")
    world.slots.configure(RootfsPartB="/dev/disk/other")
    world.module.install()
    assert world.is_new() and stat.S_ISLNK((world.place / "dev/disk/other").lstat().st_mode)


# --- Real block devices ---

def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def block_world(tmp_path):
    """The same machine, its partitions loop devices."""
    devices = []
    world = RootfsImageWorld(tmp_path, "GRUB")
    try:
        for number, path in world.slots.parts.items():
            content = path.with_name(f"content{number}")
            path.rename(content)
            devices.append(run("losetup", "--show", "-f", content))
            os.mknod(path, 0o660 | stat.S_IFBLK, os.stat(devices[-1]).st_rdev)
        world.old = world.seen()
        yield world
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no loop devices here: {error} {getattr(error, 'stderr', '')}")
    finally:
        for device in devices:
            run("losetup", "-d", device)


def on_the_disk(world, number):
    """What is behind the device, past every cache of it."""
    run("blockdev", "--flushbufs", world.slots.parts[number])
    return world.slots.parts[number].with_name(f"content{number}").read_bytes()


def test_on_block_devices(block_world):
    world = block_world
    world.module.install()
    # The read-back went past the page cache: the bytes are behind the device by now.
    content = world.slots.parts[3].with_name("content3").read_bytes()
    assert content == world.NEW + bytes([3]) * (PART_SIZE - len(world.NEW))
    assert world.is_new()
    world.keep()
    assert world.slots.running == 3 and on_the_disk(world, 2) == bytes([2]) * PART_SIZE


def test_taken_back_on_block_devices(block_world):
    world = block_world
    world.module.install()
    world.take_back()
    assert world.is_old() and on_the_disk(world, 2) == bytes([2]) * PART_SIZE


@pytest.mark.parametrize("size", [PART_SIZE, PART_SIZE + 1])
def test_to_the_last_byte_of_a_block_device(block_world, size):
    block_world.module.files = {"system.img": bytes(size)}
    if size == PART_SIZE:
        block_world.module.install()
        assert on_the_disk(block_world, 3) == bytes(size)
        return
    with pytest.raises(Failed, match=f"takes {PART_SIZE}"):
        block_world.module.install()
    assert on_the_disk(block_world, 3) == bytes([3]) * PART_SIZE


def test_a_partition_that_is_mounted_is_not_written(block_world, tmp_path):
    """Somebody looks into the other system, say."""
    world, mounted = block_world, tmp_path / "mounted"
    mounted.mkdir()
    run("mkfs.ext4", "-q", "-F", world.slots.parts[3])
    run("mount", "-o", "ro", world.slots.parts[3], mounted)
    before = on_the_disk(world, 3)
    try:
        with pytest.raises(Failed, match="busy"):
            world.module.install()
        world.take_back()
    finally:
        run("umount", mounted)
    assert world.is_old() and on_the_disk(world, 3) == before


def test_a_partition_that_cannot_be_written(block_world):
    run("blockdev", "--setro", block_world.slots.parts[3])
    try:
        with pytest.raises(Failed, match="Operation not permitted|Read-only|Permission denied"):
            block_world.module.install()
    finally:
        run("blockdev", "--setrw", block_world.slots.parts[3])
    assert block_world.is_old() and on_the_disk(block_world, 3) == bytes([3]) * PART_SIZE
