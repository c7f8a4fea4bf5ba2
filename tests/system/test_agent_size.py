# SPDX-License-Identifier: Apache-2.0
"""How large the vehicle's build is, and what it holds in memory while nothing happens, beside rauc, swupdate and
mender-client from Debian, all in one run. Prints what it measures."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest
from support.vehicle import DEADLINE_S, Vehicle

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = pathlib.Path(os.environ.get("ROTA_PEERS", ROOT / "out/peers"))
SMALL = ROOT / "out/small/bin"
PROGRAMS_MAX = 400_000  # bytes: agent, network process and key process, stripped
SETTLE_S = 5
NOBODY_THERE = "http://127.0.0.1:9"
pytestmark = [pytest.mark.release, pytest.mark.shows("I4-MS5", "F10")]

BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={folder}/bus</listen><auth>EXTERNAL</auth><policy context="default">
<allow user="*"/><allow own="*"/><allow send_destination="*"/><allow send_type="signal"/><allow receive_sender="*"/>
<allow send_requested_reply="true" send_type="method_return"/><allow send_requested_reply="true" send_type="error"/>
</policy></busconfig>
"""


def children(pid):
    return [word for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]


def pss_kb(pid):
    """Of the process and all below it."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return own + sum(pss_kb(child) for child in children(pid))


def wait_for(condition, what):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@contextlib.contextmanager
def running(words, folder, environment=()):
    with open(folder / f"{pathlib.Path(words[0]).name}.log", "wb") as log:
        process = subprocess.Popen(list(map(str, words)), cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                   env={**os.environ, **dict(environment)})
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def idle_kb(words, folder, environment=()):
    with running(words, folder, environment) as process:
        time.sleep(SETTLE_S)
        assert process.poll() is None, (folder / f"{pathlib.Path(words[0]).name}.log").read_text()
        return pss_kb(process.pid)


def library_path():
    return {"LD_LIBRARY_PATH": ":".join(str(PEERS / name) for name in ("usr/lib", "usr/lib/x86_64-linux-gnu"))}


def mender_kb(folder):
    (folder / "data").mkdir()
    (folder / "data/device_type").write_text("device_type=x\n")
    (folder / "mender.conf").write_text(json.dumps({"ServerURL": "https://127.0.0.1:9"}))
    return idle_kb([PEERS / "usr/bin/mender", "--no-syslog", "--config", "mender.conf", "--data", "data", "daemon"],
                   folder, library_path())


def make_certificate(folder):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem",
                    "-subj", "/CN=x", "-days", "2"], cwd=folder, check=True, capture_output=True)


def rauc_kb(folder):
    make_certificate(folder)
    for name in ("a", "b"):
        (folder / name).write_bytes(bytes(4096))
    slots = "".join(f"[slot.rootfs.{i}]\ndevice={folder}/{name}\nbootname={name}\n" for i, name in enumerate("ab"))
    (folder / "system.conf").write_text(f"[system]\ncompatible=x\nbootloader=noop\nstatusfile={folder}/status\n"
                                        f"[keyring]\npath=cert.pem\n{slots}")
    (folder / "bus.conf").write_text(BUS.format(folder=folder))
    with running(["dbus-daemon", f"--config-file={folder}/bus.conf", "--nofork", "--nopidfile"], folder):
        wait_for((folder / "bus").exists, "the bus")
        return idle_kb([PEERS / "usr/bin/rauc", "--conf=system.conf", "--override-boot-slot=a", "service"], folder,
                       {**library_path(), "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={folder}/bus"})


def swupdate_kb(folder):
    make_certificate(folder)
    (folder / "swupdate.cfg").write_text('globals : { loglevel = 3; bootloader = "none"; };\n')
    return idle_kb([PEERS / "usr/bin/swupdate", "-f", "swupdate.cfg", "-k", "cert.pem", "-u",
                    f"-t default -u {NOBODY_THERE} -i x -p 600"], folder, {**library_path(), "TMPDIR": str(folder)})


def rota_kb(folder):
    vehicle = Vehicle(SMALL, folder).build(NOBODY_THERE, {"RetryPollIntervalSeconds": 3600})
    daemon = vehicle.start()
    try:
        daemon.wait_for_log("update check: ")
        wait_for(lambda: not children(daemon.process.pid), "the end of the contact")
        time.sleep(SETTLE_S)
        return pss_kb(daemon.process.pid)
    finally:
        daemon.stop()


def test_programs_of_the_small_build(tmp_path):
    sizes = {}
    for program in sorted(SMALL.glob("rota-agent*")):
        shutil.copy(program, tmp_path)
        subprocess.run(["strip", tmp_path / program.name], check=True)
        sizes[program.name] = (tmp_path / program.name).stat().st_size
    print(f"stripped: {sizes}, {sum(sizes.values())} bytes of {PROGRAMS_MAX}")
    assert sorted(sizes) == ["rota-agent", "rota-agent-key", "rota-agent-net"]
    assert sum(sizes.values()) < PROGRAMS_MAX


@pytest.mark.parametrize("peer", ["rauc", "swupdate", "mender"])
def test_idle_memory_is_below(peer, tmp_path):
    for name in ("rota", peer):
        (tmp_path / name).mkdir()
    ours = rota_kb(tmp_path / "rota")
    theirs = {"rauc": rauc_kb, "swupdate": swupdate_kb, "mender": mender_kb}[peer](tmp_path / peer)
    print(f"idle, PSS of all processes: rota-agent {ours} kB, {peer} {theirs} kB, {ours / theirs:.2f} x")
    assert ours < theirs
