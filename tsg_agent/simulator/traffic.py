"""Generates requests, single ones and those of workflow runs, without outcomes.

Every request has a `key` (its identity, and the seed of all its draws), a `time` in microseconds, and a code or
number for each dimension. Blocks of traffic (real, test, staging, another service) have disjoint keys, so that one
block's size does not affect another.
"""

from dataclasses import dataclass

import numpy as np

from tsg_agent.simulator import flags, products, shop, users
from tsg_agent.simulator.clock import SECOND, arrivals, micros
from tsg_agent.simulator.frame import Column, Frame, Text, concat, constant
from tsg_agent.simulator.infrastructure import Fleet
from tsg_agent.simulator.randomness import Ints, Keys, RandomStream
from tsg_agent.simulator.scenario import Scenario

STEP_BITS = 4
BLOCK_BITS = 44
OTHER_SERVICE = "billing.gateway"
OTHER_ENVIRONMENT = "staging"


@dataclass(frozen=True)
class Block:
    """A part of the traffic; its number determines its keys. Empty = the scenario's own environment and service."""

    number: int
    rows: int
    test: bool = False
    environment: str = ""
    service: str = ""

    @property
    def first(self) -> int:
        """The first key."""
        return self.number << BLOCK_BITS


def endpoints_of(scenario: Scenario) -> tuple[shop.Endpoint, ...]:
    """The shop's endpoints, the flaky one last."""
    if not scenario.flaky:
        return shop.ENDPOINTS
    flaky = scenario.flaky
    values = {**shop.OPTIONAL.__dict__, "component": flaky.component, "dependencies": {flaky.dependency: 1.0}}
    return (*shop.ENDPOINTS, shop.Endpoint(**values))


def requests_of(scenario: Scenario, fleet: Fleet) -> Frame:
    """All requests, in no particular order."""
    real, quirks = scenario.total, scenario.quirks
    in_runs, test = round(real * scenario.workflow_share), round(real * quirks.test_share)
    test_in_runs = round(test * scenario.workflow_share)
    frames = [
        _runs(scenario, Block(1, in_runs)),
        _runs(scenario, Block(2, test_in_runs, test=True)),
        _singles(scenario, Block(3, real - in_runs)),
        _singles(scenario, Block(4, test - test_in_runs, test=True)),
        _singles(scenario, Block(5, round(real * quirks.staging_share), environment=OTHER_ENVIRONMENT)),
        _singles(scenario, Block(6, round(real * quirks.other_service_share), service=OTHER_SERVICE)),
    ]
    plain = concat([frame for frame in frames if len(frame)])
    served = fleet.serve(scenario, plain.text("region").codes, plain.array("time"), plain.array("key"), "first")
    frame = plain.replaced(served)
    return frame.replaced({**flags.columns(scenario, frame), **products.columns(scenario, frame)})


def _singles(scenario: Scenario, block: Block) -> Frame:
    """Requests without a workflow, each with its own correlation id."""
    keys = (block.first + np.arange(block.rows)).astype(np.uint64)
    stream = RandomStream(scenario.seed, "singles")
    endpoints = endpoints_of(scenario)
    weights = np.array([endpoint.weight for endpoint in endpoints])
    if scenario.flaky:  # its share is of all requests, not only of these
        share = min(scenario.flaky.traffic / (1 - scenario.workflow_share), 0.9)
        weights[-1] = weights.sum() * share / (1 - share)
    endpoint = stream.sub("endpoint").choice(keys, weights)
    no_workflow = np.full(block.rows, -1, dtype=np.int64)
    columns: dict[str, Column] = {
        "key": keys,
        "time": arrivals(scenario, stream.sub("time").uniform(keys)),
        "run": no_workflow,
        "correlation": keys,
        **users.attributes(scenario, keys),
        **_workflow(no_workflow, no_workflow),
    }
    return _completed(scenario, columns, endpoint, block)


def _runs(scenario: Scenario, block: Block) -> Frame:
    """Requests of workflow runs, about as many as the block asks for: one per step, seconds apart."""
    weights = np.array([workflow.weight for workflow in shop.WORKFLOWS])
    lengths = np.array([len(workflow.steps) for workflow in shop.WORKFLOWS])
    runs = round(block.rows * weights.sum() / (weights * lengths).sum())
    run_keys = (block.first + (np.arange(runs) << STEP_BITS)).astype(np.uint64)
    stream = RandomStream(scenario.seed, "runs")
    workflow = stream.choice(run_keys, weights)
    steps = lengths[workflow]
    run = np.repeat(np.arange(runs), steps)
    first = np.repeat(np.cumsum(steps) - steps, steps)
    step = np.arange(len(run)) - first
    keys = run_keys[run] + step.astype(np.uint64)
    gaps = np.where(step == 0, 0, stream.sub("gap").lognormal(keys, 4.0, 0.7) * SECOND).astype(np.int64)
    elapsed = np.cumsum(gaps)
    start = arrivals(scenario, stream.sub("time").uniform(run_keys))[run]
    order = _endpoint_codes(scenario)
    columns: dict[str, Column] = {
        "key": keys,
        "time": start + elapsed - (elapsed[first] if len(first) else elapsed),
        "run": run_keys[run].astype(np.int64),
        "correlation": run_keys[run],
        **{name: column.take(run) for name, column in _texts(users.attributes(scenario, run_keys)).items()},
        **_workflow(workflow[run], step),
    }
    frame = _completed(scenario, columns, order[workflow[run], step], block)
    return frame.take(frame.array("time") < micros(scenario.last))


def _texts(columns: dict[str, Column]) -> dict[str, Text]:
    return {name: column for name, column in columns.items() if isinstance(column, Text)}


def _endpoint_codes(scenario: Scenario) -> Ints:
    """The endpoint of each workflow's steps."""
    names = [shop.endpoint_name(endpoint) for endpoint in endpoints_of(scenario)]
    codes = np.full((len(shop.WORKFLOWS), max(len(workflow.steps) for workflow in shop.WORKFLOWS)), -1, dtype=np.int64)
    for row, workflow in enumerate(shop.WORKFLOWS):
        for column, (_, endpoint) in enumerate(workflow.steps):
            codes[row, column] = names.index(endpoint)
    return codes


def _workflow(workflow: Ints, step: Ints) -> dict[str, Column]:
    names = tuple(dict.fromkeys(name for item in shop.WORKFLOWS for name, _ in item.steps))
    codes = np.full((len(shop.WORKFLOWS) + 1, 2**STEP_BITS), -1, dtype=np.int64)  # the last row: no workflow
    for row, item in enumerate(shop.WORKFLOWS):
        codes[row, : len(item.steps)] = [names.index(name) for name, _ in item.steps]
    return {
        "scenario_name": Text(workflow, tuple(item.name for item in shop.WORKFLOWS)),
        "step": step,
        "workflow_step": Text(codes[workflow, step], names),
    }


def _completed(scenario: Scenario, columns: dict[str, Column], endpoint: Ints, block: Block) -> Frame:
    """Add the columns derived from the endpoint, and those that are constant per block."""
    rows, own, service = len(endpoint), scenario.environment, scenario.service_name
    endpoints = endpoints_of(scenario)
    keys = np.asarray(columns["key"], dtype=np.uint64)
    names = Text(endpoint, tuple(shop.endpoint_name(item) for item in endpoints))
    return Frame(
        {
            **columns,
            "endpoint": endpoint,
            "endpoint_path": names.lookup([item.path for item in endpoints]),
            "http_method": names.lookup([item.method for item in endpoints]),
            "service_component": names.lookup([item.component for item in endpoints]),
            "dependency_name": _dependency(scenario, endpoint, keys),
            "environment": constant(block.environment or own, rows, (own, OTHER_ENVIRONMENT)),
            "service_name": constant(block.service or service, rows, (service, OTHER_SERVICE)),
            "test": np.full(rows, block.test, dtype=np.bool_),
        }
    )


def _dependency(scenario: Scenario, endpoint: Ints, keys: Keys) -> Text:
    """The dependency that a request calls, by the endpoint's shares; NULL for the rest."""
    endpoints = endpoints_of(scenario)
    names = tuple(dict.fromkeys(name for item in endpoints for name in item.dependencies))
    codes = np.full(len(endpoint), -1, dtype=np.int64)
    draw = RandomStream(scenario.seed, "dependency").uniform(keys)
    for number, item in enumerate(endpoints):
        lower = 0.0
        for name, share in item.dependencies.items():
            codes[(endpoint == number) & (draw >= lower) & (draw < lower + share)] = names.index(name)
            lower += share
    return Text(codes, names)
