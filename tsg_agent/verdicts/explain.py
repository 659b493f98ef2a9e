"""Explaining away: take a cause's requests out, measure again; what is no longer significant only suffered with it."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Measure, Rate, Subject, Visible
from tsg_agent.statistics import share
from tsg_agent.verdicts.candidates import Candidate, candidates_of, screens_of
from tsg_agent.verdicts.details import narrowed
from tsg_agent.verdicts.labels import HEALTHY
from tsg_agent.verdicts.naming import rows_about
from tsg_agent.verdicts.order import YIELD_SHARE, Ranked, ranked
from tsg_agent.verdicts.rules import Ruling
from tsg_agent.verdicts.setting import Setting
from tsg_agent.verdicts.workflow_table import workflow_table

Key = tuple[tuple[str, str], ...]
"""A subject as sorted items."""


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
    followers: list[Candidate] = field(default_factory=list)
    """Workflows that fail only because requests fail everywhere."""

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
                remainder.followers.append(originals[first.key])
                continue
            rest = [one for one in left if one[0].key != first.key]
            part = self._part(first, remainder) if rest or first.step != 9 else None
            shadows, left = self._split(first, part, rest, remainder)
            visible = [self._visible(originals[one.key], after) for one, after in shadows]
            causes.append(
                Explained(
                    narrowed(originals[first.key], part, self.setting) if part else originals[first.key],
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
        if again and self._stands(again):
            return False
        part = self.source.measure(workflow.subject, remainder.removed)
        after = self.setting.grid.after
        own, rest = part.total, remainder.measurement.total - part.total
        rates = [
            float(share(one.failures[Measure.SERVER_ERRORS][0, after].sum(), one.requests[0, after].sum()))
            for one in (own, rest)
        ]
        return rates[0] < self.setting.limits.verdict.contrast_ratio * rates[1]

    def _part(self, first: Candidate, remainder: Remainder) -> Measurement:
        return self.source.measure(first.subject, remainder.removed)

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
        screens = screens_of(remainder.measurement, remainder.workflows(), self.setting.limits) if rest else []
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
        screens = screens_of(measurement, workflows, self.setting.limits)
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
