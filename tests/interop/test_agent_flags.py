# SPDX-License-Identifier: Apache-2.0
"""Every verb and flag of Debian's mender-client, as its own --help lists them when the test runs, against rota-agent.

A row is a command line, run by both programs in roots with the same files. Compared are the exit status and what was done:
the software, the key, the files, what the server heard. Where a row says what the line is without the flag, that one's
outcome must be another. A flag is tried in each spelling. The last test prints the table (and leaves it in out/), and
fails where the help has what no row is about."""

import pathlib
import re
import subprocess

import pytest
from support.agent_rows import FLAG, NOT_OURS, ROWS, STEPS
from support.agent_sides import OURS, THEIRS, AgentSide, effect

pytestmark = pytest.mark.shows("MS2")
SPREAD = True  # no case shares anything with another

TABLE = pathlib.Path(__file__).resolve().parents[2] / "out/mender-client-flags.md"
LETTERS = {"--config": "-c", "--fallback-config": "-b", "--data": "-d", "--log-file": "-L", "--log-level": "-l",
           "--trusted-certs": "-E", "--forcebootstrap": "-F", "--help": "-h", "--version": "-v"}


# --- The help ---

def help_of(client, *words):
    return subprocess.run([client, *words, "--help"], capture_output=True, text=True, timeout=60).stdout


def flags_of(text):
    """All spellings of each flag, a tuple each."""
    lines = re.findall(r"^   (--.+?)(?:  |$)", text, re.M)
    return [tuple(re.findall(r"(?:^|, )(--?[a-zA-Z][a-z-]*)", line)) for line in lines]


def verbs_of(text):
    return [name for name in re.findall(r"^   ([a-z-]+)(?:, [a-z])?  ", text.split("COMMANDS:")[1].split("OPTIONS:")[0], re.M)]


@pytest.fixture(scope="module")
def help_flags(peers):
    """(verb, long flag) to its letter, and (verb, "") for each verb."""
    client = peers / "usr/bin/mender"
    verbs = [f"snapshot {verb}" if name == "snapshot" else name for name in verbs_of(help_of(client))
             for verb in (verbs_of(help_of(client, "snapshot")) if name == "snapshot" else [name]) if verb != "help" or name == "help"]
    found = {("", spellings[0]): spellings[1:] for spellings in flags_of(help_of(client))}
    for verb in verbs:
        found[verb, ""] = ()
        if verb != "help":
            found.update({(verb, spellings[0]): spellings[1:] for spellings in flags_of(help_of(client, *verb.split()))})
    return found


# --- The tests ---

@pytest.fixture
def side(peers, bin, tmp_path_factory):
    """side(name): a fresh root for this program."""
    made = []

    def make(name):
        # A short path: the bus's socket has 108 bytes.
        made.append(AgentSide(name, peers, bin, tmp_path_factory.mktemp("s") / "x"))
        return made[-1]
    yield make
    for each in made:
        each.remove()


def lines_of(row):
    """The row's words, the flag in each spelling."""
    names = [row.flag, LETTERS.get(row.flag)] if FLAG in row.words else [FLAG]
    return [tuple(name if word == FLAG else word for word in row.words) for name in names if name]


def outcome(side, row, words):
    """(status, what was done, what was said)"""
    for step in row.before:
        STEPS[step](side)
    before = side.facts()
    if row.daemon:
        side.start(*words)
        status = side.stop()
        said = (side.client.folder / "daemon.log").read_text(errors="replace")
    else:
        heard = len(getattr(side.stub, row.heard)) if row.heard else 0
        done = side.run(*words, stdin=row.stdin)
        if row.heard:
            side.wait_for_more(row.heard, heard)
        status, said = done.returncode, done.stdout + done.stderr
        side.stop()
    return status, effect(before, side.facts()), said


def row_id(row):
    return re.sub(r"[^a-z0-9]+", "-", " ".join([str(row), *row.words, *row.before]).lower()).strip("-")


@pytest.mark.parametrize("row", ROWS, ids=row_id)
def test_row(row, side):
    for words in lines_of(row):
        ours, theirs = outcome(side(OURS), row, words), outcome(side(THEIRS), row, words)
        if row.because:
            assert (ours[0], theirs[0]) == (row.ours, row.theirs), (ours, theirs)
            assert ours[:2] != theirs[:2], "the two do not part here: compare them"
            continue
        assert ours[:2] == theirs[:2], f"{ours}\n{theirs}"
        for name, said in ((OURS, ours[2]), (THEIRS, theirs[2])):
            assert not row.said or re.search(row.said, said, re.M), f"{name} says: {said}"
            assert not row.silent or not re.search(row.silent, said), f"{name} says: {said}"
    if row.plain:
        status, done, said = outcome(side(OURS), row, row.plain)
        assert (status, done) != ours[:2] or row.said and not re.search(row.said, said), "the flag does nothing"


@pytest.mark.parametrize("verb", NOT_OURS)
def test_what_is_not_ours_is_refused(side, verb):
    status, done, said = outcome(side(OURS), ROWS[0], tuple(verb.split()))
    assert status == 1 and verb.split()[0] in said


def test_every_flag_of_the_help_has_a_row(help_flags, capsys):
    rows = {}
    for row in ROWS:
        rows.setdefault((row.verb, row.flag), []).append(row.because or "the same effect")
    missing = sorted(key for key in help_flags if key not in rows and key[0] not in NOT_OURS)
    assert not missing, f"the help has what no row is about: {missing}"
    assert len(help_flags) > 40  # the help was understood
    assert {flag: letters[0] for (verb, flag), letters in help_flags.items() if letters and not verb} == LETTERS
    table = ["| verb | flag of mender-client 3.4.0 | ours |", "|---|---|---|"]
    for verb, flag in sorted(help_flags):
        seen = NOT_OURS.get(verb) or "; ".join(sorted(set(rows[verb, flag])))
        table.append(f"| {verb or '(any)'} | {flag or '(the verb itself)'} | {seen} |")
    if TABLE.parent.is_dir():
        TABLE.write_text("\n".join(table) + "\n")
    with capsys.disabled():
        print("", *table, sep="\n")
