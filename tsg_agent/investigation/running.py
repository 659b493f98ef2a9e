"""Runs one investigation: waits for its turn, runs the graph, asks questions, stores the report."""

import asyncio
import functools
import logging
import sqlite3
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command, Durability

from tsg_agent import __version__
from tsg_agent.checkpoints import Checkpoints, PlainData, readable
from tsg_agent.errors import RecordError, TelemetryError, TsgError
from tsg_agent.events import UnkeptLog
from tsg_agent.frames import Frames
from tsg_agent.graph import compile_graph
from tsg_agent.investigation.pool import InvestigationExecutor
from tsg_agent.investigation.queue import QUEUE, Queue, QueueTurn
from tsg_agent.investigation.recorder import Recorder, written
from tsg_agent.investigation.sources import opened
from tsg_agent.investigation.traced import TracedEngine, TracedModel
from tsg_agent.investigation.watch import Heard
from tsg_agent.llm import Assistant, Budget, LanguageModel, open_model
from tsg_agent.llm.analysis import Workbench
from tsg_agent.models import NodeUsage, Report, Status
from tsg_agent.settings import Settings
from tsg_agent.state import Context, State
from tsg_agent.store import Request, Store
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.files import places
from tsg_agent.telemetry.profile import known_values
from tsg_agent.telemetry.unchanged import difference, marks
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tracing import about, span

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class InvestigationRun:
    """One run's inputs. `engine`: an open engine, not closed here; `store`: None if nothing is kept."""

    identity: str
    request: Request
    state: State
    settings: Settings
    heard: Heard
    store: Store | None = None
    engine: Engine | None = None
    model: LanguageModel | None = None
    notes: tuple[str, ...] = ()
    """For the report: problems before the run."""
    guide: AnyGuide = GUIDE
    turn: QueueTurn | None = None
    """Its position in the queue, if it has joined already."""

    async def concluded(self, *, go_on: bool = False) -> Report:
        """Wait for its turn, run, and return the report. How it ended is written to the event log in any case.

        `go_on`: continue from the last checkpoint, if there is one. Raises what investigate() raises, and RecordError
        if another process runs it.
        """
        kept = self.store is not None
        with about(self.identity), span("investigation", investigation=self.identity, resumed=go_on, kept=kept):
            return await self._concluded(go_on=go_on)

    async def _concluded(self, *, go_on: bool) -> Report:
        heard, redact = self.heard, self.settings.model.redact
        events = self.store.events if self.store else UnkeptLog()
        heard.log = recorder = Recorder(events, self.identity, redact=redact, wrote=heard.logged)
        async with self.claimed():
            try:
                if self.store and self.store.has_report(
                    self.identity
                ):  # another process finished it, or was killed right after
                    return await self._ended(self.store, await asyncio.to_thread(self.store.report, self.identity))
                report = await self._run(go_on=go_on)
                await written()
                report = _noted(report, [*heard.notes, *recorder.notes])
                return await self._kept(report)
            except asyncio.CancelledError:
                concluded = self.store is not None and self.store.has_report(self.identity)
                if not heard.open and not concluded:
                    heard.log("interrupted")
                raise
            except Exception as error:
                told = error if isinstance(error, TsgError) else TsgError("A defect of tsg-agent; please report it.")
                if not heard.open:
                    heard.log("failed", error=type(error).__name__, message=told.message, fix=told.fix)
                raise
            finally:
                await written()

    async def _run(self, *, go_on: bool) -> Report:
        """Wait for its turn, open the engine, and run; the report with all notes."""
        async with (
            self.placed(QUEUE) as turn,
            opened(self.engine, self.request, self.settings) as engine,
        ):
            changed = await asyncio.to_thread(self._changed, go_on=go_on)
            self.heard.log("began", version=__version__, resumed=go_on)
            report = await self._report(engine, turn, self.heard, go_on=go_on)
        return _noted(report, [*self.notes, *changed])

    def placed(self, queue: Queue) -> QueueTurn:
        """Its position in the queue, with the watch as listener."""
        turn = self.turn or queue.turn()
        turn.told = self.heard.queued
        return turn

    async def _report(self, engine: Engine, turn: QueueTurn, heard: Heard, *, go_on: bool) -> Report:
        """Run the graph, or resume it from a checkpoint, answering its interrupts, until it yields the report."""
        traced = TracedEngine(engine)
        executor, bench = InvestigationExecutor(), Workbench(unsafe=self.settings.sandbox.unsafe_no_isolation)
        try:
            known = asyncio.get_running_loop().run_in_executor(
                executor, known_values, traced, self.settings.query_timeout
            )
            known.add_done_callback(_heard)  # if something else fails first, nobody awaits it, and asyncio would warn
            async with self._checkpointer() as saver:
                graph, config = compile_graph(saver, self.guide), self._config
                with readable(self.identity):
                    held = (await graph.aget_state(config)).values if self.store else {}
                assistant = await self._assistant(held)
                frames = self.store.frames(self.identity) if self.store else Frames()
                context = Context(
                    TracedEngine(engine),
                    await known,
                    self.settings,
                    executor,
                    frames,
                    assistant,
                    bench,
                    heard.log_event,
                )
                run = functools.partial(graph.ainvoke, config=config, context=context, durability=self._durability)
                on = go_on and bool(held)
                reading = functools.partial(readable, self.identity) if on else nullcontext
                with reading():  # an invalid value in a node may come from a damaged checkpoint
                    ended: Any = await run(None if on else self.state)
                while "__interrupt__" in ended:
                    async with turn.given_back():
                        answers = await heard.answers(ended["__interrupt__"][0].value)
                    with reading():
                        ended = await run(Command(resume=answers))
                lost = frames.lost or (saver.lost if isinstance(saver, Checkpoints) else "")
            if lost:
                heard.notes.append(f"This investigation could not be resumed: its steps could not be kept ({lost}).")
            return _checked(context.validated.read(Report, ended["report"]))
        except asyncio.CancelledError:
            await executor.stop(engine)
            raise
        except BaseException:
            await executor.stop(engine)
            await executor.drain()
            raise
        finally:
            await asyncio.to_thread(bench.close)

    @property
    def _config(self) -> Any:
        return {"configurable": {"thread_id": self.identity}}

    @property
    def _durability(self) -> Durability | None:
        """In memory, a run resumes only after an interrupt: checkpoints between steps are not needed."""
        return "async" if self.store else "exit" if self.heard.watch.ask else None

    @asynccontextmanager
    async def claimed(self) -> AsyncIterator[None]:
        """Lock a stored investigation. Raises RecordError if another process holds the lock."""
        if self.store is None:
            yield
            return
        held = ExitStack()
        try:
            await asyncio.to_thread(held.enter_context, self.store.claimed(self.identity))
            with suppress(OSError, sqlite3.Error):  # the first write reports it
                await asyncio.to_thread(held.enter_context, self.store.events.kept_open())
            yield
        finally:
            await asyncio.to_thread(held.close)

    @asynccontextmanager
    async def _checkpointer(self) -> AsyncIterator[BaseCheckpointSaver[Any] | None]:
        """On disk if the run is stored, in memory if questions can be answered, else None."""
        if self.store is not None:
            async with Checkpoints.of(self.store.checkpoints) as saver:
                yield saver
        else:
            yield InMemorySaver(serde=PlainData()) if self.heard.watch.ask else None

    async def _assistant(self, held: dict[str, Any]) -> Assistant | None:
        """The model with the remaining budget; `held`: the state of the checkpoint that is resumed.

        The checkpoint has the usage of finished nodes only; the store also that of nodes which were killed.
        """
        settings = self.settings.model
        model = self.model or (await asyncio.to_thread(open_model, settings) if settings.name else None)
        if model is None:
            return None
        model = TracedModel(model)
        spent = [NodeUsage.model_validate(node) for node in held.get("spent", [])]
        if self.store is None:
            return Assistant(model, settings, budget=Budget(settings, spent))
        keep = functools.partial(self.store.spend, self.identity)
        return Assistant(model, settings, budget=Budget(settings, self.store.spent(self.identity) or spent, keep))

    def _changed(self, *, go_on: bool) -> list[str]:
        """A note if the telemetry files have changed since the investigation began."""
        if self.store is None:
            return []
        now = marks(places(self.request.telemetry))
        try:
            before = self.store.recall_source(self.identity) if go_on else None
            if before is None:
                self.store.remember_source(self.identity, now)
        except (RecordError, OSError) as error:
            return [f"Whether the telemetry has changed since this investigation began is not known: {error}"]
        said = difference(before, now) if before is not None else ""
        told = f"Since this investigation began, {said}: what was checked before read what was there then."
        return [told] if said else []

    async def _kept(self, report: Report) -> Report:
        """Store the report if the run is stored, and log the end; if that fails, keep the checkpoints, with a note."""
        if self.store is None:
            self._log_conclusion(report)
            return report
        try:
            await asyncio.to_thread(self.store.keep_report, self.identity, report)
        except OSError as error:
            log.warning("a report cannot be kept: %s", error)
            return _noted(report, [f"This report is not kept: {error.strerror or error}."])
        return await self._ended(self.store, report)

    async def _ended(self, store: Store, report: Report) -> Report:
        """Log the end of a run whose report is stored, exactly once, and delete its checkpoints."""
        try:
            logged = await asyncio.to_thread(store.events.after, self.identity)
            if all(event.kind != "concluded" for event in logged):  # a killed run may have logged it
                self._log_conclusion(report)
                await written()
            await asyncio.to_thread(store.end, self.identity, report.headline)
        except (OSError, sqlite3.Error) as error:
            log.warning("what a concluded investigation leaves cannot be taken away: %s", error)
        return report

    def _log_conclusion(self, report: Report) -> None:
        self.heard.log("concluded", headline=report.headline, causes=len(report.causes))


def _heard(future: "asyncio.Future[Any]") -> None:
    if not future.cancelled():
        future.exception()


def _noted(report: Report, notes: list[str]) -> Report:
    return report.model_copy(update={"notes": [*report.notes, *notes]}) if notes else report


def _checked(report: Report) -> Report:
    """The report. Raises TelemetryError if every check failed: nothing supports a conclusion then."""
    broken = [finding for finding in report.findings if finding.status is Status.ERROR]
    if len(broken) == len(report.findings):
        raise TelemetryError(
            f"No check could be run: {broken[0].reason}", fix="`tsg-agent doctor --telemetry …` says more."
        )
    return report
