"""An incident of the exam: what an entrant sees, and separately the true answer."""

import itertools
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from eval.labels import LabelError, read_label, validated
from eval.rows import FLAGS, LOG, METRICS, PRODUCTS, RUNS
from tsg_agent.simulator.incident import IncidentReport
from tsg_agent.simulator.scenario import DIMENSIONS, Scenario

INCIDENTS = Path(__file__).parent / "incidents"
SUBJECTS = (*DIMENSIONS, "error_category", "exception_type")
"""Columns that can name a cause."""
GAPS = ("no_data", "insufficient_data", "not_applicable", "timeout", "error", "not_run", "canary", "unknown_start")
"""Statuses of a stated gap."""
TABLES = (LOG, FLAGS, METRICS, PRODUCTS, RUNS)


def _named(subject: dict[str, str]) -> dict[str, str]:
    unknown = [name for name in subject if name not in SUBJECTS]
    if unknown or not subject:
        what = f"no column {', '.join(map(repr, unknown))}" if unknown else "it names no column"
        raise ValueError(f"{what}; allowed: {', '.join(SUBJECTS)}")
    return subject


def _gap(status: str) -> str:
    if status not in GAPS:
        raise ValueError(f"no status {status!r}; allowed: {', '.join(GAPS)}")
    return status


Subject: TypeAlias = Annotated[dict[str, str], AfterValidator(_named)]
"""Column -> value, all of which a right answer must name."""


M = TypeVar("M", bound=BaseModel)


class Strict(BaseModel):
    """Immutable and closed: an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedParameters(Strict):
    """Step 1's true answer. Unset fields are not compared; None is a valid `incident_start`."""

    region: str | None = None
    service_name: str | None = None
    environment: str | None = None
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    incident_start: AwareDatetime | Literal["unknown"] | None = None
    threshold: float | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        start = self.incident_start if isinstance(self.incident_start, datetime) else None
        known = [(name, time) for name, time in (
            ("start_time", self.start_time), ("incident_start", start), ("end_time", self.end_time)
        ) if time is not None]  # fmt: skip
        for (early, one), (late, other) in itertools.pairwise(known):
            if one > other:
                raise ValueError(f"{early} {one.isoformat()} is after {late} {other.isoformat()}")
        return self


Asked: TypeAlias = Literal[
    "region", "service_name", "environment", "start_time", "end_time", "incident_start", "threshold"
]


class ExpectedCause(Strict):
    """A true cause. It is found if a cause's subject contains all dimensions of one of `any_of`."""

    any_of: tuple[Subject, ...] = Field((), description="names of the same requests; empty = the step decides")
    exactly: tuple[Subject, ...] = Field((), description="names of just what fails, where that is less; empty = any_of")
    steps: tuple[int, ...] = Field((), description="the guide's steps that are about it")
    tier: Literal["definitive", "potential", "symptom"] | None = None
    actions: tuple[str, ...] = Field((), description="kinds of action, one of which is right; empty = not scored")

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not self.any_of and not self.steps:
            raise ValueError("a cause needs `any_of` or `steps`: no answer could name it")
        return self

    def holds(self, subject: dict[str, str], step: int | None = None) -> bool:
        """True if a blamed subject contains this cause."""
        if not self.any_of:
            return step in self.steps
        return any(expected.items() <= subject.items() for expected in self.any_of)

    def is_exactly(self, subject: dict[str, str], step: int | None = None) -> bool:
        """True if a blamed subject is exactly this cause."""
        return subject in (self.exactly or self.any_of) if self.any_of else step in self.steps


class ExpectedGap(Strict):
    """Something that could not be looked at, and must be reported. `step` 1 = the parameters."""

    step: int = Field(ge=1, le=10)
    status: Annotated[str, AfterValidator(_gap)]


class ExpectedReply(Strict):
    """The right answer to something that the report's text suspects."""

    words: str
    answer: Literal["yes", "no", "not in this telemetry"]


class Expected(Strict):
    """The true answer. No entrant ever gets it."""

    title: str
    group: str = Field(description="what kind of incident: `step 5`, `decoy`, `no incident`, …")
    tags: tuple[str, ...] = ()
    incident: bool = Field(True, description="False = nothing is wrong, and a confirmed cause is a false alarm")
    parameters: ExpectedParameters = ExpectedParameters()
    asked: tuple[Asked, ...] = Field((), description="parameters that the text does not settle: to be asked for")
    causes: tuple[ExpectedCause, ...] = Field((), description="empty = none within the guide")
    innocent: tuple[Subject, ...] = Field((), description="what looks guilty and must not be blamed")
    gaps: tuple[ExpectedGap, ...] = ()
    suspected: tuple[ExpectedReply, ...] = Field((), description="what the text suspects, and the right answers")
    began: AwareDatetime | None = Field(None, description="when trouble began; None = it did not, or little by little")
    says: tuple[str, ...] = Field((), description="patterns (re, case ignored) that the prose must match")
    never_says: tuple[str, ...] = Field((), description="patterns that it must not match")

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.causes and not self.incident:
            raise ValueError("`incident: false` and `causes` contradict each other: leave one of them out")
        return self


class Label(Strict):
    """The short label of a recording, as people write it."""

    incident_start: AwareDatetime | Literal["unknown"] | None = None
    end_time: AwareDatetime | None = None
    subject: Subject | None = None
    root_cause: str | None = Field(None, min_length=1)
    step: int | None = Field(None, ge=2, le=10)
    parameters: ExpectedParameters = ExpectedParameters()
    innocent: tuple[Subject, ...] = ()
    case: str = ""
    label: str = ""
    not_the_cause: tuple[str, ...] = ()
    note: str = ""

    @model_validator(mode="after")
    def _says_the_cause(self) -> Self:
        if self.subject is None and self.step is None and "root_cause" not in self.model_fields_set:
            raise ValueError(
                "the label names no cause: give `subject`, `root_cause` or `step`, or `root_cause: null` where there "
                "was no incident"
            )
        for name in ("incident_start", "end_time"):
            mine, other = getattr(self, name), getattr(self.parameters, name)
            if mine is not None and other is not None and mine != other:
                raise ValueError(f"`{name}` and `parameters.{name}` differ: give one of them")
        self.all_parameters()
        return self

    def all_parameters(self) -> ExpectedParameters:
        """The labelled parameters, with the times beside them. Raises ValueError for times out of order."""
        times = {name: time for name in ("incident_start", "end_time") if (time := getattr(self, name)) is not None}
        return ExpectedParameters.model_validate({**self.parameters.model_dump(exclude_none=True), **times})


class Recipe(Strict):
    """How a generated incident's telemetry and report are made."""

    scenario: Scenario
    report: IncidentReport = IncidentReport()


@dataclass(frozen=True)
class Case:
    """One incident. Generated ones have a recipe, recorded ones a folder of telemetry."""

    id: str
    text: str
    expected: Expected
    now: datetime
    recipe: Recipe | None = None
    telemetry: Path | None = None
    reseed: int = 0

    def reseeded(self, number: int) -> "Case":
        """The same incident with another seed; unchanged for number 0 and recorded incidents."""
        if not number or self.recipe is None:
            return self
        seed = (self.recipe.scenario.seed * 1_000_003 + number * 7_919) % 2**31
        scenario = self.recipe.scenario.model_copy(update={"seed": seed})
        return Case(
            self.id,
            self.text,
            self.expected,
            self.now,
            self.recipe.model_copy(update={"scenario": scenario}),
            self.telemetry,
            number,
        )


def load(folder: Path) -> Case:
    """A case from its folder: generated (`scenario.yaml`) or recorded (`telemetry/`).

    Raises FileNotFoundError, LabelError.
    """
    text = (folder / "incident.md").read_text(encoding="utf-8")
    if not (folder / "scenario.yaml").exists():
        return _recorded(folder, text)
    expected = _read(Expected, folder / "expected.yaml")
    recipe = _read(Recipe, folder / "scenario.yaml")
    return Case(folder.name, text, expected, recipe.scenario.last, recipe)


def load_all(root: Path = INCIDENTS) -> list[Case]:
    """All cases below a folder by name, or the folder's own case. Raises FileNotFoundError for none."""
    if (root / "incident.md").exists():
        return [load(root)]
    cases = [load(path.parent) for path in sorted(root.glob("*/incident.md"))]
    if not cases:
        raise FileNotFoundError(f"no incident.md below {root}")
    return cases


def chosen(cases: list[Case], wanted: list[str]) -> list[Case]:
    """The cases that match ids, groups or tags. Raises KeyError for an unknown one."""
    if not wanted:
        return cases
    for word in wanted:
        if not any(_is(case, word) for case in cases):
            raise KeyError(word)
    return [case for case in cases if any(_is(case, word) for word in wanted)]


def _is(case: Case, word: str) -> bool:
    return word in (case.id, case.expected.group, *case.expected.tags)


def _read(model: type[M], path: Path) -> M:
    return validated(model, read_label(path), path)


def _recorded(folder: Path, text: str) -> Case:
    """A real incident: `telemetry/` beside `expected.yaml`, or beside a plainer `label.json`."""
    telemetry = folder / "telemetry"
    if not telemetry.is_dir():
        raise FileNotFoundError(f"{folder} has neither scenario.yaml nor telemetry/")
    if not any((telemetry / f"{name}.parquet").exists() for name in TABLES):
        raise FileNotFoundError(
            f"{telemetry} holds no table; allowed: {', '.join(f'{name}.parquet' for name in TABLES)}"
        )
    if (folder / "expected.yaml").exists():
        file = folder / "expected.yaml"
        expected = _read(Expected, file)
    else:
        file = folder / "label.json"
        expected = from_label(folder.name, read_label(file), file)
    end = expected.parameters.end_time
    if end is None:
        raise LabelError(f"{file}: the label needs `end_time`, which is also the replay's clock.")
    return Case(folder.name, text, expected, end, None, telemetry)


def from_label(name: str, data: Any, file: Path = Path("label.json")) -> Expected:
    """The short label of a recording: `root_cause`, or `subject` or `step`; times; `parameters` where known.

    Raises LabelError, which names `file`.
    """
    label = validated(Label, data, file)
    subject = label.subject
    if subject is None and label.step is None and label.root_cause is not None:
        subject = {"service_component": label.root_cause}
    causes: tuple[ExpectedCause, ...] = ()
    if subject is not None or label.step is not None:
        steps = (label.step,) if label.step else ()
        causes = (ExpectedCause(any_of=(subject,) if subject else (), steps=steps),)
    return Expected(
        title=f"Recorded incident {name}",
        group="recorded",
        incident=bool(causes),
        parameters=label.all_parameters(),
        causes=causes,
        innocent=label.innocent,
    )
