# SPDX-License-Identifier: Apache-2.0
"""Artifacts over the API: upload in one streaming pass, lists, changes, deletion; and what is refused."""

import hashlib
import os
import socket
import ssl
import uuid

import pytest

from support.api import DEPLOYMENTS, Api, error_of, wait_until
from support.artifact import make_artifact
from support.server import Server

V2 = "/api/management/v2/deployments"
ARTIFACTS = f"{DEPLOYMENTS}/artifacts"


def write(tmp_path, name="release-1", device_types=("test-vehicle",), content=b"x" * 5000, **more):
    path = tmp_path / f"{name}-{uuid.uuid4()}.mender"
    path.write_bytes(make_artifact(name, device_types, [("file", content)], **more))
    return path


def stored_files(server):
    """The blobs there are; what was half-finished is gone a moment after its call."""
    folder = server.data / "artifacts"
    wait_until(lambda: not list((folder / "incoming").iterdir()), what="no half-finished files")
    return sorted(path.name for path in folder.glob("??/*"))


@pytest.mark.shows("B1")
def test_upload_is_stored_whole(server, api, tmp_path):
    path = write(tmp_path, content=bytes(range(256)) * 4000)
    artifact_id = api.upload(path, description="the first")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert stored_files(server) == [digest]
    assert (server.data / "artifacts" / digest[:2] / digest).read_bytes() == path.read_bytes()
    shown = api.get(f"{ARTIFACTS}/{artifact_id}", expect=200).json()
    assert shown["id"] == artifact_id
    assert shown["description"] == "the first"
    assert shown["size"] == path.stat().st_size
    assert shown["checksum"] == digest


@pytest.mark.shows("B10")
def test_facts_are_those_of_the_artifact(api, tmp_path):
    content = b"payload" * 1000
    path = write(tmp_path, "facts", ("a", "b"), content, type="directory", meta_data={"k": "v"},
                 provides={"rootfs-image.x.version": "7"}, depends={"rootfs-image.x.version": ["5", "6"]})
    shown = api.get(f"{ARTIFACTS}/{api.upload(path)}", expect=200).json()
    assert shown["name"] == "facts"
    assert shown["info"] == {"format": "mender", "version": 3}
    assert shown["signed"] is False
    assert shown["device_types_compatible"] == ["a", "b"]
    assert shown["artifact_provides"] == {"artifact_name": "facts", "rootfs-image.x.version": "7"}
    assert shown["artifact_depends"] == {"device_type": ["a", "b"], "rootfs-image.x.version": ["5", "6"]}
    assert shown["clears_artifact_provides"] == ["rootfs-image.directory.*"]
    [update] = shown["updates"]
    assert update["type_info"] == {"type": "directory"}
    assert update["meta_data"] == [{"Key": "k", "Value": "v"}]
    [file] = update["files"]
    assert (file["name"], file["size"], file["checksum"]) == (
        "file", len(content), hashlib.sha256(content).hexdigest())


def test_lists(api, tmp_path):
    for name, types in (("r-1", ["a"]), ("r-1", ["b"]), ("r-2", ["a"]), ("s_%", ["c"])):
        api.upload(write(tmp_path, name, types, content=name.encode() * 10 + types[0].encode()), description=f"of {name}")
    listed = api.get(ARTIFACTS, expect=200).json()
    assert [artifact["name"] for artifact in listed] == ["s_%", "r-2", "r-1", "r-1"]
    assert all(isinstance(update["meta_data"], list) for artifact in listed for update in artifact["updates"])

    def names(path, **query):
        answer = api.get(path, params=query, expect=200)
        return [artifact["name"] for artifact in answer.json()], answer.headers

    assert names(ARTIFACTS, name="R-")[0] == ["r-2", "r-1", "r-1"]
    assert names(ARTIFACTS, name="_%")[0] == ["s_%"]
    assert names(ARTIFACTS, description="OF S")[0] == ["s_%"]
    assert names(ARTIFACTS, device_type="a")[0] == ["r-2", "r-1"]
    page, headers = names(f"{ARTIFACTS}/list", per_page=3, page=1, sort="name:asc")
    assert page == ["r-1", "r-1", "r-2"]
    assert headers["X-Total-Count"] == "4"
    assert 'rel="next"' in headers["Link"]
    assert names(f"{ARTIFACTS}/list", per_page=3, page=2, sort="name:asc")[0] == ["s_%"]
    for path in (f"{ARTIFACTS}/list", f"{V2}/artifacts", f"{V2}/deployments/releases"):
        for size in (0, 501, 2**40):
            assert "per_page=20" in names(path, per_page=size)[1]["Link"]
        error_of(api.get(path, params={"per_page": "many"}, expect=400))
    assert names(f"{V2}/artifacts", name="r-2")[0] == ["r-2"]
    assert sorted(names(f"{V2}/artifacts", name="R*")[0]) == ["r-1", "r-1", "r-2"]
    assert names(f"{V2}/artifacts", name=["r-2", "s_%"])[0] == ["r-2", "s_%"]
    error_of(api.get(f"{V2}/artifacts", params={"name": ["r-2", "s*"]}, expect=400))
    assert api.get(f"{DEPLOYMENTS}/limits/storage", expect=200).json() == {
        "limit": 0, "usage": sum(artifact["size"] for artifact in listed)}


def test_releases(api, tmp_path):
    for name, types in (("r-1", ["a"]), ("r-1", ["b"]), ("r-2", ["a"])):
        api.upload(write(tmp_path, name, types, content=name.encode() * 10 + types[0].encode(),
                         type="directory" if name == "r-2" else "single-file"))
    old = api.get(f"{DEPLOYMENTS}/deployments/releases", expect=200).json()
    assert [(release["Name"], release["ArtifactsCount"], len(release["Artifacts"])) for release in old] == [
        ("r-2", 1, 1), ("r-1", 2, 2)]
    paged = api.get(f"{V2}/deployments/releases", params={"per_page": 1, "sort": "name:asc"}, expect=200)
    assert [release["name"] for release in paged.json()] == ["r-1"]
    assert paged.headers["X-Total-Count"] == "2"
    found = api.get(f"{V2}/deployments/releases", params={"update_type": "directory"}, expect=200).json()
    assert [release["name"] for release in found] == ["r-2"]
    assert api.get(f"{V2}/deployments/releases/r-1", expect=200).json()["artifacts_count"] == 2
    assert api.get(f"{V2}/releases/all/types", expect=200).json() == ["directory", "single-file"]
    error_of(api.get(f"{V2}/deployments/releases/none", expect=404))


def test_conflicts(server, api, tmp_path):
    first = write(tmp_path, "r", ["a", "b"])
    first_id = api.upload(first)
    again = api.upload(first, expect=409)
    error_of(again)
    assert again.json()["metadata"]["conflict"]["artifact_id"] == first_id
    overlapping = api.upload(write(tmp_path, "r", ["b", "c"], content=b"other"), expect=409)
    assert overlapping.json()["metadata"]["conflict"]["artifact_name"] == "r"
    api.upload(write(tmp_path, "r", ["c"], content=b"other"))
    api.upload(write(tmp_path, "r", ["a"], content=b"delta", depends={"rootfs-image.checksum": ["1"]}))
    chosen = str(uuid.uuid4())
    for status in (201, 409):
        path = write(tmp_path, f"own-id-{status}")
        api.post(ARTIFACTS, expect=status, files=[
            ("artifact_id", (None, chosen)), ("artifact", (path.name, path.read_bytes()))])
    assert api.get(f"{ARTIFACTS}/{chosen}", expect=200).json()["name"] == "own-id-201"
    assert len(stored_files(server)) == 4


def test_description_and_deletion(server, api, tmp_path):
    path = write(tmp_path)
    artifact_id = api.upload(path)
    api.put(f"{ARTIFACTS}/{artifact_id}", json={"description": "new"}, expect=204)
    assert api.get(f"{ARTIFACTS}/{artifact_id}", expect=200).json()["description"] == "new"
    api.delete(f"{ARTIFACTS}/{artifact_id}", expect=204)
    error_of(api.delete(f"{ARTIFACTS}/{artifact_id}", expect=404))
    error_of(api.get(f"{ARTIFACTS}/{artifact_id}", expect=404))
    error_of(api.put(f"{ARTIFACTS}/{artifact_id}", json={"description": "new"}, expect=404))
    wait_until(lambda: stored_files(server) == [], what="the blob is gone")
    api.upload(path)  # and it can come back


def form(*parts, end=True, boundary="XyZ"):
    body = b""
    for name, content in parts:
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + content + b"\r\n"
    return body + (f"--{boundary}--\r\n".encode() if end else b"")


GOOD = make_artifact("good", ["a"], [("file", b"x" * 5000)])
BAD_SUM = GOOD.replace(b"  version\n", b"  vers1on\n")

REFUSED = {
    "not multipart": ("application/json", b"{}", 415),
    "no content type": (None, b"{}", 415),
    "no boundary": ("multipart/form-data", form(("artifact", GOOD)), 400),
    "empty body": ("multipart/form-data; boundary=XyZ", b"", 400),
    "no file": ("multipart/form-data; boundary=XyZ", form(("description", b"x")), 400),
    "cut in the file": ("multipart/form-data; boundary=XyZ", form(("artifact", GOOD), end=False)[:-3000], 400),
    "no end": ("multipart/form-data; boundary=XyZ", form(("artifact", GOOD), end=False), 400),
    "smaller than said": ("multipart/form-data; boundary=XyZ", form(("size", b"99999"), ("artifact", GOOD)), 400),
    "larger than said": ("multipart/form-data; boundary=XyZ", form(("size", b"10"), ("artifact", GOOD)), 400),
    "size is no number": ("multipart/form-data; boundary=XyZ", form(("size", b"many"), ("artifact", GOOD)), 400),
    "id is no UUID": ("multipart/form-data; boundary=XyZ", form(("artifact_id", b"7"), ("artifact", GOOD)), 400),
    "field twice": ("multipart/form-data; boundary=XyZ", form(("size", b"1"), ("size", b"1"), ("artifact", GOOD)), 400),
    "field too long": ("multipart/form-data; boundary=XyZ", form(("description", b"x" * 5000), ("artifact", GOOD)), 400),
    "field not UTF-8": ("multipart/form-data; boundary=XyZ", form(("description", b"\xff"), ("artifact", GOOD)), 400),
    "no artifact": ("multipart/form-data; boundary=XyZ", form(("artifact", b"y" * 5000)), 400),
    "half an artifact": ("multipart/form-data; boundary=XyZ", form(("artifact", GOOD[:4000])), 400),
    "something behind it": ("multipart/form-data; boundary=XyZ", form(("artifact", GOOD + b"x" * 512)), 400),
    "broken manifest": ("multipart/form-data; boundary=XyZ", form(("artifact", BAD_SUM)), 400),
}


@pytest.mark.shows("MS6")
def test_bad_uploads_leave_nothing(server, api):
    for what, (content_type, body, status) in REFUSED.items():
        headers = {"Content-Type": content_type} if content_type else {}
        answer = api.post(ARTIFACTS, data=body, headers=headers)
        assert answer.status_code == status, f"{what}: {answer.status_code} {answer.text}"
        assert "internal" not in error_of(answer), what
    assert stored_files(server) == []
    assert api.get(ARTIFACTS, expect=200).json() == []
    api.post(ARTIFACTS, data=form(("artifact", GOOD), ("description", b"too late")),
             headers={"Content-Type": "multipart/form-data; boundary=XyZ"}, expect=201)


@pytest.mark.shows("MS6")
def test_refusal_names_rule_and_place(api):
    answer = api.post(ARTIFACTS, data=form(("artifact", BAD_SUM)), expect=400,
                      headers={"Content-Type": "multipart/form-data; boundary=XyZ"})
    assert error_of(answer).startswith("reading artifact error: R")
    assert 1 <= answer.json()["rule"] <= 19
    assert answer.json()["member"]


class SlowUpload:
    """An upload that stands still in the middle of the artifact until close() or go_on()."""

    def __init__(self, server, api, artifact):
        body = form(("artifact", artifact))
        context = ssl.create_default_context(cafile=str(server.ca))
        plain = socket.create_connection(("localhost", server.port), timeout=60)
        self.socket = context.wrap_socket(plain, server_hostname="localhost")
        head = (f"POST {ARTIFACTS} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {api.token}\r\n"
                f"Content-Type: multipart/form-data; boundary=XyZ\r\nContent-Length: {len(body)}\r\n\r\n")
        self.rest = body[len(body) // 2:]
        self.socket.sendall(head.encode() + body[:len(body) // 2])

    def go_on(self):
        """Sends the rest; returns the first line of the answer."""
        self.socket.sendall(self.rest)
        return self.socket.recv(4096).split(b"\r\n")[0].decode()

    def close(self):
        self.socket.close()


def half_written(server):
    """Sizes of the files that are being received."""
    return [path.stat().st_size for path in (server.data / "artifacts/incoming").iterdir()]


@pytest.mark.shows("B1")
def test_kill_during_upload_leaves_nothing(server, api):
    artifact = make_artifact("killed", ["a"], [("file", os.urandom(3_000_000))])
    for _ in range(3):
        upload = SlowUpload(server, api, artifact)
        wait_until(lambda: any(size > 500_000 for size in half_written(server)), what="half of it has arrived")
        server.kill()
        upload.close()
        assert half_written(server)  # it was really cut in the middle
        server.start()
        assert stored_files(server) == []
        assert api.get(ARTIFACTS, expect=200).json() == []
    upload = SlowUpload(server, api, artifact)
    assert upload.go_on() == "HTTP/1.1 201 Created"
    assert stored_files(server) == [hashlib.sha256(artifact).hexdigest()]


@pytest.mark.shows("MS6")
def test_cut_connection_leaves_nothing(server, api):
    artifact = make_artifact("cut", ["a"], [("file", os.urandom(3_000_000))])
    for _ in range(3):
        upload = SlowUpload(server, api, artifact)
        wait_until(lambda: any(size > 500_000 for size in half_written(server)), what="half of it has arrived")
        upload.close()
        assert stored_files(server) == []
    assert api.get(ARTIFACTS, expect=200).json() == []


@pytest.mark.shows("S10")
def test_a_token_that_dies_during_its_upload_stores_nothing(server, api):
    artifact = make_artifact("late", ["a"], [("file", os.urandom(3_000_000))])
    other = Api(server.url, server.ca).login(server.email, server.password)
    upload = SlowUpload(server, other, artifact)
    wait_until(lambda: any(size > 500_000 for size in half_written(server)), what="half of it has arrived")
    other.post("/api/management/v1/useradm/auth/logout", expect=202)
    assert upload.go_on() == "HTTP/1.1 401 Unauthorized"
    assert stored_files(server) == []
    assert api.get(ARTIFACTS, expect=200).json() == []


def test_blobs_nobody_uses_are_swept_at_start(server, api, tmp_path):
    path = write(tmp_path)
    api.upload(path)
    stray = server.data / "artifacts/ab" / ("ab" * 32)
    stray.parent.mkdir(exist_ok=True)
    stray.write_bytes(b"left by a kill between the blob and its row")
    server.restart()
    assert stored_files(server) == [hashlib.sha256(path.read_bytes()).hexdigest()]


@pytest.mark.shows("B1")
def test_another_database_leaves_the_blobs_alone(server, api, bin, tmp_path):
    path = write(tmp_path)
    api.upload(path)
    server.stop()
    other = Server(bin, tmp_path / "other", arguments=["--storage", f"file:{server.data / 'artifacts'}"])
    with pytest.raises(AssertionError, match="belongs to another database"):
        other.start()
    assert stored_files(server) == [hashlib.sha256(path.read_bytes()).hexdigest()]
    server.start()


def test_uploads_side_by_side(server, api):
    artifacts = [make_artifact(f"side-{i}", ["a"], [("file", os.urandom(200_000))]) for i in range(6)]
    uploads = [SlowUpload(server, api, artifact) for artifact in artifacts]
    assert {upload.go_on() for upload in uploads} == {"HTTP/1.1 201 Created"}
    assert stored_files(server) == sorted(hashlib.sha256(artifact).hexdigest() for artifact in artifacts)
