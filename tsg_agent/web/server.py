"""The application: all interfaces behind the gate, and startup and shutdown."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from starlette.exceptions import HTTPException

from tsg_agent import __version__
from tsg_agent.errors import (
    ModelError,
    ParameterError,
    QuestionError,
    RecordError,
    TelemetryError,
    TsgError,
    WorkerError,
)
from tsg_agent.models import Question
from tsg_agent.service.door import Service
from tsg_agent.web.api import Failed, Problem, make_api
from tsg_agent.web.audit import Audit
from tsg_agent.web.chat import make_chat
from tsg_agent.web.config import Serving
from tsg_agent.web.desk import Busy, Desk, Missing
from tsg_agent.web.gate import GatedApp
from tsg_agent.web.hooks import Hooks
from tsg_agent.web.mcp import Mounted
from tsg_agent.web.metrics import Metrics
from tsg_agent.web.page import Page
from tsg_agent.web.signed import Fetch, Unsigned, fetched
from tsg_agent.web.tell import Teller

log = logging.getLogger(__name__)
STATUSES: tuple[tuple[type[Exception], int], ...] = (
    (Missing, 404), (Busy, 429), (Unsigned, 401), (RecordError, 409), (QuestionError, 409), (ParameterError, 422),
    (TelemetryError, 503), (ModelError, 503), (WorkerError, 503),
)  # fmt: skip
"""Error class -> HTTP status; the first matching class counts."""
FOR_PROGRAMS = ("/api/", "/v1/", "/hooks/", "/mcp")
MOST_GONE_ON = 1_000
"""Number of newest investigations that are checked at startup."""
ABOUT = (
    "Follows a troubleshooting guide over a service's telemetry: from an incident's text to ranked causes with "
    "evidence. Read-only: nothing is executed, actions are proposals."
)


class WebServer:
    """One application. `app` is the ASGI callable."""

    def __init__(self, service: Service, serving: Serving, fetch: Fetch = fetched) -> None:
        """`fetch`: downloads the certificates of senders that sign with them."""
        self.service, self.serving = service, serving
        self.audit = Audit(service.settings.state_dir)
        self.desk = Desk(service, self.audit, serving.limits)
        self.metrics = Metrics(lambda: self.desk.readers)
        self.teller = Teller(self.desk, serving, self.audit, self.metrics)
        self.ready: dict[str, str] = {}
        """Source -> "", or the reason why it cannot be opened; empty until all were tried."""
        api = FastAPI(
            title="tsg-agent", version=__version__, description=ABOUT, lifespan=self._lifespan,
            docs_url=None, redoc_url=None, openapi_url="/api/openapi.json",
        )  # fmt: skip
        api.include_router(make_api(self.desk))
        api.include_router(make_chat(self.desk))
        api.include_router(Hooks(self.desk, serving, self.metrics, fetch).router())
        self._page = Page(self.desk, serving)
        api.include_router(self._page.router())
        self._add_probes(api)
        self._mcp = Mounted(self.desk, serving)
        api.mount("/mcp", self._mcp.app)
        for kind in (TsgError, HTTPException, RequestValidationError, OSError, sqlite3.Error):
            api.add_exception_handler(kind, self._answered)
        self.app = GatedApp(api, serving, self.metrics)

    @contextlib.asynccontextmanager
    async def _lifespan(self, _api: FastAPI) -> AsyncIterator[None]:
        with self.audit:
            async with self.service, self._mcp.running():
                opening = asyncio.create_task(self._open())
                try:
                    yield
                finally:
                    opening.cancel()
                    await self.teller.close()

    async def _open(self) -> None:
        """Open the sources, and resume what a crash or a restart interrupted."""
        tried = {}
        for name in self.service.sources.names:
            try:
                await self.service.known(name)
                tried[name] = ""
            except TsgError as error:
                log.warning("source %s cannot be opened: %s", name, error)
                tried[name] = "it cannot be opened"
        self.ready = tried
        for one in await self.service.recover():
            self.teller.follow(one.id)
        for identity in await asyncio.to_thread(self._put_right):
            self.teller.follow(identity)

    def _put_right(self) -> list[str]:
        """Repair the log after a crash; returns the ids whose end is still to be notified. Blocking."""
        store, owed = self.service.store, []
        held, states = set(store.identities()), store.events.states()
        for identity in self.desk.ledger.ids(None, MOST_GONE_ON):
            last, state = states.get(identity), store.about(identity, states).state if identity in held else ""
            try:
                if state == "finished" and last != "concluded":  # killed between report and event
                    report = store.report(identity)
                    data = {"headline": report.headline, "causes": len(report.causes)}
                    store.events.append(identity, "concluded", data)
                elif state == "interrupted" and self.service.sources.name_of(store.recall(identity)) is None:
                    data = {"error": "ParameterError", "message": "Its source is not served any more.", "fix": ""}
                    store.events.append(identity, "failed", data)
                if state == "finished" and self.teller.owes(identity):
                    owed.append(identity)
            except (TsgError, OSError, sqlite3.Error) as error:
                log.warning("the log of investigation %s cannot be put right: %s", identity, error)
        return owed

    async def _answered(self, request: Request, error: Exception) -> Response:
        """The response to an error: HTML on the page, JSON elsewhere."""
        status, problem, headers = _problem_of(error)
        if status == 204:
            return Response(status_code=204)
        if "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(FOR_PROGRAMS):
            return self._page.problem(f"{problem.message} {problem.fix}".strip(), status)
        return JSONResponse(Failed(error=problem).model_dump(mode="json"), status, headers)

    def _add_probes(self, api: FastAPI) -> None:
        @api.get("/healthz", tags=["probes"], response_class=PlainTextResponse)
        async def healthz() -> str:
            """Whether the server answers."""
            return "ok"

        @api.get("/readyz", tags=["probes"], responses={503: {"description": "a source is not open (yet)"}})
        async def readyz() -> Any:
            """Whether every source is open."""
            good = bool(self.ready) and not any(self.ready.values())
            return JSONResponse({"ready": good}, 200 if good else 503)

        @api.get("/metrics", tags=["probes"], response_class=PlainTextResponse)
        async def metrics() -> Response:
            """Counts, for Prometheus."""
            return Response(self.metrics.text(), media_type=self.metrics.kind)


def _problem_of(error: Exception) -> tuple[int, Problem, dict[str, str]]:
    """An error's HTTP status, body and headers."""
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        return 422, Problem(message=f"{where}: {first['msg']}", fix="See /api/openapi.json."), {}
    if isinstance(error, HTTPException):
        return error.status_code, Problem(message=str(error.detail)), dict(error.headers or {})
    if isinstance(error, TsgError):
        status = next((status for kind, status in STATUSES if isinstance(error, kind)), 500)
        open_ = error.questions if isinstance(error, QuestionError) else []
        asked = [Question(parameter=name, text=text, candidates=some) for name, text, some in open_]
        problem = Problem(message=error.message, fix=error.fix, questions=asked)
        return status, problem, {"retry-after": "5"} if status == 429 else {}
    log.error("a request failed", exc_info=error)
    return 503, Problem(message="The state directory cannot be read or written."), {}
