# SPDX-License-Identifier: Apache-2.0
"""A TPM 2.0 in software (swtpm), whose seeds lie in a folder of its own: another folder is another machine."""

import os
import socket
import subprocess
import time

from support.server import free_port

DEADLINE_S = 30


def free_pair():
    """A port whose neighbour is free as well."""
    while True:
        port = free_port()
        try:
            with socket.socket() as neighbour:
                neighbour.bind(("127.0.0.1", port + 1))
            return port
        except (OSError, OverflowError):
            continue


class SoftTpm:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # The second port is the first one's neighbour: the TCTI of swtpm expects its control there.
        self.port = free_pair()
        self.env = {**os.environ, "TPM2OPENSSL_TCTI": f"swtpm:host=127.0.0.1,port={self.port}", "TSS2_LOG": "all+NONE"}
        self.process = None

    def __enter__(self):
        self.process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self.folder}", "--server", f"type=tcp,port={self.port}",
             "--ctrl", f"type=tcp,port={self.port + 1}", "--flags", "not-need-init,startup-clear"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + DEADLINE_S
        while True:
            try:
                # The data port serves one connection at a time; the control port only listens.
                socket.create_connection(("127.0.0.1", self.port + 1), timeout=1).close()
                return self
            except OSError:
                assert self.process.poll() is None, "swtpm ended"
                assert time.monotonic() < deadline, "swtpm does not listen"
                time.sleep(0.05)

    def __exit__(self, *failure):
        self.process.terminate()
        self.process.wait(DEADLINE_S)
