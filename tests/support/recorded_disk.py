# SPDX-License-Identifier: Apache-2.0
"""A file system on a disk whose power can be cut on paper, at every write.

  disk = RecordedDisk(folder, size_mib=64)
  disk.fill(lambda path: ...)            # what is there before; not recorded
  with disk.recording() as path:         # a mounted ext4: run the program under test on it
      ...; disk.position()               # where the log stands now: what is acknowledged here must survive
                                         # every cut at or behind it
  faults = disk.judge(verdict, ...)      # verdict(path, cut) for each cut's disk, mounted and recovered

nbdkit (recorder.py) notes each write and flush, nbdfuse makes a file of it, losetup a block device, mount a file
system. What a disk may hold after a cut: all that was written before the last flush, and any part of what came
later. Each cut therefore has variants: all of it, none, the last write torn at a sector, or a random half in pieces
of 4 KiB. Only the first 4 KiB are never torn: they hold the file system's own super block, of which a small ext4 has
no second one, so a torn one would say something about ext4 and nothing about the programs.
The programs under test see a real kernel, page cache and file system; only the disk is ours.
"""

import collections
import contextlib
import ctypes
import dataclasses
import functools
import mmap
import multiprocessing
import os
import pathlib
import random
import shutil
import struct
import subprocess
import tempfile
import time

SECTOR, PIECE = 512, 4096
FLUSH, FUA, DISCARD = 1, 2, 4
MAGIC = 0x6A736677736872
CLONE_NEWNS = 0x00020000  # sched.h
VARIANTS = ("all", "none", "torn", "half 1", "half 2", "half 3")
START_DEADLINE_S = 20
PROGRAMS = ("nbdkit", "nbdfuse", "losetup", "mount", "umount", "mkfs.ext4", "fusermount3")

Entry = collections.namedtuple("Entry", "offset data flags end")  # end: the log's size with this entry


def reason_to_skip():
    """What this machine lacks for a recorded disk, or None."""
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        return f"recorded disk: {', '.join(missing)} missing (script/setup test)"
    if os.geteuid() != 0:
        return "recorded disk: only root can mount"
    if not os.path.exists("/dev/fuse"):
        return "recorded disk: no /dev/fuse"
    if subprocess.run(["losetup", "-f"], capture_output=True).returncode != 0:
        return "recorded disk: no loop devices"
    return None


def scratch_folder():
    """Memory where there is some: a campaign writes a disk a cut."""
    shm = pathlib.Path("/dev/shm")
    return shm if shm.is_dir() and shutil.disk_usage(shm).free > 4 << 30 else None


def run(*words, **options):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, **options)
    if done.returncode != 0:
        raise OSError(f"{' '.join(map(str, words))}: {done.stdout.strip()}")
    return done.stdout.strip()


def wait_until(condition, what):
    deadline = time.monotonic() + START_DEADLINE_S
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not after {START_DEADLINE_S} s")
        time.sleep(0.01)


@contextlib.contextmanager
def mounted(image, folder):
    """A plain mount of an image. The kernel mends the file system first, as after a power cut."""
    folder.mkdir(exist_ok=True)
    run("mount", "-t", "ext4", "-o", "loop,errors=remount-ro", image, folder)
    try:
        yield folder
    finally:
        run("sync", "-f", folder)
        run("umount", folder)


@contextlib.contextmanager
def bound(source, path):
    """The folder `source` under the name `path` too, for this process and its children: whichever disk is looked at,
    absolute names that were written down on it mean that disk."""
    enter_own_mounts()
    run("mount", "--bind", source, path)
    try:
        yield path
    finally:
        run("umount", path)


def enter_own_mounts():
    _enter_own_mounts(os.getpid())


@functools.cache
def _enter_own_mounts(_process):
    """Whatever other process on this machine copies its mounts (a sandbox does) would keep ours mounted after umount,
    and write to their images later. So this process and its children have mounts of their own."""
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
        raise OSError(f"own mounts: {os.strerror(ctypes.get_errno())}")
    run("mount", "--make-rprivate", "/")


def copy_image(source, target):
    run("cp", "--sparse=always", source, target)


def read_log(path):
    """The entries, to the end of the file."""
    raw = pathlib.Path(path).read_bytes()
    magic, _version, _count, sector = struct.unpack_from("<QQQI", raw)
    assert magic == MAGIC, f"{path}: no write log"
    entries, at = [], sector
    while at + sector <= len(raw):
        first, sectors, flags, _ = struct.unpack_from("<QQQQ", raw, at)
        at += sector
        data = b"" if flags & DISCARD else raw[at:at + sectors * sector]
        at += len(data)
        if flags & DISCARD:
            data = bytes(sectors * sector)
        entries.append(Entry(first * sector, data, flags, at))
    return entries


@dataclasses.dataclass(frozen=True)
class Cut:
    """The power fails after entry `number`; of what was not flushed, `variant` says what is there."""

    number: int
    variant: str
    position: int  # the log's size at this moment: acknowledged before it means acknowledged before the cut

    def __str__(self):
        return f"cut {self.number} ({self.variant})"


def pieces_that_stay(variant, entry, is_last, rng):
    """Which parts of an unflushed write have reached the disk, as (start, end)."""
    size = len(entry.data)
    if variant == "all" or entry.flags & FUA:
        return [(0, size)]
    if variant == "none":
        return []
    if variant == "torn":
        if entry.offset < PIECE:
            return [(0, size)]
        return [(0, rng.randrange(size // SECTOR) * SECTOR if is_last else size)]
    return [(at, min(at + PIECE, size)) for at in range(0, size, PIECE) if rng.random() < 0.5]


class Replay:
    """An image that is brought into the state of one cut after the other."""

    def __init__(self, base, image, entries, seed):
        copy_image(base, image)
        self.image, self.entries, self.seed = image, entries, seed
        self.file = open(image, "r+b")
        self.map = mmap.mmap(self.file.fileno(), 0)
        self.durable = 0  # entries that have been written for good

    def apply_flushed(self, number):
        """All that a flush before the cut has made safe."""
        flushed = max((i + 1 for i in range(self.durable, number) if self.entries[i].flags & FLUSH),
                      default=self.durable)
        for entry in self.entries[self.durable:flushed]:
            self.map[entry.offset:entry.offset + len(entry.data)] = entry.data
        self.durable = flushed

    @contextlib.contextmanager
    def at(self, cut):
        """The disk of a cut; numbers must not go down."""
        self.apply_flushed(cut.number)
        loose = [entry for entry in self.entries[self.durable:cut.number] if entry.data]
        rng = random.Random(f"{self.seed}/{cut.number}/{cut.variant}")
        undo = []
        for i, entry in enumerate(loose):
            for start, end in pieces_that_stay(cut.variant, entry, i == len(loose) - 1, rng):
                place = slice(entry.offset + start, entry.offset + end)
                undo.append((place, self.map[place]))
                self.map[place] = entry.data[start:end]
        try:
            yield self.image
        finally:
            for place, data in reversed(undo):
                self.map[place] = data


class RecordedDisk:
    def __init__(self, folder=None, size_mib=64, seed="1"):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-disk-", dir=folder or scratch_folder()))
        enter_own_mounts()
        self.folder.chmod(0o711)  # programs under test may have dropped their rights
        self.fixed = self.folder / "fixed"  # for bound()
        self.fixed.mkdir()
        self.base, self.start, self.image, self.log = (
            self.folder / name for name in ("base.img", "start.img", "disk.img", "log"))
        self.seed = seed
        with self.base.open("wb") as file:
            file.truncate(size_mib << 20)
        run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.base)

    def fill(self, function):
        """Calls function(path) on the disk as it shall be before the recording."""
        with mounted(self.base, self.folder / "fill") as path:
            function(path)

    def position(self):
        return self.log.stat().st_size

    @contextlib.contextmanager
    def recording(self):
        """The recorded disk, mounted. At the end it is unmounted in good order, which is recorded as well."""
        copy_image(self.base, self.start)  # the replays begin with the very same bytes
        copy_image(self.start, self.image)
        with contextlib.ExitStack() as stack:
            socket, shown, path = self.folder / "nbd", self.folder / "shown", self.folder / "mounted"
            shown.mkdir(exist_ok=True)
            path.mkdir(exist_ok=True)
            plugin = pathlib.Path(__file__).parent / "recorder.py"
            self._start(stack, socket.exists, "nbdkit", "--foreground", "--exit-with-parent", "-U", socket, "python",
                        plugin, f"image={self.image}", f"log={self.log}")
            self._start(stack, (shown / "disk").exists, "nbdfuse", shown / "disk", "--unix", socket)
            stack.callback(run, "fusermount3", "-u", shown)
            device = run("losetup", "-f", "--show", shown / "disk")
            stack.callback(run, "losetup", "-d", device)
            run("mount", "-t", "ext4", device, path)
            stack.callback(run, "umount", path)
            yield path

    @staticmethod
    def _start(stack, is_up, *words):
        process = subprocess.Popen([str(word) for word in words], stdin=subprocess.DEVNULL)
        stack.callback(process.wait, START_DEADLINE_S)
        if words[0] == "nbdkit":
            stack.callback(process.terminate)
        wait_until(lambda: is_up() or process.poll() is not None, words[0])
        assert process.poll() is None, f"{words[0]} has ended"

    def entries(self):
        return read_log(self.log)

    def cuts(self, count=None, first=0):
        """All cuts in all variants; or about `count` of them, spread over the recording, the variants in turn."""
        entries = self.entries()
        numbers = range(first, len(entries) + 1)
        if count is None:
            return [Cut(n, variant, entries[n - 1].end if n else 0) for n in numbers for variant in VARIANTS
                    if variant == "all" or (n and not entries[n - 1].flags & FLUSH)]
        # A step that is no multiple of the period of write and flush meets both; the none variant is the
        # harshest on what was acknowledged, so it comes every other time.
        step = max(len(numbers) / count, 1)
        order = ("none", "all", "none", "torn", "none", "half 1")
        picked = [numbers[int(i * step)] for i in range(min(count, len(numbers)))]
        return [Cut(n, order[i % len(order)], entries[n - 1].end if n else 0) for i, n in enumerate(picked)]

    def judge(self, verdict, cuts, workers=None):
        """Calls verdict(path, cut) on each cut's disk, mounted and writable; it returns None or what is wrong.
        Returns [(cut, what is wrong)]. The workers are processes."""
        workers = workers or min(os.cpu_count() or 1, 4)
        results = multiprocessing.get_context("fork").Queue()
        processes = [multiprocessing.get_context("fork").Process(
            target=self._judge_share, args=(verdict, cuts[i::workers], i, results)) for i in range(workers)]
        for process in processes:
            process.start()
        faults, judged, running = [], 0, workers
        while running:
            result = results.get(timeout=600)
            if result is None:
                running -= 1
                continue
            judged += 1
            if result[1]:
                faults.append(result)
        for process in processes:
            process.join()
        assert judged == len(cuts), f"{judged} of {len(cuts)} cuts were judged"
        return faults

    def _judge_share(self, verdict, cuts, worker, results):
        try:
            enter_own_mounts()
            replay = Replay(self.start, self.folder / f"replay-{worker}.img", self.entries(), self.seed)
            for cut in cuts:
                results.put((cut, self._judge_one(replay, verdict, cut, worker)))
        finally:
            results.put(None)

    def _judge_one(self, replay, verdict, cut, worker):
        # A file of its own for each: a busy kernel lets go of the last loop device some time after umount,
        # and may still write to its file then.
        probe = self.folder / f"probe-{worker}-{cut.number}-{VARIANTS.index(cut.variant)}.img"
        with replay.at(cut) as image:
            copy_image(image, probe)
        try:
            with mounted(probe, self.folder / f"probe-{worker}") as path:
                return verdict(path, cut)
        except OSError as error:
            return f"cannot be mounted or read: {error}"
        finally:
            probe.unlink()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)
