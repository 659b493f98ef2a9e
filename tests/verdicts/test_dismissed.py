"""What was thought of and is no cause: each reason with its figures, on requests made by hand."""

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.verdicts.judging import confirmed, holds, rejected_as
from tests.verdicts.made import START, Part, dimension_of, judged, made
from tsg_agent.evidence.requests import DimensionCodes
from tsg_agent.models import Judgement, Measure, OnsetKind, Subject, Verdict

OLD, NEW = {"service_version": "1.9.0"}, {"service_version": "1.10.0"}


def about(judgement: Judgement, subject: Subject) -> Verdict:
    return next(one for one in judgement.rejected if holds(one.subject, subject))


def zones(*sides: tuple[float, float], per_minute: float = 40) -> list[Part]:
    return [Part({"availability_zone": f"z{n}"}, per_minute, *side) for n, side in enumerate(sides, 1)]


BROKEN = zones((0.01, 0.4), (0.01, 0.01))
Z2 = {"availability_zone": "z2"}


def test_what_failed_before_at_the_same_rate_is_rejected_with_its_figures() -> None:
    judgement = judged(made(*BROKEN, Part({"availability_zone": "z3"}, 40, 0.3, 0.3)))
    one = about(judgement, {"availability_zone": "z3"})
    assert (one.dismissal, one.onset.kind) == ("unchanged", OnsetKind.UNCHANGED)
    assert one.reason.startswith(
        "failing before, unchanged: 30 % of requests failed (5xx) (660 of 2,200), 30 % before ("
    )
    assert one.evidence[-1] in {row.id for row in judgement.measured}
    assert one.confidence is None


def test_what_fell_is_better() -> None:
    judgement = judged(made(*BROKEN, Part({"availability_zone": "z3"}, 40, 0.5, 0.3)))
    one = about(judgement, {"availability_zone": "z3"})
    assert (one.dismissal, one.onset.kind) == ("better", OnsetKind.BETTER)
    assert one.reason.startswith("better than before: 30 % ")


def test_what_rose_as_everything_else_did_has_no_contrast() -> None:
    judgement = judged(made(*zones((0.01, 0.4), (0.01, 0.41), (0.01, 0.42))))
    assert judgement.causes == []
    assert {rejected_as(judgement, {"availability_zone": f"z{n}"}) for n in (1, 2, 3)} == {"no_contrast"}
    assert "it rose as everything else did: 42 % " in about(judgement, {"availability_zone": "z3"}).reason


def test_what_has_nearly_all_of_the_traffic_is_no_part_to_blame() -> None:
    busy = Part({"availability_zone": "z2", "shard_id": "s1"}, 400, 0.01, 0.05)
    quiet = Part({"availability_zone": "z2", "shard_id": "s2"}, 400, 0.01, 0.05)
    judgement = judged(made(busy, quiet, Part({"availability_zone": "z3"}, 4, 0.3, 0.3)))
    assert rejected_as(judgement, {"region": "us-east"}) == "everything"
    assert "nearly all of the traffic" in about(judgement, {"region": "us-east"}).reason


def test_the_newest_version_is_always_told_of_also_where_it_is_well() -> None:
    """Sorted by release: 1.10 is newer than 1.9. A reader asks of the deployment first."""
    parts = [replace(part, values={**part.values, **version}) for part in BROKEN for version in (OLD, NEW)]
    judgement = judged(made(*parts))
    (cause,) = confirmed(judgement)
    assert cause.subject == {"availability_zone": "z1"}
    assert holds(judgement.rejected[0].subject, NEW)


def test_the_newest_version_that_is_well_is_called_healthy() -> None:
    judgement = judged(made(*BROKEN, Part(NEW, 40, 0.01, 0.01), Part(OLD, 40, 0.01, 0.01)))
    assert rejected_as(judgement, NEW) == "healthy"
    assert about(judgement, NEW).reason.startswith("not worse than before: 1 % ")


def test_too_few_requests_to_judge_are_told_as_such() -> None:
    few = Part({"service_version": "2.0.0"}, 10 / 55, 0.0, 0.0, since=START)
    judgement = judged(made(*[replace(part, values={**part.values, **OLD}) for part in BROKEN], few))
    assert rejected_as(judgement, {"service_version": "2.0.0"}) == "too_few"
    assert about(judgement, {"service_version": "2.0.0"}).reason.startswith("too few requests to judge: ")


def test_many_requests_with_none_before_are_not_called_few() -> None:
    """A flag that came with the incident and fails as the rest does: what lacks is a time before."""
    new = {"service_version": "2.0.0"}
    after = [replace(part, values={**part.values, **OLD}) for part in BROKEN]
    judgement = judged(made(*after, Part(new, 40, 0.01, 0.01, since=START)))
    assert rejected_as(judgement, new) == "no_before"
    assert re.match(r"it had no requests before to compare with: [\d.]+ % .* of the rest", about(judgement, new).reason)


def test_without_a_start_nothing_says_when_it_began() -> None:
    judgement = judged(made(*zones((0.3, 0.3), (0.01, 0.01))), incident_start=None)
    assert judgement.start.measured is None
    one = about(judgement, {"availability_zone": "z1"})
    assert (one.dismissal, one.onset.kind, one.onset.before) == ("no_start", OnsetKind.UNKNOWN, None)


def test_what_only_describes_an_error_is_not_told_as_a_place() -> None:
    requests = made(*BROKEN)
    codes = np.where(requests.failed(Measure.SERVER_ERRORS), 0, -1).astype(np.int16)
    kinds = DimensionCodes(dimension_of("exception_type"), [("Timeout",)], codes)
    judgement = judged(replace(requests, columns=[*requests.columns, kinds]))
    assert rejected_as(judgement, {"exception_type": "Timeout"}) == "describes"
    assert confirmed(judgement)[0].detail["exception_type"] == "Timeout"


@pytest.mark.parametrize(("shares", "code"), [({503: 0.6, 500: 0.4}, 503), ({503: 0.4, 502: 0.3, 500: 0.3}, None)])
def test_the_status_of_most_failures_is_told(shares: dict[int, float], code: int | None) -> None:
    requests = made(*BROKEN)
    codes = np.random.default_rng(1).choice(list(shares), len(requests), p=list(shares.values()))
    status = np.where(requests.failed(Measure.SERVER_ERRORS), codes, 0).astype(np.int16)
    assert confirmed(judged(replace(requests, status=status)))[0].detail.get("status_code") == code


def test_a_caller_that_only_passes_on_is_dismissed_for_that() -> None:
    shares = {"shop": 0.3, "cart": 0.3, "db": 0.3, "mail": 0.01}
    parts = [Part({"service_component": name}, 20, 0.01, share) for name, share in shares.items()]
    judgement = judged(made(*parts), service_name="shop", calls=frozenset({("shop", "cart"), ("cart", "db")}))
    assert rejected_as(judgement, {"service_component": "cart"}) == "passes_on"
    assert [one.subject for one in confirmed(judgement)] == [{"service_component": "db"}]


def test_a_cause_and_its_parts_and_its_blast_radius_are_not_dismissed() -> None:
    parts = [
        Part({"availability_zone": zone, "shard_id": shard}, 30, 0.01, 0.5 if (zone, shard) == ("z1", "s1") else 0.01)
        for zone in ("z1", "z2", "z3")
        for shard in ("s1", "s2", "s3")
    ]
    judgement = judged(made(*parts))
    (cause,) = confirmed(judgement)
    assert cause.subject == {"availability_zone": "z1", "shard_id": "s1"}
    dismissed = [one.subject for one in judgement.rejected]
    assert {"availability_zone": "z1"} not in dismissed and {"shard_id": "s1"} not in dismissed


def test_what_the_guide_names_comes_in_order_of_how_far_it_is_above_the_rest() -> None:
    judgement = judged(made(*BROKEN, *(Part({"shard_id": f"s{n}"}, 40, n / 20, n / 20) for n in range(2, 6))))
    shares = [one.onset.after.percent for one in judgement.rejected if one.step == 5 and one.onset.after]
    assert len(shares) >= 3
    assert shares == sorted(shares, reverse=True)


def test_a_start_that_nothing_bears_out_is_doubted_and_no_onset_is_told() -> None:
    judgement = judged(made(Part(OLD, 40, 0.2, 0.2), Part(NEW, 40, 0.01, 0.01)))
    assert judgement.start.doubted
    assert "is doubted: nothing changed in what is counted" in " ".join(judgement.notes)
    assert all(one.onset.kind is not OnsetKind.NEW for one in judgement.rejected)


def test_where_no_request_was_seen_nothing_is_doubted() -> None:
    notes = " ".join(judged(made(Part(OLD, 0))).notes)
    assert "doubted" not in notes
    assert "No request was seen in the window" in notes
