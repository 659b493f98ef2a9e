"""Latency of requests: log-normal per endpoint with a long tail, and that of failures."""

import numpy as np

from tsg_agent.simulator.frame import Frame
from tsg_agent.simulator.randomness import Bools, Floats, Ints, Keys, RandomStream
from tsg_agent.simulator.scenario import Scenario
from tsg_agent.simulator.traffic import endpoints_of

TAIL_SHARE = 0.003  # share of requests with a latency of ten times the median or more
TIMEOUT_MS = 4000.0  # timeout of upstream calls, ms


def usual(scenario: Scenario, frame: Frame, attempt: str) -> Floats:
    """Latency of successful requests, ms."""
    endpoints, code = endpoints_of(scenario), frame.array("endpoint")
    keys = frame.array("key")
    stream = RandomStream(scenario.seed, f"latency/{attempt}")
    median = np.array([endpoint.latency for endpoint in endpoints])[code]
    spread = np.array([endpoint.spread for endpoint in endpoints])[code]
    tail = np.where(stream.sub("tail").chance(keys, TAIL_SHARE), stream.sub("wait").lognormal(keys, 15.0, 0.6), 1.0)
    return np.asarray(stream.lognormal(keys, median, spread) * tail, dtype=np.float64)


def failing(scenario: Scenario, keys: Keys, status: Ints, attempt: str, usual: Floats) -> Floats:
    """Latency of failed requests, ms: the timeout for timeouts, else half of the usual latency."""
    stream = RandomStream(scenario.seed, f"latency/{attempt}/failing")
    return np.where(status == 504, TIMEOUT_MS + 600 * stream.uniform(keys), np.minimum(usual, TIMEOUT_MS) * 0.5)


def slow(scenario: Scenario, keys: Keys, median: float, attempt: str) -> Floats:
    """Latency of requests that a fault slows down, ms: mostly over 5 s."""
    return RandomStream(scenario.seed, f"latency/{attempt}/slow").lognormal(keys, median, 0.25)


def parts(scenario: Scenario, frame: Frame, latency: Floats, cached: Bools) -> tuple[Floats, Floats]:
    """Backend and connection times within the latency, ms. A cache hit spares most of the backend."""
    keys, stream = frame.array("key"), RandomStream(scenario.seed, "latency/parts")
    connection = np.minimum(stream.sub("connection").lognormal(keys, 4.0, 0.6), latency * 0.3)
    share = np.where(cached, 0.2, 0.65 + 0.25 * stream.sub("backend").uniform(keys))
    return np.asarray((latency - connection) * share, dtype=np.float64), np.asarray(connection, dtype=np.float64)
