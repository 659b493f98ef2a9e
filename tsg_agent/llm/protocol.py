"""The model behind two small protocols: one answer to a prompt, and an agent's next turn."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


@dataclass(frozen=True)
class ModelMessage:
    """One turn of a conversation with a model."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True)
class ModelAnswer:
    """What a model wrote, and what that cost."""

    text: str
    input_tokens: int
    output_tokens: int
    milliseconds: float = 0.0


@dataclass(frozen=True)
class AnswerSchema:
    """A JSON Schema that an answer must keep to."""

    name: str
    schema: dict[str, Any]


class LanguageModel(Protocol):
    """A language model. One call is one request: retries and budgets are its caller's."""

    @property
    def name(self) -> str:
        """As the endpoint knows it."""
        ...

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """The next turn; JSON that keeps to `schema` where one is given, as far as the endpoint can promise it.

        Raises TransientModelError where the same request may work again, else ModelError.
        """
        ...


@dataclass(frozen=True)
class AgentTurn:
    """What a model that has tools says next: a text, calls of tools, or both."""

    text: str
    calls: tuple[dict[str, Any], ...] = ()
    """Of each: name, args, id."""
    input_tokens: int = 0
    output_tokens: int = 0


class Turns(Protocol):
    """Where an agent's turns come from."""

    async def next(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        live: Callable[[], Awaitable[AgentTurn]],
    ) -> AgentTurn:
        """The turn after `messages`; `live` asks the endpoint. Raises ModelError."""
        ...


class LiveTurns:
    """Turns from the endpoint."""

    async def next(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        live: Callable[[], Awaitable[AgentTurn]],
    ) -> AgentTurn:
        """See Turns.next."""
        return await live()
