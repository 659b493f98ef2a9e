"""The page: paste an incident or a question, correct what was understood, watch, read, ask on, say what it was.

Rendered on the server; without JavaScript only live updates are missing.
"""

import asyncio
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import ValidationError

from tsg_agent.errors import ParameterError, QuestionError, RecordError, TsgError
from tsg_agent.events import Event
from tsg_agent.extract import Given
from tsg_agent.report.html import extended
from tsg_agent.service.door import Standing
from tsg_agent.tools import AnyGuide
from tsg_agent.web.audit import WHO
from tsg_agent.web.config import Serving
from tsg_agent.web.desk import ENDED, QUESTION, Desk
from tsg_agent.web.gate import COOKIE
from tsg_agent.web.waiting import waited_for
from tsg_agent.wording import DIMENSIONS, lines, moment, one_line

FIELDS = (
    ("service_name", "Service", "text"), ("region", "Region", "text"), ("environment", "Environment", "text"),
    ("incident_start", "It began (UTC)", "text"), ("start_time", "Window from", "text"),
    ("end_time", "Window to", "text"), ("threshold", "SLA, percent", "number"),
)  # fmt: skip
"""Parameters that a person can correct: name, label, kind."""
COOKIE_S = 7 * 24 * 3600
ASSETS = {
    "report.css": ("report", "report.css", "text/css"),
    "charts.css": ("report", "charts.css", "text/css"),
    "page.css": ("web", "assets/page.css", "text/css"),
    "page.js": ("web", "assets/page.js", "text/javascript"),
}
KEPT = 50
TITLE = 120


class Page:
    """The pages over one desk."""

    def __init__(self, desk: Desk, serving: Serving) -> None:
        self._desk, self._serving = desk, serving
        self._templates = Environment(
            loader=PackageLoader("tsg_agent.web", "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=lambda value: lines(value) if type(value) is str else value,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= {"moment": moment, "short": short}

    def router(self) -> APIRouter:
        """The routes, which are for browsers, and not in the OpenAPI schema."""
        router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        router.add_api_route("/", self._home, methods=["GET"])
        router.add_api_route("/", self._new, methods=["POST"])
        router.add_api_route("/investigations/{identity}", self._one, methods=["GET"])
        for name, does in {
            "answer": self._answer, "again": self._again, "ask": self._ask, "feedback": self._feedback,
            "cancel": self._change, "resume": self._change,
        }.items():  # fmt: skip
            router.add_api_route(f"/investigations/{{identity}}/{name}", does, methods=["POST"])
        router.add_api_route("/login", self._login, methods=["GET", "POST"])
        router.add_api_route("/logout", self._logout, methods=["POST"])
        router.add_api_route("/assets/{name}", _asset, methods=["GET"])
        return router

    def problem(self, error: str, status: int) -> Response:
        """An error, for a person."""
        return self._shown("problem", status, title="That did not work", why=error)

    async def _home(self) -> Response:
        return await self._begin()

    async def _new(self, request: Request) -> Response:
        said = await _form(request)
        text, source = said.get("text", "").strip(), said.get("source", "")
        try:
            if not text:
                raise ParameterError("There is no text.", fix="Paste the incident, or write a question.")
            if said.get("what") == "ask":
                answer = await waited_for(request, self._desk.ask(text, source))
                return await self._begin(answer=answer, text=text, source=source)
            return _to(await self._desk.start(text, source))
        except TsgError as error:
            return await self._begin(why=str(error), text=text, source=source, status=422)

    async def _begin(self, status: int = 200, **about: Any) -> Response:
        kept = await self._desk.list(KEPT)
        about = {"why": "", "answer": None, "text": "", "source": ""} | about
        return self._shown("home", status, title="tsg-agent", sources=self._desk.sources.names, kept=kept, **about)

    async def _one(self, identity: str, why: str = "") -> Response:
        standing, request = await self._desk.get(identity), await self._desk.request(identity)
        events = await self._desk.events(identity)
        note = {"path": f"/investigations/{identity}", "fields": FIELDS}
        shared = {
            "why": why,
            "note": note,
            "text": request.text,
            "understood": _last(events, "understood", "parameters"),
        }
        concluded = _state(events) == "concluded"
        if standing.kept.state == "finished" or concluded:
            return await self._concluded(identity, events, shared)
        state = standing.kept.state
        return self._shown(
            "running", title=one_line(standing.kept.title, TITLE), heading=one_line(standing.kept.title, TITLE),
            words=_words(standing), problem=_problem(events) if state == "failed" else "", asked=standing.questions,
            checks=_checks(events, self._desk.guide), live=state not in ENDED,
            stops=state in ("running", "queued", "asked"),
            after=events[-1].sequence if events else 0, **shared,
        )  # fmt: skip

    async def _concluded(self, identity: str, events: list[Event], shared: dict[str, Any]) -> Response:
        report = await self._desk.ended(identity)
        shared["understood"] = report.parameters.model_dump(mode="json")
        about = shared | {
            "who": WHO.get(),
            "login": bool(self._serving.tokens),
            "dimensions": DIMENSIONS,
            "questions": [event.data for event in events if event.kind == QUESTION],
            "feedback": await self._desk.judged(identity),
            "resolved": _last(events, "resolved", "end_time"),
        }
        page = await asyncio.to_thread(extended, report, "conclusion.html.j2", self._templates, about)
        return HTMLResponse(page)

    async def _answer(self, identity: str, request: Request) -> Response:
        return await self._done(identity, self._desk.answer(identity, await _form(request)))

    async def _again(self, identity: str, request: Request) -> Response:
        """Restart with corrections. Only changed values are passed; the others are extracted from the text again."""
        said = await _form(request)
        events = await self._desk.events(identity)
        held = _last(events, "understood", "parameters") or {}
        changed = {name: said[name] for name, *_ in FIELDS if said.get(name) and said[name] != str(held.get(name))}
        try:
            return _to(await self._desk.again(identity, Given.model_validate(changed)))
        except ValidationError as error:
            return await self._one(identity, why=f"{error.errors()[0]['msg']}.")
        except TsgError as error:
            return await self._one(identity, why=str(error))

    async def _ask(self, identity: str, request: Request) -> Response:
        question = (await _form(request)).get("question", "").strip()
        return await self._done(identity, waited_for(request, self._desk.follow_up(identity, question)), "#questions")

    async def _feedback(self, identity: str, request: Request) -> Response:
        said = await _form(request)
        verdict, value = said.get("verdict"), said.get("value", "").strip()
        if verdict == "cause" and not value:
            return await self._one(identity, why="A cause has a value.")
        cause: Any = {said["column"]: value} if said.get("column") else value
        given: dict[str, Any] = {
            "right": {"right": True}, "wrong": {"right": False}, "no_incident": {"no_incident": True},
            "cause": {"cause": cause},
        }.get(verdict or "", {})  # fmt: skip
        kept = self._desk.feedback(identity, note=said.get("note", "")[:2000], **given)
        return await self._done(identity, kept, "#feedback")

    async def _change(self, identity: str, request: Request) -> Response:
        does = self._desk.cancel if request.url.path.endswith("cancel") else self._desk.resume
        return await self._done(identity, does(identity))

    async def _done(self, identity: str, doing: Any, place: str = "") -> Response:
        """Run an action, then redirect to the investigation; an error is shown there."""
        try:
            await doing
        except (RecordError, ParameterError, QuestionError) as error:
            return await self._one(identity, why=str(error))
        return _to(identity, place)

    async def _login(self, request: Request) -> Response:
        after = request.query_params.get("next", "/")
        if request.method == "GET":
            return self._shown("login", title="Log in", why="", next=after)
        said = await _form(request)
        if self._serving.holder(said.get("token", "")) is None:
            return self._shown("login", 401, title="Log in", why="There is no such token.", next=said.get("next", "/"))
        after = said.get("next", "/")
        after = after if after.startswith("/") and not after.startswith(("//", "/\\")) else "/"
        answer = RedirectResponse(quote(after, safe="/?&=#"), 303)
        secure = request.url.scheme == "https" or self._serving.public_url.startswith("https:")
        answer.set_cookie(COOKIE, said["token"], COOKIE_S, httponly=True, samesite="lax", secure=secure)
        return answer

    async def _logout(self) -> Response:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(COOKIE)
        return answer

    def _shown(self, name: str, status: int = 200, **about: Any) -> Response:
        shared = {"who": WHO.get(), "login": bool(self._serving.tokens) and WHO.get().team}
        return HTMLResponse(self._templates.get_template(f"{name}.html.j2").render(shared | about), status)


async def _asset(name: str) -> Response:
    if name not in ASSETS:
        raise RecordError(f"There is no asset {name[:40]!r}.")
    package, file, kind = ASSETS[name]
    text = files("tsg_agent").joinpath(package, *file.split("/")).read_text("utf-8")
    return Response(text, media_type=kind, headers={"cache-control": "no-cache"})


async def _form(request: Request) -> dict[str, str]:
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return {name: values[0] for name, values in parse_qs(body, max_num_fields=100).items()}
    except ValueError as error:
        raise ParameterError(f"The form cannot be read: {error}.", fix="Send the page's own.") from None


def _to(identity: str, place: str = "") -> Response:
    return RedirectResponse(f"/investigations/{identity}{place}", 303)


def short(time: str) -> str:
    """A time as an input field shows it."""
    return time[:16].replace("T", " ")


def _last(events: list[Event], kind: str, name: str) -> Any:
    return next((event.data.get(name) for event in reversed(events) if event.kind == kind), None)


def _state(events: list[Event]) -> str:
    kinds = ("began", "concluded")
    return next((event.kind for event in reversed(events) if event.kind in kinds), "")


def _problem(events: list[Event]) -> str:
    failed = next((event.data for event in reversed(events) if event.kind in ("failed", "began")), {})
    return f"{failed['message']} {failed.get('fix', '')}".strip() if "message" in failed else ""


def _words(standing: Standing) -> str:
    return {
        "queued": f"It waits: place {standing.place} in the queue.",
        "running": "It runs.",
        "asked": "It waits for an answer.",
        "failed": "It has failed.",
        "cancelled": "It was stopped.",
        "interrupted": "It was interrupted.",
    }.get(standing.kept.state, "It cannot be read.")


def _checks(events: list[Event], guide: AnyGuide) -> list[dict[str, Any]]:
    """The state of each branch so far."""
    branches = ((0, "Evidence"), *((one.step, one.title) for one in guide.steps))
    found = {step: {"step": step, "title": title, "state": "", "said": ""} for step, title in branches}
    for event in events:
        one = found.get(event.data.get("step", -1))
        if one is not None and event.kind == "check began" and one["state"] != "ended":
            one["state"], one["said"] = "began", "running"
        if one is not None and event.kind == "check ended":
            one["state"] = "ended"
            one["said"] = event.data["label"] or event.data["status"].replace("_", " ")
    return list(found.values())
