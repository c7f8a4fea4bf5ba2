# SPDX-License-Identifier: Apache-2.0
"""What is put before a program's own libraries, also where it is built with sanitizers."""

import os


def preloaded(library, **values):
    """The environment for it."""
    options = ":".join(filter(None, [os.environ.get("ASAN_OPTIONS"), "verify_asan_link_order=0"]))
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": options, **values}
