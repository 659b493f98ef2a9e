"""The audit log: requests and queries as JSON lines, in a file that only its owner can read."""

import errno
import fcntl
import json
import logging
import os
import threading
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from tsg_agent.escape import printed
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.telemetry.engine import QUERIES
from tsg_agent.tracing import WithInvestigation

LONGEST = 50_000
"""Longest text in a line, characters."""
MOST_BYTES = 100_000_000
"""File size at which it is rotated to audit.1.jsonl, replacing the previous one."""


class Who(NamedTuple):
    """The requester. `team` is None if no tokens are configured: then every client reads everything."""

    name: str
    team: str | None = None


_SERVER = Who("server")
WHO: ContextVar[Who] = ContextVar("tsg_who", default=_SERVER)


class Audit(logging.Handler):
    """The audit log; as a logging handler it records queries, from any thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder.expanduser() / "audit.jsonl"
        self._writing = threading.Lock()
        self.addFilter(WithInvestigation())

    def __enter__(self) -> "Audit":
        QUERIES.setLevel(logging.INFO)
        QUERIES.propagate = False  # keep queries out of the program's own log
        QUERIES.addHandler(self)
        return self

    def __exit__(self, *_ended: object) -> None:
        QUERIES.removeHandler(self)
        QUERIES.setLevel(logging.NOTSET)
        QUERIES.propagate = True

    def say(self, what: str, **about: Any) -> None:
        """Append one line. A failed write goes to the program's log, and does not fail the request."""
        who = WHO.get()
        told = {name: _short(value) for name, value in about.items() if value not in (None, "")}
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "who": who.name, "team": who.team}
        try:
            said = json.dumps({**line, "what": what, **told}, ensure_ascii=False, default=str)
            self._append(printed(said, terminal=False))
        except OSError as error:
            logging.getLogger(__name__).error("the audit log cannot be written: %s", error)

    def emit(self, record: logging.LogRecord) -> None:
        """Record a query."""
        investigation = getattr(record, "investigation", "")
        self.say("query", investigation=investigation, sql=record.msg, parameters=getattr(record, "parameters", {}))

    def _append(self, line: str) -> None:
        with self._writing:
            file = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                data = f"{line}\n".encode()
                if (wrote := os.write(file, data)) < len(data):  # disk full: remove the partial line
                    os.ftruncate(file, os.fstat(file).st_size - wrote)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if os.fstat(file).st_size > MOST_BYTES:
                    self._turn_over(file)
            finally:
                os.close(file)

    def _turn_over(self, file: int) -> None:
        """Rotate the file, in one process while the other writers wait for the lock."""
        fcntl.flock(file, fcntl.LOCK_EX)
        if self._file.exists() and os.path.samestat(os.fstat(file), self._file.stat()):
            self._file.replace(self._file.with_name("audit.1.jsonl"))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_short(held) for held in value[:200]]
    return without_secrets(value)[:LONGEST] if isinstance(value, str) else value
