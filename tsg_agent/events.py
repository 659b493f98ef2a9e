"""The event log of investigations: append-only, in SQLite, read by every interface."""

import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from pydantic import AwareDatetime, Field

from tsg_agent.errors import RecordError
from tsg_agent.models import Model
from tsg_agent.sqlite_files import connected, owned

SCHEMA = 1
"""Version of events: increased when the meaning of a kind or of its data changes."""
STATES = ("queued", "began", "asked", "answered", "concluded", "failed", "interrupted", "cancelled")
"""Kinds of events that change an investigation's state."""
_TABLE = (
    "CREATE TABLE IF NOT EXISTS events (investigation TEXT NOT NULL, sequence INTEGER NOT NULL, at TEXT NOT NULL,"
    " kind TEXT NOT NULL, schema_version INTEGER NOT NULL, data TEXT NOT NULL,"
    " PRIMARY KEY (investigation, sequence)) WITHOUT ROWID",
    "CREATE TRIGGER IF NOT EXISTS append_only BEFORE UPDATE ON events"
    " BEGIN SELECT RAISE(ABORT, 'events are only appended'); END",
)
_APPEND = (
    "INSERT INTO events SELECT :investigation, coalesce(max(sequence), 0) + 1,"
    " strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), :kind, :schema, :data FROM events WHERE investigation = :investigation"
    " RETURNING sequence, at, kind, schema_version, data"
)
TRIAL = {_APPEND: {"investigation": "", "kind": "", "schema": SCHEMA, "data": ""}}
"""Statements that are rolled back, to test that the log is writable."""
MOST = 1000
"""Most events per read."""
_READ = (
    "SELECT sequence, at, kind, schema_version, data FROM events WHERE investigation = ? AND sequence > ?"
    " ORDER BY sequence LIMIT ?"
)


class Event(Model):
    """One thing that happened. `sequence` counts from 1 in each investigation, without a gap."""

    sequence: int
    at: AwareDatetime
    kind: str = Field(
        description="queued, began, understood, asked, answered, check began, check ended, drafted, concluded, failed, "
        "interrupted, cancelled or feedback; of a server also question or resolved"
    )
    schema_version: int = SCHEMA
    data: dict[str, Any] = Field(default_factory=dict)

    @cached_property
    def text(self) -> str:
        """The event's JSON, cached for all readers."""
        return self.model_dump_json()


class Tells(Protocol):
    """A sink of events."""

    def __call__(self, kind: str, /, **data: Any) -> None:
        """Record one event: its kind, and plain JSON data."""
        ...


def silent(_kind: str, /, **_data: Any) -> None:
    """A sink that discards events."""


class EventLog:
    """The log of a state directory. Safe for concurrent threads and processes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, identity: str, kind: str, data: dict[str, Any]) -> Event:
        """Append one event, and return it as stored.

        Raises OSError, sqlite3.Error, and TypeError for data that is no plain JSON.
        """
        bound = {"investigation": identity, "kind": kind, "schema": SCHEMA, "data": _plain(data)}
        with connected(owned(self._file)) as connection:
            _make(connection)
            (row,) = connection.execute(_APPEND, bound).fetchall()
        return _event(*row)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep a connection open during many writes: closing the last one checkpoints the WAL, slower than 100 events.

        Raises OSError, sqlite3.Error.
        """
        with closing(sqlite3.connect(owned(self._file), check_same_thread=False)) as connection:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
            yield

    def after(self, identity: str, sequence: int = 0) -> list[Event]:
        """The events after a sequence number, in order, at most MOST. Raises RecordError."""
        return self.news({identity: sequence})[identity]

    def news(self, held: Mapping[str, int]) -> dict[str, list[Event]]:
        """Like `after` for several investigations: id -> events after its sequence number."""
        if not self._file.exists():
            return {identity: [] for identity in held}
        try:
            with connected(self._file) as connection:
                rows = {one: connection.execute(_READ, (one, number, MOST)).fetchall() for one, number in held.items()}
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return {identity: [] for identity in held}
            raise _unreadable(self._file, error) from error
        except sqlite3.Error as error:
            raise _unreadable(self._file, error) from error
        return {identity: [_event(*row) for row in some] for identity, some in rows.items()}

    def state(self, identity: str) -> str:
        """Kind of an investigation's last state change; "" if nothing is readable."""
        return self.states(identity).get(identity, "")

    def states(self, identity: str | None = None) -> dict[str, str]:
        """Id -> kind of the last state change, of all investigations or of one; empty if nothing is readable."""
        if not self._file.exists():
            return {}
        marks = ", ".join("?" for _ in STATES)
        last = f"SELECT investigation, kind, max(sequence) FROM events WHERE kind IN ({marks})"  # noqa: S608 - marks
        of, bound = ("", STATES) if identity is None else (" AND investigation = ?", (*STATES, identity))
        try:
            with connected(self._file) as connection:
                return {one: kind for one, kind, _ in connection.execute(f"{last}{of} GROUP BY investigation", bound)}
        except sqlite3.Error:
            return {}  # an unreadable log must not hide the list

    def forget(self, identities: Iterable[str]) -> None:
        """Delete all events of these investigations. Raises sqlite3.Error."""
        if self._file.exists():
            with connected(self._file) as connection:
                _make(connection)
                connection.executemany("DELETE FROM events WHERE investigation = ?", [(one,) for one in identities])


class UnkeptLog:
    """The log of an investigation that is not stored: events go to listeners only."""

    def __init__(self) -> None:
        self._sequence = itertools.count(1)

    def append(self, _identity: str, kind: str, data: dict[str, Any]) -> Event:
        """See EventLog.append."""
        return _event(next(self._sequence), datetime.now(UTC).isoformat(), kind, SCHEMA, _plain(data))


def _plain(data: dict[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def _make(connection: sqlite3.Connection) -> None:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'append_only'").fetchone():
        for statement in _TABLE:
            connection.execute(statement)


def _event(sequence: int, at: str, kind: str, schema: int, data: str) -> Event:
    if schema > SCHEMA:
        raise RecordError(
            f"Event {sequence} was written by a newer tsg-agent (schema {schema}; this one reads {SCHEMA}).",
            fix="Read it with that version.",
        )
    return Event.model_validate(
        {"sequence": sequence, "at": at, "kind": kind, "schema_version": schema, "data": json.loads(data)}
    )


def _unreadable(file: Path, error: sqlite3.Error) -> RecordError:
    return RecordError(
        f"The event log {file} cannot be read: {error}.", fix="The next run keeps a damaged one aside and begins anew."
    )
