from datetime import timedelta
from pathlib import Path

import pytest

from tests.tools.made import START, Rows, blank, by, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import RegionThresholds
from tsg_agent.tools.plugin_3_regions import RULE, TREND, RegionRow

LIMITS = RegionThresholds()


def regions(folder: Path, *made: Rows) -> Finding:
    return found(folder, 3, {"api_gateway_logs": [row for rows in made for row in rows]})


@pytest.mark.parametrize(
    ("availability", "expected", "also"),
    [
        (94.999, "CRITICAL", ("WARNING",)),
        (95.0, "WARNING", ()),
        (98.999, "WARNING", ()),
        (99.0, "HEALTHY", ()),
        (99.001, "HEALTHY", ()),
        (None, "HEALTHY", ()),
    ],
)
def test_label(availability: float | None, expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(RegionRow, availability_pct=availability), LIMITS) == (expected, also)


@pytest.mark.parametrize(
    ("slope", "expected"),
    [
        (-0.0101, "DEGRADING"), (-0.01, "STABLE"), (0.0, "STABLE"), (0.01, "STABLE"), (0.0101, "IMPROVING"),
        (None, "STABLE"),
    ],
)  # fmt: skip
def test_trend(slope: float | None, expected: str) -> None:
    assert TREND.label({"points_per_second": slope}, LIMITS) == (expected, ())


@pytest.mark.parametrize(
    ("failures", "expected"), [(101, "CRITICAL"), (100, "WARNING"), (21, "WARNING"), (20, "HEALTHY"), (19, "HEALTHY")]
)
def test_availability(failures: int, expected: str, tmp_path: Path) -> None:
    finding = regions(tmp_path, requests(2000, {500: failures}))
    assert finding.rows[0]["health_status"] == expected
    assert finding.rows[0]["failure_count"] == failures


@pytest.mark.parametrize(("number", "status"), [(1000, Status.INSUFFICIENT_DATA), (1001, Status.OK)])
def test_a_zone_needs_over_1000_requests(number: int, status: Status, tmp_path: Path) -> None:
    assert regions(tmp_path, requests(number)).status is status


def test_all_regions_are_shown_and_the_incidents_own_is_marked(tmp_path: Path) -> None:
    finding = regions(tmp_path, requests(1100, {503: 100, 429: 50}), requests(1200, region="eu-central"))
    rows = by(finding, "region")
    assert rows["us-east"]["incident_region"]
    assert not rows["eu-central"]["incident_region"]
    assert (rows["us-east"]["rate_limited_count"], rows["us-east"]["unavailable_count"]) == (50, 100)


@pytest.mark.parametrize(
    ("first", "second", "expected"), [(0, 800, "DEGRADING"), (800, 0, "IMPROVING"), (100, 100, "STABLE")]
)
def test_a_trend_from_the_data(first: int, second: int, expected: str, tmp_path: Path) -> None:
    later = [START + timedelta(hours=1, seconds=number) for number in range(1000)]
    earlier = [START + timedelta(seconds=number) for number in range(1000)]
    finding = regions(
        tmp_path,
        requests(1000, {500: first}, timestamp=earlier),
        requests(1000, {500: second}, timestamp=later),
    )
    row = finding.rows[0]
    assert row["trend"] == expected
    assert row["points_per_hour"] == pytest.approx((first - second) / 10)


def test_a_lone_request_at_the_end_does_not_make_the_slope(tmp_path: Path) -> None:
    steady = [START + timedelta(seconds=number) for number in range(7000)]
    at_the_end = requests(1, {500: 1}, timestamp=START + timedelta(hours=2))
    finding = regions(tmp_path, requests(7000, timestamp=steady), at_the_end)
    row = finding.rows[0]
    assert row["trend"] == "DEGRADING"
    assert abs(row["points_per_hour"]) < 0.1


def test_a_slope_needs_two_hours(tmp_path: Path) -> None:
    minutes = [START + timedelta(minutes=number % 50) for number in range(1100)]
    row = regions(tmp_path, requests(1100, timestamp=minutes)).rows[0]
    assert (row["trend"], row["points_per_hour"]) == ("STABLE", None)


def test_ties_are_broken_by_key(tmp_path: Path) -> None:
    made = [requests(1100, availability_zone=zone, datacenter="d") for zone in ("b", "c", "a")]
    finding = regions(tmp_path, *made, requests(1100))
    assert [row["availability_zone"] for row in finding.rows] == ["a", "b", "c", None]
