"""What a process is started in: how it takes names, what it was given, how much memory it may have."""

import os
import sys

from tsg_agent.errors import ParameterError, SettingsError
from tsg_agent.escape import utf8

NEEDED = 2_500 * 2**20
"""Bytes of addresses for an investigation of small telemetry: most are its threads' and are never touched."""


def with_streams() -> None:
    """Give what was closed at the start (`>&-`) a stream that takes nothing.

    Else the first file that is opened would become standard output, and be written into. Reading or printing fails
    there, and is told; what goes to standard error is lost.
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
    """Start anew where Python takes names of files and output for ASCII, as it does with LC_ALL=C and no UTF-8 mode."""
    again = [sys.executable, "-X", "utf8"]
    if sys.getfilesystemencoding() != "utf-8" and sys.orig_argv[1:3] != again[1:]:
        os.execv(sys.executable, [*again, *sys.orig_argv[1:]])  # noqa: S606 - our own command, as it was given


def check_arguments(arguments: list[str]) -> None:
    """Raises ParameterError for an argument that is no UTF-8: it could be no name of anything here."""
    wrong = [one for one in arguments if any("\ud800" <= character <= "\udfff" for character in one)]
    if wrong:
        raise ParameterError(
            f"The argument {utf8(wrong[0])} is no text in UTF-8.", fix="Rename the file, or write it in UTF-8."
        )


def check_memory() -> None:
    """Raises SettingsError where the limit on addresses is too low: libraries end the process where they get none."""
    try:
        import resource  # noqa: PLC0415 - not on every platform
    except ImportError:
        return
    limits = [resource.getrlimit(kind)[0] for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA)]
    lowest = min((limit for limit in limits if limit != resource.RLIM_INFINITY), default=NEEDED)
    if lowest < NEEDED:
        raise SettingsError(
            f"This process may have {lowest >> 20:,} MB of memory's addresses; it needs {NEEDED >> 20:,} MB.",
            fix="Raise the limit (ulimit -v, ulimit -d). What is really used is bounded by TSG_MEMORY_LIMIT.",
        )
