"""SQLite files of the state directory: private to its owner; a damaged one is set aside and replaced."""

import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

BUSY_S = 30.0
"""Timeout in seconds for another process's write."""
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_OTHER_TABLES = {sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISMATCH}


def owned(file: Path) -> Path:
    """The file's path, created if necessary, in a folder that only the owner can write. Raises OSError."""
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not file.exists():
        _made(file)
    for path in (folder, file):
        held = path.stat()
        if hasattr(os, "geteuid") and held.st_uid != os.geteuid():
            raise PermissionError(f"{path} belongs to another user")
    if folder.stat().st_mode & 0o022:
        raise PermissionError(f"others may write to it; `chmod 700 {folder}`, or take another")
    file.chmod(0o600)  # a file of an earlier version
    return file


def _made(file: Path) -> None:
    """Create the file empty under a temporary name, then link it: closing the file itself would drop SQLite's locks."""
    part = file.with_name(f"{file.name}.{uuid4().hex}.part")
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600))
    try:
        os.link(part, file)
    except FileExistsError:
        pass  # another process was faster
    finally:
        part.unlink()


@contextmanager
def connected(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection for one transaction.

    Its writes survive a crash of the process at once, and of the machine after the next sync.
    """
    with closing(sqlite3.connect(file, timeout=BUSY_S)) as connection, connection:
        connection.execute("PRAGMA synchronous = NORMAL")
        yield connection


def mended(file: Path, trials: Mapping[str, Mapping[str, object]]) -> Path | None:
    """Replace a damaged file by a new one; returns the path of the set-aside file, None if it was intact.

    `trials`: INSERT statements with their parameters. Each is run and rolled back; a failure means a table of another
    origin. Checks the whole file: a damaged page in the middle does not show on opening. Raises OSError, sqlite3.Error.
    """
    try:
        with connected(owned(file)) as connection:
            _write_ahead(connection)
            connection.execute("CREATE TABLE IF NOT EXISTS kept (id TEXT)")  # the disk is full, or read-only
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
            connection.commit()
            if said == "ok" and all(_writes(connection, *trial) for trial in trials.items()):
                return None
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _DAMAGED:
            raise
    aside = file.with_name(f"{file.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{file.suffix}")
    for end in ("", "-wal", "-shm"):
        part = file.with_name(file.name + end)
        if part.exists():
            part.replace(aside.with_name(aside.name + end))
    owned(file)
    return aside


def _writes(connection: sqlite3.Connection, statement: str, bound: Mapping[str, object]) -> bool:
    """True if a row can be written (rolled back), or the table does not exist yet."""
    try:
        connection.execute(statement, bound)
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _OTHER_TABLES:
            raise
        return "no such table" in str(error)
    finally:
        connection.rollback()
    return True


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Enable WAL, for concurrent readers and a writer. Retries: it needs exclusive access, and SQLite does not wait."""
    last = time.monotonic() + BUSY_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(0.02)
