from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import Rows, blank, by, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import PartitionThresholds
from tsg_agent.tools.plugin_4_partitions import RULE, PartitionRow, health_score

LIMITS = PartitionThresholds()


def partitions(folder: Path, *made: Rows) -> Finding:
    return found(folder, 4, {"api_gateway_logs": [row for rows in made for row in rows]})


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"error_rate": 9.999}, "HEALTHY", ()),
        ({"error_rate": 10.0}, "HEALTHY", ()),
        ({"error_rate": 10.001}, "HIGH_ERRORS", ()),
        ({"overall_avg_latency": 3000.0}, "HEALTHY", ()),
        ({"overall_avg_latency": 3000.001}, "HIGH_LATENCY", ()),
        ({"avg_latency_deviation": 1000.0}, "HEALTHY", ()),
        ({"avg_latency_deviation": 1000.001}, "UNSTABLE", ()),
        ({"success_rate": 95.0}, "HEALTHY", ()),
        ({"success_rate": 94.999}, "LOW_SUCCESS", ()),
        (
            {"error_rate": 11.0, "overall_avg_latency": 4000.0, "avg_latency_deviation": 2000.0, "success_rate": 80.0},
            "HIGH_ERRORS",
            ("HIGH_LATENCY", "UNSTABLE", "LOW_SUCCESS"),
        ),
        ({}, "HEALTHY", ()),
    ],
)
def test_label(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(PartitionRow, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(
    ("success", "errors", "latency", "expected"),
    [
        (100.0, 0.0, 999.0, 100.0),
        (100.0, 0.0, 1000.0, 85.0),
        (100.0, 0.0, 3000.0, 70.0),
        (50.0, 50.0, 999.0, 50.0),
        (40.0, 60.0, 999.0, 46.0),
        (None, None, 10.0, None),
    ],
)
def test_health_score(success: float | None, errors: float | None, latency: float, expected: float | None) -> None:
    row = {"success_rate": success, "error_rate": errors, "overall_avg_latency": latency}
    assert health_score(row, LIMITS) == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(("number", "status"), [(100, Status.INSUFFICIENT_DATA), (101, Status.OK)])
def test_a_partition_needs_over_100_requests(number: int, status: Status, tmp_path: Path) -> None:
    finding = partitions(tmp_path, requests(number, {500: 50}, partition_id="p"))
    assert finding.status is status


@pytest.mark.parametrize(
    ("statuses", "latency", "expected"),
    [
        ({500: 20}, 100.0, "LOW_SUCCESS"),
        ({500: 21}, 100.0, "HIGH_ERRORS"),
        ({404: 10}, 100.0, None),
        ({404: 11}, 100.0, "LOW_SUCCESS"),
        ({}, 3000.0, None),
        ({}, 3000.5, "HIGH_LATENCY"),
        ({}, [0.0, 2500.0] * 100, "UNSTABLE"),
    ],
)
def test_labels_from_the_data(statuses: dict[int, int], latency: Any, expected: str | None, tmp_path: Path) -> None:
    finding = partitions(tmp_path, requests(200, statuses, partition_id="p", latency_ms=latency))
    assert finding.labels == ({expected: 1} if expected else {})


def test_a_user_of_several_half_hours_counts_once(tmp_path: Path) -> None:
    users = [f"u{number % 10}" for number in range(240)]
    failing = [500 if user in ("u1", "u2") else 200 for user in users]
    finding = partitions(tmp_path, requests(240, partition_id="p", user_id=users, status_code=failing))
    assert finding.rows[0]["affected_users"] == 10
    assert finding.rows[0]["users_with_failures"] == 2


def test_users_that_no_request_names_are_unknown_not_none(tmp_path: Path) -> None:
    named = requests(240, {500: 100}, partition_id="p", user_id="u1")
    finding = partitions(tmp_path, [*named, *requests(240, {500: 100}, partition_id="q", user_id=None)])
    assert [(by(finding, "partition_id")[name]["affected_users"]) for name in "pq"] == [1, None]
    assert [(by(finding, "partition_id")[name]["users_with_failures"]) for name in "pq"] == [1, None]


def test_ties_share_a_rank_and_are_ordered_by_key(tmp_path: Path) -> None:
    made = [requests(200, {500: 50}, partition_id=name) for name in ("c", "a", "b")]
    worse = requests(200, {500: 100}, partition_id="z")
    finding = partitions(tmp_path, *made, worse)
    assert [(row["partition_id"], row["severity_rank"]) for row in finding.rows] == [
        ("z", 1), ("a", 2), ("b", 2), ("c", 2),
    ]  # fmt: skip


def test_cut_at_twenty(tmp_path: Path) -> None:
    finding = partitions(tmp_path, *(requests(101, {500: 50}, partition_id=f"p{number}") for number in range(21)))
    assert (finding.row_count, finding.truncated, finding.groups) == (20, True, 21)
