# SPDX-License-Identifier: Apache-2.0
"""Tokens in software: a folder of its own for each test, and keys made inside by OpenSC's pkcs11-tool."""

import os
import pathlib
import shutil
import subprocess

MODULE = pathlib.Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "84217"


def is_installed():
    return MODULE.exists() and shutil.which("softhsm2-util") and shutil.which("pkcs11-tool")


class SoftHsm:
    def __init__(self, folder):
        self.folder = folder
        (folder / "tokens").mkdir(parents=True)
        (folder / "conf").write_text(
            f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\n")
        self.pin_file = folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        self.env = {**os.environ, "SOFTHSM2_CONF": str(folder / "conf")}

    def run(self, *words):
        subprocess.run(list(map(str, words)), env=self.env, check=True, capture_output=True, timeout=60)

    def make_token(self, label="build"):
        self.run("softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "12345")

    def make_pair(self, label, kind, number, token="build"):
        """Made inside, so that nobody ever had its private half."""
        login = ["pkcs11-tool", "--module", MODULE, "--token-label", token]
        self.run(*login, "-l", "-p", PIN, "--keypairgen", "--key-type", kind, "--id", f"{number:02}", "--label", label)
        return login

    def make_key(self, label, kind, number, token="build"):
        """RSA or P-256, the kinds whose public half pkcs11-tool reads. Returns that in PEM."""
        login = self.make_pair(label, kind, number, token)
        der, pem = self.folder / f"{label}.der", self.folder / f"{label}.pub"
        self.run(*login, "--read-object", "--type", "pubkey", "--label", label, "-o", der)
        self.run("openssl", "pkey", "-pubin", "-inform", "DER", "-in", der, "-out", pem)
        return pem

    def uri(self, label, token="build", pin=True):
        query = [f"module-path={MODULE}"] + ([f"pin-source=file:{self.pin_file}"] if pin else [])
        return f"pkcs11:token={token};object={label}?" + "&".join(query)

    def remove_token(self):
        shutil.rmtree(self.folder / "tokens")
