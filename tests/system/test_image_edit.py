# SPDX-License-Identifier: Apache-2.0
"""rota-artifact inside images: cp, cat, install, rm and modify, on plain ext4 images, on images with partitions and in artifacts.
Judges that are not ours: e2fsck, debugfs, mtools, mender-artifact. How file systems are changed: src/image/*-test.c."""

import gzip
import hashlib
import io
import json
import os
import pathlib
import signal
import subprocess
import tarfile
import time

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KEYS = VECTORS / "keys"
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


def test_an_image_into_an_image(tool, image, tmp_path):
    """A source whose name is an image's is a file like any other."""
    (tmp_path / "small.img").write_bytes(b"image")
    tool("cp", "small.img", f"{image}:/etc/")
    assert debugfs(image, "cat /etc/small.img") == b"image"


def test_what_is_told_as_json(tool, image, blob, tmp_path):
    lines = [(["cp", blob, "root.img:/etc/"], "to"), (["cp", "root.img:/etc/blob", "out"], "to"),
             (["install", "-m", "0644", blob, "root.img:/etc/"], "installed"), (["rm", "root.img:/etc/blob"], "removed"),
             (["modify", "-n", "x", "root.img"], "modified")]
    for words, key in lines:
        told = json.loads(tool(*words, "--json").stdout)
        assert told[key] == str(words[-1])
    assert json.loads(tool("cat", "--json", "root.img:/etc/hello").stderr) == {"path": "/etc/hello", "size": 6}
    assert "error" in json.loads(tool("rm", "--json", "root.img:/nowhere", expect=1).stdout)


def test_holes_stay_holes(tool, image, tmp_path):
    with (tmp_path / "sparse").open("wb") as file:
        file.write(b"start")
        file.truncate(1024 * MIB)
    tool("cp", "sparse", f"{image}:/etc/")
    assert_clean(image)
    assert image.stat().st_size == 12 * MIB
    tool("cp", f"{image}:/etc/sparse", "copy")
    copy = tmp_path / "copy"
    assert copy.stat().st_size == 1024 * MIB and copy.stat().st_blocks < 1000
    assert copy.open("rb").read(6) == b"start\0"


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
    (["install"], b"must be named"),
    (["install", "-d"], b"must be named"),
    (["install", "blob", "root.img:/etc/x"], b"File permissions needs to be set"),
    (["install", "-m", "0999", "blob", "root.img:/etc/x"], b"not permission bits in octal"),
    (["install", "-m", "0644", "blob", "nowhere"], b"No artifact or sdimg provided"),
    (["install", "-d", "root.img:/etc/hello"], b"is not a folder"),
    (["rm"], b"must be named"),
    (["rm", "nowhere"], b"does not have a valid extension"),
    (["rm", "root.img:/nowhere"], b"does not exist in the image"),
    (["rm", "root.img:/etc"], b"the folder is not empty"),
    (["rm", "root.img:/etc/"], b"the folder is not empty"),
    (["rm", "-r", "root.img:/"], b"cannot be removed"),
    (["modify"], b"nothing specified"),
    (["modify", "missing.img"], b"cannot open missing.img"),
    (["modify", "-N", "a", "root.img"], b"`--artifact-name-depends` argument must be used with an Artifact"),
    (["modify", "-p", "a:b", "root.img"], b"`--provides` argument must be used with an Artifact"),
    (["modify", "-p", "ab", "a.mender"], b"not of the form KEY:VALUE"),
    (["modify", "-n", "two words", "a.mender"], b"blanks"),
    (["modify", "-v", "missing", "a.mender"], b"open missing"),
    (["modify", "-m", "blob", "a.mender"], b"blob"),
    (["modify", "--compression", "bogus", "a.mender"], b"--compression"),
    (["modify", "-k", "blob", "a.mender"], b"blob"),
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


# --- install and rm ---

def test_install(tool, artifact, image, blob, tmp_path):
    for place in (artifact, image):
        tool("install", "-m", "4711", blob, f"{place}:/usr/bin/tool")
        tool("install", "-m", "0600", blob, f"{place}:/etc/")
        tool("install", "-d", f"{place}:/var/lib/deep")
        tool("install", "-d", "-m", "0700", f"{place}:/var/lib/deep/")
    for inside in (payload_of(artifact, tmp_path), image):
        assert_clean(inside)
        assert "Mode:  04711" in debugfs(inside, "stat /usr/bin/tool").decode()
        assert "Mode:  0600" in debugfs(inside, "stat /etc/blob").decode()
        assert "Mode:  0755" in debugfs(inside, "stat /var/lib").decode()
        assert "Mode:  0700" in debugfs(inside, "stat /var/lib/deep").decode()
        assert debugfs(inside, "cat /usr/bin/tool") == blob.read_bytes()


def test_rm(tool, artifact, image, tmp_path):
    for place in (artifact, image):
        tool("rm", f"{place}:/usr/bin/link")
        tool("rm", f"{place}:/usr/bin/")
        tool("rm", "-r", f"{place}:/etc/mender")
        tool("rm", f"{place}:/etc/hello")
    for inside in (payload_of(artifact, tmp_path), image):
        assert_clean(inside)
        left = debugfs(inside, "ls -p /").decode() + debugfs(inside, "ls -p /usr").decode() + debugfs(inside, "ls -p /etc").decode()
        assert "/usr/" in left and not any(name in left for name in ("/hello/", "/mender/", "/bin/"))


def test_folders_on_fat(tool, disk, blob, tmp_path):
    tool("install", "-d", f"{disk}:/uboot/loader/entries")
    tool("install", "-m", "0644", blob, f"{disk}:/boot/efi/loader/entries/")
    boot = part_of(disk, 0, tmp_path)
    assert system("mcopy", "-n", "-i", boot, "::/loader/entries/blob", "-") == blob.read_bytes()
    assert b"the folder is not empty" in tool("rm", f"{disk}:/uboot/loader", expect=1).stderr
    tool("rm", "-r", f"{disk}:/uboot/loader")
    assert b"does not exist" in tool("rm", f"{disk}:/uboot/loader", expect=1).stderr
    system("fsck.vfat", "-n", part_of(disk, 0, tmp_path))


# --- modify ---

def modified_file(image, path):
    return debugfs(image, f"cat {path}").decode()


def assert_facts(inside):
    assert_clean(inside)
    assert modified_file(inside, "/etc/mender/artifact_info") == "artifact_name=release-2"
    conf = json.loads(modified_file(inside, "/etc/mender/mender.conf"))
    assert conf == {"ServerURL": "https://new.example", "TenantToken": "token", "RetryPollIntervalSeconds": 30}
    assert modified_file(inside, "/etc/mender/server.crt") == "certificate"
    assert modified_file(inside, "/etc/mender/artifact-verify-key.pem") == "key"


@pytest.fixture
def facts(tmp_path):
    (tmp_path / "crt").write_text("certificate")
    (tmp_path / "key").write_text("key")
    return ["-n", "release-2", "-u", "https://new.example", "-t", "token", "-c", tmp_path / "crt", "-v", tmp_path / "key"]


def test_modify_files_of_an_image(tool, image, disk, artifact, facts, tmp_path):
    for place in (image, disk, artifact):
        tool("modify", *facts, place)
    for inside in (image, part_of(disk, 1, tmp_path), part_of(disk, 2, tmp_path), payload_of(artifact, tmp_path)):
        assert_facts(inside)
    read = json.loads(tool("read", "--json", artifact).stdout)
    sum = hashlib.sha256(payload_of(artifact, tmp_path).read_bytes()).hexdigest()
    assert read["name"] == "release-2"
    assert read["payloads"][0]["provides"] == {"rootfs-image.checksum": sum, "rootfs-image.version": "release-1"}


def test_other_lines_of_artifact_info_stay(tool, image, tmp_path):
    (tmp_path / "info").write_text("artifact_group=g\nartifact_name=old\n")
    (tmp_path / "info").chmod(0o604)
    tool("cp", "info", f"{image}:/etc/mender/artifact_info")
    tool("modify", "-n", "new", image)
    assert modified_file(image, "/etc/mender/artifact_info") == "artifact_name=new\nartifact_group=g"
    assert "Mode:  0604" in debugfs(image, "stat /etc/mender/artifact_info").decode()


def test_a_configuration_behind_a_link(tool, image, tmp_path):
    tool("install", "-d", f"{image}:/data/mender")
    tool("cp", tmp_path / "tree/etc/mender/mender.conf", f"{image}:/data/mender/")
    tool("rm", f"{image}:/etc/mender/mender.conf")
    system("debugfs", "-w", "-R", "symlink /etc/mender/mender.conf /data/mender/mender.conf", image)
    tool("modify", "-u", "https://new.example", image)
    assert json.loads(modified_file(image, "/data/mender/mender.conf"))["ServerURL"] == "https://new.example"
    assert "Type: symlink" in debugfs(image, "stat /etc/mender/mender.conf").decode()
    assert_clean(image)


HEADER_CHANGES = [
    ["-n", "release-2"],
    ["--name", "release-2"],
    ["-N", "a", "-N", "b"],
    ["-g", "group"],
    ["-G", "g1", "-G", "g2"],
    ["-p", "k:v", "-p", "colon:a:b"],
    ["-d", "k:v"],
    ["--clears-provides", "x.*"],
    ["--delete-clears-provides", "artifact_group"],
    ["-m", "meta.json"],
    ["--compression", "none"],
    ["--compression", "lzma"],
    ["-u", "https://new.example"],
    ["-t", "token"],
    ["-c", "meta.json"],
    ["-v", "meta.json"],
    [],
]
WAYS = {"rootfs-image": ["write", "rootfs-image", "-f", "root.img"],
        "module-image": ["write", "module-image", "-T", "single-file", "-f", "one", "-f", "two"]}


def facts_of(text):
    """The lines of mender-artifact's report, but for what depends on the moment and on the image."""
    return [line for line in text.decode().splitlines() if "modified:" not in line and "checksum" not in line]


IMAGE_CHANGES = ("-u", "-t", "-c", "-v")
CHANGES = [(way, change) for way in WAYS for change in HEADER_CHANGES
           if way == "rootfs-image" or not change or change[0] not in IMAGE_CHANGES]


@pytest.mark.parametrize("way, change", CHANGES, ids=lambda part: part if isinstance(part, str) else "".join(part) or "nothing")
@pytest.mark.shows("I3-MS1")
@pytest.mark.shows("I3-MS2")
def test_the_same_change_by_both_tools(tool, real, image, way, change, tmp_path):
    (tmp_path / "meta.json").write_text('{"a":{"b":[1,"<"]}}')
    (tmp_path / "one").write_text("1")
    (tmp_path / "two").write_text("2")
    real(*WAYS[way], "-n", "release-1", "-t", "ecu", "-o", "theirs.mender")
    (tmp_path / "ours.mender").write_bytes((tmp_path / "theirs.mender").read_bytes())
    real("modify", *change, "theirs.mender")
    tool("modify", *change, "ours.mender")
    real("validate", "ours.mender")
    assert facts_of(real("read", "ours.mender").stdout) == facts_of(real("read", "theirs.mender").stdout)
    names = [system("tar", "tf", tmp_path / name).split() for name in ("ours.mender", "theirs.mender")]
    assert names[0] == names[1]
    if way == "rootfs-image":
        same_trees(tmp_path, *(payload_of(tmp_path / name, folder_in(tmp_path, name)) for name in
                               ("ours.mender", "theirs.mender")))


def folder_in(folder, name):
    path = folder / f"{name}.d"
    path.mkdir(exist_ok=True)
    return path


def tree_of(image, folder):
    """What is in an image: paths, modes, owners, links and content, as debugfs takes it out."""
    folder.mkdir(exist_ok=True)
    debugfs(image, f"rdump / {folder}")
    tree = {}
    for path in sorted(folder.rglob("*")):
        status, name = path.lstat(), path.relative_to(folder)
        content = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
        tree[str(name)] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
    return tree


def same_trees(folder, ours, theirs):
    assert_clean(ours)
    trees = [tree_of(image, folder / name) for image, name in ((ours, "tree-ours"), (theirs, "tree-theirs"))]
    for tree in trees:
        for path in list(tree):
            if path == "etc/mender/artifact_info":  # theirs makes 0600 of it, ours leaves it as it was
                tree[path] = tree[path][1:]
            if path == "etc/mender/mender.conf" and tree[path][3]:  # the order of the keys
                tree[path] = (*tree[path][:3], json.loads(tree[path][3]))
    assert trees[0] == trees[1]


# Not among them: a path that ends in "/", of which mender-artifact 3.9 makes the file /etc/etc.
STEPS = [
    ["cp", "blob", "IMAGE:/etc/blob"],
    ["cp", "blob", "IMAGE:/usr/bin/link"],
    ["install", "-m", "0751", "blob", "IMAGE:/usr/bin/tool"],
    ["install", "-d", "IMAGE:/var/lib/deep"],
    ["rm", "IMAGE:/etc/hello"],
    ["rm", "-r", "IMAGE:/etc/mender/"],
]


@pytest.mark.parametrize("step", STEPS, ids=" ".join)
@pytest.mark.parametrize("kind", ["img", "mender"])
@pytest.mark.shows("I3-MS1")
def test_the_same_step_by_both_tools(tool, real, image, artifact, blob, step, kind, tmp_path):
    source = image if kind == "img" else artifact
    copies = [tmp_path / f"{name}.{kind}" for name in ("ours", "theirs")]
    for run, copy in zip((tool, real), copies):
        copy.write_bytes(source.read_bytes())
        run(*(word.replace("IMAGE", copy.name) for word in step))
    if kind == "mender":
        copies = [payload_of(copy, folder_in(tmp_path, copy.name)) for copy in copies]
    same_trees(tmp_path, *copies)


@pytest.mark.shows("I3-MS1")
def test_the_same_steps_on_partitions(tool, real, disk, blob, tmp_path):
    steps = [["cp", "blob", "IMAGE:/uboot/one"], ["cp", "blob", "IMAGE:/data/two"], ["cp", "blob", "IMAGE:/etc/three"],
             ["install", "-m", "0700", "blob", "IMAGE:/usr/bin/four"], ["rm", "IMAGE:/etc/hello"],
             ["modify", "-n", "release-2", "IMAGE"], ["modify", "-u", "https://new.example", "IMAGE"]]
    copies = [tmp_path / f"{name}{disk.suffix}" for name in ("ours", "theirs")]
    for run, copy in zip((tool, real), copies):
        copy.write_bytes(disk.read_bytes())
        for step in steps:
            run(*(word.replace("IMAGE", copy.name) for word in step))
    for index in (1, 2, 3):
        folder = folder_in(tmp_path, f"part{index}")
        parts = [part_of(copy, index, folder_in(folder, copy.name)) for copy in copies]
        same_trees(folder, *parts)
    boots = [part_of(copy, 0, folder_in(tmp_path, copy.name)) for copy in copies]
    assert all(system("mcopy", "-n", "-i", boot, "::/one", "-") == blob.read_bytes() for boot in boots)
    assert copies[0].read_bytes()[:MIB] == disk.read_bytes()[:MIB]


# --- what a change keeps ---

def entries_of(path):
    """name: content of a tar"""
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}


def test_what_no_change_names_is_kept(tool, tmp_path):
    path = tmp_path / "a.mender"
    for name in ("aug-gzip", "comp-zstd_fast", "comp-lzma", "files-seven"):
        path.write_bytes((VECTORS / f"{name}.mender").read_bytes())
        before = entries_of(path)
        tool("modify", "-n", "renamed", path)
        after = entries_of(path)
        tool("validate", path)
        assert list(before) == list(after)
        data = next(entry for entry in before if entry.startswith("data/"))
        assert before[data] == after[data]
        assert json.loads(tool("read", "--json", path).stdout)["name"] == "renamed"


def test_an_augmented_part_goes_along(tool, tmp_path):
    path = tmp_path / "a.mender"
    path.write_bytes((VECTORS / "aug-gzip.mender").read_bytes())
    before = json.loads(tool("read", "--json", path).stdout)
    tool("modify", "-n", "renamed", "-N", "a", "--compression", "zstd_fast", path)
    tool("validate", path)
    after = json.loads(tool("read", "--json", path).stdout)
    assert "header-augment.tar.zst" in entries_of(path)
    assert after["payloads"][0]["files"] == before["payloads"][0]["files"]
    assert after["augmented"] == before["augmented"]


def test_scripts_are_added_and_replaced(tool, tmp_path):
    (tmp_path / "p").write_text("p")
    for name in ("ArtifactInstall_Enter_00", "ArtifactCommit_Leave_10"):
        (tmp_path / name).write_text("old")
    tool("write", "module-image", "-T", "raw", "-n", "n", "-t", "ecu", "-f", "p", "-s", "ArtifactInstall_Enter_00", "-o", "a.mender")
    (tmp_path / "ArtifactInstall_Enter_00").write_text("new")
    tool("modify", "-s", "ArtifactInstall_Enter_00", "-s", "ArtifactCommit_Leave_10", "a.mender")
    header = gzip.decompress(entries_of(tmp_path / "a.mender")["header.tar.gz"])
    with tarfile.open(fileobj=io.BytesIO(header)) as tar:
        scripts = [(member.name, tar.extractfile(member).read()) for member in tar if member.name.startswith("scripts/")]
    assert scripts == [("scripts/ArtifactCommit_Leave_10", b"old"), ("scripts/ArtifactInstall_Enter_00", b"new")]


def test_format_version_2(tool, real, image, tmp_path):
    real("write", "rootfs-image", "-v", "2", "-n", "release-1", "-t", "ecu", "-f", image, "-o", "a.mender")
    tool("modify", "-n", "release-2", "a.mender")
    tool("cp", "-", "a.mender:/etc/motd", input=b"welcome")
    real("validate", "a.mender")
    read = json.loads(tool("read", "--json", "a.mender").stdout)
    assert (read["name"], read["version"]) == ("release-2", 2)
    assert real("cat", "a.mender:/etc/motd").stdout == b"welcome"
    assert b"version 2" in tool("modify", "-N", "a", "a.mender", expect=1).stderr


def test_a_payload_without_a_file_system(tool, tmp_path):
    (tmp_path / "squashfs").write_bytes(b"hsqs" + bytes(range(256)) * 100)
    tool("write", "rootfs-image", "-n", "n", "-t", "ecu", "-f", "squashfs", "-o", "a.mender")
    tool("modify", "-n", "renamed", "a.mender")
    tool("validate", "a.mender")
    before = (tmp_path / "a.mender").read_bytes()
    for words in (["modify", "-u", "x", "a.mender"], ["cp", "squashfs", "a.mender:/x"], ["cat", "a.mender:/x"], ["rm", "a.mender:/x"]):
        assert b"neither an ext2, ext3 or ext4 nor a FAT" in tool(*words, expect=1).stderr
    assert (tmp_path / "a.mender").read_bytes() == before


def test_an_empty_payload(tool, tmp_path):
    tool("write", "bootstrap-artifact", "-n", "n", "-t", "ecu", "-o", "a.mender")
    tool("modify", "-n", "renamed", "-p", "a:b", "a.mender")
    tool("validate", "a.mender")
    assert json.loads(tool("read", "--json", "a.mender").stdout)["payloads"][0]["provides"] == {"a": "b"}


def test_the_same_change_gives_the_same_bytes(tool, artifact, blob, tmp_path):
    copies = [tmp_path / name for name in ("one.mender", "two.mender")]
    for copy in copies:
        copy.write_bytes(artifact.read_bytes())
        tool("cp", blob, f"{copy}:/etc/blob", env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert copies[0].read_bytes() == copies[1].read_bytes()


# --- what goes wrong ---

@pytest.mark.shows("I3-MS5")
def test_a_full_disk(tool, artifact, image, blob, tmp_path):
    small = tmp_path / "small"
    small.mkdir()
    system("mount", "-t", "tmpfs", "-o", "size=2m", "none", small)
    try:
        (small / "a.mender").write_bytes(artifact.read_bytes())
        before = (small / "a.mender").read_bytes()
        (tmp_path / "noise").write_bytes(os.urandom(3 * MIB))
        done = tool("cp", "noise", small / "a.mender:/etc/noise".lstrip("/"), expect=1)
        assert b"No space left on device" in done.stderr
        assert (small / "a.mender").read_bytes() == before
        assert [path.name for path in small.iterdir()] == ["a.mender"]
    finally:
        system("umount", small)


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_an_interrupted_change(bin, image, artifact, number, tmp_path):
    """Ended while the source still comes: the file is as it was, and nothing lies beside it."""
    for place in (image, artifact):
        before, names = place.read_bytes(), sorted(tmp_path.iterdir())
        process = subprocess.Popen([bin / "rota-artifact", "cp", "-", f"{place}:/etc/x"], stdin=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)})
        process.stdin.write(b"x" * MIB)
        process.stdin.flush()
        process.send_signal(number)
        process.stdin.close()
        assert process.wait(60) == -number
        assert place.read_bytes() == before
        assert sorted(tmp_path.iterdir()) == names


def kill_at(bin, words, delay_s):
    process = subprocess.Popen([bin / "rota-artifact", *map(str, words)], stderr=subprocess.DEVNULL)
    try:
        process.wait(delay_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@pytest.mark.shows("I3-MS5")
def test_killed_at_any_moment(bin, tool, artifact, blob, tmp_path):
    """The artifact is the old one or the new one, whenever the kill comes, and nothing lies beside it."""
    old, names = artifact.read_bytes(), sorted(tmp_path.iterdir())
    env = {"SOURCE_DATE_EPOCH": "1700000000"}
    started = time.monotonic()
    tool("cp", blob, f"{artifact}:/etc/blob", env=env)
    whole_s, new = time.monotonic() - started, artifact.read_bytes()
    os.environ.update(env)
    try:
        for step in range(12):
            artifact.write_bytes(old)
            kill_at(bin, ["cp", blob, f"{artifact}:/etc/blob"], whole_s * step / 11)
            assert artifact.read_bytes() in (old, new)
            assert sorted(tmp_path.iterdir()) == names
    finally:
        del os.environ["SOURCE_DATE_EPOCH"]


def test_a_journal_that_must_be_replayed(tool, image, tmp_path):
    system("debugfs", "-w", "-R", "feature needs_recovery", image)
    before = image.read_bytes()
    assert tool("cat", f"{image}:/etc/hello").stdout == b"hello\n"
    assert image.read_bytes() == before
    tool("cp", "-", f"{image}:/etc/motd", input=b"welcome")
    assert_clean(image)
    assert tool("cat", f"{image}:/etc/motd").stdout == b"welcome"


def test_what_only_the_journal_holds(tool, image, tmp_path):
    """A block that was written to the journal and not yet to its place is what a reader sees."""
    block = debugfs(image, "blocks /etc/hello").split()[0].decode()
    (tmp_path / "block").write_bytes(b"jello\n".ljust(1024, b"\0"))
    (tmp_path / "script").write_text(f"jo\njw -b {block} {tmp_path / 'block'}\njc\n")
    system("debugfs", "-w", "-f", tmp_path / "script", image)
    assert b"needs_recovery" in system("dumpe2fs", "-h", image)
    tool("write", "rootfs-image", "-n", "n", "-t", "ecu", "-f", image, "-o", "j.mender")
    assert debugfs(image, "cat /etc/hello") == b"hello\n"
    before = image.read_bytes()
    for place in (image, "j.mender"):
        assert tool("cat", f"{place}:/etc/hello").stdout == b"jello\n"
    assert image.read_bytes() == before
    tool("cp", "-", f"{image}:/etc/motd", input=b"welcome")
    assert_clean(image)
    assert debugfs(image, "cat /etc/hello") == b"jello\n"


def test_a_journal_in_a_partition(tool, disk, blob, tmp_path):
    for index in (1, 2):
        part = part_of(disk, index, tmp_path)
        system("debugfs", "-w", "-R", "feature needs_recovery", part)
        with disk.open("r+b") as file:
            file.seek((1 + 12 * index) * MIB)
            file.write(part.read_bytes())
    before = disk.read_bytes()
    assert tool("cat", f"{disk}:/etc/hello").stdout == b"hello\n"
    assert disk.read_bytes() == before
    tool("cp", blob, f"{disk}:/etc/blob")
    for index in (1, 2):
        part = part_of(disk, index, tmp_path)
        assert_clean(part)
        assert debugfs(part, "cat /etc/blob") == blob.read_bytes()
    assert b"needs_recovery" not in system("dumpe2fs", "-h", part)


def test_without_mtools(tool, disk, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert b"mtools" in tool("cat", f"{disk}:/uboot/x", expect=1, env={"PATH": str(empty)}).stderr


PARTITIONS_REFUSED = [
    (b"label: dos\nstart=2048, size=4M, type=83\n", b"1 partitions"),
    (b"label: dos\n" + b"size=4M, type=83\n" * 3, b"3 partitions"),
    (b"label: gpt\n" + b"size=4M\n" * 5, b"5 partitions"),
]


@pytest.mark.parametrize("table, message", PARTITIONS_REFUSED)
def test_other_numbers_of_partitions(tool, table, message, tmp_path):
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(40 * MIB)
    system("sfdisk", "-q", path, input=table)
    assert message in tool("cat", f"{path}:/etc/x", expect=1).stderr


def test_no_image_at_all(tool, tmp_path):
    (tmp_path / "zero.img").write_bytes(bytes(MIB))
    (tmp_path / "short.img").write_bytes(b"x")
    (tmp_path / "bad.mender").write_bytes((VECTORS / "comp-gzip.mender").read_bytes()[:-3000])
    for name in ("zero.img", "short.img", "bad.mender"):
        tool("cat", f"{name}:/etc/x", expect=1)
        tool("cp", "zero.img", f"{name}:/etc/x", expect=1)


def test_only_one_root_file_system(tool, disk, image, blob, tmp_path):
    with disk.open("r+b") as file:
        file.seek(25 * MIB)
        file.write(bytes(12 * MIB))
    tool("cp", blob, f"{disk}:/etc/blob")
    assert debugfs(part_of(disk, 1, tmp_path), "cat /etc/blob") == blob.read_bytes()
    assert part_of(disk, 2, tmp_path).read_bytes() == bytes(12 * MIB)
    with disk.open("r+b") as file:
        file.seek(13 * MIB)
        file.write(bytes(12 * MIB))
    assert b"neither of the root partitions" in tool("cp", blob, f"{disk}:/etc/blob", expect=1).stderr


@pytest.mark.parametrize("index, make, path", [
    (1, ["mke2fs", "-q", "-F", "-t", "ext4", "large", "24M"], "/blob"),
    (0, ["mkfs.vfat", "-C", "large", str(24 * 1024)], "/uboot/blob"),
], ids=["ext4", "fat"])
def test_a_file_system_larger_than_its_partition(tool, disk, blob, index, make, path, tmp_path):
    """It would be written into the next one."""
    system(*make, cwd=tmp_path)
    with disk.open("r+b") as file:
        file.seek((1 + 12 * index) * MIB)
        file.write((tmp_path / "large").read_bytes()[:12 * MIB])
    before = disk.read_bytes()
    assert b"larger than the image or partition" in tool("cp", blob, f"{disk}:{path}", expect=1).stderr
    assert disk.read_bytes() == before
