"""Standard output and standard error: text stays text there, in whatever encoding, and its loss is told."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tsg_agent.errors import OutputError, ParameterError
from tsg_agent.escape import ERRORS, printed


class SafeStream(io.TextIOWrapper):
    """A stream to a person or a program: whatever telemetry put into the text stays text."""

    def write(self, text: str) -> int:
        """Write, escaped. Raises OutputError where there is no room, BrokenPipeError where nobody reads."""
        with _told(self):
            super().write(printed(text, terminal=self.isatty()))
        return len(text)

    def flush(self) -> None:
        """Write out what is left. Raises as `write` does."""
        with _told(self):
            super().flush()


@contextmanager
def _told(stream: io.TextIOWrapper) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # what is left would fail again at the end
        raise OutputError(
            f"The output cannot be written: {error.strerror or error}.", fix="Make room, or print elsewhere."
        ) from error


@contextmanager
def writing(path: Path, flag: str) -> Iterator[None]:
    """What is written to a path that `flag` gave. Raises ParameterError where it cannot be."""
    try:
        yield
    except OSError as error:
        raise ParameterError(
            f"{path} cannot be written: {error.strerror or error}.", fix=f"Give {flag} another path."
        ) from error


def open_streams() -> None:
    """Put both in the place of Python's own. The encoding stays: what it lacks is written as an escape."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            buffered, encoding = not stream.line_buffering and name == "stdout", stream.encoding
            held: Any = stream.detach()
            if isinstance(held, io.RawIOBase):  # as PYTHONUNBUFFERED has it: what a full disk took half of was lost
                held, buffered = io.BufferedWriter(held), False
            setattr(sys, name, SafeStream(held, encoding, ERRORS, line_buffering=not buffered))
