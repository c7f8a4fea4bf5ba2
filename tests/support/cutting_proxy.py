# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that resets a connection once so many bytes have come back through it.

It knows nothing of TLS or HTTP: what it cuts is the line. cut_after holds one limit per cut; when they are
used up everything passes. received lists how many bytes each connection brought back.
"""

import socket
import struct
import threading

CHUNK = 256 * 1024


class CuttingProxy:
    def __init__(self, target_port, cut_after):
        self.target_port = target_port
        self.cut_after = list(cut_after)
        self.received = []
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
                far = socket.create_connection(("127.0.0.1", self.target_port))
            except OSError:
                return
            with self.lock:
                index = len(self.received)
                self.received.append(0)
            threading.Thread(target=self._forward, args=(near, far), daemon=True).start()
            threading.Thread(target=self._bring_back, args=(far, near, index), daemon=True).start()

    def _forward(self, near, far):
        try:
            while data := near.recv(CHUNK):
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the other thread closes both

    def _must_cut(self, count):
        with self.lock:
            if self.cut_after and count >= self.cut_after[0]:
                self.cut_after.pop(0)
                return True
        return False

    def _bring_back(self, far, near, index):
        try:
            while data := far.recv(CHUNK):
                near.sendall(data)
                self.received[index] += len(data)
                if self._must_cut(self.received[index]):
                    near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    break
            # The other thread sits in recv(), and as long as it does close() closes nothing.
            near.shutdown(socket.SHUT_RD)
        except OSError:
            pass
        far.close()
        near.close()
