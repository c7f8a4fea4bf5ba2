# SPDX-License-Identifier: Apache-2.0
"""What the generators of rota-artifact are tried with: packages, images and programs that stand for others."""

import gzip
import io
import json
import pathlib
import subprocess
import tarfile

from support.vehicle import write_program

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
RPM = VECTORS / "packages/rota-demo-1.0-2.noarch.rpm"
DIGEST = "sha256:" + "5a" * 32

# Answers like the real one where the generator and the update module ask it, and notes what it was told to do.
FAKE_DOCKER = """#!/bin/sh
echo "$*" >>@LOG@
case $1 in
inspect) for image; do :; done; echo "${image%:*}@@DIGEST@" ;;
ps) [ ! -e @LOG@.running ] || cat @LOG@.running ;;
esac
"""


def fake_docker(folder, log):
    write_program(folder / "docker", FAKE_DOCKER.replace("@LOG@", str(log)).replace("@DIGEST@", DIGEST))


def fake_program(folder, name, log, status=0):
    """Notes its words, each on a line of its own with those of one call after one another."""
    write_program(folder / name, f'#!/bin/sh\nfor word; do echo "{name} $word" >>{log}; done\nexit {status}\n')


def make_deb(path, name="rota-demo", version="1.0-1", compression="xz", fields=""):
    """A package of dpkg-deb's own making."""
    tree = path.parent / f"{path.name}.tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN/control").write_text(f"Package: {name}\nVersion: {version}\nArchitecture: all\n{fields}"
                                         "Maintainer: Rota <rota@example.com>\nDescription: a package to test with\n")
    (tree / "usr/share").mkdir(parents=True)
    (tree / "usr/share/content").write_text(name)
    subprocess.run(["dpkg-deb", "--root-owner-group", f"-Z{compression}", "-b", tree, path], check=True,
                   capture_output=True, timeout=60)
    return path


def tar_bytes(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def make_image(path, packed=False):
    """The shape of what docker save writes."""
    image = tar_bytes({"blob": b"x" * 1000, "manifest.json": json.dumps([{"Config": "c", "Layers": []}]).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(image) if packed else image)
    return path
