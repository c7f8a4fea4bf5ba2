# SPDX-License-Identifier: Apache-2.0
"""What the tests of power cuts share."""

import pathlib
import subprocess

import pytest

HERE = pathlib.Path(__file__).parent


@pytest.fixture(scope="session")
def killer(tmp_path_factory):
    """kill_at_write.c as a library to be preloaded."""
    library = tmp_path_factory.mktemp("killer") / "kill_at_write.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", library, HERE / "kill_at_write.c", "-ldl"],
                   check=True)
    return library
