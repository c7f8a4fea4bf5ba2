# SPDX-License-Identifier: Apache-2.0
"""Every verb and flag of Debian's mender-artifact, as its own --help lists them when the test runs, against ours.

A row is a command line with the flag in it, run by both programs in folders with the same files. Compared are the exit
status, the output, and the facts of every file that was made or changed (support/artifact_facts.py); where the row
says what the line is without the flag, the effect must also differ from that one's. A flag is tried in each spelling.
The last test prints the table (and leaves it in out/), and fails where the help has a flag without a row."""

import itertools
import pathlib
import re
import shlex
import subprocess

import pytest

from support import artifact_facts
from support.tool_rows import FLAG, IMAGE, MODULE, ROWS

pytestmark = pytest.mark.shows("I3-MS1")

TABLE = pathlib.Path(__file__).resolve().parents[2] / "out/mender-artifact-flags.md"


# --- the help ---

def flags_of(text):
    """(long, letter or "", takes a value) of each flag a help text lists."""
    return [(long, letter or "", bool(value)) for long, value, letter in
            re.findall(r"^   (--[a-z0-9-]+)( [A-Za-z:]+)?(?:, (-[a-zA-Z])(?: [A-Za-z:]+)?)?(?:  |$)", text, re.M)]


def commands_of(text):
    return [name for name in re.findall(r"^ +([a-z-]+)(?:, [a-z])?  ", text.split("COMMANDS:")[1].split("OPTIONS:")[0], re.M)]


def help_of(program, *words):
    return subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def help_flags(real_tool):
    """(verb, long) to (letter, takes a value), for all verbs the help knows; (verb, "") for the verb itself."""
    verbs = []
    for command in commands_of(help_of(real_tool)):
        verbs += [f"write {way}" for way in commands_of(help_of(real_tool, "write"))] if command == "write" else [command]
    found = {("", long): (letter, value) for long, letter, value in flags_of(help_of(real_tool))}
    for verb in verbs:
        found[verb, ""] = ("", False)
        if verb != "help":
            found.update({(verb, long): (letter, value) for long, letter, value in flags_of(help_of(real_tool, *verb.split()))
                          if long != "--help"})
    return found


def spellings(row, help_flags):
    """The row's words with the flag spelled in each way the real tool takes."""
    if FLAG not in row.words:
        return [row.words]
    letter, takes_value = help_flags.get((row.verb, row.flag), ("-h", False))
    lines = [[name if word == FLAG else word for word in row.words] for name in (row.flag, letter) if name]
    if takes_value:
        joined, at = [], 0
        while at < len(row.words):
            is_flag = row.words[at] == FLAG
            joined.append(f"{row.flag}={row.words[at + 1]}" if is_flag else row.words[at])
            at += 2 if is_flag else 1
        lines.append(joined)
    return lines


# --- the tests ---

SEEN = {}  # row to what was seen of it, for the table


def command_of(words):
    """The command, and its flags with their values: 3.9 prints them in the order of a Go map, another one each time."""
    flags = re.findall(r"(--[^\n]+)(?:\n(?!--)([^\n]*))?", "\n".join(words[2:]))
    return words[:2], sorted(flags)


def output_of(done, how):
    if how == "free":
        return None
    text = done.stdout.decode()
    if how == "command":
        return command_of(text.rstrip("\0").split("\0") if "\0" in text else shlex.split(text))
    return artifact_facts.read_facts(text) if how == "facts" and done.returncode == 0 else text


def verify_both(row, makers, judges):
    """What each maker wrote is verified by each judge, with the key it was signed with."""
    for maker in makers:
        signed = {name for name, facts in maker.changed().items() if isinstance(facts, dict) and facts.get("signed")}
        assert signed, f"{maker.program} signed nothing"
        for name in signed:
            for judge in judges:
                done = judge.run(["validate", "-k", row.public, maker.folder / name])
                assert done.returncode == 0, (name, maker.program, judge.program, done.stderr)


def check_refusal(row, line, ours):
    done = ours.run(line)
    assert done.returncode == 1 and ours.changed() == {}
    message = done.stderr.decode()
    assert message.startswith("rota-artifact: ") and row.flag in message, message


def check_safer(row, ours, done_ours, done_theirs):
    assert done_ours.returncode == row.status, done_ours.stderr
    assert done_theirs.returncode != row.status, "3.9 does no longer what the row says of it"
    assert row.status != 0 or ours.changed() != {}


def check_beyond(row, ours, done_ours, done_theirs):
    assert done_theirs.returncode != 0, "theirs does it by now: compare the two"
    assert done_ours.returncode == 0, done_ours.stderr
    effect = ours.changed()
    assert effect
    if row.public:
        verify_both(row, [ours], [ours])
    return effect, done_ours.stdout, done_ours.returncode


def check_same(row, line, ours, theirs):
    done_ours, done_theirs = ours.run(line), theirs.run(line)
    if row.safer:
        return check_safer(row, ours, done_ours, done_theirs)
    if row.beyond:
        return check_beyond(row, ours, done_ours, done_theirs)
    assert done_ours.returncode == done_theirs.returncode, (done_ours, done_theirs)
    assert output_of(done_ours, row.output) == output_of(done_theirs, row.output)
    effect = ours.changed()
    parted = artifact_facts.differences(effect, theirs.changed())
    assert [line for line in parted if not row.apart or row.apart not in line] == []
    assert bool(parted) == bool(row.apart)
    if row.public:
        assert effect
        verify_both(row, [ours, theirs], [ours, theirs])
    return effect, done_ours.stdout, done_ours.returncode


def row_id(row):
    return re.sub(r"[^a-z0-9]+", "-", " ".join([str(row), *row.words[-2:]]).lower()).strip("-") or "bare"


def outcome(row):
    for word in ("refused", "safer", "beyond"):
        if getattr(row, word):
            return f"{word}: {getattr(row, word)}"
    return "the same effect"


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_row(row, sides, help_flags):
    for line in spellings(row, help_flags):
        ours, theirs = sides()
        if row.refused:
            check_refusal(row, line, ours)
            continue
        effect = check_same(row, line, ours, theirs)
        if row.plain and not row.safer:
            other, _ = sides()
            done = other.run(row.plain)
            assert (other.changed(), done.stdout, done.returncode) != effect, "the flag has no effect"
    SEEN.setdefault((row.verb, row.flag), []).append(outcome(row))


DEFAULTS = [["--software-name", "app"], ["--software-filesystem", "data"], ["--software-version", "9"],
            ["--no-default-software-version"], ["--no-default-clears-provides"], ["--clears-provides", "rootfs-image.*"],
            ["--clears-provides", "rootfs-image.raw.*"], ["--provides", "rootfs-image.version:7"]]
IMAGE_DEFAULTS = [["--no-checksum-provide"], ["--legacy-rootfs-image-checksum"]]


@pytest.mark.parametrize("base, flags", [(MODULE, DEFAULTS), (IMAGE, DEFAULTS + IMAGE_DEFAULTS)], ids=["module", "image"])
def test_defaults_in_all_pairs(sides, base, flags):
    """What is provided and cleared by default hangs on several flags at once."""
    ours, theirs = sides()
    for pair in itertools.combinations(flags, 2):
        for side in (ours, theirs):
            done = side.run(base + sum(pair, []))
            assert done.returncode == 0, (pair, done.stderr)
        assert artifact_facts.differences(ours.changed(), theirs.changed()) == [], pair


def test_every_flag_of_the_help_has_a_row(help_flags, capsys):
    rows = {(row.verb, row.flag) for row in ROWS}
    missing = sorted(set(help_flags) - rows)
    assert not missing, f"the help has what no row is about: {missing}"
    assert len(help_flags) > 100  # the help was understood
    table = ["| verb | flag of mender-artifact 3.9.0 | ours |", "|---|---|---|"]
    for verb, flag in sorted(help_flags):
        seen = "; ".join(sorted(set(SEEN.get((verb, flag), ["not run"]))))
        table.append(f"| {verb or '(no verb)'} | {flag or '(the verb itself)'} | {seen} |")
    if TABLE.parent.is_dir():
        TABLE.write_text("\n".join(table) + "\n")
    with capsys.disabled():
        print("", *table, sep="\n")
