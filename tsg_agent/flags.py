"""From a command's flags to what is asked for. Beside options.py, since it needs what takes long to import."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tsg_agent.errors import ParameterError
from tsg_agent.extract import Given
from tsg_agent.store import Request

MOST_BYTES = 50_000_000
"""An incident's text longer than this is no text."""


def read_text(incident: str) -> str:
    """The incident's text; bytes that are not UTF-8 are replaced. Raises ParameterError where there is none.

    No more is read than a text can have: what has no size (a device, a pipe) may have no end.
    """
    path = Path(incident)
    try:
        with nullcontext(sys.stdin.buffer) if incident == "-" else path.open("rb") as opened:
            held = opened.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise ParameterError(
            f"{path} cannot be read: {why}.", fix="Give a text file, or - for standard input."
        ) from error
    if len(held) > MOST_BYTES:
        named = "Standard input" if incident == "-" else path
        raise ParameterError(f"{named} is too large for an incident's text.", fix="Give the report, not the logs.")
    return held.decode("utf-8", "replace")


def request_of(text: str, telemetry: str, mapping: Path | None, given: dict[str, Any], *, now: str | None) -> Request:
    """What flags ask for. Raises ParameterError for a value that is none."""
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
