"""The counts by value and bucket, and the rest that each is compared with."""

import tracemalloc
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest

from tests.samples import START as AT
from tests.samples import parameters
from tests.verdicts.made import CLIENT_ERROR, MINUTES, START, UNKNOWN, Part, dimension_of, made
from tsg_agent.evidence import Counts, Grid, Measurement, measurement
from tsg_agent.evidence import measured as measured_
from tsg_agent.evidence.measurement import bucket_minutes, entry_of, is_error_only
from tsg_agent.evidence.requests import KINDS, SERVER_ERROR, SUCCESS, DimensionCodes, Requests
from tsg_agent.models import Measure
from tsg_agent.tools import GUIDE

BEGAN = AT.replace(tzinfo=None)
BEGIN = BEGAN - np.timedelta64(START, "m").item()
GRID = Grid.over((BEGIN, BEGIN + np.timedelta64(MINUTES, "m").item()), BEGAN, 5)
A, B = {"availability_zone": "a"}, {"availability_zone": "b"}


def measured(requests: Requests, regions: pa.Table | None = None, service: str = "shop") -> Measurement:
    return measured_(requests, GRID, regions, parameters(service_name=service), GUIDE.dimensions)


def zones() -> Requests:
    return made(Part(A, 10, 0.1, 0.5), Part(B, 20, 0.0, 0.0), Part({}, 5, 0.2, 0.2))


def sums(counts: Counts, measure: Measure = Measure.SERVER_ERRORS) -> list[tuple[int, int]]:
    """Failures and requests of each group."""
    return [
        (round(k), round(n))
        for k, n in zip(counts.failures[measure].sum(axis=1), counts.requests.sum(axis=1), strict=True)
    ]


def test_values_are_sorted_and_what_has_none_is_in_the_whole_only() -> None:
    (table,) = [one for one in measured(zones()).tables if one.dimension.columns == ("availability_zone",)]
    assert table.values == [("a",), ("b",)]
    assert sums(table.counts) == [(120 + 275, 1_750), (0, 3_500)]
    assert sums(table.whole) == [(120 + 275 + 175, 6_125)]
    assert sums(table.rest) == [(175, 4_375), (395 + 175, 2_625)]


def test_before_and_after_do_not_mix() -> None:
    table = measured(zones()).table(("availability_zone",))
    assert table is not None
    assert table.counts.failures[Measure.SERVER_ERRORS][0, GRID.before].sum() == 120
    assert table.counts.failures[Measure.SERVER_ERRORS][0, GRID.after].sum() == 275


def test_find() -> None:
    table = measured(zones()).table(("availability_zone",))
    assert table is not None
    assert [table.find(one) for one in (A, B, {"availability_zone": "c"}, {"shard_id": "a"})] == [0, 1, -1, -1]


def test_every_flag_is_in_one_table_with_all_of_its_values() -> None:
    made_ = measured(made(Part({"flag f": "on", "flag g": "x"}, 10), Part({"flag f": "off"}, 20), Part({}, 30)))
    table = made_.table(("flag_name", "flag_value"))
    assert table is not None
    assert table.values == [("f", "off"), ("f", "on"), ("g", "x")]
    assert [n for _, n in sums(table.counts)] == [3_500, 1_750, 1_750]


def test_a_request_that_does_not_say_how_it_was_answered_is_in_no_rate() -> None:
    total = measured(made(Part(A, 10, 0.5, 0.5, answer=UNKNOWN), Part(B, 10, 0.5, 0.5))).total
    assert (total.requests.sum(), total.unknown.sum()) == (875 + 1_750, 875)
    assert total.failures[Measure.SERVER_ERRORS].sum() == total.failures[Measure.NOT_SUCCESSFUL].sum() == 875


@pytest.mark.parametrize(
    ("part", "counted"),
    [
        (Part(A, 10, 1, 1), {Measure.SERVER_ERRORS, Measure.NOT_SUCCESSFUL}),
        (Part(A, 10, 1, 1, answer=CLIENT_ERROR), {Measure.CLIENT_ERRORS, Measure.NOT_SUCCESSFUL}),
        (Part(A, 10, 1, 1, answer=3), {Measure.RATE_LIMITED, Measure.CLIENT_ERRORS, Measure.NOT_SUCCESSFUL}),
        (Part(A, 10, 1, 1, answer=2), {Measure.NOT_SUCCESSFUL}),
        (Part(A, 10, 1, 1, slow=True), {Measure.SLOW}),
        (Part(A, 10, 1, 1, retried=True), {Measure.RETRIES}),
        (Part(A, 10, 1, 1, answer=UNKNOWN), set()),
    ],
    ids=["5xx", "4xx", "429", "3xx", "slow", "retry", "unknown"],
)
def test_what_an_answer_counts_as(part: Part, counted: set[Measure]) -> None:
    total = measured(made(part)).total
    assert {measure for measure, k in total.failures.items() if k.any()} == counted


def test_latency_is_summed_and_the_unknown_is_none() -> None:
    requests = made(Part(A, 10))
    requests = replace(requests, latency=np.where(np.arange(len(requests)) % 2 == 0, 80.0, np.nan))
    assert measured(requests).total.latency.sum() == 80 * 875


def test_a_weight_counts_as_many() -> None:
    requests = made(Part(A, 10, 0.5, 0.5), Part(B, 10, 0.0, 0.0))
    heavy = replace(requests, weight=np.full(len(requests), 3.0))
    one, three = measured(requests), measured(heavy)
    for mine, theirs in zip(one.tables, three.tables, strict=True):
        assert (3 * mine.counts.requests == theirs.counts.requests).all()
        assert (3 * mine.counts.latency == theirs.counts.latency).all()
        assert all((3 * k == theirs.counts.failures[measure]).all() for measure, k in mine.counts.failures.items())


def errors(name: str, requests: Requests) -> DimensionCodes:
    """A column that only failures carry."""
    return DimensionCodes(
        dimension_of(name), [("Timeout",)], np.where(requests.failed(Measure.SERVER_ERRORS), 0, -1).astype(np.int16)
    )


@pytest.mark.parametrize("name", ["exception_type", "dependency_name"])
def test_where_only_failures_carry_a_dimension_its_requests_are_the_services(name: str) -> None:
    """A share needs its denominator: 395 of 395 is no rate."""
    requests = made(Part(A, 10, 0.1, 0.5), Part(B, 20))
    requests = replace(requests, columns=[*requests.columns, errors(name, requests)])
    table = measured(requests).table((name,))
    assert table is not None and table.error_only
    assert sums(table.counts) == [(395, 5_250)]


def test_a_dimension_that_a_success_carries_too_is_no_description_of_errors() -> None:
    requests = made(Part(A, 10, 0.1, 0.5), Part(B, 20))
    column = errors("dependency_name", requests)
    codes = column.codes.copy()
    codes[int(np.flatnonzero(codes < 0)[0])] = 0
    assert is_error_only(column, requests)
    assert not is_error_only(replace(column, codes=codes), requests)
    assert is_error_only(replace(errors("exception_type", requests), codes=codes), requests)


def test_where_all_fails_no_dimension_describes_errors() -> None:
    assert not is_error_only(made(Part(A, 10, 1.0, 1.0)).columns[0], made(Part(A, 10, 1.0, 1.0)))


def test_the_entry_is_the_component_named_like_the_service() -> None:
    parts = [Part({"service_component": name}, 10, 0.0, share) for name, share in (("shop-api", 0.1), ("db", 0.5))]
    whole = measured(made(*parts), service="Shop API")
    assert whole.entry_component == "shop-api"
    assert sums(whole.entry) == [(55, 1_750)]
    assert measured(made(*parts), service="other").entry is not whole.entry
    assert measured(made(*parts), service="other").entry_component is None


@pytest.mark.parametrize(
    ("components", "service", "row"),
    [(["a.b", "shop"], "SHOP", 1), (["shop"], "shop", None), (["a", "b"], "shop", None), (["x", "sh-op"], "shop", 1)],
)
def test_entry_of(components: list[str], service: str, row: int | None) -> None:
    assert entry_of(components, service) == row


def regions(*rows: tuple[str | None, int, int, int]) -> pa.Table:
    """(region, minute, answer, requests)."""
    names, minutes, answers, asked = zip(*rows, strict=True)
    return pa.table(
        {
            "region": pa.array(names, pa.string()),
            "minute": pa.array(minutes, pa.int32()),
            "kind": pa.array([4 * answer for answer in answers], pa.int8()),
            "requests": pa.array(asked, pa.int64()),
        }
    )


def test_the_incidents_own_region_is_beside_the_others() -> None:
    rows = regions(
        ("us-west", 4, SUCCESS, 5), ("us-west", 130, SERVER_ERROR, 3), (None, 4, SUCCESS, 9), ("eu", 4, UNKNOWN, 2)
    )
    table = measured(zones(), rows).table(("region",))
    assert table is not None
    assert table.values == [("eu",), ("us-east",), ("us-west",)]
    assert sums(table.counts) == [(0, 0), (570, 6_125), (3, 8)]
    assert table.counts.failures[Measure.SERVER_ERRORS][2, GRID.after].sum() == 3


def test_where_the_region_has_no_requests_the_others_are_there() -> None:
    nothing = made(Part(A, 0))
    table = measured(nothing, regions(("us-west", 4, SUCCESS, 5))).table(("region",))
    assert table is not None
    assert table.values == [("us-west",)]
    assert measured(nothing).tables == [] or measured(nothing).total.requests.sum() == 0


def test_of_very_many_values_the_busiest_are_measured_and_the_others_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measurement, "MOST_VALUES", 2)
    parts = [Part({"shard_id": f"s{n}"}, 10 * n, 0.1, 0.1) for n in (3, 1, 2, 4)]
    table = measured(made(*parts)).table(("shard_id",))
    assert table is not None
    assert (table.values, table.left_out) == ([("s3",), ("s4",)], 2)
    assert sums(table.whole)[0][1] == 100 * MINUTES
    requests = made(*parts)
    heavy = replace(requests, weight=np.where(requests.columns[0].codes == 0, 9.0, 1.0))
    busiest = measured(heavy).table(("shard_id",))
    assert busiest is not None
    assert busiest.values == [("s1",), ("s4",)]


def test_tables_come_in_the_guides_order() -> None:
    parts = [
        Part(
            {
                "shard_id": "s",
                "service_version": "1",
                "flag f": "on",
                "customer_tier": "FREE",
                "availability_zone": "a",
            },
            10,
        )
    ]
    found = [one.dimension.step for one in measured(made(*parts)).tables]
    assert found == [2, 3, 5, 6, 8, 4]


def test_over_a_long_window_one_columns_numbers_are_held_at_a_time() -> None:
    """Each bucket of a value has many numbers before it has its few: of all columns together they fill the memory."""
    columns = {f"flag {name}": "on" for name in "abcdefghijklmnop"}
    requests = made(Part({**columns}, 10), Part({}, 20))
    grid = Grid.over((BEGIN, BEGIN + np.timedelta64(20, "D").item()), BEGAN, 5)
    tracemalloc.start()
    measured_(requests, grid, None, parameters(service_name="shop"), GUIDE.dimensions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * len(columns) * grid.count * KINDS * 8


def test_the_buckets_of_months_are_longer_where_there_are_many_values(monkeypatch: pytest.MonkeyPatch) -> None:
    """95 days of 2,000 paths took 12 GB."""
    monkeypatch.setattr(measurement, "MOST_CELLS", 50_000)
    requests = made(*(Part({"endpoint_path": f"/{n}"}, 1) for n in range(300)), minutes=20)
    span = timedelta(days=95)
    minutes = bucket_minutes(requests, span, 5)
    grid = Grid.over((BEGIN, BEGIN + span), BEGAN, minutes)
    assert 25_000 < grid.count * 301 <= 51_000
    tracemalloc.start()
    measured_(requests, grid, None, parameters(service_name="shop"), GUIDE.dimensions)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 600 * 50_000
    assert bucket_minutes(requests, timedelta(hours=4), 5) == 5
    assert bucket_minutes(made(Part({}, 1)), timedelta(days=100), 5) == 5
