# SPDX-License-Identifier: Apache-2.0
"""Update module protocol v3 as a module sees it: its tree, how it is fed, what it may answer, how it is ended."""

import os
import pathlib
import time

import pytest
from support.artifact import make_artifact
from support.vehicle import Vehicle, write_program

LARGE = os.urandom(3 << 20)
FILES = [("first", b"one"), ("empty", b""), ("large", LARGE), ("last", b"four")]

# Reads every stream as modules in the field do, into $root/got.
READER = r'''
case "$1" in
ProvidePayloadFileSizes) echo @SIZES@ ;;
@DOWNLOAD@)
	mkdir -p "$root/got"
	while true; do
		line="$(cat stream-next)"
		[ -n "$line" ] || break
		echo "$line" >>"$root/lines"
		set -- $line
		cat "$1" >"$root/got/$(basename "$1")"
	done
	;;
'''


@pytest.fixture
def vehicle(bin, tmp_path):
    return Vehicle(bin, tmp_path).build()


def module(vehicle, body):
    """Installs a module; body: what stands between `case` and `esac`, or a whole program's rest."""
    write_program(vehicle.root / "usr/share/mender/modules/v3/fake",
                  f'#!/bin/sh\nroot={vehicle.root}\necho "$1" >>"$root/calls"\n{body}\nexit 0\n')


def reader(vehicle, sizes=False, rest=""):
    body = READER.replace("@SIZES@", "Yes" if sizes else "No")
    module(vehicle, body.replace("@DOWNLOAD@", "DownloadWithFileSizes" if sizes else "Download") + rest + "\nesac")


def install(vehicle, files=FILES, **options):
    path = vehicle.root / "artifact.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], files, type="fake", **options))
    return vehicle.run("install", path)


def got(vehicle):
    return {path.name: path.read_bytes() for path in (vehicle.root / "got").iterdir()}


def test_streams_are_read_one_by_one(vehicle):
    reader(vehicle)
    done = install(vehicle)
    assert done.returncode == 0, done.stderr
    assert got(vehicle) == dict(FILES)
    assert (vehicle.root / "lines").read_text().split() == [f"streams/{name}" for name, _ in FILES]


def test_sizes_come_with_the_names(vehicle):
    reader(vehicle, sizes=True)
    assert install(vehicle).returncode == 0
    assert got(vehicle) == dict(FILES)
    assert (vehicle.root / "lines").read_text().splitlines() == [f"streams/{n} {len(c)}" for n, c in FILES]
    assert "DownloadWithFileSizes" in vehicle.calls() and "Download" not in vehicle.calls()


def test_a_module_that_keeps_a_pipe_open_is_not_confused(vehicle):
    module(vehicle, '''[ "$1" = Download ] || exit 0
mkdir -p "$root/got"
while true; do
	exec 3<stream-next
	read -r line <&3 || break
	name=$(basename "$line")
	cat "$line" >"$root/got/$name"
done''')
    done = install(vehicle)
    assert done.returncode == 0, done.stderr
    assert got(vehicle) == dict(FILES)


def test_a_slow_reader_gets_everything(vehicle):
    module(vehicle, '''[ "$1" = Download ] || exit 0
mkdir -p "$root/got"
while line="$(sleep 0.2; cat stream-next)"; [ -n "$line" ]; do
	{ sleep 0.3; cat; } <"$line" >"$root/got/$(basename "$line")"
done''')
    assert install(vehicle).returncode == 0
    assert got(vehicle) == dict(FILES)


def test_without_reading_the_files_are_in_the_tree(vehicle):
    module(vehicle, '[ "$1" != ArtifactInstall ] || cp -r files "$root/got"')
    assert install(vehicle).returncode == 0
    assert got(vehicle) == dict(FILES)


def test_the_tree(vehicle):
    module(vehicle, '[ "$1" != ArtifactInstall ] || { cp -r . "$root/tree"; pwd >"$root/cwd"; echo "$2 $#" >"$root/arguments"; }')
    assert install(vehicle, meta_data={"a": 1}).returncode == 0
    tree = vehicle.data / "modules/v3/payloads/0000/tree"
    copy = vehicle.root / "tree"
    assert (vehicle.root / "cwd").read_text().strip() == str(tree)
    assert (vehicle.root / "arguments").read_text().split() == [str(tree), "2"]
    for name, expected in {"version": "3", "current_artifact_name": "unknown", "current_artifact_group": "",
                           "current_device_type": "test-vehicle", "header/artifact_name": "release-2",
                           "header/artifact_group": "", "header/payload_type": "fake", "header/meta-data": '{"a":1}'}.items():
        assert (copy / name).read_text() == expected, name
    assert '"type":"fake"' in (copy / "header/type-info").read_text()
    assert '"artifact_name":"release-2"' in (copy / "header/header-info").read_text()
    assert (copy / "tmp").is_dir() and not (copy / "stream-next").exists() and not (copy / "streams").exists()


@pytest.mark.parametrize("body,message", [
    ('[ "$1" != Download ] || { cat stream-next >/dev/null; exit 0; }', "ended before it had read all"),
    ('[ "$1" != Download ] || { f="$(cat stream-next)"; cat "$f" >/dev/null; exit 0; }', "started downloading, but did not finish"),
    ('[ "$1" != Download ] || exit 3', "exited with 3"),
    ('[ "$1" != Download ] || { f="$(cat stream-next)"; head -c1 "$f" >/dev/null; exit 1; }', ""),
    ('[ "$1" != ProvidePayloadFileSizes ] || echo Maybe', "none of the protocol's"),
    ('[ "$1" != ProvidePayloadFileSizes ] || printf "No\\nNo\\n"', "none of the protocol's"),
    ('[ "$1" != ProvidePayloadFileSizes ] || echo Automatic', "none of the protocol's"),
])
def test_what_ends_a_download(vehicle, body, message):
    module(vehicle, body)
    done = install(vehicle, files=[("large", LARGE), ("last", b"x")])
    assert done.returncode == 1
    assert "Streaming failed." in done.stdout and "System not modified." in done.stdout
    assert message in done.stderr
    assert vehicle.calls()[-1] == "Cleanup" and "ArtifactInstall" not in vehicle.calls()


def test_a_module_that_does_not_come_back_is_ended_with_its_children(vehicle):
    vehicle.configure(settings={"ModuleTimeoutSeconds": 1})
    module(vehicle, '''case "$1" in
SupportsRollback) echo Yes ;;
ArtifactInstall) sleep 300 & echo $! >"$root/child"; wait ;;
esac''')
    start = time.monotonic()
    done = install(vehicle)
    assert done.returncode == 1 and "took longer than 1 s" in done.stderr
    assert time.monotonic() - start < 30
    child = int((vehicle.root / "child").read_text())
    assert not pathlib.Path(f"/proc/{child}").exists() or \
        pathlib.Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
    assert "Rolled back." in done.stdout


def test_a_module_that_is_missing_is_refused_before_anything_runs(vehicle):
    path = vehicle.root / "artifact.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], FILES, type="not-there"))
    done = vehicle.run("install", path)
    assert done.returncode == 1
    assert "update module not found: not-there" in done.stderr and "System not modified." in done.stdout


@pytest.mark.parametrize("type", ["../fake", ".hidden", "a/b"])
def test_a_payload_type_cannot_leave_the_folder_of_modules(vehicle, type):
    path = vehicle.root / "artifact.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], FILES, type=type))
    done = vehicle.run("install", path)
    assert done.returncode == 1 and "System not modified." in done.stdout
    assert vehicle.calls() == []


def test_what_a_module_says_is_in_the_log(vehicle):
    module(vehicle, '[ "$1" != ArtifactInstall ] || { echo to output; echo to errors >&2; printf "no end"; }')
    done = install(vehicle)
    for text in ("to output", "to errors", "no end"):
        assert f"ArtifactInstall: {text}" in done.stderr
