# SPDX-License-Identifier: Apache-2.0
"""Updates by hand: texts, exit statuses and the order of calls are those of Mender's client."""

import gzip
import hashlib
import os
import pathlib
import re
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from support.artifact import compact, make_artifact, tar_of
from support.vehicle import Vehicle

VECTORS = pathlib.Path(__file__).resolve().parent.parent / "vectors/artifacts"
NOTHING, REBOOT = 2, 4
NOTE = "#!/bin/sh\necho $(basename $0) >>@ROOT@/calls\n@REST@\n"
ALL_SCRIPTS = [f"{state}_{moment}_00" for state in ("ArtifactInstall", "ArtifactCommit", "ArtifactRollback", "ArtifactFailure")
               for moment in ("Enter", "Leave", "Error")]
SHORT = {"Download": "Dl", "ArtifactInstall": "In", "ArtifactCommit": "Co", "ArtifactRollback": "Ro",
         "ArtifactFailure": "Fa", "Cleanup": "Cl"}
MOMENTS = {"Enter": ">", "Leave": "<", "Error": "!"}


@pytest.fixture
def vehicle(bin, tmp_path):
    vehicle = Vehicle(bin, tmp_path).build()
    for moment in MOMENTS:
        vehicle.script(f"Download_{moment}_00", note(vehicle))
    return vehicle


def note(vehicle, rest=""):
    return NOTE.replace("@ROOT@", str(vehicle.root)).replace("@REST@", rest)


def artifact(vehicle, name="release-2", failing=(), **options):
    scripts = [(script, note(vehicle, "exit 1" if script in failing else "").encode()) for script in ALL_SCRIPTS]
    path = vehicle.root / f"{name}.mender"
    path.write_bytes(make_artifact(name, options.pop("device_types", ["test-vehicle"]), [("content", b"new")],
                                   type="fake", scripts=scripts, **options))
    return path


def chain(vehicle):
    """The calls in Mender's short notation: In> In In<."""
    words = []
    for call in vehicle.calls():
        state, _, rest = call.partition("_")
        words.append(SHORT[state] + (MOMENTS[rest.split("_")[0]] if rest else ""))
    return " ".join(words)


def said(done):
    return done.stdout.splitlines()


def test_install_and_commit(vehicle):
    done = vehicle.run("install", artifact(vehicle))
    assert done.returncode == 0, done.stderr
    assert said(done) == ["Installing artifact...", "Installed, but not committed.",
                          "Use 'commit' to update, or 'rollback' to roll back the update."]
    assert chain(vehicle) == "Dl> Dl Dl< In> In In<" and vehicle.artifact_name() == "unknown"
    done = vehicle.run("commit")
    assert (done.returncode, said(done)) == (0, ["Committed."])
    assert chain(vehicle) == "Dl> Dl Dl< In> In In< Co> Co Co< Cl"
    assert vehicle.artifact_name() == "release-2" and vehicle.target() == "new"


def test_scripts_that_cannot_be_listed_forbid_the_update(vehicle):
    """One of them may be there to say no; a file where their folder should be is what a damaged disk may leave."""
    shutil.rmtree(vehicle.root / "etc/mender/scripts")
    (vehicle.root / "etc/mender/scripts").write_bytes(b"")
    done = vehicle.run("install", artifact(vehicle))
    assert done.returncode == 1 and "System not modified." in done.stdout
    assert "state scripts: " in done.stderr and "ArtifactInstall" not in vehicle.calls()
    assert vehicle.target() == "old"


def test_install_and_rollback(vehicle):
    vehicle.run("install", artifact(vehicle))
    assert vehicle.target() == "new"
    done = vehicle.run("rollback")
    assert (done.returncode, said(done)) == (0, ["Rolled back."])
    assert chain(vehicle) == "Dl> Dl Dl< In> In In< Ro> Ro Ro< Fa> Fa Fa< Cl"
    assert vehicle.artifact_name() == "unknown" and vehicle.target() == "old"


def test_without_rollback_it_commits_at_once(vehicle):
    (vehicle.root / "supports-rollback").write_text("No")
    done = vehicle.run("install", artifact(vehicle))
    assert done.returncode == 0
    assert said(done)[1:] == ["Update Module doesn't support rollback. Committing immediately.", "Installed and committed."]
    assert chain(vehicle) == "Dl> Dl Dl< In> In In< Co> Co Co< Cl"
    assert vehicle.artifact_name() == "release-2"


@pytest.mark.parametrize("verb", ["commit", "rollback", "resume"])
def test_nothing_in_progress(vehicle, verb):
    done = vehicle.run(verb)
    assert (done.returncode, said(done)) == (NOTHING, ["No update in progress."])


def test_a_second_install_is_refused(vehicle):
    vehicle.run("install", artifact(vehicle))
    done = vehicle.run("install", artifact(vehicle, "release-3"))
    assert done.returncode == 1 and "Update already in progress" in done.stdout
    assert vehicle.run("rollback").returncode == 0


@pytest.mark.parametrize("wish,flag,status", [("Automatic", True, REBOOT), ("Yes", True, REBOOT), ("No", True, 0),
                                              ("Automatic", False, 0)])
def test_reboot_exit_code(vehicle, wish, flag, status):
    (vehicle.root / "needs-reboot").write_text(wish)
    done = vehicle.run("install", *(["--reboot-exit-code"] if flag else []), artifact(vehicle))
    assert done.returncode == status
    assert ("At least one payload requested a reboot" in done.stdout) == (wish != "No")
    assert "reboot" not in vehicle.calls()


# what fails -> the chain, the words, the software's name afterwards
FAILURES = {
    "Download_Enter_00": ("Dl> Dl!", "Streaming failed.|System not modified.", "unknown"),
    "ArtifactInstall_Enter_00": ("Dl> Dl Dl< In> In! Ro> Ro Ro< Fa> Fa Fa< Cl", "Installation failed.|Rolled back.", "unknown"),
    "ArtifactInstall": ("Dl> Dl Dl< In> In In! Ro> Ro Ro< Fa> Fa Fa< Cl", "Installation failed.|Rolled back.", "unknown"),
    "ArtifactInstall_Leave_00": ("Dl> Dl Dl< In> In In< In! Ro> Ro Ro< Fa> Fa Fa< Cl", "Installation failed.|Rolled back.",
                                 "unknown"),
}


@pytest.mark.parametrize("what", FAILURES)
def test_install_fails(vehicle, what):
    expected, words, name = FAILURES[what]
    if what.startswith("Download_"):
        vehicle.script(what, note(vehicle, "exit 1"))
    elif "_" not in what:
        vehicle.fault(what, "fail")
    done = vehicle.run("install", artifact(vehicle, failing=[what]))
    assert (done.returncode, said(done)[1:]) == (1, words.split("|"))
    assert chain(vehicle) == expected
    assert vehicle.artifact_name() == name and vehicle.target() == "old"
    assert vehicle.run("commit").returncode == NOTHING


COMMIT_FAILURES = {
    "ArtifactCommit_Enter_00": ("Co> Co! Ro> Ro Ro< Fa> Fa Fa< Cl", "Committing failed.|Rolled back.", "unknown", "old"),
    "ArtifactCommit": ("Co> Co Co! Ro> Ro Ro< Fa> Fa Fa< Cl", "Committing failed.|Rolled back.", "unknown", "old"),
    "ArtifactCommit_Leave_00": ("Co> Co Co< Cl", "One or more post-commit steps failed.", "release-2_INCONSISTENT", "new"),
    "Cleanup": ("Co> Co Co< Cl", "Cleanup failed.", "release-2", "new"),
}


@pytest.mark.parametrize("what", COMMIT_FAILURES)
def test_commit_fails(vehicle, what):
    expected, words, name, target = COMMIT_FAILURES[what]
    vehicle.run("install", artifact(vehicle, failing=[what]))
    (vehicle.root / "calls").unlink()
    if "_" not in what:
        vehicle.fault(what, "fail")
    done = vehicle.run("commit")
    assert (done.returncode, said(done)) == (1, words.split("|"))
    assert chain(vehicle) == expected
    assert vehicle.artifact_name() == name and vehicle.target() == target


def test_rollback_fails(vehicle):
    vehicle.run("install", artifact(vehicle))
    vehicle.fault("ArtifactRollback", "fail")
    done = vehicle.run("rollback")
    assert done.returncode == 1
    assert said(done) == ["Rollback failed. System may be in an inconsistent state."]
    assert vehicle.artifact_name() == "release-2_INCONSISTENT"


def test_rollback_that_no_module_can_leaves_it_open(vehicle):
    vehicle.run("install", artifact(vehicle))
    (vehicle.root / "supports-rollback").write_text("No")
    done = vehicle.run("rollback")
    assert done.returncode == 1 and "does not support rollback" in done.stdout
    (vehicle.root / "supports-rollback").write_text("Yes")
    assert vehicle.run("rollback").returncode == 0


def test_stops_and_resumes(vehicle):
    stops = [word for state in ("ArtifactInstall_Enter", "ArtifactCommit_Enter", "ArtifactCommit_Leave", "Cleanup")
             for word in ("--stop-before", state)]
    assert vehicle.run("install", *stops, artifact(vehicle)).returncode == 0
    assert chain(vehicle) == "Dl> Dl Dl<"
    vehicle.run("resume", *stops)
    assert chain(vehicle) == "Dl> Dl Dl<"  # the same stop again: nothing happens
    vehicle.run("resume", "--stop-before", "ArtifactCommit_Enter")
    assert chain(vehicle).endswith("In> In In<")
    assert vehicle.run("commit", "--stop-before", "ArtifactCommit_Leave").returncode == 0
    assert chain(vehicle).endswith("Co> Co")
    assert vehicle.run("commit").returncode == 1  # not the point for it
    done = vehicle.run("resume")
    assert done.returncode == 0 and chain(vehicle).endswith("Co> Co Co< Cl")
    assert vehicle.artifact_name() == "release-2"


@pytest.mark.parametrize("state,after", [("ArtifactInstall", "unknown"), ("ArtifactCommit", "unknown"), ("Cleanup", "release-2")])
def test_resume_after_a_kill(vehicle, state, after):
    vehicle.fault(state, "kill")
    vehicle.run("install", artifact(vehicle))
    if state != "ArtifactInstall":
        vehicle.run("commit")
    vehicle.run("resume")
    assert vehicle.artifact_name() == after and vehicle.target() == ("new" if after == "release-2" else "old")
    assert vehicle.run("resume").returncode == NOTHING


def test_wrong_device_type(vehicle):
    done = vehicle.run("install", artifact(vehicle, device_types=["another"]))
    assert done.returncode == 1 and said(done)[1:] == ["Streaming failed.", "System not modified."]
    assert vehicle.calls() == []


@pytest.mark.shows("MS2")
def test_signatures(vehicle):
    key, other = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    public = vehicle.root / "verify.pem"
    public.write_bytes(key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
    vehicle.configure(settings={"ArtifactVerifyKey": str(public)})
    for signer in (None, other):
        done = vehicle.run("install", artifact(vehicle, key=signer))
        assert done.returncode == 1 and "System not modified." in done.stdout and vehicle.calls() == []
    assert vehicle.run("install", artifact(vehicle, key=key)).returncode == 0
    vehicle.run("commit")
    public.unlink()  # a key that is gone must not mean that none is needed
    done = vehicle.run("install", artifact(vehicle, "release-3"))
    assert done.returncode == 1 and "verification keys" in done.stderr


def test_provides_are_merged_and_cleared(vehicle):
    for name, provides in (("release-2", {"rootfs-image.fake.version": "2", "rootfs-image.fake.extra": "x"}),
                           ("release-3", {"rootfs-image.fake.version": "3"})):
        assert vehicle.run("install", artifact(vehicle, name, provides=provides)).returncode == 0
        assert vehicle.run("commit").returncode == 0
    assert vehicle.run("show-provides").stdout.splitlines() == ["artifact_name=release-3", "rootfs-image.fake.version=3"]


def empty_artifact(name, provides):
    """What a factory puts into DATA: one payload without a type, no files."""
    header = gzip.compress(tar_of([
        ("header-info", compact({"payloads": [{"type": None}], "artifact_provides": {"artifact_name": name},
                                 "artifact_depends": {"device_type": ["test-vehicle"]}})),
        ("headers/0000/type-info", compact({"type": None, "artifact_provides": provides}))]), mtime=0)
    version = compact({"format": "mender", "version": 3})
    manifest = "".join(f"{hashlib.sha256(content).hexdigest()}  {member}\n"
                       for content, member in ((header, "header.tar.gz"), (version, "version"))).encode()
    return tar_of([("version", version), ("manifest", manifest), ("header.tar.gz", header),
                   ("data/0000.tar.gz", gzip.compress(tar_of([]), mtime=0))])


def test_the_factory_says_what_is_installed(vehicle):
    bootstrap = vehicle.data / "bootstrap.mender"
    bootstrap.write_bytes(empty_artifact("factory-1", {"rootfs-image.version": "7"}))
    assert vehicle.run("show-provides").stdout.splitlines() == ["artifact_name=factory-1", "rootfs-image.version=7"]
    assert not bootstrap.exists()
    bootstrap.write_bytes(empty_artifact("factory-2", {}))
    assert vehicle.artifact_name() == "factory-1" and not bootstrap.exists()


def test_a_bad_word_from_the_factory_is_not_believed(vehicle):
    bootstrap = vehicle.data / "bootstrap.mender"
    bootstrap.write_bytes(make_artifact("factory-1", ["test-vehicle"], [("content", b"new")], type="fake"))
    (vehicle.root / "etc/mender/artifact_info").write_text("artifact_name=image-3\nartifact_group=fleet\n")
    assert vehicle.artifact_name() == "image-3" and not bootstrap.exists() and vehicle.calls() == []
    assert "artifact_group=fleet" in vehicle.run("show-provides").stdout


def test_an_empty_payload_is_committed_at_once(vehicle):
    path = vehicle.root / "empty.mender"
    path.write_bytes(empty_artifact("release-2", {"a": "1"}))
    done = vehicle.run("install", path)
    assert done.returncode == 0, done.stderr
    assert said(done)[1:] == ["Artifact with empty payload. Committing immediately.", "Installed and committed."]
    assert vehicle.artifact_name() == "release-2"


@pytest.mark.parametrize("name", ["aug-gzip", "aug-none-signed-p256"])
def test_what_no_signature_covers_is_refused(vehicle, name):
    done = vehicle.run("install", VECTORS / f"{name}.mender")
    assert done.returncode == 1 and "System not modified." in done.stdout and "augment" in done.stderr
    assert vehicle.calls() == []


def test_a_store_that_cannot_be_read_is_kept_and_said(vehicle):
    vehicle.run("install", artifact(vehicle))
    vehicle.run("commit")
    store = vehicle.data / "mender-store"
    damaged = store.read_bytes()[:8192] + os.urandom(16384)
    store.write_bytes(damaged)
    done = vehicle.run("show-artifact")
    assert done.stdout == "unknown\n" and "could not be read" in done.stderr
    assert (vehicle.data / "mender-store-broken").read_bytes() == damaged


@pytest.mark.parametrize("settings,key", [
    ({"SkipVerify": True, "ServerURL": "https://server"}, "SkipVerify"),
    ({"ServerURL": "http://server.example.com"}, "ServerURL"),
    ({"Servers": [{"ServerURL": "https://one"}, {"ServerURL": "http://two.example.com"}]}, "Servers[1].ServerURL"),
    ({"UpdatePollIntervalSeconds": "soon"}, "UpdatePollIntervalSeconds"),
])
def test_settings_that_are_refused(vehicle, settings, key):
    vehicle.configure(settings=settings)
    done = vehicle.run("daemon")
    assert done.returncode == 1
    assert "mender.conf" in done.stderr and key in done.stderr


def test_the_daemon_is_found_by_its_lock(vehicle):
    for verb in ("check-update", "send-inventory"):
        done = vehicle.run(verb)
        assert done.returncode == 1 and "not running" in done.stderr


def test_an_unknown_word_is_refused(vehicle):
    assert vehicle.run("instil").returncode == 1
    assert vehicle.run("install", "--no-such-option", "x").returncode == 1


@pytest.mark.parametrize("size", [600000, 0])
def test_how_far_it_has_come_is_said_to_a_terminal(vehicle, size):
    path = vehicle.root / "release-2.mender"
    path.write_bytes(make_artifact("release-2", ["test-vehicle"], [("content", bytes(size))], type="fake"))
    ours, its = os.openpty()
    with subprocess.Popen(vehicle.command("install", path), stdout=subprocess.DEVNULL, stderr=its) as process:
        os.close(its)
        said = b""
        try:
            while part := os.read(ours, 4096):
                said += part
        except OSError:  # EIO: the other side is closed
            pass
    os.close(ours)
    assert process.returncode == 0, said
    percents = [int(word) for word in re.findall(rb"\r(\d+)%", said)]
    assert percents and percents[-1] == 100 and percents == sorted(set(percents)), said
    assert vehicle.run("rollback").returncode == 0
    done = vehicle.run("install", path)
    assert done.returncode == 0 and "%" not in done.stderr


@pytest.mark.parametrize("words", [["install"], ["install", "a", "b"], ["slot"], ["slot", "status", "more"]])
def test_operands_that_are_missing_or_too_many(vehicle, words):
    done = vehicle.run(*words)
    assert done.returncode == 1 and "operand" in done.stderr


EMPTY = {  # file -> status of install, and of the commit behind it; what is said
    "etc/mender/scripts/version": (0, 1, "another version"),
    "var/lib/mender/device_type": (1, 1, "not one line device_type="),
    "etc/mender/artifact_info": (0, 0, ""),
    "proc/sys/kernel/random/boot_id": (0, 0, ""),
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_file_that_a_power_cut_left_empty(vehicle, name):
    installs, commits, says = EMPTY[name]
    path = artifact(vehicle)
    (vehicle.root / name).write_bytes(b"")
    done = [vehicle.run("install", path), vehicle.run("commit")]
    said = "".join(each.stderr for each in done)
    assert "assertion" not in said and says in said
    assert [each.returncode for each in done] == [installs, commits], said
    assert vehicle.target() == ("new" if commits == 0 else "old")
