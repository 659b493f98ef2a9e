"""Serializes checkpoints as JSON, so that reading a file cannot execute code.

LangGraph's default serializer stores the name of a class or function with a value, and calls it when reading.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Self

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Interrupt
from pydantic import ValidationError

from tsg_agent.errors import RecordError
from tsg_agent.sqlite_files import BUSY_S

SCHEMA = 2
"""Version of the state: increased when a node reads it differently. A run resumes only from the same version."""
KIND = f"tsg-json-{SCHEMA}"
"""Type tag of each value in the file; another tag means another program wrote it."""
_QUESTION = "__interrupt__"
_UNREADABLE = (sqlite3.Error, ValidationError, LookupError, TypeError, ValueError, AttributeError, RecursionError)


class PlainData:
    """Serializes JSON, and the only other type in a state: an interrupt, a question that waits for its answer."""

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The value as JSON. Raises TypeError if it is no plain data."""
        return KIND, json.dumps(obj, default=_written).encode("ascii")

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value. Raises RecordError for another serialization, and ValueError for broken JSON."""
        kind, held = data
        if kind != KIND:
            raise RecordError(
                "The checkpoint was written by another version, or changed by something else.",
                fix="Run the investigation again: `tsg-agent run`.",
            )
        return json.loads(held, object_hook=_read)


class Checkpoints(AsyncSqliteSaver):
    """A saver with uncancellable writes: one cancelled between insert and commit would leave the file locked.

    If the file is not writable (disk full), further checkpoints are kept in memory, and the run continues.
    """

    @classmethod
    @asynccontextmanager
    async def of(cls, file: Path) -> AsyncIterator[Self]:
        """A saver over a file. Closing it waits for pending writes."""
        async with AsyncExitStack() as held:
            opened = await held.enter_async_context(AsyncSqliteSaver.from_conn_string(str(file)))
            saver = cls(opened.conn, serde=PlainData())
            saver._held = held
            async with saver.conn.execute(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}"):
                pass
            try:
                yield saver
            finally:
                await asyncio.gather(*saver._writing, return_exceptions=True)

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._writing: set[asyncio.Task[Any]] = set()
        self._leaving = asyncio.Lock()
        self._held = AsyncExitStack()
        self.lost = ""
        """Why the file is not writable; "" if it is."""

    async def setup(self) -> None:
        """See AsyncSqliteSaver.setup."""
        await self._somewhere(super().setup)

    async def aput(self, *given: Any, **named: Any) -> Any:
        """See BaseCheckpointSaver.aput."""
        return await self._whole(lambda: super(Checkpoints, self).aput(*given, **named))

    async def aput_writes(self, *given: Any, **named: Any) -> None:
        """See BaseCheckpointSaver.aput_writes."""
        await self._whole(lambda: super(Checkpoints, self).aput_writes(*given, **named))

    async def _whole(self, write: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        task = asyncio.create_task(self._somewhere(write))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return await asyncio.shield(task)

    async def _somewhere(self, write: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        try:
            return await write()
        except sqlite3.Error as error:
            await self._leave(error)
        return await write()

    async def _leave(self, error: sqlite3.Error) -> None:
        """Switch to memory, with the file's checkpoints. Raises sqlite3.Error if the file is not readable either."""
        async with self._leaving, self.lock:
            if self.lost:
                return
            await self.conn.rollback()
            memory = await self._held.enter_async_context(AsyncSqliteSaver.from_conn_string(":memory:"))
            if self.is_setup:  # else nothing was written yet, and the file may be unreadable
                await self.conn.backup(memory.conn)
            self.conn, self.lost = memory.conn, str(error)


@contextmanager
def readable(identity: str) -> Iterator[None]:
    """Translate errors of reading a checkpoint into RecordError."""
    try:
        yield
    except _UNREADABLE as error:
        raise RecordError(
            f"The checkpoint of investigation {identity} cannot be read: {type(error).__name__}.",
            fix="Run it again: `tsg-agent run`.",
        ) from error


def _written(value: Any) -> Any:
    if isinstance(value, Interrupt):
        return {_QUESTION: [value.value, value.id]}
    if isinstance(value, date):
        return value.isoformat()  # an answer to a question can be a time
    if isinstance(value, BaseException):
        return repr(value)  # a step's error, for debugging
    raise TypeError(f"{type(value).__name__} is no plain data: a state is JSON.")


def _read(value: dict[str, Any]) -> Any:
    if value.keys() != {_QUESTION}:
        return value
    said, identity = value[_QUESTION]
    return Interrupt(value=said, id=str(identity))
