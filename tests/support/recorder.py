# SPDX-License-Identifier: Apache-2.0
"""nbdkit plugin: a disk image that notes every write and every flush before it answers.

  nbdkit -U SOCKET python recorder.py image=FILE log=FILE

The log has the format of Linux's dm-log-writes: a super block, then for each entry a header of one sector
(sector, sectors, flags) and what was written. recorded_disk.py reads it. nbdkit calls a Python plugin for one
request at a time, so the order in the log is the order in which the disk answered.
"""

import builtins
import os
import struct

import nbdkit

API_VERSION = 2
SECTOR = 512
FLUSH, FUA = 1, 2
MAGIC, VERSION = 0x6A736677736872, 1

disk = {}


def config(key, value):
    if key == "image":
        disk["image"] = os.open(value, os.O_RDWR)
    elif key == "log":
        disk["log"] = builtins.open(value, "wb", buffering=0)
        disk["log"].write(struct.pack("<QQQI", MAGIC, VERSION, 0, SECTOR).ljust(SECTOR, b"\0"))
    else:
        raise ValueError(f"{key}: unknown")


def config_complete():
    if set(disk) != {"image", "log"}:
        raise ValueError("image= and log= are needed")


def note(offset, data, flags):
    head = struct.pack("<QQQQ", offset // SECTOR, len(data) // SECTOR, flags, 0).ljust(SECTOR, b"\0")
    disk["log"].write(head + data)


def open(readonly):  # noqa: A001 - nbdkit names it so
    return disk


def get_size(handle):
    return os.fstat(disk["image"]).st_size


def can_write(handle):
    return True


def can_flush(handle):
    return True


def can_fua(handle):
    return nbdkit.FUA_NATIVE


def block_size(handle):
    return (SECTOR, 4096, 32 << 20)  # the log cannot say less than a sector


def pread(handle, buffer, offset, flags):
    buffer[:] = os.pread(disk["image"], len(buffer), offset)


def pwrite(handle, buffer, offset, flags):
    os.pwrite(disk["image"], buffer, offset)
    note(offset, bytes(buffer), FUA if flags & nbdkit.FLAG_FUA else 0)


def flush(handle, flags):
    note(0, b"", FLUSH)
