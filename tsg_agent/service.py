"""investigate() and resume(): the one door for every surface."""

import asyncio
import functools
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Command, Durability

from tsg_agent.checkpoints import PlainData, readable
from tsg_agent.errors import QuestionError, RecordError, TelemetryError
from tsg_agent.frames import Frames
from tsg_agent.graph import Context, Progress, State, compile_graph
from tsg_agent.llm import Assistant, Budget, Model, open_model
from tsg_agent.llm.analysis import Workbench
from tsg_agent.models import NodeUsage, Question, Report, Status
from tsg_agent.settings import Settings
from tsg_agent.store import Request, Store
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Cancellable, Engine
from tsg_agent.telemetry.profile import known_values

THREADS = 24
"""Ten branches and the queries they run side by side; they wait for the engine, not for the processor."""
PATIENCE = 0.5
"""Seconds that an interrupted investigation waits for its threads."""
Ask = Callable[[list[Question]], dict[str, Any]]


@dataclass(frozen=True)
class Watch:
    """How a surface takes part in a run."""

    progress: Callable[[Progress], None] = lambda _event: None
    ask: Ask | None = None
    """Answers questions that the text leaves open: parameter -> value. Without it they raise QuestionError."""
    begun: Callable[[str], None] = lambda _id: None
    """Is told the investigation's id at once."""


def investigate(  # noqa: PLR0913 - what it works with, by name
    request: Request,
    *,
    settings: Settings | None = None,
    engine: Engine | None = None,
    model: Model | None = None,
    watch: Watch | None = None,
    keep: bool = False,
) -> Report:
    """Run the guide over an incident and conclude.

    `engine`: an open engine instead of `request.telemetry`; it stays open. `model`: instead of the one that the
    settings name. `keep`: checkpoint each step, so that resume() can go on.

    Raises ParameterError, QuestionError, TelemetryError.
    """
    settings = settings or Settings()
    with _opened(request, settings, engine) as opened:  # before the event loop, which would hold an interrupt back
        return _ended(ainvestigate(request, settings=settings, engine=opened, model=model, watch=watch, keep=keep))


async def ainvestigate(  # noqa: PLR0913 - what it works with, by name
    request: Request,
    *,
    settings: Settings | None = None,
    engine: Engine | None = None,
    model: Model | None = None,
    watch: Watch | None = None,
    keep: bool = False,
) -> Report:
    """investigate(), for programs that have an event loop."""
    settings, watch = settings or Settings(), watch or Watch()
    request = request.model_copy(update={"now": request.now or datetime.now(UTC)})
    identity = uuid4().hex[:12]
    store, note = _store(settings) if keep else (None, "")
    with _opened(request, settings, engine) as opened:
        if store:
            store.remember(identity, request)
        watch.begun(identity)
        state = _first(identity, request)
        report = await _run(state, identity, opened, settings, watch, store, model or open_model(settings.model))
        return report.model_copy(update={"notes": [*report.notes, note]}) if note else report


def resume(identity: str, *, settings: Settings | None = None, watch: Watch | None = None) -> Report:
    """Go on with an interrupted investigation; branches that had ended are not run again.

    One that was interrupted before its first checkpoint begins anew.

    Raises RecordError for an unknown id, and what investigate() raises.
    """
    settings, watch = settings or Settings(), watch or Watch()
    store = Store(settings.state_dir)
    store.check()
    request = store.recall(identity)
    with _opened(request, settings, None) as opened:
        state = _first(identity, request)
        model = open_model(settings.model)
        return _ended(_run(state, identity, opened, settings, watch, store, model, go_on=True))


def open_telemetry(telemetry: str, *, mapping: Path | None = None, settings: Settings | None = None) -> DuckDB:
    """The embedded engine over a folder, a glob, a file or a .duckdb database; close it, or use it in `with`."""
    settings = settings or Settings()
    return DuckDB(
        telemetry,
        mapping=mapping,
        memory_limit=settings.memory_limit,
        threads=settings.threads,
        unreadable_percent=settings.unreadable_percent,
        template_paths=settings.template_paths,
    )


@contextmanager
def graph_context(
    engine: Engine,
    *,
    settings: Settings | None = None,
    model: Model | None = None,
    progress: Callable[[Progress], None] | None = None,
) -> Iterator[Context]:
    """What the nodes of build_graph() work with, for a graph that is run or embedded without investigate().

    Each investigation needs its own: its budget of the model is in it. `engine` stays open. Raises TelemetryError.
    """
    settings = settings or Settings()
    bench = Workbench(unsafe=settings.sandbox.unsafe_no_isolation)
    executor = ThreadPoolExecutor(THREADS, thread_name_prefix="tsg")
    try:
        known = known_values(engine, settings.query_timeout)
        assistant = _assistant(model or open_model(settings.model), settings, {}, None, "")
        context = Context(engine, known, settings, executor, assistant=assistant, bench=bench)
        yield replace(context, progress=progress) if progress else context
    finally:
        bench.close()
        executor.shutdown(wait=True, cancel_futures=True)


def first_state(request: Request) -> State:
    """What a run of the graph begins with: an id of its own, and the request's text, flags and clock."""
    return _first(uuid4().hex[:12], request)


def _first(identity: str, request: Request) -> State:
    return {
        "id": identity,
        "text": request.text,
        "given": request.given.model_dump(mode="json"),
        "now": (request.now or datetime.now(UTC)).isoformat(),
        "began": time.time(),
    }


def _ended(run: Coroutine[Any, Any, Report]) -> Report:
    """Wait for a run, also where an event loop is running already (a notebook): then beside it."""
    reports: list[Report] = []

    async def main() -> None:
        reports.append(await run)  # not returned: Python 3.11 spells out a main task's result, a report, at its end

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(main())
    else:
        with ThreadPoolExecutor(1, thread_name_prefix="tsg") as beside:
            beside.submit(asyncio.run, main()).result()
    return reports[0]


def _store(settings: Settings) -> tuple[Store | None, str]:
    """Where to keep the run. An incident is not left alone because a folder cannot be written: a note says so."""
    store = Store(settings.state_dir)
    try:
        store.check()
    except RecordError as error:
        return None, f"This investigation cannot be resumed. {error}"
    return store, ""


@contextmanager
def _opened(request: Request, settings: Settings, engine: Engine | None) -> Iterator[Engine]:
    if engine is not None:
        yield engine
        return
    with open_telemetry(request.telemetry, mapping=request.mapping, settings=settings) as opened:
        yield opened


@asynccontextmanager
async def _checkpointer(store: Store | None, watch: Watch) -> AsyncIterator[BaseCheckpointSaver[Any] | None]:
    """A file where the run is to be resumable, memory where a question may be answered; else nothing is kept."""
    if store is not None:
        async with AsyncSqliteSaver.from_conn_string(str(store.checkpoints)) as saver:
            saver.serde = PlainData()
            yield saver
    else:
        yield InMemorySaver(serde=PlainData()) if watch.ask else None


async def _run(  # noqa: PLR0913, PLR0917 - a run's own things, once
    state: State,
    identity: str,
    engine: Engine,
    settings: Settings,
    watch: Watch,
    store: Store | None,
    model: Model | None,
    *,
    go_on: bool = False,
) -> Report:
    """Run, or go on from a checkpoint, until the report is there, asking what is open."""
    frames = store.frames(identity) if store else Frames()
    config: Any = {"configurable": {"thread_id": identity}}
    # In memory only a question is gone on from: then the steps before it need not be written down one by one.
    durability: Durability | None = "async" if store else "exit" if watch.ask else None
    threads: set[int] = set()
    executor = ThreadPoolExecutor(
        THREADS, thread_name_prefix="tsg", initializer=lambda: threads.add(threading.get_ident())
    )
    bench = Workbench(unsafe=settings.sandbox.unsafe_no_isolation)
    cancelled = False
    try:
        asked = asyncio.get_running_loop().run_in_executor(executor, known_values, engine, settings.query_timeout)
        async with _checkpointer(store, watch) as saver:
            graph = compile_graph(saver)
            with readable(identity):
                held = (await graph.aget_state(config)).values if store else {}
                assistant = _assistant(model, settings, held, store, identity)
            known = await asked  # compiling a graph takes as long
            context = Context(engine, known, settings, executor, frames, watch.progress, assistant, bench)
            begun = None if go_on and held else state
            reading = functools.partial(readable, identity) if begun is None else nullcontext
            with reading():  # what a node cannot make sense of may come from the checkpoint
                ended: Any = await graph.ainvoke(begun, config, context=context, durability=durability)
            while "__interrupt__" in ended:
                answers = _answers(ended["__interrupt__"], watch)
                with reading():
                    ended = await graph.ainvoke(Command(resume=answers), config, context=context, durability=durability)
        report = _checked(Report.model_validate(ended["report"]))
        if store:
            store.end(identity, report.headline)
        return report
    except asyncio.CancelledError:
        cancelled = True
        executor.shutdown(wait=False, cancel_futures=True)
        _stop(engine, threads)
        raise
    finally:
        bench.close()
        executor.shutdown(wait=not cancelled, cancel_futures=True)


def _stop(engine: Engine, threads: set[int]) -> None:
    """Cancel the queries that these threads wait for. What else they do (a model's answer) is left to itself."""
    last = time.monotonic() + PATIENCE
    while (alive := threads & {thread.ident for thread in threading.enumerate()}) and time.monotonic() < last:
        if isinstance(engine, Cancellable):
            engine.cancel(alive)
        time.sleep(0.02)


def _answers(interrupts: Any, watch: Watch) -> dict[str, Any]:
    questions = [Question.model_validate(question) for question in interrupts[0].value["questions"]]
    if watch.ask is None:
        raise QuestionError([(one.parameter, one.text, one.candidates) for one in questions])
    return watch.ask(questions)


def _assistant(
    model: Model | None, settings: Settings, held: dict[str, Any], store: Store | None, identity: str
) -> Assistant | None:
    """The model within this investigation's budget, of which a resumed one has spent a part.

    A checkpoint knows what the nodes that ended have spent; the store also what one did that was killed.
    """
    if model is None:
        return None
    spent = [NodeUsage.model_validate(node) for node in held.get("spent", [])]
    if store is None:
        return Assistant(model, settings.model, budget=Budget(settings.model, spent))
    keep = functools.partial(store.spend, identity)
    return Assistant(model, settings.model, budget=Budget(settings.model, store.spent(identity) or spent, keep))


def _checked(report: Report) -> Report:
    """A report, unless nothing at all could be read: then there is an error and no conclusion."""
    broken = [finding for finding in report.findings if finding.status is Status.ERROR]
    if len(broken) == len(report.findings):
        raise TelemetryError(
            f"No check could be run: {broken[0].reason}", fix="`tsg-agent doctor --telemetry …` says more."
        )
    return report
