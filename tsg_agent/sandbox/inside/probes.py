"""The child tries what must be forbidden: the attestation reports observed effects, not requested settings."""

import errno
import os

from tsg_agent.sandbox.inside import kernel, landlock

_RWX = 7
_PRIVATE_ANONYMOUS = 0x22
_AT_FDCWD = -100


def landlock_holds() -> str:
    """Restricts by Landlock, and proves that this made the root folder unreadable. Raises OSError."""
    os.close(os.open("/", os.O_RDONLY | os.O_DIRECTORY))  # must be readable before, else the check below proves nothing
    version = landlock.restrict()
    try:
        descriptor = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    except PermissionError:
        return f"ABI {version}; a folder that was readable no longer is"
    os.close(descriptor)
    raise OSError(errno.ENOTRECOVERABLE, "Landlock accepted the ruleset, and a folder can still be opened")


def seccomp_holds() -> str:
    """Tries the system calls that the filter must deny, with arguments that are harmless if permitted.

    Without the filter each one succeeds, or fails with another errno than EPERM. Raises OSError naming those permitted.
    """
    attempts: dict[str, tuple[kernel.Argument, ...]] = {
        "openat": (_AT_FDCWD, 0, 0, 0),  # EFAULT when permitted
        "socket": (1, 1, 0),
        "kill": (os.getpid(), 0),
        "execve": (0, 0, 0),
        "ptrace": (-1, -1, 0, 0),
        "prctl": (-1, 0, 0, 0, 0),
        "unshare": (0,),
        "mount": (0, 0, 0, 0, 0),
        "mmap": (0, 4096, _RWX, _PRIVATE_ANONYMOUS, -1, 0),
        "pidfd_open": (os.getpid(), 0),
        "seccomp": (-1, 0, 0),
        "clone": (0x10000000 | 0x00000200, 0, 0, 0, 0),  # CLONE_NEWUSER with CLONE_FS: EINVAL when permitted
    }
    leaks = [name for name, arguments in attempts.items() if not _refused(name, arguments)]
    if leaks:
        raise OSError(errno.ENOTRECOVERABLE, f"still permitted: {', '.join(leaks)}")
    return f"refused: {', '.join(attempts)}"


def descriptors_hold(expected: set[int], highest: int) -> str:
    """Checks that no descriptors but `expected` are open; the kernel answers EBADF for a closed one."""
    found = {number for number in range(highest) if _is_open(number)}
    if found != expected:
        raise OSError(errno.EBADF, f"open descriptors are {sorted(found)}, not {sorted(expected)}")
    return f"open descriptors: {sorted(found)}"


def _refused(name: str, arguments: tuple[kernel.Argument, ...]) -> bool:
    try:
        kernel.syscall(name, *arguments)
    except OSError as error:
        return error.errno == errno.EPERM
    return False


def _is_open(number: int) -> bool:
    # lseek, since fstat may be spelled newfstatat by the C library, which the filter refuses.
    try:
        kernel.syscall("lseek", number, 0, os.SEEK_CUR)
    except OSError as error:
        return error.errno != errno.EBADF
    return True
