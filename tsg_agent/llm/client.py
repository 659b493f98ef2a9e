"""An OpenAI-compatible endpoint: OpenAI, or a local server that needs no key."""

import os
import re
import time
import weakref
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from tsg_agent.errors import ModelError, TransientModelError
from tsg_agent.llm.bounded import HOOKS
from tsg_agent.llm.deadline import late, within
from tsg_agent.llm.protocol import AnswerSchema, ModelAnswer, ModelMessage
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.settings import ModelSettings

if TYPE_CHECKING:
    import openai

TRANSIENT = frozenset({408, 409, 429})
NO_KEY = "none"
"""Placeholder key for servers without keys: the client requires one."""
_KINDS = {401: "unauthorised", 403: "forbidden", 404: "not found", 429: "rate limited"}
_FIXES = {
    401: "Set OPENAI_API_KEY, or TSG_MODEL__API_KEY.",
    404: "Check TSG_MODEL__NAME and OPENAI_BASE_URL.",
}


class OpenAIModel:
    """A chat model behind an OpenAI-compatible endpoint. Safe to call from several threads."""

    def __init__(self, settings: ModelSettings) -> None:
        self._settings = settings
        self._client: openai.OpenAI | None = None
        self._plain = False  # the endpoint refused a response format

    @property
    def name(self) -> str:
        """The endpoint's name of the model."""
        return self._settings.name

    def complete(self, messages: Sequence[ModelMessage], *, schema: AnswerSchema | None = None) -> ModelAnswer:
        """One request. See Model.complete."""
        client = self._connected()  # import before the clock starts
        began = time.perf_counter()
        try:
            asked = None if self._plain else schema
            reply = within(self._settings.timeout, lambda: self._reply(client, messages, asked))
        except TransientModelError as error:
            if error.kind == "timeout":
                self._hang_up()
            raise
        text = _text(reply)
        used = reply.usage
        read = used.prompt_tokens if used else estimated("".join(m.content for m in messages))
        wrote = used.completion_tokens if used else estimated(text)
        return ModelAnswer(text, read, wrote, (time.perf_counter() - began) * 1000)

    def _connected(self) -> "openai.OpenAI":
        import openai  # noqa: PLC0415 - takes half a second, and most commands need no model

        if self._client is None:
            http = openai.DefaultHttpxClient(event_hooks=HOOKS, timeout=self._settings.timeout)
            self._client = openai.OpenAI(**connection(self._settings), max_retries=0, http_client=http)
            weakref.finalize(self._client, http.close)
        return self._client

    def _reply(self, client: "openai.OpenAI", messages: Sequence[ModelMessage], schema: AnswerSchema | None) -> Any:
        import openai  # noqa: PLC0415 - takes half a second, and most commands need no model

        request: dict[str, Any] = {
            "model": self._settings.name,
            "messages": [{"role": m.role, "content": m.content} for m in messages],
            "max_completion_tokens": self._settings.answer_tokens,
        }
        if schema is not None:
            described = {"name": schema.name, "schema": schema.schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": described}
        try:
            return client.chat.completions.create(**request)
        except openai.BadRequestError as error:
            if schema is not None and "response_format" in str(error):
                self._plain = True  # without a response format: the prompt describes it, and the caller validates
                return self._reply(client, messages, None)
            self._failed(error)
        except openai.OpenAIError as error:
            self._failed(error)
        except ValueError as error:  # the body is no JSON
            raise TransientModelError("The model's endpoint did not answer in JSON.", kind="not JSON") from error

    def _hang_up(self) -> None:
        """Close the connection of a call that timed out: else its response would be read to the end."""
        client, self._client = self._client, None
        if client is not None:
            client.close()

    def _failed(self, error: "openai.OpenAIError") -> NoReturn:
        raise typed(error, self._settings) from None  # the client's own error may show headers, and with them the key


def connection(settings: ModelSettings) -> dict[str, Any]:
    """Connection arguments for the openai and langchain clients."""
    key = settings.api_key.get_secret_value() if settings.api_key else os.environ.get("OPENAI_API_KEY", "")
    base = settings.base_url or os.environ.get("OPENAI_BASE_URL") or None
    plain = {"Accept-Encoding": "gzip, deflate"}
    return {"api_key": key or NO_KEY, "base_url": base, "timeout": settings.timeout, "default_headers": plain}


def typed(error: Exception, settings: ModelSettings) -> ModelError:
    """Translate a client's error into ours, without secrets."""
    import openai  # noqa: PLC0415 - takes half a second, and most commands need no model

    said = without_secrets(str(getattr(error, "message", error)), connection(settings)["api_key"])[:300]
    if isinstance(error, openai.APITimeoutError):
        return late(settings.timeout)
    if isinstance(error, openai.APIConnectionError):
        fix = "Check OPENAI_BASE_URL."
        return TransientModelError(f"The model cannot be reached: {said}", kind="unreachable", fix=fix)
    if isinstance(error, openai.APIStatusError):
        status = error.status_code
        words = f"The model's endpoint answered {status}: {said}"
        if status in TRANSIENT or status >= 500:
            kind = _KINDS.get(status, f"answered {status}")
            return TransientModelError(words, kind=kind, wait=_wait(error.response.headers.get("retry-after")))
        return ModelError(words, kind=_KINDS.get(status, f"answered {status}"), fix=_FIXES.get(status, ""))
    if type(error) is openai.APIError:  # in the middle of a stream
        return TransientModelError(f"The model failed while it wrote: {said}", kind="cut off")
    return ModelError(f"The model failed: {said}", kind=type(error).__name__)


def _text(reply: Any) -> str:
    choices = getattr(reply, "choices", None)
    if not choices:
        raise TransientModelError("The model's endpoint answered without a choice.", kind="not JSON")
    choice = choices[0]
    if getattr(choice.message, "refusal", None) or choice.finish_reason == "content_filter":
        raise ModelError("The model refused to answer.", kind="refused")
    if choice.finish_reason == "length":
        raise ModelError("The model's answer was cut off.", kind="cut off", fix="Raise TSG_MODEL__ANSWER_TOKENS.")
    text = str(choice.message.content or "").strip()
    if not text:
        raise TransientModelError("The model's answer was empty.", kind="empty")
    return text


def _wait(header: str | None) -> float | None:
    """Retry-After in seconds; None for a date, which the caller replaces by its own backoff."""
    return float(header) if header and re.fullmatch(r"\d+(\.\d+)?", header.strip()) else None


def estimated(text: str) -> int:
    """An upper estimate of a text's tokens: 3.5 characters each."""
    return int(len(text) / 3.5) + 1
