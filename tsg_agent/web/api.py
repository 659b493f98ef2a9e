"""The REST interface, and the stream of events: thin over the desk."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Path, Query, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.events import Event
from tsg_agent.extract import Given, Now
from tsg_agent.models import Question
from tsg_agent.report.forms import Form
from tsg_agent.service.door import Events, Standing
from tsg_agent.store import Feedback
from tsg_agent.web.desk import ENDED, Busy, Desk
from tsg_agent.web.waiting import waited_for

ID = "3f2a9c01b7de"
TEXT = "Checkout fails since 14:00 UTC in us-east, shop.gateway, prod; customers cannot pay."
LAST = 2**63 - 1
"""Largest sequence number of the log."""
MEDIA: dict[str, str] = {
    "json": "application/json", "markdown": "text/markdown; charset=utf-8", "brief": "text/plain; charset=utf-8",
    "html": "text/html; charset=utf-8", "slack": "application/json",
}  # fmt: skip
EVENTS = "text/event-stream"
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox allow-popups"
"""Content security policy of a report as a file: inline style, no script."""


class Problem(BaseModel):
    """What went wrong, and what to do."""

    message: str
    fix: str = ""
    questions: list[Question] = Field(default_factory=list)


class Failed(BaseModel):
    """The body of every answer that is an error."""

    error: Problem


class Asks(BaseModel):
    """Base of bodies."""

    model_config = ConfigDict(extra="forbid")


class NewInvestigation(Asks):
    """What to investigate."""

    text: str = Field(min_length=1, description="the incident's text, as people wrote it", examples=[TEXT])
    source: str = Field("", description="which telemetry, where there are several", examples=["shop"])
    given: Given = Field(Given(), description="what is known beforehand; each wins over the text")
    now: Now | None = Field(None, description="what counts as now, for replays; without it, the clock")


class Answers(Asks):
    """Answers to what an investigation asks."""

    answers: dict[str, str | float | bool] = Field(
        description="parameter -> value", examples=[{"region": "us-east"}], min_length=1
    )


class Said(Asks):
    """What it really was: one of cause, right, no_incident."""

    cause: dict[str, str] | str | None = Field(None, examples=[{"shard_id": "shard-07"}])
    right: bool | None = None
    no_incident: bool = False
    note: str = Field("", max_length=10_000)


class FollowUp(Asks):
    """A question in plain words."""

    question: str = Field(min_length=1, max_length=10_000, examples=["top 3 endpoints by error rate after 14:00"])


class NewQuestion(FollowUp):
    """A question about a source."""

    source: str = Field("", examples=["shop"])
    incident: str = Field("", description="the text that it is about, if any")
    given: Given = Given()


class Investigation(BaseModel):
    """How one stands."""

    id: str = Field(examples=[ID])
    when: datetime
    state: str = Field(description="finished, running, queued, asked, failed, cancelled, interrupted or unreadable")
    title: str = Field(description="its headline, or its text's first line")
    questions: list[Question] = Field(default_factory=list, description="what it waits for")
    place: int = Field(0, description="in the queue; 0: in none")


class Begun(BaseModel):
    """An investigation that was begun."""

    id: str = Field(examples=[ID])
    page: str = Field(description="where a person reads it", examples=[f"/investigations/{ID}"])


class QuestionReply(BaseModel):
    """An answer to a question; every figure cites a row."""

    text: str
    evidence: dict[str, str] = Field(description="id -> the row in words")
    notes: list[str]


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    said = {
        400: "no JSON", 403: "wrong host, or another site's page", 404: "there is none, or it is another team's",
        408: "it did not come in time", 409: "not as it stands", 413: "too large", 422: "a value that cannot hold",
        429: "too much at once", 401: "no token", 503: "the telemetry, the model, a worker or the disk fails",
    }  # fmt: skip
    return {status: {"model": Failed, "description": said[status]} for status in statuses}


COMMON = _problems(400, 401, 403, 408, 413, 422, 429, 503)
ONE = _problems(404, 409)
STREAM = {
    **ONE,
    200: {"description": "its events", "content": {EVENTS: {}}},
    204: {"description": "it has ended, and nothing is left to read"},
}
Identity = Annotated[str, Path(max_length=64, examples=[ID])]


def make_api(desk: Desk) -> APIRouter:
    """The routes."""
    api = APIRouter(prefix="/api/v1", responses=COMMON)
    _add_lifecycle(api, desk)
    _add_events(api, desk)
    _add_reports(api, desk)
    return api


def _add_lifecycle(api: APIRouter, desk: Desk) -> None:
    @api.get("/sources", tags=["sources"])
    async def sources() -> list[str]:
        """What a client may name."""
        return desk.sources.names

    @api.post("/investigations", status_code=202, responses=ONE, tags=["investigations"])
    async def start(new: NewInvestigation) -> Begun:
        """Begin an investigation."""
        identity = await desk.start(new.text, new.source, given=new.given, now=new.now)
        return _begun(identity)

    @api.get("/investigations", tags=["investigations"])
    async def listed(limit: Annotated[int, Query(ge=1, le=1000)] = 20) -> list[Investigation]:
        """The team's investigations, newest first."""
        return [_shown(Standing(kept, [])) for kept in await desk.list(limit)]

    @api.get("/investigations/{identity}", responses=ONE, tags=["investigations"])
    async def get(identity: Identity) -> Investigation:
        """How one stands."""
        return _shown(await desk.get(identity))

    @api.post("/investigations/{identity}/answers", status_code=202, responses=ONE, tags=["investigations"])
    async def answer(identity: Identity, given: Answers) -> Begun:
        """Answer what it asks; also days later. What cannot hold is asked again."""
        await desk.answer(identity, given.answers)
        return _begun(identity)

    @api.post("/investigations/{identity}/cancel", status_code=202, responses=ONE, tags=["investigations"])
    async def cancel(identity: Identity) -> Begun:
        """Stop it; nothing happens to one that has ended."""
        await desk.cancel(identity)
        return _begun(identity)

    @api.post("/investigations/{identity}/resume", status_code=202, responses=ONE, tags=["investigations"])
    async def resume(identity: Identity) -> Begun:
        """Go on with one that was interrupted, or failed."""
        await desk.resume(identity)
        return _begun(identity)


def _add_events(api: APIRouter, desk: Desk) -> None:
    @api.get("/investigations/{identity}/log", responses=ONE, tags=["investigations"])
    async def log(identity: Identity, after: Annotated[int, Query(ge=0, le=LAST)] = 0) -> list[Event]:
        """What happened so far, behind a number."""
        return await desk.events(identity, after)

    async def may_read(identity: Identity, last_event_id: Annotated[int, Header(ge=0, le=LAST)] = 0) -> int:
        """The sequence number to resume after, validated before the stream begins."""
        if desk.readers >= desk.limits.readers:
            raise Busy("Too many read events.", fix="Read the log, or try again later.")
        ended = (await desk.get(identity)).kept.state in ENDED
        if ended and last_event_id and not await desk.events(identity, last_event_id):
            raise HTTPException(204)  # HTTP 204 stops the browser's EventSource from reconnecting
        return last_event_id

    @api.get(
        "/investigations/{identity}/events",
        response_class=StreamingResponse,
        responses=STREAM,
        tags=["investigations"],
    )
    async def events(identity: Identity, after: Annotated[int, Depends(may_read)]) -> Response:
        """What happens, as server-sent events, resumed by Last-Event-ID, until it has ended."""
        return StreamingResponse(
            _sent(desk.news(identity, after)), headers={"x-accel-buffering": "no"}, media_type=EVENTS
        )


def _add_reports(api: APIRouter, desk: Desk) -> None:
    @api.get(
        "/investigations/{identity}/report",
        response_class=Response,
        responses={**ONE, 200: {"description": "the report", "content": {kind: {} for kind in set(MEDIA.values())}}},
        tags=["investigations"],
    )
    async def report(identity: Identity, form: Form = "json") -> Response:
        """The report: JSON (its schema ships with the package), Markdown, a screen of text, HTML, or for Slack."""
        headers = {"content-security-policy": REPORT_POLICY} if form == "html" else {}
        return Response(await desk.report(identity, form), media_type=MEDIA[form], headers=headers)

    @api.post("/investigations/{identity}/questions", responses=ONE, tags=["questions"])
    async def follow_up(identity: Identity, asked: FollowUp, request: Request) -> QuestionReply:
        """A question about its incident; it stays in its log."""
        said = await waited_for(request, desk.follow_up(identity, asked.question))
        return QuestionReply(text=said.text, evidence=said.evidence, notes=said.notes)

    @api.post("/questions", responses=ONE, tags=["questions"])
    async def ask(asked: NewQuestion, request: Request) -> QuestionReply:
        """A question about a source."""
        asking = desk.ask(asked.question, asked.source, incident=asked.incident, given=asked.given)
        said = await waited_for(request, asking)
        return QuestionReply(text=said.text, evidence=said.evidence, notes=said.notes)

    @api.put("/investigations/{identity}/feedback", responses=ONE, tags=["investigations"])
    async def feedback(identity: Identity, said: Said) -> Feedback:
        """Say what it really was; it takes the place of what was said before."""
        return await desk.feedback(identity, **said.model_dump())


def _begun(identity: str) -> Begun:
    return Begun(id=identity, page=f"/investigations/{identity}")


async def _sent(news: AsyncIterator[Events]) -> AsyncIterator[str]:
    """Encode events for SSE, each once for all readers. FastAPI's own SSE needs two tasks per reader."""
    async for some in news:
        yield "".join(f"id: {event.sequence}\ndata: {event.text}\n\n" for event in some) or ": nothing new\n\n"


def _shown(standing: Standing) -> Investigation:
    return Investigation(**standing.kept._asdict(), questions=standing.questions, place=standing.place)
