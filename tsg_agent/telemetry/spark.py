"""Spark, by its Connect client: lakehouse tables of a cluster. Only queries that we parsed run there."""

import os
import re
import socket
import threading
import uuid
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql.connect.session import SparkSession

from tsg_agent.errors import QueryError, TelemetryError, TransientTelemetryError
from tsg_agent.telemetry.remote import OPENING, Relation, Remote, naive, parts_of
from tsg_agent.telemetry.spark_dialect import written

REACH_S = 10
TOKEN = "SPARK_CONNECT_TOKEN"  # noqa: S105 - the variable's name
KINDS = {
    "string": "text", "double": "number", "float": "number", "boolean": "boolean", "void": "null",
    **dict.fromkeys(("tinyint", "smallint", "int", "bigint"), "integer"),
    **dict.fromkeys(("timestamp", "timestamp_ntz", "date"), "date"),
}  # fmt: skip
"""Its types as Relation has them: times are cast, and the session's zone is UTC."""


class Spark(Remote):
    """A cluster behind a Spark Connect server, 4.0 or newer."""

    def __init__(self, url: str, *, mapping: str | Path | None = None) -> None:
        """`url`: sc://host:15002/;use_ssl=true. A token is SPARK_CONNECT_TOKEN. Raises TelemetryError."""
        if re.search(r"[;?&](token|password)=", url, re.IGNORECASE):
            raise TelemetryError(
                "The URL of the telemetry holds a token, and is shown in reports.",
                fix=f"Leave it out, and set {TOKEN}.",
            )
        split = urlsplit(url)
        self._host, self._port = split.hostname or "localhost", split.port or 15002
        super().__init__(f"sc://{self._host}:{self._port}", mapping)
        self._reach()
        token = os.environ.get(TOKEN)
        remote = f"{url if '/;' in url else url.rstrip('/') + '/'}{f';token={token}' if token else ''}"
        try:
            self._session = SparkSession.builder.remote(remote).create()
            self._session.conf.set("spark.sql.session.timeZone", "UTC")
            self._open()
        except (PySparkException, grpc.RpcError) as error:
            raise TelemetryError(
                f"{self.place} cannot be used: {_said(error)}", fix=f"Look at the URL, and at {TOKEN}."
            ) from None

    _written = staticmethod(written)

    def close(self) -> None:
        """End the session at the server."""
        with suppress(PySparkException, grpc.RpcError):
            self._session.stop()

    def _reach(self) -> None:
        """The client tries a closed port again for minutes: look first."""
        try:
            socket.create_connection((self._host, self._port), REACH_S).close()
        except OSError as error:
            raise TransientTelemetryError(
                f"{self.place} cannot be reached: {error.strerror or error}.",
                fix="Look at the host and the port in the URL, and whether the Connect server runs.",
            ) from None

    def _relation(self, name: str) -> Relation | None:
        parts = parts_of(name, "spark", 3)
        quoted = ".".join(f"`{part.replace('`', '``')}`" for part in parts)
        try:
            schema = self._session.table(quoted).schema
        except PySparkException as error:
            said = str(error)
            if "NOT_FOUND" in said or "CANNOT_FIND" in said:
                return None
            if "PERMISSION" in said or "INSUFFICIENT" in said:
                return Relation(parts, problem="the account may not read it.", fix=f"GRANT SELECT ON {quoted} TO …")
            raise
        return Relation(parts, {field.name: _kind(field.dataType.simpleString()) for field in schema.fields})

    def _types(self, sql: str) -> dict[str, str]:
        try:
            fields = self._session.sql(sql).schema.fields
        except (PySparkException, grpc.RpcError) as error:
            raise self._failed(error, None, OPENING) from None
        return {field.name: _kind(field.dataType.simpleString()) for field in fields}

    def _select(self, sql: str, values: list[tuple[str, object]], timeout: float) -> pa.Table:
        bound: dict[str, Any] = {}
        for number, (_, value) in enumerate(values, 1):
            bound[f"p{number}"] = str(value) if isinstance(value, datetime) else value
            if isinstance(value, datetime):
                sql = re.sub(rf":p{number}\b", f"CAST(:p{number} AS TIMESTAMP_NTZ)", sql)
        self._reach()
        running = f"tsg-agent-{uuid.uuid4()}"
        # It has no limit of time for a statement: ours interrupts it there.
        watch = threading.Timer(timeout, self._cancel, [running])
        watch.daemon = True
        with self._working(running):
            self._session.addTag(running)
            watch.start()
            try:
                return naive(self._session.sql(sql, args=bound).toArrow())
            except (PySparkException, grpc.RpcError) as error:
                raise self._failed(error, running, timeout) from None
            finally:
                watch.cancel()
                self._session.removeTag(running)

    def _cancel(self, running: object) -> None:
        with suppress(PySparkException, grpc.RpcError):
            self._session.interruptTag(str(running))

    def _failed(self, error: Exception, running: object, timeout: float) -> TelemetryError:
        said = _said(error)
        if "OPERATION_CANCELED" in str(error) or "CANCELLED" in str(error):
            return self._over(running, timeout)
        if "NOT_FOUND" in said or "UNRESOLVED_COLUMN" in said:
            return QueryError(
                f"The source has changed since it was opened: {said}.",
                fix="`tsg-agent doctor --telemetry URL` shows what is there now.",
            )
        if "PERMISSION" in said or "INSUFFICIENT" in said:
            return QueryError(f"The account may not do this: {said}.", fix="Grant it SELECT (docs/engines.md).")
        if "UNAVAILABLE" in str(error) or "SESSION_CLOSED" in str(error) or isinstance(error, grpc.RpcError):
            return TransientTelemetryError(f"{self.place} did not answer: {said}.", fix="Run it again when it is up.")
        return QueryError(f"Spark refused the query: {said}.")


def _kind(name: str) -> str:
    return "decimal" if name.startswith("decimal") else KINDS.get(name, name)


def _said(error: Exception) -> str:
    """What the server says in a line, without its stack."""
    told = str(error).split("\n\nJVM stacktrace")[0].split("== SQL")[0]
    return " ".join(told.split())[:300].rstrip(". ")
