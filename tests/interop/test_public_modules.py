# SPDX-License-Identifier: Apache-2.0
"""Update modules that others publish, unmodified, under rota-agent: none of their text is here. ROTA_UPDATE_MODULES names
checkouts of repositories that have them, a colon between; a module is found as NAME/module/NAME or support/modules/NAME.
The programs they call (opkg, kubectl, ...) are fakes that write down how they were called."""

import io
import os
import pathlib
import tarfile

import pytest
from support.agent_sides import OURS, AgentSide
from support.artifact import make_artifact

pytestmark = pytest.mark.shows("MS2")
SPREAD = True  # no case shares anything with another

CHECKOUTS = [pathlib.Path(word) for word in os.environ.get("ROTA_UPDATE_MODULES", "").split(":") if word]
FAKE = "#!/bin/sh\necho ${0##*/} $* >>/data/programs\n"
BOOT_LOADER = """#!/bin/sh
# Both programs of U-Boot's environment: NAME, NAME VALUE or -s -.
case "$0 $1" in
*print*) grep "^$1=" /data/environment; exit ;;
*" -s") set -- "$(cat)" ;;
*) set -- "$1 $2" ;;
esac
echo "$1" | while read -r name value; do
	grep -v "^$name=" /data/environment >/data/environment.new
	echo "$name=$value" >>/data/environment.new
	mv /data/environment.new /data/environment
done
"""


def tar_of(name, content):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def text(path):
    return lambda root: (root / path).read_text() if (root / path).exists() else None


def put_boot_loader(root):
    for name in ("fw_printenv", "fw_setenv"):
        write(root / "opt/peer/bin" / name, BOOT_LOADER)
    write(root / "usr/share/mender/utils/mender-compare-versions", "#!/bin/sh\n")
    write(root / "data/environment", "mender_boot_part=2\nmender_boot_part_hex=2\nupgrade_available=0\nbootcount=0\n")
    for part in ("part2", "part3"):
        write(root / "data" / part, "old")
    write(root / "etc/mender/rootfs-version-check.conf", "MENDER_ROOTFS_PART_A=/data/part2\nMENDER_ROOTFS_PART_B=/data/part3\n")


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    path.chmod(0o755)


FOLDER = {"dest_dir": b"/data/place", "update.tar": tar_of("app", b"new"), "manifest": b"app\n"}
# name -> files, meta-data, what is looked at, what it is after the install; status of the install; status of the
# rollback, None where the module has none; what is there before
ROWS = {
    "banner": ({}, {"banner_text": "hello"}, text("etc/motd"), "hello\n", 0, 0, None),
    "dir-overlay": (FOLDER, None, text("data/place/app"), "new", 0, 0, None),
    "directory": (FOLDER, None, text("data/place/app"), "new", 0, 0, None),
    "single-file": ({"dest_dir": b"/data", "filename": b"app", "permissions": b"640", "app": b"new"}, None, text("data/app"),
                    "new", 0, 0, None),
    # It wants to read dest_dir before anything was downloaded, and says no: under each client.
    "persistent-app": ({"dest_dir": b"/data/place", "app": b"new"}, None, text("data/place/app"), None, 1, None, None),
    "rootfs-version-check": ({"image": b"new"}, None, text("data/part3"), "new", 4, 0, put_boot_loader),
    "reboot": ({"x": b""}, None, text("data/programs"), None, 4, None, None),
    "dirty": ({"x": b""}, None, text("data/programs"), None, 1, None, None),
    "dfu": ({"firmware": b"new"}, None, text("data/programs"),
            "dfu-util --alt 1 --download @TREE@/files/firmware\n", 0, None, None),
    "ipk": ({"a.ipk": b"new"}, None, text("data/programs"), "opkg install @TREE@/files/a.ipk\n", 0, None, None),
    "k8s": ({"a.yaml": b"new"}, None, text("data/programs"), "kubectl apply -f @TREE@/files/a.yaml\n", 0, None, None),
    "swu": ({"a.swu": b"new"}, {"reboot": "true"}, text("data/programs"), "swupdate -i @TREE@/files/a.swu\n", 4, None, None),
    "install_snap": ({"x": b""}, {"snaps": ["a", "b"]}, text("data/programs"), "snap install a\nsnap install b\n", 0, None, None),
    "podman": ({"x": b""}, {"containers": ["a/b"], "run_args": "-p 1:1"}, text("data/programs"),
               "podman ps -q\npodman pull a/b\npodman run -dt -p 1:1 a/b\n", 0, 0, None),
}
PROGRAMS = ("dfu-util", "opkg", "kubectl", "swupdate", "snap", "podman")


def find(name):
    for checkout in CHECKOUTS:
        for path in (checkout / name / "module" / name, checkout / "support/modules" / name):
            if path.is_file():
                return path
    return None


@pytest.mark.parametrize("name", ROWS)
def test_module(peers, bin, tmp_path_factory, name):
    program = find(name)
    if program is None:
        pytest.skip("no checkout with this module: ROTA_UPDATE_MODULES names some")
    files, meta_data, seen, wanted, installs, rolls_back, prepare = ROWS[name]
    side = AgentSide(OURS, peers, bin, tmp_path_factory.mktemp("p") / "x")
    try:
        # Not all of them are executable in their repositories.
        write(side.root / "usr/share/mender/modules/v3" / name, program.read_text())
        for each in PROGRAMS:
            write(side.root / "opt/peer/bin" / each, FAKE)
        if prepare:
            prepare(side.root)
        old = seen(side.root)
        (side.root / "data/b.mender").write_bytes(make_artifact(
            "release-2", ["test-vehicle"], list(files.items()), type=name, meta_data=meta_data))
        done = side.run("install", "--reboot-exit-code", "/data/b.mender")
        assert done.returncode == installs, done.stdout + done.stderr
        tree = "/var/lib/mender/modules/v3/payloads/0000/tree"
        assert seen(side.root) == (wanted and wanted.replace("@TREE@", tree)), done.stderr
        name_now = side.run("show-artifact").stdout.strip()
        if rolls_back is None:
            assert name_now == {"dirty": "release-2_INCONSISTENT", "persistent-app": "release-1"}.get(name, "release-2")
            return
        done = side.run("rollback")
        assert done.returncode == rolls_back and side.run("show-artifact").stdout.strip() == "release-1", done.stderr
        if name == "banner":  # the others leave what was not there before, by their own account
            assert seen(side.root) == old
    finally:
        side.remove()
