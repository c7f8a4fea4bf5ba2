# SPDX-License-Identifier: Apache-2.0
"""An agent between two polls: it sleeps, alone."""

import pathlib
import time

from support.vehicle import DEADLINE_S, Vehicle

IDLE_S = 8
NOBODY_THERE = "http://127.0.0.1:9"


def wake_ups(pid):
    """How often each thread of the process has gone to sleep."""
    counts = {}
    for status in pathlib.Path(f"/proc/{pid}/task").glob("*/status"):
        lines = status.read_text().splitlines()
        counts[status.parent.name] = [line for line in lines if line.startswith("voluntary_ctxt_switches")]
    return counts


def children(pid):
    return [word for path in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for word in path.read_text().split()]


def test_nothing_wakes_the_agent_between_two_polls(bin, tmp_path):
    vehicle = Vehicle(bin, tmp_path).build(NOBODY_THERE, {"RetryPollIntervalSeconds": 3600})
    daemon = vehicle.start()
    pid = daemon.process.pid
    try:
        daemon.wait_for_log("update check: ")
        deadline = time.monotonic() + DEADLINE_S
        while children(pid):
            assert time.monotonic() < deadline, "what a contact needs is still there"
            time.sleep(0.1)
        time.sleep(2)
        before = wake_ups(pid)
        time.sleep(IDLE_S)
        assert len(before) >= 1 and wake_ups(pid) == before
    finally:
        daemon.stop()
