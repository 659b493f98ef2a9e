"""ClickHouse: read-only queries over its HTTP interface, by clickhouse-connect."""

import os
import re
import threading
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Any
from urllib.parse import parse_qs, urlsplit

import clickhouse_connect
import pyarrow as pa
from clickhouse_connect.driver.exceptions import ClickHouseError

from tsg_agent.errors import QueryError, TelemetryError, TransientTelemetryError
from tsg_agent.telemetry.clickhouse_dialect import MARK, TIME, written
from tsg_agent.telemetry.remote import OPENING, Remote, ServerRelation, naive, parts_of

REACH_S = 10
GRACE_S = 5
"""Seconds after a query's timeout in which the server must have cancelled it; then the connection is dropped."""
SETTINGS = {
    "join_use_nulls": 1,
    "group_by_use_nulls": 1,
    "prefer_column_name_to_alias": 1,
    "count_distinct_implementation": "uniqExact",
    "session_timezone": "UTC",
}
"""Settings that make ClickHouse follow standard SQL."""
KILL = "KILL QUERY WHERE query LIKE {id:String} ASYNC"
_CODE = re.compile(r"code:?\s*(\d+)", re.IGNORECASE)
GONE = {"209", "210", "279", "425", "202"}
"""Error codes of network failures and overloaded servers: worth a retry."""


class ClickHouse(Remote):
    """A database of ClickHouse, 24.12 or newer."""

    def __init__(self, url: str, *, mapping: str | Path | None = None) -> None:
        """`url`: clickhouse://user@host:8443/database?secure=true, or chdb://memory for the library in this process.

        The password is CLICKHOUSE_PASSWORD. Raises TelemetryError.
        """
        split = urlsplit(url)
        if split.password is not None or "password" in parse_qs(split.query):
            raise TelemetryError(
                "The URL of the telemetry holds a password, and is shown in reports.",
                fix="Leave it out, and set CLICKHOUSE_PASSWORD.",
            )
        super().__init__(f"{split.scheme}://{split.hostname or ''}{split.path}", mapping)
        self._url = url
        self._database = split.path.strip("/") or "default"
        self._idle: LifoQueue[Any] = LifoQueue()
        self._read_only: dict[str, Any] = {}
        self._reach()
        self._open()

    _written = staticmethod(written)

    def close(self) -> None:
        """Close the connections."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _client(self) -> Any:
        with suppress(Empty):
            return self._idle.get_nowait()
        if self._url.startswith("chdb://"):
            return clickhouse_connect.get_client(dsn=self._url)
        return clickhouse_connect.get_client(
            dsn=self._url,
            password=os.environ.get("CLICKHOUSE_PASSWORD", ""),
            secure=self._url.startswith("clickhouses://"),
            connect_timeout=REACH_S,
            autogenerate_session_id=False,
            ca_cert=os.environ.get("CLICKHOUSE_CA_CERT"),
        )

    def _reach(self) -> None:
        try:
            client = self._client()
            held = client.query("SELECT toString(getSetting('readonly')), currentDatabase()").result_rows[0]
        except (ClickHouseError, OSError) as error:
            raise TelemetryError(
                f"{self.place} cannot be reached: {_said(error)}",
                fix="Look at the host, the port and the account in the URL, and at CLICKHOUSE_PASSWORD.",
            ) from None
        self._idle.put(client)
        self._database = held[1]
        # Settings belong to the connection; after readonly the server refuses any further one.
        self._read_only = {"readonly": 2} if held[0] == "0" and not self._url.startswith("chdb://") else {}

    def _relation(self, name: str) -> ServerRelation | None:
        parts = parts_of(name, "clickhouse", 2)
        space = parts[-2] if len(parts) > 1 else self._database
        sql = f"""
            SELECT name, type FROM system.columns WHERE database = {MARK.format("p1")} AND table = {MARK.format("p2")}
            ORDER BY position
        """  # noqa: S608 - placeholders of parameters
        rows = self._select(sql, [("database", space), ("table", parts[-1])], OPENING).to_pylist()
        return ServerRelation((space, parts[-1]), {row["name"]: _kind(row["type"]) for row in rows}) if rows else None

    def _types(self, sql: str) -> dict[str, str]:
        rows = self._asked(f"DESCRIBE ({sql})", {}, OPENING).to_pylist()
        return {row["name"]: _kind(row["type"]) for row in rows}

    def _select(self, sql: str, values: list[tuple[str, object]], timeout: float) -> pa.Table:
        bound: dict[str, object] = {}
        for number, (_, value) in enumerate(values, 1):
            name = f"p{number}"
            bound[name] = value
            sql = sql.replace(MARK.format(name), f"{{{name}:{_type(value)}}}")
        found = naive(self._asked(sql, bound, timeout))
        # `one.*` names a column "one.name" if another table has a column of the same name.
        return found.rename_columns([name.rpartition(".")[2] for name in found.column_names])

    def _asked(self, sql: str, bound: dict[str, object], timeout: float) -> pa.Table:
        try:
            client = self._client()
        except (ClickHouseError, OSError) as error:
            raise self._failed(error, "", timeout) from None
        running = str(uuid.uuid4())
        settings = {**SETTINGS, "max_execution_time": timeout, **self._read_only}
        named = f"/* tsg-agent {running} */ {sql}"
        try:
            with self._working(running):
                try:
                    found = client.query_arrow(named, parameters=bound, settings=settings)
                except (ClickHouseError, OSError) as error:
                    raise self._failed(error, running, timeout) from None
        except TransientTelemetryError:
            client.close()
            raise
        except BaseException:
            self._idle.put(client)
            raise
        self._idle.put(client)
        return found

    def _cancel(self, running: object) -> None:
        def kill() -> None:
            with suppress(ClickHouseError, OSError, TelemetryError):
                client = self._client()
                client.command(KILL, parameters={"id": f"/* tsg-agent {running} */%"})
                self._idle.put(client)

        killing = threading.Thread(target=kill, daemon=True)
        killing.start()
        killing.join(GRACE_S)

    def _failed(self, error: Exception, running: str, timeout: float) -> TelemetryError:
        match = _CODE.search(str(error))
        code, said = match[1] if match else "", _said(error)
        if code in {"159", "394"}:
            return self._over(running, timeout)
        if code in {"497", "516"}:
            return self._refused("denied", said)
        if code in {"60", "47", "81"}:
            return self._refused("changed", said)
        if code in GONE or not code:
            return self._refused("silent", said)
        return QueryError(f"ClickHouse refused the query: {said} ({code}).")


def _kind(name: str) -> str:
    """A ClickHouse type as ServerRelation.types names it. All but booleans are then cast, which makes them nullable."""
    bare = re.sub(r"\b(Nullable|LowCardinality|SimpleAggregateFunction)\(|\)$", "", name)
    for kind, found in (
        ("uuid", r"String|FixedString|Enum|UUID|IPv"), ("decimal", r"U?Int\d+|Decimal"), ("number", "Float|BFloat"),
        ("boolean", "Bool"), ("date", "DateTime|Date"), ("null", "Nothing"),
    ):  # fmt: skip
        if re.match(found, bare):
            return kind
    return name


def _type(value: object) -> str:
    """The ClickHouse type of a parameter's value."""
    kinds = {bool: "Bool", int: "Int64", float: "Float64", str: "String", datetime: TIME}
    kind = next((name for one, name in kinds.items() if isinstance(value, one)), None)
    if value is not None and kind is None:
        raise QueryError(f"A parameter is a {type(value).__name__}, which ClickHouse is not sent.")
    return kind or "Nullable(String)"


def _said(error: Exception) -> str:
    """The server's error message on one line, without the query."""
    told = re.sub(r"\(for url [^)]*\)|While executing.*|In scope.*|Stack trace.*", "", " ".join(str(error).split()))
    return told[:300].rstrip(". ")
