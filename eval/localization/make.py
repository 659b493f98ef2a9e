"""Generates localization cases: requests with 3 to 6 dimensions, of which one to three conjunctions begin to fail.

Deterministic in seed and number. The number cycles through the kinds of causes (`KINDS`) and of background noise
(`NOISES`), so that all occur equally often. The number of requests is drawn once; the rest is redrawn until every cause
is identifiable from the rows (`tellable`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import numpy as np

from eval.draws import Draws
from eval.localization.requests import Description, Requests
from eval.localization.tellable import FEWEST, FEWEST_EXTRA, why_not
from tsg_agent.simulator.clock import MINUTE, SECOND
from tsg_agent.simulator.frame import Text
from tsg_agent.simulator.randomness import Bools, Floats, Ints

NOON = datetime(2026, 4, 14, 12, tzinfo=UTC)
HEALTHY_MINUTES = 120
FEWEST_ROWS, MOST_ROWS = 8_000, 200_000
ATTEMPTS = 400
WIDEST = 0.35
"""Maximum share of the requests after the start that one cause matches."""


class Kind(NamedTuple):
    """Number of causes, and values per cause (None: drawn)."""

    name: str
    causes: int
    length: int | None = None


KINDS = (
    Kind("one value", 1, 1),
    Kind("pair", 1, 2),
    Kind("triple", 1, 3),
    Kind("two causes", 2),
    Kind("three causes", 3),
)
QUIET = Kind("quiet", 0)


@dataclass(frozen=True)
class Noise:
    """Background failures: a share between `low` and `high`; optionally bursts, or a chronically failing value."""

    name: str
    low: float
    high: float
    bursts: bool = False
    chronic: bool = False


LITTLE, SOME, MUCH = ("little", 0.001, 0.003), ("some", 0.005, 0.015), ("much", 0.02, 0.04)
NOISES = (
    Noise(*LITTLE),
    Noise(*SOME),
    Noise(*MUCH, bursts=True),
    Noise(*LITTLE),
    Noise(*SOME, chronic=True),
    Noise(*MUCH, bursts=True, chronic=True),
)

NOUNS = ("orders", "carts", "users", "prices", "images", "reviews", "stores", "labels")
VERBS = ("list", "get", "save", "find", "check")
PATHS = tuple(f"/{noun}/{verb}" for verb in VERBS for noun in NOUNS)
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
NAMES: dict[str, Callable[[int], str]] = {
    "service_version": lambda number: f"{4 + number // 10}.{number % 10}.0",
    "datacenter": lambda number: f"dc-{number:02d}",
    "availability_zone": lambda number: f"zone-{number:02d}",
    "instance_type": lambda number: f"m{number}.large",
    "load_balancer_id": lambda number: f"lb-{number:02d}",
    "partition_id": lambda number: f"partition-{number:02d}",
    "shard_id": lambda number: f"shard-{number:02d}",
    "tenant_category": lambda number: f"tenant-{number:02d}",
    "endpoint_path": PATHS.__getitem__,
    "http_method": METHODS.__getitem__,
    "api_version": lambda number: f"v{number + 1}",
    "client_type": lambda number: f"client-{number:02d}",
    "service_component": lambda number: f"component-{number:02d}",
    "dependency_name": lambda number: f"dependency-{number:02d}",
}
"""Dimension -> name of its n-th value."""
INSIDE = (("availability_zone", "datacenter"), ("shard_id", "partition_id"), ("endpoint_path", "service_component"))
"""Correlated pairs: each value of the first occurs with one value of the second (functional dependency)."""
MOSTLY = (
    ("service_version", "availability_zone"), ("instance_type", "availability_zone"), ("service_version", "datacenter"),
    ("load_balancer_id", "datacenter"), ("tenant_category", "partition_id"), ("client_type", "api_version"),
    ("dependency_name", "endpoint_path"), ("api_version", "client_type"),
)  # fmt: skip
"""Correlated pairs: for some values of the second, most requests have the same value of the first."""


@dataclass(frozen=True)
class Made:
    """A generated case; no causes if quiet."""

    kind: Kind
    noise: Noise
    requests: Requests
    causes: tuple[Description, ...]
    start: datetime
    end: datetime


def make(seed: int, number: int, *, quiet: bool = False) -> Made:
    """Case `number` of a seed. Quiet: nothing begins to fail. Raises RuntimeError after ATTEMPTS draws."""
    name = f"{'quiet' if quiet else 'case'}/{number}"
    kind = QUIET if quiet else KINDS[number % len(KINDS)]
    noise = NOISES[(number // len(KINDS) + number % len(KINDS)) % len(NOISES)]
    rows = Draws(seed, name).size(FEWEST_ROWS, MOST_ROWS)
    for attempt in range(ATTEMPTS):
        made = _tried(Draws(seed, f"{name}/{attempt}"), kind, noise, rows)
        if made is not None:
            return made
    raise RuntimeError(f"seed {seed}, {name}: no tellable case of {rows} requests in {ATTEMPTS} attempts")


def _tried(draws: Draws, kind: Kind, noise: Noise, rows: int) -> Made | None:
    """One draw; None if a cause is not identifiable."""
    start = NOON + timedelta(seconds=int(draws.between(-6 * 3600, 6 * 3600)))
    minutes = draws.size(10, 75)
    end = start + timedelta(minutes=minutes)
    dimensions = dimensions_of(draws, rows)
    time = times_of(draws, rows, start - timedelta(minutes=HEALTHY_MINUTES), end)
    after = time >= _micros(start)
    chance = background_of(draws, noise, dimensions, time)
    failed = draws.rows("background", rows) < chance
    requests = Requests(dimensions, time, after, failed)
    causes, strengths = causes_of(draws, kind, requests)
    if len(causes) < kind.causes:
        return None
    for at, (cause, strength) in enumerate(zip(causes, strengths, strict=True)):
        failed |= requests.meant(cause) & after & (draws.rows(f"cause {at}", rows) < strength)
    if causes and why_not(requests, causes):
        return None
    return Made(kind, noise, requests, tuple(causes), start, end)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp()) * SECOND


def times_of(draws: Draws, rows: int, first: datetime, last: datetime) -> Ints:
    """Sorted arrival times, microseconds: a sinusoidal load with noise per minute."""
    edges = np.arange(_micros(first), _micros(last) + 1, MINUTE)
    minutes = np.arange(len(edges) - 1)
    swing = 1 + draws.between(0, 0.3) * np.sin(minutes / draws.between(30, 90) + draws.between(0, 6.3))
    weight = swing * (0.85 + 0.3 * draws.rows("load", len(minutes)))
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    times = np.interp(draws.rows("times", rows) * cumulative[-1], cumulative, edges.astype(np.float64))
    return np.sort(times.astype(np.int64))


def dimensions_of(draws: Draws, rows: int) -> dict[str, Text]:
    """3 to 6 dimensions of 5 to 40 values with Zipf shares; correlated (INSIDE, MOSTLY) in half of the cases."""
    count, tied = 3 + int(draws.unit() * 4), draws.chance(0.5)
    chosen = list(draws.one((*INSIDE, *MOSTLY))) if tied else []
    chosen += draws.some([name for name in NAMES if name not in chosen], count - len(chosen))
    made: dict[str, Text] = {}
    for name in chosen:
        size = draws.size(5, len(METHODS) if name == "http_method" else 40)
        made[name] = _drawn(draws, name, size, rows)
    for (name, other), tie in [(pair, tie) for ties, tie in ((INSIDE, _inside), (MOSTLY, _mostly)) for pair in ties]:
        if tied and name in made and other in made:
            tie(draws, made, name, other)
    if "dependency_name" in made and draws.chance(0.7):  # most services do not call a dependency on every request
        column = made["dependency_name"]
        none = draws.rows("calls nothing", rows) < draws.between(0.2, 0.6)
        made["dependency_name"] = Text(np.where(none, -1, column.codes), column.values)
    return {name: made[name] for name in NAMES if name in made}


def _drawn(draws: Draws, name: str, size: int, rows: int) -> Text:
    """Independent values with Zipf shares of a random exponent."""
    shares = np.arange(1, size + 1) ** -draws.between(0.1, 1.3)
    cumulative = np.cumsum(shares / shares.sum())
    codes = np.minimum(np.searchsorted(cumulative, draws.rows(name, rows), side="right"), size - 1)
    return Text(draws.shuffled(size)[codes], tuple(NAMES[name](number) for number in range(size)))


def _inside(draws: Draws, made: dict[str, Text], name: str, other: str) -> None:
    """Replace `other` by a function of `name` with at most half as many values."""
    column, size = made[name], max(2, min(len(made[other].values), len(made[name].values) // 2))
    place = np.concatenate([draws.shuffled(size), draws.shuffled(len(column.values)) % size])[: len(column.values)]
    made[other] = Text(place[column.codes], made[other].values[:size])


def _mostly(draws: Draws, made: dict[str, Text], name: str, other: str) -> None:
    """For one to three values of `other`, give 60 to 90 % of the requests the same value of `name`."""
    column, rows = made[name], len(made[name].codes)
    codes = column.codes.copy()
    for at in range(1 + int(draws.unit() * 3)):
        here = made[other].codes == int(draws.unit() * len(made[other].values))
        moved = here & (draws.rows(f"{name} {other} {at}", rows) < draws.between(0.6, 0.9))
        codes[moved] = int(draws.unit() * len(column.values))
    made[name] = Text(codes, column.values)


def background_of(draws: Draws, noise: Noise, dimensions: dict[str, Text], time: Ints) -> Floats:
    """Background failure probability of each request: level, slow variation, bursts, a chronic value."""
    minute = (time - time[0]) // MINUTE
    count = int(minute[-1]) + 1
    weather = np.repeat(1 + 0.3 * (draws.rows("weather", count // 5 + 1) - 0.5), 5)[:count]
    if noise.bursts:
        for _ in range(draws.size(3, 8)):
            first = int(draws.unit() * count)
            weather[first : first + draws.size(1, 4)] *= draws.between(2, 4)
    level = draws.between(noise.low, noise.high)
    chance: Floats = level * (weather / weather[minute].mean())[minute]
    if noise.chronic:
        name = draws.one(list(dimensions))
        value = draws.one(dimensions[name].values)
        chance = np.where(dimensions[name].equals(value), np.maximum(chance, draws.between(0.1, 0.4)), chance)
    return chance


def causes_of(draws: Draws, kind: Kind, requests: Requests) -> tuple[list[Description], list[float]]:
    """Causes and their failure probabilities, possibly fewer than `kind.causes`; half of the sets share a value."""
    causes: list[Description] = []
    strengths: list[float] = []
    share = draws.chance(0.5)
    for _ in range(kind.causes):
        length = kind.length or 1 + int(draws.unit() * 3)
        strength = 1.0 if draws.chance(0.2) else draws.between(0.25, 1.0)
        shared = dict([draws.one(list(causes[0].items()))]) if share and causes else {}
        if shared:
            length = max(length, 2)
        cause = _cause(draws, requests, length, strength, shared)
        nested = any(cause.items() <= other.items() or other.items() <= cause.items() for other in causes)
        if cause and not nested:
            causes.append(cause)
            strengths.append(strength)
    return causes, strengths


def _cause(draws: Draws, requests: Requests, length: int, strength: float, shared: Description) -> Description:
    """A description of `length` values, with a log-uniform number of requests; {} if none was found."""
    late = np.flatnonzero(requests.after & requests.meant(shared))
    if not len(late):
        return {}
    fewest = max(FEWEST, FEWEST_EXTRA / strength)
    wanted = draws.size(fewest, max(fewest, WIDEST * int(requests.after.sum())))
    best: tuple[float, Description] = (np.inf, {})
    after = {name: column.take(late) for name, column in requests.dimensions.items()}
    for _ in range(30):
        row = int(draws.unit() * len(late))
        free = [name for name, column in after.items() if name not in shared and column.codes[row] >= 0]
        names = draws.some(free, length - len(shared))
        found = shared | {name: after[name].values[int(after[name].codes[row])] for name in names}
        masks: list[Bools] = [after[name].equals(found[name]) for name in names]
        size = int(np.logical_and.reduce(masks).sum())
        distance = abs(np.log(size / wanted))
        if len(found) == length and size >= fewest and distance < best[0]:
            best = float(distance), found
    return best[1]
