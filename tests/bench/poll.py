#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8
"""What a poll that finds no work costs rota-server, beside nginx answering "return 204" over TLS.

Both have one core and get the same bytes with the same certificate, cipher and group; the load comes from the other
core. What counts is the server's own CPU time an operation, since the wall clock of a shared machine tells little. The
two run in turn, so that a busy moment meets both, and the median of the rounds' ratios is taken.

  kept    polls on kept connections                               <= 1.3 x nginx
  new     a new TLS connection with one poll                      <= 1.2 x
  mtls    the same with a client certificate                      <= 1.0 x
  many    kept, with 1 M devices registered, beside 10 k          <= 1.2 x
"""

import argparse
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.api import Api  # noqa: E402
from support.device import NEXT_V1, Device  # noqa: E402
from support.http import Connection, TestServer, client_context, cpu_seconds, make_certificate  # noqa: E402
from support.server import Server, free_port  # noqa: E402

SERVER_CORE, CLIENT_CORE = "0", "1"
REACH = {"kept": 1.3, "new": 1.2, "mtls": 1.0, "many": 1.2}
N_FEW, N_MANY = 10_000, 1_000_000
WARM_S, START_DEADLINE_S = 1, 20

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
	access_log off; keepalive_requests 1000000000; keepalive_timeout 75;
	client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
	uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
	ssl_certificate {certificate}; ssl_certificate_key {key};
	ssl_protocols TLSv1.3; ssl_ecdh_curve X25519; ssl_conf_command Ciphersuites TLS_AES_128_GCM_SHA256;
	{verify}
	server {{ listen 127.0.0.1:{port} ssl; location / {{ return 204; }} }}
}}
"""


class Nginx:
    def __init__(self, folder, certificate, key, client_ca=None):
        self.port = free_port()
        self.poll_path, self.token = "/", None
        verify = f"ssl_verify_client optional; ssl_client_certificate {client_ca};" if client_ca else ""
        config = folder / f"nginx-{self.port}.conf"
        config.write_text(NGINX.format(folder=folder, certificate=certificate, key=key, port=self.port, verify=verify))
        program = shutil.which("nginx", path=f"{os.environ.get('ROTA_PEERS', '')}/usr/sbin:/usr/sbin")
        assert program, "nginx is missing: script/setup bench"
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, program, "-c", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(self.port)
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.pid = int(children.read_text().split()[0])

    def stop(self):
        self.process.terminate()
        self.process.wait(START_DEADLINE_S)


class Rota:
    """rota-server on one core, with that many devices registered and one of them polling."""

    def __init__(self, folder, certificate, key, client_ca=None, n_devices=0):
        arguments = ["--tls-cert", certificate, "--tls-key", key]
        arguments += ["--client-ca", client_ca] if client_ca else []
        self.server = Server(os.environ.get("ROTA_BIN", ROOT / "out/bin"), folder / "server", arguments=arguments)
        self.server.ca = certificate
        self.server.create_user()
        self.start()
        device = Device(self.server, {"mac": "02:00:00:00:00:01"})
        device.join(Api(self.server.url, self.server.ca).login(self.server.email, self.server.password))
        self.poll_path = f"{NEXT_V1}?artifact_name=release-1&device_type=test-vehicle"
        self.token = device.token
        if n_devices:
            self.server.stop()
            register_devices(self.server.data / "rota.db", n_devices)
            self.start()

    def start(self):
        os.sched_setaffinity(0, {int(SERVER_CORE)})
        try:
            self.server.start()
        finally:
            os.sched_setaffinity(0, {int(CLIENT_CORE)})
        self.port, self.pid = self.server.port, self.server.process.pid

    def stop(self):
        self.server.stop()


class Engine:
    """The HTTP engine with the smallest application: what of the cost is the engine's."""

    def __init__(self, folder, certificate, key, client_ca=None):
        os.sched_setaffinity(0, {int(SERVER_CORE)})
        self.server = TestServer(None, folder, certificate, key, client_ca,
                                 program=os.environ["ROTA_HTTP_TEST_SERVER"])
        os.sched_setaffinity(0, {int(CLIENT_CORE)})
        self.port, self.pid = self.server.port, self.server.pid
        self.poll_path, self.token = "/nothing", None

    def stop(self):
        self.server.stop()


def register_devices(path, count):
    """Accepted devices straight into the store, which serves polls only from then on: registering them one by one is
    another comparison's business."""
    with sqlite3.connect(path) as store:
        store.row_factory = sqlite3.Row
        # Thrown away if it breaks, and larger than the usual cache.
        store.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000; PRAGMA temp_store = MEMORY;")
        store.execute(f"CREATE TEMP TABLE added AS {RANDOM_IDS}", (count - 1,))
        last = store.execute("SELECT max(row_number) FROM devices").fetchone()[0]
        copy_rows(store, "devices", {"row_number": f"{last} + number", "identity_hash": "printf('%064x', number)",
                                     "identity": "printf('{\"mac\":\"%012x\"}', number)", "id": "id"})
        copy_rows(store, "auth_sets", {"device_id": "id", "id": "id", "pubkey_hash": "printf('%064x', number)"})
    store.close()


# In the order of their ids, so that they go to the end of the tables' indices.
RANDOM_IDS = """
WITH RECURSIVE numbers (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM numbers LIMIT ?),
	random (number, hex) AS (SELECT number, lower(hex(randomblob(16))) FROM numbers)
SELECT number, substr(hex, 1, 8) || '-' || substr(hex, 9, 4) || '-4' || substr(hex, 14, 3) || '-8' || substr(hex, 18, 3)
	|| '-' || substr(hex, 21) AS id FROM random ORDER BY id
"""


def copy_rows(store, table, changed):
    """One row for each that is to be added: as the table's first one, but for what is changed."""
    row = dict(store.execute(f"SELECT * FROM {table} LIMIT 1").fetchone())
    values = ", ".join(changed.get(column, f":{column}") for column in row)
    kept = {column: value for column, value in row.items() if column not in changed}
    store.execute(f"INSERT INTO {table} ({', '.join(row)}) SELECT {values} FROM added", kept)


def wait_for_port(port):
    deadline = time.monotonic() + START_DEADLINE_S
    while True:
        try:
            Connection(port).socket.close()
            return
        except OSError:
            assert time.monotonic() < deadline, "the server does not start"
            time.sleep(0.05)


def poll_bytes(target):
    lines = [f"GET {target.poll_path} HTTP/1.1", f"Host: localhost:{target.port}"]
    lines += [f"Authorization: Bearer {target.token}"] if target.token else []
    return "\r\n".join([*lines, "", ""]).encode()


def check(target):
    with Connection(target.port) as connection:
        connection.send(poll_bytes(target))
        status = connection.answer().status
        assert status == 204, f"a poll is answered {status}"
        assert connection.socket.cipher()[0] == "TLS_AES_128_GCM_SHA256"


def load(target, seconds, *words):
    """How many polls wrk got answered with 204."""
    token = ["-H", f"Authorization: Bearer {target.token}"] if target.token else []
    done = subprocess.run(
        ["taskset", "-c", CLIENT_CORE, "wrk", "-t1", "-c32", f"-d{seconds}s", *token, *words,
         f"https://127.0.0.1:{target.port}{target.poll_path}"], capture_output=True, text=True, check=True)
    assert "Non-2xx" not in done.stdout, done.stdout
    return int(next(line.split()[0] for line in done.stdout.splitlines() if "requests in" in line))


def kept(target, seconds):
    return load(target, seconds)


def new(target, seconds):
    return load(target, seconds, "-H", "Connection: close")


def mtls(target, seconds):
    count, until = 0, time.monotonic() + seconds
    poll = poll_bytes(target)
    while time.monotonic() < until:
        with Connection(target.port, target.client_context) as connection:
            connection.send(poll)
            assert connection.answer().status == 204
        count += 1
    return count


def cost_us(target, work, seconds):
    before = cpu_seconds(target.pid)
    count = work(target, seconds)
    return (cpu_seconds(target.pid) - before) / count * 1e6


def compare(ours, theirs, work, options):
    """What an operation costs ours and theirs, in rounds that follow each other."""
    for target in (ours, theirs):
        check(target)
        work(target, WARM_S)
    return [(cost_us(ours, work, options.seconds), cost_us(theirs, work, options.seconds))
            for _ in range(options.rounds)]


def report(name, rounds, what, beside):
    ratio = statistics.median(a / b for a, b in rounds)
    ours, theirs = (statistics.median(column) for column in zip(*rounds))
    good = ratio <= REACH[name]
    print(f"poll: {what}: {ours:.1f} µs beside {theirs:.1f} µs of {beside}: {ratio:.2f} x "
          f"(reach <= {REACH[name]}): {'ok' if good else 'SHORT'}", flush=True)
    return good


def beside_nginx(folder, start, options):
    certificate, key = make_certificate(folder)
    ours, theirs = start(folder, certificate, key), Nginx(folder, certificate, key)
    theirs.poll_path, theirs.token = ours.poll_path, ours.token
    try:
        good = report("kept", compare(ours, theirs, kept, options), "on kept connections", "nginx")
        good &= report("new", compare(ours, theirs, new, options), "with a new TLS connection", "nginx")
    finally:
        ours.stop()
        theirs.stop()
    return good


def beside_nginx_with_certificates(folder, start, options):
    certificate, key = make_certificate(folder)
    ca = make_certificate(folder, "client-ca")
    client = make_certificate(folder, "vehicle", ca)
    ours, theirs = start(folder, certificate, key, ca[0]), Nginx(folder, certificate, key, ca[0])
    theirs.poll_path, theirs.token = ours.poll_path, ours.token
    try:
        ours.client_context = theirs.client_context = client_context(*client)
        return report("mtls", compare(ours, theirs, mtls, options), "with a new mutual TLS connection", "nginx")
    finally:
        ours.stop()
        theirs.stop()


def few_and_many(folder, options):
    certificate, key = make_certificate(folder)
    targets = []
    try:
        for count in (N_MANY, N_FEW):
            (folder / str(count)).mkdir()
            targets.append(Rota(folder / str(count), certificate, key, n_devices=count))
        costs = compare(*targets, kept, options)
        return report("many", costs, f"with {N_MANY} devices", f"those with {N_FEW}")
    finally:
        for target in targets:
            target.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=2, help="of each round")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--engine", action="store_true", help="the engine alone: $ROTA_HTTP_TEST_SERVER")
    options = parser.parse_args()
    start = Engine if options.engine else Rota
    parts = [lambda folder: beside_nginx(folder, start, options),
             lambda folder: beside_nginx_with_certificates(folder, start, options)]
    if not options.engine:
        parts.append(lambda folder: few_and_many(folder, options))
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    good = True
    for part in parts:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-poll-"))
        try:
            good &= part(folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
