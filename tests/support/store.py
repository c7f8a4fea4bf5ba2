# SPDX-License-Identifier: Apache-2.0
"""Looking into a running server's store from beside it, whichever engine it is."""

import contextlib
import sqlite3
import subprocess

from support.postgresql import program_folder


class Store:
    def __init__(self, server):
        self.path = server.data / "rota.db"
        self.url = server.database

    def execute(self, sql):
        """A change beside the server, as the operator makes one."""
        if self.url is None:
            with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection, connection:
                connection.execute(sql)
            return
        subprocess.run([program_folder() / "psql", "-AtXq", "-c", sql, self.url], check=True)

    def query(self, sql):
        """Rows of texts."""
        if self.url is None:
            with contextlib.closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True)) as connection:
                return [[str(value) for value in row] for row in connection.execute(sql)]
        done = subprocess.run([program_folder() / "psql", "-AtX", "-F", "\t", "-c", sql, self.url],
                              capture_output=True, text=True, check=True)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def tables(self):
        if self.url is None:
            rows = self.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        else:
            rows = self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return sorted(row[0] for row in rows)

    def counts(self):
        """{table: number of rows}"""
        return {table: int(self.query(f"SELECT COUNT(*) FROM {table}")[0][0]) for table in self.tables()}
