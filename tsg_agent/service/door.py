"""The one door: what every surface that serves others starts, answers, cancels and reads investigations through."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeAlias

from tsg_agent.errors import ParameterError, RecordError
from tsg_agent.events import Event
from tsg_agent.extract import Given
from tsg_agent.llm import Model
from tsg_agent.models import Question, Report
from tsg_agent.progress import Progress
from tsg_agent.report.forms import FORMS, Form, render
from tsg_agent.service.entry import begin, continued
from tsg_agent.service.feedback import export, feedback_of
from tsg_agent.service.pool import alone
from tsg_agent.service.running import Investigation
from tsg_agent.service.sources import Source, Sources, open_telemetry
from tsg_agent.service.watch import Heard, Watch
from tsg_agent.settings import Settings
from tsg_agent.store import Feedback, Kept, Request, Store

if TYPE_CHECKING:
    from tsg_agent.ask import Answer

Events: TypeAlias = list[Event]
Listed: TypeAlias = list[Kept]
Questions: TypeAlias = list[Question]
MOST_ENDED = 100
"""Investigations that have ended of which the service still knows the task."""


class Standing(NamedTuple):
    """How an investigation stands: what a list says of it, what it waits for, its place in the queue (0: in none)."""

    kept: Kept
    questions: list[Question]
    place: int = 0


@dataclass
class _Live:
    """An investigation that this service runs."""

    task: "asyncio.Task[Report] | None" = None
    questions: list[Question] = field(default_factory=list)
    answer: "asyncio.Future[Any] | None" = None
    asks: asyncio.Event = field(default_factory=asyncio.Event)
    place: int = 0
    progress: Callable[[Progress], None] | None = None


class Service:
    """Investigations over named sources, for several clients at once; everything is kept in the state directory.

    Use it in `async with`: at its end what still runs is stopped, and can be resumed. Its methods raise the typed
    errors of `tsg_agent.errors`, which say what to do.
    """

    def __init__(
        self,
        sources: Mapping[str, Source | str | Path],
        *,
        settings: Settings | None = None,
        model: Model | None = None,
    ) -> None:
        """`sources`: name -> where its telemetry lies. A client names one; it never sends a path."""
        self.settings = settings or Settings()
        self.sources = Sources(sources, self.settings)
        self.store = Store(self.settings.state_dir)
        self._model = model
        self._live: dict[str, _Live] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Stop what runs, and close the sources."""
        tasks = [live.task for live in self._live.values() if live.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.to_thread(self.sources.close)

    async def start(
        self,
        text: str,
        source: str = "",
        *,
        given: Given | None = None,
        now: datetime | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> str:
        """Begin an investigation, and give its id. `source` may be left out where there is only one.

        `progress` is told, in this event loop, of each check that begins and ends.
        """
        where = self.sources.called(source)
        request = Request(
            text=text, telemetry=str(where.telemetry), mapping=where.mapping, given=given or Given(), now=now
        )
        engine = await asyncio.to_thread(self.sources.engine, source)
        begun = await asyncio.to_thread(
            begin, request, settings=self.settings, engine=engine, model=self._model, keep=True
        )
        if begun.store is None:
            raise RecordError("Investigations cannot be kept.", fix=" ".join(begun.notes))
        self._run(begun, progress=progress)
        return begun.identity

    async def resume(self, identity: str) -> None:
        """Go on with an investigation that was interrupted, or failed. Raises RecordError if it has concluded."""
        await self._go_on(identity, None)

    async def answer(self, identity: str, answers: Mapping[str, Any] | str) -> None:
        """Answer what an investigation asks, also days later: parameter -> value, or the value where one is asked.

        A wrong answer is asked again: `get` has the questions. Raises RecordError where nothing is asked.
        """
        live = self._live.get(identity)
        said = dict(answers) if isinstance(answers, Mapping) else answers
        if live is None or live.task is None or live.task.done():
            await self._go_on(identity, said)
        elif live.answer is None or live.answer.done():
            raise RecordError(f"Investigation {identity} asks nothing now.", fix="`get` says how it stands.")
        else:
            live.asks.clear()
            live.answer.set_result(said)

    async def cancel(self, identity: str) -> None:
        """Stop an investigation: its queries are cancelled. Nothing happens to one that has ended."""
        live = self._live.get(identity)
        if live is not None and live.task is not None and not live.task.done():
            live.task.cancel()
            await asyncio.wait([live.task])
        elif (await self.get(identity)).kept.state not in ("asked", "interrupted"):  # what another service began
            return
        await asyncio.to_thread(self.store.events.append, identity, "cancelled", {})

    async def ended(self, identity: str) -> Report:
        """The report, when it is there. Raises what ended the investigation otherwise."""
        live = self._live.get(identity)
        if live is not None and live.task is not None:
            return await asyncio.shield(live.task)
        return await asyncio.to_thread(self.store.report, identity)

    def listen(self, identity: str, progress: Callable[[Progress], None] | None) -> None:
        """Tell of each check that begins and ends, in this event loop, instead of whom was told before."""
        live = self._live.get(identity)
        if live is not None:
            live.progress = progress

    async def settled(self, identity: str) -> Standing:
        """How an investigation stands, when it has ended or asks something."""
        live = self._live.get(identity)
        if live is not None and live.task is not None and not live.task.done():
            asks = asyncio.create_task(live.asks.wait())
            await asyncio.wait({live.task, asks}, return_when=asyncio.FIRST_COMPLETED)
            asks.cancel()
        return await self.get(identity)

    async def list(self, limit: int = 20) -> Listed:
        """The investigations that are kept, newest first."""
        return await asyncio.to_thread(self.store.kept, limit)

    async def get(self, identity: str) -> Standing:
        """How an investigation stands."""
        live = self._live.get(identity)
        await asyncio.to_thread(self.store.recall, identity)
        kept = await asyncio.to_thread(self.store.about, identity)
        if live is not None and live.task is not None and not live.task.done():
            state = "asked" if live.questions else "queued" if live.place else "running"  # the log is written later
            return Standing(kept._replace(state=state), live.questions, live.place)
        asked = await asyncio.to_thread(self._asked, identity) if kept.state == "asked" else []
        return Standing(kept, asked)

    async def events(self, identity: str, after: int = 0) -> Events:
        """What happened behind event number `after`, in order."""
        await asyncio.to_thread(self.store.recall, identity)
        return await asyncio.to_thread(self.store.events.after, identity, after)

    async def report(self, identity: str, form: Form = "json") -> str:
        """The report of an investigation that has concluded; its telemetry may be gone. `json`: as it was written."""
        return await asyncio.to_thread(rendered, self.store, identity, form)

    async def ask(self, question: str, source: str = "", *, incident: str = "", given: Given | None = None) -> "Answer":
        """A question in plain words about a source; `incident`: the text that it is about."""
        from tsg_agent.ask import answer  # noqa: PLC0415 - it calls investigate(), and so stands above

        engine = await asyncio.to_thread(self.sources.engine, source)
        return await alone(answer, question, engine, self.settings, incident=incident, given=given)

    async def feedback(self, identity: str, **said: Any) -> Feedback:
        """Keep what it really was. See feedback_of."""

        def judged() -> Feedback:
            feedback = feedback_of(self.store.report(identity), **said)
            self.store.judge(identity, feedback)
            return feedback

        return await asyncio.to_thread(judged)

    async def export(self, identity: str, folder: Path) -> Path:
        """Write the investigation, with what a person said of it, as a case for `python -m eval`."""

        def written() -> Path:
            request = self.store.recall(identity)
            held = self.sources.at(request)
            if held is not None:
                return export(identity, folder, self.store, held, self.settings)
            with open_telemetry(request.telemetry, mapping=request.mapping, settings=self.settings) as engine:
                return export(identity, folder, self.store, engine, self.settings)

        return await asyncio.to_thread(written)

    async def _go_on(self, identity: str, answers: Any) -> None:
        live = self._live.get(identity)
        if live is not None and live.task is not None and not live.task.done():
            raise RecordError(f"Investigation {identity} is running already.", fix="`get` says how it stands.")
        request = await asyncio.to_thread(self.store.recall, identity)
        engine = self.sources.at(request)
        held = await asyncio.to_thread(continued, identity, settings=self.settings, engine=engine)
        if isinstance(held, Report):
            raise RecordError(f"Investigation {identity} has concluded already.", fix="`report` gives its report.")
        self._run(replace(held, model=self._model), answers=answers, go_on=True)

    def _run(
        self,
        begun: Investigation,
        *,
        answers: Any = None,
        go_on: bool = False,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Run it as a task of the event loop. `answers` are those to its first question."""
        live = self._live[begun.identity] = _Live(progress=progress)
        given = [answers] if answers is not None else []

        async def ask(questions: list[Question]) -> Any:
            live.questions = questions
            if given:
                return given.pop()
            live.answer = asyncio.get_running_loop().create_future()
            live.asks.set()
            try:
                return await live.answer
            finally:
                live.questions, live.answer = [], None

        def queued(place: int) -> None:
            live.place = place

        def told(event: Progress) -> None:
            live.place = 0
            if live.progress:
                live.progress(event)

        watch = Watch(told, ask, queued=queued, tries=None)
        live.task = asyncio.create_task(replace(begun, heard=Heard(watch)).concluded(go_on=go_on))
        live.task.add_done_callback(self._over(begun.identity))

    def _over(self, identity: str) -> Callable[["asyncio.Task[Report]"], None]:
        def over(task: "asyncio.Task[Report]") -> None:
            if not task.cancelled():
                task.exception()  # whoever waits for it gets it, and the event log has it
            if len(self._live) > MOST_ENDED:
                ended = [name for name, live in self._live.items() if live.task and live.task.done()]
                for name in ended[: len(self._live) - MOST_ENDED]:
                    del self._live[name]

        return over

    def _asked(self, identity: str) -> Questions:
        asked = [event for event in self.store.events.after(identity) if event.kind == "asked"]
        return [Question.model_validate(question) for question in asked[-1].data["questions"]] if asked else []


def rendered(store: Store, identity: str, form: Form) -> str:
    """A kept report in one of the forms. Raises RecordError, ParameterError."""
    if form == "json":
        return store.report_text(identity)
    if form in FORMS:
        return render(store.report(identity), form)
    raise ParameterError(f"There is no form {form!r} of a report.", fix=f"There are {', '.join(FORMS)}.")
