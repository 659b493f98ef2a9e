"""An OpenAI-compatible chat endpoint: investigates incidents, answers questions, and continues conversations.

Front ends also send auxiliary tasks (a title, tags, follow-up questions): these are answered without running anything.
"""

import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.errors import ParameterError, RecordError, TsgError
from tsg_agent.escape import markdown, one_line
from tsg_agent.models import Question
from tsg_agent.report.markdown import to_markdown
from tsg_agent.web.api import COMMON, ONE, TEXT
from tsg_agent.web.desk import Desk
from tsg_agent.web.waiting import waited_for

MODEL = "tsg-agent"
TITLE = 60
_OURS = re.compile(r"^Investigation ([0-9a-f]{12})\b", re.MULTILINE)
"""The last line of our answers, which identifies the investigation for the next message."""
_JOB = re.compile(
    r"\s*### Task:|(?:please )?(?:provide|generate|write) a (?:concise|short|brief)\b.{0,60}\btitle\b", re.I
)
_EMPTY: dict[str, Any] = {"tags": [], "follow_ups": [], "queries": [], "text": ""}
_SPOKEN = re.compile(r"^\s*(?:USER|User|Human):\s*(.+)$", re.MULTILINE)
_LINE = re.compile(r"^\s*([a-z_]{3,20})\s*[:=]\s*(.+?)\s*$", re.MULTILINE | re.IGNORECASE)


class MessagePart(BaseModel):
    """A part of a message; what is no text is left out."""

    type: str
    text: str = ""


class ChatMessage(BaseModel):
    """One of a talk's."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[MessagePart] | None = None

    @property
    def words(self) -> str:
        """Its text."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content or [] if part.type == "text")


class Completion(BaseModel):
    """A request; settings of a language model mean nothing here."""

    model_config = ConfigDict(
        extra="ignore",
        json_schema_extra={"examples": [{"model": MODEL, "messages": [{"role": "user", "content": TEXT}]}]},
    )

    model: str = Field(MODEL, description=f"{MODEL}, or {MODEL}/SOURCE where there are several")
    messages: list[ChatMessage] = Field(min_length=1)
    stream: bool = False


def make_chat(desk: Desk) -> APIRouter:
    """The routes."""
    router = APIRouter(prefix="/v1", responses=COMMON, tags=["chat"])

    @router.get("/models")
    async def models() -> dict[str, Any]:
        """One for each source."""
        held = [{"id": f"{MODEL}/{name}", "object": "model", "created": 0, "owned_by": MODEL} for name in
                desk.sources.names]  # fmt: skip
        return {"object": "list", "data": held}

    @router.post("/chat/completions", response_model=dict[str, Any], responses=ONE)
    async def complete(asked: Completion, request: Request) -> Response:
        """Investigate, answer, or go on. As server-sent chunks with `stream`; progress is told as reasoning."""
        said = Talk(desk, asked).said()
        first = await waited_for(request, _next(said))  # an immediate failure is an HTTP error, not a stream
        if asked.stream:
            return StreamingResponse(_chunks(asked.model, first, said), media_type="text/event-stream")
        words = [words for kind, words in [first, *[one async for one in said]] if kind == "content"]
        message = {"role": "assistant", "content": "".join(words)}
        choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}
        return JSONResponse({**_head(asked.model, "chat.completion"), "choices": [choice], "usage": usage})

    return router


class Talk:
    """The reply to a conversation's last message: pairs of ("reasoning_content" or "content", text)."""

    def __init__(self, desk: Desk, asked: Completion) -> None:
        self._desk = desk
        self._users = [message.words.strip() for message in asked.messages if message.role == "user"]
        ours = "\n".join(message.words for message in asked.messages if message.role == "assistant")
        self._about = (_OURS.findall(ours) or [""])[-1]
        base, _, self._source = asked.model.partition("/")
        if base != MODEL or not self._users or not self._users[-1]:
            raise ParameterError("There is no such model, or nothing was said.", fix=f"Models are {MODEL}/SOURCE.")

    async def said(self) -> AsyncIterator[tuple[str, str]]:
        """The reply's parts, as they are produced."""
        last = self._users[-1]
        if _JOB.match(last):
            yield "content", job(last)
            return
        after = 0
        if self._about:
            standing = await self._desk.get(self._about)
            if not standing.questions and standing.kept.state != "running":
                yield "content", await self._answer(last)
                return
            happened = await self._desk.events(self._about)
            after = happened[-1].sequence if happened else 0
            if standing.questions:
                await self._desk.answer(self._about, _answers(last, standing.questions))
        elif _is_question(last):
            yield "content", await self._answer(last)
            return
        else:
            self._about = await self._desk.start(last, self._source)
        yield "reasoning_content", "Investigating.\n"
        async for words in self._progress(after):
            yield "reasoning_content", words
        yield "content", await self._end()

    async def _progress(self, after: int) -> AsyncIterator[str]:
        async for event in self._desk.follow(self._about, after):
            if event.kind == "check ended":
                said = event.data["label"] or event.data["status"]
                yield f"{one_line(event.data['title'])}: {one_line(said)}\n"
            if event.kind == "asked":
                return

    async def _end(self) -> str:
        try:
            standing = await self._desk.settled(self._about)
            if standing.questions:
                return _asked(standing.questions, self._about)
            words = to_markdown(await self._desk.ended(self._about), brief=True)
        except TsgError as error:
            words = markdown(str(error))
        return f"{words}\n\nInvestigation {self._about}"

    async def _answer(self, question: str) -> str:
        """An answer, with each line escaped: values of the telemetry must not become links."""
        if self._about:
            answer = await self._desk.follow_up(self._about, question)
        else:
            answer = await self._desk.ask(question, self._source)
        evidence = [f"[{key}] {row}" for key, row in answer.evidence.items()]
        lines = [*answer.text.splitlines(), "", *evidence, *answer.notes]
        about = f"\n\nInvestigation {self._about}" if self._about else ""
        return "  \n".join(markdown(line) for line in lines) + about


def job(text: str) -> str:
    """The answer to a front end's auxiliary task, in its format, from the conversation's first message."""
    for name, nothing in _EMPTY.items():
        if f'"{name}"' in text and '"title"' not in text:
            return json.dumps({name: nothing})
    spoken = _SPOKEN.search(text)
    title = one_line(spoken[1] if spoken else "Incident", TITLE)
    return json.dumps({"title": title}, ensure_ascii=False) if '"title"' in text else title


def _is_question(text: str) -> bool:
    return text.endswith("?") and "\n" not in text


def _answers(text: str, questions: list[Question]) -> dict[str, str] | str:
    """Parse `parameter: value` lines, or a single value if there is one question."""
    names = {question.parameter for question in questions}
    said = {name.lower(): value for name, value in _LINE.findall(text) if name.lower() in names}
    if said:
        return said
    if len(questions) > 1:
        raise RecordError(
            "Several things are asked.", fix=f"Write `name: value` for each of {', '.join(sorted(names))}."
        )
    return text


def _asked(questions: list[Question], identity: str) -> str:
    lines = []
    for one in questions:
        known = ", ".join(map(markdown, one.candidates))
        lines.append(f"- {markdown(one.text)}" + (f" Known: {known}." if known else ""))
    how = (
        "Answer with the value."
        if len(lines) == 1
        else "Answer with a line `name: value` for each of "
        + ", ".join(f"`{one.parameter}`" for one in questions)
        + "."
    )
    return "\n".join([*lines, "", how, "", f"Investigation {identity}"])


def _head(model: str, kind: str) -> dict[str, Any]:
    now = time.time_ns()
    return {"id": f"chatcmpl-{now:x}", "object": kind, "created": now // 10**9, "model": model}


async def _chunks(model: str, first: tuple[str, str], said: AsyncIterator[tuple[str, str]]) -> AsyncIterator[str]:
    head = _head(model, "chat.completion.chunk")

    def chunk(delta: dict[str, str], reason: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        return f"data: {json.dumps({**head, 'choices': [choice]}, ensure_ascii=False)}\n\n"

    yield chunk({"role": "assistant", first[0]: first[1]})
    async for kind, words in said:
        yield chunk({kind: words})
    yield chunk({}, "stop")
    yield "data: [DONE]\n\n"


async def _next(said: AsyncIterator[tuple[str, str]]) -> tuple[str, str]:
    return await anext(said)
