"""Questions in plain words, one after another: by rules, or by a model with the same tools."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tsg_agent.ask.answering import answered
from tsg_agent.ask.answers import Answer
from tsg_agent.ask.bench import AnswerBench, Last
from tsg_agent.ask.citable import CitableRows
from tsg_agent.ask.listening import Listener
from tsg_agent.ask.scope import PLACES, QuestionContext, QuestionScope, began_in, scope_of
from tsg_agent.ask.vocabulary import Vocabulary
from tsg_agent.errors import ModelError, ParameterError, QuestionError, TsgError
from tsg_agent.extract import Given
from tsg_agent.extract.choices import iso
from tsg_agent.investigation import investigate
from tsg_agent.llm.budget import Budget
from tsg_agent.llm.narrative import usage_of
from tsg_agent.llm.prompts import render
from tsg_agent.llm.protocol import Turns
from tsg_agent.llm.redaction import Redactor, without_secrets
from tsg_agent.models import ModelUsage, Parameters, Report
from tsg_agent.settings import Settings
from tsg_agent.store import Request
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.profile import known_values
from tsg_agent.tools import GUIDE, AnyGuide

if TYPE_CHECKING:
    import pandas as pd

INCIDENT, MOST = 1_000, 100_000
"""Characters of the incident's text in each prompt: with a known scope, and without one."""
REMEMBERED = 6
"""Number of earlier questions and answers in a prompt."""


class Conversation:
    """A talk about one source of telemetry. Not for several threads."""

    def __init__(
        self,
        engine: Engine,
        settings: Settings | None = None,
        *,
        incident: str = "",
        given: Given | None = None,
        now: datetime | None = None,
        turns: Turns | None = None,
        guide: AnyGuide = GUIDE,
    ) -> None:
        """`incident`: its text, where the questions are about one. `given`: flags. `turns`: instead of the endpoint's.

        Raises TelemetryError.
        """
        self._turns, self._guide = turns, guide
        self._engine, self._settings = engine, settings or Settings()
        known = known_values(engine, self._settings.query_timeout)
        self._setting = QuestionContext(known, self._settings, now or datetime.now(UTC), given or Given(), incident)
        self._incident = incident
        self._redactor = Redactor(self._settings.model.redact)
        self._vocabulary: Vocabulary | None = None
        self._last = Last()
        self._parameters: Parameters | None = None
        self._budgets: list[Budget] = []
        self.report: Report | None = None
        self.asked: list[str] = []
        """The questions, those among them that got no answer; not those that were stopped."""
        self.answers: list[Answer] = []
        self.ledger = CitableRows()
        """Every row of the talk: an id of a query, of code or of a check stands for one row in all of it."""
        self._frames: dict[str, pd.DataFrame] = {}

    def ask(self, question: str, listener: Listener | None = None) -> Answer:
        """The answer to a question, by the model if one is set. If the model fails, the rules answer.

        Raises QuestionError if the rules lack a parameter, ParameterError, TelemetryError.
        """
        question = without_secrets(question)
        try:
            answer = self._by_model(question, listener or Listener()) if self.by_model else self._by_rules(question)
        except TsgError:
            self.asked.append(question)  # what it was about is what an answer to the rules' own question goes on with
            raise
        self.asked.append(question)
        self.answers.append(answer)
        self._parameters = answer.parameters or self._parameters
        if answer.report is not None and answer.report is not self.ledger.report:
            self.ledger.investigated(answer.report)
        self.report = answer.report or self.report
        return answer

    @property
    def by_model(self) -> bool:
        """Whether a model answers."""
        return bool(self._settings.model.name)

    @property
    def usage(self) -> ModelUsage:
        """Tokens and calls so far, including those of questions that were stopped."""
        return usage_of([node for budget in self._budgets for node in budget.nodes])

    def _by_model(self, question: str, listener: Listener) -> Answer:
        from tsg_agent.ask.agent import Agent  # noqa: PLC0415 - half a second, which answers by rules save
        from tsg_agent.ask.tools import ToolBench  # noqa: PLC0415 - as above

        try:
            scope = scope_of(question, self._setting, self._parameters).parameters
        except (QuestionError, ParameterError):
            scope = None  # a parameter is open: the tools ask for it
        bench = ToolBench(
            self._engine,
            self._settings,
            lambda given: self._investigate(question, given),
            scope,
            self._guide,
            ledger=self.ledger,
            frames=self._frames,
        )
        agent = Agent(bench, self._settings.model, self._redactor, self._turns)
        self._budgets.append(agent.budget)
        messages = render(
            "ask",
            known=self._setting.known,
            now=iso(self._setting.now),
            incident=self._incident,
            limit=min(self._settings.model.text_characters, INCIDENT if scope else MOST),
            history=self._history(),
            scope=_told(scope) if scope else "",
            columns={name: sorted(table.present) for name, table in self._engine.tables.items()},
            question=question if scope else f"{question}{_given(self._setting.given)}",
        )
        try:
            answer = agent.answer(messages, question, listener)
            self._parameters = scope or self._parameters
            return answer
        except ModelError as error:
            listener.doing(f"the model gave no answer ({error.kind}): the rules answer")
            found = self._without_model(question)
            note = f"The model gave no answer ({error.kind}): {error} This one is the rules' own."
            mode = f"rules only: {self._settings.model.name} gave no answer"
            used = usage_of(agent.budget.nodes)
            return found.model_copy(update={"notes": [note, *found.notes], "mode": mode, "usage": used})

    def _without_model(self, question: str) -> Answer:
        """The rules' answer; a question of theirs becomes the answer's text instead of an error."""
        try:
            return self._by_rules(question)
        except QuestionError as error:
            return Answer(question=question, text=f"By rules this cannot be answered yet: {error}")

    def _by_rules(self, question: str) -> Answer:
        self._vocabulary = self._vocabulary or Vocabulary(
            self._engine, self._settings.query_timeout, self._setting.known
        )
        held = (self._engine, self._settings, self._setting, self._vocabulary, self.ledger)
        bench = AnswerBench(*held, self._investigate_for, self._guide)
        self._last.parameters = self._parameters
        return answered(question, bench, self._last)

    def _investigate_for(self, question: str, scope: QuestionScope) -> Report:
        """The report for a question: the last one if its scope is the same, else a new one."""
        given = Given.model_validate(self._flags(question, scope))
        if self.report is not None and self._is_about(self.report, given, scope):
            return self.report
        report = self._run(self._incident or question, given)
        self.report = report
        return report

    def _flags(self, question: str, scope: QuestionScope) -> dict[str, object]:
        """The guide's parameters: flags, the question's places, and its window if there is no incident."""
        flags = self._setting.given.model_dump(exclude_none=True)
        if self._incident:
            return flags | scope.parameters.model_dump(include={*PLACES})
        return _given_of(scope.parameters) | flags | began_in(question, scope, self._setting)

    def _is_about(self, report: Report, given: Given, scope: QuestionScope) -> bool:
        """Whether an investigation is about the same region, service and time."""
        meant = scope.base if self._incident else scope.parameters
        held = meant.model_dump(include={"start_time", "end_time"}) | scope.parameters.model_dump(include={*PLACES})
        held |= {} if self._incident else given.model_dump(exclude_none=True)
        return all(getattr(report.parameters, name) == value for name, value in held.items())

    def _investigate(self, question: str, given: Given) -> Report:
        """Run the guide with the parameters that a model gave."""
        flags = self._setting.given.model_dump(exclude_none=True)
        if not self._incident:
            flags |= _given_of(scope_of(question, self._setting, self._parameters).parameters)
        flags |= given.model_dump(exclude_none=True)
        return self._run(self._incident or question, Given.model_validate(flags))

    def _run(self, text: str, given: Given) -> Report:
        """Run the guide without a model, so that what answers quote does not depend on one."""
        settings = self._settings.model_copy(update={"model": self._settings.model.model_copy(update={"name": ""})})
        request = Request(text=text, telemetry="", given=given, now=self._setting.now)
        return investigate(request, settings=settings, engine=self._engine, guide=self._guide)

    def _history(self) -> str:
        turns = self.answers[-REMEMBERED:]
        return "\n".join(f"Q: {answer.question}\nA: {answer.text[:400]}" for answer in turns)


def _given_of(parameters: Parameters) -> dict[str, object]:
    return parameters.model_dump(include=set(Given.model_fields), exclude_none=True)


def _told(scope: Parameters) -> str:
    """A scope in words, for a prompt."""
    began = iso(scope.incident_start) if scope.incident_start else "not known"
    return (
        f"service {scope.service_name}, region {scope.region}, environment {scope.environment}, "
        f"from {iso(scope.start_time)} to {iso(scope.end_time)}; the incident began: {began}; "
        f"SLA threshold {scope.threshold:g} %"
    )


def _given(given: Given) -> str:
    """The flags in words, for a prompt."""
    said = [f"{name} {iso(value) if isinstance(value, datetime) else value}" for name, value in given if value]
    return f" (Where the question does not say: {', '.join(said)}.)" if said else ""


def answer(
    question: str,
    engine: Engine,
    settings: Settings | None = None,
    *,
    incident: str = "",
    given: Given | None = None,
    now: datetime | None = None,
    guide: AnyGuide = GUIDE,
) -> Answer:
    """One question, answered. See Conversation.ask."""
    return Conversation(engine, settings, incident=incident, given=given, now=now, guide=guide).ask(question)
