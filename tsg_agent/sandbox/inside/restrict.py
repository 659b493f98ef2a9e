"""Sets resource limits and credentials of the process that runs the code, and reads each one back."""

import contextlib
import ctypes
import errno
import os
import resource
import signal

from tsg_agent.sandbox.inside import kernel

NOBODY = 65534
_CAPABILITY_VERSION_3 = 0x20080522


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Capabilities(ctypes.Structure):
    _fields_ = (("words", ctypes.c_uint32 * 6),)  # effective, permitted, inheritable; twice, low and high


def die_with_parent(parent: int) -> None:
    """Asks the kernel to kill this process when `parent` dies. Raises OSError if it is already gone."""
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        raise OSError(errno.ESRCH, "the zygote is gone")


def limit_resources(memory_bytes: int, cpu_seconds: int) -> str:
    """Sets the limits; `memory_bytes` covers the whole address space. Raises OSError if one has no effect."""
    limits = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_DATA: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: 8,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, wanted in limits.items():
        hard = resource.getrlimit(kind)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(kind, (value, value))
        except ValueError as error:  # the standard library raises it for some refusals
            raise OSError(errno.EINVAL, str(error)) from error
        if resource.getrlimit(kind) != (value, value):
            raise OSError(errno.EINVAL, f"resource limit {kind} was set and does not hold")
    return f"memory {memory_bytes >> 20} MB of addresses, {cpu_seconds} s of CPU, no files, no processes"


def drop_credentials(owns_user_namespace: bool) -> str:
    """Drops all capabilities, and switches from root to `nobody` outside of a user namespace. Raises OSError."""
    if os.geteuid() == 0 and not owns_user_namespace:
        # A root that lacks CAP_SETUID cannot become another user; what counts is that no capability is left.
        with contextlib.suppress(PermissionError):
            os.setgroups([])
        with contextlib.suppress(PermissionError):
            os.setresgid(NOBODY, NOBODY, NOBODY)
        with contextlib.suppress(PermissionError):
            os.setresuid(NOBODY, NOBODY, NOBODY)
    kernel.prctl(kernel.PR_CAP_AMBIENT, kernel.PR_CAP_AMBIENT_CLEAR_ALL)
    header = _Header(_CAPABILITY_VERSION_3, 0)
    kernel.syscall("capset", header, _Capabilities())
    found = _Capabilities(tuple([0xFFFFFFFF] * 6))
    kernel.syscall("capget", header, found)
    if any(found.words):
        raise OSError(errno.EPERM, "capabilities are left")
    return f"user {os.getuid()}, no capabilities"


def forbid_new_privileges() -> str:
    """Sets no_new_privs, and reads it back. Raises OSError."""
    kernel.prctl(kernel.PR_SET_NO_NEW_PRIVS, 1)
    if kernel.prctl(kernel.PR_GET_NO_NEW_PRIVS) != 1:
        raise OSError(errno.EINVAL, "no_new_privs was set and does not hold")
    return "set"
