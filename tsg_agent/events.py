"""What happened in each investigation: one append-only log in SQLite, which every surface reads."""

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
"""Of an event: raised where the meaning of a kind or of its data changes."""
STATES = ("queued", "began", "asked", "answered", "concluded", "failed", "interrupted", "cancelled")
"""Kinds of events that change what state an investigation is in."""
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
"""What is written, and taken back, to see whether the log takes an event."""
MOST = 1000
"""Events of an investigation that are read at once."""
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
        """Its JSON, made once for all who read it."""
        return self.model_dump_json()


class Tells(Protocol):
    """Where events go to stay."""

    def __call__(self, kind: str, /, **data: Any) -> None:
        """One event: what happened, and plain JSON about it."""
        ...


def silent(_kind: str, /, **_data: Any) -> None:
    """For who writes nothing down."""


class EventLog:
    """The log of a state directory. Safe for several threads and processes."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def append(self, identity: str, kind: str, data: dict[str, Any]) -> Event:
        """Write one event down, and give it as it stands there.

        Raises OSError, sqlite3.Error, and TypeError for what is no plain JSON.
        """
        bound = {"investigation": identity, "kind": kind, "schema": SCHEMA, "data": _plain(data)}
        with connected(owned(self._file)) as connection:
            _make(connection)
            (row,) = connection.execute(_APPEND, bound).fetchall()
        return _event(*row)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """While much is written: whoever closes the file last tidies it up, which takes longer than a hundred events.

        Raises OSError, sqlite3.Error.
        """
        with closing(sqlite3.connect(owned(self._file), check_same_thread=False)) as connection:
            connection.execute("SELECT 1 FROM sqlite_schema").fetchall()
            yield

    def after(self, identity: str, sequence: int = 0) -> list[Event]:
        """The events behind a number, in order, at most MOST; none where none is known. Raises RecordError."""
        return self.news({identity: sequence})[identity]

    def news(self, held: Mapping[str, int]) -> dict[str, list[Event]]:
        """As `after`, of each of these investigations behind its number."""
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
        """The last event of an investigation that changed its state; "" where nothing can be read."""
        return self.states(identity).get(identity, "")

    def states(self, identity: str | None = None) -> dict[str, str]:
        """The last event of each investigation, or of this, that changed its state; none where nothing can be read."""
        if not self._file.exists():
            return {}
        marks = ", ".join("?" for _ in STATES)
        last = f"SELECT investigation, kind, max(sequence) FROM events WHERE kind IN ({marks})"  # noqa: S608 - marks
        of, bound = ("", STATES) if identity is None else (" AND investigation = ?", (*STATES, identity))
        try:
            with connected(self._file) as connection:
                return {one: kind for one, kind, _ in connection.execute(f"{last}{of} GROUP BY investigation", bound)}
        except sqlite3.Error:
            return {}  # a list must show what else is known

    def forget(self, identities: Iterable[str]) -> None:
        """Take away all about these investigations. Raises sqlite3.Error."""
        if self._file.exists():
            with connected(self._file) as connection:
                _make(connection)
                connection.executemany("DELETE FROM events WHERE investigation = ?", [(one,) for one in identities])


class UnkeptLog:
    """The log of one investigation that is not kept: its events go to those who hear them, and nowhere else."""

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
