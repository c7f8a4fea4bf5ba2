# SPDX-License-Identifier: Apache-2.0
"""A server of the device API that does what a test tells it and remembers what it was told.

It stands in for rota-server where the vehicle is what is tested: thousands of short lives, each with a
server of its own. Plain HTTP on a loopback address, which the agent accepts.
"""

import http.server
import json
import re
import threading

DEPLOYMENT = re.compile(r"^/api/devices/v1/deployments/device/deployments/([^/]+)/(status|log)$")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=b"", headers=()):
        if isinstance(body, (dict, list)):
            body = json.dumps(body).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self.chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def chunk(self):
        """As the field's client sends them: no extensions, no trailers."""
        content = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return content

    def do_POST(self):
        stub, body = self.server.stub, self.body()
        with stub.lock:
            if self.path.endswith("/auth_requests"):
                stub.auth_requests.append(json.loads(body))
                self.answer(200 if stub.accepts else 401, b"token" if stub.accepts else b"{}")
            elif self.path.endswith("/deployments/next"):
                stub.polls.append(json.loads(body))
                offer = stub.offer()
                stub.idle_polls += offer is None
                self.answer(200 if offer else 204, offer or b"")
            else:
                self.answer(404, {"error": "no such path"})

    def do_PUT(self):
        stub, body = self.server.stub, json.loads(self.body())
        deployment = DEPLOYMENT.match(self.path)
        with stub.lock:
            if deployment and deployment[2] == "status":
                stub.statuses.append(body["status"])
                stub.substates.append(body.get("substate"))
                self.answer(stub.status_answers.get(body["status"], 204))
            elif deployment:
                stub.logs.append(body["messages"])
                self.answer(204)
            else:
                stub.inventories.append(body)
                self.answer(200)

    def do_GET(self):
        stub, content = self.server.stub, self.server.stub.artifact
        asked = re.match(r"bytes=(\d+)-(\d*)$", self.headers.get("Range") or "")
        if not asked:
            stub.served += len(content)
            self.answer(200, content, [("ETag", '"artifact"')])
            return
        first, last = int(asked[1]), int(asked[2] or len(content) - 1)
        if first >= len(content):
            self.answer(416, b"", [("Content-Range", f"bytes */{len(content)}")])
            return
        stub.served += last + 1 - first
        self.answer(206, content[first:last + 1], [
            ("Content-Range", f"bytes {first}-{last}/{len(content)}"), ("ETag", '"artifact"')])

    def log_message(self, *_):
        pass


class StubServer:
    """artifact: what the deployment brings; status_answers: {status: HTTP status} where it is not 204."""

    def __init__(self, artifact=None, name="release-2", deployment="d-1", device_type="test-vehicle"):
        self.lock = threading.Lock()
        self.artifact, self.name, self.deployment, self.device_type = artifact, name, deployment, device_type
        self.accepts, self.status_answers = True, {}
        self.served = 0      # bytes of the artifact, over all downloads
        self.idle_polls = 0  # that were answered with "nothing to do"
        self.statuses, self.substates = [], []  # of each report, None where it had none
        self.logs, self.inventories, self.polls, self.auth_requests = [], [], [], []
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.stub = self
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def offer(self):
        """The deployment, until it has a final status."""
        if self.artifact is None or {"success", "failure"} & set(self.statuses):
            return None
        return {"id": self.deployment, "artifact": {
            "artifact_name": self.name, "device_types_compatible": [self.device_type],
            "source": {"uri": f"{self.url}/artifact", "expire": "2100-01-01T00:00:00Z"}}}

    def close(self):
        self.http.shutdown()
        self.http.server_close()
