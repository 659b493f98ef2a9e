"""Two protocols for models: one answer to a prompt, and an agent's next turn."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias


@dataclass(frozen=True)
class ModelMessage:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ModelAnswer:
    """A model's answer, and its cost."""

    text: str
    input_tokens: int
    output_tokens: int
    milliseconds: float = 0.0


@dataclass(frozen=True)
class AnswerSchema:
    """The JSON Schema of an answer."""

    name: str
    schema: dict[str, Any]


class LanguageModel(Protocol):
    """A language model. One call is one request: retries and budgets are up to the caller."""

    @property
    def name(self) -> str:
        """The endpoint's name of the model."""
        ...

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """The model's answer; JSON that conforms to `schema`, if given, as far as the endpoint supports it.

        Raises TransientModelError if a retry may succeed, else ModelError.
        """
        ...


@dataclass(frozen=True)
class AgentTurn:
    """An agent's next turn: a text, tool calls, or both."""

    text: str
    calls: tuple[dict[str, Any], ...] = ()
    """Tool calls, each with name, args, id."""
    input_tokens: int = 0
    output_tokens: int = 0


Messages: TypeAlias = Sequence[Mapping[str, Any]]
"""A conversation in the endpoint's JSON."""
ToolSchemas: TypeAlias = Sequence[Mapping[str, Any]]
"""Tools in the endpoint's JSON."""
LiveTurn: TypeAlias = Callable[[], Awaitable[AgentTurn]]
"""Asks the endpoint."""


class Turns(Protocol):
    """The source of an agent's turns."""

    async def next(self, messages: Messages, tools: ToolSchemas, live: LiveTurn) -> AgentTurn:
        """The turn after `messages`; `live` asks the endpoint. Raises ModelError."""
        ...


class LiveTurns:
    """Turns from the endpoint."""

    async def next(self, messages: Messages, tools: ToolSchemas, live: LiveTurn) -> AgentTurn:
        """See Turns.next."""
        return await live()
