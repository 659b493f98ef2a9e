"""The arithmetic on counts: the rest, and what is left without a part."""

import numpy as np
import pyarrow as pa

from tests.verdicts.tables import ZONE, Sides, counts, grid, measurement, table
from tsg_agent.evidence import Counts, Table
from tsg_agent.evidence.dimensions import FLAG, Dimension
from tsg_agent.evidence.read import read_measurement
from tsg_agent.models import Measure

KINDS = Dimension(("error_category",), 10, error_only=True)
PAIRS = 2**16 - 1 - 0b11
"""GROUPING where the last two columns are grouped by."""


def test_the_rest_is_all_other_requests() -> None:
    made = table({"a": ((1, 100), (2, 50)), "b": ((3, 200), (4, 100))})
    rest = made.rest
    assert rest.requests.sum(axis=1).round().tolist() == [300, 150]
    assert rest.failures[Measure.SERVER_ERRORS].sum(axis=1).round().tolist() == [7, 3]


def test_a_flags_value_is_compared_with_its_other_values_or_with_the_requests_that_lack_it() -> None:
    sides: list[Sides] = [((1, 100), (2, 50)), ((3, 200), (4, 100)), ((5, 300), (6, 150)), ((7, 50), (8, 25))]
    values = [("routing", "on"), ("routing", "off"), ("routing", "half"), ("basket", "on")]
    made = Table(FLAG, values, counts(sides), counts([((20, 1000), (30, 500))]))
    assert made.rest.requests.sum(axis=1).round().tolist() == [750, 600, 450, 1425]
    assert made.rest.failures[Measure.SERVER_ERRORS].sum(axis=1).round().tolist() == [18, 14, 10, 35]
    assert [made.find(made.subject(row)) for row in range(4)] == [0, 1, 2, 3]
    assert made.find({"flag_name": "routing", "flag_value": "none"}) == -1


def test_without_takes_a_part_out_value_by_value() -> None:
    whole = measurement(table({"a": ((1, 100), (2, 50)), "b": ((3, 200), (4, 100))}))
    part = measurement(table({"b": ((3, 200), (4, 100))}))
    left = whole.without(part)
    (zones,) = left.tables
    assert zones.counts.requests.sum(axis=1).round().tolist() == [150, 0]
    assert left.total.requests.sum().round() == 150
    assert left.entry.failures[Measure.SERVER_ERRORS].sum().round() == 3


def test_without_never_goes_under_zero_and_keeps_what_the_part_lacks() -> None:
    whole = measurement(table({"a": ((1, 100), (2, 50))}), table({"x": ((1, 100), (2, 50))}, KINDS))
    left = whole.without(measurement(table({"a": ((9, 900), (9, 900))})))
    assert min(one.counts.requests.min() for one in left.tables) >= 0
    assert left.table(("error_category",)) is whole.table(("error_category",))


def test_where_only_failures_carry_a_dimension_its_requests_are_the_services() -> None:
    zones = table({"a": ((1, 100), (2, 50)), "b": ((3, 200), (4, 100))})
    errors = Table(KINDS, [("TIMEOUT",)], counts([((4, 300), (6, 150))]), zones.whole, error_only=True)
    part_zones = table({"b": ((3, 200), (4, 100))})
    part = Table(KINDS, [("TIMEOUT",)], counts([((3, 200), (4, 100))]), part_zones.whole, error_only=True)
    left = measurement(zones, errors).without(measurement(part_zones, part)).tables[1]
    assert left.counts.requests.sum().round() == 150
    assert left.counts.failures[Measure.SERVER_ERRORS].sum().round() == 3


def test_a_part_in_which_every_request_with_a_value_failed_takes_only_those_out() -> None:
    """There the dimension looks as if only failures had it; the whole knows better."""
    whole = measurement(table({"a": ((10, 1_000), (40, 500)), "b": ((0, 100), (0, 50))}))
    part_counts = counts([((0, 300), (30, 150))])
    seen = Table(ZONE, [("a",)], part_counts, part_counts, error_only=True)
    left = whole.without(measurement(seen)).tables[0].counts
    assert (left.failures[Measure.SERVER_ERRORS] <= left.requests + 1e-9).all()
    assert left.requests[0].sum().round() == 1_470


def test_find() -> None:
    made = table({"a": ((1, 100), (2, 50)), "b": ((3, 200), (4, 100))})
    found = [made.find({"availability_zone": "b"}), made.find({"availability_zone": "c"}), made.find({"shard_id": "b"})]
    assert found == [1, -1, -1]


def test_take_gives_an_empty_group_for_none() -> None:
    assert Counts.zeros(0, 3).take([-1]).requests.tolist() == [[0, 0, 0]]
    assert counts([((1, 100), (2, 50))]).take([0, -1]).requests.sum(axis=1).round().tolist() == [150, 0]


def rows(columns: dict[str, list[object]]) -> pa.Table:
    length = len(columns["cell"])
    return pa.table({"second_value": pa.array([None] * length, pa.string()), "latency_sum": [0] * length, **columns})


def test_values_are_sorted_and_null_is_in_the_whole_only() -> None:
    regions = rows({"first_value": ["us-west", None, "eu"], "cell": [4, 5, 33], "requests": [5, 3, 2]})
    everything = rows({"first_value": [None], "cell": [4], "requests": [10], "dimensions": [PAIRS]})
    made = read_measurement({"dimensions": everything, "regions": regions}, grid(), "shop", "us-east")
    (table_,) = made.tables
    assert table_.values == [("eu",), ("us-east",), ("us-west",)], "the incident's own region is the whole measured"
    assert table_.counts.requests.sum(axis=1).tolist() == [2, 10, 5]
    assert np.isclose(made.total.requests.sum(), 10)


def test_a_pair_counts_for_each_of_the_two_and_for_all() -> None:
    """Some requests name a component, some a dependency, some both."""
    seen: dict[str, list[object]] = {
        "first_value": ["cart", None, "cart", "pay", None],
        "second_value": ["db", "db", None, "bank", None],
        "cell": [4, 4, 4, 24, 4],
        "requests": [1, 2, 4, 8, 16],
    }
    made = read_measurement({"dimensions": rows({**seen, "dimensions": [PAIRS] * 5})}, grid(), "shop", "us-east")
    counted = {
        table_.dimension.columns: dict(zip(table_.values, table_.counts.requests.sum(axis=1).tolist(), strict=True))
        for table_ in made.tables
        if "region" not in table_.dimension.columns and not table_.error_only
    }
    assert counted == {
        ("service_component",): {("cart",): 5, ("pay",): 8},
        ("dependency_name",): {("bank",): 8, ("db",): 3},
        ("service_component", "dependency_name"): {("cart", "db"): 1, ("pay", "bank"): 8},
    }
    assert made.total.requests.sum() == 31


def test_a_request_that_does_not_say_how_it_was_answered_is_in_no_rate() -> None:
    """Cells 0 to 3 are the first bucket's requests without an answer: neither slow nor retried ones count."""
    seen = {"first_value": [None] * 4, "cell": [0, 2, 1, 20], "requests": [5, 3, 2, 4], "latency_sum": [9, 9, 9, 8]}
    everything = rows({**seen, "dimensions": [PAIRS] * 4})
    total = read_measurement({"dimensions": everything}, grid(), "shop", "us-east").total
    assert (total.requests.sum(), total.unknown.sum(), total.latency.sum()) == (4, 10, 8)
    sums = {measure: float(k.sum()) for measure, k in total.failures.items() if k.any()}
    assert sums == {Measure.SERVER_ERRORS: 4, Measure.NOT_SUCCESSFUL: 4}


def test_where_the_region_has_no_requests_the_others_are_there() -> None:
    regions = rows({"first_value": ["us-west"], "cell": [4], "requests": [5]})
    nothing = rows({"first_value": [], "cell": [], "requests": [], "dimensions": []})
    made = read_measurement({"dimensions": nothing, "regions": regions}, grid(), "shop", "us-east")
    assert [table_.values for table_ in made.tables] == [[("us-west",)]]
