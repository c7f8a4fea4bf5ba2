#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8
"""Durable status reports from 64 devices over TLS, beside raw SQLite changing one row a report in batches of 100.

A report is a whole request: token, route, JSON, the device's row, the deployment's counts, one durable commit for a
group, the answer. Load (wrk) and server share the machine, as fleet and server would not.
"""

import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.path.insert(0, str(ROOT / "tests/bench"))

import store  # noqa: E402
from support.api import Api  # noqa: E402
from support.artifact import make_artifact  # noqa: E402
from support.device import DEPLOYMENT, Device  # noqa: E402
from support.server import Server  # noqa: E402

CLIENTS, SECONDS, ROUNDS, WARM_S = 64, 3, 5, 1
REACH = 0.5

# Each of wrk's threads has devices of its own and lets them report in turn, each time another status.
SCRIPT = """
local tokens = {{ {tokens} }}
local bodies = {{ '{{"status":"downloading"}}', '{{"status":"installing"}}' }}
local n_threads, mine, turn = 0, 0, 0
function setup(thread) thread:set("mine", n_threads); n_threads = n_threads + 1 end
function request()
	turn = turn + 1
	local each = #tokens / 2
	local device = mine * each + turn % each + 1
	local body = bodies[math.floor(turn / each) % 2 + 1]
	return wrk.format("PUT", "{path}", {{ ["Authorization"] = "Bearer " .. tokens[device],
		["Content-Type"] = "application/json" }}, body)
end
function response(status)
	if status ~= 204 then io.stderr:write("status " .. status .. "\\n") end
end
"""


def prepare(server, folder):
    """64 devices in one deployment; returns wrk's script."""
    api = Api(server.url, server.ca).login(server.email, server.password)
    devices = [Device(server, {"serial": f"report-{number}"}) for number in range(CLIENTS)]
    ids = [device.join(api) for device in devices]
    artifact = folder / "release-2.mender"
    artifact.write_bytes(make_artifact("release-2", ["test-vehicle"], [("file", b"two")]))
    api.upload(artifact)
    deployment = api.deploy("release-2", devices=ids)
    for device in devices:
        device.next(expect=200)
        device.session.close()
    script = folder / "report.lua"
    tokens = ", ".join(f'"{device.token}"' for device in devices)
    script.write_text(SCRIPT.format(tokens=tokens, path=f"{DEPLOYMENT}/{deployment}/status"))
    return script


def reports_per_second(server, script, seconds=SECONDS):
    done = subprocess.run(["wrk", "-t", "2", "-c", str(CLIENTS), "-d", str(seconds), "-s", script, server.url],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and not done.stderr, done.stderr[:500]
    return float(re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)[1])


def main():
    program = store.build()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-reports-", dir=ROOT / "out"))
    server = Server(store.programs(), folder / "server")
    try:
        server.create_user()
        server.start()
        script = prepare(server, folder)
        reports_per_second(server, script, WARM_S)
        subprocess.run([program, "store", f"sqlite:{folder}/raw.db", "2", "1"], check=True, capture_output=True)
        pairs = [(reports_per_second(server, script), store.measure(program, "raw", folder / "raw.db", store.BATCH)[0])
                 for _ in range(ROUNDS)]
    finally:
        server.stop()
        shutil.rmtree(folder)
    for ours, raw in pairs:
        print(f"  {ours:8.0f} reports/s beside {raw:8.0f} rows/s")
    ratio = statistics.median(ours / raw for ours, raw in pairs)
    good = ratio >= REACH
    print(f"reports: durable status reports over TLS, 64 devices: {ratio:.2f} x raw SQLite (reach >= {REACH}): "
          f"{'ok' if good else 'SHORT'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
