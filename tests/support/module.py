# SPDX-License-Identifier: Apache-2.0
"""An update module driven as an agent drives it: protocol v3, its tree, its streams, its states and queries; and what
may befall it: the power goes, or the room, before any call that changes a file system."""

import json
import os
import pathlib
import signal
import struct
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).parent
MODULES = HERE.parent.parent / "modules"
DEADLINE_S = 60
CHUNK = 1 << 16
ANSWERS = {"ProvidePayloadFileSizes": ("", "No", "Yes"), "SupportsRollback": ("", "No", "Yes"),
           "NeedsArtifactReboot": ("", "No", "Yes", "Automatic")}


class Failed(AssertionError):
    """A call of the module that ended with another status than 0; `done` is that call."""

    def __init__(self, state, done):
        super().__init__(f"{state}: status {done.returncode}: {done.stderr}")
        self.done = done


class Module:
    """A module and its tree below `folder`, which stands for DATA. files: {name: bytes} of the payload."""

    def __init__(self, program, folder, files, meta_data=None, environment=None, artifact_name="release-2"):
        self.program, self.folder = pathlib.Path(program), pathlib.Path(folder)
        self.files, self.meta_data = dict(files), meta_data
        self.environment = environment or {}
        self.artifact_name = artifact_name
        self.tree = self.folder / "modules/v3/payloads/0000/tree"

    def prepare(self):
        """The tree anew, as before a download."""
        subprocess.run(["rm", "-rf", self.tree], check=True)
        for name in ("header", "tmp", "files"):
            (self.tree / name).mkdir(parents=True, mode=0o700)
        self.tree.chmod(0o700)
        type = self.program.name
        header_info = {"payloads": [{"type": type}], "artifact_provides": {"artifact_name": self.artifact_name},
                       "artifact_depends": {"device_type": ["test-vehicle"]}}
        for name, text in {
                "version": "3", "current_artifact_name": "release-1", "current_artifact_group": "",
                "current_device_type": "test-vehicle", "header/artifact_name": self.artifact_name,
                "header/artifact_group": "", "header/payload_type": type, "header/header-info": json.dumps(header_info),
                "header/type-info": json.dumps({"type": type}),
                "header/meta-data": "" if self.meta_data is None else json.dumps(self.meta_data)}.items():
            (self.tree / name).write_text(text)
        return self

    def start(self, state, environment=None):
        return subprocess.Popen(
            [self.program, state, self.tree], cwd=self.tree, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
            env={**os.environ, **self.environment, **(environment or {})})

    def call(self, state, environment=None):
        """One state or query; what it printed and its status."""
        process = self.start(state, environment)
        try:
            out, errors = process.communicate(timeout=DEADLINE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, errors = process.communicate()
            raise AssertionError(f"{state}: not over after {DEADLINE_S} s: {out}{errors}") from None
        return subprocess.CompletedProcess(process.args, process.returncode, out, errors)

    def ok(self, state, environment=None):
        done = self.call(state, environment)
        if done.returncode != 0:
            raise Failed(state, done)
        return done.stdout

    def ask(self, query):
        """The answer, which must be one of the protocol's; an empty one is No."""
        answer = self.ok(query)
        assert answer in [f"{word}\n" if word else "" for word in ANSWERS[query]], f"{query}: {answer!r}"
        return answer.strip() or "No"

    # --- Streams ---

    def download(self, environment=None, break_after=None):
        """Offers the files on stream-next; those of a module that does not ask for them are put into files/.
        break_after: so many bytes of the first file, then the line is dead and the module is ended."""
        sizes = self.ask("ProvidePayloadFileSizes") == "Yes"
        state = "DownloadWithFileSizes" if sizes else "Download"
        (self.tree / "streams").mkdir(mode=0o700)
        os.mkfifo(self.tree / "stream-next", 0o600)
        process = self.start(state, environment)
        try:
            taken = self._offer_all(process, sizes, break_after)
            out, errors = process.communicate(timeout=DEADLINE_S)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
        done = subprocess.CompletedProcess(process.args, process.returncode, out, errors)
        for path in (self.tree / "streams").iterdir():
            path.unlink()
        (self.tree / "streams").rmdir()
        (self.tree / "stream-next").unlink()
        if done.returncode != 0:
            raise Failed(state, done)
        assert taken in (0, len(self.files) + 1), f"{state}: ended after {taken} of {len(self.files)} files"
        if taken == 0:
            for name, content in self.files.items():
                (self.tree / "files" / name).write_bytes(content)

    def _offer_all(self, process, sizes, break_after):
        """How many lines the module has read; the last is the empty one."""
        taken = 0
        for name, content in [*self.files.items(), (None, b"")]:
            if name is not None:
                os.mkfifo(self.tree / "streams" / name, 0o600)
            line = b"" if name is None else f"streams/{name}{f' {len(content)}' if sizes else ''}\n".encode()
            if not self._feed(process, self.tree / "stream-next", line):
                return taken
            taken += 1
            if name is None:
                return taken
            # A fresh pipe, so that who still has the last one open is not taken for one who asks for the next name.
            (self.tree / "stream-next").unlink()
            os.mkfifo(self.tree / "stream-next", 0o600)
            part = content if break_after is None else content[:break_after]
            if not self._feed(process, self.tree / "streams" / name, part, leave_open=break_after is not None):
                return taken
        return taken

    def _feed(self, process, path, content, leave_open=False):
        fd = self._open_for(process, path)
        if fd is None:
            return False
        try:
            os.set_blocking(fd, True)
            view = memoryview(content)
            while view:
                view = view[os.write(fd, view[:CHUNK]):]
            if leave_open:  # what the agent does when the sum is wrong or the line is dead
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(DEADLINE_S)
                return False
        except BrokenPipeError:
            return False
        finally:
            os.close(fd)
        return True

    def _open_for(self, process, path):
        """The pipe, once the module reads it; None when it has ended instead."""
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                return os.open(path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError:
                if process.poll() is not None:
                    return None
            assert time.monotonic() < deadline, f"{path}: nobody reads it"
            time.sleep(0.002)

    # --- Ways through an update ---

    def install(self, environment=None):
        """Up to the moment before commit; Failed where it says no."""
        self.prepare()
        self.download()
        self.ok("ArtifactInstall", environment)

    def commit(self):
        self.ok("ArtifactCommit")
        self.clean_up()

    def take_back(self):
        """What an agent does after any failure from Install on; every step twice, as after a power cut in it."""
        assert self.ask("SupportsRollback") == "Yes"
        for state in ("ArtifactRollback", "ArtifactFailure"):
            self.ok(state)
            self.ok(state)
        self.clean_up()

    def clean_up(self):
        self.ok("Cleanup")
        self.ok("Cleanup")
        subprocess.run(["rm", "-rf", self.tree.parent], check=True)


# --- What befalls it ---

class Striker:
    """strike.c, built once: kills a module, or takes the room away, at the Nth call that changes a file system."""

    def __init__(self, folder):
        self.library = pathlib.Path(folder) / "strike.so"
        self.counter = pathlib.Path(folder) / "counter"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", self.library, HERE / "strike.c",
                        "-ldl"], check=True)

    def _environment(self, **more):
        self.counter.write_bytes(bytes(8))
        return {"LD_PRELOAD": str(self.library), "STRIKE_COUNTER": str(self.counter), **more}

    def count(self, log=None):
        return self._environment(**({"STRIKE_LOG": str(log)} if log else {}))

    def kill(self, number):
        return self._environment(STRIKE_KILL=str(number))

    def full(self, number):
        return self._environment(STRIKE_FULL=str(number))

    def calls(self):
        """How many there were since the last environment was made."""
        return struct.unpack("l", self.counter.read_bytes())[0]


def spread(count, most):
    """Numbers from 1 to count: all of them, or `most` over the whole range, first and last among them."""
    if most is None or count <= most:
        return list(range(1, count + 1))
    return sorted({1 + round(i * (count - 1) / (most - 1)) for i in range(most)})


# --- A disk that is full, or only for reading ---

class SmallDisk:
    """A file system of a few KiB, to be filled. Needs root."""

    def __init__(self, path, size_kib=512):
        self.path = pathlib.Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_kib}k", "rota-small-disk", self.path], check=True)

    def fill(self, leave_kib=0):
        """Until nothing more goes in, but for so much."""
        fd, path = tempfile.mkstemp(dir=self.path, prefix="filler-")
        try:
            while True:
                os.write(fd, bytes(4096))
        except OSError:
            pass
        os.ftruncate(fd, max(0, os.fstat(fd).st_size - leave_kib * 1024))
        os.close(fd)

    def empty(self):
        for path in self.path.glob("filler-*"):
            path.unlink()

    def only_for_reading(self, yes):
        subprocess.run(["mount", "-o", "remount,ro" if yes else "remount,rw", self.path], check=True)

    def remove(self):
        subprocess.run(["umount", "-l", self.path], check=True)
