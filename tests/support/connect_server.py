# SPDX-License-Identifier: Apache-2.0
"""The device API over TLS with what mender-connect wants of it: a WebSocket of RFC 6455, frame by frame."""

import base64
import hashlib
import queue
import socket
import ssl
import struct
import threading

from support.stub_server import Handler, StubServer

CONNECT = "/api/devices/v1/deviceconnect/connect"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Socket:
    """The server's side of one WebSocket; frames that come are in `frames` as (opcode, payload)."""

    def __init__(self, handler, token):
        self.handler, self.token, self.frames = handler, token, queue.Queue()
        self.ended = threading.Event()

    def send(self, opcode, payload=b""):
        assert len(payload) < 65536
        length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload))
        self.handler.wfile.write(bytes([0x80 | opcode]) + length + payload)
        self.handler.wfile.flush()

    def read_frame(self):
        first, second = self.handler.rfile.read(2)
        length = second & 0x7F
        if length >= 126:
            wide = {126: ">H", 127: ">Q"}[length]
            length, = struct.unpack(wide, self.handler.rfile.read(struct.calcsize(wide)))
        assert second & 0x80, "a client must mask"
        mask, payload = self.handler.rfile.read(4), self.handler.rfile.read(length)
        return first & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))

    def serve(self):
        try:
            while True:
                self.frames.put(self.read_frame())
        except (ValueError, OSError):
            self.ended.set()

    def wait_for(self, opcode, timeout_s=60):
        while True:
            got, payload = self.frames.get(timeout=timeout_s)
            if got == opcode:
                return payload

    def close(self):
        """As a server that goes down: no frame says goodbye."""
        self.handler.connection.shutdown(socket.SHUT_RDWR)


class ConnectHandler(Handler):
    def do_POST(self):
        if not self.path.endswith("/auth_requests"):
            super().do_POST()
            return
        self.body()
        stub = self.server.stub
        with stub.lock:
            stub.asked += 1
            stub.tokens.append(f"token-{stub.asked}")
            self.answer(200 if stub.accepts else 401, stub.tokens[-1].encode() if stub.accepts else b"{}")

    def do_GET(self):
        stub = self.server.stub
        with stub.lock:
            stub.heads.append((self.path, dict(self.headers)))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if token != stub.tokens[-1]:
            self.answer(401, {"error": "another token is valid"})
        elif self.path != CONNECT:
            self.answer(200, stub.content)
        else:
            self.upgrade(stub, token)

    def upgrade(self, stub, token):
        accept = base64.b64encode(hashlib.sha1((self.headers["Sec-WebSocket-Key"] + GUID).encode()).digest())
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", accept.decode())
        self.end_headers()
        self.close_connection = True
        client = Socket(self, token)
        client.peer_certificate = self.connection.getpeercert()
        stub.sockets.put(client)
        client.serve()


class ConnectServer(StubServer):
    """certificate, key: PEM files of the server; client_authority: who signs the vehicle's certificate."""

    def __init__(self, certificate, key, client_authority=None):
        super().__init__()
        self.asked, self.tokens, self.heads, self.sockets, self.content = 0, [None], [], queue.Queue(), b"{}"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_authority)
        self.http.RequestHandlerClass = ConnectHandler
        self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self.http.server_address[1]}"

    def next_socket(self, timeout_s=60):
        return self.sockets.get(timeout=timeout_s)
