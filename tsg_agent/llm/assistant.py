"""The model client of the nodes: budget, retries, and redaction."""

import json
import re
import time
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from tsg_agent.errors import ModelError, TransientModelError
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.deadline import within
from tsg_agent.llm.protocol import AnswerSchema, LanguageModel, ModelAnswer, ModelMessage
from tsg_agent.llm.redaction import Redactor
from tsg_agent.settings import ModelSettings

M = TypeVar("M", bound=BaseModel)
FIRST_WAIT = 0.5
_UNREADABLE = (ValueError, ValidationError, RecursionError)
"""Errors of an answer that is no JSON, has another schema, or is nested too deep."""
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)


class Assistant:
    """Asks a model. Redactor and budget belong to one investigation."""

    def __init__(
        self,
        model: LanguageModel,
        settings: ModelSettings,
        *,
        budget: Budget | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.model = model
        self.settings = settings
        self.budget = budget or Budget(settings)
        self.redactor = redactor or Redactor(settings.redact)
        self._down = False  # all retries of the last call failed: the next call is not retried

    def text(self, node: str, messages: Sequence[ModelMessage]) -> str:
        """An answer as text. Raises ModelError."""
        return self.redactor.put_back(self._call(node, self._hidden(messages), None).text)

    def structured(self, node: str, messages: Sequence[ModelMessage], shape: type[M]) -> M:
        """An answer as a pydantic model; an invalid one is sent back once, with the reason. Raises ModelError."""
        schema = AnswerSchema(shape.__name__.lower(), strict_schema(shape))
        asked = self._hidden(messages)
        answer = self._call(node, asked, schema)
        try:
            return self._read(answer, shape)
        except _UNREADABLE as error:
            reason = _reason(error)
        again = [
            *asked,
            ModelMessage("assistant", answer.text[:2000]),
            ModelMessage("user", f"That could not be read: {reason}. Answer again, with the JSON object only."),
        ]
        try:
            return self._read(self._call(node, again, schema), shape)
        except _UNREADABLE as error:
            raise ModelError(f"The model's answer could not be read: {_reason(error)}.", kind="not JSON") from error

    def _hidden(self, messages: Sequence[ModelMessage]) -> list[ModelMessage]:
        return [ModelMessage(message.role, self.redactor.hide(message.content)) for message in messages]

    def _read(self, answer: ModelAnswer, shape: type[M]) -> M:
        block = _FENCED.search(answer.text)
        found = json.loads(block[1] if block else answer.text)
        return shape.model_validate(_put_back(found, self.redactor))

    def _call(self, node: str, messages: Sequence[ModelMessage], schema: AnswerSchema | None) -> ModelAnswer:
        """One answer, with retries for transient errors only."""
        tries = 1 if self._down else self.settings.retries + 1
        for attempt in range(tries):
            began = self.budget.begin(node, messages)
            answer = None
            try:
                answer = within(self.budget.left, lambda: self.model.complete(messages, schema=schema))
                self._down = False
                return answer
            except TransientModelError as error:
                if attempt == tries - 1:
                    self._down = True
                    raise
                wait = pause(attempt, error, self.settings)
            finally:
                self.budget.end(node, began, answer)
            time.sleep(self.budget.wait(wait))
        raise AssertionError("unreachable: the last try returns or raises")


def pause(attempt: int, error: TransientModelError, settings: ModelSettings) -> float:
    """Seconds to wait before the next retry: the server's Retry-After, else exponential backoff."""
    wait = FIRST_WAIT * 2**attempt if error.wait is None else error.wait
    return min(wait, settings.longest_wait)


def strict_schema(shape: type[BaseModel]) -> dict[str, Any]:
    """A model's JSON Schema for strict endpoints: closed objects, all fields required, no defaults."""
    schema: dict[str, Any] = _strict(shape.model_json_schema())
    return schema


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {key: _strict(value) for key, value in node.items() if key not in ("default", "title")}
    if isinstance(node.get("properties"), dict):
        kept["properties"] = {name: _strict(value) for name, value in node["properties"].items()}
        kept |= {"required": list(node["properties"]), "additionalProperties": False}
    return kept


def _put_back(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.put_back(value)
    if isinstance(value, list):
        return [_put_back(item, redactor) for item in value]
    return {key: _put_back(item, redactor) for key, item in value.items()} if isinstance(value, dict) else value


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc'])) or 'the object'}: {first['msg']}"
    return "it is not JSON"
