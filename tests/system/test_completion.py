# SPDX-License-Identifier: Apache-2.0
"""Completion in a real bash, from the tables of each program: by the function bash calls, and by the tabulator key."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pytest

PROGRAMS = ["rota-artifact", "rota-agent", "rota-server", "rota-sim"]
SECONDS_MAX = 20


@pytest.fixture
def script(bin, tmp_path):
    """The completion script of a program, as a file."""
    def make(program):
        done = subprocess.run([bin / program, "--print-completion", "bash"], capture_output=True, timeout=60)
        assert done.returncode == 0 and done.stderr == b""
        path = tmp_path / f"{program}.bash"
        path.write_bytes(done.stdout)
        return path
    return make


@pytest.fixture
def complete(script, tmp_path):
    """complete("rota-artifact", "read", "--k") gives what bash would offer for the last word."""
    def ask(program, *words):
        function = "_" + program.replace("-", "_")
        code = ('source "$0"; program=$1; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
                f'{function} || exit 9; printf "%s\\n" "${{COMPREPLY[@]}}"')
        done = subprocess.run(["bash", "--norc", "-c", code, script(program), program, *words], capture_output=True,
                              text=True, cwd=tmp_path, timeout=60)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        return set(filter(None, done.stdout.split("\n")))
    return ask


@pytest.mark.parametrize("program", PROGRAMS)
def test_bash_registers_it(script, program):
    done = subprocess.run(["bash", "--norc", "-c", f'source "$0" && complete -p {program}', script(program)],
                          capture_output=True, text=True, timeout=60)
    assert done.stdout == f"complete -F _{program.replace('-', '_')} {program}\n", done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_of_the_help_is_offered_with_its_options(bin, complete, program):
    text = subprocess.run([bin / program, "--help"], capture_output=True, text=True, timeout=60).stdout
    commands = re.findall(r"^  ([a-z][a-z-]*(?: [a-z][a-z-]*)?)  ", text.split("\nCommands:\n")[1].split("\n\n")[0], re.M)
    assert commands
    for command in commands:
        words = command.split()
        for i, word in enumerate(words):
            assert word in complete(program, *words[:i], "")
            assert word in complete(program, *words[:i], word[:1])
    for command in commands[:: max(1, len(commands) // 6)]:  # each costs two processes
        text = subprocess.run([bin / program, *command.split(), "--help"], capture_output=True, text=True, timeout=60).stdout
        assert set(re.findall(r"^  (?:-., )?(--[a-z0-9-]+)", text, re.M)) <= complete(program, *command.split(), "--")


def test_options_before_the_command_and_values_are_skipped(complete):
    assert complete("rota-artifact", "--compression", "none", "rea") == {"read"}
    assert complete("rota-artifact", "--compression", "=", "none", "rea") == {"read"}
    assert complete("rota-artifact", "write", "module-image", "-n", "write", "--augment-t") == {"--augment-type"}


def test_files_are_offered_where_files_are_taken(complete, tmp_path):
    (tmp_path / "a b.pem").touch()
    (tmp_path / "release.mender").touch()
    assert complete("rota-artifact", "read", "rel") == {"release.mender"}
    assert complete("rota-artifact", "read", "-k", "a") == {"a b.pem"}
    assert complete("rota-artifact", "read", "--key", "=", "a") == {"a b.pem"}
    assert complete("rota-artifact", "sign", "--digest-in", "rel") == {"release.mender"}
    assert complete("rota-artifact", "read", "--signatures-dir", "rel") == {"release.mender"}
    assert complete("rota-artifact", "dump", "--files", "rel") == {"release.mender"}  # a folder's name
    assert complete("rota-artifact", "write", "module-image", "--software-filesystem", "rel") == set()
    assert complete("rota-artifact", "write", "module-image", "-n", "rel") == set()  # a name is no file
    assert complete("rota-artifact", "write", "module-image", "rel") == set()  # it takes no operand


def test_the_tabulator_key(bin, script):
    """A bash at a terminal, that is typed into."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(PATH=f"{bin}:/usr/bin:/bin", PS1="ready> ", TERM="dumb", LC_ALL="C.UTF-8")
        os.execv("/bin/bash", ["bash", "--norc", "--noprofile", "-i"])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 50, 200, 0, 0))  # nothing is scrolled sideways
    seen = ""

    def read_until(pattern):
        nonlocal seen
        deadline = time.monotonic() + SECONDS_MAX
        while not re.search(pattern, seen):
            assert time.monotonic() < deadline, f"{pattern} did not come: {seen!r}"
            if select.select([terminal], [], [], 0.5)[0]:
                seen += os.read(terminal, 4096).decode()

    try:
        read_until("ready> ")
        os.write(terminal, f"source {script('rota-artifact')}; echo so''urced\n".encode())
        read_until("sourced\r\n")
        seen = ""
        os.write(terminal, b"rota-artifact write boot\t--max-\t")
        read_until(r"write bootstrap-artifact --max-artifact-size ")
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
