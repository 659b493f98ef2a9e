"""The one door: what every surface that serves others starts, answers, cancels and reads investigations through."""

import asyncio
import functools
import gc
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeAlias, TypeVar

from tsg_agent.ask import Answer
from tsg_agent.errors import ParameterError, RecordError, TsgError
from tsg_agent.events import Event
from tsg_agent.extract import Given
from tsg_agent.investigation.entry import begin, continued
from tsg_agent.investigation.pool import in_own_thread
from tsg_agent.investigation.queue import QUEUE, QueueTurn
from tsg_agent.investigation.recorder import Recorder, written
from tsg_agent.investigation.running import InvestigationRun
from tsg_agent.investigation.sources import Source, Sources, open_for
from tsg_agent.investigation.watch import Heard, Watch
from tsg_agent.llm import LanguageModel
from tsg_agent.models import Known, Question, Report
from tsg_agent.models import Model as Shape
from tsg_agent.report.forms import Form
from tsg_agent.service.calls import Calls, Checked
from tsg_agent.service.feedback import export, feedback_of
from tsg_agent.service.following import Following
from tsg_agent.service.sections import rendered, section
from tsg_agent.service.worker import GRACE, Call
from tsg_agent.service.workers import Workers
from tsg_agent.settings import Settings
from tsg_agent.store import Feedback, Kept, Request, Store
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tracing import carried

Events: TypeAlias = list[Event]
Listed: TypeAlias = list[Kept]
Questions: TypeAlias = list[Question]
M = TypeVar("M", bound=Shape)
DYING = 10 * GRACE
"""Within so many seconds the processes of a service that was killed have ended, also on a busy machine."""
MOST_ENDED = 100
"""The service remembers the tasks of at most this many ended investigations."""
KNOWN_S = 60.0
"""Seconds after which the values that a source knows are read anew."""
PENDING = ("running", "queued", "asked")
"""States in which more may happen without anybody who goes on."""


class Standing(NamedTuple):
    """How an investigation stands: what a list says of it, what it waits for, its place in the queue (0: in none)."""

    kept: Kept
    questions: list[Question]
    place: int = 0


@dataclass
class _Live:
    """An investigation that this service runs."""

    turn: QueueTurn
    task: "asyncio.Task[Report | None] | None" = None
    questions: list[Question] = field(default_factory=list)
    answer: "asyncio.Future[Any] | None" = None
    asks: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def runs(self) -> bool:
        """Whether it has not ended."""
        return self.task is not None and not self.task.done()

    @property
    def state(self) -> str:
        """How it stands, while it runs: the log is written a moment later."""
        return "asked" if self.questions else "queued" if self.turn.place else "running"


class Service:
    """Investigations over named sources, for several clients at once; everything is kept in the state directory.

    Use it in `async with`: at its end what still runs is stopped, and can be resumed. Its methods raise the typed
    errors of `tsg_agent.errors`, which say what to do. Its surfaces read one log of events: `events`, `follow`.
    """

    def __init__(
        self,
        sources: Mapping[str, Source | str | Path],
        *,
        settings: Settings | None = None,
        model: LanguageModel | None = None,
        workers: int = 0,
        worker_setup: str = "",
        guide: AnyGuide = GUIDE,
    ) -> None:
        """`sources`: name -> where its telemetry lies. A client names one; it never sends a path.

        `workers`: so many processes, of some 400 MB, run an investigation each; as many at most, one of them started
        beforehand, answer questions and run single checks; their model is the settings' own. 0 = this process does it.
        `worker_setup`: `module:function` that each calls as it starts. `guide`: of typed checks. Raises ParameterError.
        """
        if workers and model is not None:
            raise ParameterError(
                "A model that is an object cannot go to worker processes.", fix="Name it in the settings: TSG_MODEL__…"
            )
        self.settings = settings or Settings()
        self.sources = Sources(sources, self.settings)
        self.store = Store(self.settings.state_dir)
        self.guide = guide
        self._model = model
        self._live: dict[str, _Live] = {}
        self._workers = Workers(workers, self.sources.named, self.settings, worker_setup, guide) if workers else None
        self._queue = self._workers.investigating.queue if self._workers else QUEUE
        self._calls = Calls(self.sources, self.settings, guide)
        self._known: dict[str, tuple[float, Known]] = {}
        self._reading: dict[str, asyncio.Task[Known]] = {}
        self._following: Following | None = None

    async def __aenter__(self) -> Self:
        _imported()
        if self._workers:
            await self._workers.start()
        return self

    async def __aexit__(self, *_ended: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs, and close the sources."""
        if self._workers:
            self._workers.closing()
        tasks = [live.task for live in self._live.values() if live.task] + list(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._workers:
            await self._workers.aclose()
        await asyncio.to_thread(self.sources.close)

    async def start(
        self, text: str, source: str = "", *, given: Given | None = None, now: datetime | None = None
    ) -> str:
        """Begin an investigation, and give its id. `source` may be left out where there is only one."""
        where = self.sources.called(source)
        request = Request(
            text=text, telemetry=str(where.telemetry), mapping=where.mapping, given=given or Given(), now=now
        )
        with self._queue.place() as turn:
            engine = None if self._workers else await asyncio.to_thread(self.sources.engine, source)
            begun = await asyncio.to_thread(
                begin, request, settings=self.settings, engine=engine, model=self._model, keep=True, guide=self.guide
            )
            if begun.store is None:
                raise RecordError("Investigations cannot be kept.", fix=" ".join(begun.notes))
            self._run(begun, turn)
        return begun.identity

    async def resume(self, identity: str) -> None:
        """Go on with an investigation that was interrupted, or failed. Raises RecordError if it has concluded."""
        await self._go_on(identity, None)

    async def recover(self) -> Listed:
        """Go on with what was interrupted over these sources, as a server does that starts again. Gives those.

        One that cannot be gone on with has failed, and its log says why. What another process runs is left to it.
        """
        gone_on = dict[str, Kept]()
        last = time.monotonic() + DYING  # what ran them may be about to end
        while True:
            waiting = [one for one in await self.list(None) if one.state in ("interrupted", "running", "queued")]
            waiting = [one for one in waiting if one.id not in gone_on and not self._runs(one.id)]
            for one in waiting:
                if one.state == "interrupted" and await self._recovered(one.id):
                    gone_on[one.id] = one
            if time.monotonic() > last or all(one.state == "interrupted" for one in waiting):
                return list(gone_on.values())
            await asyncio.sleep(0.1)

    async def answer(self, identity: str, answers: Mapping[str, Any] | str) -> None:
        """Answer what an investigation asks, also days later: parameter -> value, or the value where one is asked.

        A wrong answer is asked again: `get` has the questions. Raises RecordError where nothing is asked.
        """
        live = self._live.get(identity)
        said = dict(answers) if isinstance(answers, Mapping) else answers
        if live is None or not live.runs:
            await self._go_on(identity, said)
        elif live.answer is None or live.answer.done():
            raise RecordError(f"Investigation {identity} asks nothing now.", fix="`get` says how it stands.")
        else:
            live.asks.clear()
            live.answer.set_result(said)

    async def cancel(self, identity: str) -> None:
        """Stop an investigation: its queries are cancelled. Nothing happens to one that has ended."""
        live = self._live.get(identity)
        if live is not None and live.task is not None and live.runs:
            live.task.cancel()
            await asyncio.wait([live.task])
        elif (await self.get(identity)).kept.state not in ("asked", "interrupted"):  # what another service began
            return
        await asyncio.to_thread(self.store.events.append, identity, "cancelled", {})
        self._tell(identity)

    async def ended(self, identity: str) -> Report:
        """The report, when it is there. Raises what ended the investigation otherwise."""
        live = self._live.get(identity)
        if live is not None and live.task is not None:
            report = await asyncio.shield(live.task)
            if report is not None:
                return report
        return await asyncio.to_thread(self.store.report, identity)

    async def settled(self, identity: str) -> Standing:
        """How an investigation stands, when it has ended or asks something."""
        live = self._live.get(identity)
        if live is not None and live.task is not None and live.runs:
            asks = asyncio.create_task(live.asks.wait())
            await asyncio.wait({live.task, asks}, return_when=asyncio.FIRST_COMPLETED)
            asks.cancel()
        return await self.get(identity)

    async def list(self, limit: int | None = 20) -> Listed:
        """The investigations that are kept, newest first; None = all."""
        kept = await asyncio.to_thread(self.store.kept, limit)
        live = {identity: one.state for identity, one in self._live.items() if one.runs}
        return [one._replace(state=live.get(one.id, one.state)) for one in kept]

    async def get(self, identity: str) -> Standing:
        """How an investigation stands."""
        live = self._live.get(identity)
        await asyncio.to_thread(self.store.recall, identity)
        kept = await asyncio.to_thread(self.store.about, identity)
        if live is not None and live.runs:
            return Standing(kept._replace(state=live.state), live.questions, live.turn.place)
        asked = await asyncio.to_thread(self._asked, identity) if kept.state == "asked" else []
        return Standing(kept, asked)

    async def events(self, identity: str, after: int = 0) -> Events:
        """What happened behind event number `after`, in order."""
        await asyncio.to_thread(self.store.recall, identity)
        return await asyncio.to_thread(self.store.events.after, identity, after)

    async def follow(self, identity: str, after: int = 0) -> AsyncIterator[Event]:
        """The events behind number `after`, and those that come, until nothing more will unless somebody goes on."""
        async for news in self.news(identity, after):
            for event in news:
                yield event

    async def news(self, identity: str, after: int = 0) -> AsyncIterator[Events]:
        """As `follow`, in batches; an empty list now and then while nothing happens."""
        await asyncio.to_thread(self.store.recall, identity)
        self._following = self._following or Following(self.store.events, self._over)
        async for news in self._following.after(identity, after):
            yield news

    async def report(self, identity: str, form: Form = "json") -> str:
        """The report of an investigation that has concluded; its telemetry may be gone. `json`: as it was written."""
        return await asyncio.to_thread(rendered, self.store, identity, form)

    async def section(self, identity: str, name: str) -> str:
        """A part of that report: `brief`, `causes`, `step_2` and the like, for readers that take little at a time."""
        return await asyncio.to_thread(lambda: section(self.store.report(identity), name))

    async def ask(self, question: str, source: str = "", *, incident: str = "", given: Given | None = None) -> Answer:
        """A question in plain words about a source; `incident`: the text that it is about."""
        return await self._called(Answer, "ask", source, question=question, incident=incident, given=given or Given())

    async def check(self, name: str, arguments: Mapping[str, Any], source: str = "") -> Checked:
        """One of the guide's checks by itself; its arguments are plain JSON."""
        return await self._called(Checked, "check", source, name=name, arguments=dict(arguments))

    async def known(self, source: str = "") -> Known:
        """The values that a source knows: as they were read before, if they were; then they are read anew for later."""
        held = self._known.get(source)
        reading = self._reading.get(source)
        if reading is None or (reading.done() and (held is None or time.monotonic() - held[0] > KNOWN_S)):
            reading = self._reading[source] = asyncio.create_task(self._read_known(source))
            reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        return held[1] if held else await asyncio.shield(reading)

    async def feedback(self, identity: str, **said: Any) -> Feedback:
        """Keep what it really was. See feedback_of."""

        def judged() -> Feedback:
            feedback = feedback_of(self.store.report(identity), **said)
            self.store.judge(identity, feedback)
            return feedback

        kept = await asyncio.to_thread(judged)
        self._tell(identity)
        return kept

    async def export(self, identity: str, folder: Path) -> Path:
        """Write the investigation, with what a person said of it, as a case for `python -m eval`."""

        def written() -> Path:
            request = self.store.recall(identity)
            held = self.sources.at(request)
            if held is not None:
                return export(identity, folder, self.store, held, self.settings)
            with open_for(request, self.settings) as engine:
                return export(identity, folder, self.store, engine, self.settings)

        return await asyncio.to_thread(written)

    async def _read_known(self, source: str) -> Known:
        known = await self._called(Known, "known", source)
        self._known[source] = time.monotonic(), known
        return known

    async def _called(self, gives: type[M], what: str, source: str, **arguments: Any) -> M:
        """Run a call in a worker process, if there are some, otherwise in a thread of its own."""
        self.sources.called(source)
        if self._workers is None:
            return gives.model_validate(await in_own_thread(self._calls.done, what, source, arguments))
        return gives.model_validate(await self._workers.called(Call(what, source, arguments, carried())))

    async def _recovered(self, identity: str) -> bool:
        try:
            if self.sources.name_of(await asyncio.to_thread(self.store.recall, identity)) is None:
                return False
            if await asyncio.to_thread(self.store.recall_guide, identity):
                return False  # the command line's
            await self.resume(identity)
        except TsgError as error:
            log = Recorder(self.store.events, identity, redact=self.settings.model.redact)
            log("failed", error=type(error).__name__, message=error.message, fix=error.fix)
            await written()
            return False
        return True

    def _runs(self, identity: str) -> bool:
        live = self._live.get(identity)
        return live is not None and live.runs

    async def _go_on(self, identity: str, answers: Any) -> None:
        if self._runs(identity):
            raise RecordError(f"Investigation {identity} is running already.", fix="`get` says how it stands.")
        with self._queue.place() as turn:
            request = await asyncio.to_thread(self.store.recall, identity)
            engine = None if self._workers else await asyncio.to_thread(self.sources.at, request)
            held = await asyncio.to_thread(continued, identity, settings=self.settings, engine=engine, guide=self.guide)
            if isinstance(held, Report):
                raise RecordError(f"Investigation {identity} has concluded already.", fix="`report` gives its report.")
            self._run(replace(held, model=self._model), turn, answers=answers, go_on=True)

    def _run(self, begun: InvestigationRun, turn: QueueTurn, *, answers: Any = None, go_on: bool = False) -> None:
        """Run it as a task of the event loop. `answers` are those to its first question."""
        identity = begun.identity
        live = self._live[identity] = _Live(turn)

        async def ask(questions: list[Question]) -> Any:
            live.questions, live.answer = questions, asyncio.get_running_loop().create_future()
            live.asks.set()
            try:
                return await live.answer
            finally:
                live.questions, live.answer = [], None

        told = functools.partial(self._tell, identity)
        watch = Watch(ask=ask, logged=lambda _event: told(), tries=None)
        ready = replace(begun, heard=Heard(watch, known=answers), turn=turn)
        workers = self._workers
        run = workers.concluded(ready, self.store, told, go_on=go_on) if workers else ready.concluded(go_on=go_on)
        live.task = asyncio.create_task(run)
        live.task.add_done_callback(lambda task: self._ended(identity, task))
        live.task.add_done_callback(lambda _task: turn.leave())  # one that is cancelled at once was never in it

    def _ended(self, identity: str, task: "asyncio.Task[Report | None]") -> None:
        if not task.cancelled():
            task.exception()  # whoever waits for it gets it, and the event log has it
        self._tell(identity)
        if len(self._live) > MOST_ENDED:
            ended = [name for name, live in self._live.items() if not live.runs]
            for name in ended[: len(self._live) - MOST_ENDED]:
                del self._live[name]

    def _tell(self, identity: str) -> None:
        """Whoever follows it: something happened."""
        if self._following:
            self._following.told(identity)

    def _over(self, identity: str) -> bool:
        """Whether nothing more will happen in an investigation unless somebody goes on. For a thread."""
        return not self._runs(identity) and self.store.about(identity).state not in PENDING

    def _asked(self, identity: str) -> Questions:
        asked = [event for event in self.store.events.after(identity) if event.kind == "asked"]
        return [Question.model_validate(question) for question in asked[-1].data["questions"]] if asked else []


_imported = functools.cache(gc.freeze)
"""Exempts imported modules from garbage collection, once a process: scanning them again and again holds the event
loop."""
