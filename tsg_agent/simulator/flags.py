"""Feature flags: which value each request carries, and the feature_flags table."""

from typing import Any

import numpy as np
import pyarrow as pa

from tsg_agent.simulator.clock import micros
from tsg_agent.simulator.frame import Column, Frame, Text
from tsg_agent.simulator.randomness import RandomStream
from tsg_agent.simulator.scenario import Scenario

PREFIX = "flag:"


def columns(scenario: Scenario, frame: Frame) -> dict[str, Column]:
    """One text column per flag, `flag:<name>`; NULL if the request does not carry it."""
    result: dict[str, Column] = {}
    keys = frame.array("key")
    for flag in scenario.flags:
        stream = RandomStream(scenario.seed, f"flag/{flag.name}")
        values = tuple(dict.fromkeys([*flag.values, *([flag.before] if flag.before else [])]))
        sticky = frame.text("user_id").codes if flag.sticky else keys
        codes = stream.choice(sticky, list(flag.values.values()))
        if flag.start:
            earlier = values.index(flag.before) if flag.before else -1
            codes = np.where(frame.array("time") < micros(flag.start), earlier, codes)
        carried = stream.sub("coverage").chance(keys, flag.coverage)
        result[PREFIX + flag.name] = Text(np.where(carried, codes, -1).astype(np.int64), values)
    return result


def table(scenario: Scenario, frame: Frame, request_id: Any) -> dict[str, Any]:
    """feature_flags: one row for each request and flag that it carries, requests in the frame's order."""
    empty = np.zeros(0, dtype=np.int64)
    rows, names, values = [empty], [empty], [empty]
    words = tuple(dict.fromkeys(value for flag in scenario.flags for value in (*flag.values, flag.before) if value))
    for number, flag in enumerate(scenario.flags):
        column = frame.text(PREFIX + flag.name)
        carried = np.flatnonzero(column.codes >= 0)
        rows.append(carried)
        names.append(np.full(len(carried), number, dtype=np.int64))
        values.append(np.array([words.index(value) for value in column.values])[column.codes[carried]])
    row, name, value = np.concatenate(rows), np.concatenate(names), np.concatenate(values)
    order = np.lexsort((name, row))
    return {
        "request_id": request_id.take(pa.array(row[order])),
        "flag_name": Text(name[order], tuple(flag.name for flag in scenario.flags)).arrow(),
        "flag_value": Text(value[order], words).arrow(),
    }
