# SPDX-License-Identifier: Apache-2.0
"""Signed links: the only way to an artifact's bytes, for one device, one deployment and a time."""

import hashlib
import os
import signal
import urllib.parse
import uuid

import pytest

from support.api import DEPLOYMENTS, DEVAUTH, error_of, wait_until
from support.artifact import make_artifact
from support.device import Device
from support.store import Store

ARTIFACTS = f"{DEPLOYMENTS}/artifacts"


@pytest.fixture
def content():
    return make_artifact("release-2", ["test-vehicle"], [("file", os.urandom(300000))])


@pytest.fixture
def offered(server, api, tmp_path, content):
    """A device that was offered release-2: .id, .uri, .artifact"""
    path = tmp_path / "release-2.mender"
    path.write_bytes(content)
    api.upload(path)
    device = Device(server, {"mac": "00:00:00:00:00:01"})
    device.id = device.join(api)
    device.deployment = api.deploy("release-2")
    answer = device.next()
    device.artifact = answer["artifact"]["id"]
    device.uri = answer["artifact"]["source"]["uri"]
    device.expire = answer["artifact"]["source"]["expire"]
    return device


@pytest.mark.shows("B7")
def test_download(server, offered, content):
    assert offered.uri.startswith(server.url + "/")
    answer = offered.download(offered.uri)
    assert answer.status_code == 200
    assert answer.content == content
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Type"] == "application/vnd.mender-artifact"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="release-2.mender"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(content).hexdigest()}"'
    head = offered.session.head(offered.uri)
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["Content-Length"] == str(len(content))


def test_ranges(offered, content):
    size = len(content)
    etag = offered.download(offered.uri).headers["ETag"]
    for text, first, last in ((f"bytes={size // 2}-", size // 2, size - 1), ("bytes=0-0", 0, 0),
                              ("bytes=10-99", 10, 99), ("bytes=-7", size - 7, size - 1),
                              (f"bytes=100-{size * 2}", 100, size - 1)):
        answer = offered.download(offered.uri, headers={"Range": text})
        assert answer.status_code == 206, text
        assert answer.content == content[first:last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{size}"
        assert answer.headers["Content-Length"] == str(last - first + 1)
    for text in ("bytes=9-2", "bytes=0-1,5-6", "lines=1-2", "bytes=x-"):
        answer = offered.download(offered.uri, headers={"Range": text})
        assert (answer.status_code, answer.content) == (200, content), text
    answer = offered.download(offered.uri, headers={"Range": f"bytes={size}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{size}"
    same = offered.download(offered.uri, headers={"Range": "bytes=5-", "If-Range": etag})
    assert (same.status_code, same.content) == (206, content[5:])
    other = offered.download(offered.uri, headers={"Range": "bytes=5-", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, content)


@pytest.mark.shows("B7", "B8")
def test_changed_links(offered):
    parts = urllib.parse.urlsplit(offered.uri)
    query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
    assert query["device"] == offered.id and query["deployment"] == offered.deployment

    def with_query(changed):
        return parts._replace(query=urllib.parse.urlencode(changed)).geturl()

    assert offered.download(with_query(query)).status_code == 200
    changes = [{**query, name: value + "0" if name == "expire" else str(uuid.uuid4())} for name, value in query.items()]
    changes += [{**query, "device": ""}, {**query, "device": "", "deployment": ""}, {**query, "signature": ""}]
    changes += [{key: value for key, value in query.items() if key != name} for name in query]
    changes += [{**query, "signature": query["signature"][:at] + ("A" if query["signature"][at] != "A" else "B")
                 + query["signature"][at + 1:]} for at in range(len(query["signature"]))]
    for changed in changes:
        answer = offered.download(with_query(changed))
        assert answer.status_code == 403, changed
        error_of(answer)
    other = parts._replace(path=parts.path.rsplit("/", 1)[0] + "/" + str(uuid.uuid4())).geturl()
    assert offered.download(other).status_code == 403


@pytest.mark.shows("B8")
@pytest.mark.parametrize("how", ["decommissioned", "rejected"])
def test_link_dies_with_the_device(api, offered, how):
    if how == "decommissioned":
        api.delete(f"{DEVAUTH}/devices/{offered.id}", expect=204)
    else:
        auth_set = api.device_by_identity(offered.identity)["auth_sets"][0]["id"]
        api.set_auth_status(offered.id, auth_set, "rejected")
    answer = offered.download(offered.uri)
    assert answer.status_code == 403
    error_of(answer)


@pytest.mark.shows("B2", "B9")
def test_no_other_way_in(server, api, offered, content):
    digest = hashlib.sha256(content).hexdigest()
    download = urllib.parse.urlsplit(offered.uri).path
    stranger = Device(server, {"mac": "00:00:00:00:00:02"})
    stranger.join(api)
    assert stranger.next() is None  # nobody made a deployment for it
    anonymous = {"Authorization": None}
    for path in (download, f"/api/devices/v1/deployments/download/artifact/{digest}", f"{ARTIFACTS}/{offered.artifact}",
                 f"{ARTIFACTS}/{offered.artifact}/download", f"/{digest}", f"/artifacts/{digest[:2]}/{digest}"):
        for headers in ({}, anonymous):
            answer = stranger.call("GET", path, headers=headers)
            assert answer.status_code in (401, 403, 404), path
            assert content[:64] not in answer.content
    assert stranger.call("GET", download).status_code == 403
    assert stranger.call("GET", f"{ARTIFACTS}/{offered.artifact}/download").status_code in (401, 403)


def test_link_for_a_user(api, offered, content):
    answer = api.get(f"{ARTIFACTS}/{offered.artifact}/download", expect=200).json()
    assert answer["method"] == "GET" and answer["header"] == {} and answer["expire"]
    assert offered.download(answer["uri"]).content == content
    error_of(api.get(f"{ARTIFACTS}/{uuid.uuid4()}/download", expect=404))


def test_links_outlive_a_restart(server, offered, content):
    server.restart()
    assert offered.download(offered.uri).content == content


def test_link_to_a_deleted_artifact(api, offered):
    api.abort(offered.deployment)
    api.delete(f"{ARTIFACTS}/{offered.artifact}", expect=204)
    answer = offered.download(offered.uri)
    assert answer.status_code == 404
    error_of(answer)


@pytest.mark.shows("B7")
def test_a_suspended_tenant_is_shut_out(server, api, offered):
    link = api.get(f"{ARTIFACTS}/{offered.artifact}/download", expect=200).json()["uri"]
    assert offered.download(link).status_code == 200
    Store(server).execute("UPDATE tenants SET status = 'suspended'")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: api.get(ARTIFACTS).status_code == 401, what="the user is shut out")
    offered.next(expect=401)
    for uri in (link, offered.uri):
        answer = offered.download(uri)
        assert (answer.status_code, error_of(answer)) == (403, "Account suspended")
    Store(server).execute("UPDATE tenants SET status = 'active'")
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: api.get(ARTIFACTS).status_code == 200, what="the user is back")
    assert offered.download(link).status_code == 200
