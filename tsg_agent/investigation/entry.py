"""Entry points: investigate(), ainvestigate(), resume(), and the context and first state of an embedded graph."""

import asyncio
import sqlite3
import time
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from tsg_agent.errors import RecordError
from tsg_agent.investigation.pool import InvestigationExecutor
from tsg_agent.investigation.running import InvestigationRun
from tsg_agent.investigation.sources import open_for
from tsg_agent.investigation.traced import TracedEngine, TracedModel
from tsg_agent.investigation.watch import Heard, Watch
from tsg_agent.llm import Assistant, Budget, LanguageModel, open_model
from tsg_agent.llm.analysis import Workbench
from tsg_agent.models import Report
from tsg_agent.settings import Settings
from tsg_agent.state import Context, State
from tsg_agent.store import Request, Store
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import known_values
from tsg_agent.tools import GUIDE, AnyGuide


def investigate(
    request: Request,
    *,
    settings: Settings | None = None,
    engine: Engine | None = None,
    model: LanguageModel | None = None,
    watch: Watch | None = None,
    keep: bool = False,
    guide: AnyGuide = GUIDE,
) -> Report:
    """Run the guide over an incident and return the report.

    `engine`: an open engine to use instead of `request.telemetry`; it is not closed. `model`: overrides the model of
    the settings. `keep`: checkpoint each step, so that resume() works, and store the report. `guide`: the checks to
    run; resume() needs the same guide.

    Raises ParameterError, QuestionError, TelemetryError.
    """
    settings = settings or Settings()
    with _opened(request, settings, engine) as opened:  # outside the event loop, which would delay Ctrl-C
        begun = begin(request, settings=settings, engine=opened, model=model, watch=watch, keep=keep, guide=guide)
        begun.heard.begun(begun.identity)  # before the run: resume() needs the id if it is interrupted
        begun.heard.own_loop = True
        return _ended(begun.concluded())


async def ainvestigate(
    request: Request,
    *,
    settings: Settings | None = None,
    engine: Engine | None = None,
    model: LanguageModel | None = None,
    watch: Watch | None = None,
    keep: bool = False,
    guide: AnyGuide = GUIDE,
) -> Report:
    """investigate() for programs with an event loop, which is never blocked. Same arguments and errors."""
    begun = await asyncio.to_thread(
        begin, request, settings=settings, engine=engine, model=model, watch=watch, keep=keep, guide=guide
    )
    begun.heard.begun(begun.identity)
    return await begun.concluded()


def resume(
    identity: str, *, settings: Settings | None = None, watch: Watch | None = None, guide: AnyGuide = GUIDE
) -> Report:
    """Continue an interrupted investigation from its last checkpoint; finished checks are not run again.

    Without a checkpoint it starts over; if it has concluded, its stored report is returned.

    Raises RecordError for an unknown id, and what investigate() raises.
    """
    held = continued(identity, settings=settings, watch=watch, guide=guide)
    if isinstance(held, Report):
        return held
    there = held.store is not None and held.store.has_report(identity)  # then the telemetry is not needed
    with nullcontext() if there else _opened(held.request, held.settings, None) as opened:
        held.heard.own_loop = True
        return _ended(replace(held, engine=opened).concluded(go_on=True))


def begin(
    request: Request,
    *,
    settings: Settings | None = None,
    engine: Engine | None = None,
    model: LanguageModel | None = None,
    watch: Watch | None = None,
    keep: bool = False,
    guide: AnyGuide = GUIDE,
) -> InvestigationRun:
    """Prepare a new investigation. With `keep`, stored ones beyond the settings' retention limits are deleted."""
    settings = settings or Settings()
    request = request.model_copy(update={"now": request.now or datetime.now(UTC)})
    state = first_state(request)
    store, notes = _store(settings, state["id"], request) if keep else (None, [])
    heard = Heard(watch or Watch())
    return InvestigationRun(state["id"], request, state, settings, heard, store, engine, model, tuple(notes), guide)


def continued(
    identity: str,
    *,
    settings: Settings | None = None,
    watch: Watch | None = None,
    engine: Engine | None = None,
    guide: AnyGuide = GUIDE,
) -> InvestigationRun | Report:
    """Prepare to resume an investigation, or return its report if it has concluded. Raises RecordError."""
    settings = settings or Settings()
    store = Store(settings.state_dir)
    notes = store.check()
    request = store.recall(identity)
    store.refuse_other_guide(identity)
    if store.about(identity).state == "finished":
        return store.report(identity)
    state: State = {**first_state(request), "id": identity}
    heard = Heard(watch or Watch())
    return InvestigationRun(identity, request, state, settings, heard, store, engine, None, tuple(notes), guide)


@contextmanager
def graph_context(
    engine: Engine,
    *,
    settings: Settings | None = None,
    model: LanguageModel | None = None,
) -> Iterator[Context]:
    """The LangGraph context for a graph of build_graph() that is invoked directly or as a subgraph.

    Use a new one per investigation: it holds the model budget. `engine` is not closed. Raises TelemetryError.
    """
    settings = settings or Settings()
    bench = Workbench(unsafe=settings.sandbox.unsafe_no_isolation)
    try:
        engine = TracedEngine(engine)
        known = known_values(engine, settings.query_timeout)
        model = model or open_model(settings.model)
        assistant = Assistant(TracedModel(model), settings.model, budget=Budget(settings.model, [])) if model else None
        yield Context(engine, known, settings, InvestigationExecutor(), assistant=assistant, bench=bench)
    finally:
        bench.close()


def first_state(request: Request) -> State:
    """The graph's input: a new id, the request's text, its given parameters and the current time."""
    return {
        "id": uuid4().hex[:12],
        "text": request.text,
        "given": request.given.model_dump(mode="json"),
        "now": (request.now or datetime.now(UTC)).isoformat(),
        "began": time.time(),
    }


def _ended(run: Coroutine[Any, Any, Report]) -> Report:
    """Run a coroutine to its end; in a thread of its own if this one already runs an event loop (a notebook)."""
    try:
        beside_another = bool(asyncio.get_running_loop())
    except RuntimeError:
        beside_another = False
    if not beside_another:
        return asyncio.run(run)
    with ThreadPoolExecutor(1, thread_name_prefix="tsg") as beside:
        return beside.submit(asyncio.run, run).result()


def _store(settings: Settings, identity: str, request: Request) -> tuple[Store | None, list[str]]:
    """The store; None, with a note for the report, if it is not writable: the investigation runs all the same."""
    store = Store(settings.state_dir)
    try:
        notes = store.check()
        try:
            store.prune(settings.keep_days, settings.keep_number and settings.keep_number - 1)
        except (OSError, sqlite3.Error) as error:
            notes.append(f"Investigations that are to be kept no longer could not be taken away: {error}.")
        store.remember(identity, request)
    except (RecordError, OSError) as error:
        return None, [f"This investigation cannot be resumed. {error}"]
    return store, notes


@contextmanager
def _opened(request: Request, settings: Settings, engine: Engine | None) -> Iterator[Engine]:
    if engine is not None:
        yield engine
        return
    with open_for(request, settings) as opened:
        yield opened
