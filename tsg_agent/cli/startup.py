"""Checks the process's environment: standard streams, encoding, arguments, memory limit."""

import os
import sys
from typing import NoReturn

from tsg_agent.errors import ParameterError, SettingsError
from tsg_agent.escape import utf8

NEEDED = 2_500 * 2**20
"""Bytes of address space for an investigation of small telemetry: most are thread stacks that are never touched."""


def with_streams() -> None:
    """Replace standard streams that were closed at the start (`>&-`).

    Else the first opened file would get the descriptor of standard output, and be overwritten. Reading and printing
    then raise; text for standard error is dropped.
    """
    for number, name, mode in ((0, "stdin", os.O_WRONLY), (1, "stdout", os.O_RDONLY), (2, "stderr", os.O_WRONLY)):
        if getattr(sys, name) is not None:
            continue
        held = os.open(os.devnull, mode)
        if held != number:
            os.dup2(held, number)
            os.close(held)
        os.set_inheritable(number, True)
        opened = open(number, "r" if number == 0 else "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - for as long as the process
        setattr(sys, name, opened)


def in_utf8() -> None:
    """Restart in UTF-8 mode if Python uses ASCII for file names and output, as with LC_ALL=C."""
    again = [sys.executable, "-X", "utf8"]
    if sys.getfilesystemencoding() != "utf-8" and sys.orig_argv[1:3] != again[1:]:
        os.execv(sys.executable, [*again, *sys.orig_argv[1:]])  # noqa: S606 - re-executes our own command


def check_arguments(arguments: list[str]) -> None:
    """Raises ParameterError for an argument that is not valid UTF-8."""
    wrong = [one for one in arguments if any("\ud800" <= character <= "\udfff" for character in one)]
    if wrong:
        raise ParameterError(
            f"The argument {utf8(wrong[0])} is no text in UTF-8.", fix="Rename the file, or write it in UTF-8."
        )


def refuse_broken_installation(error: ImportError) -> NoReturn:
    """End with a message about a package that is missing or broken; an import error within this one is a defect."""
    if (error.name or "").partition(".")[0] == "tsg_agent":
        raise error
    again = f"{sys.executable} -m pip install --force-reinstall tsg-agent"
    sys.stderr.write(f"Error: A package that tsg-agent needs cannot be imported: {error}.\n")
    sys.stderr.write(f"Next: Install tsg-agent anew with all that it needs: `{again}`.\n")
    sys.exit(1)


def check_memory() -> None:
    """Raises SettingsError if the address-space limit is too low: libraries abort the process on failed allocations."""
    try:
        import resource
    except ImportError:
        return
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    lowest = min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=NEEDED)
    if lowest < NEEDED:
        raise SettingsError(
            f"This process may have {lowest >> 20:,} MB of memory's addresses; it needs {NEEDED >> 20:,} MB.",
            fix="Raise the limit (ulimit -v, ulimit -d). What is really used is bounded by TSG_MEMORY_LIMIT.",
        )
