"""Appends an investigation's events to its log, in order, outside the event loop."""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tsg_agent.events import Event, EventLog, UnkeptLog
from tsg_agent.llm.redaction import Redactor

log = logging.getLogger(__name__)
_WRITER = ThreadPoolExecutor(1, "tsg-events")
"""A single thread keeps the order."""


async def written() -> None:
    """Wait until all recorded events are written."""
    await asyncio.wrap_future(_WRITER.submit(lambda: None))


class Recorder:
    """Writes one investigation's events, redacted like prompts."""

    def __init__(
        self,
        events: EventLog | UnkeptLog,
        identity: str,
        *,
        redact: bool,
        wrote: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        """`wrote` is called with each written event, in the writer thread."""
        self._wrote = wrote
        self._events, self._identity = events, identity
        self._redactor = Redactor(redact)
        self.notes: list[str] = []
        """For the report: a note if an event could not be written."""

    def __call__(self, kind: str, /, **data: Any) -> None:
        """Queue an event to be written; does not block."""
        _WRITER.submit(self._write, kind, data)

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        try:
            self._wrote(self._events.append(self._identity, kind, self._redactor.hidden(data)))
        except (OSError, sqlite3.Error) as error:
            if not self.notes:
                log.warning("an event cannot be written down: %s", error)
                self.notes.append(f"Events of this investigation were not written down: {error}.")
