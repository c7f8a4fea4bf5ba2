# SPDX-License-Identifier: Apache-2.0
"""An HTTP server that misbehaves to order: each request is answered by a function of the test's own.

    def cut(request):                 # request.method, .path, .headers (lower-case names), .body
        request.send(head(200, {"Content-Length": 10}) + b"half")
        request.cut()                 # the connection is reset

    with HostileServer(cut) as server: ...
"""

import datetime
import ipaddress
import os
import re
import socket
import ssl
import struct
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


def head(status, headers=()):
    lines = [f"HTTP/1.1 {status} x"] + [f"{name}: {value}" for name, value in dict(headers).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def whole(status, body=b"", headers=()):
    return head(status, {"Content-Length": len(body), **dict(headers)}) + body


class Request:
    def __init__(self, connection, method, path, headers, body):
        self.connection = connection
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body

    def send(self, data):
        self.connection.sendall(data)

    def cut(self):
        """A reset, as a cell phone network gives it."""
        raw = self.connection
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(raw.detach())  # close() would wait for the reader's end

    def range_start(self):
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        return int(match[1]) if match else None


class HostileServer:
    def __init__(self, answer, context=None):
        self.answer = answer
        self.context = context
        self.requests = []
        self.resumed = []
        self.errors = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        scheme = "https" if context else "http"
        self.url = f"{scheme}://localhost:{self.port}" if context else f"{scheme}://127.0.0.1:{self.port}"
        self.stopped = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.resumed.append(connection.session_reused)
            stream = connection.makefile("rb")
            while self._serve_one(connection, stream):
                pass
        except (OSError, ValueError) as error:
            self.errors.append(error)
        finally:
            connection.close()

    @staticmethod
    def _read_chunk(stream):
        chunk = stream.read(int(stream.readline(), 16))
        stream.readline()
        return chunk

    def _serve_one(self, connection, stream):
        line = stream.readline()
        if not line:
            return False
        method, path, _ = line.decode().split()
        headers = {}
        while (line := stream.readline().strip()):
            name, value = line.decode().split(":", 1)
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join(iter(lambda: self._read_chunk(stream), b""))
        else:
            body = stream.read(int(headers.get("content-length", 0)))
        request = Request(connection, method, path, headers, body)
        self.requests.append(request)
        self.answer(request)
        return connection.fileno() >= 0


class Authority:
    """A certificate authority of a test's own. Files are PEM."""

    def __init__(self, folder, name="test"):
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{name} authority")])
        self.certificate = self._sign(self.name, self.key.public_key(), authority=True)
        self.file = folder / f"{name}-ca.crt"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def _sign(self, subject, public_key, authority=False, hosts=(), ends_in=datetime.timedelta(hours=1)):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self.name)
                   .public_key(public_key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=2))
                   .not_valid_after(now + ends_in)
                   .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True))
        if hosts:
            names = [x509.IPAddress(ipaddress.ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
                     for host in hosts]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def certify(self, name, public_key, hosts=(), **options):
        """A certificate file for somebody whose key is kept elsewhere. ends_in: from now; before it is fine."""
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self.folder / f"{name}.crt"
        certificate.write_bytes(self._sign(subject, public_key, hosts=hosts, **options).public_bytes(serialization.Encoding.PEM))
        return certificate

    def issue(self, name, hosts=(), **options):
        """(certificate file, key file) for these hosts."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.certify(name, key.public_key(), hosts, **options)
        key_file = self.folder / f"{name}.key"
        key_file.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                               serialization.NoEncryption()))
        return certificate, key_file

    def server_context(self, hosts=("localhost", "127.0.0.1"), ask_for_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(f"server-{hosts[0]}", hosts))
        if ask_for_client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.file)
        return context
