# SPDX-License-Identifier: Apache-2.0
"""A rota-server of a test's own: data folder, free port, administrator."""

import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

START_DEADLINE_S = 60
STOP_DEADLINE_S = 30
LISTENING = re.compile(r"listening on (https://\S+)")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """email and password belong to the administrator that create_user() makes; ca is there once it runs."""

    email = "admin@example.com"
    password = "correct horse battery"

    def __init__(self, bin, data, database=None, port=None, arguments=()):
        self.program = pathlib.Path(bin) / "rota-server"
        self.data = pathlib.Path(data)
        self.database = database
        self.port = port or free_port()
        self.arguments = [str(word) for word in arguments]
        self.url = f"https://localhost:{self.port}"
        self.ca = self.data / "tls/ca.crt"
        self.process = None
        self.lines = []

    def store_arguments(self):
        words = ["--data", str(self.data)]
        return words + (["--database", self.database] if self.database else [])

    def run_verb(self, *words, **options):
        """One of the maintenance verbs on this server's data; returns the finished process."""
        return subprocess.run(
            [self.program, *words, *self.store_arguments()],
            capture_output=True, text=True, timeout=START_DEADLINE_S, **options)

    def create_user(self, email=None, password=None, *words):
        self.data.mkdir(parents=True, exist_ok=True)
        secret = self.data.parent / f"{self.data.name}-password"
        secret.write_text(password or self.password)
        secret.chmod(0o600)
        done = self.run_verb("user", "create", "--email", email or self.email, "--password-file", str(secret), *words)
        secret.unlink()
        assert done.returncode == 0, f"user create: {done.stdout}{done.stderr}"

    def start(self):
        command = [self.program, "serve", "--listen", f"127.0.0.1:{self.port}", "--public-url", self.url]
        self.process = subprocess.Popen(
            [*command, *self.store_arguments(), *self.arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        listening = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(self.process, listening), daemon=True)
        self.reader.start()
        deadline = time.monotonic() + START_DEADLINE_S
        while not listening.wait(0.05):
            if self.process.poll() is not None:
                raise AssertionError(f"rota-server ended with {self.process.returncode}:\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise AssertionError(f"rota-server does not listen after {START_DEADLINE_S} s:\n{self.log()}")

    def _read(self, process, listening):
        for line in process.stdout:
            self.lines.append(line)
            if LISTENING.search(line):
                listening.set()

    def log(self):
        """All that the server has said so far, over all its starts."""
        return "".join(self.lines)

    def kill(self):
        """SIGKILL, as a crash or a power cut would end it."""
        self.process.kill()
        self.process.wait()
        self.reader.join()

    def stop(self):
        """SIGTERM; the server must drain and end well within its deadline."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(STOP_DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"rota-server does not end {STOP_DEADLINE_S} s after SIGTERM:\n{self.log()}") from None
        self.reader.join()
        assert status == 0, f"rota-server ended with {status} after SIGTERM:\n{self.log()}"

    def restart(self):
        self.stop()
        self.start()
