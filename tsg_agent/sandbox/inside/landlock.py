"""Landlock with an empty ruleset: denies every right on all files, and on TCP if the kernel supports it."""

import ctypes
import os
from typing import Final

from tsg_agent.sandbox.inside import kernel

_CREATE_RULESET_VERSION: Final = 1
_NET_BIND_CONNECT: Final = 3
_SCOPE_ABSTRACT_SOCKET_SIGNAL: Final = 3


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scope", ctypes.c_uint64))


def abi() -> int:
    """The kernel's Landlock ABI, 1 or more. Raises OSError (ENOSYS, EOPNOTSUPP) if it has none."""
    return kernel.syscall("landlock_create_ruleset", 0, 0, _CREATE_RULESET_VERSION)


def restrict() -> int:
    """Applies an empty ruleset to this process, irrevocably; returns the ABI used. Raises OSError on failure."""
    version = abi()
    file_rights = 13  # ABI 1
    for since in (2, 3, 5):  # refer, truncate, ioctl on devices: one new right per ABI
        file_rights += version >= since
    ruleset = _Ruleset((1 << file_rights) - 1, _NET_BIND_CONNECT, _SCOPE_ABSTRACT_SOCKET_SIGNAL)
    size = 24 if version >= 6 else 16 if version >= 4 else 8  # older kernels reject unknown fields
    descriptor = kernel.syscall("landlock_create_ruleset", ruleset, size, 0)
    try:
        kernel.syscall("landlock_restrict_self", descriptor, 0)
    finally:
        os.close(descriptor)
    return version
