# SPDX-License-Identifier: Apache-2.0
"""The checkers find what they are there to find, and let pass what is right."""

import json
import pathlib
import re
import subprocess

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"


def run(tool, *words):
    return subprocess.run([TOOLS / tool, *map(str, words)], capture_output=True, text=True, timeout=120)


def write(root, files):
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize("name, include", [
    ("base/file.c", "base/error.h"),
    ("artifact/reader.c", "crypto/key.h"),
    ("agent/phases.c", "http/client.h"),
    ("server/campaigns/routes.c", "server/campaigns/store.h"),
    ("server/campaigns/campaigns.c", "server/inventory/inventory.h"),
    ("server/campaigns/campaigns.c", "server/audit/audit.h"),
    ("server/campaigns/campaigns.c", "server/database.h"),
    ("server/app.c", "server/campaigns/campaigns.h"),
    ("server/cmd-user.c", "server/users/users.h"),
    ("server/call.c", "server/users/permissions.h"),
])
def test_layers_lets_pass(tmp_path, name, include):
    write(tmp_path, {f"src/{name}": f'#include "{include}"\n'})
    assert run("check-layers", tmp_path).returncode == 0


@pytest.mark.parametrize("name, include", [
    ("base/file.c", "crypto/key.h"),
    ("wire/messages.c", "crypto/key.h"),
    ("http/server.c", "wire/paths.h"),
    ("artifact/reader.c", "http/client.h"),
    ("agent/phases.c", "server/app.h"),
    ("sim/main.c", "agent/phases.h"),
    ("tool/main.c", "sim/vehicle.h"),
    ("base/file.c", "error.h"),
    ("artifact/reader.c", "nowhere/reader.h"),
    ("server/campaigns/campaigns.c", "server/inventory/store.h"),
    ("server/call.c", "server/inventory/inventory.h"),
    ("server/campaigns/campaigns.c", "server/users/users-private.h"),
    ("server/campaigns/campaigns.c", "server/audit/store.h"),
    ("unknown/file.c", "base/error.h"),
])
def test_layers_refuses(tmp_path, name, include):
    write(tmp_path, {f"src/{name}": f'/* */\n#include "{include}"\n'})
    done = run("check-layers", tmp_path)
    assert done.returncode == 1
    assert f"src/{name.split('/')[0]}/" in done.stdout


def test_dependencies_must_be_explained(tmp_path):
    files = {
        "script/packages/run.txt": "gcc # the compiler\nlibfoo-dev # for foo\n",
        "meson.build": "glib = dependency('glib-2.0')\n",
        "docs/design/dependencies.md": "`gcc` `libfoo-dev` `glib-2.0`\n",
        "src/meson.build": "", "tests/meson.build": "",
    }
    write(tmp_path, files)
    assert run("check-dependencies", tmp_path).returncode == 0
    write(tmp_path, {"docs/design/dependencies.md": "`gcc` `glib-2.0`\n"})
    done = run("check-dependencies", tmp_path)
    assert done.returncode == 1 and "libfoo-dev: not in" in done.stdout
    write(tmp_path, {**files, "script/packages/run.txt": "gcc\n"})
    done = run("check-dependencies", tmp_path)
    assert done.returncode == 1 and "gcc: no reason" in done.stdout


def test_longest_names_functions():
    done = run("longest", "3")
    assert done.returncode == 0
    assert len([line for line in done.stdout.splitlines() if line.startswith("  ")]) == 6


UNIT_GOOD = {"name": "a", "result": "OK", "stdout": "TAP version 13\nok 1 /a/b\nok 2 /a/c # SKIP no disk\n1..2\n"}
UNIT_BAD = {"name": "b", "result": "FAIL", "stdout": "ok 1 /b/a\nnot ok 2 /b/b\n1..2\n"}
UNIT_CRASHED = {"name": "c", "result": "ERROR", "stdout": "ok 1 /c/a\n"}
UNIT_PLAIN = {"name": "d", "result": "OK", "stdout": "12 inputs\n"}
SYSTEM = ("<testsuites><testsuite><testcase name='a'/><testcase name='b'><skipped/></testcase>"
          "<testcase name='c'><failure/></testcase><testcase name='c'><error/></testcase></testsuite></testsuites>")


@pytest.mark.parametrize("units, system, broken, line, code", [
    ([UNIT_GOOD, UNIT_PLAIN], None, [], "2 passed, 0 failed, 1 skipped", 0),
    ([UNIT_GOOD, UNIT_BAD, UNIT_CRASHED], None, [], "3 passed, 2 failed, 1 skipped", 1),
    ([UNIT_PLAIN], SYSTEM, [], "2 passed, 1 failed, 1 skipped", 1),
    ([UNIT_PLAIN], None, ["system"], "1 passed, 1 failed", 1),
    ([], None, [], "0 passed, 0 failed", 1),
])
def test_results_are_counted(tmp_path, units, system, broken, line, code):
    (tmp_path / "unit.json").write_text("".join(json.dumps(unit) + "\n" for unit in units))
    if system:
        (tmp_path / "system.xml").write_text(system)
    done = run("count-results", tmp_path, *broken)
    assert done.stdout.splitlines()[-1] == line
    assert done.returncode == code


TRACED = {
    "docs/requirements.txt": "# list\nA1 one\nA2 two\nA3 three\nA4 four\nA5 five\n",
    "src/base/file-test.c": "/* shows: A1, A2 */\n",
    "tests/system/test_x.py": ("import pytest\npytestmark = [pytest.mark.shows('A4')]\n"
                               "@pytest.mark.shows('A3')\ndef test_y():\n    pass\n"),
}


def test_trace_finds_marks_and_gaps(tmp_path):
    write(tmp_path, TRACED)
    done = run("trace", tmp_path)
    assert done.returncode == 0
    assert "A1: one\n    src/base/file-test.c:1\n" in done.stdout
    assert "A3: three\n    tests/system/test_x.py:4 test_y\n" in done.stdout
    assert done.stdout.endswith("shown by no test: 1 of 5\n    A5: five\n")


def test_trace_refuses_unknown_marks(tmp_path):
    write(tmp_path, {**TRACED, "src/base/log-test.c": "/* shows: Z9 */\n"})
    done = run("trace", tmp_path)
    assert done.returncode == 1 and "src/base/log-test.c:1: Z9 is no requirement" in done.stdout


def test_every_mark_of_ours_names_a_requirement():
    done = run("trace", "--missing")
    assert done.returncode == 0, done.stdout


LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)[^)]*\)")


def test_links_of_our_pages_lead_somewhere():
    root = TOOLS.parent
    pages = subprocess.run(["git", "ls-files", "*.md"], cwd=root, capture_output=True, text=True, check=True).stdout
    dead = [f"{page}: {link}" for page in pages.splitlines() for link in LINK.findall((root / page).read_text())
            if not (root / page).parent.joinpath(link).exists()]
    assert not dead
