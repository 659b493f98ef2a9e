"""How a surface takes part in a run, and what becomes of it where that fails."""

import inspect
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from tsg_agent.errors import ParameterError, QuestionError
from tsg_agent.events import Event, Tells
from tsg_agent.investigation.pool import alone
from tsg_agent.models import Question

log = logging.getLogger(__name__)
ALL_TOLD, WORTH_TELLING = 3, 0.75
"""Places in the queue of which the log hears each; and of those behind, each that is so small a part of the last."""
Answers = dict[str, Any]
Ask = Callable[[list[Question]], Answers | Awaitable[Answers]]


@dataclass(frozen=True)
class Watch:
    """How a surface takes part in a run. What listens may raise: then it is told no more, and the report says so."""

    ask: Ask | None = None
    """Answers questions that the text leaves open: parameter -> value; sync, or async. A wrong answer is asked again.
    Without it they raise QuestionError."""
    begun: Callable[[str], None] = lambda _id: None
    """Is told the investigation's id at once."""
    queued: Callable[[int], None] = lambda _place: None
    """Is told the place in the queue where the investigation must wait for others, as it changes: 1 is the next, and 0
    its turn."""
    logged: Callable[[Event], None] = lambda _event: None
    """Is told, in another thread, each event as the log has it."""
    tries: int | None = 3
    """Wrong answers in a row that are asked again: a program that always gives the same must end. None = all."""


@dataclass
class Heard:
    """A watch whose failures cannot end the run; everything that happens goes to it and to the event log."""

    watch: Watch
    log: Tells = field(init=False)
    """The event log, from where the run begins."""
    notes: list[str] = field(default_factory=list)
    """For the report: who was told no more."""
    own_loop: bool = False
    """Whether the event loop is the run's own, so that a question may hold it."""
    open: list[Question] = field(default_factory=list)
    """Questions that wait for an answer.

    A run that ends while there are some has not failed: it can be answered later.
    """
    known: Any = None
    """The answer to the first question, if it was given before the run began."""
    _deaf: set[str] = field(default_factory=set)
    _wrong: int = 0
    _place: int = 0
    """In the queue, as the log has it."""

    def begun(self, identity: str) -> None:
        """The investigation has an id."""
        self._tell("begun", identity)

    def queued(self, place: int) -> None:
        """It waits for others, or does so no more. Where many wait, the log does not hear of each step of each."""
        if not place:
            self._place = 0
        elif not self._place or place <= ALL_TOLD or place <= WORTH_TELLING * self._place:
            self.log("queued", place=place)
            self._place = place
        self._tell("queued", place)

    def log_event(self, event: dict[str, Any]) -> None:
        """What a node of the graph says."""
        data = {name: value for name, value in event.items() if name != "kind"}
        self.log(event["kind"], **data)

    async def answers(self, asked: Any) -> Any:
        """What is answered to the questions of an interrupt. Raises QuestionError where nobody answers.

        Raises ParameterError where every answer was wrong; the investigation waits at its question all the same.
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
        if self.watch.ask is None:
            raise QuestionError([(one.parameter, one.text, one.candidates) for one in questions])
        return self._said(await self.ask(questions))

    async def ask(self, questions: list[Question]) -> Any:
        """What whoever watches answers. Only where there is one who can."""
        assert self.watch.ask is not None  # noqa: S101 - see above
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
            said = await alone(ask, questions)
        return await said if inspect.isawaitable(said) else said

    def logged(self, event: Event) -> None:
        """An event was written down."""
        self._tell("logged", event)

    def _tell(self, what: str, *data: Any) -> None:
        if what in self._deaf:
            return
        try:
            getattr(self.watch, what)(*data)
        except Exception as error:  # others' code may raise anything, and the incident comes first
            log.warning("the listener for %s failed and is told no more", what, exc_info=True)
            self._deaf.add(what)
            self.notes.append(f"The listener for {what} failed ({type(error).__name__}), and was told no more.")
