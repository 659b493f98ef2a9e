"""A troubleshooting guide as data: steps, their queries, parameters, and where each step leads."""

from enum import StrEnum
from typing import Any

from pydantic import Field, field_validator

from tsg_agent.models import ColumnKind, Model, Parameter, StepKind
from tsg_agent.telemetry.mapping import Texts


class Resolution(StrEnum):
    """What the guide calls an outcome."""

    POTENTIAL = "potential"
    DEFINITIVE = "definitive"
    FINAL = "final"


class Query(Model):
    """One `<PLUGIN_n>` block, verbatim."""

    number: int
    step: int
    sql: str
    line: int = Field(description="line of the SQL's first character in the guide's file")


class Instruction(Model):
    """A sentence that says what to do about which labels."""

    labels: tuple[str, ...] = Field((), description="labels of the step's queries that the sentence names")
    text: str
    line: int
    resolution: Resolution | None = None


class Edge(Model):
    """A step that follows another, and when. Neither labels nor `otherwise` nor `condition`: always."""

    source: int
    target: int
    labels: tuple[str, ...] = Field((), description="followed when a row of the source's queries carries one of these")
    otherwise: bool = Field(False, description="followed when no conditional edge of the source is")
    condition: str = Field("", description="a condition in words that names no label of the source's queries")
    parallel: bool = Field(False, description="the text says that its targets run side by side")
    text: str = Field("", description="the sentence that was read")
    line: int = 0
    doubt: str = Field("", description="why the reading is not certain; empty where it is")


class Annotation(Model):
    """What the front matter says of a step: with it, its labelled rows are judged.

    People write one name instead of a list of one, a number instead of a mapping.
    """

    dimension: Texts = Field((), description="columns of the query's rows that name what a row is about")
    measure: str = Field("", description="the column that says how bad it is")
    kind: StepKind | None = None
    remedy: str = Field("", description="what to do about a row; {column} stands for its value")
    healthy: Texts = Field((), description="labels that mean nothing is wrong")
    next: dict[str, tuple[int, ...]] = Field(
        default_factory=dict, description='label, "otherwise" or "always" -> steps; replaces what is read from prose'
    )

    @field_validator("dimension", "measure")
    @classmethod
    def _lower(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else tuple(one.lower() for one in value)

    @field_validator("next", mode="before")
    @classmethod
    def _mapped(cls, value: Any) -> Any:
        mapping = value if isinstance(value, dict) else {"always": value}
        return {key: (to,) if isinstance(to, int) else to for key, to in mapping.items()}

    @property
    def judged(self) -> bool:
        """True if the step gets verdicts: only where it says what a row is about and what it means."""
        return bool(self.dimension and self.kind)


class WrittenStep(Model):
    """A section of the guide under a heading with a number."""

    number: int
    title: str
    line: int
    prose: str = ""
    queries: tuple[Query, ...] = ()
    instructions: tuple[Instruction, ...] = ()
    asked: tuple[str, ...] = Field((), description="parameters that the step lists, in order")
    analysis: str = Field("", description="code, or comments in a code block, that the step has beside its queries")
    final: bool = Field(False, description="the text calls it the end")
    annotation: Annotation | None = None

    @property
    def named(self) -> set[str]:
        """The labels that its sentences name."""
        return {label for one in self.instructions for label in one.labels}


class TableDeclaration(Model):
    """A table that the guide reads and the front matter describes."""

    columns: dict[str, ColumnKind]
    key: Texts = Field((), description="columns that no two rows share; one may stand alone")


class Accepted(Model):
    """A kind of problem that the guide has on purpose."""

    rule: str = Field(description="the linter's name of it")
    step: int | None = Field(None, description="where; everywhere if it is left out")
    engine: str = Field("", description="only what this engine alone refuses")
    why: str = Field(min_length=1)


class Oddity(Model):
    """A part of the file that could not be read as part of a guide."""

    line: int
    text: str


class WrittenGuide(Model):
    """A whole guide."""

    title: str
    steps: tuple[WrittenStep, ...]
    parameters: tuple[Parameter, ...] = ()
    edges: tuple[Edge, ...] = ()
    tables: dict[str, TableDeclaration] = Field(default_factory=dict)
    dialect: str = Field("duckdb", description="the SQL dialect that the queries are written in")
    accepted: tuple[Accepted, ...] = ()
    oddities: tuple[Oddity, ...] = ()
    zone_said: bool = Field(False, description="the text says which time zone its times are in")

    @property
    def queries(self) -> tuple[Query, ...]:
        """Every query, in the order of the file."""
        return tuple(query for step in self.steps for query in step.queries)

    def step(self, number: int) -> WrittenStep:
        """A step by its number. Raises KeyError."""
        for step in self.steps:
            if step.number == number:
                return step
        raise KeyError(number)

    def after(self, number: int) -> tuple[Edge, ...]:
        """The edges out of a step."""
        return tuple(edge for edge in self.edges if edge.source == number)
