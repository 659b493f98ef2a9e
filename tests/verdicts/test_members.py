"""Sets of bits count what the requests themselves do."""

import numpy as np
import pytest

from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.statistics import Bools, Floats
from tsg_agent.tools import GUIDE
from tsg_agent.verdicts.members import AFTER_FAILED, FEWER, NEW, Key, Members

ROWS = 5_000


@pytest.mark.parametrize("weights", ["none", "whole", "shares"])
def test_counts_are_those_of_the_rows(weights: str) -> None:
    random = np.random.default_rng(5)
    state = random.integers(-1, 4, ROWS).astype(np.int8)
    codes = [random.integers(-1, 4, ROWS).astype(np.int16) for _ in range(3)]
    codes[1][(codes[1] == 3) & (state < 2)] = 0  # a value that is new
    weight = {"none": None, "whole": random.integers(1, 90, ROWS) * 1.0, "shares": random.uniform(0.2, 7, ROWS)}[
        weights
    ]
    names = ("service_version", "service_component", "dependency_name")
    about = [one for name in names if (one := GUIDE.dimension(name)) is not None]
    columns = [DimensionCodes(about[n], [(f"{n}-{v}",) for v in range(4)], one) for n, one in enumerate(codes)]
    members = Members.of(columns, state, weight, lambda _, some: np.zeros(len(some), bool))
    assert members.new.any() and not members.new.all()

    def rows(key: Key, *, told: bool = False) -> Bools:
        own = [item for item in key if not (told and members.new[item])]
        names = [next(iter(members.items[item].values())).split("-") for item in own]
        return np.logical_and.reduce([state >= 0, *(codes[int(n)] == int(v) for n, v in names)])

    def counted(some: Bools) -> Floats:
        return np.bincount(state[some], None if weight is None else weight[some], 4).astype(float)

    def six(key: Key) -> Floats:
        return np.concatenate([counted(rows(key)), counted(rows(key, told=True))[:2]])

    items = range(len(members.items))
    assert np.allclose(members.each(members.everything), [six((item,)) for item in items])
    keys = [(item,) for item in items]
    pairs = members.longer(keys, list(items), members.everything)
    assert np.allclose(pairs, [[six((one, two)) for two in items] for one in items])
    for item in items:
        lacking = codes[members.dimension[item]] < 0
        settled = counted((rows((item,)) | lacking) & (state >= 0))
        assert np.allclose(members.count(members.settled((item,))), settled)
        rest = members.everything & ~members.mask((item,))
        assert np.allclose(members.count(rest), counted(rows(()) & ~rows((item,))))
    assert (
        members.each(members.everything)[members.new, :2].sum() < NEW < members.count(members.everything)[AFTER_FAILED]
    )


def test_fewer_values_are_looked_at_together_of_many_requests_however_few_rows_they_are() -> None:
    """A row may stand for several requests: what is large is what they are."""
    about = GUIDE.dimension("shard_id")
    assert about is not None
    state = np.tile(np.array([0, 1, 2, 3, 3], np.int8), 6_000)
    column = DimensionCodes(about, [(f"s{n}",) for n in range(100)], (np.arange(len(state)) // 5 % 100).astype(np.int8))
    light, heavy = (
        Members.of([column], state, weight, lambda _, codes: np.zeros(len(codes), bool))
        for weight in (None, np.full(len(state), 10.0))
    )
    assert (len(light.items), len(heavy.items)) == (100, FEWER)


def test_the_requests_of_the_value_that_rose_most_lie_together() -> None:
    """So that its descriptions are counted in those words alone."""
    random = np.random.default_rng(7)
    state = random.choice(np.array([0, 1, 2, 3], np.int8), ROWS)
    codes = np.where(state == 3, random.integers(0, 2, ROWS), random.integers(0, 9, ROWS)).astype(np.int8)
    dimension = GUIDE.dimension("service_component")
    assert dimension is not None
    column = DimensionCodes(dimension, [(f"{v}",) for v in range(9)], codes)
    members = Members.of([column], state, None, lambda _, some: np.zeros(len(some), bool))
    first = int(members.items[0]["service_component"])
    held = [np.count_nonzero((state == place) & (codes == first)) for place in range(4)]
    assert np.count_nonzero(members.member[0]) == sum(-(-count // 64) for count in held)
    assert members.each(members.everything)[0, :4].tolist() == held
