# SPDX-License-Identifier: Apache-2.0
"""What tests in all folders share: where the support is, and the option for long campaigns."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "tests"))


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="run the long campaigns as well")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        # What one file's tests share (a server) is made once; a file that says SPREAD shares nothing, and its many
        # cases go to whoever is free.
        alone = getattr(item.module, "SPREAD", False)
        item.add_marker(pytest.mark.xdist_group(item.nodeid if alone else str(item.path.relative_to(config.rootpath))))
    if config.getoption("--long"):
        return
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker(pytest.mark.skip(reason="a long campaign: script/test --long"))
