"""Which requests a fault hits."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tsg_agent.errors import ParameterError
from tsg_agent.simulator import flags
from tsg_agent.simulator.clock import MINUTE, micros
from tsg_agent.simulator.frame import Frame, Text
from tsg_agent.simulator.randomness import Bools, Floats, RandomStream
from tsg_agent.simulator.scenario import Fault, FaultEffect, Scenario


def matching(scenario: Scenario, fault: Fault, frame: Frame) -> Bools:
    """Mask of the requests of the scenario's service that match a fault's values, at any time.

    Raises ParameterError if a value does not exist in the simulated service.
    """
    mask = frame.text("service_name").equals(scenario.service_name)
    mask &= frame.text("environment").equals(scenario.environment)
    where = dict(fault.where)
    name, value = where.pop("flag_name", None), where.pop("flag_value", "")
    if name is not None:
        known = [column.removeprefix(flags.PREFIX) for column in frame.columns if column.startswith(flags.PREFIX)]
        if name not in known:
            raise ParameterError(f"no flag {name!r} in the simulated service;", fix=f"known: {', '.join(known)}")
        mask &= _equals(frame.text(flags.PREFIX + name), name, value)
    for dimension, value in where.items():
        mask &= _equals(frame.text(dimension), dimension, value)
    return mask


def _equals(column: Text, dimension: str, value: str) -> Bools:
    if value not in column.values:
        known = ", ".join(column.values[:20])
        raise ParameterError(f"no {dimension} {value!r} in the simulated service;", fix=f"known: {known}")
    return column.equals(value)


def strength(scenario: Scenario, fault: Fault, time: NDArray[Any]) -> Floats:
    """The fault's strength at a time, 0 to 1: a step or a ramp, until it ends."""
    onset = micros(scenario.onset_of(fault))
    grown = np.ones(len(time)) if fault.ramp_minutes == 0 else (time - onset) / (fault.ramp_minutes * MINUTE)
    active = (time >= onset) & (time < micros(fault.until or scenario.last))
    return np.where(active, np.clip(grown, 0, 1), 0.0)


def hits(scenario: Scenario, number: int, frame: Frame, attempt: str) -> Bools:
    """Mask of the requests that fault `number` of the scenario hits."""
    fault = scenario.faults[number]
    draw = RandomStream(scenario.seed, f"fault/{number}/{attempt}").uniform(frame.array("key"))
    chance = fault.probability * strength(scenario, fault, frame.array("time"))
    return matching(scenario, fault, frame) & (draw < chance)


def lost(scenario: Scenario, frame: Frame) -> Bools:
    """Mask of the requests that never arrive."""
    mask = np.zeros(len(frame), dtype=np.bool_)
    for number, fault in enumerate(scenario.faults):
        if fault.effect is FaultEffect.LOST:
            mask |= hits(scenario, number, frame, "first")
    return mask
