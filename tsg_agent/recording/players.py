"""Recording wrappers of an engine and a model, and replaying ones, which answer exact matches only."""

import hashlib
import json
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import PurePath
from typing import Any

import pyarrow as pa

from tsg_agent.errors import ModelError, QueryError, TelemetryError, TransientModelError
from tsg_agent.llm import AnswerSchema, LanguageModel, ModelAnswer, ModelMessage
from tsg_agent.llm.protocol import AgentTurn, LiveTurn, LiveTurns, Messages, ToolSchemas, Turns
from tsg_agent.recording.archive import result_file
from tsg_agent.recording.file import (
    QUERY_ERRORS,
    RecordedCall,
    RecordedQuery,
    RecordedTable,
    RecordedToolCall,
    Recording,
)
from tsg_agent.telemetry.bound_names import parameters_in
from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.codes import spelled_out
from tsg_agent.telemetry.engine import Cancellable, Distrusting, Engine


class RecordingEngine:
    """An engine that records each query with its result, and reuses the result if the query is repeated."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._held: dict[str, RecordedQuery] = {}
        self.results: dict[str, pa.Table] = {}

    @property
    def queries(self) -> list[RecordedQuery]:
        """The recorded queries, in an order that does not depend on threads."""
        return sorted(self._held.values(), key=lambda query: query.key)

    @property
    def tables(self) -> dict[str, SourceTable]:
        """See Engine.tables."""
        return self._engine.tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        return self._recorded(sql, parameters, partial(self._engine.run, sql, parameters, timeout=timeout))

    def run_apart(self, sql: str, *, timeout: float, most: int) -> pa.Table:
        """See Distrusting.run_apart."""
        if not isinstance(self._engine, Distrusting):
            return self.run(sql, {}, timeout=timeout)
        return self._recorded(sql, {}, partial(self._engine.run_apart, sql, timeout=timeout, most=most))

    def _recorded(self, sql: str, parameters: Mapping[str, object], run: Callable[[], pa.Table]) -> pa.Table:
        key, bound = query_key(sql, parameters)
        file = result_file(key)
        with self._lock:
            known = self.results.get(file)
        if known is not None:
            return known  # reuse, as the replay will: parallel means differ in their last digits
        began = time.perf_counter()
        ended = partial(RecordedQuery, key=key, sql=sql, parameters=bound)
        try:
            result = spelled_out(run())  # files hold plain texts
        except TelemetryError as error:
            self._keep(ended(error=type(error).__name__, message=error.message))
            raise
        took = round((time.perf_counter() - began) * 1000, 1)
        with self._lock:
            first = self.results.setdefault(file, result)
        self._keep(ended(file=file, milliseconds=took))
        return first

    def cancel(self, threads: Collection[int]) -> None:
        """See Cancellable.cancel."""
        if isinstance(self._engine, Cancellable):
            self._engine.cancel(threads)

    def close(self) -> None:
        """Close the engine behind it."""
        self._engine.close()

    def _keep(self, query: RecordedQuery) -> None:
        with self._lock:
            if not (query.error and query.key in self._held and self._held[query.key].file):
                self._held[query.key] = query  # not transient errors: the retry's result counts


class ReplayEngine:
    """An engine that answers recorded queries only."""

    def __init__(self, held: Recording, results: dict[str, pa.Table], missed: list[str] | None = None) -> None:
        """`missed` collects misses in order; shared with the replayed model."""
        self._queries = {query.key: query for query in held.queries}
        self._results = results
        self._tables = {name: _source(table) for name, table in held.tables.items()}
        self.missed = [] if missed is None else missed

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
            raise QUERY_ERRORS[query.error](query.message)
        return self._results[query.file]

    def close(self) -> None:
        """Nothing is open."""


class _Kept:
    """Collects requests to a model with their answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.calls: list[RecordedCall] = []

    def _keep(self, call: RecordedCall, **more: Any) -> None:
        with self._lock:
            self.calls.append(call.model_copy(update=more))

    def _failed(self, call: RecordedCall, error: ModelError) -> None:
        transient = isinstance(error, TransientModelError)
        self._keep(call, error=error.message, kind=error.kind, transient=transient)


class RecordingModel(_Kept):
    """A model that records each request with its answer."""

    def __init__(self, model: LanguageModel) -> None:
        super().__init__()
        self._model = model

    @property
    def name(self) -> str:
        """See Model.name."""
        return self._model.name

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """See Model.complete."""
        held = RecordedCall(
            key=call_key(messages, schema),
            messages=[{"role": message.role, "content": message.content} for message in messages],
            format=schema.name if schema else "",
        )
        try:
            answer = self._model.complete(messages, schema=schema)
        except ModelError as error:
            self._failed(held, error)
            raise
        self._keep(held, **asdict(answer))
        return answer


class RecordingTurns(_Kept):
    """Records each turn of an agent with the messages before it."""

    def __init__(self, turns: Turns | None = None) -> None:
        super().__init__()
        self._turns = turns or LiveTurns()

    async def next(self, messages: Messages, tools: ToolSchemas, live: LiveTurn) -> AgentTurn:
        """See Turns.next."""
        said = [dict(message) for message in messages]
        held = RecordedCall(key=turn_key(messages, tools), messages=said, format="tools")
        began = time.perf_counter()
        try:
            turn = await self._turns.next(messages, tools, live)
        except ModelError as error:
            self._failed(held, error)
            raise
        spent = {"input_tokens": turn.input_tokens, "output_tokens": turn.output_tokens}
        took = round((time.perf_counter() - began) * 1000, 1)
        self._keep(
            held,
            text=turn.text,
            tool_calls=[RecordedToolCall.model_validate(call) for call in turn.calls],
            milliseconds=took,
            **spent,
        )
        return turn


class _Known:
    """The recorded requests; repeated ones are answered in order."""

    def __init__(self, held: Recording, missed: list[str] | None = None) -> None:
        self._calls: dict[str, list[RecordedCall]] = {}
        for call in held.calls:
            self._calls.setdefault(call.key, []).append(call)
        self.missed = [] if missed is None else missed

    def _take(self, key: str, last: str) -> RecordedCall:
        """The recorded call. Raises the recorded error, or ModelError for a miss."""
        left = self._calls.get(key)
        if not left:
            self.missed.append(f"the prompt “{' '.join(last.split())[:120]}…”")
            raise ModelError("The recording has no answer to this prompt.", kind="not recorded")
        call = left.pop(0)
        if call.error:
            kind = TransientModelError if call.transient else ModelError
            raise kind(call.error, kind=call.kind)
        return call


class ReplayModel(_Known):
    """A model that answers recorded requests only."""

    def __init__(self, held: Recording, missed: list[str] | None = None, *, name: str = "") -> None:
        super().__init__(held, missed)
        self._name = name

    @property
    def name(self) -> str:
        """See Model.name."""
        return self._name

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """The recorded answer. See Model.complete."""
        call = self._take(call_key(messages, schema), messages[0].content)
        return ModelAnswer(call.text, call.input_tokens, call.output_tokens, call.milliseconds)


class ReplayTurns(_Known):
    """Recorded turns, without an endpoint."""

    async def next(self, messages: Messages, tools: ToolSchemas, live: LiveTurn) -> AgentTurn:
        """See Turns.next."""
        call = self._take(turn_key(messages, tools), str(messages[0]["content"]))
        return AgentTurn(
            call.text, tuple(call.model_dump() for call in call.tool_calls), call.input_tokens, call.output_tokens
        )


def query_key(sql: str, parameters: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
    """The key of a query, and the parameters that it names."""
    named = {name: parameters[name] for name in sorted(parameters_in(sql)) if name in parameters}
    bound = json.loads(json.dumps(named, default=str))
    return _digest({"sql": sql, "parameters": bound}), bound


def call_key(messages: Sequence[ModelMessage], schema: AnswerSchema | None) -> str:
    """The key of a request to a model: a hash of all messages and the answer's schema."""
    said = [[message.role, message.content] for message in messages]
    return _digest({"messages": said, "schema": schema.schema if schema else None})


def turn_key(messages: Sequence[Mapping[str, Any]], tools: Sequence[Mapping[str, Any]]) -> str:
    """The key of a request for an agent's next turn: a hash of all messages and the tools' descriptions."""
    return _digest({"messages": list(messages), "tools": list(tools)})


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:32]


def kept_table(table: SourceTable) -> RecordedTable:
    """A source's table for a recording: with its files' names, but not their folders."""
    return RecordedTable(
        location=", ".join(PurePath(part).name for part in table.location.split(", ")),
        present=sorted(table.present),
        empty=sorted(table.empty),
        name=table.name,
        problem=table.problem,
        notes=list(table.notes),
        readings=list(table.readings),
        unreadable=table.unreadable,
        at_server=table.at_server,
    )


def _source(held: RecordedTable) -> SourceTable:
    return SourceTable(
        held.name,
        held.location,
        frozenset(held.present),
        frozenset(held.empty),
        held.problem,
        tuple(held.notes),
        tuple(held.readings),
        held.unreadable,
        held.at_server,
    )
