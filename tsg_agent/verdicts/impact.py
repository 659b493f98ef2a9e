"""What users meet: who is hit, whether it gets better or worse, and what undoing a cause would bring. Pure numpy."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

import numpy as np
import pyarrow as pa

from tsg_agent.evidence.measurement import Measurement
from tsg_agent.evidence.requests import MINUTE, Requests
from tsg_agent.models import Course, Effect, Group, Measure, Rate, Reach, Start, Trend
from tsg_agent.statistics import Bools, g2_z
from tsg_agent.verdicts.causes import Explainer, Found
from tsg_agent.verdicts.confidence import MinuteSeries, Weighed
from tsg_agent.verdicts.onset import SPREAD

LATEST = 15
"""Minutes that say how it is now; half of the incident's, where it is shorter than twice that."""
SHORTEST = 5
"""Minutes without which nobody can say which way it goes."""
SURE = 3.0
"""z of a difference that is told."""
MOVED = 0.2
"""…if it is a fifth of what fails beyond the rate before, at least."""
TIER, REGION = ("customer_tier",), ("region",)


class Impact:
    """One investigation's requests since the start, as its users see them: at the entry, where there is one."""

    def __init__(self, explainer: Explainer, measurement: Measurement, region: str) -> None:
        self.requests, self.entry, self.grid = explainer.requests, explainer.entry, measurement.grid
        self.whole = explainer.whole
        self.measurement, self.region = measurement, region
        self.bucket = self.grid.buckets(self.requests.second)

    def effect(self, one: Found, how: Weighed, found: Sequence[tuple[Found, Weighed]]) -> Effect | None:
        """What would fail since the start if a cause's requests failed like the rest; the other causes stay."""
        others = [(other, weighed) for other, weighed in found if other is not one]
        if self.grid.start is None or how.onset.after is None:
            return None
        seen, failed = self._seen(one.measure), self.requests.failed(one.measure)
        now = self._rate(seen, seen & failed)
        if not now.requests:
            return None
        if self.entry is not None:
            return Effect(measure=one.measure, now=now, then=self._passed_on(one, how, others, now))
        mine = one.rows & seen
        shared = mine & np.logical_or.reduce([other.rows for other, _ in others] or [np.zeros_like(mine)])
        alone, both = self._rate(mine & ~shared, mine & ~shared & failed), self._rate(shared, shared & failed)
        left = min(float(alone.failures), alone.requests * _usual(how))
        kept = max((_share(weighed.onset.after) for _, weighed in others), default=1.0)
        left += min(float(both.failures), both.requests * kept)
        then = now.failures - alone.failures - both.failures + round(left)
        return Effect(measure=one.measure, now=now, then=Rate(failures=max(then, 0), requests=now.requests))

    def _passed_on(self, one: Found, how: Weighed, others: Sequence[tuple[Found, Weighed]], now: Rate) -> Rate:
        """At the entry fails what is passed on to it: its excess is shared among the causes by their own."""
        rows = self._within(self.grid.before, one.measure)
        before = self._rate(rows, rows & self.requests.failed(one.measure))
        excess = max(now.failures - now.requests * _share(before), 0.0)
        alike = [weighed.onset.excess for other, weighed in others if other.measure is one.measure]
        whole = how.onset.excess + sum(max(other, 0.0) for other in alike)
        part = how.onset.excess / whole if whole > 0 else 0.0
        return Rate(failures=round(now.failures - excess * part), requests=now.requests)

    def reach(self, causes: Sequence[Found]) -> Reach | None:
        """Who is hit by some causes; without one, by all that fails."""
        measures = {one.measure for one in causes} or {Measure.SERVER_ERRORS}
        seen = np.logical_or.reduce([self._seen(measure) for measure in measures])
        if self.grid.start is None or not seen.any():
            return None
        failed = np.logical_or.reduce([self.requests.failed(measure) for measure in measures])
        mine = seen
        if causes and self.entry is None:
            mine = seen & np.logical_or.reduce([one.rows for one in causes])
        hit = users = None
        if self.requests.user is not None:
            users = self._users(self.requests.user, seen, unanswered=Measure.UNANSWERED in measures) or None
            hit = _distinct(self.requests.user, mine & failed) if users else None
        whole = causes and self.entry is None
        main = next((one.measure for one in causes if one.measure in self.measurement.total.failures), None)
        return Reach(
            users_hit=hit,
            users=users,
            traffic=self._rate(seen, mine) if whole else None,
            tiers=self._tiers(main or Measure.SERVER_ERRORS),
            regions=self._regions(main or Measure.SERVER_ERRORS),
        )

    def course(self, start: Start, measure: Measure, until: datetime) -> Course | None:
        """Which way it goes. `until`: when the window, or the telemetry, ends; naive UTC."""
        if start.measured is None:
            return None
        series = MinuteSeries(*self.whole.series(measure))
        begun, end = self._minute(start.measured), min(self._minute(until), len(series.requests))
        said = partial(Course, until=until.replace(tzinfo=UTC), measure=measure)
        if start.ended is not None:
            over = self._minute(start.ended)
            return said(
                trend=Trend.OVER, latest=series.rate(over, end), earlier=series.rate(begun, over), minutes=end - over
            )
        length = min(LATEST, (end - begun) // 2)
        if length < SHORTEST:
            return said(trend=Trend.UNKNOWN, latest=series.rate(begun, end), minutes=max(end - begun, 1))
        latest, earlier = series.rate(end - length, end), series.rate(max(begun, end - 3 * length), end - length)
        quiet = max(begun - SPREAD, 0)
        z = float(g2_z(earlier.failures, earlier.requests, latest.failures, latest.requests))
        sure = abs(z) >= SURE * math.sqrt(series.dispersion(quiet))
        beyond = _share(earlier) - _share(series.rate(0, quiet))
        trend = Trend.STEADY
        if sure and abs(_share(latest) - _share(earlier)) >= MOVED * beyond:
            trend = Trend.WORSE if z > 0 else Trend.BETTER
        return said(trend=trend, latest=latest, earlier=earlier, minutes=length)

    def _users(self, user: pa.ChunkedArray, seen: Bools, *, unanswered: bool) -> int:
        """How many different users were seen."""
        if self.requests.users is None:
            return _distinct(user, seen)
        everyone, entry = (unanswered and self.requests.all_users) or self.requests.users
        return (everyone if self.entry is None or entry is None else entry).after(self.grid)

    def _tiers(self, measure: Measure) -> list[Group]:
        table = self.measurement.table(TIER)
        if table is None or measure not in table.counts.failures:
            return []
        found = []
        for row in range(len(table.values)):
            after = table.rate(row, measure, self.grid.after)
            others = table.rate(row, measure, self.grid.after, rest=True)
            z = float(g2_z(others.failures, others.requests, after.failures, after.requests))
            z /= math.sqrt(table.dispersion(row, measure, self.grid.after))
            before = table.rate(row, measure, self.grid.before)
            found.append(Group(subject=table.subject(row), before=before, after=after, stands_out=z >= SURE))
        return found

    def _regions(self, measure: Measure) -> list[Group]:
        table = self.measurement.table(REGION)
        if table is None or measure not in table.counts.failures:
            return []
        found = []
        for row in range(len(table.values)):
            if table.values[row] == (self.region,):
                continue
            before, after = (table.rate(row, measure, span) for span in (self.grid.before, self.grid.after))
            z = float(g2_z(before.failures, before.requests, after.failures, after.requests))
            z /= math.sqrt(table.dispersion(row, measure, self.grid.before))
            risen = z >= SURE and after.percent - before.percent >= 1
            found.append(Group(subject=table.subject(row), before=before, after=after, stands_out=risen))
        return found

    def _seen(self, measure: Measure) -> Bools:
        """The requests since the start that a measure is of."""
        return self._within(self.grid.after, measure)

    def _within(self, span: slice, measure: Measure) -> Bools:
        found: Bools = self.requests.asked(measure) & (self.bucket >= (span.start or 0)) & (self.bucket < span.stop)
        return found if self.entry is None else found & self.entry

    def _minute(self, time: datetime) -> int:
        naive = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
        return math.ceil((naive - self.grid.begin) / timedelta(seconds=MINUTE))

    def _rate(self, rows: Bools, failed: Bools) -> Rate:
        return Rate(failures=_weighed(self.requests, failed), requests=_weighed(self.requests, rows))


def _weighed(requests: Requests, rows: Bools) -> int:
    return int(rows.sum()) if requests.weight is None else round(float(requests.weight[rows].sum()))


def _share(rate: Rate | None) -> float:
    return rate.percent / 100 if rate is not None else 0.0


def _usual(how: Weighed) -> float:
    """The share that would fail without the cause: its own before, risen as the rest's did."""
    onset, contrast = how.onset, how.contrast
    if contrast.difference is None or contrast.rest is None:
        return _share(onset.before)
    return max(_share(onset.after) - contrast.difference / 100, 0.0)


def _distinct(users: pa.ChunkedArray, rows: Bools) -> int:
    """How many different users some rows name."""
    return len(users.unify_dictionaries().filter(pa.array(rows)).drop_null().unique())
