# SPDX-License-Identifier: Apache-2.0
"""The generators of rota-artifact: the payload each update module expects, the same bytes for the same input, input
that is refused, and examples in the help that work. The modules themselves: tests/interop/test_generators.py."""

import contextlib
import gzip
import io
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tarfile

import pytest

from support.generated import DIGEST, RPM, fake_docker, make_deb, make_image, tar_bytes
from support.vehicle import write_program

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
GOOD, USAGE = 0, 1
VERBS = ["single-file", "directory", "deb", "rpm", "script", "docker", "docker-compose", "compose"]

pytestmark = pytest.mark.shows("I3-MS2")


@pytest.fixture
def tool(bin, tmp_path):
    """tool(*words, expect=0) runs rota-artifact write WORDS in a folder of its own."""
    def run(*words, expect=GOOD, env=None, verb="write", **more):
        done = subprocess.run([bin / "rota-artifact", verb, *map(str, words)], capture_output=True, timeout=120,
                              cwd=tmp_path, env={**os.environ, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        assert expect == GOOD or b"rota-artifact: " in done.stderr
        return done
    return run


@pytest.fixture
def payload(tool, tmp_path):
    """payload(artifact): (what read says of the payload, {name: bytes} of its files)"""
    def unpack(artifact):
        shutil.rmtree(tmp_path / "unpacked", ignore_errors=True)
        tool("--files", "unpacked", artifact, verb="dump")
        files = {path.name: path.read_bytes() for path in (tmp_path / "unpacked").iterdir()}
        return json.loads(tool("--json", artifact, verb="read").stdout)["payloads"][0], files
    return unpack


COMMON = ["-n", "release-1", "-t", "ecu", "-o", "a.mender"]


# --- single-file ---

def test_single_file_is_as_the_script_makes_it(tool, payload, tmp_path):
    """Content and names of the vector that single-file-artifact-gen's layout is kept in."""
    told, wanted = payload(VECTORS / "mod-single-file.mender")
    source = tmp_path / "app.conf"
    source.write_bytes(wanted["app.conf"])
    source.chmod(0o640)
    tool("single-file", "-n", "app-conf-1", "-t", "ecu-gw", "-d", "/etc/app", source)
    made, files = payload("single-file-artifact.mender")
    assert files == wanted
    for facts in (told, made):
        for file in facts["files"]:
            file.pop("modified")
    assert made == told


def test_single_file_options(tool, payload, tmp_path):
    source = tmp_path / "here"
    source.write_text("x")
    tool("single-file", *COMMON, "--dest-dir", "/opt/with blank", "--filename", "there", "--permissions", "04750", source,
         "--software-name", "app", "--software-version", "7", "-p", "k:v", "--depends", "x:y", "-N", "old")
    told, files = payload("a.mender")
    assert files == {"dest_dir": b"/opt/with blank\n", "filename": b"there\n", "permissions": b"4750\n", "there": b"x"}
    assert told["provides"] == {"k": "v", "rootfs-image.app.version": "7"} and told["depends"] == {"x": "y"}
    assert told["clears_provides"] == ["rootfs-image.app.*"]
    tool("single-file", *COMMON, "-d", "/opt", "--filename", "piped", "--permissions", "600", "-", input=b"from a pipe")
    assert payload("a.mender")[1]["piped"] == b"from a pipe"
    tool("single-file", *COMMON, "-d", "/opt", "-f", source)
    assert payload("a.mender")[1]["here"] == b"x"


SINGLE_FILE_REFUSED = [
    (["file"], "--dest-dir is needed"),
    (["-d", "opt", "file"], "not an absolute path"),
    (["-d", "/opt/../etc", "file"], "leads upwards"),
    (["-d", "/opt\n/etc", "file"], "cannot be printed"),
    (["-d", "/opt"], "one file must be named"),
    (["-d", "/opt", "file", "file"], "one file must be named"),
    (["-d", "/opt", "missing"], "missing: No such file"),
    (["-d", "/opt", "/"], "not a regular file"),
    (["-d", "/opt", "/dev/null"], "not a regular file"),
    (["-d", "/opt", "--permissions", "rwx", "file"], "no mode in octal"),
    (["-d", "/opt", "--permissions", "10000", "file"], "no mode in octal"),
    (["-d", "/opt", "--filename", "a/b", "file"], "letters, digits"),
    (["-d", "/opt", "--filename", "..", "file"], "letters, digits"),
    (["-d", "/opt", "-"], "--filename is needed"),
    (["-d", "/opt", "na me"], "letters, digits"),
    (["-d", "/opt", "dest_dir"], "two payload files of one name"),
    (["-d", "/opt", "-v", "2", "file"], "version"),
]


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("words, why", SINGLE_FILE_REFUSED)
def test_single_file_refused(tool, tmp_path, words, why):
    for name in ("file", "na me", "dest_dir"):
        (tmp_path / name).touch()
    done = tool("single-file", *COMMON, *words, expect=USAGE)
    assert why in done.stderr.decode() and not (tmp_path / "a.mender").exists()


# --- directory ---

@pytest.fixture
def folder(tmp_path):
    """All that a folder may have, with names longer than the first tars could keep."""
    folder = tmp_path / "tree"
    long_name = "n" * 200
    for path in ("bin", "empty", f"deep/{long_name}/{long_name}"):
        (folder / path).mkdir(parents=True)
    for name, content in {"bin/run": b"#!/bin/sh\n", f"deep/{long_name}/{long_name}/file": b"deep", "zero": b"",
                          "b": os.urandom(100_000), "name with blank, ü": b"x", "-dash": b"y"}.items():
        (folder / name).write_bytes(content)
    (folder / "bin/run").chmod(0o4755)
    (folder / "zero").chmod(0o600)
    (folder / "link").symlink_to("bin/run")
    (folder / "dangling").symlink_to("/" + "t" * 150)
    os.link(folder / "b", folder / "bin/same")
    os.mkfifo(folder / "fifo")
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000), follow_symlinks=False)
    os.utime(folder, (1_700_000_000, 1_700_000_000))
    return folder


def listing(data):
    """What tar says of each member, but for the names of owners; which of two hard links is first is nobody's matter."""
    done = subprocess.run(["tar", "--numeric-owner", "--full-time", "-tvf", "-"], input=data, capture_output=True,
                          check=True, timeout=60)
    return sorted(done.stdout.decode().splitlines())


def test_directory_is_packed_as_tar_does(tool, payload, folder, tmp_path):
    tool("directory", "-n", "tree-1", "-t", "ecu", "-d", "/opt/app", folder)
    told, files = payload("directory-artifact.mender")
    assert sorted(files) == ["dest_dir", "update.tar"] and files["dest_dir"] == b"/opt/app\n"
    assert told["type"] == "directory" and told["provides"] == {"rootfs-image.directory.version": "tree-1"}
    theirs = subprocess.run(["tar", "--sort=name", "-cf", "-", "-C", folder, "."], capture_output=True, check=True,
                            timeout=60).stdout
    assert listing(files["update.tar"]) == listing(theirs)
    place = tmp_path / "place"
    place.mkdir()
    subprocess.run(["tar", "-xf", "-", "-C", place], input=files["update.tar"], check=True, timeout=60)
    (folder / "fifo").unlink()
    (place / "fifo").unlink()
    subprocess.run(["diff", "-r", "--no-dereference", folder, place], check=True, timeout=60)
    assert (place / "b").stat().st_ino == (place / "bin/same").stat().st_ino
    assert (place / "bin/run").stat().st_mode == (folder / "bin/run").stat().st_mode


def test_directory_owner_time_and_order(tool, payload, folder, tmp_path):
    """Made in another order, at another time and by another user, it is the same artifact."""
    env = {"SOURCE_DATE_EPOCH": "1600000000"}
    tool("directory", *COMMON, "-d", "/opt", "--owner", "7:8", folder, env=env)
    first = (tmp_path / "a.mender").read_bytes()
    copy = tmp_path / "again"
    names = sorted((path.relative_to(folder) for path in folder.rglob("*")), key=lambda path: (len(path.parts), path.name[::-1]))
    copy.mkdir()
    for name in names:
        source, target = folder / name, copy / name
        if source.is_symlink():
            target.symlink_to(os.readlink(source))
        elif source.is_dir():
            target.mkdir()
        elif source.is_fifo():
            os.mkfifo(target)
        elif name.name != "same":
            shutil.copy(source, target)
    os.link(copy / "b", copy / "bin/same")
    tool("directory", *COMMON, "-d", "/opt", "--owner", "7:8", f"{copy}/", env=env)
    assert (tmp_path / "a.mender").read_bytes() == first
    with tarfile.open(fileobj=io.BytesIO(payload("a.mender")[1]["update.tar"])) as tar:
        assert {(member.uid, member.gid, member.mtime, member.uname) for member in tar} == {(7, 8, 1600000000, "")}
        names = tar.getnames()
    assert names[0] == "." and names == sorted(names, key=lambda name: name.split("/"))


def test_directory_by_a_link_and_from_inside(bin, tool, payload, folder, tmp_path):
    (tmp_path / "by-link").symlink_to(folder)
    tool("directory", *COMMON, "-d", "/opt", "by-link")
    by_link = payload("a.mender")[1]["update.tar"]
    done = subprocess.run([bin / "rota-artifact", "write", "directory", "-n", "n", "-t", "t", "-d", "/opt", "-o",
                           tmp_path / "b.mender", "."], cwd=folder, timeout=60)
    assert done.returncode == 0 and payload("b.mender")[1]["update.tar"] == by_link


def test_directory_tells_what_it_leaves_out(tool, payload, folder):
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(folder / "socket"))
        with contextlib.suppress(OSError):  # a file system without them
            os.setxattr(folder / "b", "user.kept", b"no")
        done = tool("directory", *COMMON, "-d", "/opt", folder)
    assert b"1 sockets were passed over" in done.stderr
    if "user.kept" in os.listxattr(folder / "b"):
        assert b"extended attributes" in done.stderr
    with tarfile.open(fileobj=io.BytesIO(payload("a.mender")[1]["update.tar"])) as tar:
        assert "./socket" not in tar.getnames() and "./b" in tar.getnames()


DIRECTORY_REFUSED = [
    (["tree"], "--dest-dir is needed"),
    (["-d", "/", "tree"], "/ cannot be replaced"),
    (["-d", "//./", "tree"], "/ cannot be replaced"),
    (["-d", "/opt/..", "tree"], "leads upwards"),
    (["-d", "opt", "tree"], "not an absolute path"),
    (["-d", "/opt"], "one folder must be named"),
    (["-d", "/opt", "missing"], "missing: No such file"),
    (["-d", "/opt", "tree/b"], "not a folder"),
    (["-d", "/opt", "--owner", "root", "tree"], "UID:GID"),
    (["-d", "/opt", "--owner", "1:-1", "tree"], "UID:GID"),
]


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("words, why", DIRECTORY_REFUSED)
def test_directory_refused(tool, folder, tmp_path, words, why):
    done = tool("directory", *COMMON, *words, expect=USAGE)
    assert why in done.stderr.decode() and sorted(path.name for path in tmp_path.iterdir()) == ["tree"]


# --- deb and rpm ---

@pytest.mark.parametrize("compression", ["gzip", "xz", "zstd", "none"])
def test_deb(tool, payload, tmp_path, compression):
    """A name that no artifact may hold is changed inside of it only; the module takes *.deb."""
    package = make_deb(tmp_path / "rota-demo_2.0+dfsg~rc1-1_all.deb", version="1:2.0+dfsg~rc1-1", compression=compression)
    done = tool("deb", *COMMON, package)
    assert done.stdout == b"rota-demo 1:2.0+dfsg~rc1-1 (all)\n"
    told, files = payload("a.mender")
    assert files == {"rota-demo_2.0_dfsg_rc1-1_all.deb": package.read_bytes()}
    assert told["type"] == "deb" and told["provides"] == {"rootfs-image.rota-demo.version": "1:2.0+dfsg~rc1-1"}
    assert told["clears_provides"] == ["rootfs-image.rota-demo.*"]


def test_several_debs_and_their_versions(tool, payload, tmp_path):
    packages = [make_deb(tmp_path / f"{name}.deb", name=name, version=version) for name, version in (("one", "1"), ("two", "2"))]
    done = tool("deb", *COMMON, "--json", *packages)
    assert json.loads(done.stdout)["packages"] == [{"name": "one", "version": "1", "architecture": "all"},
                                                   {"name": "two", "version": "2", "architecture": "all"}]
    told, files = payload("a.mender")
    assert told["provides"] == {"rootfs-image.one.version": "1", "rootfs-image.two.version": "2"}
    assert told["clears_provides"] == ["rootfs-image.one.*", "rootfs-image.two.*"] and len(files) == 2
    tool("deb", *COMMON, "--software-name", "both", *packages)
    told = payload("a.mender")[0]
    assert told["provides"] == {"rootfs-image.both.version": "release-1"} and told["clears_provides"] == ["rootfs-image.both.*"]
    tool("deb", *COMMON, "--no-default-software-version", "--no-default-clears-provides", *packages)
    told = payload("a.mender")[0]
    assert told["provides"] == {} and told["clears_provides"] is None
    assert b"--software-name is needed" in tool("deb", *COMMON, "--software-version", "3", *packages, expect=USAGE).stderr
    assert b"two payload files" in tool("deb", *COMMON, packages[0], packages[0], expect=USAGE).stderr


def ar(members):
    return b"!<arch>\n" + b"".join(
        f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode() + content + b"\n" * (len(content) % 2)
        for name, content in members)


CONTROL = gzip.compress(tar_bytes({"./control": b"Package: p\nVersion: 1\nArchitecture: all\n"}))
START, DATA = ("debian-binary", b"2.0\n"), ("data.tar.gz", b"data")
DEBS_REFUSED = {
    "empty": (b"", "ends too early"),
    "no ar": (b"#!/bin/sh\nexit 0\n", "no ar archive"),
    "another ar": (ar([("x.o", b"2.0\n")]), "first member is not debian-binary"),
    "another format": (ar([("debian-binary", b"3.0\n")]), "format version is not 2"),
    "no control": (ar([START, DATA]), "ends too early"),
    "no data": (ar([START, ("control.tar.gz", CONTROL)]), "ends too early"),
    "control is no tar": (ar([START, ("control.tar.gz", b"x" * 2000), DATA]), "control file cannot be read"),
    "no control file": (ar([START, ("control.tar", tar_bytes({"./md5sums": b"x"})), DATA]), "control file cannot be read"),
    "no version": (ar([START, ("control.tar", tar_bytes({"control": b"Package: p\nArchitecture: all\n"})), DATA]),
                   "does not say its name"),
    "unprintable": (ar([START, ("control.tar", tar_bytes({"control": b"Package: p\x1b[m\nVersion: 1\nArchitecture: all\n"})),
                        DATA]), "does not say its name"),
    "size beyond the end": (ar([START])[:-4 - 12] + b"9999999999`\n2.0\n", "ends too early"),
    "size is no number": (b"!<arch>\n" + f"{'debian-binary':<48}{'-4':<10}`\n".encode() + b"2.0\n", "ar archive is broken"),
    "cut": (ar([START, ("control.tar.gz", CONTROL), ("data.tar.gz", b"d" * 1000)])[:-500], "ends too early"),
    "an rpm": (RPM.read_bytes(), "no ar archive"),
}


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("kind", DEBS_REFUSED)
def test_deb_refused(tool, tmp_path, kind):
    content, why = DEBS_REFUSED[kind]
    (tmp_path / "p.deb").write_bytes(content)
    done = tool("deb", *COMMON, "p.deb", expect=USAGE)
    assert "p.deb: not a deb package: " in done.stderr.decode() and why in done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["p.deb"]


def test_a_deb_of_our_own_ar_is_taken(tool, payload, tmp_path):
    (tmp_path / "named").write_bytes(ar([START, ("_extra", b"x"), ("control.tar.gz/", CONTROL), DATA]))
    tool("deb", *COMMON, "named")
    assert list(payload("a.mender")[1]) == ["named.deb"]


def test_rpm(tool, payload):
    done = tool("rpm", *COMMON, RPM)
    assert done.stdout == b"rota-demo 3:1.0-2 (noarch)\n"
    told, files = payload("a.mender")
    assert files == {RPM.name: RPM.read_bytes()} and told["type"] == "rpm"
    assert told["provides"] == {"rootfs-image.rota-demo.version": "3:1.0-2"}


RPMS_REFUSED = {
    "empty": (lambda rpm: b"", "ends too early"),
    "a deb": (lambda rpm: ar([START, DATA]) + b"x" * 100, "does not begin as one"),
    "lead alone": (lambda rpm: rpm[:96], "ends too early"),
    "cut in the header": (lambda rpm: rpm[:2000], "ends too early"),
    "no signature": (lambda rpm: rpm[:96] + b"x" * 4 + rpm[100:], "a header of it is broken"),
    "a signature of 4 GiB": (lambda rpm: rpm[:96 + 12] + b"\xff" * 4 + rpm[112:], "a header of it is broken"),
    "an index of 4 Gi entries": (lambda rpm: rpm[:96 + 8] + b"\xff" * 4 + rpm[108:], "a header of it is broken"),
    "offsets beyond the store": (lambda rpm: rpm.replace(b"\0\0\x03\xe8\0\0\0\x06\0\0\0", b"\0\0\x03\xe8\0\0\0\x06\xff\xff\xff"),
                                 "does not say its name"),
}


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("kind", RPMS_REFUSED)
def test_rpm_refused(tool, tmp_path, kind):
    change, why = RPMS_REFUSED[kind]
    (tmp_path / "p.rpm").write_bytes(change(RPM.read_bytes()))
    done = tool("rpm", *COMMON, "p.rpm", expect=USAGE)
    assert "p.rpm: not a rpm package: " in done.stderr.decode() and why in done.stderr.decode()
    assert [path.name for path in tmp_path.iterdir()] == ["p.rpm"]


def test_every_damaged_package_ends_in_words(bin, tmp_path):
    """One byte changed at each of many places of the headers: taken or refused, never a crash."""
    deb = make_deb(tmp_path / "p.deb").read_bytes()
    for kind, content in (("deb", deb), ("rpm", RPM.read_bytes())):
        for at in range(0, min(len(content), 3000), 53):
            broken = bytearray(content)
            broken[at] ^= 0xff
            (tmp_path / "broken").write_bytes(broken)
            done = subprocess.run([bin / "rota-artifact", "write", kind, *COMMON, "broken"], cwd=tmp_path,
                                  capture_output=True, timeout=60)
            assert done.returncode == GOOD or (done.returncode == USAGE and b"not a" in done.stderr), (kind, at, done.stderr)


# --- script ---

def test_script_is_as_in_the_vector(tool, payload, tmp_path):
    told, wanted = payload(VECTORS / "mod-script.mender")
    for name, content in wanted.items():
        (tmp_path / name).write_bytes(content)
    tool("script", "-n", "script-1", "-t", "ecu-gw", "-o", "a.mender", *sorted(wanted))
    made, files = payload("a.mender")
    assert files == wanted and (made["type"], made["provides"]) == ("script", told["provides"])


def test_script_warns_and_refuses(tool, tmp_path):
    (tmp_path / "b").write_text("#!/bin/sh\n")
    (tmp_path / "a").write_text("echo no first line\n")
    (tmp_path / "empty").touch()
    done = tool("script", *COMMON, "b", "a")
    assert b"a is run before b" in done.stderr and b"a: neither a program nor begun by #!" in done.stderr
    assert b"warning" not in tool("script", *COMMON, "b").stderr
    assert b"an empty file is no program" in tool("script", *COMMON, "empty", expect=USAGE).stderr
    assert b"at least one program" in tool("script", *COMMON, expect=USAGE).stderr


# --- docker ---

def test_docker(tool, payload, tmp_path):
    """By its digest an image needs no docker here; a tag is looked up, as docker-artifact-gen does."""
    programs, log = tmp_path / "programs", tmp_path / "log"
    fake_docker(programs, log)
    env = {"PATH": f"{programs}:{os.environ['PATH']}"}
    pinned = f"registry.example.com:5000/a/b@{DIGEST}"
    tool("docker", "-n", "n", "-t", "t", pinned, "c/d:1.2", "--run-args", "-p 80:80 -e 'x'", env=env)
    told = payload("docker-artifact.mender")[0]
    assert told["meta_data"] == {"containers": [pinned, f"c/d@{DIGEST}"], "run_args": "-p 80:80 -e 'x'"}
    assert told["type"] == "docker" and told["files"] == []
    assert log.read_text().splitlines() == ["pull c/d:1.2", "inspect --format={{index .RepoDigests 0}} c/d:1.2"]
    log.unlink()
    done = tool("docker", *COMMON, pinned, "c/d:1.2", "--keep-tags", "--json", env=env)
    assert json.loads(done.stdout)["containers"] == [pinned, "c/d:1.2"] and not log.exists()


DOCKER_REFUSED = [
    ([], "at least one image"),
    (["a b"], "not the name of an image"),
    (["-a"], "unknown option"),
    (["--", "-a"], "not the name of an image"),
    (["a$(id)"], "not the name of an image"),
    (["a@sha256:12"], "no sha256 digest"),
    (["a@md5:" + "0" * 64, "--keep-tags"], "no sha256 digest"),
    (["missing:1"], "its digest is not known"),
]


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("words, why", DOCKER_REFUSED)
def test_docker_refused(tool, tmp_path, words, why):
    programs = tmp_path / "programs"
    write_program(programs / "docker", "#!/bin/sh\necho nothing of that name >&2\nexit 1\n")
    done = tool("docker", *COMMON, *words, expect=USAGE, env={"PATH": f"{programs}:{os.environ['PATH']}"})
    assert why in done.stderr.decode() and not (tmp_path / "a.mender").exists()


def test_docker_without_docker(bin, tmp_path):
    done = subprocess.run([bin / "rota-artifact", "write", "docker", *COMMON, "a:1"], cwd=tmp_path, capture_output=True,
                          env={**os.environ, "PATH": str(tmp_path)}, timeout=60)
    assert done.returncode == USAGE and b"give it as NAME@sha256:DIGEST" in done.stderr


# --- docker-compose ---

@pytest.fixture
def composition(tmp_path):
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/docker-compose.yml").write_text("services:\n  web:\n    image: a/b:1\n")
    make_image(tmp_path / "images/one.tar")
    make_image(tmp_path / "images/two.tar.gz", packed=True)
    return ["-p", "my_project-1", "-m", "manifests", "-i", "images"]


@pytest.mark.parametrize("verb", ["docker-compose", "compose"])
def test_compose(tool, payload, composition, tmp_path, verb):
    tool(verb, "-n", "n", "-t", "t", *composition, "--software-filesystem", "data", "-d", "k:v")
    told, files = payload("docker-compose-artifact.mender")
    assert sorted(files) == ["images.tar.gz", "manifests.tar"]
    assert told["type"] == "docker-compose" and told["depends"] == {"k": "v"}
    assert told["meta_data"] == {"version": "1", "project_name": "my_project-1"}
    assert told["provides"] == {"data.mender-docker-compose.my_project-1.version": "n"}
    assert told["clears_provides"] == ["*mender-docker-compose.*", "*mender-docker-compose_*"]
    with tarfile.open(fileobj=io.BytesIO(files["images.tar.gz"]), mode="r:gz") as tar:
        assert tar.getnames() == ["images", "images/one.tar", "images/two.tar.gz"]
        assert tar.extractfile("images/one.tar").read() == (tmp_path / "images/one.tar").read_bytes()
    with tarfile.open(fileobj=io.BytesIO(files["manifests.tar"]), mode="r:") as tar:
        assert tar.getnames() == ["manifests", "manifests/docker-compose.yml"]
    read = json.loads(tool("--json", "docker-compose-artifact.mender", verb="read").stdout)
    assert read["compression"] == "none"
    tool(verb, *COMMON, *composition, "--compression", "zstd_fast")
    assert json.loads(tool("--json", "a.mender", verb="read").stdout)["compression"] == "zstd"


@pytest.mark.shows("I3-MS5")
def test_compose_refused(tool, composition, tmp_path):
    def refused(why, *words):
        assert why in tool("compose", *COMMON, *words, expect=USAGE).stderr.decode()
        assert not (tmp_path / "a.mender").exists()
    refused("--manifests-dir is needed", "-p", "p", "-i", "images")
    refused("--images-dir is needed", "-p", "p", "-m", "manifests")
    refused("--project-name is needed", "-m", "manifests", "-i", "images")
    refused("only letters, digits", "-p", "a b", "-m", "manifests", "-i", "images")
    refused("neither compose.yaml nor", "-p", "p", "-m", "images", "-i", "images")
    refused("not an image as docker save writes it", "-p", "p", "-m", "manifests", "-i", "manifests")
    refused("missing", "-p", "p", "-m", "manifests", "-i", "missing")
    (tmp_path / "none").mkdir()
    refused("no image is in it", "-p", "p", "-m", "manifests", "-i", "none")
    (tmp_path / "images/other.tar").write_bytes(tar_bytes({"x": b"y"}))
    refused("other.tar: not an image", *composition)


# --- all of them ---

def examples(help_text):
    """The commands of the help, each on one line."""
    lines = [line[4:] for line in help_text.splitlines() if line.startswith("    ")]
    return [command for command in "\n".join(lines).replace("\\\n", " ").splitlines() if command.startswith("rota-artifact")]


@pytest.fixture
def kitchen(tmp_path):
    """What the examples speak of."""
    shutil.copy(VECTORS / "keys/rsa2048.key.pem", tmp_path / "signing.pem")
    (tmp_path / "app.conf").write_text("x = 1\n")
    (tmp_path / "site").mkdir()
    (tmp_path / "site/index.html").write_text("<p>hello</p>")
    for name in ("nav_2.1-1_arm64", "libmaps4_4.0-2_arm64"):
        make_deb(tmp_path / f"{name}.deb", name=name.split("_")[0])
    shutil.copy(RPM, tmp_path / "nav-2.1-1.aarch64.rpm")
    for name in ("01-stop-service", "02-calibrate"):
        write_program(tmp_path / name, "#!/bin/sh\n")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/compose.yaml").write_text("services: {}\n")
    make_image(tmp_path / "images/telemetry.tar")
    fake_docker(tmp_path / "programs", tmp_path / "log")
    return tmp_path


@pytest.mark.shows("I3-MS1")
@pytest.mark.parametrize("verb", VERBS)
def test_the_example_of_the_help_works(bin, tool, kitchen, verb):
    commands = examples(tool(verb, "--help").stdout.decode())
    assert len(commands) == 1
    done = subprocess.run(["sh", "-c", commands[0]], cwd=kitchen, capture_output=True, text=True, timeout=60,
                          env={**os.environ, "PATH": f"{kitchen}/programs:{bin}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stderr
    made, = kitchen.glob("*.mender")
    told = json.loads(tool("--json", "-k", VECTORS / "keys/rsa2048.pub.pem", made, verb="read").stdout)
    assert told["signature"] == "good" and told["payloads"][0]["type"] == verb.replace("compose", "docker-compose").replace(
        "docker-docker", "docker")
    assert told["name"] == made.stem


WRITES = {
    "single-file": ["-d", "/opt", "app.conf"],
    "directory": ["-d", "/opt", "site"],
    "deb": ["nav_2.1-1_arm64.deb"],
    "rpm": ["nav-2.1-1.aarch64.rpm"],
    "script": ["01-stop-service"],
    "docker": [f"a@{DIGEST}"],
    "docker-compose": ["-m", "manifests", "-i", "images", "--project-name", "p"],
}


@pytest.mark.parametrize("verb", WRITES)
def test_all_else_of_write_is_taken_too(tool, kitchen, payload, verb):
    """State scripts, depends, groups, a signature, a compression, a limit; and the same bytes to a pipe."""
    write_program(kitchen / "ArtifactInstall_Enter_00", "#!/bin/sh\n")
    more = ["-n", "n", "-c", "t1", "-c", "t2", "-s", "ArtifactInstall_Enter_00", "-N", "old", "-g", "g", "-G", "g0",
            "--provides", "a:b", "--depends", "c:d", "--clears-provides", "x.*", "--compression", "lzma",
            "-k", VECTORS / "keys/p256.key.pem"]
    env = {"SOURCE_DATE_EPOCH": "1600000000"}
    tool(verb, *WRITES[verb], *more, "-o", "a.mender", env=env)
    told = json.loads(tool("--json", "-k", VECTORS / "keys/p256.pub.pem", "a.mender", verb="read").stdout)
    assert told["signature"] == "good" and told["compression"] == "lzma" and told["compatible_types"] == ["t1", "t2"]
    assert (told["group"], told["depends_artifact_names"], told["depends_groups"]) == ("g", ["old"], ["g0"])
    assert [script["name"] for script in told["scripts"]] == ["ArtifactInstall_Enter_00"]
    part = told["payloads"][0]
    assert part["provides"]["a"] == "b" and part["depends"] == {"c": "d"} and part["clears_provides"][0] == "x.*"
    unsigned = more[:-2]
    tool(verb, *WRITES[verb], *unsigned, "-o", "b.mender", env=env)
    piped = tool(verb, *WRITES[verb], *unsigned, "-o", "-", env=env)
    assert piped.stdout == (kitchen / "b.mender").read_bytes()
    done = tool(verb, *WRITES[verb], *unsigned, "-o", "c.mender", "--max-artifact-size", "1kB", env=env, expect=USAGE)
    assert b"more than the 1000 that" in done.stderr and not (kitchen / "c.mender").exists()


@pytest.mark.parametrize("verb", WRITES)
def test_taken_apart_it_is_a_module_image(tool, kitchen, verb):
    """What dump prints of it, write module-image makes again to the byte: a generator has no secrets."""
    env = {"SOURCE_DATE_EPOCH": "1600000000"}
    tool(verb, *WRITES[verb], "-n", "n", "-t", "t", "-o", "one.mender", env=env)
    words = tool("--files", "f", "--meta-data", "m", "--print0-cmdline", "one.mender", verb="dump").stdout.decode()
    verb_word, *rest = words.split("\0")[:-1]
    assert (verb_word, rest[0]) == ("write", "module-image")
    tool(*rest, "-o", "two.mender", env=env)
    assert (kitchen / "two.mender").read_bytes() == (kitchen / "one.mender").read_bytes()


@pytest.mark.shows("I3-MS5")
@pytest.mark.parametrize("verb", WRITES)
def test_a_place_that_cannot_be(tool, kitchen, verb):
    before = sorted(path.name for path in kitchen.iterdir())
    done = tool(verb, *WRITES[verb], "-n", "n", "-t", "t", "-o", "missing/a.mender", expect=2)
    assert b"missing" in done.stderr and sorted(path.name for path in kitchen.iterdir()) == before


@pytest.mark.parametrize("verb", ["directory", "docker-compose"])
def test_a_packed_folder_waits_where_it_is_told_to(tool, kitchen, verb):
    tool(verb, *WRITES[verb], *COMMON)
    (kitchen / "waiting").mkdir()
    tool(verb, *WRITES[verb], *COMMON, "--tmp", "waiting", "-o", "b.mender")
    assert (kitchen / "b.mender").read_bytes() == (kitchen / "a.mender").read_bytes()
    done = tool(verb, *WRITES[verb], *COMMON, "--tmp", "missing", "-o", "c.mender", expect=USAGE)
    assert b"missing" in done.stderr and not (kitchen / "c.mender").exists()
