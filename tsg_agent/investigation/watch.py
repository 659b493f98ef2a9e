"""Callbacks from a run to its user interface, isolated so that their failures do not end the run."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tsg_agent.errors import ParameterError, QuestionError
from tsg_agent.events import Event, Tells
from tsg_agent.investigation.pool import in_own_thread
from tsg_agent.models import Question

log = logging.getLogger(__name__)
ALL_TOLD, WORTH_TELLING = 3, 0.75
"""Queue positions up to the first number are all logged; others only once they have shrunk by this factor."""
Answers = dict[str, Any]
Ask = Callable[[list[Question]], Answers | Awaitable[Answers]]


@dataclass(frozen=True)
class Watch:
    """Callbacks of a user interface. One that raises is not called again, which the report notes."""

    ask: Ask | None = None
    """Answers questions about missing parameters: parameter -> value; sync or async. Invalid answers are asked again.
    None: such questions raise QuestionError."""
    begun: Callable[[str], None] = lambda _id: None
    """Called with the investigation's id before it runs."""
    queued: Callable[[int], None] = lambda _place: None
    """Called with each new position in the queue, if it has to wait: 1 is next, 0 is its turn."""
    logged: Callable[[Event], None] = lambda _event: None
    """Called with each logged event, in the writer thread."""
    tries: int | None = 3
    """Consecutive invalid answers before ParameterError, so that a program cannot loop forever. None: no limit."""


@dataclass
class Heard:
    """Forwards events to the event log and to a Watch, whose exceptions are caught and noted."""

    watch: Watch
    log: Tells = field(init=False)
    """The event log; set when the run begins."""
    notes: list[str] = field(default_factory=list)
    """For the report: callbacks that failed."""
    own_loop: bool = False
    """True if nothing else uses the event loop, so that a blocking `ask` may block it."""
    open: list[Question] = field(default_factory=list)
    """Unanswered questions. A run that ends with some is logged as neither failed nor interrupted: resume() asks them
    again."""
    known: Any = None
    """Answer to the first question, if given before the run."""
    _deaf: set[str] = field(default_factory=set)
    _wrong: int = 0
    _place: int = 0
    """The queue position that was logged last."""

    def begun(self, identity: str) -> None:
        """Report the investigation's id."""
        self._tell("begun", identity)

    def queued(self, place: int) -> None:
        """Report a position in the queue. In a long queue only some positions are logged."""
        if not place:
            self._place = 0
        elif not self._place or place <= ALL_TOLD or place <= WORTH_TELLING * self._place:
            self.log("queued", place=place)
            self._place = place
        self._tell("queued", place)

    def log_event(self, event: dict[str, Any]) -> None:
        """Log a custom event of a graph node; its `kind` is the event's kind."""
        data = {name: value for name, value in event.items() if name != "kind"}
        self.log(event["kind"], **data)

    async def answers(self, asked: Any) -> Any:
        """The answers to an interrupt's questions.

        Raises QuestionError without an `ask` callback, ParameterError after too many invalid answers; the stored
        investigation can be resumed at its question after both.
        """
        if self.known is not None:
            known, self.known = self.known, None
            return self._said(known)
        questions = [Question.model_validate(question) for question in asked["questions"]]
        refused: dict[str, str] = asked.get("refused") or {}
        self.open = questions
        self.log("asked", questions=[question.model_dump(mode="json") for question in questions])
        self._wrong = self._wrong + 1 if refused else 0
        if self.watch.tries is not None and self._wrong >= self.watch.tries:
            raise ParameterError(" ".join(refused.values()), fix="Answer with one of the values that are named.")
        return self._said(await self.ask(questions))

    async def ask(self, questions: list[Question]) -> Any:
        """The answers of the `ask` callback. Raises QuestionError without one."""
        if self.watch.ask is None:
            raise QuestionError([(one.parameter, one.text, one.candidates) for one in questions])
        self.open = questions
        answers = await self._asked(self.watch.ask, questions)
        self.open = []
        return answers

    def _said(self, answers: Any) -> Any:
        self.log("answered", parameters=sorted(map(str, answers)) if isinstance(answers, dict) else [])
        return answers

    async def _asked(self, ask: Ask, questions: list[Question]) -> Any:
        if self.own_loop or inspect.iscoroutinefunction(ask):
            said = ask(questions)
        else:
            said = await in_own_thread(ask, questions)
        return await said if inspect.isawaitable(said) else said

    def logged(self, event: Event) -> None:
        """Report a logged event."""
        self._tell("logged", event)

    def _tell(self, what: str, *data: Any) -> None:
        if what in self._deaf:
            return
        try:
            getattr(self.watch, what)(*data)
        except Exception as error:  # a caller's callback may raise anything, and must not end the investigation
            log.warning("the listener for %s failed and is told no more", what, exc_info=True)
            self._deaf.add(what)
            self.notes.append(f"The listener for {what} failed ({type(error).__name__}), and was told no more.")
