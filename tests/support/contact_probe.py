# SPDX-License-Identifier: Apache-2.0
"""A contact of the agent and nothing else, driven from a command line (src/agent/contact-probe.c)."""

import subprocess

from support.vehicle import assert_no_crash

SPOOL = 100_000_000  # bytes: all that is fetched here


class Probe:
    def __init__(self, bin, data):
        self.net = bin / "rota-agent-net"
        self.program = bin.parent / "src/agent/contact-probe"
        self.data = data
        self.ca = self.user = self.certificate = self.key = ""
        self.environment = {"PATH": "/usr/bin:/bin"}
        data.mkdir(exist_ok=True)

    def command(self, *words):
        options = [self.ca, self.user, self.certificate, self.key]
        return [str(word) for word in (self.program, self.net, self.data, *options, *words)]

    def run(self, *words, deadline_s=60):
        done = subprocess.run(self.command(*words), capture_output=True, timeout=deadline_s, env=self.environment)
        assert_no_crash(done.stderr.decode(errors="replace"))
        return done

    def fetch(self, url, name="download", spool=SPOOL, tries=3, fresh=None):
        return self.run("fetch", url, name, spool, tries, *([fresh] if fresh else []))

    def start(self, *words):
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                env=self.environment)
