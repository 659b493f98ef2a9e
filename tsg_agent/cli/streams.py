"""Safe standard output and standard error: escape untrusted text, work in any encoding, and report failed writes."""

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
    """A text stream that escapes control sequences, which telemetry may contain."""

    def write(self, text: str) -> int:
        """Write, escaped. Raises OutputError if the disk is full, BrokenPipeError if the reader is gone."""
        with _told(self):
            super().write(printed(text, terminal=self.isatty()))
        return len(text)

    def flush(self) -> None:
        """Flush the buffer. Raises as `write` does."""
        with _told(self):
            super().flush()


@contextmanager
def _told(stream: io.TextIOWrapper) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # else the flush at exit would fail again
        raise OutputError(
            f"The output cannot be written: {error.strerror or error}.", fix="Make room, or print elsewhere."
        ) from error


@contextmanager
def writing(path: Path, flag: str) -> Iterator[None]:
    """Guards writing to a path given by `flag`. Raises ParameterError if that fails."""
    try:
        yield
    except OSError as error:
        raise ParameterError(
            f"{path} cannot be written: {error.strerror or error}.", fix=f"Give {flag} another path."
        ) from error


def open_streams() -> None:
    """Replace Python's own streams. The encoding stays: characters that it lacks are escaped."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            buffered, encoding = not stream.line_buffering and name == "stdout", stream.encoding
            held: Any = stream.detach()
            if isinstance(held, io.RawIOBase):  # under PYTHONUNBUFFERED: a full disk silently truncates a raw write
                held, buffered = io.BufferedWriter(held), False
            setattr(sys, name, SafeStream(held, encoding, ERRORS, line_buffering=not buffered))
