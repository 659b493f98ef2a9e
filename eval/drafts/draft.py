"""Specification of an incident; scenario, text and expected answer are derived from it."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from eval.cases import ExpectedGap
from eval.drafts.moving import shifted
from eval.draws import Draws
from tsg_agent.simulator.incident import IncidentReport
from tsg_agent.simulator.scenario import DEFAULT_FLAGS, Fault, FaultEffect, FaultKind, Flag, Rollout, Scenario

START = Scenario().incident_start
NEW = "3.15.0"
ROLLOUT = Rollout(version=NEW, ramp_minutes=6, share=0.6)
HARMLESS = Flag(name="gift_cards", values={"on": 0.4, "off": 0.6}, start=START, before="off")
NEW_VERSION = {"service_version": NEW}
GIFT_CARDS = {"flag_name": "gift_cards", "flag_value": "on"}


@dataclass(frozen=True)
class Draft:
    """One incident. `scenario`, `report`: overrides of the simulator's defaults.

    `actions`, `tiers`: expected ones per fault, if the guide's thresholds make them differ from those of the fault's
    kind. `also`: further accepted subjects of the first cause. `exact`: accept only the complete description of a
    fault. `lasts`: draw a random time of day, a duration between these (minutes) and a delay of the reported start
    (unless `report` sets it). `says`, `never_says`: patterns that the answer's prose must, or must not, match.
    """

    id: str
    title: str
    group: str
    faults: tuple[Fault, ...] = ()
    scenario: dict[str, Any] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    incident: bool = True
    actions: tuple[tuple[str, ...], ...] | None = None
    tiers: tuple[str | None, ...] | None = None
    also: tuple[dict[str, str], ...] = ()
    innocent: tuple[dict[str, str], ...] = ()
    gaps: tuple[ExpectedGap, ...] = ()
    asked: tuple[str, ...] = ()
    parameters: dict[str, Any] = field(default_factory=dict)
    exact: bool = False
    lasts: tuple[int, int] | None = None
    says: tuple[str, ...] = ()
    never_says: tuple[str, ...] = ()

    def made(self, seed: int) -> Scenario:
        """The simulator's scenario for a seed."""
        base: dict[str, Any] = {"name": self.id, "seed": seed, "requests_per_minute": 250, "faults": self.faults}
        scenario = Scenario(**(base | self.scenario))
        if self.lasts is None:
            return scenario
        draws = Draws(0, self.id)
        data = shifted(scenario.model_dump(), minutes(round(draws.between(-360, 360))))
        return Scenario(**(data | {"end": data["incident_start"] + minutes(draws.size(*self.lasts))}))

    def told(self) -> IncidentReport:
        """The options of the incident's text."""
        if self.lasts is None:
            return IncidentReport(**self.report)
        draws = Draws(0, f"{self.id}/told")
        late = draws.one((0, 0, draws.size(1, 6), draws.size(18, 30)))
        scenario = self.made(0)
        most = (scenario.last - scenario.incident_start).total_seconds() / 60 - 10
        return IncidentReport(**({"start_error_minutes": min(late, most)} | self.report))


def fault(
    kind: FaultKind,
    probability: float,
    effect: FaultEffect = FaultEffect.ERRORS,
    *,
    more: dict[str, Any] | None = None,
    **where: str,
) -> Fault:
    """Shorthand for a Fault; keyword arguments are its `where`."""
    return Fault(kind=kind, where=where, probability=probability, effect=effect, **(more or {}))


def flag(name: str, value: str, probability: float, effect: FaultEffect = FaultEffect.ERRORS) -> Fault:
    """A fault of a flag's value."""
    return fault(FaultKind.FLAG, probability, effect, flag_name=name, flag_value=value)


def minutes(number: float) -> timedelta:
    """Shorthand for a timedelta."""
    return timedelta(minutes=number)


FLAGS_AND_HARMLESS = (*DEFAULT_FLAGS, HARMLESS)
LOOK = (("look",),)
"""Actions of a single fault without an immediate mitigation."""
NO_TIER = (None,)
