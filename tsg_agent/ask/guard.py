"""Middleware between agent and model: budget, retries, recording and redaction."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse, ToolCallRequest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langgraph.types import Command
from openai import OpenAIError
from pydantic import BaseModel

from tsg_agent.ask.listening import Listener
from tsg_agent.errors import ModelError, TransientModelError
from tsg_agent.llm.assistant import pause
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.client import typed
from tsg_agent.llm.deadline import late
from tsg_agent.llm.protocol import AgentTurn, ModelAnswer, ModelMessage, Turns
from tsg_agent.llm.redaction import Redactor
from tsg_agent.settings import ModelSettings

NODE = "ask"
M = TypeVar("M", bound=BaseMessage)


class Guard(AgentMiddleware[Any, Any, Any]):
    """Budgets and retries the model's calls; redacts its input, and restores redacted values in tool calls."""

    def __init__(
        self,
        budget: Budget,
        redactor: Redactor,
        settings: ModelSettings,
        *,
        turns: Turns,
        listener: Listener,
        pool: Executor,
    ) -> None:
        super().__init__()
        self._budget, self._redactor, self._settings = budget, redactor, settings
        self._turns, self._listener, self._pool = turns, listener, pool

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """One turn of the model, with retries for transient errors. It is not told of the checks' aliases.

        Raises ModelError.
        """
        shown = [one for one in request.tools if not getattr(one, "name", "").startswith(("plugin_", "check_"))]
        hidden = request.override(messages=[self._hide(message) for message in request.messages], tools=shown)
        system = str(request.system_message.content) if request.system_message else ""
        asked = [{"role": "system", "content": system}, *(_as_data(message) for message in hidden.messages)]
        tools = [_described(tool) for tool in shown]

        async def live() -> AgentTurn:
            seconds = max(0.0, min(self._settings.timeout, self._budget.left))
            try:
                async with asyncio.timeout(seconds):
                    return _turn(await handler(hidden))
            except TimeoutError:
                raise late(seconds) from None
            except OpenAIError as error:
                raise typed(error, self._settings) from None  # the client's own error shows headers, and the key
            except ValueError as error:  # a body, or a part of a stream, that is no JSON
                raise TransientModelError("The model's endpoint did not answer in JSON.", kind="not JSON") from error

        turn = await self._tried(asked, tools, live)
        message = AIMessage(turn.text, tool_calls=[{**call, "type": "tool_call"} for call in turn.calls])
        return ModelResponse(result=[_with_arguments(message, self._redactor.put_back)])

    async def awrap_tool_call(
        self,
        request: ToolCallRequest,
        handler: Callable[[ToolCallRequest], Awaitable[ToolMessage | Command[Any]]],
    ) -> ToolMessage | Command[Any]:
        """Run a tool in the pool: Ctrl-C can abandon it there, and one at a time keeps the ledger's ids in order."""
        self._listener.doing(request.tool_call["name"])
        tool = request.tool
        if tool is None:
            return await handler(request)
        loop = asyncio.get_running_loop()
        said: ToolMessage = await loop.run_in_executor(self._pool, tool.invoke, {**request.tool_call})
        return said

    async def _tried(
        self, asked: list[dict[str, Any]], tools: list[dict[str, Any]], live: Callable[[], Awaitable[AgentTurn]]
    ) -> AgentTurn:
        """A turn, with retries for transient errors. Every try counts against the budget."""
        sizes = [ModelMessage("user", str(message["content"])) for message in asked]
        for attempt in range(self._settings.retries + 1):
            began = self._budget.begin(NODE, sizes)
            turn: AgentTurn | None = None
            try:
                turn = await self._turns.next(asked, tools, live)
                return turn
            except TransientModelError as error:
                if attempt == self._settings.retries:
                    raise
                failed = error
            finally:
                spent = ModelAnswer("", turn.input_tokens, turn.output_tokens) if turn else None
                self._budget.end(NODE, began, spent)
            self._listener.draft("")
            self._listener.doing(f"the model is asked again: {failed.message}")
            await asyncio.sleep(self._budget.wait(pause(attempt, failed, self._settings)))
        raise AssertionError("unreachable: the last try returns or raises")

    def _hide(self, message: M) -> M:
        if isinstance(message.content, str):
            message = message.model_copy(update={"content": self._redactor.hide(message.content)})
        return _with_arguments(message, self._redactor.hide)


def _with_arguments(message: M, change: Callable[[str], str]) -> M:
    """The message with `change` applied to all texts in the arguments of its tool calls."""
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return message
    calls = [{**call, "args": _deep(call["args"], change)} for call in message.tool_calls]
    return message.model_copy(update={"tool_calls": calls})


def _turn(response: ModelResponse[Any]) -> AgentTurn:
    """The response as a turn. Raises ModelError if it was refused, cut off, empty or malformed."""
    message = response.result[0]
    if not isinstance(message, AIMessage):
        raise TransientModelError("The model's endpoint answered without a turn.", kind="not JSON")
    finish = message.response_metadata.get("finish_reason")
    if finish == "content_filter" or message.additional_kwargs.get("refusal"):
        raise ModelError("The model refused to answer.", kind="refused")
    if finish == "length":
        raise ModelError("The model's answer was cut off.", kind="cut off", fix="Raise TSG_MODEL__ANSWER_TOKENS.")
    if not finish:
        raise TransientModelError("The model's answer broke off.", kind="cut off")
    if message.invalid_tool_calls:
        raise TransientModelError("The model called a tool with arguments that are no JSON.", kind="not JSON")
    text = str(message.text).strip()
    if not text and not message.tool_calls:
        raise TransientModelError("The model's answer was empty.", kind="empty")
    used = message.usage_metadata
    calls = tuple({"name": call["name"], "args": call["args"], "id": call["id"]} for call in message.tool_calls)
    return AgentTurn(text, calls, used["input_tokens"] if used else 0, used["output_tokens"] if used else 0)


def _as_data(message: BaseMessage) -> dict[str, Any]:
    """A message as a recording keeps it."""
    said: dict[str, Any] = {"role": message.type, "content": str(message.text)}
    if isinstance(message, AIMessage) and message.tool_calls:
        said["calls"] = [{"name": call["name"], "args": call["args"], "id": call["id"]} for call in message.tool_calls]
    if isinstance(message, ToolMessage):
        said["answers"] = message.tool_call_id
    return said


def _described(tool: Any) -> dict[str, Any]:
    """A tool's name, description and arguments, as a recording keeps them."""
    return {"name": tool.name, "description": tool.description, "arguments": _arguments(tool.args_schema)}


@functools.cache
def _arguments(schema: type[BaseModel]) -> Any:
    return schema.model_json_schema()["properties"]


def _deep(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_deep(item, change) for item in value]
    return {key: _deep(item, change) for key, item in value.items()} if isinstance(value, dict) else value
