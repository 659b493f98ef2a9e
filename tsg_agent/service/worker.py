"""A process that works for a service, one job after another: what it takes with it is one of them.

It is told what to run, as pickles, on standard input, and says how it went, as lines of JSON, on standard output:
whoever reads those need not trust a process that reads hostile telemetry. What happens meanwhile is in the event
log. It ends when it is hung up on, however busy it is.
"""

import asyncio
import contextlib
import gc
import json
import logging
import os
import pickle
import pkgutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple, NoReturn

from tsg_agent.errors import QuestionError, TelemetryError
from tsg_agent.investigation.entry import continued
from tsg_agent.investigation.pool import in_own_thread
from tsg_agent.investigation.sources import Source, Sources
from tsg_agent.investigation.watch import Watch
from tsg_agent.models import Report
from tsg_agent.service.calls import Calls
from tsg_agent.service.crossing import told
from tsg_agent.settings import Settings
from tsg_agent.store import Store
from tsg_agent.telemetry.engine import QUERIES
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tracing import within

GRACE = 1.0
"""Seconds to end orderly, with queries cancelled, when it is hung up on."""


class Begin(NamedTuple):
    """The first thing that it is told: what it works with."""

    settings: Settings
    sources: Mapping[str, Source]
    setup: str = ""
    """`module:function` that is called first: for logging and traces."""
    guide: AnyGuide = GUIDE


class Job(NamedTuple):
    """One investigation, which is kept; `answers`: to what it asks."""

    identity: str
    notes: tuple[str, ...] = ()
    go_on: bool = False
    answers: Any = None
    carried: Mapping[str, str] = {}
    """See tracing.carried."""


class Call(NamedTuple):
    """One thing that is asked of a source: see calls."""

    what: str
    source: str
    arguments: Mapping[str, Any]
    carried: Mapping[str, str] = {}


class _Told(logging.Handler):
    """Tells of each query that begins: a process that asks does not hang."""

    def __init__(self, say: Callable[..., None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(said="query")

    def listen(self) -> None:
        """Hear of queries; whoever did not before does not now."""
        if not QUERIES.isEnabledFor(logging.INFO):
            QUERIES.setLevel(logging.INFO)
            QUERIES.propagate = False
        QUERIES.addHandler(self)


def serve() -> NoReturn:
    """Run what is told until it is hung up on."""
    out, given = os.fdopen(os.dup(1), "w", encoding="utf-8"), os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)  # nothing that a library prints may pass for an answer
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - nor may what it runs read what is meant for it
        os.dup2(nothing.fileno(), 0)

    saying = threading.Lock()

    def say(**said: Any) -> None:
        line = json.dumps(said, ensure_ascii=False) + "\n"
        with saying:
            out.write(line)
            out.flush()

    begin: Begin = pickle.load(given)  # noqa: S301 - from the process that started this one
    if begin.setup:
        pkgutil.resolve_name(begin.setup)()
    _Told(say).listen()
    gc.collect()
    gc.freeze()  # what was imported stays: to look through it again and again holds all threads
    say(said="ready")
    with contextlib.suppress(asyncio.CancelledError):
        asyncio.run(_served(begin, given, say))
    os._exit(0)


async def _served(begin: Begin, given: Any, say: Any) -> None:
    jobs: asyncio.Queue[Job | Call] = asyncio.Queue()
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs

    def hear() -> None:
        while True:
            try:
                job = pickle.load(given)  # noqa: S301 - as above
            except (EOFError, OSError):
                loop.call_soon_threadsafe(task.cancel)
                time.sleep(GRACE)
                os._exit(0)
            loop.call_soon_threadsafe(jobs.put_nowait, job)

    threading.Thread(target=hear, name="tsg-told", daemon=True).start()
    sources = Sources(begin.sources, begin.settings)
    calls = Calls(sources, begin.settings, begin.guide)
    try:
        while True:
            job = await jobs.get()
            with within(job.carried):
                if isinstance(job, Call):
                    said = await _called(job, calls)
                else:
                    said = await _done(job, begin, sources, lambda _event: say(said="event"))
            say(said="ended", **said)
    finally:
        sources.close()


async def _done(job: Job, begin: Begin, sources: Sources, wrote: Any) -> dict[str, Any]:
    """Run one until it has ended, or asks: then it is over for now, and its answer is another job."""
    held: Any = None
    settings = begin.settings
    try:
        request = await asyncio.to_thread(Store(settings.state_dir).recall, job.identity)
        engine = None
        with contextlib.suppress(TelemetryError):  # it is tried again where the log hears of it
            engine = await asyncio.to_thread(sources.at, request)
        watch = Watch(logged=wrote, tries=None)
        held = await asyncio.to_thread(
            continued, job.identity, settings=settings, watch=watch, engine=engine, guide=begin.guide
        )
        if not isinstance(held, Report):
            held.heard.known = job.answers
            await replace(held, notes=(*held.notes, *job.notes)).concluded(go_on=job.go_on)
    except QuestionError:
        return {"how": "asked", "questions": [one.model_dump(mode="json") for one in held.heard.open]}
    except Exception as error:  # a defect ends one investigation, not the process
        return {"how": "failed", **told(error)}
    return {"how": "concluded"}


async def _called(call: Call, calls: Calls) -> dict[str, Any]:
    try:
        result = await in_own_thread(calls.done, call.what, call.source, call.arguments)
    except Exception as error:  # as above
        return {"how": "failed", **told(error)}
    return {"how": "done", "result": result.model_dump(mode="json")}
