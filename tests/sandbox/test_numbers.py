"""The tables of system calls against the kernel's own headers, for both architectures, wherever the tests run.

Debian's linux-libc-dev has them: asm-generic/unistd.h is aarch64's list, asm/unistd_64.h is that of x86_64.
"""

import re
from pathlib import Path

import pytest

from tests.sandbox.world import _MORE
from tsg_agent.sandbox.inside import kernel, seccomp

INCLUDE = Path("/usr/include")
HEADERS = {
    "x86_64": ("x86_64-linux-gnu/asm/unistd_64.h", "asm/unistd_64.h"),
    "aarch64": ("asm-generic/unistd.h",),
}
DEFINED = re.compile(r"^#define\s+__NR(3264)?_(\w+)\s+(\w+)", re.MULTILINE)


def text_of(*names: str) -> str:
    found = [INCLUDE / name for name in names if (INCLUDE / name).exists()]
    if not found:
        pytest.skip(f"the kernel's headers ({', '.join(names)}) are not installed: linux-libc-dev has them")
    return found[0].read_text("utf-8")


def numbers(machine: str) -> dict[str, int]:
    """The header's numbers; some names stand for a call that has another on machines of 32 bits (__NR3264_)."""
    known: dict[str, int] = {}
    for wide, name, value in DEFINED.findall(text_of(*HEADERS[machine])):
        if value.isdigit():
            known[name] = int(value) if wide or name not in known else known[name]
    return known


@pytest.mark.parametrize("machine", HEADERS)
def test_every_number_is_the_kernels(machine: str) -> None:
    held, column = numbers(machine), list(HEADERS).index(machine)
    ours = {**kernel.NUMBERS[machine], **{name: pair[column] for name, pair in _MORE.items()}}
    assert {name: number for name, number in ours.items() if held.get(name) != number} == {}
    assert len(ours) > 80


@pytest.mark.parametrize("machine", HEADERS)
def test_what_is_allowed_has_a_number_where_the_kernel_has_it(machine: str) -> None:
    """A name without one would be refused in silence: on one machine a run would work, and on the other not."""
    held, unnamed = numbers(machine), {"x86_64": ["ppoll"], "aarch64": []}  # where there is a poll, libc calls that
    assert [name for name in seccomp.PLAIN if name in held and name not in kernel.NUMBERS[machine]] == unnamed[machine]


def test_the_architectures_are_the_kernels() -> None:
    machines = dict(re.findall(r"^#define\s+EM_(\w+)\s+(\d+)", text_of("linux/elf-em.h"), re.MULTILINE))
    flags = dict(re.findall(r"^#define\s+__AUDIT_ARCH_(\w+)\s+(0x\w+)", text_of("linux/audit.h"), re.MULTILINE))
    both = int(flags["64BIT"], 16) | int(flags["LE"], 16)
    for name, arch in seccomp.AUDIT_ARCH.items():
        assert arch == int(machines[name.upper()]) | both
