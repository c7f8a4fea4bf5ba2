# SPDX-License-Identifier: Apache-2.0
"""A PostgreSQL cluster of a test run's own: a temporary folder, a Unix socket, an unprivileged user."""

import itertools
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

USER = "postgres"  # made by Debian's package; PostgreSQL refuses to run as root


def program_folder():
    """Debian keeps the programs of each version in a folder of its own; the newest one, or None."""
    folders = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    return folders[-1] if folders else None


def is_installed():
    return program_folder() is not None


class Cluster:
    """data: where the cluster shall live, or lives already, if not beside its socket."""

    def __init__(self, settings=("fsync=off",), data=None, initdb=()):
        self.settings = ["listen_addresses=", "max_connections=200", *settings]
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="rota-postgresql-"))
        self.data = pathlib.Path(data or self.folder / "data")
        self.initdb = initdb
        self.names = itertools.count(1)
        if os.geteuid() == 0:
            shutil.chown(self.folder, USER)

    def run(self, program, *words, **options):
        command = [str(program_folder() / program), *words]
        if os.geteuid() == 0:
            command = ["runuser", "-u", USER, "--", *command]
        options.setdefault("timeout", 120)
        done = subprocess.run(command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, **options)
        assert done.returncode == 0, f"{program}: {done.stdout}"
        return done.stdout

    def start(self):
        if not (self.data / "PG_VERSION").exists():
            self.run("initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8",
                     "--locale=C.UTF-8", "--no-sync", *self.initdb)
        settings = [word for setting in self.settings for word in ("-c", setting)]
        self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.folder / "log"),
                 "-o", " ".join([f"-k {self.folder}", *settings]), "start")

    def url(self, database):
        return f"postgresql://{USER}@/{database}?host={self.folder}"

    def create_database(self):
        """A fresh, empty database; returns its URL."""
        name = f"test{next(self.names)}"
        self.run("createdb", "-h", str(self.folder), "-U", USER, name)
        return self.url(name)

    def stop(self, mode="fast"):
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def account(self):
        return pwd.getpwnam(USER)
