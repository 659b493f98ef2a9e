"""Explaining away: take a cause's requests out, measure again; what is no longer significant only suffered with it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import pandas as pd

from tsg_agent.evidence.dimensions import REGION, WORKFLOW
from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.models import Confidence, Measure, Rate, Visible
from tsg_agent.statistics import share
from tsg_agent.verdicts.candidates import Candidate, candidates_of, screens_of
from tsg_agent.verdicts.details import narrowed, same_requests
from tsg_agent.verdicts.labels import HEALTHY
from tsg_agent.verdicts.naming import rows_about
from tsg_agent.verdicts.order import YIELD_SHARE, Ranked, passes_on, ranked
from tsg_agent.verdicts.overtake import may_overtake, place_of, ruled_again, standing_for
from tsg_agent.verdicts.remainder import Key, Remainder, Source
from tsg_agent.verdicts.rivals import (
    Crossed,
    Quarters,
    cut_by,
    is_clearer,
    is_the_workflows,
    may_be_the_workflows,
    quarters,
    quarters_elsewhere,
    takes_over,
)
from tsg_agent.verdicts.rules import Ruling, even, rule
from tsg_agent.verdicts.screen import BORN_STEPS, Screen, screen
from tsg_agent.verdicts.setting import Setting
from tsg_agent.verdicts.workflow_table import among, workflow_table

TRIED = 5
"""How many subjects are tried as what is behind another: those that changed most."""
LEANING = Ruling(
    Confidence.SUSPECTED, ("without a clearer suspect's failures it would not stand out",), codes=frozenset({"leaning"})
)


@dataclass(frozen=True)
class Explained:
    """A cause, and what it explains."""

    candidate: Candidate
    ruling: Ruling
    part: Measurement | None
    """Its own requests, measured; None where nothing needed them."""
    runs: pd.DataFrame | None
    """The workflow runs that no cause before it accounts for."""
    also_visible_in: list[Visible]
    impact: list[Visible]

    @property
    def key(self) -> Key:
        """What it was called before its subject was made exact."""
        return tuple(sorted(self.candidate.screen.table.subject(self.candidate.row).items()))


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
            workflows = [one for one in pool if one[0].step == 9 and one[0].key not in {done.key for done in causes}]
            first, ruling, part = self._overtaken(first, ruling, left, workflows, remainder)
            if first.error_only and causes:
                left = [one for one in left if one[0].key != first.key]
                remainder.dismissed[first.key] = "describes"
                continue
            if passes_on(first, [done.candidate for done in causes], entry):
                left = [one for one in left if one[0].key != first.key]
                remainder.dismissed[first.key] = "passes_on"
                continue
            if self._leans(first, ruling, part, left, remainder):
                rest = [one for one in left if one[0].key != first.key]
                left = ranked([*rest, (first, LEANING)], limits.tie, entry)
                continue
            rest = [one for one in left if one[0].key != first.key]
            whole, runs = remainder.measurement, remainder.runs
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
                    runs,
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
        others = _foremost(one for one in left if one[0].step != 9 and may_overtake(one[1], first[1]))
        if others:  # mostly it is the one, and then asked whether it fails in this workflow only
            place = others[0][0]
            self.source.expect(place.subject, remainder.removed)
            if place.step not in BORN_STEPS:
                self.source.expect_total({**place.subject, **first[0].subject}, remainder.removed)
        for other in others:
            if self._breaks(other[0], first[0], remainder):
                return standing_for(first, other)
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
        if self.setting.doubted:
            return even(workflow)  # nothing changed, neither the requests nor the runs that they fail
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
        self, first: Candidate, ruling: Ruling, left: list[Ranked], workflows: list[Ranked], remainder: Remainder
    ) -> tuple[Candidate, Ruling, Measurement | None]:
        """The first, or the subject that its failures really follow; with the requests of that one, measured."""
        passed: set[Key] = set()
        while True:
            rivals = [one for one in left if one[0].key not in passed | {first.key} and may_overtake(one[1], ruling)]
            if first.step == 9:
                return first, ruling, self.source.measure(first.subject, remainder.removed)
            if first.error_only:
                part = None
                found = place_of(first, rivals)
            else:
                part = self.source.measure(first.subject, remainder.removed)
                core = self._core(first, part, remainder)
                found = self._rival(first, core, rivals, remainder) or self._workflow(first, part, workflows, remainder)
            if found is None:
                part = part or self.source.measure(first.subject, remainder.removed)
                return first, ruling, part
            passed.add(first.key)
            first, ruling = standing_for((first, ruling), found)

    def _core(self, first: Candidate, part: Measurement, remainder: Remainder) -> Measurement:
        """Where a zone fails in one instance type only, a rival must explain that, not the zone."""
        exact = narrowed(first, part, self.setting)
        return part if exact.subject == first.subject else self.source.measure(exact.subject, remainder.removed)

    def _rival(self, first: Candidate, part: Measurement, rivals: list[Ranked], remainder: Remainder) -> Ranked | None:
        """The rival that the first's failures follow most clearly."""
        best: tuple[float, Ranked] | None = None
        elsewhere = not part.total.requests.any()
        if elsewhere:  # another region than the incident's, where the rivals are still to be measured
            rivals = _foremost(one for one in rivals if one[0].step not in (4, 9))
        for one in rivals:
            cut = self._cut(first, part, one[0], remainder, elsewhere=elsewhere)
            if cut is None or not takes_over(cut, first, one[0], BORN_STEPS):
                continue
            lead = cut.rival_z - cut.first_z
            if best is None or lead > best[0]:
                best = lead, one
        return best[1] if best else None

    def _cut(
        self, first: Candidate, part: Measurement, rival: Candidate, remainder: Remainder, *, elsewhere: bool
    ) -> Quarters | None:
        if not elsewhere:
            return quarters(first, part, rival, remainder.measurement, self.setting)
        everywhere = self.source.measure(rival.subject, remainder.removed, everywhere=True)
        return quarters_elsewhere(first, rival, everywhere, self.setting)

    def _workflow(
        self, place: Candidate, part: Measurement, workflows: list[Ranked], remainder: Remainder
    ) -> Ranked | None:
        """The workflow in whose runs alone a place fails: its step is what is broken. Versions and flags go before.

        That is seen in the requests. Of the runs, a second attempt saves many, and a cause before takes many away.
        """
        if place.step in BORN_STEPS or remainder.all_runs is None or not workflows:
            return None
        met = among(remainder.all_runs, self.source.runs_of(place.subject, failed_only=True))
        names = remainder.all_runs.loc[met, "scenario_name"].astype("str")
        one = max(workflows, key=lambda one: (int((names == one[0].subject["scenario_name"]).sum()), one[0].key))
        both = self.source.total({**place.subject, **one[0].subject}, remainder.removed)
        if not may_be_the_workflows(place, part.total, both, self.setting):
            return None
        runs = self.source.total(one[0].subject, remainder.removed)
        crossed = Crossed(both, part.total, runs, remainder.measurement.total)
        cut = cut_by(crossed, place.measure, self.setting)
        return one if cut is not None and is_the_workflows(cut) else None

    def _leans(
        self, first: Candidate, ruling: Ruling, part: Measurement | None, left: list[Ranked], remainder: Remainder
    ) -> bool:
        """Is the first confirmed only with the failures of a suspect that is the clearer of the two?

        A suspect that only the guide's threshold keeps back has failed all the same, in the first's requests too.
        """
        if ruling.confidence is not Confidence.CONFIRMED or part is None:
            return False
        for one, other in left:
            if other.codes != {"below_threshold"} or one.z <= first.z:
                continue
            cut = quarters(first, self._core(first, part, remainder), one, remainder.measurement, self.setting)
            if cut is None or not is_clearer(cut):
                continue
            without = remainder.measurement.without(self.source.measure(one.subject, remainder.removed))
            again = self._again(first, without, None)
            if again is None or rule(again, self.setting).confidence is not Confidence.CONFIRMED:
                return True
        return False

    def _split(
        self, first: Candidate, part: Measurement | None, rest: list[Ranked], remainder: Remainder
    ) -> tuple[list[tuple[Candidate, Candidate | None]], list[Ranked]]:
        """Take the first's requests and runs out; tell what vanishes with them from what stays."""
        if part is not None:
            if any(one.screen.table.dimension == REGION for one, _ in rest):
                part = self.source.measure(first.subject, remainder.removed, everywhere=True)
            remainder.measurement = remainder.measurement.without(part)
            remainder.removed.append(first.key)
        if remainder.runs is not None and rest:
            gone = among(remainder.runs, self.source.runs_of(first.subject))
            if first.step == 9:
                names = remainder.runs["scenario_name"].astype("str")
                gone |= (names == first.subject["scenario_name"]).to_numpy(bool)
            remainder.runs = remainder.runs[~gone]
        screens = self._screens(remainder.measurement, remainder.workflows(), [one for one, _ in rest]) if rest else []
        strict = replace(self.setting, cuts=self.setting.cuts.left)
        again = {(one.key, one.measure): one for one in candidates_of(screens, strict)}
        known = self._known(first, remainder) if rest else None
        shadows, left = [], []
        for one, ruling in rest:
            now = again.get((one.key, one.measure))
            ruled = rule(now, strict) if now is not None and self._stands(now) else Ruling(None)
            if now is None or ruled.confidence is None or self._only_unknown(now, known):
                shadows.append((one, now))
            else:
                left.append((now, ruled_again(ruling, ruled)))
        return shadows, left

    def _known(self, first: Candidate, remainder: Remainder) -> Measurement | None:
        """What is left among the requests that say whether they are the first's; None where all do, or it is moot."""
        table = first.screen.table
        if len(table.dimension.columns) > 1 or table.error_only or first.step in (4, 9):
            return None
        if float(table.counts.requests.sum()) >= float(remainder.measurement.total.requests.sum()):
            return None
        unknown = self.source.measure(dict.fromkeys(first.subject), remainder.removed)
        return remainder.measurement.without(unknown)

    def _only_unknown(self, one: Candidate, known: Measurement | None) -> bool:
        """Does it fail only where nobody can say that it is not the first's failures?

        Where a shard is not recorded, its partition goes on failing when the shard is taken out.
        """
        if known is None or one.step == 9 or one.error_only or one.onset.excess <= 0 or not one.onset.after:
            return False
        table = known.table(one.screen.table.dimension.columns)
        row = table.find(one.subject) if table is not None else -1
        if table is None or row < 0:
            return False
        seen = screen(table, one.measure, self.setting.grid, self.setting.limits.verdict, one.step)
        expected = one.onset.excess * float(seen.n1[row]) / max(1, one.onset.after.requests)
        enough = expected >= self.setting.limits.verdict.minimum_excess
        return enough and float(seen.excess[row]) < (1 - YIELD_SHARE) * expected

    def _again(self, one: Candidate, measurement: Measurement, workflows: Table | None) -> Candidate | None:
        screens = self._screens(measurement, workflows, [one])
        return next(
            (new for new in candidates_of(screens, self.setting) if new.key == one.key and new.measure is one.measure),
            None,
        )

    def _screens(self, measurement: Measurement, workflows: Table | None, about: list[Candidate]) -> list[Screen]:
        """The screens of the dimensions that some candidates are of."""
        wanted = {one.screen.table.dimension for one in about}
        tables = [table for table in measurement.tables if table.dimension in wanted]
        return screens_of(
            replace(measurement, tables=tables),
            workflows if WORKFLOW in wanted else None,
            self.setting.limits,
            doubted=self.setting.doubted,
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


def _foremost(found: Iterable[Ranked]) -> list[Ranked]:
    """Those that changed most, as many as are tried where each has to be measured again."""
    return sorted(found, key=lambda one: (-one[0].z, one[0].key))[:TRIED]
