"""Starts a Python under a kernel filter that makes chosen system calls fail, or pretend to succeed.

python failing.py NUMBER:ERRNO[:FIRST_ARGUMENT],... INTERPRETER ARGUMENTS... ; errno 0 is a call that says yes and
does nothing. Standard library only, nothing of the package: it stands for a kernel or a container that lacks a layer.
"""

import ctypes
import os
import struct
import sys


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def main() -> None:
    lines = [(0x20, 0, 0, 0)]
    for rule in sys.argv[1].split(","):
        number, code, *first = (int(part) for part in rule.split(":"))
        answer = (0x06, 0, 0, 0x50000 | code)
        block = [(0x20, 0, 0, 16), (0x15, 0, 1, first[0]), answer, (0x20, 0, 0, 0)] if first else [answer]
        lines += [(0x15, 0, len(block), number), *block]
    lines.append((0x06, 0, 0, 0x7FFF0000))
    data = b"".join(struct.pack("=HBBI", *line) for line in lines)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(38, 1, 0, 0, 0) or libc.prctl(22, 2, ctypes.byref(Program(len(lines), data))):
        raise OSError(ctypes.get_errno(), "the failing filter was refused")
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - the tests' own command, which is to run under the filter


main()
