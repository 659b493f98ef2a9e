"""What stands between an agent and its model: the budget before each call, and redaction on the way there."""

from collections.abc import Callable
from typing import Any

from langchain.agents.middleware import AgentMiddleware
from langchain.agents.middleware.types import ModelRequest, ModelResponse
from langchain_core.messages import AIMessage, BaseMessage

from tsg_agent.llm.budget import Budget
from tsg_agent.llm.protocol import Answer, Message
from tsg_agent.llm.redaction import Redactor


class Guard(AgentMiddleware[Any, Any, Any]):
    """Counts and limits calls, hides people and secrets, and puts them back into the calls of tools."""

    def __init__(self, budget: Budget, redactor: Redactor, node: str) -> None:
        super().__init__()
        self._budget, self._redactor, self._node = budget, redactor, node

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """One call of the model. Raises BudgetError where there may be no more."""
        hidden = [self._hide(message) for message in request.messages]
        system = str(request.system_message.content) if request.system_message else ""
        sizes = [Message("user", system), *(Message("user", str(message.content)) for message in hidden)]
        began = self._budget.begin(self._node, sizes)
        answer = None
        try:
            response = handler(request.override(messages=hidden))  # type: ignore[arg-type]
            answer = _counted(response)
        finally:
            self._budget.end(self._node, began, answer)
        response.result = [self._put_back(message) for message in response.result]
        return response

    def _hide(self, message: BaseMessage) -> BaseMessage:
        if isinstance(message.content, str):
            message = message.model_copy(update={"content": self._redactor.hide(message.content)})
        return _with_arguments(message, self._redactor.hide)

    def _put_back(self, message: BaseMessage) -> BaseMessage:
        return _with_arguments(message, self._redactor.put_back)


def _with_arguments(message: BaseMessage, change: Callable[[str], str]) -> BaseMessage:
    """The message with the texts in its tool calls changed: they go to the model again with the next call."""
    if not isinstance(message, AIMessage) or not message.tool_calls:
        return message
    calls = [{**call, "args": _deep(call["args"], change)} for call in message.tool_calls]
    return message.model_copy(update={"tool_calls": calls})


def _counted(response: ModelResponse[Any]) -> Answer:
    used = [message.usage_metadata for message in response.result if isinstance(message, AIMessage)]
    read = sum(one["input_tokens"] for one in used if one)
    wrote = sum(one["output_tokens"] for one in used if one)
    return Answer("", read, wrote)


def _deep(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_deep(item, change) for item in value]
    return {key: _deep(item, change) for key, item in value.items()} if isinstance(value, dict) else value
