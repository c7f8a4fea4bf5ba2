#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
# shows: MS8, I3-MS3
"""What writing and validating an artifact costs, beside Debian's mender-artifact, zstd and openssl on the same file.

The input is a tar of this system's /usr. All run in turn, several rounds; what counts is the CPU time of the cheapest
round of each (whatever disturbs can only add) and, beside mender-artifact, the shortest wall time. docs/design/
artifact-speed.md says what was tried.

  validate none    CPU                  <= 1.3  x openssl sha256
  gzip write       CPU and wall         <= 0.33 x mender-artifact, output <= 1.05 x
  gzip validate    CPU / wall           <= 0.5 x / <= 0.4 x mender-artifact
  zstd write       CPU                  <= 1.2  x zstd -T2 and openssl sha256
  zstd validate    CPU                  <= 1.2  x zstd -d and openssl sha256
  memory           peak of any of ours  <= 64 MiB, and beside it what the stream's window and workers take
"""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
MEMORY_MAX_KB = 64 * 1024


@dataclasses.dataclass
class Cost:
    cpu: float = float("inf")
    wall: float = float("inf")
    peak_kb: int = 0

    def note(self, cpu, wall, peak_kb):
        self.cpu, self.wall = min(self.cpu, cpu), min(self.wall, wall)
        self.peak_kb = max(self.peak_kb, peak_kb)


@dataclasses.dataclass
class Ratio:
    what: str
    measure: str
    ours: float
    theirs: float
    reach: float

    @property
    def ratio(self):
        return self.ours / self.theirs

    @property
    def good(self):
        return self.ratio <= self.reach


def measure(words):
    started = time.monotonic()
    process = subprocess.Popen([str(word) for word in words], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{words[0]} fails: {complaint.decode(errors='replace')}")
    return usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss


def make_input(path, megabytes):
    """A tar of /usr, cut at that size: programs, libraries and texts, as an image of a root file system has them."""
    with open(path, "wb") as out:
        tar = subprocess.Popen(["tar", "-C", "/", "-cf", "-", "usr"],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        left = megabytes << 20
        while left > 0:
            piece = tar.stdout.read(min(left, 1 << 20))
            if not piece:
                break
            out.write(piece)
            left -= len(piece)
        tar.stdout.close()
        tar.kill()
        tar.wait(20)


def find(name, *folders):
    program = shutil.which(name, path=":".join(map(str, folders)) + ":/usr/bin")
    if not program:
        sys.exit(f"{name} is missing: script/setup bench")
    return program


def commands(folder, source):
    """Name to command line. The first ones write what the later ones read."""
    ours = find("rota-artifact", os.environ.get("ROTA_BIN", ROOT / "out/bin"))
    mender = find("mender-artifact", pathlib.Path(os.environ.get("ROTA_PEERS", ROOT / "out/peers")) / "usr/bin")

    def write(program, target, compression):
        return [program, "write", "module-image", "-T", "raw", "-n", "bench", "-t", "bench", "-f", source,
                "-o", folder / target, "--compression", compression]
    return {
        "sha256": [find("openssl"), "dgst", "-sha256", source],
        "zstd": [find("zstd"), "-T2", "-q", "-f", source, "-o", folder / "rival.zst"],
        "zstd -d": [find("zstd"), "-d", "-q", "-f", folder / "rival.zst", "-o", "/dev/null"],
        "mender write": write(mender, "rival.mender", "gzip"),
        "mender validate": [mender, "validate", folder / "rival.mender"],
        "write none": write(ours, "none.mender", "none"),
        "write gzip": write(ours, "gzip.mender", "gzip"),
        "write zstd": write(ours, "zstd.mender", "zstd_fast"),
        "validate none": [ours, "validate", folder / "none.mender"],
        "validate gzip": [ours, "validate", folder / "gzip.mender"],
        "validate zstd": [ours, "validate", folder / "zstd.mender"],
    }


def run_all(lines, rounds):
    costs = {name: Cost() for name in lines}
    for _ in range(rounds):
        for name, words in lines.items():
            costs[name].note(*measure(words))
    return costs


def judge(costs, folder):
    def cpu(*names):
        return sum(costs[name].cpu for name in names)

    def wall(name):
        return costs[name].wall

    def size(name):
        return (folder / name).stat().st_size / 1e6
    ratios = [
        Ratio("validate none", "CPU s", cpu("validate none"), cpu("sha256"), 1.3),
        Ratio("write gzip", "CPU s", cpu("write gzip"), cpu("mender write"), 0.33),
        Ratio("write gzip", "wall s", wall("write gzip"), wall("mender write"), 0.33),
        Ratio("write gzip", "output MB", size("gzip.mender"), size("rival.mender"), 1.05),
        Ratio("validate gzip", "CPU s", cpu("validate gzip"), cpu("mender validate"), 0.5),
        Ratio("validate gzip", "wall s", wall("validate gzip"), wall("mender validate"), 0.4),
        Ratio("write zstd", "CPU s", cpu("write zstd"), cpu("zstd", "sha256"), 1.2),
        Ratio("validate zstd", "CPU s", cpu("validate zstd"), cpu("zstd -d", "sha256"), 1.2),
    ]
    for name in ("write none", "write gzip", "validate none", "validate gzip", "validate zstd"):
        ratios.append(Ratio(name, "peak MB", costs[name].peak_kb / 1024, MEMORY_MAX_KB / 1024, 1.0))
    # The encoder's window and workers are the stream's own: as much as zstd itself takes may come on top.
    ratios.append(Ratio("write zstd", "peak MB", costs["write zstd"].peak_kb / 1024,
                        (MEMORY_MAX_KB + costs["zstd"].peak_kb) / 1024, 1.0))
    return ratios


def show(ratios):
    print(f"{'what':<15} {'measure':<10} {'ours':>9} {'beside':>9} {'ratio':>7} {'reach':>6}")
    for row in ratios:
        print(f"{row.what:<15} {row.measure:<10} {row.ours:>9.2f} {row.theirs:>9.2f} {row.ratio:>7.2f} "
              f"{row.reach:>6.2f}{'' if row.good else '   falls short'}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true", default=bool(os.environ.get("ROTA_BENCH_SHORT")),
                        help="64 MiB instead of 512, for small machines (also: ROTA_BENCH_SHORT=1)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--file", help="measure on this file instead of a tar of /usr")
    options = parser.parse_args()
    # Not below /tmp: that may be memory.
    with tempfile.TemporaryDirectory(prefix="rota-bench-", dir=os.environ.get("ROTA_BENCH_DIR", "/var/tmp")) as name:
        folder = pathlib.Path(name)
        source = pathlib.Path(options.file).resolve() if options.file else folder / "usr.tar"
        if not options.file:
            make_input(source, 64 if options.short else 512)
        print(f"{source.stat().st_size >> 20} MiB, {os.cpu_count()} cores, best of {options.rounds} rounds")
        costs = run_all(commands(folder, source), options.rounds)
        ratios = judge(costs, folder)
    show(ratios)
    return 0 if all(row.good for row in ratios) else 1


if __name__ == "__main__":
    sys.exit(main())
