# SPDX-License-Identifier: Apache-2.0
"""Places for update modules to work in: what was there before, what a payload brings, and what is there now.

A world knows one module. `before` is one of its BEFORE: the kinds of old state that a rollback must bring back."""

import io
import os
import pathlib
import random
import shutil
import stat
import struct
import subprocess
import tarfile

import pytest

from support.docker import Docker
from support.module import MODULES, Module
from support.slots import Slots
from support.tree import Tree, differences, digest_of, look

ODD_NAMES = ("plain", "with blanks", "-dash", "quo'te\"s", "ümlaut", "star*?[x]", "$(touch hit)", "back\\slash", ".hidden",
             "new\nline", os.fsdecode(b"no \xff UTF-8"))


def access_list(*rights):
    """linux/posix_acl_xattr.h: the owner, one user more, the group, the mask, the others."""
    tags = (0x01, 0x02, 0x04, 0x10, 0x20)
    ids = (0xFFFFFFFF, 1234, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *entry) for entry in zip(tags, rights, ids))


# What no default gives; the lists agree with the modes 4711 and 2750.
FILE_ATTRIBUTES = {"user.rota": b"kept", "system.posix_acl_access": access_list(7, 1, 1, 1, 1),
                   "security.capability": struct.pack("<5I", 0x02000001, 1 << 10, 0, 0, 0)}  # cap_net_bind_service=ep
FOLDER_ATTRIBUTES = {"user.rota": b"kept", "system.posix_acl_access": access_list(7, 5, 5, 5, 0),
                     "system.posix_acl_default": access_list(7, 4, 5, 5, 0)}


def dress(path):
    """Mode, owner, time and, where the file system has them, extended attributes, capabilities and access lists."""
    os.chown(path, 12, 34, follow_symlinks=False)
    if not path.is_symlink():
        path.chmod(0o2750 if path.is_dir() else 0o4711)
        for name, value in (FOLDER_ATTRIBUTES if path.is_dir() else FILE_ATTRIBUTES).items():
            try:
                os.setxattr(path, name, value)
            except OSError:  # tmpfs of older kernels has no user.*
                pass
    os.utime(path, ns=(10**18 + 1, 10**18 + 2), follow_symlinks=False)


def differing(before, now):
    return [] if before == now else [f"{before} became {now}"]


class World:
    """place: below it the module may change things; data: the agent's DATA. Both may lie on other disks."""

    name = ""
    BEFORE = ()
    way_back_needs_room = False
    disk_kib = 256
    moments_in_ci = 6  # of each case; --long strikes at every call

    def __init__(self, folder, before, place=None, data=None):
        self.folder, self.before = folder, before
        self.place = (place or folder) / "place"
        self.module = Module(MODULES / self.name / self.name, data or folder / "data", {})
        self.build()
        self.old = self.seen()

    def build(self):
        """The old state, and the payload."""
        raise NotImplementedError

    def seen(self):
        tree = look(self.place)
        # Entries come and go in it: its time says when.
        tree.get("", {}).pop("time", None)
        return tree

    def is_new(self):
        raise NotImplementedError

    def is_whole(self):
        """At any moment, also after a kill: old or new, nothing between."""
        return self.is_old() or self.is_new()

    def is_old(self):
        return not self.differences()

    def differences(self, old=None):
        """What is not as it was at the beginning, or in an earlier seen(): a line each."""
        return differences(old or self.old, self.seen())

    def spoil(self):
        """Makes the payload one that cannot be installed."""
        raise NotImplementedError

    def commit(self):
        """From installed to kept."""
        self.module.ok("ArtifactCommit")

    def keep(self):
        """From installed to the end, where all goes well."""
        self.commit()
        self.module.clean_up()

    def take_back(self):
        """From wherever it failed to the end."""
        self.module.take_back()


class SingleFileWorld(World):
    name = "single-file"
    BEFORE = ("nothing", "no folder", "a file", "a link", "a link to a folder", "a dangling link", "one of two links")
    NEW = b"new" * 3000
    file_name = "app"

    def build(self):
        self.target = self.place / "app"
        if self.before == "no folder":
            self.place.mkdir()
            self.target = self.place / "a/b/c/app"
        else:
            self.place.mkdir(parents=True)
        for name in ("folder", "neighbour"):
            (self.place / name).mkdir()
        (self.place / "folder/far").write_text("far")
        if self.before in ("a file", "one of two links"):
            self.target.write_bytes(b"old" * 2000)
            dress(self.target)
        if self.before == "one of two links":
            os.link(self.target, self.place / "other name")
        links = {"a link": "folder/far", "a link to a folder": "folder", "a dangling link": "nowhere"}
        if self.before in links:
            self.target.symlink_to(links[self.before])
        self.module.files = {"dest_dir": str(self.target.parent).encode(), "filename": b"app", "permissions": b"640",
                             "app": self.NEW}

    def is_new(self):
        return (self.target.is_file() and not self.target.is_symlink() and self.target.read_bytes() == self.NEW
                and stat.S_IMODE(self.target.stat().st_mode) == 0o640
                and (self.place / "folder/far").read_text() == "far")

    def is_whole(self):
        """Folders that were made, and names beside the target that Cleanup removes, do not count."""
        before = self.old.below(self.target.relative_to(self.place))
        return self.is_new() or not differences(before, look(self.target), but=["links"])

    def spoil(self):
        self.module.files["permissions"] = b"rwx"


def tar_of_folder(folder):
    """With everything that GNU tar can carry."""
    return subprocess.run(["tar", "-c", "--sparse", "--acls", "--xattrs", "--xattrs-include=*", "-C", folder, "."],
                          stdout=subprocess.PIPE, check=True).stdout


class DirectoryWorld(World):
    name = "directory"
    BEFORE = ("nothing", "no folder", "an empty folder", "a folder", "a link to a folder")

    def build(self):
        self.target = self.place / ("a/b/app" if self.before == "no folder" else "app")
        self.place.mkdir(parents=True)
        (self.place / "neighbour").mkdir()
        real = self.place / "real" if self.before == "a link to a folder" else self.target
        if self.before in ("a folder", "a link to a folder"):
            real.mkdir()
            self.fill(real, b"old")
        if self.before == "a link to a folder":
            self.target.symlink_to("real")
        if self.before == "an empty folder":
            real.mkdir()
            dress(real)
        made = self.folder / "made"
        made.mkdir()
        self.fill(made, b"new")
        self.new = look(made)
        self.module.files = {"dest_dir": str(self.target).encode(), "update.tar": tar_of_folder(made)}
        shutil.rmtree(made)

    @staticmethod
    def fill(folder, content):
        for name in ODD_NAMES:
            (folder / name).write_bytes(content + os.fsencode(name) * 100)
            dress(folder / name)
        (folder / "sub/deep/er").mkdir(parents=True)
        (folder / "sub/file").write_bytes(content * 3000)
        (folder / "empty").mkdir()
        # A file takes the place of a folder, and a folder that of a file.
        file, inner = ("swap 1", "swap 2") if content == b"old" else ("swap 2", "swap 1")
        (folder / file).write_bytes(content)
        (folder / inner / "in it").mkdir(parents=True)
        (folder / "link").symlink_to("sub/file")
        (folder / "dangling").symlink_to("/nowhere")
        (folder / "upwards").symlink_to("../neighbour")
        os.link(folder / "sub/file", folder / "second name")
        os.mkfifo(folder / "pipe")
        os.mknod(folder / "null", 0o20666, os.makedev(1, 3))
        with open(folder / "hollow", "wb") as hollow:
            hollow.seek(1 << 20)
            hollow.write(content)
        dress(folder / "sub/file")
        dress(folder / "link")
        dress(folder / "sub/deep")
        dress(folder)

    def is_new(self):
        return not self.missing()

    def missing(self):
        """What is not as the payload has it."""
        return differences(self.new, look(self.target.resolve()))

    def is_whole(self):
        """Two renames: for a moment there is none. Never a mixture."""
        now = look(self.target.resolve())
        old = self.old.below("real" if self.before == "a link to a folder" else self.target.relative_to(self.place))
        return not now or not differences(old, now) or self.is_new()

    def spoil(self):
        self.module.files["update.tar"] = self.module.files["update.tar"][:9000]


# --- Packages ---

def build_deb(folder, name, version, files, conffiles=(), fields=(), scripts=()):
    """The bytes of a package. files: {path: bytes}; scripts: {"postinst": text}."""
    tree = folder / f"{name}-{version}"
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_bytes(content)
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "control").write_text("".join(f"{key}: {value}\n" for key, value in {
        "Package": name, "Version": version, "Architecture": "all", "Maintainer": "nobody <nobody@example.com>",
        "Description": "a test's", **dict(fields)}.items()))
    if conffiles:
        (control / "conffiles").write_text("".join(f"/{path}\n" for path in conffiles))
    for script, text in dict(scripts).items():
        (control / script).write_text(f"#!/bin/sh\n{text}\n")
        (control / script).chmod(0o755)
    subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", tree, folder / "made.deb"], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return (folder / "made.deb").read_bytes()


def build_rpm(folder, name, version, files, scripts=()):
    """The bytes of a package. scripts: {"post": text}."""
    top = folder / "rpmbuild"
    source = top / "source"
    for path, content in files.items():
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        (source / path).write_bytes(content)
    spec = top / "made.spec"
    spec.write_text("\n".join([
        f"Name: {name}", f"Version: {version}", "Release: 1", "Summary: a test's", "License: none", "BuildArch: noarch",
        "%description", "A test's.", "%install", f"cp -r {source}/. %{{buildroot}}/",
        *[f"%{script}\n{text}" for script, text in dict(scripts).items()], "%files", *[f"/{path}" for path in files]]) + "\n")
    subprocess.run(["rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", "--define", "__os_install_post %{nil}",
                    "--define", "_build_id_links none", "--define", "_binary_payload w0.gzdio", spec],
                   check=True, capture_output=True)
    made, = (top / "RPMS/noarch").iterdir()
    content = made.read_bytes()
    shutil.rmtree(top)
    return content


class PackageWorld(World):
    """A system in a folder with a package manager's database; app 2 with a new dependency replaces app 1."""

    BEFORE = ("nothing", "an older version", "the same version")
    way_back_needs_room = True
    disk_kib = 4096
    moments_in_ci = 3
    built = {}
    OLD = {"usr/share/app/data": b"old" * 1000, "usr/share/app/gone": b"old", "usr/share/app/moved": b"old"}
    NEW = {"usr/share/app/data": b"new" * 1000, "usr/share/app/more": b"new"}
    DEPENDENCY = {"usr/share/app/moved": b"new, in another package", "usr/share/dependency": b"new"}

    def __init__(self, folder, before, place=None, data=None):
        program = folder / "modules" / self.name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.symlink_to(MODULES / "package/package")
        self.program = program
        super().__init__(folder, before, place, data)

    def build(self):
        self.place.mkdir(parents=True)
        self.module.program = self.program
        self.module.environment = self.prepare_system()
        self.module.files = {f"app_2.{self.name}": self.package("app", "2", self.NEW),
                             f"dependency_1.{self.name}": self.package("dependency", "1", self.DEPENDENCY)}
        if self.before == "nothing":
            return
        new = self.module.files
        version = "2" if self.before == "the same version" else "1"
        self.module.files = {f"old.{self.name}": self.package("app", version, self.OLD)}
        self.module.install()
        self.module.commit()
        self.module.files = new

    def package(self, name, version, files, **more):
        """The bytes of a package, built once in a test run."""
        key = (self.name, name, version, tuple(sorted(files.items())), repr(more))
        if key not in PackageWorld.built:
            PackageWorld.built[key] = self.build_package(name, version, files, **more)
        return PackageWorld.built[key]

    def is_new(self):
        now = {path: (self.place / path).read_bytes() if (self.place / path).exists() else None
               for path in {**self.OLD, **self.NEW, **self.DEPENDENCY}}
        wanted = {**dict.fromkeys(now), **self.NEW, **self.DEPENDENCY}
        return now == wanted and set(self.installed()) == {("app", "2"), ("dependency", "1")}

    def is_whole(self):
        """A package manager that was killed leaves packages half installed: it says so, and the way back mends it."""
        return True

    def seen(self):
        """Folders do not count: a package manager leaves those that no package owns."""
        files = {path: facts for path, facts in look(self.place).items()
                 if path.startswith(("usr/", "etc/")) and facts["kind"] != "folder"}
        return {"files": Tree(files), "packages": self.installed()}

    def differences(self, old=None):
        old, now = old or self.old, self.seen()
        return differences(old["files"], now["files"]) + differing(old["packages"], now["packages"])

    def spoil(self):
        name = f"dependency_1.{self.name}"
        self.module.files[name] = self.module.files[name][:-600]


class DebWorld(PackageWorld):
    name = "deb"

    def prepare_system(self):
        for name in ("info", "updates", "triggers"):
            (self.place / "var/lib/dpkg" / name).mkdir(parents=True)
        (self.place / "var/lib/dpkg/status").touch()
        # Maintainer scripts run without chroot: there is no shell in the folder.
        return {"ROTA_PACKAGES_ROOT": str(self.place), "DPKG_FORCE": "script-chrootless"}

    def build_package(self, name, version, files, **more):
        fields = {}
        if name == "dependency":
            fields = {"Replaces": "app (<< 3)", "Breaks": "app (<< 2)"}
        elif files is self.NEW:
            fields = {"Depends": "dependency"}
        return build_deb(self.folder, name, version, files, fields=fields, **more)

    def installed(self):
        done = subprocess.run(["dpkg-query", "--root", self.place, "-W", "-f",
                               "${Package} ${Version} ${db:Status-Abbrev}\n"], capture_output=True, text=True)
        return sorted(tuple(line.split()[:2]) if line.split()[2] == "ii" else tuple(line.split())
                      for line in done.stdout.splitlines())


class RpmWorld(PackageWorld):
    name = "rpm"

    def prepare_system(self):
        subprocess.run(["rpm", "--root", self.place, "--initdb"], check=True)
        return {"ROTA_PACKAGES_ROOT": str(self.place)}

    def build_package(self, name, version, files, **more):
        return build_rpm(self.folder, name, version, files, **more)

    def installed(self):
        done = subprocess.run(["rpm", "--root", self.place, "-qa", "--qf", "%{NAME} %{VERSION}\n"], capture_output=True,
                              text=True)
        return sorted(tuple(line.split()) for line in done.stdout.splitlines())


# --- The whole system ---

class RootfsImageWorld(World):
    """Two partitions and a boot loader; a reboot is needed either way."""

    name = "rootfs-image"
    BEFORE = ("U-Boot", "GRUB")
    way_back_needs_room = True
    disk_kib = 8192
    NEW = random.Random(1).randbytes(5 * (1 << 19))

    def build(self):
        self.slots = Slots(self.place, self.before)
        programs = self.folder / "programs"
        programs.mkdir()
        agent = pathlib.Path(os.environ.get("ROTA_BIN", MODULES.parent / "out/bin")) / "rota-agent"
        (programs / "rota-agent").write_text(f'#!/bin/sh\nexec {agent} --root {self.place} "$@"\n')
        (programs / "rota-agent").chmod(0o755)
        options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
        self.module.environment = {"PATH": f"{programs}:{os.environ['PATH']}", "ASAN_OPTIONS": options}
        self.module.files = {"system.img": self.NEW}

    def seen(self):
        """What is on the partition that does not run is nobody's business."""
        running = self.slots.running
        return {"record": self.slots.record(), "running": running, "content": digest_of(self.slots.parts[running])}

    def differences(self, old=None):
        return differing(old or self.old, self.seen())

    def is_new(self):
        return (self.slots.record()["mender_boot_part"] == 3
                and self.slots.parts[3].read_bytes().startswith(self.NEW)
                and digest_of(self.slots.parts[2]) == self.old["content"])

    def is_whole(self):
        record = self.slots.record()
        return self.is_old() or self.is_new() and (record["upgrade_available"], record["bootcount"]) == (1, 0)

    def spoil(self):
        self.module.files["system.img"] = self.NEW * 2

    def commit(self):
        self.slots.reboot()
        self.module.ok("ArtifactVerifyReboot")
        self.module.ok("ArtifactCommit")

    def keep(self):
        super().keep()
        self.slots.reboot()
        assert self.slots.running == 3 and self.slots.record()["upgrade_available"] == 0

    def take_back(self):
        assert self.module.ask("SupportsRollback") == "Yes"
        for _ in range(2):
            self.module.ok("ArtifactRollback")
        self.slots.reboot()
        self.module.ok("ArtifactVerifyRollbackReboot")
        self.module.ok("ArtifactFailure")
        self.module.clean_up()


def agent_is_built():
    return (pathlib.Path(os.environ.get("ROTA_BIN", MODULES.parent / "out/bin")) / "rota-agent").exists()


# --- Containers ---

class DockerWorld(World):
    """Containers that run: of somebody else, or of an update before."""

    name = "docker"
    BEFORE = ("nothing", "of somebody else", "of an update before")
    way_back_needs_room = True
    moments_in_ci = 2
    disk_kib = 512

    def build(self):
        self.place.mkdir(parents=True)
        self.docker = Docker(self.place / "docker")
        self.module.environment = {"PATH": f"{self.docker.folder}:{os.environ['PATH']}"}
        if self.before == "of somebody else":
            for image in ("old/a", "old/b"):
                self.docker.run("pull", image)
                self.docker.run("run", "-d", image)
        if self.before == "of an update before":
            self.bring("old/a", "old/b")
            self.module.install()
            self.module.commit()
        self.bring("new/a@sha256:1", "new/b:2")

    def bring(self, *images):
        self.module.meta_data = {"containers": list(images), "run_args": "-p 80:80 -v *:/x"}

    def seen(self):
        """Images that were pulled and are used by none do no harm."""
        return {"containers": self.docker.containers()}

    def differences(self, old=None):
        return differing(old or self.old, self.seen())

    def is_new(self):
        return self.docker.running() == ["new/a@sha256:1", "new/b:2"]

    def is_whole(self):
        """Containers are stopped and started one after the other."""
        return True

    def spoil(self):
        self.bring("new/a@sha256:1", "missing/b")


class DockerComposeWorld(DockerWorld):
    name = "docker-compose"
    BEFORE = ("nothing", "the same project", "another project")

    def build(self):
        self.place.mkdir(parents=True)
        self.docker = Docker(self.place / "docker")
        self.module.environment = {"PATH": f"{self.docker.folder}:{os.environ['PATH']}"}
        if self.before != "nothing":
            self.bring("fleet" if self.before == "the same project" else "other", a="kept/a", b="old/b", c="old/c")
            self.module.install()
            self.module.commit()
        self.bring("fleet", a="kept/a", b="new/b", d="new/d")

    def bring(self, project, **services):
        self.module.meta_data = {"version": "1", "project_name": project}
        composition = "".join(f"{service} {image}\n" for service, image in services.items())
        self.module.files = {
            "images.tar.gz": tar_of({f"images/{service}.tar": f"image {image}" for service, image in services.items()}, "w:gz"),
            "manifests.tar": tar_of({"manifests/docker-compose.yml": composition}, "w")}

    def seen(self):
        """A container's number does not count: compose makes them anew."""
        return {"containers": sorted((container["image"], container["status"], container["labels"]["project"])
                                     for container in self.docker.containers().values())}

    def is_new(self):
        return self.docker.running() == ["kept/a", "new/b", "new/d"]

    def spoil(self):
        self.module.files["manifests.tar"] = tar_of({"manifests/docker-compose.yml": "not a composition"}, "w")


def tar_of(files, mode):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


WORLDS = {world.name: world for world in (SingleFileWorld, DirectoryWorld, DebWorld, RpmWorld, RootfsImageWorld, DockerWorld,
                                               DockerComposeWorld)}
NEEDS = {"deb": ["dpkg", "dpkg-deb"], "rpm": ["rpm", "rpmbuild"], "docker": ["jq"], "docker-compose": ["jq"]}


def reason_to_skip(name):
    """What this machine lacks for a world, or None."""
    missing = [program for program in NEEDS.get(name, ()) if not shutil.which(program)]
    if name == "rootfs-image" and not agent_is_built():
        return "rota-agent is not built (script/build)"
    return f"{', '.join(missing)} missing (script/setup test)" if missing else None


EACH = [pytest.param(name, before, marks=pytest.mark.skipif(bool(reason_to_skip(name)), reason=str(reason_to_skip(name))))
        for name, world in WORLDS.items() for before in world.BEFORE]
