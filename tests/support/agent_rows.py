# SPDX-License-Identifier: Apache-2.0
"""Each verb and flag of Debian's mender-client 3.4.0, as a command line that shows what it does."""

import dataclasses

from support.agent_sides import ARTIFACT, OTHER_ARTIFACT, PASSPHRASE, REBOOTING

FLAG = "FLAG"  # stands for the flag in each of its spellings
OTHER_TYPE = "device_type=other-vehicle\n"
STATIC_KEY = '{"Security": {"AuthPrivateKey": "/data/static.pem"}, "ServerURL": "@URL@"}'


@dataclasses.dataclass(frozen=True)
class Row:
    verb: str           # "" for what stands before a verb
    flag: str           # "" for the verb itself
    words: tuple
    before: tuple = ()  # names of steps in STEPS, done on each side first
    plain: tuple = ()   # the same without the flag: its outcome must be another one
    stdin: str = ""
    daemon: bool = False
    heard: str = ""     # of what the server must hear once more
    said: str = ""      # what both must say, as a pattern
    silent: str = ""    # what neither may say
    ours: int = -1      # where the two part: both statuses, and
    theirs: int = -1
    because: str = ""   # "refused: ...", "safer: ..." or "beyond: ..."

    def __str__(self):
        return " ".join(filter(None, (self.verb or "any", self.flag)))


def run(*words):
    return lambda side: side.run("--no-syslog", *words)


# What is there before the command.
STEPS = {
    "other config": lambda side: (side.client.put("data/other.conf", '{"DeviceTypeFile": "/data/other-type"}'),
                                  side.client.put("data/other-type", OTHER_TYPE)),
    "other data": lambda side: side.client.put("data/other/device_type", OTHER_TYPE),
    "installed": run("install", ARTIFACT),
    "a key": run("bootstrap"),
    "an encrypted key": lambda side: side.make_key("-aes128", "-passout", f"pass:{PASSPHRASE}"),
    "a static key": lambda side: (side.make_key(path=side.root / "data/static.pem"),
                                  side.client.put("etc/mender/mender.conf", STATIC_KEY.replace("@URL@", side.stub.url))),
    "nobody answers": lambda side: side.stub.close(),
    "refused by the server": lambda side: setattr(side.stub, "accepts", False),
    "no server": lambda side: side.client.put("etc/mender/mender.conf", "{}"),
    "the daemon runs": lambda side: side.start("--no-syslog", "daemon"),
}

INSTALL = ("install", ARTIFACT)
BEYOND_F = "beyond: 3.4.0 forgets -F where it stands before bootstrap, which has one of its own"
ROWS = [
    # --- Before the verb ---
    Row("", "--config", (FLAG, "/data/other.conf", "install", OTHER_ARTIFACT), ("other config",), ("install", OTHER_ARTIFACT)),
    Row("", "--config", (FLAG, "/nowhere", "show-artifact"), ours=1, theirs=0,
        because="safer: going on without the file would mean going on without its verification keys (5.x refuses as well)"),
    Row("", "--fallback-config", (FLAG, "/data/other.conf", "install", OTHER_ARTIFACT), ("other config",),
        ("install", OTHER_ARTIFACT)),
    Row("", "--fallback-config", (FLAG, "/nowhere", "show-artifact"), ours=1, theirs=0,
        because="safer: as for --config"),
    Row("", "--data", (FLAG, "/data/other", "install", OTHER_ARTIFACT), ("other data",), ("install", OTHER_ARTIFACT)),
    Row("", "--data", (FLAG, "/data/nowhere", "show-artifact"), ours=0, theirs=1, because="beyond: a folder that is missing is made"),
    Row("", "--log-file", (FLAG, "/data/log", *INSTALL), plain=INSTALL),
    Row("", "--log-level", (FLAG, "debug", *INSTALL), plain=INSTALL, said="(?i)debug"),
    *[Row("", "--log-level", (FLAG, word, "show-artifact")) for word in
      ("trace", "debug", "info", "warn", "warning", "error", "fatal", "panic", "WARNING")],
    Row("", "--log-level", (FLAG, "loud", "show-artifact"), said="loud"),
    Row("", "--trusted-certs", (FLAG, "/nowhere", *INSTALL)),
    Row("", "--forcebootstrap", (FLAG, "daemon"), ("a key",), ("daemon",), daemon=True),
    Row("", "--forcebootstrap", (FLAG, "show-artifact"), ("a key",)),
    Row("", "--forcebootstrap", (FLAG, "bootstrap"), ("a key",), ours=0, theirs=0, because=BEYOND_F),
    Row("", "--no-syslog", (FLAG, "show-artifact"), silent="(?i)syslog"),
    Row("", "--skipverify", (FLAG, "show-artifact"), ours=1, theirs=0,
        because="refused: whoever is on the line could name himself the server; --trusted-certs names an authority"),
    Row("", "--passphrase-file", (FLAG, "/data/passphrase", "bootstrap"), ("an encrypted key",)),
    Row("", "--passphrase-file", (FLAG, "-", "bootstrap"), ("an encrypted key",), stdin=PASSPHRASE + "\n"),
    Row("", "--passphrase-file", (FLAG, "/data/passphrase", "bootstrap"), ("a key",)),
    Row("", "--passphrase-file", (FLAG, "/data/passphrase", "show-artifact")),
    Row("", "--passphrase-file", (FLAG, "/nowhere", "show-artifact")),
    Row("", "--passphrase-file", (FLAG, "-", "bootstrap"), ("an encrypted key",), stdin="wrong\n", ours=1, theirs=0,
        because="safer: 3.4.0 replaces a key it cannot open, and the server loses the device"),
    Row("", "--passphrase-file", (FLAG, "/nowhere", "bootstrap"), ("an encrypted key",), ours=1, theirs=0,
        because="safer: as with a wrong passphrase"),
    Row("", "--help", (FLAG,), said="show-artifact"),
    Row("", "--version", (FLAG,), said=r"\d+\.\d+"),
    Row("", "", (), said="show-artifact"),
    Row("", "", ("--no-such-flag", "show-artifact"), said="no-such-flag"),
    Row("", "", ("no-such-verb",), ours=1, theirs=3, because="safer: 1 as from 5.x; 3 is the library's of 3.4.0 and said of nothing else"),
    Row("", "", ("show-artifact", "more"), said="more"),
    # --- Verbs ---
    Row("bootstrap", "", ("bootstrap",)),
    Row("bootstrap", "", ("bootstrap",), ("a key",)),
    Row("bootstrap", "", ("bootstrap",), ("nobody answers",)),
    Row("bootstrap", "", ("bootstrap",), ("refused by the server",)),
    Row("bootstrap", "", ("bootstrap",), ("an encrypted key",), ours=1, theirs=0,
        because="safer: 3.4.0 replaces a key it cannot open, and the server loses the device"),
    Row("bootstrap", "", ("bootstrap", "more"), said="more"),
    Row("bootstrap", "--forcebootstrap", ("bootstrap", FLAG), ("a key",), ("bootstrap",)),
    Row("bootstrap", "--forcebootstrap", ("bootstrap", FLAG), ("a static key",)),
    Row("bootstrap", "--help", ("bootstrap", FLAG), said="bootstrap"),
    Row("check-update", "", ("check-update",)),
    Row("check-update", "", ("check-update",), ("the daemon runs",), heard="polls"),
    Row("check-update", "--help", ("check-update", FLAG), said="check-update"),
    Row("commit", "", ("commit",)),
    Row("commit", "", ("commit",), ("installed",)),
    Row("commit", "", ("commit", "more"), ("installed",), said="more"),
    Row("commit", "--help", ("commit", FLAG), said="commit"),
    Row("daemon", "", ("daemon",), daemon=True),
    Row("daemon", "", ("daemon", "more"), said="more"),
    Row("daemon", "--help", ("daemon", FLAG), said="daemon"),
    Row("install", "", INSTALL),
    Row("install", "", ("install",), said="(?i)operand|show-artifact"),
    Row("install", "", ("install", "/nowhere")),
    Row("install", "", ("install", OTHER_ARTIFACT)),
    Row("install", "", ("install", ARTIFACT, "more"), ours=1, theirs=0, because="safer: 3.4.0 passes over what it does not understand"),
    Row("install", "", INSTALL, ("installed",), ours=1, theirs=0,
        because="safer: 3.4.0 installs over an update that is still open and loses its way back (5.x refuses as well)"),
    Row("install", "--reboot-exit-code", ("install", FLAG, REBOOTING), plain=("install", REBOOTING)),
    Row("install", "--reboot-exit-code", ("install", FLAG, ARTIFACT)),
    Row("install", "--passphrase-file", ("install", FLAG, "/data/passphrase", ARTIFACT)),
    Row("install", "--help", ("install", FLAG), said="install"),
    Row("rollback", "", ("rollback",)),
    Row("rollback", "", ("rollback",), ("installed",)),
    Row("rollback", "--help", ("rollback", FLAG), said="rollback"),
    Row("send-inventory", "", ("send-inventory",)),
    Row("send-inventory", "", ("send-inventory",), ("the daemon runs",), heard="inventories"),
    Row("send-inventory", "--help", ("send-inventory", FLAG), said="send-inventory"),
    Row("show-artifact", "", ("show-artifact",), said="^release-1$"),
    Row("show-artifact", "", ("show-artifact",), ("installed", "commit it"), said="^release-2$"),
    Row("show-artifact", "--help", ("show-artifact", FLAG), said="show-artifact"),
    Row("show-provides", "", ("show-provides",)),
    Row("show-provides", "", ("show-provides",), ("installed", "commit it"), said="^artifact_name=release-2$"),
    Row("show-provides", "--help", ("show-provides", FLAG), said="show-provides"),
    Row("help", "", ("help",), said="show-artifact"),
    Row("help", "", ("h",), said="show-artifact"),
]
STEPS["commit it"] = run("commit")

# Whole verbs that are not ours, with their flags.
NOT_OURS = {
    "setup": "refused: a vehicle is set up by the files it leaves the factory with, not by questions at a terminal, and a password on"
             " the command line is readable by every process; docs/guide/agent.md names the files",
    "snapshot dump": "refused: an image of a system that runs is no release; images are built, and 5.x has it in another package, too",
}
