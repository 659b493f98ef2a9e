"""An incident to be solved: what an entrant may see, and, apart from it, the true answer."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from tsg_agent.simulator.incident import IncidentReport
from tsg_agent.simulator.scenario import Scenario

INCIDENTS = Path(__file__).parent / "incidents"
SMOKE = "smoke"


class Strict(BaseModel):
    """Immutable and closed: an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ExpectedParameters(Strict):
    """Step 1's true answer. What is not set here is not compared; `incident_start` may truly be unknown."""

    region: str | None = None
    service_name: str | None = None
    environment: str | None = None
    start_time: AwareDatetime | None = None
    end_time: AwareDatetime | None = None
    incident_start: AwareDatetime | Literal["unknown"] | None = None
    threshold: float | None = None


class ExpectedCause(Strict):
    """A true cause. Found where all dimensions of one of `any_of` are in a cause's subject."""

    any_of: tuple[dict[str, str], ...] = Field((), description="names of the same requests; empty = the step decides")
    steps: tuple[int, ...] = Field((), description="the guide's steps that are about it")
    tier: str | None = None
    actions: tuple[str, ...] = Field((), description="kinds of action, one of which is right; empty = not scored")

    def holds(self, subject: dict[str, str], step: int | None = None) -> bool:
        """Whether a blamed subject is this cause."""
        if not self.any_of:
            return step in self.steps
        return any(expected.items() <= subject.items() for expected in self.any_of)


class ExpectedGap(Strict):
    """Something that could not be looked at, and must be reported. `step` 1 = the parameters."""

    step: int
    status: str


class Expected(Strict):
    """The true answer. No entrant ever gets it."""

    title: str
    group: str = Field(description="what kind of incident: `step 5`, `decoy`, `no incident`, …")
    tags: tuple[str, ...] = ()
    incident: bool = Field(True, description="False = nothing is wrong, and a confirmed cause is a false alarm")
    parameters: ExpectedParameters = ExpectedParameters()
    asked: tuple[str, ...] = Field((), description="parameters that the text does not settle: to be asked for")
    causes: tuple[ExpectedCause, ...] = Field((), description="empty = none within the guide")
    innocent: tuple[dict[str, str], ...] = Field((), description="what looks guilty and must not be blamed")
    gaps: tuple[ExpectedGap, ...] = ()


class Recipe(Strict):
    """How the telemetry and the report of a made incident come about."""

    scenario: Scenario
    report: IncidentReport = IncidentReport()


@dataclass(frozen=True)
class Case:
    """One incident. Made ones have a recipe, recorded ones a folder of telemetry."""

    id: str
    text: str
    expected: Expected
    now: datetime
    recipe: Recipe | None = None
    telemetry: Path | None = None
    reseed: int = 0

    def reseeded(self, number: int) -> "Case":
        """The same incident with other random numbers; number 0 and recorded incidents stay as they are."""
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
    """A case from its folder: made (`scenario.yaml`) or recorded (`telemetry/`). Raises FileNotFoundError."""
    text = (folder / "incident.md").read_text(encoding="utf-8")
    if not (folder / "scenario.yaml").exists():
        return _recorded(folder, text)
    expected = Expected.model_validate(_yaml(folder / "expected.yaml"))
    recipe = Recipe.model_validate(_yaml(folder / "scenario.yaml"))
    return Case(folder.name, text, expected, recipe.scenario.last, recipe)


def load_all(root: Path = INCIDENTS) -> list[Case]:
    """Every case below a folder, by name; the folder itself where it is a case. Raises FileNotFoundError for none."""
    if (root / "incident.md").exists():
        return [load(root)]
    cases = [load(path.parent) for path in sorted(root.glob("*/incident.md"))]
    if not cases:
        raise FileNotFoundError(f"no incident.md below {root}")
    return cases


def chosen(cases: list[Case], wanted: list[str]) -> list[Case]:
    """Those of the ids, groups or tags. Raises KeyError for a word that fits nothing."""
    if not wanted:
        return cases
    for word in wanted:
        if not any(_is(case, word) for case in cases):
            raise KeyError(word)
    return [case for case in cases if any(_is(case, word) for word in wanted)]


def _is(case: Case, word: str) -> bool:
    return word in (case.id, case.expected.group, *case.expected.tags)


def _yaml(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _recorded(folder: Path, text: str) -> Case:
    """A real incident: `telemetry/` beside `expected.yaml`, or beside a plainer `label.json`."""
    telemetry = folder / "telemetry"
    if not telemetry.is_dir():
        raise FileNotFoundError(f"{folder} has neither scenario.yaml nor telemetry/")
    if (folder / "expected.yaml").exists():
        expected = Expected.model_validate(_yaml(folder / "expected.yaml"))
    else:
        expected = from_label(folder.name, json.loads((folder / "label.json").read_text(encoding="utf-8")))
    end = expected.parameters.end_time
    if end is None:
        raise ValueError(f"{folder}: the label needs `end_time`, which is also the replay's clock")
    return Case(folder.name, text, expected, end, None, telemetry)


def from_label(name: str, label: dict[str, Any]) -> Expected:
    """The short label of a recording: `root_cause`, or `subject` or `step`; times; `parameters` where known."""
    given = {**label.get("parameters", {})}
    given |= {key: label[key] for key in ("incident_start", "end_time") if key in label}
    subject, step, root = label.get("subject"), label.get("step"), label.get("root_cause")
    if subject is None and step is None and root is not None:
        subject = {"service_component": root}
    causes: tuple[ExpectedCause, ...] = ()
    if subject is not None or step is not None:
        causes = (ExpectedCause(any_of=(subject,) if subject else (), steps=(step,) if step else ()),)
    return Expected(
        title=f"Recorded incident {name}",
        group="recorded",
        incident=bool(causes),
        parameters=ExpectedParameters.model_validate(given),
        causes=causes,
        innocent=tuple(item for item in label.get("innocent", ()) if isinstance(item, dict)),
    )
