# SPDX-License-Identifier: Apache-2.0
"""rota-artifact inside images: cp and cat, on plain ext4 images, on images with partitions and in artifacts.
Judges that are not ours: e2fsck, debugfs, mtools, mender-artifact. How file systems are changed: src/image/*-test.c."""

import hashlib
import json
import os
import pathlib
import subprocess

import pytest

KEYS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts/keys"
MIB = 1024 * 1024
PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"
LAYOUT = """label: {label}
start=2048, size=12M, type={fat}
size=12M, type={linux}
size=12M, type={linux}
size=12M, type={linux}
"""
TYPES = {"dos": ("c", "83"), "gpt": ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "0FC63DAF-8483-4772-8E79-3D69D8477DE4")}


def system(*words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, timeout=120,
                          env={**os.environ, "PATH": PATH}, **more)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def debugfs(image, command):
    return system("debugfs", "-R", command, image)


def assert_clean(image):
    system("e2fsck", "-fn", image)


@pytest.fixture
def tool(bin, tmp_path):
    """tool(*words, expect=0) runs rota-artifact in a folder of its own."""
    def run(*words, expect=0, env=None, **more):
        done = subprocess.run([bin / "rota-artifact", *map(str, words)], capture_output=True, timeout=120, cwd=tmp_path,
                              env={**os.environ, "PATH": PATH, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def real(peers, tmp_path):
    def run(*words, expect=0):
        done = subprocess.run([peers / "usr/bin/mender-artifact", *map(str, words)], capture_output=True, timeout=120,
                              cwd=tmp_path, env={**os.environ, "PATH": PATH})
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def image(tmp_path):
    """An ext4 image with a root file system in little."""
    tree = tmp_path / "tree"
    (tree / "etc/mender").mkdir(parents=True)
    (tree / "usr/bin").mkdir(parents=True)
    (tree / "etc/hello").write_text("hello\n")
    (tree / "etc/mender/artifact_info").write_text("artifact_name=old\n")
    (tree / "etc/mender/mender.conf").write_text('{"ServerURL":"https://old.example","RetryPollIntervalSeconds":30}\n')
    (tree / "usr/bin/link").symlink_to("/etc/hello")
    path = tmp_path / "root.img"
    system("mke2fs", "-q", "-F", "-t", "ext4", "-d", tree, path, "12M")
    return path


@pytest.fixture(params=["dos", "gpt"])
def disk(request, image, tmp_path):
    """An image with boot (FAT), two root file systems and data."""
    path = tmp_path / ("disk.sdimg" if request.param == "dos" else "disk.uefiimg")
    with path.open("wb") as file:
        file.truncate(52 * MIB)
    fat, linux = TYPES[request.param]
    system("sfdisk", "-q", path, input=LAYOUT.format(label=request.param, fat=fat, linux=linux).encode())
    boot, data = tmp_path / "boot.fat", tmp_path / "data.ext4"
    system("mkfs.vfat", "-C", boot, 12 * 1024)
    system("mke2fs", "-q", "-F", "-t", "ext4", data, "12M")
    with path.open("r+b") as file:
        for index, part in enumerate([boot, image, image, data]):
            file.seek((1 + 12 * index) * MIB)
            file.write(part.read_bytes())
    return path


def part_of(disk, index, tmp_path):
    """One partition of the image, as a file of its own."""
    path = tmp_path / f"part{index}"
    path.write_bytes(disk.read_bytes()[(1 + 12 * index) * MIB:(13 + 12 * index) * MIB])
    return path


@pytest.fixture
def artifact(tool, image, tmp_path):
    path = tmp_path / "a.mender"
    tool("write", "rootfs-image", "-n", "release-1", "-t", "ecu", "-f", image, "-o", path)
    return path


@pytest.fixture
def blob(tmp_path):
    """Large enough for many extents, with a hole, and not a number of blocks."""
    path = tmp_path / "blob"
    noise = b"".join(hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(30000))
    path.write_bytes(noise + bytes(MIB) + noise + b"end")
    path.chmod(0o754)
    return path


def payload_of(artifact, tmp_path):
    """The image in an artifact, taken out without our own code."""
    archive = [name for name in system("tar", "tf", artifact).decode().split() if name.startswith("data/")]
    inner = tmp_path / "payload.tar"
    inner.write_bytes(system("tar", "xOf", artifact, archive[0]))
    out = tmp_path / "payload.img"
    out.write_bytes(system("tar", "xOf", inner))
    return out


def test_into_a_plain_image_and_out(tool, image, blob, tmp_path):
    tool("cp", blob, f"{image}:/etc/")
    tool("cp", f"{image}:/etc/blob", "copy")
    assert (tmp_path / "copy").read_bytes() == blob.read_bytes()
    assert (tmp_path / "copy").stat().st_mode & 0o7777 == 0o754
    assert_clean(image)
    stat = debugfs(image, "stat /etc/blob").decode()
    assert "Mode:  0754" in stat and "User:     0   Group:     0" in stat
    assert tool("cat", f"{image}:/etc/blob").stdout == blob.read_bytes()


def test_links_inside_the_image(tool, image, blob, tmp_path):
    assert tool("cat", f"{image}:/usr/bin/link").stdout == b"hello\n"
    assert tool("cat", f"{image}:/../../usr/bin/../bin/link").stdout == b"hello\n"
    tool("cp", blob, f"{image}:/usr/bin/link")
    assert tool("cat", f"{image}:/etc/hello").stdout == b"hello\n"
    assert tool("cat", f"{image}:/usr/bin/link").stdout == blob.read_bytes()
    assert_clean(image)


def test_partitions(tool, disk, blob, tmp_path):
    tool("cp", blob, f"{disk}:/uboot/one")
    tool("cp", blob, f"{disk}:/boot/efi/two")
    tool("cp", blob, f"{disk}:/data/three")
    tool("cp", blob, f"{disk}:/etc/four")
    assert tool("cat", f"{disk}:/boot/grub/one").stdout == blob.read_bytes()
    assert tool("cat", f"{disk}:/data/three").stdout == blob.read_bytes()
    boot, first, second, data = (part_of(disk, index, tmp_path) for index in range(4))
    for part in (first, second, data):
        assert_clean(part)
    for part, path in ((first, "/etc/four"), (second, "/etc/four"), (data, "/three")):
        assert debugfs(part, f"cat {path}") == blob.read_bytes()
    assert system("mcopy", "-n", "-i", boot, "::/two", "-") == blob.read_bytes()


def test_an_artifact(tool, real, artifact, blob, tmp_path):
    artifact.chmod(0o640)
    tool("cp", blob, f"{artifact}:/etc/blob")
    assert artifact.stat().st_mode & 0o7777 == 0o640
    tool("validate", artifact)
    real("validate", artifact)
    payload = payload_of(artifact, tmp_path)
    assert_clean(payload)
    assert debugfs(payload, "cat /etc/blob") == blob.read_bytes()
    sum = hashlib.sha256(payload.read_bytes()).hexdigest()
    assert json.loads(tool("read", "--json", artifact).stdout)["payloads"][0]["provides"]["rootfs-image.checksum"] == sum
    real("cp", f"{artifact}:/etc/blob", "copy")
    assert (tmp_path / "copy").read_bytes() == blob.read_bytes()


def test_from_the_standard_input(tool, real, artifact):
    tool("cp", "-", f"{artifact}:/etc/motd", input=b"welcome\n")
    assert real("cat", f"{artifact}:/etc/motd").stdout == b"welcome\n"


def test_a_signature_is_never_dropped_unasked(tool, artifact, blob):
    tool("sign", "-k", KEYS / "p256.key.pem", artifact)
    before = artifact.read_bytes()
    done = tool("cp", blob, f"{artifact}:/etc/blob", expect=1)
    assert b"--key" in done.stderr and b"--drop-signature" in done.stderr
    assert artifact.read_bytes() == before
    tool("cp", "-k", KEYS / "p256.key.pem", blob, f"{artifact}:/etc/blob")
    tool("validate", "-k", KEYS / "p256.pub.pem", artifact)
    tool("cp", "--drop-signature", blob, f"{artifact}:/etc/blob")
    tool("validate", artifact)


REFUSALS = [
    (["cat"], b""),
    (["cat", "no-image"], b"does not seem to be a valid image"),
    (["cat", "root.img"], b"a path in the image is needed"),
    (["cat", "root.img:"], b"please name a path"),
    (["cat", "root.img:/nowhere"], b"does not exist in the image"),
    (["cat", "root.img:/no/where"], b"the folder no does not exist"),
    (["cat", "root.img:/etc"], b"is a folder"),
    (["cat", "missing.img:/etc"], b"cannot open missing.img"),
    (["cp", "a", "b"], b"no artifact or sdimage provided"),
    (["cp", "a"], b"must be named"),
    (["cp", "missing", "root.img:/etc/"], b"open missing"),
    (["cp", "tree", "root.img:/etc/"], b"not a regular file"),
    (["cp", "blob", "root.img:/etc"], b"is a folder in the image"),
    (["cp", "blob", "root.img:/no/file"], b"the folder no does not exist"),
    (["cp", "-", "root.img:/etc/"], b"has no name"),
    (["cp", "blob", "a.mender:/data/x"], b"has no data partition"),
    (["cp", "blob", "a.mender:/boot/efi/x"], b"has no boot partition"),
]


@pytest.mark.parametrize("words, message", REFUSALS)
def test_refusals(tool, image, artifact, blob, words, message):
    before = image.read_bytes(), artifact.read_bytes()
    assert message in tool(*words, expect=1, input=b"").stderr
    assert (image.read_bytes(), artifact.read_bytes()) == before


def test_no_room_in_the_image(tool, image, tmp_path):
    (tmp_path / "huge").write_bytes(b"x" * 16 * MIB)
    before = image.read_bytes()
    assert b"the file system in the image is full" in tool("cp", "huge", f"{image}:/etc/", expect=1).stderr
    assert image.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["huge", "root.img", "tree"]
