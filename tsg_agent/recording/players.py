"""An engine and a model that keep what they are asked, and those that answer it again, to exact matches only."""

import hashlib
import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from tsg_agent.errors import (
    ModelError,
    QueryError,
    QueryTimeout,
    TelemetryError,
    TransientModelError,
    TransientTelemetryError,
)
from tsg_agent.llm import Answer, Message, Schema
from tsg_agent.llm import Model as LanguageModel
from tsg_agent.recording.file import RecordedCall, RecordedQuery, Recording
from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.duckdb import PARAMETER
from tsg_agent.telemetry.engine import Engine

_ERRORS = {error.__name__: error for error in (QueryError, QueryTimeout, TransientTelemetryError, TelemetryError)}


class RecordingEngine:
    """An engine that keeps each query with its result."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: dict[str, RecordedQuery] = {}
        self.results: dict[str, pa.Table] = {}

    @property
    def queries(self) -> list[RecordedQuery]:
        """What was asked, in an order that does not depend on threads."""
        return sorted(self._held.values(), key=lambda query: query.key)

    @property
    def tables(self) -> dict[str, SourceTable]:
        """See Engine.tables."""
        return self._engine.tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        key, bound = query_key(sql, parameters)
        began = time.perf_counter()
        held = RecordedQuery(key=key, sql=sql, parameters=bound)
        try:
            result = self._engine.run(sql, parameters, timeout=timeout)
        except TelemetryError as error:
            self._keep(held.model_copy(update={"error": type(error).__name__, "message": error.message}), None)
            raise
        took = round((time.perf_counter() - began) * 1000, 1)
        self._keep(held.model_copy(update={"file": f"results/{key}.arrow", "milliseconds": took}), result)
        return result

    def close(self) -> None:
        """Close the engine behind it."""
        self._engine.close()

    def _keep(self, query: RecordedQuery, result: pa.Table | None) -> None:
        with self._lock:
            self._held[query.key] = query  # the last try counts: a transient error was followed by a result
            if result is not None:
                self.results[query.file] = result


class ReplayEngine:
    """An engine that knows the recorded queries only."""

    def __init__(self, held: Recording, results: dict[str, pa.Table]) -> None:
        self._queries = {query.key: query for query in held.queries}
        self._results = results
        self._tables = {name: _source(table) for name, table in held.tables.items()}
        self.missed: list[str] = []

    @property
    def tables(self) -> dict[str, SourceTable]:
        """See Engine.tables."""
        return self._tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """The recorded result. See Engine.run."""
        key, _ = query_key(sql, parameters)
        query = self._queries.get(key)
        if query is None:
            self.missed.append(f"the query “{' '.join(sql.split())[:120]}…”")
            raise QueryError("The recording has no result for this query.")
        if query.error:
            raise _ERRORS.get(query.error, QueryError)(query.message)
        return self._results[query.file]

    def close(self) -> None:
        """Nothing is open."""


class RecordingModel:
    """A model that keeps each request with its answer."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._lock = threading.Lock()
        self.calls: list[RecordedCall] = []

    @property
    def name(self) -> str:
        """See Model.name."""
        return self._model.name

    def complete(self, messages: Sequence[Message], *, schema: Schema | None = None) -> Answer:
        """See Model.complete."""
        held = RecordedCall(
            key=call_key(messages, schema),
            messages=[{"role": message.role, "content": message.content} for message in messages],
            format=schema.name if schema else "",
        )
        try:
            answer = self._model.complete(messages, schema=schema)
        except ModelError as error:
            known = {"error": error.message, "kind": error.kind, "transient": isinstance(error, TransientModelError)}
            self._keep(held.model_copy(update=known))
            raise
        self._keep(held.model_copy(update=asdict(answer)))
        return answer

    def _keep(self, call: RecordedCall) -> None:
        with self._lock:
            self.calls.append(call)


class ReplayModel:
    """A model that knows the recorded requests only; one that was made twice is answered in order."""

    def __init__(self, held: Recording) -> None:
        self._name = str(held.settings["model"]["name"])
        self._calls: dict[str, list[RecordedCall]] = {}
        for call in held.calls:
            self._calls.setdefault(call.key, []).append(call)
        self.missed: list[str] = []

    @property
    def name(self) -> str:
        """See Model.name."""
        return self._name

    def complete(self, messages: Sequence[Message], *, schema: Schema | None = None) -> Answer:
        """The recorded answer. See Model.complete."""
        left = self._calls.get(call_key(messages, schema))
        if not left:
            self.missed.append(f"the prompt “{' '.join(messages[0].content.split())[:120]}…”")
            raise ModelError("The recording has no answer to this prompt.", kind="not recorded")
        call = left.pop(0)
        if call.error:
            kind = TransientModelError if call.transient else ModelError
            raise kind(call.error, kind=call.kind)
        return Answer(call.text, call.input_tokens, call.output_tokens, call.milliseconds)


def query_key(sql: str, parameters: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
    """What a query is recognised by, and the parameters that it names."""
    named = {name: parameters[name] for name in sorted(set(PARAMETER.findall(sql))) if name in parameters}
    bound = json.loads(json.dumps(named, default=str))
    return _digest({"sql": sql, "parameters": bound}), bound


def call_key(messages: Sequence[Message], schema: Schema | None) -> str:
    """What a request to a model is recognised by: every word of it, and the shape of the answer."""
    said = [[message.role, message.content] for message in messages]
    return _digest({"messages": said, "schema": schema.schema if schema else None})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def kept_table(table: SourceTable) -> dict[str, Any]:
    """What a recording keeps of a source's table."""
    return {
        "location": table.location,
        "present": sorted(table.present),
        "empty": sorted(table.empty),
        "name": table.name,
    }


def _source(held: dict[str, Any]) -> SourceTable:
    return SourceTable(held["name"], held["location"], frozenset(held["present"]), frozenset(held["empty"]))
