# SPDX-License-Identifier: Apache-2.0
"""librota-artifact as a stranger meets it: installed into a folder, found by pkg-config, and nothing else.

The examples are compiled with both compilers as C99 with all warnings, linked with the shared and with the static
library, and run over the vectors: what must be accepted comes out as its index says, what must be refused leaves
no file behind, and neither leaks. What is exported is what the kept list says.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LIBRARY = ROOT / "src/artifact/library"
VECTORS = ROOT / "tests/vectors"
BUILD = pathlib.Path(os.environ.get("ROTA_BUILD_RELEASE", ROOT / "out/release"))
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
COMPILERS = ["gcc", "clang"]
EXAMPLES = ["unpack", "make"]


def run(*command, **options):
    return subprocess.run([str(word) for word in command], text=True, capture_output=True, timeout=120, **options)


def run_well(*command, **options):
    done = run(*command, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with what `meson install` puts there of the library."""
    if not (BUILD / "build.ninja").is_file():
        pytest.skip("no release build: script/build")
    folder = tmp_path_factory.mktemp("installed")
    run_well("/usr/bin/meson", "install", "-C", BUILD, "--destdir", folder, "--no-rebuild", "--quiet",
             "--tags", "runtime,devel")
    return folder


@pytest.fixture(scope="module")
def pkg_config(installed):
    """pkg-config's words about the installed library, as a list."""
    files = list(installed.rglob("rota-artifact.pc"))
    assert len(files) == 1
    text = files[0].read_text()
    files[0].write_text(re.sub(r"^prefix=/", f"prefix={installed}/", text, flags=re.MULTILINE))
    # Nothing else is known to it: whoever uses the library needs no -dev package but its own.
    environment = dict(os.environ, PKG_CONFIG_LIBDIR=str(files[0].parent))

    def ask(*options):
        return run_well("pkg-config", *options, "rota-artifact", env=environment).stdout.split()
    return ask


@pytest.fixture(scope="module")
def library(installed):
    return next(path for path in installed.rglob("librota-artifact.so"))


@pytest.fixture(scope="module", params=COMPILERS)
def examples(request, tmp_path_factory, pkg_config, library):
    """The examples compiled by one of the compilers: name to command."""
    folder = tmp_path_factory.mktemp(request.param)
    for name in EXAMPLES:
        shutil.copy(LIBRARY / "examples" / f"{name}.c", folder)
        # POSIX beside C99, as any program asks for it
        run_well(request.param, "-std=c99", "-D_XOPEN_SOURCE=700", *WARNINGS, "-O2", "-o", folder / name,
                 folder / f"{name}.c", *pkg_config("--cflags", "--libs"), f"-Wl,-rpath,{library.parent}")
    return {name: folder / name for name in EXAMPLES}


def vectors(kind):
    return json.loads((VECTORS / kind / "index.json").read_text())["artifacts"]


def unpack_command(examples, kind, vector, folder):
    keys = [VECTORS / kind / vector["key"]] if vector.get("key") else []
    return [examples["unpack"], VECTORS / kind / vector["file"], folder, *keys]


def test_valid_vectors_are_unpacked(examples, tmp_path):
    for vector in vectors("artifacts"):
        folder = tmp_path / vector["file"]
        folder.mkdir()
        done = run_well(*unpack_command(examples, "artifacts", vector, folder))
        assert f"name: {vector['read']['name']}\n" in done.stdout
        assert ("signed by: " in done.stdout) == vector["signed"]
        wanted = {file["name"]: file["sha256"] for payload in vector["read"]["payloads"] for file in payload["files"]}
        found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
        assert found == wanted, vector["file"]


def test_hostile_vectors_leave_nothing(examples, tmp_path):
    for vector in vectors("hostile"):
        if vector["expect"] != "reject":
            continue
        folder = tmp_path / vector["file"]
        folder.mkdir()
        done = run(*unpack_command(examples, "hostile", vector, folder))
        assert done.returncode == 1, vector["file"]
        assert f"{vector['rule']} {vector['error_class']}: " in done.stderr, done.stderr
        assert not list(folder.iterdir()), vector["file"]


def test_written_artifact_is_signed_elsewhere(examples, bin, tmp_path):
    payload, private, public = tmp_path / "app.bin", tmp_path / "private.pem", tmp_path / "public.pem"
    payload.write_bytes(os.urandom(300_000))
    run_well("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", private)
    run_well("openssl", "pkey", "-in", private, "-pubout", "-out", public)
    signer = tmp_path / "signer"
    signer.write_text("#!/usr/bin/python3\nimport subprocess, sys\n"
                      f"command = ['openssl', 'pkeyutl', '-sign', '-inkey', '{private}']\n"
                      "sys.exit(subprocess.run(command, input=bytes.fromhex(sys.argv[1])).returncode)\n")
    signer.chmod(0o755)
    words = ["release-1", "ecu-gw", "single-file", payload]
    artifact = tmp_path / "a.mender"
    done = run_well(examples["make"], artifact, *words, public, signer)
    assert done.stdout == f"{artifact}: {artifact.stat().st_size} bytes\n"
    run_well(bin / "rota-artifact", "validate", "-k", public, artifact)
    told = json.loads(run_well(bin / "rota-artifact", "read", "--json", artifact).stdout)
    assert told["payloads"][0]["provides"] == {"rootfs-image.single-file.version": "release-1"}

    again = tmp_path / "b.mender"
    refused = run(examples["make"], again, *words, public, "false")
    assert refused.returncode == 1 and "the signer gave no signature" in refused.stderr and not again.exists()
    refused = run(examples["make"], again, *words, public, "echo nonsense #")
    assert refused.returncode == 1 and "does not verify" in refused.stderr and not again.exists()


@pytest.mark.parametrize("examples", ["gcc"], indirect=True)
def test_nothing_leaks(examples, tmp_path):
    """Under valgrind: a few vectors of each kind, good and hostile, and one artifact made."""
    valgrind = ["valgrind", "--quiet", "--error-exitcode=99", "--leak-check=full", "--errors-for-leak-kinds=definite"]
    if shutil.which("valgrind") is None:
        pytest.skip("valgrind is not installed")
    good = [vector for vector in vectors("artifacts") if vector["file"] in ("aug-gzip.mender", "signed-p256.mender")]
    bad = [vector for vector in vectors("hostile") if vector["rule"] in ("R9", "R19")][:2]
    assert len(good) == 2 and len(bad) == 2
    for kind, status, some in (("artifacts", 0, good), ("hostile", 1, bad)):
        for vector in some:
            done = run(*valgrind, *unpack_command(examples, kind, vector, tmp_path))
            assert done.returncode == status, done.stderr
    done = run(*valgrind, examples["make"], tmp_path / "a.mender", "n", "t", "module", __file__)
    assert done.returncode == 0, done.stderr


def test_static_library_stands_alone(installed, pkg_config, tmp_path):
    archive = next(path for path in installed.rglob("librota-artifact.a"))
    names = run_well("nm", "-g", "--defined-only", archive).stdout.split("\n")
    names = [line.split()[2] for line in names if len(line.split()) == 3]
    assert names and all(name.startswith("rota_artifact_") for name in names)
    words = [archive if word == "-lrota-artifact" else word for word in pkg_config("--cflags", "--libs", "--static")]
    run_well("gcc", "-std=c99", "-D_XOPEN_SOURCE=700", *WARNINGS, "-o", tmp_path / "unpack",
             LIBRARY / "examples/unpack.c", *words)
    (tmp_path / "files").mkdir()
    done = run_well(tmp_path / "unpack", VECTORS / "artifacts/comp-gzip.mender", tmp_path / "files")
    assert "name: " in done.stdout


def test_header_is_cplusplus_too(pkg_config, tmp_path):
    program = tmp_path / "program.cc"
    program.write_text("#include <rota-artifact/librota-artifact.h>\nint main() { return *rota_artifact_version() == 0; }\n")
    run_well("clang", "-x", "c++", *WARNINGS, "-fsyntax-only", program, *pkg_config("--cflags"))


def test_exports_are_the_kept_list(library):
    lines = run_well("nm", "-D", "--defined-only", library).stdout.splitlines()
    found = sorted(line.split()[2].replace("@@", " ") for line in lines if " T " in line)
    others = [line for line in lines if not re.search(r" T rota_artifact_| A ROTA_ARTIFACT_", line)]
    kept = (LIBRARY / "librota-artifact.symbols").read_text().splitlines()
    assert not others
    assert found == [line for line in kept if not line.startswith("#")]
    told = run_well("readelf", "-d", library).stdout
    assert "[librota-artifact.so.1]" in told


def test_has_no_state_of_its_own(library):
    """What can be written to is made once: types, error domains, an algorithm that was looked up."""
    lines = run_well("nm", library).stdout.splitlines()
    writable = [line.split()[2] for line in lines if re.search(r" [bBsS] ", line)]
    once = re.compile(r"(LibraryInput_private_offset|static_g_define_type_id|q|fetched|completed)(\.\d+)?")
    assert writable and all(once.fullmatch(name) for name in writable), writable


def test_every_export_is_documented():
    header = (LIBRARY / "librota-artifact.h").read_text()
    declared = set(re.findall(r"\b(rota_artifact_\w+)\(", header))
    kept = {line.split()[0] for line in (LIBRARY / "librota-artifact.symbols").read_text().splitlines()
            if not line.startswith("#")}
    assert kept <= declared
