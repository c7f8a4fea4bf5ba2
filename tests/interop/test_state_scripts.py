# SPDX-License-Identifier: Apache-2.0
"""State scripts under Debian's mender-client and under rota-agent: which are run, in which order, how often, and how an
install by hand ends. Where the two part the row says why; 5.x is then what ours does, where it does otherwise than 3.4.0."""

import dataclasses
import json
import time

import pytest
from support.agent_sides import OURS, THEIRS, AgentSide
from support.artifact import make_artifact

pytestmark = pytest.mark.shows("MS2", "M4")
SPREAD = True  # no case shares anything with another

SETTINGS = {"StateScriptTimeoutSeconds": 2, "StateScriptRetryIntervalSeconds": 1, "StateScriptRetryTimeoutSeconds": 3}
TRIES = 'echo x >>/data/tries; [ $(wc -l </data/tries) -gt {} ] || exit 21'
HANGS = "(sleep 4; echo child >>/data/ran) & sleep 5"
FAILS = "ArtifactInstall_Enter_50", "exit 1"
BACK = "ArtifactRollback_Enter_00", ""


@dataclasses.dataclass(frozen=True)
class Row:
    artifact: tuple = ()  # (name, what it does beside being noted), in the artifact
    system: tuple = ()    # in /etc/mender/scripts
    ran: str = ""         # what was run, by both; a number behind a name: so many times
    status: int = 0
    theirs: str = ""      # where the two part: what 3.4.0 ran, and
    theirs_status: int = -1
    because: str = ""
    modes: tuple = ()     # (name, mode)
    version: str = "3"
    tries: bool = False   # how often a script is tried within its window may differ by one


def named(*names, does=""):
    return tuple((name, does) for name in names)


ROWS = {
    "by the order of their names": Row(
        artifact=named("ArtifactInstall_Enter_10", "ArtifactInstall_Enter_02_b", "ArtifactInstall_Enter_02_a", "ArtifactInstall_Enter_99",
                       "ArtifactInstall_Leave_00"),
        ran="ArtifactInstall_Enter_02_a ArtifactInstall_Enter_02_b ArtifactInstall_Enter_10 ArtifactInstall_Enter_99 "
            "ArtifactInstall_Leave_00"),
    "those of the system": Row(
        system=named("Download_Enter_00", "Download_Leave_00", "Download_Error_00", "Sync_Enter_00", "Idle_Enter_00",
                     "ArtifactInstall_Enter_00", "ArtifactCommit_Enter_00"),
        ran="Download_Enter_00 Download_Leave_00"),
    "names that are none": Row(
        system=named("Download_Enter_1", "Download_Enter_100", "Download_Enter_05_", "Download_Enter_07_a b",
                     "download_Enter_09", "Download_Enter_10.bak", "Download_Enter", "Download_Before_11", "Download_Enter_12_good"),
        ran="Download_Enter_12_good"),
    "a name with something before it": Row(
        system=named("xDownload_Enter_08", "Download_Enter_12"), ran="Download_Enter_12",
        theirs="Download_Enter_12 xDownload_Enter_08", theirs_status=0,
        because="3.4.0 looks for the name anywhere in the file's; 5.x and ours do not: a backup of a script is no script"),
    "the first failure ends the group": Row(
        artifact=(*named("ArtifactInstall_Enter_00"), FAILS, *named("ArtifactInstall_Enter_99", "ArtifactInstall_Leave_00",
                  "ArtifactInstall_Error_00"), BACK),
        ran="ArtifactInstall_Enter_00 ArtifactInstall_Enter_50 ArtifactInstall_Error_00 ArtifactRollback_Enter_00", status=1),
    "in Error all are run": Row(
        artifact=(FAILS, *named("ArtifactInstall_Error_00", "ArtifactInstall_Error_01", does="exit 1"),
                  *named("ArtifactInstall_Error_02"), BACK),
        ran="ArtifactInstall_Enter_50 ArtifactInstall_Error_00 ArtifactInstall_Error_01 ArtifactInstall_Error_02 "
            "ArtifactRollback_Enter_00", status=1),
    "a failure before the download": Row(
        system=(("Download_Enter_00", "exit 1"), *named("Download_Leave_00", "Download_Error_00")),
        ran="Download_Enter_00 Download_Error_00", status=1),
    "21, then done": Row(
        artifact=(("ArtifactInstall_Enter_00", TRIES.format(2)), *named("ArtifactInstall_Leave_00")),
        ran="ArtifactInstall_Enter_00 3 ArtifactInstall_Leave_00"),
    "21 beyond the window": Row(
        artifact=(("ArtifactInstall_Enter_00", "exit 21"), *named("ArtifactInstall_Error_00"), BACK),
        ran="ArtifactInstall_Enter_00 4 ArtifactInstall_Error_00 ArtifactRollback_Enter_00", status=1, tries=True),
    "each script has a window of its own": Row(
        artifact=(("ArtifactInstall_Enter_00", TRIES.format(2)), ("ArtifactInstall_Enter_01", TRIES.format(5))),
        ran="ArtifactInstall_Enter_00 3 ArtifactInstall_Enter_01 3"),
    "21 in Error": Row(
        artifact=(FAILS, ("ArtifactInstall_Error_00", "exit 21"), *named("ArtifactInstall_Error_01"), BACK),
        ran="ArtifactInstall_Enter_50 ArtifactInstall_Error_00 4 ArtifactInstall_Error_01 ArtifactRollback_Enter_00", status=1,
        tries=True),
    "another status than 21": Row(
        artifact=(("ArtifactInstall_Enter_00", "exit 20"), *named("ArtifactInstall_Error_00")),
        ran="ArtifactInstall_Enter_00 ArtifactInstall_Error_00", status=1),
    "one that hangs, and its children": Row(
        artifact=(("ArtifactInstall_Enter_00", HANGS), *named("ArtifactInstall_Error_00")),
        ran="ArtifactInstall_Enter_00 ArtifactInstall_Error_00", status=1),
    "without arguments": Row(
        artifact=(("ArtifactInstall_Enter_00", "[ $# = 0 ]"),), ran="ArtifactInstall_Enter_00"),
    "not executable": Row(
        system=named("Download_Enter_00", "Download_Enter_01"), modes=(("Download_Enter_00", 0o644),),
        ran="Download_Enter_01", theirs="", theirs_status=1,
        because="5.x skips it, and so does ours, with a warning; 3.4.0 fails"),
}


class Vehicle:
    def __init__(self, side, row):
        self.side, self.row = side, row
        config = json.loads((side.root / "etc/mender/mender.conf").read_text())
        side.client.put("etc/mender/mender.conf", json.dumps({**config, **SETTINGS}))
        for name, does in row.system:
            side.client.put(f"etc/mender/scripts/{name}", self.text(name, does), 0o755)
        for name, mode in row.modes:
            (side.root / "etc/mender/scripts" / name).chmod(mode)
        side.client.put("etc/mender/scripts/version", row.version)
        scripts = [(name, self.text(name, does).encode()) for name, does in row.artifact]
        (side.root / "data/b.mender").write_bytes(
            make_artifact("release-2", ["test-vehicle"], [("software", b"version 2")], type="rota-test", scripts=scripts))

    @staticmethod
    def text(name, does):
        return f"#!/bin/sh\necho '{name}' >>/data/ran\n{does}\n"

    def install(self):
        done = self.side.run("install", "/data/b.mender")
        if "sleep" in str(self.row.artifact):
            time.sleep(4)  # for a child that was not ended to say so
        path = self.side.root / "data/ran"
        ran = path.read_text().splitlines() if path.exists() else []
        return done.returncode, counted(ran), done.stdout + done.stderr


def counted(names):
    """[[name, times]] of what was run one after the other."""
    runs = []
    for name in names:
        if runs and runs[-1][0] == name:
            runs[-1][1] += 1
        else:
            runs.append([name, 1])
    return runs


def wanted_of(text):
    runs = []
    for word in text.split():
        if word.isdigit():
            runs[-1][1] = int(word)
        else:
            runs.append([word, 1])
    return runs


def same(runs, wanted, tries):
    return runs == wanted or tries and [name for name, _ in runs] == [name for name, _ in wanted] and all(
        abs(times - other) <= 1 for (_, times), (_, other) in zip(runs, wanted))


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("whose", [OURS, THEIRS])
def test_row(peers, bin, tmp_path_factory, name, whose):
    row = ROWS[name]
    side = AgentSide(whose, peers, bin, tmp_path_factory.mktemp("t") / "x")
    try:
        status, ran, said = Vehicle(side, row).install()
        parts = whose == THEIRS and row.because
        wanted = wanted_of(row.theirs if parts else row.ran)
        assert same(ran, wanted, row.tries), f"{ran}\n{said}"
        assert status == (row.theirs_status if parts else row.status), said
    finally:
        side.remove()
