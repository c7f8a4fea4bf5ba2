# SPDX-License-Identifier: Apache-2.0
"""The artifact comparison as a test of the long campaign: it exits 1 where a ratio falls short."""

import os
import pathlib
import subprocess
import sys

import pytest

PROGRAM = pathlib.Path(__file__).with_name("artifact.py")
DEADLINE_S = 3600


@pytest.mark.shows("MS8", "I3-MS3")
@pytest.mark.long
@pytest.mark.release
def test_ratios_hold(bin, peers):
    environment = {**os.environ, "ROTA_BIN": str(bin), "ROTA_PEERS": str(peers)}
    done = subprocess.run([sys.executable, PROGRAM], env=environment, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=DEADLINE_S)
    assert done.returncode == 0, done.stdout
