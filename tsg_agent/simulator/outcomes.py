"""The outcome of each request: success, a background error, or a fault's effect."""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from tsg_agent.simulator import faults, latencies
from tsg_agent.simulator.clock import MINUTE, micros
from tsg_agent.simulator.exceptions import BACKGROUND, CLIENT, CLIENT_WEIGHTS, REDIRECTS, ErrorProfile, profiles_of
from tsg_agent.simulator.frame import Frame
from tsg_agent.simulator.randomness import Bools, Floats, Ints, RandomStream
from tsg_agent.simulator.scenario import Fault, FaultEffect, FaultKind, Scenario
from tsg_agent.simulator.traffic import endpoints_of

BURST_FAILURE = 0.06
INNER = ("DATABASE", "DEPENDENCY")
"""Categories of errors that a dependency causes."""
BEHIND_THE_ENTRY = (FaultKind.ENDPOINT, FaultKind.PRODUCT, FaultKind.WORKFLOW, FaultKind.ERROR)
STAGING_FACTOR = 20  # factor on the background error rate of other environments and services


@dataclass
class RequestOutcomes:
    """The outcomes of a frame's requests, column by column."""

    status: Ints
    profile: Ints
    """Index into `profiles`; -1 = no error."""
    profiles: list[ErrorProfile]
    latency: Floats
    fatal: Bools
    """The workflow cannot use the response (5xx, or a fault's effect)."""
    silent: Bools
    """Answered 2xx, but the workflow's step fails behind it."""
    pressed: Bools
    """The client retries although it got a response."""
    dependency_failure: Bools
    cascading: Bools
    hop: Ints
    """The hop that failed or was slow: 0 = entry, 1 = component, 2 = dependency; -1 = none."""
    compensation: Floats
    """Probability of a compensation if the run fails; NaN = the default."""

    def take(self, index: Ints) -> "RequestOutcomes":
        """The rows of an index."""
        columns = {item.name: getattr(self, item.name) for item in fields(self)}
        return RequestOutcomes(
            **{name: value if name == "profiles" else value[index] for name, value in columns.items()}
        )

    def below(self, other: "RequestOutcomes") -> "RequestOutcomes":
        """Concatenate with another outcome of the same scenario; both have the same `profiles`."""
        columns: dict[str, Any] = {"profiles": self.profiles}
        for item in fields(self):
            if item.name != "profiles":
                columns[item.name] = np.concatenate([getattr(self, item.name), getattr(other, item.name)])
        return RequestOutcomes(**columns)


def answer(scenario: Scenario, frame: Frame, attempt: str) -> RequestOutcomes:
    """Draw the outcomes of a frame's requests. `attempt` selects the random stream: a retry is drawn independently."""
    outcome = _healthy(scenario, frame, attempt)
    for number, fault in enumerate(scenario.faults):
        if fault.effect not in (FaultEffect.RESOURCES, FaultEffect.LOST):
            _apply(scenario, number, frame, outcome, attempt)
    return outcome


def _healthy(scenario: Scenario, frame: Frame, attempt: str) -> RequestOutcomes:
    keys, rows = frame.array("key"), len(frame)
    stream = RandomStream(scenario.seed, f"outcome/{attempt}")
    endpoint = frame.array("endpoint")
    written = np.isin(frame.text("http_method").codes, [frame.text("http_method").values.index("POST")])
    outcome = RequestOutcomes(
        status=np.where(written, 201, 200).astype(np.int64),
        profile=np.full(rows, -1, dtype=np.int64),
        profiles=[*BACKGROUND, *CLIENT],
        latency=latencies.usual(scenario, frame, attempt),
        fatal=np.zeros(rows, dtype=np.bool_),
        silent=np.zeros(rows, dtype=np.bool_),
        pressed=np.zeros(rows, dtype=np.bool_),
        dependency_failure=stream.sub("dependency").chance(keys, 0.004),
        cascading=np.zeros(rows, dtype=np.bool_),
        hop=np.full(rows, -1, dtype=np.int64),
        compensation=np.full(rows, np.nan),
    )
    reads = frame.text("http_method").equals("GET")
    redirected = reads & stream.sub("redirect").chance(keys, scenario.quirks.redirect_share)
    outcome.status[redirected] = np.array(REDIRECTS)[stream.sub("redirects").choice(keys, [0.6, 0.4])][redirected]
    client = np.array([item.client_errors for item in endpoints_of(scenario)])[endpoint]
    in_run = frame.array("run") >= 0
    refused = stream.sub("client").chance(keys, np.where(in_run, client * 0.3, client)) & ~redirected
    _fail(outcome, refused, stream.sub("client kind").choice(keys, CLIENT_WEIGHTS) + len(BACKGROUND))
    _fail(outcome, _background(scenario, frame, stream), stream.sub("kind").choice(keys, np.ones(len(BACKGROUND))))
    if scenario.flaky:
        calls = frame.text("service_component").equals(scenario.flaky.component)
        calls &= frame.text("dependency_name").equals(scenario.flaky.dependency)
        failed = calls & stream.sub("flaky").chance(keys, scenario.flaky.failure)
        _fail(outcome, failed, np.full(rows, len(BACKGROUND) - 1))
        outcome.dependency_failure |= failed
    outcome.fatal = outcome.status >= 500
    inner = np.array([item.category in INNER for item in outcome.profiles])[outcome.profile] & (outcome.profile >= 0)
    halves = np.where(outcome.fatal, stream.sub("hop").choice(keys, [0.5, 0.5]), 0)
    outcome.hop = np.where(inner, 2, np.where(outcome.profile >= 0, halves, -1)).astype(np.int64)
    _slow_failures(scenario, frame, outcome, outcome.fatal, attempt)
    return outcome


def hop_of(fault: Fault) -> int:
    """The hop at which the requests that a fault hits fail: 0 = entry, 1 = component, 2 = dependency."""
    if "dependency_name" in fault.where:
        return 2
    return 1 if "service_component" in fault.where or fault.kind in BEHIND_THE_ENTRY else 0


def _background(scenario: Scenario, frame: Frame, stream: RandomStream) -> Bools:
    """Mask of background errors: uniform over requests, almost uniform over time; bursts; test and staging traffic."""
    time, keys = frame.array("time"), frame.array("key")
    weather = RandomStream(scenario.seed, "weather").lognormal(time // (5 * MINUTE), 1.0, 0.25)
    chance = scenario.background_errors * weather
    foreign = ~frame.text("service_name").equals(scenario.service_name)
    foreign |= ~frame.text("environment").equals(scenario.environment)
    chance = np.where(foreign, chance * STAGING_FACTOR, chance)
    chance = np.where(frame.array("test"), scenario.quirks.test_failure, chance)
    component = frame.text("service_component")
    numbers = np.arange(scenario.bursts)
    bursts = RandomStream(scenario.seed, "bursts")
    first, last = micros(scenario.first), micros(scenario.last)
    starts = first + (bursts.uniform(numbers) * (last - first)).astype(np.int64)
    where = bursts.sub("component").choice(numbers, np.ones(len(component.values)))
    for start, code in zip(starts, where, strict=True):
        here = (component.codes == code) & (time >= start) & (time < start + 2 * MINUTE)
        chance = np.where(here & ~foreign, np.maximum(chance, BURST_FAILURE), chance)
    return stream.sub("background").chance(keys, chance)


def _fail(outcome: RequestOutcomes, rows: Bools, profile: Ints) -> None:
    statuses = np.array([item.status for item in outcome.profiles])
    outcome.profile[rows] = profile[rows]
    outcome.status[rows] = statuses[profile[rows]]


def _slow_failures(scenario: Scenario, frame: Frame, outcome: RequestOutcomes, rows: Bools, attempt: str) -> None:
    keys = frame.array("key")[rows]
    outcome.latency[rows] = latencies.failing(scenario, keys, outcome.status[rows], attempt, outcome.latency[rows])


def _apply(scenario: Scenario, number: int, frame: Frame, outcome: RequestOutcomes, attempt: str) -> None:
    """Overlay one fault. A request that already fails is unchanged: only the first failure is visible."""
    fault = scenario.faults[number]
    hit = faults.hits(scenario, number, frame, attempt) & ~outcome.fatal
    keys = frame.array("key")
    stream = RandomStream(scenario.seed, f"fault/{number}/{attempt}/detail")
    outcome.hop[hit] = hop_of(fault)
    if fault.compensation is not None:
        outcome.compensation[hit] = fault.compensation
    if fault.effect is FaultEffect.LATENCY:
        outcome.latency[hit] = latencies.slow(scenario, keys[hit], fault.latency_ms, f"{attempt}/{number}")
    elif fault.effect is FaultEffect.RETRIES:
        outcome.pressed |= hit
    elif fault.effect is FaultEffect.DEPENDENCY_FAILURES:
        outcome.dependency_failure |= hit
    elif fault.effect is FaultEffect.WORKFLOW_FAILURE:
        outcome.silent |= hit & (frame.array("run") >= 0)
    else:
        profiles = profiles_of(fault)
        first = len(outcome.profiles)
        outcome.profiles.extend(profiles)
        _fail(outcome, hit, first + stream.choice(keys, np.ones(len(profiles))))
        _slow_failures(scenario, frame, outcome, hit, attempt)
        outcome.fatal |= hit
        outcome.cascading |= hit & stream.sub("cascading").chance(keys, fault.cascading)
        if "dependency_name" in fault.where:
            outcome.dependency_failure |= hit
