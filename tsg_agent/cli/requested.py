"""Converts a command's flags to a Request. Separate from options.py, since it is slow to import."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from tsg_agent.errors import ParameterError
from tsg_agent.extract import Given
from tsg_agent.patient import STDIN, read_given
from tsg_agent.report.forms import FORMS, Form
from tsg_agent.store import Request
from tsg_agent.telemetry.formats import names

MOST_DAYS = 366
"""Longest window of --last, days."""
LONGEST_LINE = 4095
"""Characters of a line that a Linux terminal passes on; it silently drops the rest."""
MOST_BYTES = 50_000_000
"""Largest incident text."""


def read_text(incident: str) -> str:
    """The incident's text; invalid UTF-8 is replaced. Raises ParameterError if there is none.

    Reads at most MOST_BYTES: a device or a pipe may be endless.
    """
    path = Path(incident)
    if typed := is_typed(incident):
        typer.echo("Paste the incident's text, then press Enter and Ctrl-D.", err=True)
    named = "Standard input" if path == STDIN else path
    try:
        held = read_given(path, MOST_BYTES)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ParameterError(
            f"{named} cannot be read: {why}.", fix="Give a text file, or - for standard input."
        ) from error
    if len(held) > MOST_BYTES:
        raise ParameterError(f"{named} is too large for an incident's text.", fix="Give the report, not the logs.")
    if typed and max(map(len, held.split(b"\n"))) >= LONGEST_LINE:
        cut = f"A line is as long as a terminal takes ({LONGEST_LINE:,} characters): what was beyond it is lost."
        raise ParameterError(cut, fix="Give the text as a file, or through a pipe into `tsg-agent run -`.")
    return held.decode("utf-8", "replace")


def is_typed(incident: str) -> bool:
    """True if the incident's text comes from a terminal."""
    return Path(incident) == STDIN and sys.stdin.isatty()


@contextmanager
def not_lost(text: str, *, typed: bool) -> Iterator[None]:
    """Save a pasted text to a private file if its investigation fails."""
    try:
        yield
    except BaseException:
        if typed and text.strip():
            file, name = tempfile.mkstemp(prefix="tsg-agent-pasted-", suffix=".md")
            with os.fdopen(file, "w", encoding="utf-8") as kept:
                kept.write(text)
            typer.echo(f"The text that was pasted is kept: {name}", err=True)
        raise


_LENGTH = re.compile(r"(?:(\d+)\s*d)?\s*(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?", re.IGNORECASE)


def window_of(last: str | None, now: str | None) -> dict[str, str]:
    """The window of `--last` as flags; empty without it. Raises ParameterError for an invalid duration."""
    if last is None:
        return {}
    found = _LENGTH.fullmatch(last.strip())
    days, hours, minutes = (int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    length = timedelta(days=days, hours=hours, minutes=minutes)
    if not timedelta() < length <= timedelta(days=MOST_DAYS):
        raise ParameterError(f"--last is wrong: {last!r} is no length of time.", fix="For example: --last 2h.")
    try:
        end = datetime.fromisoformat(now) if now else datetime.now(UTC)
    except ValueError as error:
        raise ParameterError(f"--now is wrong: {now!r} is no time.", fix="For example: 2026-03-10T15:15Z.") from error
    end = end if end.tzinfo else end.replace(tzinfo=UTC)
    return {"start_time": (end - length).isoformat(), "end_time": end.isoformat()}


def form_of(form: str | None, *, as_json: bool) -> Form | None:
    """The form to print; None = by the kind of output, terminal or pipe. Raises ParameterError."""
    if form is None:
        return "json" if as_json else None
    known = next((one for one in FORMS if one == form), None)
    if known is None:
        ready = f"It is a ready mapping: --mapping {form}." if form in names() else f"There are {', '.join(FORMS)}."
        raise ParameterError(f"There is no form {form!r} of a report.", fix=ready)
    return known


def request_of(text: str, telemetry: str, mapping: Path | None, given: dict[str, Any], *, now: str | None) -> Request:
    """The Request from flags. Raises ParameterError for an invalid value."""
    try:
        return Request(
            text=text,
            telemetry=str(Path(telemetry).resolve()) if Path(telemetry).exists() else telemetry,
            mapping=mapping.resolve() if mapping else None,
            given=Given.model_validate({name: value for name, value in given.items() if value is not None}),
            now=now,
        )
    except ValidationError as error:
        problem = error.errors()[0]
        flag = f"--{str(problem['loc'][-1]).replace('_', '-')}" if problem["loc"] else "a flag"
        cause = problem.get("ctx", {}).get("error")
        said, _, fix = (str(cause) if cause else problem["msg"]).partition(". ")
        raise ParameterError(f"{flag} is wrong: {said}.", fix=fix or "See the command's --help.") from error
