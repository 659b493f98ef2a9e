"""Which descriptions are found, on requests made by hand."""

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from tests.verdicts.made import CLIENT_ERROR, GUIDE, START, Part, dimension_of, explained, made
from tsg_agent.evidence.requests import DimensionCodes, Requests
from tsg_agent.models import Measure, Subject
from tsg_agent.verdicts.causes import Found

ZONES, SHARDS, CLIENTS = ("z1", "z2", "z3"), ("s1", "s2", "s3", "s4"), ("web", "ios")


def cube(*broken: tuple[Subject, float], per_minute: float = 2, background: float = 0.01, **changes: Any) -> list[Part]:
    """Every zone, shard and client, as much traffic each; those that a description says fail with its share."""
    parts = []
    for zone, shard, client in product(ZONES, SHARDS, CLIENTS):
        values = {"availability_zone": zone, "shard_id": shard, "client_type": client}
        shares = [share for subject, share in broken if subject.items() <= values.items()]
        parts.append(Part(values, per_minute, background, max([background, *shares]), **changes))
    return parts


def found(*parts: Part, **changes: Any) -> list[Found]:
    return explained(made(*parts), **changes).found


def subjects(*parts: Part, **changes: Any) -> list[Subject]:
    return [one.subject for one in found(*parts, **changes)]


ZONE = {"availability_zone": "z1"}
PAIR = {"availability_zone": "z1", "client_type": "web"}
TRIPLE = {"availability_zone": "z1", "client_type": "web", "shard_id": "s2"}


@pytest.mark.parametrize("subject", [ZONE, {"shard_id": "s3"}, PAIR, TRIPLE], ids=["zone", "shard", "pair", "triple"])
def test_one_description_is_found_exactly(subject: Subject) -> None:
    (one,) = found(*cube((subject, 0.5), per_minute=4))
    assert one.subject == subject
    assert abs(one.moment.start - START) <= 1
    assert one.moment.earliest <= START <= one.moment.latest
    assert one.measure is Measure.SERVER_ERRORS


def test_two_descriptions_of_different_dimensions_are_both_found() -> None:
    both = subjects(*cube(({"availability_zone": "z1"}, 0.3), ({"shard_id": "s3"}, 0.5)))
    assert sorted(both, key=str) == [{"availability_zone": "z1"}, {"shard_id": "s3"}]


def test_two_causes_that_share_a_value_stay_two() -> None:
    one, other = {"availability_zone": "z1", "client_type": "web"}, {"availability_zone": "z1", "shard_id": "s4"}
    assert sorted(subjects(*cube((one, 0.4), (other, 0.8), per_minute=4)), key=str) == sorted([one, other], key=str)


def test_two_values_of_one_dimension_are_two_causes() -> None:
    assert sorted(subjects(*cube(({"shard_id": "s1"}, 0.4), ({"shard_id": "s3"}, 0.4))), key=str) == [
        {"shard_id": "s1"},
        {"shard_id": "s3"},
    ]


def test_the_shorter_wins_where_the_longer_explains_hardly_more() -> None:
    """Web fails a little more of the zone than the app does: 30 and 26 %."""
    assert subjects(*cube((ZONE, 0.26), (PAIR, 0.3), per_minute=4)) == [ZONE]


def test_the_longer_wins_where_the_rest_of_the_shorter_is_well() -> None:
    assert subjects(*cube((PAIR, 0.3), per_minute=4)) == [PAIR]


def test_a_value_goes_where_what_it_leaves_out_rises_too() -> None:
    """In the zone 40 % fail for the web and 15 % for the app, where 1 % did: it is the zone."""
    assert subjects(*cube((ZONE, 0.15), (PAIR, 0.4), per_minute=4)) == [ZONE]


def test_a_full_outage_is_no_parts_fault() -> None:
    uneven = [(part, 0.4 + 0.002 * place) for place, part in enumerate(cube())]
    assert subjects(*(replace(part, after=share) for part, share in uneven)) == []


def test_what_rises_with_everything_else_beside_a_worse_part() -> None:
    """All fail twice as often, the zone ten times: the zone is what is special."""
    parts = [replace(part, after=max(part.after, 0.03)) for part in cube((ZONE, 0.4))]
    assert subjects(*parts) == [ZONE]


def test_chronic_trouble_is_no_cause() -> None:
    """A shard always fails half of its requests; the zone begins to."""
    parts = [
        replace(part, before=0.5, after=0.5) if part.values["shard_id"] == "s2" else part for part in cube((ZONE, 0.3))
    ]
    (only,) = subjects(*parts)
    assert only["availability_zone"] == "z1" and only.get("shard_id") != "s2"


def test_chronic_trouble_alone_is_nothing() -> None:
    parts = [replace(part, before=0.5, after=0.5) if part.values["shard_id"] == "s2" else part for part in cube()]
    assert subjects(*parts) == []


def test_nothing_is_found_where_nothing_rose() -> None:
    assert subjects(*cube()) == []


@pytest.mark.parametrize("after", [0.35, 0.08], ids=["a third", "a twelfth"])
def test_a_version_that_is_new_has_the_before_of_the_others(after: float) -> None:
    """No request before: its own before would be 0 of 0."""
    old = Part({"service_version": "1.0.0", "availability_zone": "z1"}, 60, 0.008, 0.008)
    new = Part({"service_version": "1.1.0", "availability_zone": "z1"}, 30, 0.0, after, since=START)
    (one,) = found(old, new)
    assert one.subject == {"service_version": "1.1.0"}
    assert one.told is None or one.told.sum() > 60 * 100


def test_a_new_version_that_fails_as_the_old_one_does_is_no_cause() -> None:
    old = Part({"service_version": "1.0.0"}, 60, 0.02, 0.02)
    assert subjects(old, Part({"service_version": "1.1.0"}, 30, 0.0, 0.02, since=START)) == []


def test_a_new_version_that_took_all_over_is_not_blamed_for_a_zone() -> None:
    parts = [
        Part({"service_version": version, "availability_zone": zone}, 20, 0.01, share, since=since, start=since)
        for zone, share in (("z1", 0.4), ("z2", 0.01), ("z3", 0.01))
        for version, since in (("1.1.0", START),)
    ]
    parts += [Part({"service_version": "1.0.0", "availability_zone": zone}, 20, 0.01) for zone in ZONES]
    assert subjects(*parts) == [{"service_version": "1.1.0", "availability_zone": "z1"}]


def test_a_harmless_rollout_at_the_incidents_minute_is_not_blamed() -> None:
    parts = []
    for zone in ZONES:
        share = 0.4 if zone == "z1" else 0.01
        parts.append(Part({"service_version": "1.0.0", "availability_zone": zone}, 20, 0.01, share))
        parts.append(Part({"service_version": "1.1.0", "availability_zone": zone}, 20, 0.01, share, since=START))
    assert subjects(*parts) == [ZONE]


def test_what_only_failures_carry_is_never_a_subject() -> None:
    """An exception's name goes with half of what fails, and is of no request that succeeded."""
    requests = made(*cube((ZONE, 0.5)))
    failed = requests.failed(Measure.SERVER_ERRORS)
    for name in ("exception_type", "instance_type"):  # the second is no description of errors by its name
        kinds = DimensionCodes(dimension_of(name), [("Timeout",)], np.where(failed, 0, -1).astype(np.int16))
        with_kinds = replace(requests, columns=[kinds, *requests.columns])
        assert [one.subject for one in explained(with_kinds).found] == [ZONE]


def test_requests_that_do_not_record_a_causes_dimension_are_no_second_cause() -> None:
    """A third of the rows lack the shard; without it, the shard's zone goes on failing there."""
    parts = []
    for number in range(4):
        values = {"shard_id": f"s{number}", "availability_zone": f"z{number % 2}"}
        share = 0.5 if number == 0 else 0.01
        parts += [
            Part(values, 20, 0.01, share),
            Part({"availability_zone": values["availability_zone"]}, 10, 0.01, share),
        ]
    first, *others = found(*parts)
    assert first.subject == {"shard_id": "s0"}
    assert all(one.lacks == ("shard_id",) for one in others)


def test_a_dependency_is_named_where_its_endpoint_hardly_fails_without_it() -> None:
    """A quarter of the scans call nothing, and hardly fail. By its own change alone the endpoint is as clear."""
    scan, others = {"endpoint_path": "/scan"}, {"endpoint_path": "/other", "dependency_name": "db"}
    called = {**scan, "dependency_name": "ocr"}
    (one,) = found(Part(called, 9, 0.022, 0.41), Part(scan, 3, 0.003, 0.06), Part(others, 150, 0.009, 0.009))
    assert one.subject == {"dependency_name": "ocr"}


def test_of_exactly_the_same_requests_what_is_called_goes_before_who_calls_it() -> None:
    calls = [Part({"service_component": c, "dependency_name": d}, 20, 0.01, share)
             for c, d, share in (("pay", "bank", 0.3), ("cart", "db", 0.01), ("find", "index", 0.01))]  # fmt: skip
    requests = made(*calls)
    order = [GUIDE.dimensions.index(one.dimension) for one in requests.columns]
    columns = [requests.columns[place] for place in np.argsort(order)]
    (one,) = explained(replace(requests, columns=columns)).found
    assert (one.subject, one.same) == ({"dependency_name": "bank"}, [{"service_component": "pay"}])


def test_a_request_that_asks_for_no_flag_is_not_unknown() -> None:
    """Flags are asked for in some requests only: the others are the rest."""
    on, off = Part({"flag pay": "on"}, 20, 0.01, 0.3), Part({"flag pay": "off"}, 20, 0.01, 0.01)
    (one,) = found(on, off, Part({}, 60, 0.01, 0.01))
    assert one.subject == {"flag_name": "pay", "flag_value": "on"}
    assert one.lacks == ()


def test_a_cause_of_another_outcome_is_found_beside_the_first() -> None:
    """A zone answers 500, a client is refused with 403."""
    parts = cube((ZONE, 0.4)) + [
        replace(
            part,
            per_minute=2,
            before=0.0,
            after=0.5 if part.values["client_type"] == "ios" else 0.0,
            answer=CLIENT_ERROR,
        )
        for part in cube()
    ]
    by_measure = {one.measure: one.subject for one in found(*parts)}
    assert by_measure == {Measure.SERVER_ERRORS: ZONE, Measure.CLIENT_ERRORS: {"client_type": "ios"}}


def later() -> list[Part]:
    """The zone fails from the start on, one shard of all zones half an hour later."""
    return [
        replace(part, after=0.5, start=START + 30) if part.values["shard_id"] == "s3" and part.after < 0.4 else part
        for part in cube((ZONE, 0.4), per_minute=3)
    ]


def test_a_later_cause_is_found_beside_the_first() -> None:
    assert subjects(*later()) == [ZONE, {"shard_id": "s3"}]


def test_a_later_cause_has_a_start_of_its_own() -> None:
    first, second = found(*later())
    assert first.moment.start == START
    assert abs(second.moment.start - START - 30) <= 2


def test_the_blame_of_the_same_requests_is_one_description() -> None:
    """Only z1 has s1: nothing tells the two names apart, and the other is told with it."""
    parts = [
        Part({"availability_zone": f"z{n}", "shard_id": f"s{n}"}, 20, 0.01, 0.4 if n == 1 else 0.01)
        for n in range(1, 5)
    ]
    (one,) = found(*parts)
    assert {**one.subject, **one.same[0]} == {"availability_zone": "z1", "shard_id": "s1"}


def test_at_most_as_many_causes_as_asked_for() -> None:
    parts = [Part({"shard_id": f"s{n}"}, 20, 0.01, 0.5 if n < 5 else 0.01) for n in range(12)]
    assert len(subjects(*parts)) == 3


def test_one_value_in_very_many_is_found() -> None:
    """A thousand values: each costs, and the failing one pays."""
    parts = [Part({"product_id": f"p{n:04d}"}, 0.5, 0.0, 0.6 if n == 777 else 0.0) for n in range(1_000)]
    (one,) = found(*parts)
    assert one.subject == {"product_id": "p0777"}


def test_of_very_many_values_chance_finds_none() -> None:
    random = np.random.default_rng(5)
    requests = made(*(Part({"product_id": f"p{n:03d}"}, 2, 0.0, 0.0) for n in range(300)))
    failing = random.random(len(requests)) < 0.02
    noisy = replace(requests, kind=np.where(failing, 20, requests.kind).astype(np.int8))
    assert explained(noisy).found == []


def test_what_was_considered_is_kept_best_first() -> None:
    scores = [one.score for one in explained(made(*cube((PAIR, 0.5)))).considered]
    assert len(scores) > 3
    assert explained(made(*cube((PAIR, 0.5)))).considered[0].subject == PAIR


def weighted(requests: Requests, times: int) -> Requests:
    """Every `times`-th row of each kind stands for as many."""
    order = np.lexsort([*(column.codes for column in requests.columns), requests.kind])
    kept = np.sort(order[::times])
    columns = [replace(column, codes=column.codes[kept]) for column in requests.columns]
    weight = np.full(len(kept), float(times))
    return Requests(requests.second[kept], requests.kind[kept], requests.latency[kept], weight, columns)


def repeated(requests: Requests) -> Requests:
    assert requests.weight is not None
    times = np.repeat(np.arange(len(requests)), requests.weight.astype(int))
    columns = [replace(column, codes=column.codes[times]) for column in requests.columns]
    return Requests(requests.second[times], requests.kind[times], requests.latency[times], None, columns)


def test_a_weight_is_as_many_rows() -> None:
    light = weighted(made(*cube((PAIR, 0.5), ({"shard_id": "s3"}, 0.3), per_minute=4)), 4)
    one, other = explained(light), explained(repeated(light))
    assert [(f.subject, f.moment, f.worth) for f in one.found] == [(f.subject, f.moment, f.worth) for f in other.found]
    assert len(one.found) == 2


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    requests = made(*cube((PAIR, 0.5), ({"shard_id": "s3"}, 0.3)))
    order = np.random.default_rng(seed).permutation(len(requests))
    columns = [replace(column, codes=column.codes[order]) for column in requests.columns]
    mixed = Requests(requests.second[order], requests.kind[order], requests.latency[order], None, columns)
    assert [(f.subject, f.worth) for f in explained(mixed).found] == [
        (f.subject, f.worth) for f in explained(requests).found
    ]


def test_a_doubled_service_has_the_same_causes() -> None:
    for parts in (cube((PAIR, 0.5)), cube((ZONE, 0.3), ({"shard_id": "s3"}, 0.5))):
        twice = [replace(part, per_minute=2 * part.per_minute) for part in parts]
        assert subjects(*twice) == subjects(*parts)


def test_names_mean_nothing() -> None:
    """Every value renamed: the same requests are blamed."""
    requests = made(*cube((PAIR, 0.5), ({"shard_id": "s3"}, 0.3)))
    renamed = replace(
        requests, columns=[replace(c, values=[(f"'; {v} \"--",) for (v,) in c.values]) for c in requests.columns]
    )
    for one, other in zip(explained(requests).found, explained(renamed).found, strict=True):
        assert (one.rows == other.rows).all()


def test_a_value_whose_leaving_out_names_what_is_well_stays() -> None:
    """Four fifths of a client's requests in a zone are bids, and only those fail: the others are not told with them."""
    parts = [
        Part({"availability_zone": zone, "client_type": client, "endpoint_path": path}, many, 0.001, 0.001)
        for zone in ("z1", "z2", "z3")
        for client in ("web", "ios", "tv")
        for path, many in (("/bid", 16), ("/won", 3))
    ]
    broken = {"availability_zone": "z1", "client_type": "ios", "endpoint_path": "/bid"}
    parts = [replace(part, after=0.5) if part.values == broken else part for part in parts]
    assert subjects(*parts) == [broken]


def test_failures_that_do_not_say_their_client_are_no_evidence_for_its_version() -> None:
    """Nearly all of a client's requests are of one version, a few of another's too; some do not say the client."""
    old = {"api_version": "1.2"}
    parts = [
        Part({"client_type": "bridge", **old}, 10, 0.003, 0.17),
        Part({"client_type": "gateway", **old}, 0.8, 0.003, 0.003),
        Part(old, 0.4, 0.003, 0.17),
        Part({"client_type": "gateway", "api_version": "2.0"}, 150, 0.003, 0.003),
        Part({"client_type": "agent", "api_version": "2.0"}, 150, 0.003, 0.003),
    ]
    assert subjects(*parts)[0] == {"client_type": "bridge"}
