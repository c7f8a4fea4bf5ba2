# SPDX-License-Identifier: Apache-2.0
"""A rota-server of the demo's own: data folder, log-in, start and stop."""

import errno
import pathlib
import secrets
import socket
import subprocess
import time

START_DEADLINE_S = 60
STOP_DEADLINE_S = 15
PORT = 8443
EMAIL = "admin@example.com"


def port_is_free(port):
    """On both addresses that "localhost" may mean; a host without IPv6 has only one."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
        except OSError as refusal:
            if refusal.errno == errno.EADDRINUSE:
                return False
    return True


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def choose_port(any_will_do):
    """The demo's port; another one where it is taken and any will do."""
    if port_is_free(PORT):
        return PORT
    if not any_will_do:
        raise RuntimeError(f"port {PORT} is taken: another demo may be running; end it and try again")
    return free_port()


class Server:
    def __init__(self, bin_folder, folder, port):
        self.program = bin_folder / "rota-server"
        self.data = folder / "data"
        self.log = folder / "server.log"
        self.password_file = folder / "password"
        self.password = secrets.token_urlsafe(12)
        self.port = port
        self.url = f"https://localhost:{port}"
        self.ca = self.data / "tls/ca.crt"
        self.process = None

    def create_user(self):
        self.data.mkdir(parents=True)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text(self.password)
        subprocess.run(
            [self.program, "user", "create", "--data", self.data, "--email", EMAIL,
             "--password-file", self.password_file],
            check=True, timeout=START_DEADLINE_S, stdout=subprocess.DEVNULL)

    def start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [self.program, "serve", "--data", self.data, "--listen", f"127.0.0.1:{self.port}",
                 "--public-url", self.url],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + START_DEADLINE_S
        while "listening on " not in self.log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the server does not start; it says in {self.log}:\n{self.last_words()}")
            time.sleep(0.02)

    def last_words(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def stop(self):
        stop_process(self.process)


def stop_process(process):
    """SIGTERM, and SIGKILL only for what does not listen."""
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(STOP_DEADLINE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def shown(path):
    """A path as one would type it: from where we stand, if it lies below."""
    try:
        return pathlib.Path(path).relative_to(pathlib.Path.cwd())
    except ValueError:
        return path
