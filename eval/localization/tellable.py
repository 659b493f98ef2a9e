"""Tests whether a known cause is identifiable from the rows; needs the truth, and searches nothing.

All of this must hold, over requests that match no other cause: (1) the cause's failure rate rises significantly at the
start; (2) for each shorter description, the requests beside the cause are at least as many as the smallest cause has,
fail significantly less, and hardly rise; (3) no other description of the same length covers nearly the same requests.
"""

import numpy as np

from eval.localization.requests import Description, Requests
from eval.rows import p_of_a_rise
from tsg_agent.simulator.randomness import Bools

CERTAIN = 1e-4
LIKELY = 1e-3
FEWEST, FEWEST_EXTRA = 40, 20.0
"""Minimum requests after the start, and minimum failures in excess of the rate before. A shorter description with fewer
other requests than that is the better name."""
EVEN = 0.1
"""Tolerated rise of the requests beside the cause, as a share of the cause's rise."""


def why_not(requests: Requests, causes: list[Description]) -> str:
    """Why some cause is not identifiable; "" if all are."""
    meant = [requests.meant(cause) for cause in causes]
    for number, cause in enumerate(causes):
        others = np.zeros(len(requests.time), dtype=np.bool_)
        for at, mask in enumerate(meant):
            if at != number:
                others |= mask
        why = _why_not(requests, cause, meant[number] & ~others, ~others)
        if why:
            return f"{cause}: {why}"
    return ""


def _why_not(requests: Requests, cause: Description, own: Bools, left: Bools) -> str:
    table = requests.counts(own)
    extra = table[2] - table[3] * table[0] / max(table[1], 1)
    if table[3] < FEWEST or extra < FEWEST_EXTRA:
        return f"{table[3]} requests of its own after the start, {extra:.0f} extra failures: too few"
    if p_of_a_rise(*table) >= CERTAIN:
        return f"no rise beyond chance: {table}"
    for dropped in cause:
        wider = requests.meant({name: value for name, value in cause.items() if name != dropped}) & left
        rest = requests.counts(wider & ~own)
        if rest[3] < FEWEST or p_of_a_rise(*rest[2:], *table[2:]) >= CERTAIN:
            return f"as good without {dropped}: {rest} beside {table}"
        if _rise(rest) > EVEN * _rise(table):
            return f"the rest rises too without {dropped}: {rest} beside {table}"
        twin = _twin(requests, cause, dropped, own, wider)
        if twin:
            return twin
    return ""


def _rise(table: tuple[int, int, int, int]) -> float:
    return table[2] / max(table[3], 1) - table[0] / max(table[1], 1)


def _twin(requests: Requests, cause: Description, dropped: str, own: Bools, wider: Bools) -> str:
    """A value of another dimension that could replace `dropped`: the failures do not distinguish them; else ""."""
    late = np.flatnonzero(wider & requests.after)
    inside, failed = own[late], requests.failed[late]
    own_all, own_failed = int(inside.sum()), int((inside & failed).sum())
    for name, column in requests.dimensions.items():
        if name in cause:
            continue
        codes, size = column.codes[late] + 1, len(column.values) + 1
        counts = [
            np.bincount(codes[mask], minlength=size) for mask in (inside, inside & failed, ~inside, ~inside & failed)
        ]
        for code in np.flatnonzero(counts[0][1:]) + 1:  # code 0 is NULL, which is no value
            shared, shared_failed, strange, strange_failed = (int(count[code]) for count in counts)
            missed = own_failed - shared_failed, own_all - shared
            tells_missed = p_of_a_rise(int((~inside & failed).sum()), int((~inside).sum()), *missed) < LIKELY
            tells_strange = p_of_a_rise(strange_failed, strange, own_failed, own_all) < LIKELY
            if not tells_missed and not tells_strange:
                return f"{name}={column.values[code - 1]} stands for {dropped} as well"
    return ""
