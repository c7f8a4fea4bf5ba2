# SPDX-License-Identifier: Apache-2.0
"""The demo, as script/run tells it, with the programs under test: a server, three vehicles, two releases, a
stranger's signature refused, a failing health check rolled back. It checks every step itself."""

import itertools
import pathlib
import signal
import subprocess

import pytest

from support.server import free_port

DEMO = pathlib.Path(__file__).resolve().parents[2] / "script/demo/demo.py"
DEADLINE_S = 900


@pytest.mark.shows("MS1", "S1", "S9", "C6", "C7", "F5", "G1", "G3", "M1", "M4")
def test_story_comes_true(bin, tmp_path):
    done = subprocess.run(
        ["/usr/bin/python3", "-B", DEMO, "--check", "--bin", bin, "--folder", tmp_path / "demo",
         "--port", str(free_port())],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stdout
    assert "\nAll of it happened" in done.stdout


def test_what_it_says_to_try_next_works(bin, tmp_path):
    """It stays up and prints commands: each is run as it stands there, by a shell in the repository's folder."""
    demo = subprocess.Popen(
        ["/usr/bin/python3", "-B", DEMO, "--bin", bin, "--folder", tmp_path / "demo", "--port", str(free_port())],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        lines = list(itertools.takewhile(lambda line: line != "Ctrl-C ends it all.\n", demo.stdout))
        commands = [line for line in lines[lines.index("Try next, in another terminal:\n") + 1:] if line.startswith("  ")]
        done = subprocess.run(["bash", "-e", "-u", "-o", "pipefail", "-c", "".join(commands)], cwd=DEMO.parents[2],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=DEADLINE_S)
        assert done.returncode == 0 and len(commands) == 3, done.stdout
        assert '"status": "finished"' in done.stdout and "installed     release-2" in done.stdout
    finally:
        demo.send_signal(signal.SIGINT)
        rest = demo.communicate(timeout=DEADLINE_S)[0]
    assert demo.returncode == 0 and rest.endswith("Stopping.\n")
