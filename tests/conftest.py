# SPDX-License-Identifier: Apache-2.0
"""What all system tests share. The helpers themselves are in tests/support, one noun a file.

bin         folder of the programs under test (ROTA_BIN; the release build's for tests marked release)
peers       folder with the field's own programs, unpacked by script/setup test
server      a running rota-server with an administrator, once per store engine
api         that administrator, logged in, on that server
"""

import os
import pathlib
import shutil
import tempfile

import pytest

from support import postgresql as postgresql_support
from support.api import Api
from support.server import Server

ROOT = pathlib.Path(__file__).resolve().parent.parent


def folder_of_programs(release):
    default = ROOT / "out/bin"
    return pathlib.Path(os.environ.get("ROTA_BIN_RELEASE" if release else "ROTA_BIN", default))


@pytest.fixture
def bin(request):
    return folder_of_programs(request.node.get_closest_marker("release") is not None)


@pytest.fixture(scope="session")
def peers():
    folder = pathlib.Path(os.environ.get("ROTA_PEERS", ROOT / "out/peers"))
    if not (folder / "usr/bin").is_dir():
        pytest.skip("the field's programs are not unpacked: script/setup test")
    return folder


@pytest.fixture(scope="session")
def sanitizer_folder():
    """Where a program under test that breaks leaves its report."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-reports-"))
    os.environ["ASAN_OPTIONS"] = f"log_path={folder}/report:exitcode=99:detect_leaks=1"
    os.environ["UBSAN_OPTIONS"] = f"log_path={folder}/report:print_stacktrace=1:halt_on_error=1"
    folder.chmod(0o777)  # programs under test drop their rights
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def no_sanitizer_report(sanitizer_folder):
    """A test during which any program under test left a report has failed, whatever else it saw."""
    before = set(sanitizer_folder.iterdir())
    yield
    reports = sorted(set(sanitizer_folder.iterdir()) - before)
    if reports:
        pytest.fail("\n\n".join(path.read_text(errors="replace")[:6000] for path in reports))


@pytest.fixture(scope="session")
def postgresql():
    """A private PostgreSQL of this test run: a support.postgresql.Cluster."""
    if not postgresql_support.is_installed():
        pytest.skip("PostgreSQL is not installed: script/setup test")
    cluster = postgresql_support.Cluster()
    cluster.start()
    yield cluster
    cluster.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    """The store engine's name; a test that asks for it runs once on each."""
    if request.param == "postgresql" and request.node.get_closest_marker("sqlite_only"):
        pytest.skip("about SQLite itself")
    return request.param


@pytest.fixture
def database(request, engine):
    """The server's --database for this test: None for SQLite in the data folder, else a fresh database."""
    if engine == "sqlite":
        return None
    return request.getfixturevalue("postgresql").create_database()


@pytest.fixture
def server(bin, tmp_path, database):
    server = Server(bin, tmp_path / "server", database=database)
    server.create_user()
    server.start()
    yield server
    server.stop()


@pytest.fixture
def api(server):
    api = Api(server.url, server.ca)
    api.login(server.email, server.password)
    return api
