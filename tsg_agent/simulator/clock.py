"""Simulated time (microseconds since 1970, UTC), and the load over time."""

from datetime import datetime

import numpy as np

from tsg_agent.simulator.randomness import Floats, Ints, RandomStream
from tsg_agent.simulator.scenario import Scenario

SECOND = 1_000_000
MINUTE = 60 * SECOND


def micros(moment: datetime) -> int:
    """A moment in microseconds since 1970."""
    return round(moment.timestamp() * SECOND)


def minutes_of(scenario: Scenario) -> Ints:
    """The start of each minute of the recording."""
    return np.arange(micros(scenario.first), micros(scenario.last), MINUTE, dtype=np.int64)


def load(scenario: Scenario) -> Floats:
    """Relative load of each minute: the day's curve, highest at 15:00 UTC, and some noise."""
    minutes = minutes_of(scenario)
    hour = (minutes / MINUTE / 60.0) % 24
    noise = RandomStream(scenario.seed, "load").lognormal(minutes // MINUTE, 1.0, 0.06)
    return np.asarray((1 + 0.35 * np.cos((hour - 15) * np.pi / 12)) * noise, dtype=np.float64)


def arrivals(scenario: Scenario, draws: Floats) -> Ints:
    """Arrival times for uniform draws: a Poisson process that follows the load, given its number of events."""
    minutes = minutes_of(scenario)
    edges = np.append(minutes, micros(scenario.last)).astype(np.float64)
    weight = load(scenario) * np.diff(edges)
    cumulative = np.concatenate([[0.0], np.cumsum(weight)])
    return np.asarray(np.interp(draws * cumulative[-1], cumulative, edges), dtype=np.int64)
