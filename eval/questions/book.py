"""The question sets: each question has gold SQL, an expected yes/no or cause, or must be refused."""

from pathlib import Path

from pydantic import Field, model_validator

from eval.cases import Case, Expected, Recipe, Strict
from eval.labels import read_label, validated
from tsg_agent.simulator.incident import IncidentReport, incident_text
from tsg_agent.simulator.scenario import Scenario

FOLDER = Path(__file__).parent


class Question(Strict):
    """A question with its gold: one of `rows`, `each`, `affirms`, `says`; or `refuse` alone."""

    ask: str
    follows: tuple[str, ...] = Field((), description="questions of the same talk before it")
    held: bool = Field(False, description="not to be looked at while rules are made")
    rows: str = Field("", description="SQL over the views of eval.questions.gold")
    or_: str = Field("", alias="or", description="SQL of another reading that is as right")
    each: tuple[str, ...] = Field((), description="SQL of each of several answers")
    top: int | None = Field(None, description="only the first rows count, in any order among them")
    order: bool = Field(False, description="the rows' order counts")
    affirms: bool | None = Field(None, description="a question for yes or no: which of them comes first")
    says: str = Field("", description="what a conclusion must name")
    refuse: bool = False

    @model_validator(mode="after")
    def _has_gold(self) -> "Question":
        given = bool(self.rows) + bool(self.each) + self.refuse + (self.affirms is not None) + bool(self.says)
        if not given or (self.refuse and given > 1):
            raise ValueError(f"{self.ask!r} needs `rows`, `each`, `affirms`, `says`, or `refuse` alone")
        return self

    @property
    def readings(self) -> list[tuple[str, ...]]:
        """Accepted interpretations; each is a tuple of gold SQL, one per answer table."""
        ways = [self.each or ((self.rows,) if self.rows else ())]
        return [*ways, (self.or_,)] if self.or_ else ways


class Book(Strict):
    """The questions about one generated incident."""

    scenario: Scenario
    report: IncidentReport = IncidentReport()
    questions: tuple[Question, ...]

    @property
    def text(self) -> str:
        """The incident's text."""
        return incident_text(self.scenario, self.report)

    def case(self) -> Case:
        """The incident as a case, whose telemetry is generated and cached."""
        recipe = Recipe(scenario=self.scenario, report=self.report)
        expected = Expected(title=self.scenario.name, group="questions")
        return Case(self.scenario.name, self.text, expected, self.scenario.last, recipe)


def books(folder: Path = FOLDER) -> list[Book]:
    """Load all question sets of a folder. Raises LabelError."""
    return [validated(Book, read_label(path), path) for path in sorted(folder.glob("*.yaml"))]
