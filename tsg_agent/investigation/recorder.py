"""Writes an investigation's events down, in their order, beside the event loop."""

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
"""One thread for all: what is told first is written first."""


async def written() -> None:
    """Wait until all that was told is written down."""
    await asyncio.wrap_future(_WRITER.submit(lambda: None))


class Recorder:
    """Where one investigation's events go. What a prompt must not show, an event does not either."""

    def __init__(
        self,
        events: EventLog | UnkeptLog,
        identity: str,
        *,
        redact: bool,
        wrote: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        """`wrote` is told, in another thread, each event that is written down."""
        self._wrote = wrote
        self._events, self._identity = events, identity
        self._redactor = Redactor(redact)
        self.notes: list[str] = []
        """For the report: that events are missing."""

    def __call__(self, kind: str, /, **data: Any) -> None:
        """See Tells."""
        _WRITER.submit(self._write, kind, data)

    def _write(self, kind: str, data: dict[str, Any]) -> None:
        try:
            self._wrote(self._events.append(self._identity, kind, self._redactor.hidden(data)))
        except (OSError, sqlite3.Error) as error:
            if not self.notes:
                log.warning("an event cannot be written down: %s", error)
                self.notes.append(f"Events of this investigation were not written down: {error}.")
