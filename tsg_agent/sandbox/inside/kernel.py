"""Linux system calls by number, through ctypes: an error is an OSError with the kernel's errno."""

import ctypes
import functools
import os
import platform
from typing import Final

Argument = int | bytes | None | ctypes.Structure | ctypes.Array[ctypes.c_char]

# One table per architecture. Names and numbers are the kernel's: asm/unistd_64.h and asm-generic/unistd.h.
NUMBERS: Final[dict[str, dict[str, int]]] = {
    "x86_64": {
        "read": 0, "write": 1, "close": 3, "fstat": 5, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10, "munmap": 11,
        "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "ioctl": 16, "readv": 19,
        "writev": 20, "sched_yield": 24, "mremap": 25, "madvise": 28, "nanosleep": 35, "getpid": 39, "socket": 41,
        "clone": 56, "execve": 59, "exit": 60, "kill": 62, "gettimeofday": 96, "getrlimit": 97, "getrusage": 98,
        "sysinfo": 99, "times": 100, "ptrace": 101, "getuid": 102, "getgid": 104, "geteuid": 107, "getegid": 108,
        "capget": 125, "capset": 126, "sigaltstack": 131, "pivot_root": 155, "prctl": 157, "mount": 165,
        "umount2": 166, "gettid": 186, "time": 201, "futex": 202, "sched_getaffinity": 204, "restart_syscall": 219,
        "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "tgkill": 234,
        "openat": 257, "unshare": 272, "prlimit64": 302, "getcpu": 309, "seccomp": 317, "getrandom": 318, "rseq": 334,
        "pidfd_open": 434, "clone3": 435, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
        "landlock_restrict_self": 446,
    },
    "aarch64": {
        "read": 63, "write": 64, "close": 57, "fstat": 80, "ppoll": 73, "lseek": 62, "mmap": 222, "mprotect": 226,
        "munmap": 215, "brk": 214, "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "ioctl": 29,
        "readv": 65, "writev": 66, "sched_yield": 124, "mremap": 216, "madvise": 233, "nanosleep": 101, "getpid": 172,
        "socket": 198, "clone": 220, "execve": 221, "exit": 93, "kill": 129, "gettimeofday": 169, "getrlimit": 163,
        "getrusage": 165, "sysinfo": 179, "times": 153, "ptrace": 117, "getuid": 174, "getgid": 176, "geteuid": 175,
        "getegid": 177, "capget": 90, "capset": 91, "sigaltstack": 132, "pivot_root": 41, "prctl": 167, "mount": 40,
        "umount2": 39, "gettid": 178, "futex": 98, "sched_getaffinity": 123, "restart_syscall": 128,
        "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "exit_group": 94, "tgkill": 131,
        "openat": 56, "unshare": 97, "prlimit64": 261, "getcpu": 168, "seccomp": 277, "getrandom": 278, "rseq": 293,
        "pidfd_open": 434, "clone3": 435, "landlock_create_ruleset": 444, "landlock_add_rule": 445,
        "landlock_restrict_self": 446,
    },
}  # fmt: skip

PR_SET_PDEATHSIG: Final = 1
PR_SET_DUMPABLE: Final = 4
PR_SET_NO_NEW_PRIVS: Final = 38
PR_GET_NO_NEW_PRIVS: Final = 39
PR_CAP_AMBIENT: Final = 47
PR_CAP_AMBIENT_CLEAR_ALL: Final = 4


def machine() -> str:
    """The architecture's name, a key of NUMBERS where the sandbox knows it."""
    return platform.machine()


def syscall(name: str, *arguments: Argument) -> int:
    """Calls the kernel and gives its answer. Raises OSError(errno) when the kernel refuses."""
    converted = [_convert(argument) for argument in arguments]
    answer = int(_libc().syscall(ctypes.c_long(NUMBERS[machine()][name]), *converted))
    if answer < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")
    return answer


def prctl(option: int, *arguments: int) -> int:
    """prctl(2), with unused arguments as zero. Raises OSError(errno)."""
    padded = (*arguments, 0, 0, 0, 0)[:4]
    return syscall("prctl", option, *padded)


@functools.cache
def _libc() -> ctypes.CDLL:
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    return library


def _convert(argument: Argument) -> object:
    if argument is None or isinstance(argument, int):
        return ctypes.c_long(argument or 0)
    if isinstance(argument, bytes):
        return ctypes.c_char_p(argument)
    return ctypes.byref(argument)
