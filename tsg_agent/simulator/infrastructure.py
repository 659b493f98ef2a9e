"""The fleet: instances in zones, their types, load balancers, versions, clocks, CPU and memory."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from tsg_agent.simulator.clock import MINUTE, SECOND, load, micros, minutes_of
from tsg_agent.simulator.frame import Column, Frame, Text
from tsg_agent.simulator.randomness import Floats, Ints, Keys, RandomStream
from tsg_agent.simulator.scenario import FaultEffect, Scenario

TYPES = ("m5.large", "m5.xlarge", "c5.xlarge", "m5.large")
CAPACITY = {"m5.large": 1.0, "m5.xlarge": 1.7, "c5.xlarge": 1.5}
ZONES = ("1a", "1b", "1c")
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Fleet:
    """Instances of all regions, region by region, `per_region` each; columns by instance."""

    per_region: int
    columns: dict[str, Text]
    weights: Floats
    upgraded: Ints
    """When an instance takes the rollout's version, microseconds."""
    base_version: Ints
    versions: tuple[str, ...]

    def serve(self, scenario: Scenario, region: Ints, time: Ints, keys: Keys, attempt: str) -> dict[str, Column]:
        """The columns of the instance that answers each request, and those derived from it."""
        draws = RandomStream(scenario.seed, f"balancing/{attempt}").choice(keys, self.weights[: self.per_region])
        instance = region * self.per_region + draws
        columns: dict[str, Column] = {name: column.take(instance) for name, column in self.columns.items()}
        return {**columns, "service_version": self.version_at(instance, time)}

    def version_at(self, instance: Ints, time: Ints) -> Text:
        """The version that an instance runs at a time."""
        newest = len(self.versions) - 1
        return Text(np.where(time >= self.upgraded[instance], newest, self.base_version[instance]), self.versions)


def fleet_of(scenario: Scenario) -> Fleet:
    """The fleet of a scenario. Zones a and b share a datacenter; load balancers span zones."""
    rows = [
        {
            "datacenter": f"{region}-dc{1 if number % 3 < 2 else 2}",
            "availability_zone": f"{region}-{ZONES[number % 3]}",
            "instance_id": f"i-{region}-{number + 1:02d}",
            "instance_type": TYPES[(number // 3) % len(TYPES)],
            "load_balancer_id": f"lb-{region}-{(number * 7 // 3) % 3 + 1}",
        }
        for region in scenario.regions
        for number in range(scenario.instances)
    ]
    columns: dict[str, Text] = {}
    for name in rows[0]:
        values = tuple(dict.fromkeys(row[name] for row in rows))
        columns[name] = Text(np.array([values.index(row[name]) for row in rows], dtype=np.int64), values)
    weights = np.array([CAPACITY[row["instance_type"]] for row in rows])
    return Fleet(scenario.instances, columns, weights, *_versions(scenario, len(rows)))


def _versions(scenario: Scenario, rows: int) -> tuple[Ints, Ints, tuple[str, ...]]:
    """Each instance's upgrade time in microseconds, its code of the previous version, and the versions' names."""
    stream = RandomStream(scenario.seed, "versions")
    shape = (len(scenario.regions), scenario.instances)
    ids = np.arange(rows)
    stale = stream.sub("stale").uniform(ids).reshape(shape).argsort(axis=1).argsort(axis=1).ravel()
    names = list(dict.fromkeys(name for name in (scenario.stale_version, scenario.version) if name))
    lagging = (stale < round(scenario.stale_share * scenario.instances)) & (scenario.stale_version is not None)
    base = np.where(lagging, 0, names.index(scenario.version)).astype(np.int64)
    upgraded = np.full(rows, NEVER, dtype=np.int64)
    if scenario.rollout:
        names.append(scenario.rollout.version)
        rank = stream.sub("rollout").uniform(ids).reshape(shape).argsort(axis=1).argsort(axis=1).ravel()
        count = max(1, round(scenario.rollout.share * scenario.instances))
        start = micros(scenario.rollout.start or scenario.incident_start)
        step = scenario.rollout.ramp_minutes * MINUTE / max(1, count - 1)
        upgraded = np.where(rank < count, start + (rank * step).astype(np.int64), NEVER).astype(np.int64)
    return upgraded, base, tuple(names)


@dataclass(frozen=True)
class InstanceMetrics:
    """CPU and memory, percent, by instance and minute."""

    cpu: Floats
    memory: Floats


def metrics_of(scenario: Scenario, fleet: Fleet) -> InstanceMetrics:
    """Utilisation that follows the load, and the faults with effect `resources`."""
    minutes, instances = minutes_of(scenario), len(fleet.weights)
    keys = np.arange(instances * len(minutes))
    stream = RandomStream(scenario.seed, "utilisation")
    level = stream.sub("level").normal(np.arange(instances))[:, None] * 3
    shape = (instances, len(minutes))
    cpu = 34 + level + 18 * load(scenario)[None, :] + 3 * stream.sub("cpu").normal(keys).reshape(shape)
    memory = 62 + level + 4 * load(scenario)[None, :] + 1.5 * stream.sub("memory").normal(keys).reshape(shape)
    region = Text(np.repeat(np.arange(len(scenario.regions)), fleet.per_region), tuple(scenario.regions))
    rows = Frame({**fleet.columns, "region": region})
    for fault in scenario.faults:
        if fault.effect is not FaultEffect.RESOURCES:
            continue
        here = np.ones(instances, dtype=np.bool_)
        for name, value in fault.where.items():
            here &= rows.text(name).equals(value)
        share = np.clip((minutes - micros(scenario.onset_of(fault))) / (max(fault.ramp_minutes, 1) * MINUTE), 0, 1)
        share[minutes >= micros(fault.until or scenario.last)] = 0
        pull = here[:, None] * share[None, :]
        cpu += pull * (fault.cpu - 52)
        memory += pull * (fault.memory - 66)
    return InstanceMetrics(np.clip(cpu, 1, 100).round(2), np.clip(memory, 1, 100).round(2))


def metrics_table(scenario: Scenario, fleet: Fleet, metrics: InstanceMetrics) -> dict[str, pa.Array]:
    """infrastructure_metrics: one sample per minute and instance, each instance at its own second."""
    minutes, instances = minutes_of(scenario), len(fleet.weights)
    offset = (RandomStream(scenario.seed, "sampling").uniform(np.arange(instances)) * 60).astype(np.int64) * SECOND
    times = (minutes[None, :] + offset[:, None]).ravel()
    order = np.lexsort((np.repeat(np.arange(instances), len(minutes)), times))
    names = fleet.columns["instance_id"].take(np.repeat(np.arange(instances), len(minutes))[order])
    return {
        "instance_id": names.arrow(),
        "timestamp": times[order],
        "cpu_utilization": metrics.cpu.ravel()[order],
        "memory_utilization": metrics.memory.ravel()[order],
    }
