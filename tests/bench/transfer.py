#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8
"""What moving artifacts costs rota-server: CPU time, with the server on one core and the client on the other.

  upload    over TLS: receiving, parsing, verifying, storing and syncing, beside `openssl sha256` of the same
            file                                                                                       <= 2.5 x
  download  over TLS by a signed link, MB for each CPU second, beside nginx with the same file, certificate, cipher
            and group                                                                                  >= 0.9 x

Both sides of a comparison run in turn, so that a busy moment meets both, and the cheapest round of each is taken:
whatever disturbs can only add. The artifact is random bytes without compression: what is compressed arrives as more
work for the module, not for us. The server speaks TLS only, so there is no plain download to compare.

What the same upload costs without receiving is shown beside it: a processor with SHA instructions takes a digest about
as fast as it decrypts and copies the same bytes from a socket.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

from poll import CLIENT_CORE, SERVER_CORE, START_DEADLINE_S, wait_for_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.api import DEPLOYMENTS, Api  # noqa: E402
from support.device import Device  # noqa: E402
from support.http import make_certificate  # noqa: E402
from support.server import Server, free_port  # noqa: E402

REACH_UPLOAD, REACH_DOWNLOAD = 2.5, 0.9
CIPHER, GROUP = "TLS_AES_128_GCM_SHA256", "X25519"

NGINX = """
user root; daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 64; }}
http {{
	access_log off; sendfile on; tcp_nopush on;
	client_body_temp_path {folder}/1; proxy_temp_path {folder}/2; fastcgi_temp_path {folder}/3;
	uwsgi_temp_path {folder}/4; scgi_temp_path {folder}/5;
	ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_buffer_size 16k;
	ssl_protocols TLSv1.3; ssl_ecdh_curve {group}; ssl_conf_command Ciphersuites {cipher};
	server {{ listen 127.0.0.1:{port} ssl; root {root}; }}
}}
"""


class Nginx:
    def __init__(self, folder, certificate, key, root):
        port = free_port()
        self.url = f"https://localhost:{port}"
        config = folder / "nginx.conf"
        config.write_text(NGINX.format(folder=folder, certificate=certificate, key=key, port=port, root=root,
                                       group=GROUP, cipher=CIPHER))
        program = shutil.which("nginx", path=f"{os.environ.get('ROTA_PEERS', '')}/usr/sbin:/usr/sbin")
        assert program, "nginx is missing: script/setup bench"
        self.process = subprocess.Popen(["taskset", "-c", SERVER_CORE, program, "-c", config],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for_port(port)
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        self.pid = int(children.read_text().split()[0])

    def stop(self):
        self.process.terminate()
        self.process.wait(START_DEADLINE_S)


def bin_folder():
    return pathlib.Path(os.environ.get("ROTA_BIN", ROOT / "out/bin"))


def make_artifact(folder, size_mib):
    payload, path = folder / "payload", folder / "big.mender"
    with open(payload, "wb") as out:
        for _ in range(size_mib):
            out.write(os.urandom(1024 * 1024))
    subprocess.run([bin_folder() / "rota-artifact", "write", "module-image", "-T", "single-file", "-n", "big",
                    "-t", "test-vehicle", "-f", payload, "-o", path, "--compression", "none"],
                   check=True, stdout=subprocess.DEVNULL)
    payload.unlink()
    return path


def start_server(folder, certificate, key):
    server = Server(bin_folder(), folder / "server", arguments=["--tls-cert", certificate, "--tls-key", key])
    server.ca = certificate
    server.create_user()
    os.sched_setaffinity(0, {int(SERVER_CORE)})
    try:
        server.start()
    finally:
        os.sched_setaffinity(0, {int(CLIENT_CORE)})
    return server


def curl(*words, status=True):
    """Its output; an error status is an error unless status is False."""
    done = subprocess.run(["taskset", "-c", CLIENT_CORE, "curl", "-sS", *(["--fail"] if status else []),
                           "--tls13-ciphers", CIPHER, "--curves", GROUP, *words], capture_output=True, text=True)
    assert done.returncode == 0, f"curl: {done.stdout}{done.stderr}"
    return done.stdout


def cpu_seconds(pid):
    """Of all threads, those included that have ended."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cost_of_process(pid, work):
    before = cpu_seconds(pid)
    work()
    return cpu_seconds(pid) - before


def cost_of_digest(path):
    process = subprocess.Popen(["taskset", "-c", CLIENT_CORE, "openssl", "dgst", "-sha256", path],
                               stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "openssl dgst failed"
    return usage.ru_utime + usage.ru_stime


def send(server, api, path, part):
    """Uploads the file as that part of the form; returns the status line of the answer."""
    headers = curl("--cacert", server.ca, "-D", "-", "-o", os.devnull, "-H", f"Authorization: Bearer {api.token}",
                   "-H", "Expect:", "-F", f"{part}=@{path}", f"{server.url}{DEPLOYMENTS}/artifacts", status=False)
    return headers.splitlines()[0]


def upload(server, api, path):
    line = send(server, api, path, "artifact")
    assert " 201 " in line, line


def receive_only(server, api, path):
    """The same bytes in a part nobody asked for: read to the end and not looked at."""
    line = send(server, api, path, "ignored")
    assert " 400 " in line, line


def remove_all(api):
    for artifact in api.get(f"{DEPLOYMENTS}/artifacts", expect=200).json():
        api.delete(f"{DEPLOYMENTS}/artifacts/{artifact['id']}", expect=204)


def compare_uploads(server, api, path, rounds):
    whole, received, digest = [], [], []
    for _ in range(rounds):
        remove_all(api)
        whole.append(cost_of_process(server.process.pid, lambda: upload(server, api, path)))
        received.append(cost_of_process(server.process.pid, lambda: receive_only(server, api, path)))
        digest.append(cost_of_digest(path))
    ours, theirs = min(whole), min(digest)
    stored = ours - min(received)
    ratio = ours / theirs
    good = ratio <= REACH_UPLOAD
    print(f"transfer: upload of {path.stat().st_size >> 20} MiB: parse, verify, store: {ours:.2f} s of CPU beside "
          f"{theirs:.2f} s of openssl sha256: {ratio:.2f} x (reach <= {REACH_UPLOAD}): {'ok' if good else 'SHORT'}; "
          f"without receiving: {stored:.2f} s, {stored / theirs:.2f} x", flush=True)
    return good


def offered_link(server, api):
    device = Device(server, {"mac": "02:00:00:00:00:01"})
    device.join(api)
    api.deploy("big")
    return device.next()["artifact"]["source"]["uri"]


def compare_downloads(server, api, path, nginx, rounds):
    link = offered_link(server, api)
    size_mb = path.stat().st_size / 1e6
    ours, theirs = [], []
    for _ in range(rounds):
        for costs, pid, url in ((ours, server.process.pid, link), (theirs, nginx.pid, f"{nginx.url}/{path.name}")):
            costs.append(cost_of_process(pid, lambda: curl("--cacert", server.ca, "-o", os.devnull, url)))
    ratio = min(theirs) / min(ours)
    good = ratio >= REACH_DOWNLOAD
    print(f"transfer: download: {size_mb / min(ours):.0f} MB a CPU second beside {size_mb / min(theirs):.0f} of nginx: "
          f"{ratio:.2f} x (reach >= {REACH_DOWNLOAD}): {'ok' if good else 'SHORT'}", flush=True)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, default=512, help="of the artifact, in MiB")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    os.sched_setaffinity(0, {int(CLIENT_CORE)})
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-transfer-"))
    running = []
    try:
        certificate, key = make_certificate(folder)
        path = make_artifact(folder, options.size)
        server = start_server(folder, certificate, key)
        running.append(server)
        running.append(Nginx(folder, certificate, key, folder))
        api = Api(server.url, server.ca).login(server.email, server.password)
        good = compare_uploads(server, api, path, options.rounds)
        good &= compare_downloads(server, api, path, running[1], options.rounds)
    finally:
        for one in running:
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
