"""PostgreSQL: read-only sessions over a pool of connections. Grants are the boundary (docs/engines.md)."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import pyarrow as pa
from psycopg import capabilities
from psycopg import errors as failures
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from tsg_agent.errors import QueryError, TelemetryError
from tsg_agent.telemetry.postgres_dialect import written
from tsg_agent.telemetry.remote import OPENING, Remote, ServerRelation, parts_of

CONNECTIONS = 16
"""Pool size: more than an investigation's concurrent queries, so none waits for a connection."""
REACH_S = 10
"""Connection timeout in seconds."""
GRACE_S = 5.0
"""Seconds after a query's timeout in which the server must have cancelled it; then the connection is closed."""
BATCH = 10_000
SECRETS = ("password", "sslpassword", "passfile")
TYPES = {
    "bool": ("boolean", pa.bool_()),
    "int2": ("integer", pa.int64()),
    "int4": ("integer", pa.int64()),
    "int8": ("integer", pa.int64()),
    "float4": ("number", pa.float64()),
    "float8": ("number", pa.float64()),
    "numeric": ("decimal", pa.float64()),
    "timestamp": ("timestamp", pa.timestamp("us")),
    "timestamptz": ("timestamptz", pa.timestamp("us")),
    "date": ("date", pa.date32()),
    # Cast to text, CHAR(n) loses the blanks that fill it.
    **dict.fromkeys(("uuid", "bpchar", "enum"), ("uuid", pa.string())),
    **dict.fromkeys(("text", "varchar", "name", "unknown"), ("text", pa.string())),
}
"""The server's type -> its name in ServerRelation.types, and Arrow's type in results."""
PLACE = "CAST(tableoid AS VARCHAR) || CAST(ctid AS VARCHAR)"
"""A row's id if requests have none. A random id would be volatile: PostgreSQL then materializes the table first, and
misestimates its number of rows."""
KINDS = """
    SELECT oid, CASE typtype WHEN 'e' THEN 'enum' ELSE typname END FROM pg_type WHERE typtype IN ('b', 'e')
"""
RELATION = """
    SELECT n.nspname, c.relname, has_schema_privilege(n.oid, 'USAGE'),
        c.relkind IN ('r', 'm', 'p') AND has_table_privilege(c.oid, 'SELECT'),
        array_agg(a.attname ORDER BY a.attnum),
        array_agg(CASE coalesce(b.typtype, t.typtype) WHEN 'e' THEN 'enum' ELSE coalesce(b.typname, t.typname) END
            ORDER BY a.attnum),
        array_agg(has_column_privilege(c.oid, a.attnum, 'SELECT') ORDER BY a.attnum)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_type b ON b.oid = t.typbasetype
    WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND c.relname = $1::text AND n.nspname = ANY($2::text[])
        AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%'
    GROUP BY n.oid, n.nspname, c.oid, c.relname
    ORDER BY array_position($2::text[], n.nspname::text)
    LIMIT 1
"""


class PostgreSQL(Remote):
    """A database of PostgreSQL, 13 or newer."""

    def __init__(self, url: str, *, mapping: str | Path | None = None) -> None:
        """`url`: postgresql://user@host:port/database?sslmode=…; the PG* variables are its defaults.

        Raises TelemetryError.
        """
        _without_secrets(url)
        try:
            parts = conninfo_to_dict(url)
        except psycopg.Error as error:
            fix = "Write it as postgresql://USER@HOST:PORT/DATABASE (docs/engines.md)."
            raise TelemetryError(f"The telemetry's URL is none of PostgreSQL's: {_said(error)}", fix=fix) from None
        super().__init__(f"postgresql://{parts.get('host', '')}/{parts.get('dbname', '')}", mapping)
        self._url = url
        self._options: dict[str, Any] = {
            "autocommit": True,
            "cursor_factory": psycopg.RawCursor,
            "connect_timeout": REACH_S,
            "application_name": "tsg-agent",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            **_encryption(parts),
        }
        self._kinds: dict[int, str] = {}
        self._path: list[str] = []
        self._reach()
        self._pool = ConnectionPool(
            url,
            kwargs=self._options,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=REACH_S,
            reconnect_timeout=REACH_S,
            configure=_read_only,
            check=_alive,
            open=True,
        )
        self._open()

    _written = staticmethod(written)

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _reach(self) -> None:
        """Connect once without the pool, whose errors give no reason, and read the server's types."""
        try:
            with psycopg.connect(self._url, **self._options) as connection:
                names = connection.execute(KINDS).fetchall()
                self._kinds = {int(oid): str(name) for oid, name in names}
                ((self._path,),) = connection.execute("SELECT current_schemas(false)::text[]").fetchall()
        except psycopg.Error as error:
            raise TelemetryError(
                f"{self.place} cannot be reached: {_said(error)}",
                fix="Look at the host, the port and the account in the URL, and at PGPASSWORD, PGPASSFILE, "
                "PGSSLMODE and PGSSLROOTCERT in the environment (docs/engines.md).",
            ) from None

    def _relation(self, name: str) -> ServerRelation | None:
        parts = parts_of(name, "postgres", 2)
        spaces = list(parts[:-1]) or self._path
        rows = self._rows(RELATION, [parts[-1], spaces])
        if not rows and parts != (lower := tuple(part.lower() for part in parts)):
            rows = self._rows(RELATION, [lower[-1], list(lower[:-1]) or self._path])
        if not rows:
            return None
        space, table, usable, placed, columns, types, readable = rows[0]
        may = [place for place, allowed in enumerate(readable) if allowed]
        if not usable or not may:
            return ServerRelation(
                (space, table),
                problem="the account may not read it.",
                fix=f'Grant it: GRANT USAGE ON SCHEMA "{space}" TO …; GRANT SELECT ON "{space}"."{table}" TO …;',
            )
        found = ServerRelation((space, table), {columns[at]: TYPES.get(types[at], (types[at], None))[0] for at in may})
        return replace(found, row_id=PLACE) if placed else found

    def _types(self, sql: str) -> dict[str, str]:
        with self._cursor(OPENING) as cursor:
            cursor.execute(sql, binary=True)
            return {
                column.name: TYPES.get(name := self._kinds.get(column.type_code, "another type"), (name, None))[0]
                for column in cursor.description or ()
            }

    def _rows(self, sql: str, values: list[Any]) -> list[Any]:
        with self._cursor(OPENING) as cursor:
            rows: list[Any] = cursor.execute(sql, values, binary=True).fetchall()
            return rows

    def _select(self, sql: str, values: list[tuple[str, object]], timeout: float) -> pa.Table:
        given = [value for _, value in values]
        with self._cursor(timeout) as cursor:
            # Binary results use the extended protocol, which takes one statement only. They are fetched in batches: the
            # whole result would be held twice.
            rows = cursor.stream(sql, given, binary=True, size=BATCH if capabilities.has_stream_chunked() else 1)
            schema, batches = None, []
            while some := list(islice(rows, BATCH)):
                schema = schema or self._schema(cursor)
                columns = [
                    pa.array(map(_plain, column) if kind in _MADE else column, kind)
                    for column, kind in zip(zip(*some, strict=True), schema.types, strict=True)
                ]
                batches.append(pa.record_batch(columns, schema=schema))
            if schema is None:  # without a row, the columns are not known yet
                cursor.execute(f"SELECT * FROM ({sql}) AS none LIMIT 0", given, binary=True)  # noqa: S608 - the same
                schema = self._schema(cursor)
            return pa.Table.from_batches(batches, schema=schema)

    def _schema(self, cursor: psycopg.Cursor[Any]) -> pa.Schema:
        """The columns of a result."""
        kinds = [(one.name, self._kinds.get(one.type_code, "")) for one in cursor.description or ()]
        return pa.schema([(name, TYPES.get(kind, ("", pa.string()))[1]) for name, kind in kinds])

    @contextmanager
    def _cursor(self, timeout: float) -> Iterator[psycopg.Cursor[Any]]:
        """A cursor in a read-only transaction with a server-side timeout. Translates psycopg's errors into ours."""
        end = time.monotonic() + timeout
        try:
            with (
                self._pool.connection(timeout=min(REACH_S, timeout)) as connection,
                self._working(connection),
                _cut(connection, timeout + GRACE_S) as cut,
                connection.transaction(),
                connection.cursor() as cursor,
            ):
                limit = str(max(1, round((end - time.monotonic()) * 1000)))
                cursor.execute("SELECT set_config('statement_timeout', $1, true)", [limit])
                try:
                    yield cursor
                except failures.QueryCanceled:
                    raise self._over(connection, timeout) from None
                except psycopg.OperationalError:
                    if cut.is_set():
                        raise self._over(connection, timeout) from None
                    raise
        except psycopg.Error as error:
            raise self._failed(error) from None

    def _cancel(self, running: object) -> None:
        assert isinstance(running, psycopg.Connection)  # noqa: S101 - set by _cursor
        with suppress(psycopg.Error):
            running.cancel_safe(timeout=GRACE_S)

    def _failed(self, error: psycopg.Error) -> TelemetryError:
        said, state = _said(error), error.sqlstate or ""
        if isinstance(error, failures.QueryCanceled):
            return self._over(None, 0)
        if isinstance(error, failures.InsufficientPrivilege):
            return self._refused("denied", said)
        if isinstance(error, failures.UndefinedTable | failures.UndefinedColumn | failures.InvalidSchemaName):
            return self._refused("changed", said)
        if isinstance(error, PoolTimeout):
            said = f"no connection within {REACH_S} s"
        gone = isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and not state
        if gone or state[:2] in {"08", "57", "53", "40"}:
            return self._refused("silent", said)
        return QueryError(f"PostgreSQL refused the query: {said} ({state or type(error).__name__}).")


_MADE = (pa.float64(), pa.timestamp("us"), pa.string())


def _plain(value: Any) -> Any:
    """A value for Arrow: times with a zone become naive UTC, decimals floats, other types strings."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _read_only(connection: "psycopg.Connection[Any]") -> None:
    connection.read_only = True
    settings = {"TimeZone": "UTC", "search_path": "", "jit": "off"}  # compiling a query takes longer than running it
    connection.execute(f"SELECT {', '.join(f'set_config({name!r}, {to!r}, false)' for name, to in settings.items())}")


def _alive(connection: "psycopg.Connection[Any]") -> None:
    """Check a pooled connection before it is reused; raises if the server does not answer in time."""
    with _cut(connection, REACH_S):
        ConnectionPool.check_connection(connection)


@contextmanager
def _cut(connection: "psycopg.Connection[Any]", seconds: float) -> Iterator[threading.Event]:
    """Close a connection after `seconds`: the server should have cancelled the query, so it is unreachable."""
    cut = threading.Event()

    def shut() -> None:
        cut.set()
        with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(connection.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    watch = threading.Timer(seconds, shut)
    watch.daemon = True
    watch.start()
    try:
        yield cut
    finally:
        watch.cancel()


def _encryption(parts: dict[str, Any]) -> dict[str, str]:
    """Require TLS for remote hosts unless sslmode is set: libpq's default falls back to plain text."""
    host = str(parts.get("host") or parts.get("hostaddr") or os.environ.get("PGHOST", ""))
    here = not host or host.startswith("/") or host == "localhost" or host.startswith("127.") or host == "::1"
    said = here or "sslmode" in parts or "PGSSLMODE" in os.environ or "service" in parts
    return {} if said else {"sslmode": "require"}


def _without_secrets(url: str) -> None:
    """Raises TelemetryError for a URL with a password: URLs are written into reports and recordings."""
    try:
        split = urlsplit(url)
        found = split.password is not None or any(name in SECRETS for name in parse_qs(split.query))
    except ValueError:
        found = "@" in url
    if found:
        raise TelemetryError(
            "The URL of the telemetry holds a password, and is shown in reports.",
            fix="Leave it out, and set PGPASSWORD, or PGPASSFILE to a file of passwords.",
        )


def _said(error: psycopg.Error) -> str:
    """The server's error message on one line, without the query."""
    told = error.diag.message_primary or str(error)
    return " ".join(told.split())[:300].rstrip(".")
