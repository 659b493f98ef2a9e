from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import END, START, Rows, blank, by, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import ZoneThresholds
from tsg_agent.tools.plugin_5_zones import RULE, ZoneRow, health_score

LIMITS = ZoneThresholds()


def zones(folder: Path, *made: Rows, samples: Rows | None = None) -> Finding:
    tables = {"api_gateway_logs": [row for rows in made for row in rows]}
    if samples is not None:
        tables["infrastructure_metrics"] = samples
    return found(folder, 5, tables)


def sample(instance: str, time: datetime, cpu: float | None, memory: float | None = 50.0) -> dict[str, Any]:
    return {"instance_id": instance, "timestamp": time, "cpu_utilization": cpu, "memory_utilization": memory}


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"success_rate": 89.999}, "CRITICAL", ("DEGRADED",)),
        ({"success_rate": 90.0}, "DEGRADED", ()),
        ({"success_rate": 94.999}, "DEGRADED", ()),
        ({"success_rate": 95.0}, "HEALTHY", ()),
        ({"infrastructure_error_rate": 5.0}, "HEALTHY", ()),
        ({"infrastructure_error_rate": 5.001}, "INFRASTRUCTURE_ISSUES", ()),
        ({"overall_latency": 2000.0}, "HEALTHY", ()),
        ({"overall_latency": 2000.001}, "PERFORMANCE_ISSUES", ()),
        ({"avg_cpu_usage": 80.0}, "HEALTHY", ()),
        ({"avg_cpu_usage": 80.001}, "RESOURCE_PRESSURE", ()),
        ({"avg_memory_usage": 85.0}, "HEALTHY", ()),
        ({"avg_memory_usage": 85.001}, "RESOURCE_PRESSURE", ()),
        (
            {"success_rate": 94.0, "infrastructure_error_rate": 6.0, "overall_latency": 2500.0, "avg_cpu_usage": 90.0},
            "DEGRADED",
            ("INFRASTRUCTURE_ISSUES", "PERFORMANCE_ISSUES", "RESOURCE_PRESSURE"),
        ),
        ({}, "HEALTHY", ()),
    ],
)
def test_label(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(ZoneRow, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(
    ("latency", "speed"), [(499.0, 100), (500.0, 75), (999.0, 75), (1000.0, 50), (1999.0, 50), (2000.0, 25), (None, 25)]
)
def test_health_score(latency: float | None, speed: int) -> None:
    row = {"success_rate": 90.0, "infrastructure_error_rate": 10.0, "overall_latency": latency}
    assert health_score(row, LIMITS) == pytest.approx(90 * 0.5 + 90 * 0.3 + speed * 0.2)


@pytest.mark.parametrize(("number", "status"), [(500, Status.INSUFFICIENT_DATA), (501, Status.OK)])
def test_a_zone_needs_over_500_requests(number: int, status: Status, tmp_path: Path) -> None:
    assert zones(tmp_path, requests(number, availability_zone="z")).status is status


@pytest.mark.parametrize(
    ("statuses", "latency", "expected"),
    [
        ({500: 101}, 100.0, "CRITICAL"),
        ({500: 100}, 100.0, "DEGRADED"),
        ({500: 51}, 100.0, "DEGRADED"),
        ({500: 50}, 100.0, "HEALTHY"),
        ({502: 20, 503: 20, 504: 10}, 100.0, "HEALTHY"),
        ({502: 20, 503: 20, 504: 11}, 100.0, "DEGRADED"),
        ({}, 2000.0, "HEALTHY"),
        ({}, 2000.5, "PERFORMANCE_ISSUES"),
    ],
)
def test_labels_from_the_data(statuses: dict[int, int], latency: float, expected: str, tmp_path: Path) -> None:
    finding = zones(tmp_path, requests(1000, statuses, availability_zone="z", latency_ms=latency))
    assert finding.labels == {expected: 1}


def test_over_five_percent_of_502_to_504_shows_beside_a_lower_success(tmp_path: Path) -> None:
    finding = zones(tmp_path, requests(1000, {502: 20, 503: 20, 504: 11}, availability_zone="z"))
    assert finding.rows[0]["infrastructure_error_rate"] == pytest.approx(5.1)
    assert finding.rows[0]["also"] == ["INFRASTRUCTURE_ISSUES"]


def test_the_newest_sample_at_or_before_the_request_within_five_minutes(tmp_path: Path) -> None:
    at = START + timedelta(minutes=30, seconds=20)
    rows = [
        row
        for name in ("exact", "old", "five", "later", "newest")
        for row in requests(501, availability_zone=name, instance_id=name, timestamp=at)
    ]
    samples = [
        sample("exact", at, 91.0),
        sample("five", at - timedelta(minutes=5), 92.0),
        sample("old", at - timedelta(minutes=5, microseconds=1), 93.0),
        sample("later", at + timedelta(microseconds=1), 94.0),
        sample("newest", at - timedelta(minutes=3), 10.0),
        sample("newest", at - timedelta(minutes=1), 95.0),
        sample("newest", at + timedelta(minutes=1), 11.0),
    ]
    cpu = {
        zone: row["avg_cpu_usage"]
        for zone, row in by(zones(tmp_path, rows, samples=samples), "availability_zone").items()
    }
    assert cpu == {"exact": 91.0, "five": 92.0, "old": None, "later": None, "newest": 95.0}


def test_a_newer_sample_without_a_value_still_stands(tmp_path: Path) -> None:
    at = START + timedelta(minutes=30)
    rows = requests(501, availability_zone="z", instance_id="i", timestamp=at)
    samples = [sample("i", at - timedelta(minutes=2), 90.0), sample("i", at - timedelta(minutes=1), None)]
    assert zones(tmp_path, rows, samples=samples).rows[0]["avg_cpu_usage"] is None


def test_samples_of_the_same_instant_do_not_multiply_requests_and_their_order_says_nothing(tmp_path: Path) -> None:
    at = START + timedelta(minutes=30)
    rows = requests(501, availability_zone="z", instance_id="i", timestamp=at)
    samples = [sample("i", at, 20.0), sample("i", at, 90.0)]
    one = zones(tmp_path / "one", rows, samples=samples)
    other = zones(tmp_path / "other", rows, samples=samples[::-1])
    assert one.rows == other.rows
    assert one.rows[0]["total_requests"] == 501


def test_samples_from_before_the_window_serve_its_first_minutes(tmp_path: Path) -> None:
    rows = requests(501, availability_zone="z", instance_id="i", timestamp=START)
    finding = zones(tmp_path, rows, samples=[sample("i", START - timedelta(minutes=4), 88.0)])
    assert finding.labels == {"RESOURCE_PRESSURE": 1}


def test_requests_at_the_windows_very_end_count(tmp_path: Path) -> None:
    rows = requests(501, availability_zone="z", instance_id="i", timestamp=END)
    finding = zones(tmp_path, rows, samples=[sample("i", END, 88.0)])
    assert finding.rows[0]["total_requests"] == 501
    assert finding.rows[0]["avg_cpu_usage"] == 88.0


def test_requests_without_an_instance_stay(tmp_path: Path) -> None:
    rows = requests(600, availability_zone="z", instance_id=None)
    finding = zones(tmp_path, rows, samples=[sample("i", START, 99.0)])
    assert finding.rows[0]["total_requests"] == 600
    assert finding.rows[0]["avg_cpu_usage"] is None


def test_ties_share_a_priority_and_go_by_traffic_then_key(tmp_path: Path) -> None:
    made = [requests(number, availability_zone=name) for name, number in (("c", 600), ("b", 700), ("a", 600))]
    finding = zones(tmp_path, *made, requests(1000, {500: 500}, availability_zone="d"))
    assert [(row["availability_zone"], row["priority"]) for row in finding.rows] == [
        ("d", 1), ("b", 2), ("a", 2), ("c", 2),
    ]  # fmt: skip


def test_cpu_and_memory_of_one_instant_may_be_rows_of_their_own(tmp_path: Path) -> None:
    rows = requests(1200, availability_zone="z", instance_type="m", instance_id="i")
    times = [START + timedelta(minutes=n) for n in range(0, 120, 2)]
    samples = [
        row for time in times for row in (sample("i", time, 61.0, memory=None), sample("i", time, None, memory=72.0))
    ]
    [row] = zones(tmp_path, rows, samples=samples).rows
    assert (row["avg_cpu_usage"], row["avg_memory_usage"]) == (pytest.approx(61.0), pytest.approx(72.0))
