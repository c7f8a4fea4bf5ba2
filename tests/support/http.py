# SPDX-License-Identifier: Apache-2.0
"""HTTP as bytes over a real TLS socket, and the engine's test server: what well-behaved clients cannot send."""

import contextlib
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import time

DEADLINE_S = 30
HEAD_END = b"\r\n\r\n"


class TestServer:
    """src/http/test-server.c from the build folder beside the programs under test."""

    __test__ = False  # no test of pytest's

    def __init__(self, bin, folder, certificate, key, client_ca=None, program=None, **options):
        self.program = program or pathlib.Path(bin).parent / "src/http/http-test-server"
        files = [str(path) for path in (certificate, key, client_ca) if path]
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        self.log = open(folder / "http-test-server.log", "w")
        self.process = subprocess.Popen([self.program, *words, *files], stdout=subprocess.PIPE, stderr=self.log)
        self.port = int(self.process.stdout.readline())
        self.ca = certificate

    @property
    def pid(self):
        return self.process.pid

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            self.process.stdout.close()
            self.log.close()
        assert status == 0, f"http-test-server ended with {status}"


def make_certificate(folder, name="localhost", ca=None):
    """A P-256 certificate and key for name; signed by ca, a pair as this returns, or by itself."""
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    words = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
             "-keyout", key, "-out", certificate, "-days", "2", "-subj", f"/CN={name}",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    if ca:
        words += ["-CA", ca[0], "-CAkey", ca[1], "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([str(word) for word in words], check=True, capture_output=True, timeout=DEADLINE_S)
    return certificate, key


def client_context(certificate=None, key=None):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:200]!r}>"


class Connection:
    """One TLS connection on which anything can be said. is_closed is set once the server has ended it."""

    def __init__(self, port, context=None, session=None, timeout=DEADLINE_S):
        plain = socket.create_connection(("127.0.0.1", port), timeout)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (context or client_context()).wrap_socket(plain, server_hostname="localhost", session=session)
        self.buffer = b""
        self.is_closed = False

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.socket.close()

    def send(self, data):
        with contextlib.suppress(BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.socket.sendall(data)

    def receive(self):
        """More bytes; False at the end."""
        try:
            data = self.socket.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            data = b""
        self.buffer += data
        self.is_closed = not data
        return bool(data)

    def answer(self, method="GET"):
        """The next answer, or None if the server closed instead."""
        while HEAD_END not in self.buffer:
            if not self.receive():
                return None
        head, self.buffer = self.buffer.split(HEAD_END, 1)
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", first)[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
        length = 0 if method == "HEAD" or status in (100, 204, 304) else int(headers["content-length"])
        while len(self.buffer) < length:
            if not self.receive():
                return None
        body, self.buffer = self.buffer[:length], self.buffer[length:]
        return Answer(status, headers, body)

    def closes_within(self, seconds):
        self.socket.settimeout(seconds)
        try:
            while self.receive():
                pass
        except TimeoutError:
            return False
        return True


def cpu_seconds(pid):
    """What the process has used, with the threads that have ended, to the nanosecond."""
    cpu_clock = (~pid << 3) | 2  # as clock_getcpuclockid(3) makes it
    return time.clock_gettime(cpu_clock)


def resident_bytes(pid):
    pages = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def first_bytes_of_hello():
    """What a client sends first, as bytes."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = client_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        session.do_handshake()
    return outgoing.read()


def wait_until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it does not come to that"
        time.sleep(0.02)
