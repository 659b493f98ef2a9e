"""Wrappers that trace each query of an engine and each call of a model as a span."""

from collections.abc import Collection, Mapping, Sequence

import pyarrow as pa

from tsg_agent.llm import AnswerSchema, LanguageModel, ModelAnswer, ModelMessage
from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.engine import Caching, Cancellable, Engine
from tsg_agent.tracing import span


class TracedEngine:
    """An engine with a span around each query."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @property
    def tables(self) -> dict[str, SourceTable]:
        """See Engine.tables."""
        return self._engine.tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        with span("query") as current:
            table = self._engine.run(sql, parameters, timeout=timeout)
            if current is not None:
                current.set_attribute("db.response.returned_rows", table.num_rows)
            return table

    def cancel(self, threads: Collection[int]) -> None:
        """See Cancellable.cancel."""
        if isinstance(self._engine, Cancellable):
            self._engine.cancel(threads)

    def release(self) -> None:
        """See Caching.release."""
        if isinstance(self._engine, Caching):
            self._engine.release()

    def close(self) -> None:
        """See Engine.close."""
        self._engine.close()


class TracedModel:
    """A model with a span around each call."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """See Model.name."""
        return self._model.name

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """See Model.complete."""
        with span("model") as current:
            answer = self._model.complete(messages, schema=schema)
            if current is not None:
                current.set_attribute("gen_ai.request.model", self._model.name)
                current.set_attribute("gen_ai.usage.input_tokens", answer.input_tokens)
                current.set_attribute("gen_ai.usage.output_tokens", answer.output_tokens)
            return answer
