"""An account of every row: what was read, what is in the figures, and what is not, and why. The sums add up."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from importlib.resources import files
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from pydantic import AwareDatetime, Field

from tsg_agent.models import Parameters, TrafficLoss
from tsg_agent.models.base import Model
from tsg_agent.telemetry.catalog import LOGS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.rows import naive_utc
from tsg_agent.tools.service_requests import COPY, with_service_requests
from tsg_agent.wording import clock, count, moment, some

MATTERS = 0.5
"""Kinds of rows below this percentage of the counted ones are not told, unless some of them failed."""
FAILED = 5
"""Failed rows among those left out that are always told."""
EXPECTED = 15
"""A time without rows is told if at least this many were expected: by chance that is one in three million."""
SHORTEST = timedelta(minutes=3)
LATE = timedelta(minutes=15)
"""How long before a window's end rows may still be on their way."""
THIN = 0.5
"""Minutes of fewer than this share of the usual rows are thin."""
FADED = 0.5
"""The newer half of the thin minutes has less than this share of the older half's rows."""
MINUTE = timedelta(minutes=1)


class Why(StrEnum):
    """What becomes of a row."""

    COUNTED = "counted"
    NO_STATUS = "no_status"
    COPY = "copy"
    OUTSIDE = "outside"
    UNDATED = "undated"
    TEST_TRAFFIC = "test_traffic"
    OTHER_REGION = "other_region"
    OTHER_SERVICE = "other_service"
    OTHER_ENVIRONMENT = "other_environment"
    NO_REGION = "no_region"
    NO_SERVICE = "no_service"
    NO_ENVIRONMENT = "no_environment"
    BAD_WEIGHT = "bad_weight"
    NO_WEIGHT = "no_weight"


WORDS = {
    Why.COUNTED: "counted",
    Why.NO_STATUS: "without a status: how they were answered is unknown",
    Why.COPY: "copies of other rows: counted once",
    Why.OUTSIDE: "outside of the window",
    Why.UNDATED: "without a time that can be read",
    Why.TEST_TRAFFIC: "test traffic",
    Why.OTHER_REGION: "of other regions",
    Why.OTHER_SERVICE: "of other services",
    Why.OTHER_ENVIRONMENT: "of other environments",
    Why.NO_REGION: "without a region",
    Why.NO_SERVICE: "without a service",
    Why.NO_ENVIRONMENT: "without an environment",
    Why.BAD_WEIGHT: "with a weight that cannot be",
    Why.NO_WEIGHT: "of weight 0: they stand for no request",
}
NAMELESS = (Why.NO_REGION, Why.NO_SERVICE, Why.NO_ENVIRONMENT)
"""Kinds of rows that may belong to the incident, because nothing says whose they are."""


class AccountPart(Model):
    """Rows of one kind, before and since the incident's start; all are before where that is unknown.

    `failures` are those answered 5xx, of both.
    """

    why: Why
    before: int = 0
    since: int = 0
    failures_before: int = 0
    failures_since: int = 0

    @property
    def rows(self) -> int:
        """All of them."""
        return self.before + self.since

    @property
    def failures(self) -> int:
        """All that were answered 5xx."""
        return self.failures_before + self.failures_since


class Aside(NamedTuple):
    """Failed rows (5xx) in no figure, before and since the incident's start. `words`: which."""

    words: str
    before: int
    since: int


class Quiet(Model):
    """Minutes without a row although many were to be expected. `everyone`: of all services, not only of this."""

    start: AwareDatetime
    end: AwareDatetime = Field(description="the next row, or the window's end")
    everyone: bool
    expected: int = Field(description="rows that such a time usually has")


class Account(Model):
    """What became of every row of the requests. `read` is the sum of `parts`; `unreadable` lines are in no row."""

    read: int
    unreadable: int = 0
    parts: tuple[AccountPart, ...] = ()
    quiet: tuple[Quiet, ...] = Field((), description="times without rows, in their order")
    begins: AwareDatetime | None = Field(
        None, description="the telemetry's first row, where the window begins long before it"
    )
    late_since: AwareDatetime | None = Field(
        None, description="the last rows may still be on their way: since when those of all services thin out"
    )
    late: AccountPart | None = Field(None, description="the incident's own rows since then, which are also in `parts`")
    incident_start: AwareDatetime | None = None
    reading: tuple[str, ...] = Field((), description="how the rows were read, where that was not plain")

    def part(self, why: Why) -> AccountPart:
        """The rows of one kind."""
        return next((part for part in self.parts if part.why is why), AccountPart(why=why))

    def aside(self) -> list[Aside]:
        """The failed rows that are in no figure although they may be the incident's."""
        parts = [(self.part(why), f"requests {WORDS[why]}") for why in NAMELESS]
        if self.late is not None and self.late_since is not None:
            parts.append((self.late, f"requests after {clock(self.late_since)} (others may be on their way)"))
        sides = self.incident_start is not None
        return [
            Aside(words, part.failures_before if sides else 0, part.failures_since if sides else part.failures)
            for part, words in parts
        ]

    def lost(self, end: datetime) -> TrafficLoss | None:
        """The longest time without rows that ended before the window does: what stopped for good is judged."""
        over = [one for one in self.quiet if one.end < end - MINUTE]
        if not over:
            return None
        most = max(over, key=lambda one: one.expected)
        before = most.expected / ((most.end - most.start) / MINUTE)
        return TrafficLoss(since=most.start, until=most.end, before=before, after=0.0)

    def notes(self) -> list[str]:
        """The short lines that matter to whoever reads a figure about these rows."""
        counted = max(1, self.part(Why.COUNTED).rows + self.part(Why.NO_STATUS).rows)
        told = [self._left_out(part) for part in self.parts if self._matters(part, counted)]
        unread = [f"{some(self.unreadable, 'line')} could not be read."] if self.unreadable else []
        quiet = [_quiet(one) for one in self.quiet]
        if self.begins is not None:
            quiet.insert(0, f"The telemetry begins at {moment(self.begins)}: of what was before nothing is known.")
        return [*self.reading, *unread, *told, *quiet, *self._late()]

    def _late(self) -> list[str]:
        if self.late_since is None:
            return []
        words = f"The rows of all services thin out after {clock(self.late_since)}: the last may still be on their way"
        if self.late is None or not self.late.rows:
            return [f"{words}."]
        failed = f", {count(self.late.failures)} of which failed (5xx)," if self.late.failures else ""
        return [f"{words}, and the {some(self.late.rows, 'request')} since then{failed} are in no verdict."]

    @staticmethod
    def _matters(part: AccountPart, counted: int) -> bool:
        if part.why in NAMELESS:
            return part.rows * 100 >= MATTERS * counted or part.failures >= FAILED
        if part.why is Why.TEST_TRAFFIC:
            return part.rows > counted
        return part.rows > 0 and part.why in {Why.COPY, Why.BAD_WEIGHT, Why.UNDATED}

    def _left_out(self, part: AccountPart) -> str:
        if part.why is Why.COPY:
            return f"{some(part.rows, 'row is a copy of another', 'rows are copies of others')}, counted once."
        said, failed = f"{some(part.rows, 'row')} {WORDS[part.why]}", ""
        if part.failures and self.incident_start is not None:
            failed = (
                f", of which {count(part.failures_since)} of {count(part.since)} failed (5xx) since "
                f"{clock(self.incident_start)}, {count(part.failures_before)} of {count(part.before)} before"
            )
        elif part.failures:
            failed = f", of which {count(part.failures)} failed (5xx)"
        return f"{said} are in no figure here{failed}."


_SIDES = """
SELECT status_code IS NULL AS silent, coalesce(timestamp >= $incident_start::TIMESTAMP, false) AS since,
    count(*) AS rows, count(*) FILTER (status_code >= 500) AS failures
"""
_SCOPED = f"{_SIDES} FROM service_requests WHERE region = $region GROUP BY silent, since"
_EVERY = f"""
{_SIDES} FROM (
    SELECT DISTINCT {", ".join(COPY)} FROM api_gateway_logs
    WHERE timestamp IS NOT NULL AND is_test_traffic IS NOT TRUE AND environment IS NOT NULL
        AND service_name IS NOT NULL AND region IS NOT NULL AND weight > 0
) AS each_once GROUP BY silent, since
"""  # noqa: S608 - our own names


class _AccountRow(NamedTuple):
    part: Why
    minute: datetime | None
    since: bool
    rows: int
    failures: int
    earlier: int = 0
    """Those before the window."""


def account(engine: Engine, parameters: Parameters | None = None, timeout: float = 60) -> Account:
    """What becomes of every row of the requests in an investigation; without `parameters`, whatever one looks at.

    Raises what Engine.run raises.
    """
    table = engine.tables.get(LOGS.name)
    if table is None or table.problem:
        return Account(read=0)
    bound = _bound(parameters)
    sql, kinds = files("tsg_agent.tools").joinpath("account.sql").read_text("utf-8"), list(Why)
    for number, why in enumerate(kinds):  # numbers are grouped faster than words
        sql = sql.replace(f"'{why}'", str(number))
    found = engine.run(sql, bound, timeout=timeout)
    columns = (found[name].to_pylist() for name in _AccountRow._fields)
    rows = [_AccountRow(kinds[part], *rest) for part, *rest in zip(*columns, strict=True)]
    parts = _parts(rows)
    parts = _without_copies(parts, engine, bound, parameters, timeout)
    every = _by_minute(rows)
    if parameters is not None:
        window = _minute(parameters.start_time), _minute(parameters.end_time)
        mine = _by_minute(row for row in rows if row.part in {Why.COUNTED, Why.NO_STATUS})
        spans, late = _spans(mine, every, *window, _usual(mine, *window)), _late(every, window[1])
    else:
        spans, late = _spans(every, every, min(every), max(every), median(every.values())) if every else [], None
    begins = None
    if parameters and spans and spans[0].everyone and spans[0].start == _utc(_minute(parameters.start_time)):
        begins = None if any(row.earlier for row in rows) else spans.pop(0).end
    lately = [row for row in rows if late and row.part == Why.COUNTED and row.minute and _utc(row.minute) >= late]
    return Account(
        read=sum(row.rows for row in rows),
        unreadable=table.unreadable,
        parts=tuple(parts[why] for why in Why if why in parts),
        quiet=tuple(spans),
        begins=begins,
        late_since=late,
        late=_parts(lately).get(Why.COUNTED),
        incident_start=parameters.incident_start if parameters else None,
        reading=table.notes,
    )


def _bound(parameters: Parameters | None) -> dict[str, object]:
    names = ("start_time", "end_time", "incident_start", "region", "service_name", "environment")
    if parameters is None:
        return dict.fromkeys(names)
    values = {name: getattr(parameters, name) for name in names}
    return {name: naive_utc(value) if isinstance(value, datetime) else value for name, value in values.items()}


def _parts(rows: Iterable[_AccountRow]) -> dict[Why, AccountPart]:
    found: dict[Why, Counter[str]] = {}
    for row in rows:
        side, failures = ("since", "failures_since") if row.since else ("before", "failures_before")
        counts = found.setdefault(row.part, Counter())
        counts[side] += row.rows
        counts[failures] += row.failures
    return {part: AccountPart(why=part, **counts) for part, counts in found.items()}


def _without_copies(
    parts: dict[Why, AccountPart],
    engine: Engine,
    bound: dict[str, object],
    parameters: Parameters | None,
    timeout: float,
) -> dict[Why, AccountPart]:
    """The same with the copies as a part of their own."""
    sql = with_service_requests(_SCOPED, once=True) if parameters else _EVERY
    result = dict(parts)
    for why in (Why.COUNTED, Why.NO_STATUS):
        result.pop(why, None)
    once = [
        _AccountRow(Why.NO_STATUS if row["silent"] else Why.COUNTED, None, row["since"], row["rows"], row["failures"])
        for row in engine.run(sql, bound, timeout=timeout).to_pylist()
    ]
    result |= _parts(once)
    copies: Counter[str] = Counter()
    for why in (Why.COUNTED, Why.NO_STATUS):
        copies.update(_sides(parts.get(why)))
        copies.subtract(_sides(result.get(why)))
    if any(copies.values()):
        result[Why.COPY] = AccountPart(why=Why.COPY, **copies)
    return result


def _sides(part: AccountPart | None) -> dict[str, int]:
    return part.model_dump(exclude={"why"}) if part else {}


def _minute(time: datetime) -> datetime:
    return naive_utc(time).replace(second=0, microsecond=0)


def _by_minute(rows: Iterable[_AccountRow]) -> Counter[datetime]:
    found: Counter[datetime] = Counter()
    for row in rows:
        if row.minute is not None:
            found[row.minute] += row.rows
    return found


def _usual(minutes: Counter[datetime], first: datetime, last: datetime) -> float:
    """Rows in a minute: the mean of the window's, where most have none, else their median."""
    held = [rows for minute, rows in minutes.items() if first <= minute <= last]
    empty = int((last - first) / MINUTE) + 1 - len(held)  # never listed: a window may be of ages
    return sum(held) / (len(held) + empty) if empty > len(held) else median([*held, *[0] * empty])


def _spans(
    mine: Counter[datetime], every: Counter[datetime], first: datetime, last: datetime, usual: float
) -> list[Quiet]:
    """Times without rows; `usual`: rows in a minute."""
    if not usual:
        return []
    edges = [first - MINUTE, *sorted(mine), last]
    spans = []
    for before, after in pairwise(edges):
        start = before + MINUTE
        expected = (after - start) / MINUTE * usual
        if expected >= EXPECTED and after - start >= SHORTEST:
            everyone = not any(start <= minute < after for minute in every)
            spans.append(Quiet(start=_utc(start), end=_utc(after), everyone=everyone, expected=round(expected)))
    return spans


def _late(every: Counter[datetime], last: datetime) -> datetime | None:
    """Since when the rows of all services thin out towards the window's end; only few minutes may.

    What is on its way thins out more and more; where rows are lost, as many are there in each minute of the loss.
    """
    held: Sequence[datetime] = sorted(every)
    if not held or held[-1] < last - LATE:
        return None  # it ended before: that is a time without rows
    usual = _usual(every, held[0], held[-1])
    thin: list[datetime] = []
    minute = last
    while minute >= held[0] and every[minute] < THIN * usual:
        thin.append(minute)
        minute -= MINUTE
    if usual * THIN < EXPECTED or len(thin) < 2 or len(thin) * MINUTE > LATE:
        return None
    half = len(thin) // 2
    newer, older = (sum(every[minute] for minute in part) / len(part) for part in (thin[:half], thin[half:]))
    if newer >= FADED * older:
        return None
    return _utc(thin[-1])


def _utc(value: datetime) -> datetime:
    return value.replace(tzinfo=UTC)


def _quiet(one: Quiet) -> str:
    whose = "of any service" if one.everyone else "of this service"
    why = ": the telemetry has a hole there, or stopped" if one.everyone else ", while others have some"
    times, expected = f"{moment(one.start)} to {moment(one.end)}", count(one.expected)
    return f"No row {whose} from {times}, where some {expected} were to be expected{why}."
