# SPDX-License-Identifier: Apache-2.0
"""https:// as an input of rota-artifact, against a real TLS server that cuts, drips, redirects and changes its mind."""

import http.server
import os
import pathlib
import re
import ssl
import subprocess
import threading
import time

import pytest
from support.http import make_certificate

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors/artifacts"
GOOD, USAGE, OPEN, INVALID = 0, 1, 3, 4
DEADLINE_S = 120
PIECE = 64 * 1024


class Handler(http.server.BaseHTTPRequestHandler):
    """/artifact as the server's behaviour says; see Server."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        site = self.server.site
        site.requests.append((self.path, self.headers.get("Range")))
        if self.path.startswith("/hop/"):
            left = int(self.path.split("/")[2])
            self.send_response(302)
            self.send_header("Location", f"/hop/{left - 1}" if left > 1 else site.lands_at)
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path != "/artifact":
            self.send_error(404)
        elif site.status:
            self.send_error(site.status)
        else:
            self.send_artifact(site)

    def send_artifact(self, site):
        content, first = site.content, 0
        asked = re.match(r"bytes=(\d+)-$", self.headers.get("Range") or "")
        if asked and site.knows_ranges:
            first = int(asked[1])
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("ETag", site.etag)
        if site.tells_size:
            self.send_header("Content-Length", str(len(content) - first))
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        until = len(content)
        if site.cuts:
            until = min(until, first + site.cuts.pop(0))
        for at in range(first, until, site.piece):
            self.wfile.write(content[at:min(at + site.piece, until)])
            time.sleep(site.pause_s)
        if until < len(content) or not site.tells_size:
            site.after_cut()
            self.close_connection = True

    def log_message(self, *_):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # the client has gone


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


class Site:
    def __init__(self, folder, tls=True, host="localhost", address="127.0.0.1"):
        self.content = b""
        self.etag, self.status, self.knows_ranges, self.tells_size = '"one"', 0, True, True
        self.cuts, self.piece, self.pause_s, self.lands_at = [], PIECE, 0, "/artifact"
        self.after_cut = lambda: None
        self.requests = []
        self.http = Server((address, 0), Handler)
        self.http.site = self
        port = self.http.server_address[1]
        self.ca = None
        if tls:
            self.ca, certificate, key = make_site_certificate(folder)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate, key)
            self.http.socket = context.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.base = f"{'https' if tls else 'http'}://{host}:{port}"
        self.url = self.base + "/artifact"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def make_site_certificate(folder):
    certificate, key = make_certificate(folder)[:2]
    return certificate, certificate, key


@pytest.fixture
def site(tmp_path):
    (tmp_path / "tls").mkdir()
    site = Site(tmp_path / "tls")
    yield site
    site.close()


@pytest.fixture
def tool(bin, tmp_path, site):
    def run(*words, expect=GOOD, trust=True, env=None, **more):
        options = ["--ca-file", site.ca] if trust and words[0] in ("read", "validate") else []
        done = subprocess.run([bin / "rota-artifact", *map(str, [words[0], *options, *words[1:]])], cwd=tmp_path,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE_S,
                              env={**os.environ, **(env or {})}, **more)
        assert done.returncode == expect, (words, done.stdout, done.stderr)
        return done
    return run


@pytest.fixture
def artifact(bin, tmp_path, site):
    """Several megabytes, on the server and in a file."""
    (tmp_path / "app.bin").write_bytes(os.urandom(5_000_000))
    subprocess.run([bin / "rota-artifact", "write", "module-image", "-T", "raw", "-n", "release-1", "-t", "ecu", "-f",
                    "app.bin", "-o", "a.mender"], cwd=tmp_path, check=True)
    site.content = (tmp_path / "a.mender").read_bytes()
    return tmp_path / "a.mender"


def test_reads_and_validates(tool, site, artifact):
    assert tool("read", site.url).stdout == tool("read", artifact).stdout
    assert tool("validate", site.url).stdout.decode() == f"Artifact file '{site.url}' validated successfully\n"
    assert [path for path, _ in site.requests] == ["/artifact", "/artifact"]
    # The field's variable, without an option.
    tool("validate", site.url, trust=False, env={"SSL_CERT_FILE": str(site.ca)})


def test_without_a_size(tool, site, artifact):
    site.tells_size = False
    tool("validate", site.url)


def test_what_is_no_artifact(tool, site, artifact):
    site.content = b"<html>" * 1000
    assert b"tar" in tool("validate", site.url, expect=INVALID).stderr
    site.content = artifact.read_bytes()[:-3000]
    tool("validate", site.url, expect=INVALID)
    site.content = b""
    tool("validate", site.url, expect=INVALID)


REFUSALS = [
    ("unknown authority", lambda site: None, False, "certificate"),
    ("404", lambda site: setattr(site, "status", 404), True, "404"),
    ("403", lambda site: setattr(site, "status", 403), True, "403"),
    ("500", lambda site: setattr(site, "status", 500), True, "500"),
    ("400", lambda site: setattr(site, "status", 400), True, "400"),
]


@pytest.mark.parametrize("verb", ["read", "validate"])
@pytest.mark.parametrize("what, prepare, trust, word", REFUSALS, ids=[row[0] for row in REFUSALS])
def test_what_cannot_be_opened(tool, site, artifact, verb, what, prepare, trust, word):
    """One line that names the URL and the reason, at once, and the status for what cannot be opened."""
    prepare(site)
    began = time.monotonic()
    done = tool(verb, site.url, expect=OPEN, trust=trust)
    assert time.monotonic() - began < 20
    assert done.stderr.decode().startswith(f"rota-artifact: cannot open artifact {site.url}: ")
    assert word in done.stderr.decode() and done.stderr.count(b"\n") == 1 and done.stdout == b""


def test_nobody_there_and_wrong_name(tool, site, artifact):
    site.close()
    assert b"cannot open artifact" in tool("validate", site.url, expect=OPEN).stderr
    assert b"cannot open artifact" in tool("validate", "https://no-such-host.invalid/a", expect=OPEN).stderr


def test_a_certificate_for_another_name(tool, tmp_path, artifact):
    (tmp_path / "other").mkdir()
    other = Site(tmp_path / "other", host="127.0.0.2", address="127.0.0.2")
    done = tool("validate", "--ca-file", other.ca, other.url, expect=OPEN, trust=False)
    assert b"cannot open artifact" in done.stderr and b"subject name" in done.stderr
    other.close()


def test_authorities_that_cannot_be_read(tool, site, artifact):
    done = tool("validate", "--ca-file", "nofile.pem", site.url, expect=OPEN, trust=False)
    assert b"nofile.pem" in done.stderr


def test_in_the_clear(tool, tmp_path, site, artifact):
    """Plain HTTP is for this machine only, also behind a redirection."""
    plain = Site(tmp_path, tls=False)
    plain.content = site.content
    tool("validate", plain.url)
    done = tool("validate", "http://example.org/a.mender", expect=OPEN)
    assert b"cannot open artifact http://example.org/a.mender: " in done.stderr
    site.lands_at = "http://example.org/a.mender"
    assert b"redirects" in tool("validate", site.base + "/hop/1", expect=OPEN).stderr
    assert b"cannot open" in tool("validate", site.url.replace("://", "://user:secret@"), expect=OPEN).stderr
    plain.close()


def test_redirections(tool, site, artifact):
    tool("validate", site.base + "/hop/5")
    assert b"one redirection too many" in tool("validate", site.base + "/hop/6", expect=OPEN).stderr
    site.lands_at = site.url  # with host and port
    tool("validate", site.base + "/hop/1")


@pytest.mark.parametrize("knows_ranges", [True, False])
def test_a_cut_is_mended(tool, site, artifact, knows_ranges):
    """The reader sees one stream; what is there is not fetched again where the server knows ranges."""
    site.cuts, site.knows_ranges = [1_500_000, 700_000, 2_000_000], knows_ranges
    if not knows_ranges:
        site.cuts = [1_500_000, 2_500_000]
    tool("validate", site.url)
    ranges = [wanted for _, wanted in site.requests]
    assert ranges[0] is None and all(wanted.startswith("bytes=") for wanted in ranges[1:])
    assert len(ranges) == (4 if knows_ranges else 3)


def change(site, **values):
    def act():
        for name, value in values.items():
            setattr(site, name, value)
    site.after_cut = act


def test_another_artifact_after_a_cut(tool, site, artifact):
    """The rest of another file is never put to the beginning of the first."""
    site.cuts = [1_500_000]
    change(site, etag='"two"')
    done = tool("validate", site.url, expect=OPEN)
    assert b"the download changed on the server" in done.stderr
    site.cuts, site.etag = [1_500_000], '"one"'
    change(site, content=site.content + b"x")
    assert b"changed on the server" in tool("read", site.url, expect=OPEN).stderr


def test_gone_after_a_cut(tool, site, artifact):
    site.cuts = [1_500_000]
    change(site, status=404)
    assert b"404" in tool("validate", site.url, expect=OPEN).stderr


def test_cut_for_good(tool, site, artifact):
    """Tries that bring next to nothing come to an end."""
    site.cuts = [1_500_000] + [10] * 50
    done = tool("validate", site.url, expect=OPEN)
    assert done.stderr.startswith(b"rota-artifact: read the artifact: ")
    assert len(site.requests) == 1 + 4


def test_cut_for_good_while_it_is_taken_apart(tool, site, artifact, tmp_path):
    """What the server does not give is no fault of the artifact, and nothing of it is left."""
    site.cuts = [1_500_000] + [10] * 50
    done = tool("dump", "--files", "f", site.url, env={"SSL_CERT_FILE": str(site.ca)}, expect=OPEN)
    assert done.stderr.startswith(b"rota-artifact: read the artifact: ") and not (tmp_path / "f").exists()


@pytest.mark.parametrize("piece, pause_s, reason", [(PIECE, 30, b"no byte came for too long"),
                                                    (10, 0.1, b"the bytes come too slowly")])
def test_a_slow_drip(tool, site, artifact, piece, pause_s, reason):
    site.piece, site.pause_s = piece, pause_s
    began = time.monotonic()
    done = tool("validate", "--idle-timeout", "1", site.url, expect=OPEN)
    assert reason in done.stderr and time.monotonic() - began < 60


def test_more_than_is_allowed(tool, site, artifact):
    done = tool("validate", "--max-download-size", "1MB", site.url, expect=OPEN)
    assert b"larger than 1000000 bytes" in done.stderr
    site.tells_size = False
    assert b"larger than 1000000 bytes" in tool("validate", "--max-download-size", "1MB", site.url, expect=OPEN).stderr


def test_signing_what_is_on_a_server(tool, tmp_path, site, artifact):
    (tmp_path / "key.pem").touch(mode=0o600)
    (tmp_path / "key.pem").write_bytes((VECTORS / "keys/p256.key.pem").read_bytes())
    site.cuts = [1_500_000]
    tool("sign", "-k", "key.pem", "-o", "signed.mender", site.url, env={"SSL_CERT_FILE": str(site.ca)})
    tool("validate", "-k", VECTORS / "keys/p256.pub.pem", "signed.mender")
