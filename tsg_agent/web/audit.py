"""Who asked what, and every query that ran for it: one line of JSON each, in a file that only its owner reads."""

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
"""Characters of one text in a line."""
MOST_BYTES = 100_000_000
"""Of the file; then it is kept as audit.1.jsonl, in the place of the one before."""


class Who(NamedTuple):
    """Who asks. `team` is None where no tokens are asked for: then whoever reaches the server reads all."""

    name: str
    team: str | None = None


_SERVER = Who("server")
WHO: ContextVar[Who] = ContextVar("tsg_who", default=_SERVER)


class Audit(logging.Handler):
    """The log. As a handler it hears of queries, in whatever thread they run."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._file = folder.expanduser() / "audit.jsonl"
        self._writing = threading.Lock()
        self.addFilter(WithInvestigation())

    def __enter__(self) -> "Audit":
        QUERIES.setLevel(logging.INFO)
        QUERIES.propagate = False  # the program's own log is no place for them
        QUERIES.addHandler(self)
        return self

    def __exit__(self, *_ended: object) -> None:
        QUERIES.removeHandler(self)
        QUERIES.setLevel(logging.NOTSET)
        QUERIES.propagate = True

    def say(self, what: str, **about: Any) -> None:
        """One line. What cannot be written is told to the log of the program: nobody is left without an answer."""
        who = WHO.get()
        told = {name: _short(value) for name, value in about.items() if value not in (None, "")}
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "who": who.name, "team": who.team}
        try:
            said = json.dumps({**line, "what": what, **told}, ensure_ascii=False, default=str)
            self._append(printed(said, terminal=False))
        except OSError as error:
            logging.getLogger(__name__).error("the audit log cannot be written: %s", error)

    def emit(self, record: logging.LogRecord) -> None:
        """A query."""
        investigation = getattr(record, "investigation", "")
        self.say("query", investigation=investigation, sql=record.msg, parameters=getattr(record, "parameters", {}))

    def _append(self, line: str) -> None:
        with self._writing:
            file = os.open(self._file, os.O_CREAT | os.O_APPEND | os.O_WRONLY | os.O_CLOEXEC, 0o600)
            try:
                data = f"{line}\n".encode()
                if (wrote := os.write(file, data)) < len(data):  # the disk is full: no half of a line stays
                    os.ftruncate(file, os.fstat(file).st_size - wrote)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if os.fstat(file).st_size > MOST_BYTES:
                    self._turn_over(file)
            finally:
                os.close(file)

    def _turn_over(self, file: int) -> None:
        """Begin anew: one of the processes that write does, while the others wait."""
        fcntl.flock(file, fcntl.LOCK_EX)
        if self._file.exists() and os.path.samestat(os.fstat(file), self._file.stat()):
            self._file.replace(self._file.with_name("audit.1.jsonl"))


def _short(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _short(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_short(held) for held in value[:200]]
    return without_secrets(value)[:LONGEST] if isinstance(value, str) else value
