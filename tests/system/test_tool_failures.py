# SPDX-License-Identifier: Apache-2.0
# shows: I3-MS5
"""rota-artifact when something is wrong around it: what it says, its exit status (the field's tool is run beside it), and
that nothing half written stays, whatever ends it.

Where ours differs from the field's tool on purpose the row says so: it ends with 0 on some failures, and puts a file in
the place of a device."""

import contextlib
import os
import pathlib
import resource
import shutil
import signal
import stat
import subprocess
import threading
import time

import pytest

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
KEYS = VECTORS / "keys"
KEY = "key.pem"  # a copy in each test's folder, open to nobody else
THINGS = ["app.bin", "key.pem", "plain.mender"]
PLAIN = VECTORS / "comp-none.mender"
DEADLINE_S = 60

pytestmark = pytest.mark.shows("I3-MS5")


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "app.bin").write_bytes(os.urandom(1 << 20) + bytes(1 << 20))
    (folder / "plain.mender").write_bytes(PLAIN.read_bytes())
    (folder / KEY).touch(mode=0o600)
    (folder / KEY).write_bytes((KEYS / "p256.key.pem").read_bytes())
    return folder


def write_words(*more, file="app.bin", output="out.mender", compression="gzip"):
    return ["write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f", file, "-o", output,
            "--compression", compression, *more]


def run(program, words, cwd, **more):
    more = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **more}
    return subprocess.run([program, *map(str, words)], cwd=cwd, timeout=DEADLINE_S, **more)


@pytest.fixture
def ours(bin, place):
    def call(*words, cwd=place, **more):
        return run(bin / "rota-artifact", words, cwd, **more)
    return call


@pytest.fixture
def theirs(peers, place):
    def call(*words, cwd=place, **more):
        return run(peers / "usr/bin/mender-artifact", words, cwd, **more)
    return call


def listing(folder):
    return sorted(path.name for path in folder.iterdir())


# (what, words, names that the message must hold, why the status is not the field's or None)
BAD_WORDS = [
    ("key missing", write_words("-k", "nokey.pem"), ["nokey.pem", "No such file"], None),
    ("key is a folder", write_words("-k", "/"), ["/", "Is a directory"], None),
    ("key is no key", write_words("-k", "app.bin"), ["app.bin"], None),
    ("key is public", write_words("-k", KEYS / "p256.pub.pem"), ["p256.pub.pem"], None),
    ("input missing", write_words(file="nofile"), ["nofile", "No such file"], None),
    ("input is a folder", write_words(file="/usr"), ["/usr", "folder"], None),
    ("script missing", write_words("-s", "ArtifactInstall_Enter_01"), ["ArtifactInstall_Enter_01"], None),
    ("script of no state", write_words("-s", "app.bin"), ["app.bin"], None),
    ("meta-data missing", write_words("-m", "nometa"), ["nometa"], "theirs ends with 0"),
    ("meta-data is no JSON", write_words("-m", "app.bin"), ["app.bin"], "theirs ends with 0"),
    ("folder of the output missing", write_words(output="nofolder/out.mender"), ["nofolder/out.mender"], None),
    ("output is a folder", write_words(output="."), ["."], None),
    ("read: missing", ["read", "nofile"], ["nofile", "No such file"], None),
    ("validate: missing", ["validate", "nofile"], ["nofile", "No such file"], None),
    ("validate: no artifact", ["validate", "app.bin"], ["tar"], None),
    ("validate: key missing", ["validate", "-k", "nokey.pem", "plain.mender"], ["nokey.pem"], "theirs ends with 0"),
    ("validate: no signature", ["validate", "-k", KEYS / "p256.pub.pem", "plain.mender"], ["signature"], None),
    ("sign: key missing", ["sign", "-k", "nokey.pem", "plain.mender"], ["nokey.pem"], None),
    ("sign: output is a folder", ["sign", "-k", KEY, "-o", ".", "plain.mender"], ["."], None),
]


@pytest.mark.parametrize("what, words, names, differs", BAD_WORDS, ids=[row[0] for row in BAD_WORDS])
def test_what_is_wrong_is_named(ours, theirs, place, what, words, names, differs):
    before = listing(place)
    done = ours(*words)
    assert done.stderr.startswith(b"rota-artifact: ") and done.stderr.count(b"\n") == 1, done.stderr
    for name in names:
        assert name in done.stderr.decode(), done.stderr
    assert done.returncode > 0 and listing(place) == before
    if not differs:
        assert done.returncode == theirs(*words).returncode


def demote():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


@pytest.mark.skipif(os.getuid() != 0, reason="takes root's rights off itself")
@pytest.mark.parametrize("words, name", [
    (write_words("-k", "secret.pem"), "secret.pem"),
    (write_words(file="hidden.bin"), "hidden.bin"),
    (write_words(output="closed/out.mender"), "closed/out.mender"),
    (["validate", "hidden.bin"], "hidden.bin"),
    (["read", "hidden.bin"], "hidden.bin"),
])
def test_without_the_right(ours, theirs, place, words, name):
    """An unreadable key, an unreadable input, a folder that may not be written to."""
    for path in [place, *place.parents]:
        if path.stat().st_uid == os.getuid() and "pytest" in str(path):
            path.chmod(0o755)
    place.chmod(0o777)
    shutil.copy(place / KEY, place / "secret.pem")
    (place / "secret.pem").chmod(0o600)
    (place / "hidden.bin").write_bytes(b"x")
    (place / "hidden.bin").chmod(0)
    (place / "closed").mkdir(mode=0o755)
    before = listing(place)
    done = ours(*words, preexec_fn=demote)
    assert name in done.stderr.decode() and b"Permission denied" in done.stderr, done.stderr
    assert done.returncode == theirs(*words, preexec_fn=demote).returncode > 0
    assert listing(place) == before and listing(place / "closed") == []


# --- a full disk ---

@contextlib.contextmanager
def mounted(folder, *words):
    folder.mkdir()
    if os.getuid() != 0 or subprocess.run(["mount", *words, folder], stderr=subprocess.DEVNULL).returncode != 0:
        pytest.skip("nothing can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd_fast", "lzma"])
def test_full_disk(ours, theirs, place, compression):
    theirs_too = {"none", "gzip"}
    with mounted(place / "small", "-t", "tmpfs", "-o", "size=512k", "tmpfs") as small:
        (small / "out.mender").write_bytes(b"old")
        words = write_words(output="small/out.mender", compression=compression)
        done = ours(*words)
        assert done.stderr == b"rota-artifact: write small/out.mender: No space left on device\n"
        assert (small / "out.mender").read_bytes() == b"old" and listing(small) == ["out.mender"]
        if compression in theirs_too:
            assert done.returncode == theirs(*words).returncode
        assert done.returncode == 1


def test_full_disk_while_signing(ours, place):
    """In place: the artifact is as it was."""
    done = ours(*write_words(output="big.mender", compression="none"))
    assert done.returncode == 0, done.stderr
    with mounted(place / "small", "-t", "tmpfs", "-o", "size=3m", "tmpfs") as small:
        shutil.copy(place / "big.mender", small)
        done = ours("sign", "-k", KEY, "small/big.mender")
        assert done.returncode == 1
        assert done.stderr == b"rota-artifact: write small/big.mender: No space left on device\n"
        assert (small / "big.mender").read_bytes() == (place / "big.mender").read_bytes()
        assert listing(small) == ["big.mender"]


def test_full_temporary_folder(ours, place):
    """What goes to a pipe waits below TMPDIR: it is that folder that is named."""
    with mounted(place / "small", "-t", "tmpfs", "-o", "size=512k", "tmpfs") as small:
        environment = {**os.environ, "TMPDIR": str(small)}
        done = ours(*write_words(output="-"), env=environment)
        assert done.returncode == 1 and done.stdout == b""
        assert done.stderr.decode() == f"rota-artifact: write a temporary file in {small}: No space left on device\n"
        done = ours("sign", "-k", KEY, "-", stdin=open(place / "app.bin", "rb"), env=environment)
        assert done.returncode > 0 and done.stdout == b"" and listing(small) == []


def test_file_size_limit(ours, theirs, place):
    """The limit's signal is not the end: there is a message."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
    done = ours(*write_words(), preexec_fn=limit)
    assert done.stderr == b"rota-artifact: write out.mender: File too large\n"
    assert done.returncode == theirs(*write_words(), preexec_fn=limit).returncode == 1
    assert "out.mender" not in listing(place)


def test_full_device_behind_the_standard_output(ours, place):
    with open("/dev/full", "wb") as full:
        for words in [["read", "plain.mender"], ["read", "--json", "plain.mender"], ["validate", "plain.mender"],
                      write_words(output="-"), ["--help"]]:
            done = ours(*words, stdout=full)
            assert done.returncode == 1, words
            assert done.stderr == b"rota-artifact: write the standard output: No space left on device\n"


# --- a pipe whose reader has gone ---

@pytest.mark.parametrize("words", [write_words(output="-"), write_words(output="/dev/stdout"), ["read", "plain.mender"],
                                   ["validate", "plain.mender"], ["sign", "-k", KEY, "-o", "-", "plain.mender"]],
                         ids=["write", "write to /dev/stdout", "read", "validate", "sign"])
def test_broken_pipe(ours, theirs, place, words):
    """Says so, and ends by the signal, as the field's tool does where it knows pipes."""
    reading, writing = os.pipe()
    os.close(reading)
    done = ours(*words, stdout=writing)
    assert done.returncode == -signal.SIGPIPE, done.stderr
    assert done.stderr == b"rota-artifact: write the standard output: Broken pipe\n"
    if words[0] in ("read", "validate"):  # its write knows no pipes: it makes a file "-", and replaces /dev/stdout
        assert theirs(*words, stdout=writing).returncode == -signal.SIGPIPE
    os.close(writing)
    assert listing(place) == THINGS


# --- an interrupted write ---

def heed_signals():
    """Whoever runs the tests in the background may have them ignore signals, and the tool leaves it at that."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def start(program, words, cwd, **more):
    return subprocess.Popen([program, *map(str, words)], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, **{"preexec_fn": heed_signals, **more})


def make_big(folder, megabytes):
    piece = os.urandom(1 << 20)
    with open(folder / "big.bin", "wb") as file:
        for _ in range(megabytes):
            file.write(piece)


MOMENTS = [0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.2, 0.3, 0.5]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
@pytest.mark.parametrize("fresh", [True, False], ids=["new", "over an old one"])
def test_interrupted_write(bin, ours, place, number, fresh):
    """At many moments: the old file, or none, or a whole one; no temporary file; ended by that very signal."""
    make_big(place, 64)
    out = place / "out.mender"
    before = set(listing(place)) | {"out.mender"}
    interrupted = 0
    for moment in MOMENTS:
        out.unlink(missing_ok=True)
        if not fresh:
            out.write_bytes(b"old")
        process = start(bin / "rota-artifact", write_words(file="big.bin"), place)
        time.sleep(moment)
        process.send_signal(number)
        complaint = process.communicate(timeout=DEADLINE_S)[1]
        assert set(listing(place)) <= before
        if process.returncode == 0:  # it was through before
            assert ours("validate", "out.mender").returncode == 0
            continue
        assert process.returncode == -number
        interrupted += 1
        assert complaint in (b"", b"rota-artifact: interrupted; what was being written was given up\n")
        if out.exists() and out.read_bytes() != b"old":  # after the name was given
            assert ours("validate", "out.mender").returncode == 0
        elif not fresh:
            assert out.read_bytes() == b"old"
    assert interrupted > 0


def test_interrupted_write_is_told(bin, theirs, place, peers):
    """Caught in the midst of it for certain: the payload comes through a FIFO that nobody closes."""
    os.mkfifo(place / "slow")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = start(bin / "rota-artifact", write_words(file="slow"), place)
        with open(place / "slow", "wb") as slow:
            slow.write(b"x" * 300_000)
            slow.flush()
            process.send_signal(number)
            complaint = process.communicate(timeout=DEADLINE_S)[1]
        assert complaint == b"rota-artifact: interrupted; what was being written was given up\n"
        assert process.returncode == -number
        assert listing(place) == [*THINGS, "slow"]
    rival = start(peers / "usr/bin/mender-artifact", write_words(file="slow"), place)
    with open(place / "slow", "wb") as slow:
        slow.write(b"x" * 300_000)
        slow.flush()
        rival.send_signal(signal.SIGTERM)
        rival.communicate(timeout=DEADLINE_S)
    assert rival.returncode == -signal.SIGTERM


def test_ignored_signals_stay_ignored(bin, place):
    make_big(place, 8)
    process = start(bin / "rota-artifact", write_words(file="big.bin"), place,
                    preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0 and (place / "out.mender").exists()


NO_NAMELESS_FILES = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#define REPLACE(name) int name(const char *path, int flags, ...) { \\
    va_list list; va_start(list, flags); int mode = va_arg(list, int); va_end(list); \\
    if ((flags & O_TMPFILE) == O_TMPFILE) { errno = EOPNOTSUPP; return -1; } \\
    return ((int (*)(const char *, int, ...))dlsym(RTLD_NEXT, #name))(path, flags, mode); }
REPLACE(open)
REPLACE(open64)
"""


@pytest.mark.release
def test_where_every_file_has_a_name(bin, ours, place, tmp_path):
    """As on NFS and FAT: the temporary file goes with a signal and with a failure; only SIGKILL would leave it."""
    (tmp_path / "preload.c").write_text(NO_NAMELESS_FILES)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "preload.so", tmp_path / "preload.c"], check=True)
    environment = {**os.environ, "LD_PRELOAD": str(tmp_path / "preload.so")}
    os.mkfifo(place / "slow")
    with mounted(place / "small", "-t", "tmpfs", "-o", "size=8m", "tmpfs") as small:
        for output in ("small/good.mender", "small/good.mender", "-"):
            assert ours(*write_words(output=output), env=environment).returncode == 0
        assert ours("validate", "small/good.mender").returncode == 0 and listing(small) == ["good.mender"]
        for number in (signal.SIGINT, signal.SIGTERM):
            process = start(bin / "rota-artifact", write_words("-f", "slow", output="small/out.mender"), place,
                            env=environment)
            with open(place / "slow", "wb") as slow:
                slow.write(b"x" * 300_000)
                slow.flush()
                assert len(listing(small)) == 2 and listing(small)[0].startswith(".out.mender.")
                process.send_signal(number)
                process.communicate(timeout=DEADLINE_S)
            assert process.returncode == -number and listing(small) == ["good.mender"]
        make_big(place, 20)
        done = ours(*write_words(file="big.bin", output="small/out.mender"), env=environment)
        assert done.stderr == b"rota-artifact: write small/out.mender: No space left on device\n"
        assert done.returncode == 1 and listing(small) == ["good.mender"]


# --- strange destinations ---

def test_a_link_is_replaced_as_the_fields_tool_does(ours, theirs, place):
    (place / "target").write_bytes(b"kept")
    for program in (ours, theirs):
        for aim in ("target", "nowhere"):
            (place / "out.mender").unlink(missing_ok=True)
            (place / "out.mender").symlink_to(aim)
            assert program(*write_words()).returncode == 0
            assert stat.S_ISREG((place / "out.mender").lstat().st_mode)
    assert (place / "target").read_bytes() == b"kept" and not (place / "nowhere").exists()


def test_a_device_is_written_to(ours, place):
    """The field's tool puts a file in its place, which costs a machine its /dev/null."""
    if os.getuid() != 0:
        pytest.skip("makes devices")
    for name, minor, status in (("null", 3, 0), ("full", 7, 1)):
        os.mknod(place / name, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        done = ours(*write_words(output=name))
        assert done.returncode == status
        assert stat.S_ISCHR((place / name).lstat().st_mode)
    assert done.stderr == b"rota-artifact: write full: No space left on device\n"


def test_a_fifo_is_written_to(ours, place):
    os.mkfifo(place / "out.mender")
    came = []
    reader = threading.Thread(target=lambda: came.append((place / "out.mender").read_bytes()))
    reader.start()
    assert ours(*write_words()).returncode == 0
    reader.join(DEADLINE_S)
    ours(*write_words(output="file.mender"))
    assert came[0] == (place / "file.mender").read_bytes()
    assert stat.S_ISFIFO((place / "out.mender").lstat().st_mode)


def test_shell_redirection_is_not_replaced(ours, place):
    """/dev/stdout and /dev/fd/N are what the shell opened, not names to take."""
    with open(place / "log", "wb") as log:
        log.write(b"before")
        log.flush()
        assert ours(*write_words(output="/dev/stdout"), stdout=log).returncode == 0
        log.flush()
    content = (place / "log").read_bytes()
    assert content.startswith(b"before")
    (place / "copy.mender").write_bytes(content[len(b"before"):])
    assert ours("validate", "copy.mender").returncode == 0
    assert pathlib.Path("/dev/stdout").is_symlink()


def test_signing_in_place_keeps_owner_and_mode(ours, place):
    path = place / "plain.mender"
    path.chmod(0o664)
    if os.getuid() == 0:
        os.chown(path, 33, 44)
    before = path.stat()
    assert ours("sign", "-k", KEY, "plain.mender").returncode == 0
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (before.st_uid, before.st_gid, before.st_mode)
    assert after.st_size > before.st_size


# --- a payload that changes under our hands ---

def has_open(pid, name):
    folder = pathlib.Path(f"/proc/{pid}/fd")
    for link in folder.iterdir():
        with contextlib.suppress(OSError):
            if os.readlink(link).endswith("/" + name):
                return True
    return False


@pytest.mark.parametrize("change", ["grows", "shrinks"])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_payload_that_changes(bin, place, change, compression):
    """The size stands before the bytes: a file that is another one by its end is refused, not summed wrongly."""
    size = 256 << 20
    with open(place / "big.bin", "wb") as file:
        file.truncate(size)
    process = start(bin / "rota-artifact", write_words(file="big.bin", compression=compression), place)
    deadline = time.monotonic() + DEADLINE_S
    while not has_open(process.pid, "big.bin"):
        assert process.poll() is None and time.monotonic() < deadline
    process.send_signal(signal.SIGSTOP)
    os.truncate(place / "big.bin", size + 1 if change == "grows" else 5)
    process.send_signal(signal.SIGCONT)
    complaint = process.communicate(timeout=DEADLINE_S)[1]
    assert process.returncode == 1
    assert complaint == b"rota-artifact: big.bin: changed while it was read\n"
    assert "out.mender" not in listing(place)


# --- every verb that writes ---

@pytest.fixture
def image_artifact(bin, place):
    """An artifact with an ext4 image, large enough that a change of it takes a while."""
    if not shutil.which("mkfs.ext4", path="/usr/sbin:/sbin:/usr/bin"):
        pytest.skip("mkfs.ext4 is not installed")
    with open(place / "rootfs.ext4", "wb") as image:
        image.truncate(48 << 20)
    subprocess.run(["mkfs.ext4", "-q", place / "rootfs.ext4"], check=True,
                   env={**os.environ, "PATH": "/usr/sbin:/sbin:/usr/bin:/bin"})
    done = run(bin / "rota-artifact", ["write", "rootfs-image", "-n", "release-1", "-t", "ecu", "-f", "rootfs.ext4", "-o",
                                       "image.mender", "--compression", "none"], place)
    assert done.returncode == 0, done.stderr
    (place / "note").write_bytes(os.urandom(100_000))
    return place / "image.mender"


# (what, words, words that check the result)
WRITING_VERBS = [
    ("sign", ["sign", "-k", KEY, "image.mender"], ["validate", "-k", KEYS / "p256.pub.pem", "image.mender"]),
    ("modify", ["modify", "-g", "group-1", "image.mender"], ["validate", "image.mender"]),
    ("cp", ["cp", "note", "image.mender:/note"], ["validate", "image.mender"]),
    ("install", ["install", "-m", "644", "note", "image.mender:/note"], ["validate", "image.mender"]),
    ("dump", ["dump", "--files", "dumped", "image.mender"], ["validate", "image.mender"]),
]


@pytest.mark.release
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("what, words, check", WRITING_VERBS, ids=[row[0] for row in WRITING_VERBS])
def test_other_verbs_interrupted(bin, ours, place, image_artifact, what, words, check, number):
    """The old artifact or the new one, and nothing beside it: at moments from the start to after the end."""
    before = image_artifact.read_bytes()
    names = set(listing(place))
    for moment in (0.0, 0.01, 0.03, 0.06, 0.1, 0.2):
        image_artifact.write_bytes(before)
        process = start(bin / "rota-artifact", words, place)
        time.sleep(moment)
        process.send_signal(number)
        process.communicate(timeout=DEADLINE_S)
        left = set(listing(place)) - names
        if what == "dump":
            assert left <= {"dumped"}
            # A file is there whole or not at all; the folder may be.
            files = listing(place / "dumped") if left else []
            assert files in ([], ["rootfs.ext4"]), files
            if files:
                assert (place / "dumped/rootfs.ext4").read_bytes() == (place / "rootfs.ext4").read_bytes()
            shutil.rmtree(place / "dumped", ignore_errors=True)
        else:
            assert left == set(), left
        assert process.returncode in (0, -number)
        if image_artifact.read_bytes() != before:
            assert ours(*check).returncode == 0
    image_artifact.write_bytes(before)
    assert ours(*words).returncode == 0 and ours(*check).returncode == 0


@pytest.mark.parametrize("what, words, check", WRITING_VERBS, ids=[row[0] for row in WRITING_VERBS])
def test_other_verbs_on_a_full_disk(ours, place, image_artifact, what, words, check):
    """Room for the artifact and not for a second one: it is named, and the artifact is what it was."""
    with mounted(place / "small", "-t", "tmpfs", "-o", "size=60m", "tmpfs") as small:
        for name in (KEY, "note", "image.mender"):
            shutil.copy(place / name, small)
        (small / KEY).chmod(0o600)
        before = listing(small)
        done = ours(*words, cwd=small, env={**os.environ, "TMPDIR": str(small)})
        # The field's tool ends with 4 where a dump does not succeed, whatever the reason.
        assert done.returncode == (4 if what == "dump" else 1), done.stderr
        assert b"No space left on device" in done.stderr and done.stderr.startswith(b"rota-artifact: ")
        assert listing(small) == before
        assert (small / "image.mender").read_bytes() == image_artifact.read_bytes()
