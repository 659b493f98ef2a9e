"""A seccomp allowlist of the system calls that computing needs; any other call returns an error or kills the process.

A classic BPF program over `struct seccomp_data` (nr, arch, instruction pointer, six 64-bit arguments).
"""

import ctypes
import errno
import struct
import sys
from typing import Final

from tsg_agent.sandbox.inside import kernel

AUDIT_ARCH: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
X32_BIT: Final = 0x40000000

PLAIN: Final = (
    # reading and writing what is already open
    "read", "write", "readv", "writev", "close", "fstat", "lseek", "poll", "ppoll",
    # memory, without execution: mmap and mprotect have their own rule below
    "munmap", "mremap", "brk", "madvise",
    # signals to itself, time, randomness, exit
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "futex", "sched_yield",
    "getcpu", "rseq", "nanosleep", "gettimeofday", "time", "times", "getrandom", "exit", "exit_group",
    # facts about itself
    "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrlimit", "getrusage", "sysinfo",
)  # fmt: skip

_LOAD, _JUMP_EQUAL, _JUMP_AT_LEAST, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_SECCOMP_SET_MODE_FILTER = 1
_PROT_EXEC = 4
_CLOCKS = 16
_NUMBER, _ARCHITECTURE = 0, 4

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def program(machine: str, pid: int) -> bytes:
    """The filter for a process `pid` on `machine`: allows listed calls, EPERM for others, kills on foreign ABIs."""
    numbers = kernel.NUMBERS[machine]
    lines: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, AUDIT_ARCH[machine]),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_AT_LEAST, 0, 1, X32_BIT),
        (_RETURN, 0, 0, _KILL),
    ]
    for name in PLAIN:
        if name in numbers:
            lines += _when(numbers[name], [(_RETURN, 0, 0, _ALLOW)])
    for name, rule in _rules(pid).items():
        lines += _when(numbers[name], rule)
    lines.append((_RETURN, 0, 0, _ERRNO | errno.EPERM))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def install(filter_bytes: bytes) -> None:
    """Applies the filter to this process, irrevocably. Raises OSError if the kernel refuses."""
    holder = _Program(len(filter_bytes) // 8, filter_bytes)
    kernel.syscall("seccomp", _SECCOMP_SET_MODE_FILTER, 0, holder)


def _rules(pid: int) -> dict[str, list[Instruction]]:
    allow, refuse = (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)
    no_execution = [(_LOAD, 0, 0, _argument(2)), (_JUMP_BITS, 0, 1, _PROT_EXEC), refuse, allow]
    # prlimit64(0, which, NULL, old): only reads, and only its own limits.
    own_limits = [
        (_LOAD, 0, 0, _argument(0)), (_JUMP_EQUAL, 0, 5, 0),
        (_LOAD, 0, 0, _argument(2)), (_JUMP_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _argument(2) + 4), (_JUMP_EQUAL, 0, 1, 0),
        allow, refuse,
    ]  # fmt: skip
    itself = [
        (_LOAD, 0, 0, _argument(0)), (_JUMP_EQUAL, 1, 0, 0), (_JUMP_EQUAL, 0, 1, pid), allow, refuse,
    ]  # fmt: skip
    # The clock ids of other processes are negative, and encode the pid.
    own_clocks = [(_LOAD, 0, 0, _argument(0)), (_JUMP_AT_LEAST, 0, 1, _CLOCKS), refuse, allow]
    return {
        "sched_getaffinity": itself,
        "clock_gettime": own_clocks,
        "clock_getres": own_clocks,
        "clock_nanosleep": own_clocks,
        "mmap": no_execution,
        "mprotect": no_execution,
        "prlimit64": own_limits,
        "tgkill": [(_LOAD, 0, 0, _argument(0)), (_JUMP_EQUAL, 0, 1, pid), allow, refuse],  # abort() needs it
        "ioctl": [(_RETURN, 0, 0, _ERRNO | errno.ENOTTY)],  # "is this a terminal": no
        "clone3": [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)],  # libc then falls back to clone, which is denied
    }


def _when(number: int, block: list[Instruction]) -> list[Instruction]:
    return [(_JUMP_EQUAL, 0, len(block), number), *block]


def _argument(index: int) -> int:
    """Offset of an argument's low half. Both architectures are little-endian."""
    if sys.byteorder != "little":
        raise OSError(errno.ENOSYS, "the filter's offsets are for little-endian machines")
    return 16 + 8 * index
