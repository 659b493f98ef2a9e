"""Explaining away: take a cause's requests out, measure again; what is no longer significant only suffered with it."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Protocol

import pandas as pd

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Confidence, Measure, Rate, Subject, Visible
from tsg_agent.statistics import share
from tsg_agent.verdicts.candidates import Candidate, candidates_of, screens_of
from tsg_agent.verdicts.details import narrowed, same_requests
from tsg_agent.verdicts.labels import HEALTHY
from tsg_agent.verdicts.naming import rows_about
from tsg_agent.verdicts.order import YIELD_SHARE, Ranked, ranked
from tsg_agent.verdicts.rivals import quarters, takes_over
from tsg_agent.verdicts.rules import Ruling
from tsg_agent.verdicts.screen import BORN_STEPS
from tsg_agent.verdicts.setting import Setting
from tsg_agent.verdicts.workflow_table import workflow_table

Key = tuple[tuple[str, str], ...]
"""A subject as sorted items."""


def _may_overtake(rival: Ruling, first: Ruling) -> bool:
    """A rival must meet every rule that the first meets, but for the guide's threshold."""
    return rival.codes <= first.codes | {"below_threshold"}


def _place_of(first: Candidate, rivals: list[Ranked]) -> Ranked | None:
    """Where the errors are that a dimension only describes: the place that changed most, with half of the excess."""
    places = [
        one
        for one in rivals
        if one[0].step != 9 and not one[0].error_only and one[0].onset.excess >= YIELD_SHARE * first.onset.excess
    ]
    return max(places, key=lambda one: (one[0].z, one[0].key), default=None)


class Source(Protocol):
    """Where explaining away measures again: evidence.Measurer over live telemetry."""

    def measure(self, within: Subject | None = None, without: Collection[Key] = ()) -> Measurement:
        """A subject's requests alone, leaving out those of others."""
        ...

    def runs_of(self, subject: Subject, *, failed_only: bool = False) -> Collection[str]:
        """correlation_ids of the workflow runs that a subject's requests (or its failed ones) belong to."""
        ...


@dataclass(frozen=True)
class Explained:
    """A cause, and what it explains."""

    candidate: Candidate
    ruling: Ruling
    part: Measurement | None
    """Its own requests, measured; None where nothing needed them."""
    also_visible_in: list[Visible]
    impact: list[Visible]


@dataclass
class Remainder:
    """What is left to explain: the requests and runs that no cause so far accounts for."""

    measurement: Measurement
    runs: pd.DataFrame | None
    removed: list[Key] = field(default_factory=list)
    dismissed: dict[Key, str] = field(default_factory=dict)
    """Candidates that turned out to be no cause, with the code of the reason."""

    def workflows(self) -> Table | None:
        """The runs left, as a table."""
        return None if self.runs is None else workflow_table(self.runs, self.measurement.grid)


@dataclass(frozen=True)
class Explainer:
    """Finds the causes among the candidates that the rules let through."""

    setting: Setting
    source: Source

    def explain(self, pool: list[Ranked], remainder: Remainder) -> tuple[list[Explained], list[Ranked]]:
        """Causes in rank order, and what is left over: significant too, beyond the number of causes looked for.

        `pool`: one candidate per subject, each confirmed or suspected. `remainder` is used up.
        """
        limits = self.setting.limits.verdict
        entry = remainder.measurement.entry_component
        causes: list[Explained] = []
        left = ranked(pool, limits.tie, entry)
        originals = {one.key: one for one, _ in pool}
        while left and len(causes) < limits.causes:
            first, ruling = self._first(left, remainder)
            if self._follows(first, remainder):
                left = [one for one in left if one[0].key != first.key]
                remainder.dismissed[first.key] = "follows_requests"
                continue
            first, ruling, part = self._overtaken(first, ruling, left, remainder)
            if first.error_only and causes:
                left = [one for one in left if one[0].key != first.key]
                remainder.dismissed[first.key] = "describes"
                continue
            rest = [one for one in left if one[0].key != first.key]
            whole = remainder.measurement
            shadows, left = self._split(first, part, rest, remainder)
            exact = self._exact(replace(originals[first.key], detail=first.detail), part, whole)
            visible = [
                self._visible(originals[one.key], after)
                for one, after in shadows
                if not one.subject.items() <= exact.subject.items()
            ]
            causes.append(
                Explained(
                    exact,
                    ruling,
                    part,
                    also_visible_in=[item for item in visible if item.step != 9 or first.step == 9],
                    impact=[item for item in visible if item.step == 9 and first.step != 9],
                )
            )
            left = ranked(left, limits.tie, entry)
        return causes, [(originals[one.key], ruling) for one, ruling in left]

    def _first(self, left: list[Ranked], remainder: Remainder) -> Ranked:
        """The first in rank; but where that is a workflow which only fails because of another candidate, that one."""
        first = left[0]
        if first[0].step != 9:
            return first
        others = [one for one in left if one[0].step != 9 and one[1].confidence is first[1].confidence]
        for other in others[: self.setting.limits.verdict.causes]:
            if self._breaks(other[0], first[0], remainder):
                return other
        return first

    def _breaks(self, place: Candidate, workflow: Candidate, remainder: Remainder) -> bool:
        """Does the workflow fail only in runs that met the place, and is the place more than the workflow?"""
        if remainder.runs is None:
            return False
        met = self.source.runs_of(place.subject)
        others = workflow_table(remainder.runs, remainder.measurement.grid, met)
        again = self._again(workflow, remainder.measurement, others)
        excess_left = again.onset.excess if again else 0.0
        if (again and self._stands(again)) or excess_left > (1 - YIELD_SHARE) * workflow.onset.excess:
            return False
        unmet = again.onset.after.requests if again and again.onset.after else 0
        if unmet >= self.setting.limits.verdict.minimum_requests:
            return True
        part = self.source.measure(workflow.subject, remainder.removed)
        without = self._again(place, remainder.measurement.without(part), None)
        return bool(without and self._stands(without))

    def _follows(self, workflow: Candidate, remainder: Remainder) -> bool:
        """Does the workflow fail only where its requests do, and they no more than all requests do?

        In an outage the workflow with the most steps fails most, and is no cause.
        """
        if workflow.step != 9 or remainder.runs is None or not self.setting.gates[Measure.SERVER_ERRORS].open:
            return False
        met = self.source.runs_of({}, failed_only=True)
        again = self._again(
            workflow, remainder.measurement, workflow_table(remainder.runs, remainder.measurement.grid, met)
        )
        if again and again.onset.excess > (1 - YIELD_SHARE) * workflow.onset.excess:
            return False
        part = self.source.measure(workflow.subject, remainder.removed)
        after = self.setting.grid.after
        own, rest = part.total, remainder.measurement.total - part.total
        rates = [
            float(share(one.failures[Measure.SERVER_ERRORS][0, after].sum(), one.requests[0, after].sum()))
            for one in (own, rest)
        ]
        return rates[0] < self.setting.limits.verdict.contrast_ratio * rates[1]

    def _exact(self, first: Candidate, part: Measurement | None, whole: Measurement) -> Candidate:
        """The cause with the subject that fits its failures best."""
        if part is None or first.step == 9:
            return first
        return narrowed(same_requests(first, part, whole), part, self.setting)

    def _overtaken(
        self, first: Candidate, ruling: Ruling, left: list[Ranked], remainder: Remainder
    ) -> tuple[Candidate, Ruling, Measurement | None]:
        """The first, or the subject that its failures really follow; with the requests of that one, measured."""
        passed: set[Key] = set()
        while True:
            rivals = [one for one in left if one[0].key not in passed | {first.key} and _may_overtake(one[1], ruling)]
            if first.step == 9:
                return first, ruling, self.source.measure(first.subject, remainder.removed)
            if first.error_only:
                part = None
                found = _place_of(first, rivals)
            else:
                part = self.source.measure(first.subject, remainder.removed)
                found = self._rival(first, part, rivals, remainder)
            if found is None:
                part = part or self.source.measure(first.subject, remainder.removed)
                return first, ruling, part
            passed.add(first.key)
            if ruling.confidence is Confidence.CONFIRMED and found[1].confidence is not Confidence.CONFIRMED:
                # What the guide's threshold calls abnormal is there, in the one that it overtakes.
                found = (
                    replace(found[0], detail={**found[0].detail, "explains": first.subject}),
                    Ruling(Confidence.CONFIRMED),
                )
            first, ruling = found

    def _rival(self, first: Candidate, part: Measurement, rivals: list[Ranked], remainder: Remainder) -> Ranked | None:
        """The rival that the first's failures follow most clearly."""
        best: tuple[float, Ranked] | None = None
        for one in rivals:
            cut = quarters(first, part, one[0], remainder.measurement, self.setting)
            if cut is None or not takes_over(cut, first, one[0], BORN_STEPS):
                continue
            lead = cut.rival_z - cut.first_z
            if best is None or lead > best[0]:
                best = lead, one
        return best[1] if best else None

    def _split(
        self, first: Candidate, part: Measurement | None, rest: list[Ranked], remainder: Remainder
    ) -> tuple[list[tuple[Candidate, Candidate | None]], list[Ranked]]:
        """Take the first's requests and runs out; tell what vanishes with them from what stays."""
        if part is not None:
            remainder.measurement = remainder.measurement.without(part)
            remainder.removed.append(first.key)
        if remainder.runs is not None:
            met = self.source.runs_of(first.subject) if rest else ()
            gone = remainder.runs["correlation_id"].isin(list(met))
            if first.step == 9:
                gone |= remainder.runs["scenario_name"].astype("str") == first.subject["scenario_name"]
            remainder.runs = remainder.runs[~gone]
        screens = (
            screens_of(remainder.measurement, remainder.workflows(), self.setting.limits, doubted=self.setting.doubted)
            if rest
            else []
        )
        again = {(one.key, one.measure): one for one in candidates_of(screens, self.setting)}
        shadows, left = [], []
        for one, ruling in rest:
            now = again.get((one.key, one.measure))
            if now is not None and self._stands(now):
                left.append((now, ruling))
            else:
                shadows.append((one, now))
        return shadows, left

    def _again(self, one: Candidate, measurement: Measurement, workflows: Table | None) -> Candidate | None:
        screens = screens_of(measurement, workflows, self.setting.limits, doubted=self.setting.doubted)
        return next(
            (new for new in candidates_of(screens, self.setting) if new.key == one.key and new.measure is one.measure),
            None,
        )

    def _stands(self, one: Candidate) -> bool:
        """Still significant, by the rule that made it a candidate."""
        if not self.setting.knows_start(one.step):
            return one.compared
        limits = self.setting.limits.verdict
        strong = (
            one.onset.p is not None and one.onset.p < limits.suspect_p and one.onset.excess >= limits.suspect_excess
        )
        return strong and (one.contrast.z or 0.0) >= limits.suspect_contrast_z

    def _visible(self, one: Candidate, now: Candidate | None) -> Visible:
        finding = self.setting.findings.get(one.step)
        without: Rate | None = now.onset.after if now else None
        return Visible(
            subject=one.subject,
            step=one.step,
            label=one.label or HEALTHY[one.step],
            before=one.onset.before,
            after=one.onset.after,
            without=without,
            evidence=[row_id for row_id, _ in rows_about(finding, one.subject)[:3]] if finding else [],
        )
