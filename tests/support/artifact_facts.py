# SPDX-License-Identifier: Apache-2.0
"""What an artifact, an image or a text says, read by none of our own code: what two programs made is compared by it.

Left out is what may differ between two good writers: times, owners, how well it is compressed, the order of keys."""

import gzip
import hashlib
import io
import json
import lzma
import re
import subprocess
import tarfile


def unpack_zstd(data):
    return subprocess.run(["zstd", "-dc"], input=data, capture_output=True, check=True, timeout=60).stdout


OPENERS = {"": bytes, ".gz": gzip.decompress, ".xz": lzma.decompress, ".zst": unpack_zstd}
ARTIFACT_START = b"version\0"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def members_of(data):
    """Name to bytes, and the names in their order."""
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        found = {entry.name: tar.extractfile(entry).read() for entry in tar if entry.isfile()}
    return found, list(found)


def unpacked(members, stem):
    """(suffix, bytes) of the archive whose name is STEM and a suffix; None where there is none."""
    for suffix, opener in OPENERS.items():
        if stem + suffix in members:
            return suffix, opener(members[stem + suffix])
    return None


def document(data):
    return json.loads(data) if data else None


def header_facts(archive, sums):
    """Scripts and documents of a header archive; sums of the payload stand in for themselves."""
    members, order = members_of(archive)
    facts = {"header-info": document(members["header-info"]), "first": order[0], "scripts": {}, "documents": {}}
    for name, content in members.items():
        if name.startswith("scripts/"):
            facts["scripts"][name] = content
        elif name.startswith("headers/") and content:  # empty meta-data is none
            facts["documents"][name] = document(content)
    info = facts["documents"].get("headers/0000/type-info") or {}
    # 3.9 leaves the type of an image empty, which 4.4 then calls corrupt; ours names it.
    if info.get("type") == "" and facts["header-info"]["payloads"][0]["type"] == "rootfs-image":
        info["type"] = "rootfs-image"
    provides = info.get("artifact_provides", {})
    facts["sums provided"] = sorted(key for key, value in provides.items() if value in sums)
    for key in facts["sums provided"]:
        provides[key] = "the sum of the payload"
    return facts


def manifest_lines(data):
    """Name to sum; the sum of a header, which is that of compressed bytes, is left out."""
    lines = dict(reversed(line.split("  ", 1)) for line in data.decode().splitlines())
    return {name: "" if name.startswith("header") else sum for name, sum in lines.items()}


def artifact_facts(data, content=sha256):
    """@content: what counts of a payload file's bytes."""
    members, order = members_of(data)
    suffix, archive = unpacked(members, "header.tar")
    _, payload = unpacked(members, "data/0000.tar")
    files, file_order = members_of(payload)
    sums = {sha256(body) for body in files.values()}
    facts = {
        "order": order, "version": document(members["version"]), "compression": suffix,
        "files": [(name, content(files[name])) for name in file_order],
        "signed": "manifest.sig" in members, "header": header_facts(archive, sums)}
    manifest = manifest_lines(members["manifest"])
    augmented = unpacked(members, "header-augment.tar")
    if augmented:
        facts["augment"] = header_facts(augmented[1], sums)
        facts["augmented files"] = sorted(manifest_lines(members["manifest-augment"]))
    # Each sum is checked, then it is the name that counts: an image that was edited has another one.
    for name, sum in manifest.items():
        if name.startswith("data/"):
            assert sum == sha256(files[name.split("/", 2)[2]]), f"the sum of {name} is wrong"
    facts["manifest"] = sorted(manifest)
    return facts


def is_artifact(data):
    return data.startswith(ARTIFACT_START)


def is_ext4(data):
    return len(data) > 2048 and data[1080:1082] == b"\x53\xef"


def image_facts(data, folder):
    """Path to (mode, content) of each file and folder in an ext4 image, told by debugfs."""
    image, tree = folder / "image", folder / "tree"
    image.write_bytes(data)
    tree.mkdir()
    done = subprocess.run(["debugfs", "-R", f"rdump / {tree}", image], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    checked = subprocess.run(["e2fsck", "-fn", image], capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout
    return {str(path.relative_to(tree)): (oct(path.lstat().st_mode), path.read_bytes() if path.is_file() else None)
            for path in sorted(tree.rglob("*"))}


def differences(ours, theirs, where=""):
    """Lines that say where two facts part, down to the leaf: a long assertion is read by nobody."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return [line for key in sorted({*ours, *theirs}, key=str)
                for line in differences(ours.get(key), theirs.get(key), f"{where}/{key}")]
    if isinstance(ours, (list, tuple)) and isinstance(theirs, (list, tuple)) and len(ours) == len(theirs):
        return [line for i, pair in enumerate(zip(ours, theirs)) for line in differences(*pair, f"{where}[{i}]")]
    return [] if ours == theirs else [f"{where}: ours {str(ours)[:300]}, theirs {str(theirs)[:300]}"]


# --- what `read` prints: 3.9 and 4.4 have the same facts in other words ---

WORDS = {"Compatible devices": "Compatible types"}


def plain(text):
    """'[a, b]', ["a", "b"] and [a, b] are one list; Nothing and {} are nothing."""
    text = text.strip().strip("'")
    if text.startswith("[") and text.endswith("]"):
        return [item.strip('"') for item in re.split("[, ]+", text[1:-1]) if item]
    return {"Nothing": "", "None": "", "{}": ""}.get(text, text)


def read_facts(text):
    """The head's lines by name, then each payload's; a block below a name is a dict, or the JSON it is."""
    facts, block, name = {}, None, ""
    for line in text.splitlines():
        stripped = line.strip().removeprefix("- ")
        if re.fullmatch(r"(\d+:)?", stripped) or stripped in ("Mender artifact:", "Mender Artifact:", "Updates:"):
            continue
        top = re.match(r"(  |    |  - )(?! )([A-Z][^:]*):(.*)", line.replace("\t", "      "))
        if top:
            name = WORDS.get(top.group(2), top.group(2))
            block = []
            facts[name] = plain(top.group(3))
        elif block is not None:
            block.append(stripped)
            facts[name] = list(block)
    for name in ("Provides", "Depends"):
        if isinstance(facts.get(name), list):
            facts[name] = sorted(facts[name])
    if isinstance(facts.get("Metadata"), list):
        facts["Metadata"] = json.loads("".join(facts["Metadata"]))
    files = facts.get("Files") or []
    facts["Files"] = sorted(" ".join(line.split()) for line in files if not line.startswith("modified"))
    facts["State scripts"] = facts.get("State scripts") or []
    facts["Clears Provides"] = facts.get("Clears Provides") or []
    return facts
