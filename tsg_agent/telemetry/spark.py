"""Spark over its Connect client: tables of a catalog. It has no read-only sessions: the parser is the boundary."""

import re
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import grpc
import pyarrow as pa

from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError
from tsg_agent.telemetry.remote import OPENING, Remote, ServerRelation, naive, parts_of
from tsg_agent.telemetry.spark_dialect import written

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)  # only Arrow is used
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger
    from pyspark.sql.connect.client import DefaultChannelBuilder
    from pyspark.sql.connect.session import SparkSession
    from pyspark.sql.types import StructType

GRACE_S = 5.0
"""Seconds after a query's timeout in which the server must have cancelled it; then the connection is dropped."""
LOOK_S = 0.1
"""Seconds between two checks for a cancellation, and between two interrupts."""
TOKEN = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105 - the variable's name, which the client reads
SCHEMA = "schema"
SECRETS = ("token", "password")
SETTINGS = {"spark.sql.session.timeZone": "UTC", "spark.sql.ansi.enabled": "true"}
"""ANSI settings: an overflow is an error, not a wrong number."""
KINDS = {
    "string": "text", "char": "text", "varchar": "text", "double": "number", "float": "number", "boolean": "boolean",
    "decimal": "decimal", "void": "null", "timestamp": "timestamp", "timestamp_ntz": "timestamp", "date": "date",
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
}  # fmt: skip
"""Spark's type -> its name in ServerRelation.types. Both kinds of times are UTC, as the session's zone is."""
ABSENT = {"42P01", "42704", "42P08", "42K05", "42703"}
"""SQLSTATEs of a missing table, schema, catalog (reported as a schema) or column."""
DENIED = "42501"
ENDED = "HY008"
T = TypeVar("T")
_DETAILS = re.compile(r'^\s*details = "(.*)"$', re.MULTILINE)
"""The message in gRPC's description of a failed connection."""

PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True  # it logs the server's stack trace of each error


class Spark(Remote):
    """A cluster behind a Spark Connect server, 4.0 or newer."""

    def __init__(self, url: str, *, mapping: str | Path | None = None) -> None:
        """`url`: sc://host:15002/;use_ssl=true;schema=catalog.schema. A token is SPARK_CONNECT_AUTHENTICATE_TOKEN.

        Raises TelemetryError.
        """
        split = urlsplit(url)
        given = [part for part in split.path.lstrip("/").split(";") if part]
        if split.password is not None or any(part.partition("=")[0].lower() in SECRETS for part in given):
            raise TelemetryError(
                "The URL of the telemetry holds a token, and is shown in reports.",
                fix=f"Leave it out, and set {TOKEN}.",
            )
        super().__init__(f"sc://{split.netloc}", mapping)
        schema = next((part.partition("=")[2] for part in given if part.startswith(f"{SCHEMA}=")), "")
        self._space = parts_of(schema, "spark", 2) if schema else ()
        parameters = ";".join(part for part in given if not part.startswith(f"{SCHEMA}="))
        self._url = f"sc://{split.netloc}/" + (f";{parameters}" if parameters else "")
        self._session: Any = None
        self._connecting = threading.Lock()
        try:
            self._asked(lambda session: session.version, OPENING)
        except TelemetryError as error:
            self.close()
            raise TelemetryError(
                f"{self.place} cannot be reached: {error.message}",
                fix=f"Look at the host and the port in the URL, at {TOKEN}, and whether the Connect server runs.",
            ) from None
        self._open()

    _written = staticmethod(written)

    def close(self) -> None:
        """Close the session at the server."""
        if self._session is not None:
            with suppress(TelemetryError):
                self._asked(lambda session: session.client.release_session(), GRACE_S)
            self._give_up(self._session)

    def _connected(self) -> Any:
        """The session; a new one if it was lost."""
        with self._connecting:
            if self._session is None:
                builder = DefaultChannelBuilder(self._url)
                builder.set("user_agent", "tsg-agent")
                session = SparkSession.builder.channelBuilder(builder).create()
                session.client.set_retry_policies([])  # its own retries take minutes; the caller retries
                session.client.disable_reattachable_execute()  # so that closing the connection ends the query
                try:
                    for name, value in SETTINGS.items():
                        session.conf.set(name, value)
                except BaseException:
                    session.client.close()
                    raise
                self._session = session
            return self._session

    def _give_up(self, session: Any) -> None:
        """Close the connection, which ends its waiting calls."""
        if self._session is session:
            self._session = None
        if session is not None:
            session.client.close()

    def _relation(self, name: str) -> ServerRelation | None:
        parts = parts_of(name, "spark", 3)
        parts = (*self._space, *parts) if len(parts) == 1 else parts
        quoted = ".".join(f"`{part.replace('`', '``')}`" for part in parts)

        def look(session: Any) -> StructType | str | None:
            try:
                schema: StructType = session.table(quoted).schema
                return schema
            except PySparkException as error:
                if _state(error) == DENIED:
                    return _said(error)
                if _state(error) in ABSENT:
                    return None
                raise

        found = self._asked(look, OPENING)
        if isinstance(found, str):
            fix = f"Grant it: GRANT SELECT ON TABLE {quoted} TO …"
            return ServerRelation(parts, problem="the account may not read it.", fix=fix)
        return None if found is None else ServerRelation(parts, _types_of(found))

    def _types(self, sql: str) -> dict[str, str]:
        return self._asked(lambda session: _types_of(session.sql(sql).schema), OPENING)

    def _select(self, sql: str, values: list[tuple[str, object]], timeout: float) -> pa.Table:
        bound = {f"p{number}": _bound(value) for number, (_, value) in enumerate(values, 1)}
        return self._asked(lambda session: naive(session.sql(sql, args=bound).toArrow()), timeout)

    def _asked(self, ask: Callable[[Any], T], timeout: float) -> T:
        """Call the server with a timeout, which Spark does not have itself. Raises what Engine.run raises.

        The call runs in its own thread, so that a slow query or an unreachable server does not block the caller.
        """
        running = f"tsg-agent-{uuid.uuid4()}"
        answer: Future[T] = Future()
        used: list[Any] = []

        def work() -> None:
            try:
                used.append(session := self._connected())
                session.addTag(running)
                answer.set_result(ask(session))
            except BaseException as error:
                answer.set_exception(error)

        end, given_up = time.monotonic() + timeout, time.monotonic() + timeout + GRACE_S
        ending: threading.Thread | None = None
        with self._working(running):
            threading.Thread(target=work, daemon=True).start()
            while not wait([answer], LOOK_S).done:
                now = time.monotonic()
                with self._lock:
                    is_ended = running in self._ended
                if is_ended:
                    given_up = min(given_up, now + GRACE_S)
                if now >= given_up:
                    break
                if ending is None and (is_ended or now >= end):
                    ending = threading.Thread(target=_interrupt, args=(used, running, answer), daemon=True)
                    ending.start()
            if not answer.done():
                for session in used:
                    self._give_up(session)
                raise QueryTimeout(
                    f"{self.place} did not answer within {timeout:g} s, nor did it say that it ended the query.",
                    fix="Look at whether it runs, and whether the network holds connections.",
                )
            error = answer.exception()
            if error is None:
                return answer.result()
            if ending is not None:
                raise self._over(running, timeout)
            if not isinstance(error, Exception):
                raise error
            raise self._failed(error, used)

    def _cancel(self, running: object) -> None:
        """Nothing to do: the waiting thread polls for the cancellation, and interrupts the query: see `_asked`."""

    def _failed(self, error: Exception, used: list[Any]) -> TelemetryError:
        said, state = _said(error), _state(error)
        if isinstance(error, TelemetryError):
            return error
        if state == ENDED:
            return QueryTimeout(
                "The query was cancelled at the server.", fix="Ask who looks after it, or run it again."
            )
        if state in ABSENT:
            return self._refused("changed", said)
        if state == DENIED:
            return self._refused("denied", said)
        if state is None or "INVALID_HANDLE" in said:
            for session in used:
                self._give_up(session)
            return self._refused("silent", said)
        return QueryError(f"Spark refused the query: {said} ({state}).")


def _interrupt(used: list[Any], running: str, answer: "Future[Any]") -> None:
    """Interrupt a query repeatedly until it ended: the server ignores interrupts before the query has started."""
    while not answer.done():
        with suppress(PySparkException, grpc.RpcError, ValueError):  # ValueError: the connection is closed
            for session in used:
                session.interruptTag(running)
        time.sleep(LOOK_S)


def _bound(value: object) -> Any:
    """A parameter as it is sent. A time is a text: it takes the type of the column it is compared with, which lets the
    tables' files be left out by their times."""
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value)
    if value is not None and not isinstance(value, bool | int | float | str):
        raise QueryError(f"A parameter is a {type(value).__name__}, which Spark is not sent.")
    return value


def _types_of(schema: StructType) -> dict[str, str]:
    names = {one.name: one.dataType.simpleString() for one in schema.fields}
    return {name: KINDS.get(kind.partition("(")[0], kind) for name, kind in names.items()}


def _state(error: Exception) -> str | None:
    """The SQLSTATE of a query's error; None for a failed connection."""
    state = error.getSqlState() if isinstance(error, PySparkException) else None
    return str(state) if state else None


def _said(error: Exception) -> str:
    """The server's error message on one line, without query plan and stack trace."""
    text = str(error).strip() or type(error).__name__
    failed = _DETAILS.search(text)
    told = failed[1] if failed else text.splitlines()[0].partition(" SQLSTATE:")[0]
    return told[:300].rstrip(". ")
