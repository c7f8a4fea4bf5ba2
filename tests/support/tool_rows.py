# SPDX-License-Identifier: Apache-2.0
"""Command lines of mender-artifact 3.9.0, at least one for each verb and flag: what test_tool_flags.py runs with both
programs. The files they name are those of its template."""

from dataclasses import dataclass, field

FLAG = "FLAG"  # stands for the flag in a row
SNAPSHOT = "the ssh snapshot of a running device: a running system has no moment at which its disk is whole"
CLOUD = "cloud key stores need accounts and a network where things are signed: sign --digest-out serves them"

MODULE = ["write", "module-image", "-n", "r1", "-t", "ecu", "-T", "raw", "-f", "app", "-o", "out.mender"]
IMAGE = ["write", "rootfs-image", "-n", "r1", "-t", "ecu", "-f", "app", "-o", "out.mender"]
BOOTSTRAP = ["write", "bootstrap-artifact", "-n", "r1", "-t", "ecu", "-o", "out.mender"]


@dataclass
class Row:
    verb: str
    flag: str                 # as in the help, "" for the verb itself
    words: list = field(default_factory=list)
    plain: list = None        # the line without the flag, whose effect is another one
    output: str = "same"      # or "facts": of `read`; "command": words of a shell; "free": for people
    refused: str = ""         # ours says no, with these words
    public: str = ""          # both verify what both made with this key
    safer: str = ""           # theirs ends with 0 or does half of it: why ours does not
    status: int = 0           # ours, where safer
    apart: str = ""           # the one fact in which ours is another one, for the reason the row gives
    beyond: str = ""          # theirs has the flag and fails: ours does what it says

    def __str__(self):
        return " ".join(filter(None, [self.verb, self.flag]))


def more(line, *words):
    return line + list(words)


def without(line, flag):
    at = line.index(flag)
    return line[:at] + line[at + 2:]


def write_rows(verb, line):
    """What all three ways to write have in common."""
    def row(flag, *words, plain=True, base=line, **about):
        return Row(verb, flag, more(base, *words), line if plain else None, **about)
    return [
        Row(verb, "", line),
        row("--artifact-name", FLAG, "r2", base=without(line, "-n")),
        row("--device-type", FLAG, "ecu", FLAG, "other", base=without(line, "-t")),
        row("--output-path", FLAG, "elsewhere.mender", base=without(line, "-o")),
        row("--artifact-name-depends", FLAG, "old-1", FLAG, "old-2"),
        row("--clears-provides", FLAG, "a.*", FLAG, "b"),
        row("--compression", FLAG, "lzma"),
        row("--depends", FLAG, "k:v:w", FLAG, "l:m"),
        row("--depends-groups", FLAG, "g1", FLAG, "g2"),
        row("--gcp-kms-key", FLAG, "projects/p/k", refused=CLOUD),
        row("--key", FLAG, "rsa.key", public="rsa.pub"),
        row("--provides", FLAG, "k:v:w", FLAG, "l:"),
        row("--provides-group", FLAG, "g1"),
        row("--version", FLAG, "3", plain=False),
    ]


def payload_rows(verb, line):
    def row(flag, *words, **about):
        return Row(verb, flag, more(line, *words), line, **about)
    return [
        row("--no-default-clears-provides", FLAG),
        row("--no-default-software-version", FLAG),
        row("--script", FLAG, "ArtifactInstall_Enter_05_check", FLAG, "ArtifactCommit_Leave_10"),
        row("--software-filesystem", FLAG, "data"),
        row("--software-name", FLAG, "app"),
        row("--software-version", FLAG, "9.9"),
    ]


def progress_row(verb, line):
    return Row(verb, "--no-progress", more(line, FLAG), output="free")


def write_image_rows():
    verb = "write rootfs-image"

    def row(flag, *words, base=IMAGE, **about):
        return Row(verb, flag, more(base, *words), IMAGE, **about)
    return [
        *write_rows(verb, IMAGE), *payload_rows(verb, IMAGE), progress_row(verb, IMAGE),
        row("--version", FLAG, "2"),
        row("--version", FLAG, "2", "--key", "p256.key", public="p256.pub"),
        row("--file", FLAG, "more", base=without(IMAGE, "-f")),
        row("--file", FLAG, "ssh://root@127.0.0.1:1", base=without(IMAGE, "-f"), refused=SNAPSHOT),
        row("--ssh-args", FLAG, "-p 22", refused=SNAPSHOT),
        row("--legacy-rootfs-image-checksum", FLAG),
        row("--no-checksum-provide", FLAG),
    ]


def write_module_rows():
    verb = "write module-image"
    augmented = more(MODULE, "--augment-type", "gen")

    def row(flag, *words, base=MODULE, plain=MODULE, **about):
        return Row(verb, flag, more(base, *words), plain, **about)
    return [
        *write_rows(verb, MODULE), *payload_rows(verb, MODULE),
        row("--type", FLAG, "other", base=without(MODULE, "-T")),
        row("--file", FLAG, "more", FLAG, "app", base=without(MODULE, "-f")),
        row("--meta-data", FLAG, "meta.json"),
        row("--augment-type", FLAG, "gen"),
        row("--augment-type", FLAG, "gen", "--key", "p256.key", public="p256.pub"),
        row("--augment-file", FLAG, "more", FLAG, "other", base=augmented, plain=augmented),
        row("--augment-provides", FLAG, "k:w", base=augmented, plain=augmented),
        row("--augment-depends", FLAG, "k:w", base=augmented, plain=augmented),
        row("--augment-meta-data", FLAG, "augment.json", "-m", "meta.json", base=augmented, plain=augmented),
    ]


def read_rows():
    def row(flag, *words, plain=None, **about):
        return Row("read", flag, ["read", *words], plain, output="facts", **about)
    signed = ["read", "signed.mender"]
    return [
        row("", "rich.mender"),
        row("", "image.mender"),
        row("", "augmented.mender"),
        row("--key", FLAG, "rsa.pub", "signed.mender", plain=signed),
        row("--key", FLAG, "p256.pub", "signed.mender", status=4,
            safer="a wrong key makes 3.9 say so and end with 0, ours with 4"),
        row("--key-pkcs11", FLAG, "pkcs11:token=t;object=rsa?pin-value=1234", "signed.mender", plain=signed),
        row("--gcp-kms-key", FLAG, "projects/p/k", "signed.mender", refused=CLOUD),
        progress_row("read", ["read", "rich.mender"]),
    ]


def validate_rows():
    def row(flag, *words, **about):
        return Row("validate", flag, ["validate", *words], **about)
    return [
        row("", "rich.mender"),
        row("", "signed.mender"),  # without a key: not valid, in both
        row("--key", FLAG, "rsa.pub", "signed.mender", plain=["validate", "signed.mender"]),
        row("--key", FLAG, "p256.pub", "signed.mender"),
        row("--key", FLAG, "rsa.pub", "rich.mender"),
        row("--key-pkcs11", FLAG, "pkcs11:token=t;object=rsa?pin-value=1234", "signed.mender",
            plain=["validate", "signed.mender"]),
        row("--gcp-kms-key", FLAG, "projects/p/k", "signed.mender", refused=CLOUD),
    ]


def sign_rows():
    def row(flag, *words, **about):
        return Row("sign", flag, ["sign", *words], **about)
    return [
        row("", "-k", "rsa.key", "rich.mender", public="rsa.pub"),
        row("", "-k", "rsa.key", "signed.mender"),
        row("--key", FLAG, "p256.key", "rich.mender", public="p256.pub"),
        row("--key-pkcs11", FLAG, "pkcs11:token=t;object=rsa?pin-value=1234", "rich.mender", public="rsa.pub"),
        row("--output-path", FLAG, "elsewhere.mender", "-k", "rsa.key", "rich.mender", public="rsa.pub",
            plain=["sign", "-k", "rsa.key", "rich.mender"]),
        row("--force", FLAG, "-k", "p256.key", "signed.mender", public="p256.pub",
            plain=["sign", "-k", "p256.key", "signed.mender"]),
        row("--gcp-kms-key", FLAG, "projects/p/k", "rich.mender", refused=CLOUD),
    ]


def dump_rows():
    def row(flag, *words, **about):
        return Row("dump", flag, ["dump", *words], ["dump", "rich.mender"] if flag else None, **about)
    return [
        row("", "rich.mender"),
        row("--files", FLAG, "d", "rich.mender"),
        row("--meta-data", FLAG, "d", "rich.mender"),
        row("--scripts", FLAG, "d", "rich.mender"),
        row("--print-cmdline", FLAG, "rich.mender", output="command"),
        row("--print-cmdline", FLAG, "--files", "f", "--scripts", "s", "--meta-data", "m", "rich.mender", output="command"),
        row("--print0-cmdline", FLAG, "--files", "f", "--scripts", "s", "--meta-data", "m", "rich.mender", output="command"),
    ]


def modify_rows():
    def row(flag, *words, base="rich.mender", **about):
        line = ["modify", *words, base]
        return Row("modify", flag, line, ["modify", base] if flag else None, **about)
    return [
        row("", "--artifact-name", "r2"),
        row("--artifact-name", FLAG, "r2"),
        # 3.9 leaves what it changed in an image readable by root only; ours leaves the mode as it was.
        row("--artifact-name", FLAG, "r2", base="image.mender", apart="/etc/mender/artifact_info[0]"),
        row("--name", FLAG, "r2"),
        row("--artifact-name-depends", FLAG, "old-9"),
        row("--clears-provides", FLAG, "z.*"),
        row("--delete-clears-provides", FLAG, "rootfs-image.raw.*"),
        row("--compression", FLAG, "lzma"),
        row("--depends", FLAG, "new:v"),
        row("--depends-groups", FLAG, "g9"),
        row("--provides", FLAG, "new:v"),
        row("--provides-group", FLAG, "g9"),
        row("--meta-data", FLAG, "augment.json"),
        row("--key", FLAG, "rsa.key", "-n", "r2", public="rsa.pub"),
        row("--gcp-kms-key", FLAG, "projects/p/k", refused=CLOUD),
        row("--server-uri", FLAG, "https://elsewhere", base="image.mender"),
        row("--server-cert", FLAG, "rsa.pub", base="image.mender"),
        row("--verification-key", FLAG, "p256.pub", base="image.mender"),
        row("--tenant-token", FLAG, "more", base="image.mender"),
    ]


def edit_rows():
    """cp, cat, install, rm: on an artifact with an ext4 image."""
    install = ["install", "-m", "0644", "more", "image.mender:/etc/new"]
    return [
        Row("cp", "", ["cp", "more", "image.mender:/etc/new"]),
        Row("cp", "", ["cp", "image.mender:/etc/hello", "out.txt"]),
        Row("cp", "", ["cp", "more", "image.sdimg:/etc/new"]),
        Row("cp", "--compression", ["cp", FLAG, "lzma", "more", "image.mender:/etc/new"], output="free"),
        Row("cp", "--key", ["cp", FLAG, "rsa.key", "more", "image.mender:/etc/new"], public="rsa.pub",
            plain=["cp", "more", "image.mender:/etc/new"],
            beyond="3.9 lists the flag and ends with: unsupported command"),
        Row("cp", "--gcp-kms-key", ["cp", FLAG, "projects/p/k", "more", "image.mender:/etc/new"], refused=CLOUD),
        Row("cat", "", ["cat", "image.mender:/etc/hello"]),
        Row("cat", "", ["cat", "image.sdimg:/etc/hello"]),
        Row("install", "", install),
        Row("install", "--directory", ["install", FLAG, "image.mender:/srv"]),
        Row("install", "--mode", ["install", FLAG, "0755", "more", "image.mender:/etc/new"], plain=install),
        Row("rm", "", ["rm", "image.mender:/etc/hello"]),
        Row("rm", "--recursive", ["rm", FLAG, "image.mender:/etc"],
            beyond="3.9 says it removes folders and what is in them, and then fails on any folder"),
    ]


GLOBAL = [
    Row("", "--help", [FLAG], output="free"),
    Row("", "--version", [FLAG], output="free"),
    Row("", "", [], output="free"),
    Row("help", "", ["help"], output="free"),
    Row("help", "", ["h"], output="free"),
    Row("write", "", ["write"], output="free"),
    Row("write", "--help", ["write", FLAG], output="free"),
    Row("write rootfs-image", "--compression", ["--compression", "lzma", *IMAGE], IMAGE),
    Row("write module-image", "--compression", ["--compression", "none", *MODULE], MODULE),
]

ROWS = [
    *GLOBAL, *write_image_rows(), *write_module_rows(), *write_rows("write bootstrap-artifact", BOOTSTRAP),
    progress_row("write bootstrap-artifact", BOOTSTRAP), *read_rows(), *validate_rows(), *sign_rows(), *dump_rows(),
    *modify_rows(), *edit_rows()]
