"""Is it the whole region? The other regions are known by minute only."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from tests.samples import START as AT
from tests.verdicts.made import MINUTES, START, Part, explainer, judged, made
from tsg_agent.evidence.requests import SERVER_ERROR, SUCCESS, UNKNOWN
from tsg_agent.models import Confidence, Measure
from tsg_agent.verdicts.causes import Found
from tsg_agent.verdicts.regions import region_found

ZONES = ("z1", "z2", "z3")


def others(
    after: float, before: float = 0.01, per_minute: int = 100, regions: tuple[str, ...] = ("us-west", "eu")
) -> pa.Table:
    """Two other regions' requests by minute; a tenth of them do not say how they were answered."""
    rows: list[tuple[str, int, int, int]] = []
    for region in regions:
        for minute in range(MINUTES):
            share = after if minute >= START else before
            failed = round(per_minute * share)
            for answer, asked in ((SERVER_ERROR, failed), (SUCCESS, per_minute - failed), (UNKNOWN, per_minute // 10)):
                rows.append((region, minute, 4 * answer, asked))
    names, minutes, kinds, counts = zip(*rows, strict=True)
    return pa.table(
        {
            "region": list(names),
            "minute": pa.array(minutes, pa.int32()),
            "kind": pa.array(kinds, pa.int8()),
            "requests": pa.array(counts, pa.int64()),
        }
    )


def own(*shares: float) -> list[Part]:
    return [Part({"availability_zone": zone}, 30, 0.01, share) for zone, share in zip(ZONES, shares, strict=True)]


def found(parts: list[Part], regions: pa.Table | None, service: str = "shop") -> Found | None:
    search = explainer(made(*parts), service=service)
    return region_found(search, search.explain(), regions, "us-east")


def test_a_region_that_fails_as_a_whole_while_the_others_are_well_is_the_cause() -> None:
    one = found(own(0.3, 0.31, 0.29), others(0.01))
    assert one is not None
    assert (one.subject, one.measure, one.moment.start) == ({"region": "us-east"}, Measure.SERVER_ERRORS, START)
    assert one.rest is not None
    assert one.rest.rate(0, None).requests == 2 * 100 * MINUTES, "what does not say how it was answered is in no share"


@pytest.mark.parametrize("after", [0.3, 0.4])
def test_what_fails_in_all_regions_alike_is_not_the_incidents_regions(after: float) -> None:
    assert found(own(0.3, 0.31, 0.29), others(after)) is None


def test_a_zone_that_explains_it_leaves_nothing_to_the_region() -> None:
    assert found(own(0.3, 0.01, 0.01), others(0.01)) is None


def test_a_region_that_fails_besides_its_worst_zone_is_told_besides_it() -> None:
    made_ = judged(made(*own(0.8, 0.3, 0.3)), regions=others(0.01))
    subjects = [one.subject for one in made_.causes if one.confidence is Confidence.CONFIRMED]
    assert {"region": "us-east"} in subjects and {"availability_zone": "z1"} in subjects


def test_without_other_regions_nothing_is_said_of_this_one() -> None:
    whole = own(0.3, 0.31, 0.29)
    assert found(whole, None) is None
    assert found(whole, others(0.01).slice(0, 0)) is None
    tiny = others(0.0, before=0.0, per_minute=1, regions=("us-west",))
    assert found(whole, tiny) is None, "what has nearly all of the traffic is the service"


def test_where_inner_calls_are_recorded_the_others_rows_do_not_say_which_of_theirs_are() -> None:
    parts = [
        replace(part, values={**part.values, "service_component": name})
        for part in own(0.3, 0.3, 0.3)
        for name in ("shop", "db")
    ]
    assert found(parts, others(0.01)) is None


def test_a_region_costs_the_choice_among_regions() -> None:
    one = found(own(0.3, 0.31, 0.29), others(0.01))
    many = found(own(0.3, 0.31, 0.29), others(0.01, regions=tuple(f"r{n}" for n in range(40))))
    assert one is not None and many is not None
    assert one.search.cost == pytest.approx(np.log(3))
    assert many.search.cost == pytest.approx(np.log(41))


def test_where_another_region_fails_and_this_one_does_not_it_is_named() -> None:
    """A report may name the wrong region, or all."""
    there = pa.concat_tables([others(0.2, regions=("us-west",)), others(0.01, regions=("eu",))])
    quiet = made(*own(0.01, 0.01, 0.01))
    found = judged(quiet, regions=there)
    assert not found.causes and found.elsewhere is not None
    assert found.elsewhere.region == "us-west"
    assert abs((found.elsewhere.since - AT).total_seconds()) <= 120
    assert found.elsewhere.before.percent < 2
    assert found.elsewhere.after.percent > 15
    assert judged(quiet, regions=others(0.01)).elsewhere is None
    assert judged(made(*own(0.3, 0.01, 0.01)), regions=there).elsewhere is None
