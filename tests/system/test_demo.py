# SPDX-License-Identifier: Apache-2.0
"""The demo, as script/run tells it, with the programs under test: a server, three vehicles, two releases, a
stranger's signature refused, a failing health check rolled back. It checks every step itself."""

import pathlib
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
