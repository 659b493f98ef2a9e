from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import END, START, Rows, blank, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import ErrorThresholds
from tsg_agent.tools.plugin_9_errors import PATTERN, PRIORITY, ErrorRow, impact

LIMITS = ErrorThresholds()


def errors(folder: Path, *made: Rows, **scope: Any) -> Finding:
    return found(folder, 9, {"api_gateway_logs": [row for rows in made for row in rows]}, **scope)


def failing(number: int, **columns: Any) -> Rows:
    own = {"error_category": "c", "exception_type": "e", "service_component": "s", "dependency_name": None}
    return requests(number, {500: number}, **(own | columns))


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"error_velocity": 100.0}, "PERSISTENT", ()),
        ({"error_velocity": 100.001}, "SPIKE", ()),
        ({"total_cascading": 10}, "PERSISTENT", ()),
        ({"total_cascading": 11}, "CASCADING", ()),
        ({"total_retries": 50}, "PERSISTENT", ()),
        ({"total_retries": 51}, "TRANSIENT", ()),
        ({"dependency_name": "db"}, "DEPENDENCY", ()),
        ({"error_velocity": None, "total_cascading": None, "total_retries": None}, "PERSISTENT", ()),
        (
            {"error_velocity": 101.0, "total_cascading": 20, "dependency_name": "db", "total_retries": 60},
            "SPIKE",
            ("CASCADING", "DEPENDENCY", "TRANSIENT"),
        ),
    ],
)
def test_pattern(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert PATTERN.label(blank(ErrorRow, total_occurrences=100, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"error_pattern": "CASCADING", "total_affected_users": 2000}, "CRITICAL", ("HIGH",)),
        ({"error_pattern": "SPIKE", "hours_since_start": 0.999}, "URGENT", ()),
        ({"error_pattern": "SPIKE", "hours_since_start": 1.0}, "LOW", ()),
        ({"error_pattern": "SPIKE", "hours_since_start": 0.5, "total_affected_users": 1001}, "URGENT", ("HIGH",)),
        ({"error_pattern": "PERSISTENT", "total_affected_users": 1000}, "LOW", ()),
        ({"error_pattern": "PERSISTENT", "total_affected_users": 1001}, "HIGH", ()),
        ({"error_pattern": "DEPENDENCY", "total_affected_users": 1001}, "HIGH", ("MEDIUM",)),
        ({"error_pattern": "DEPENDENCY"}, "MEDIUM", ()),
        ({"error_pattern": "TRANSIENT"}, "LOW", ()),
    ],
)
def test_priority(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    row = blank(ErrorRow, **({"hours_since_start": 5.0} | values))
    assert PRIORITY.label(row, LIMITS) == (expected, also)


def test_impact_counts_what_is_unknown_as_nothing() -> None:
    row = {"total_occurrences": 10, "total_affected_users": 5, "total_cascading": None, "error_velocity": None}
    assert impact(row, LIMITS) == pytest.approx(10 * 0.3 + 5 * 0.4)
    assert impact(row | {"total_cascading": 2, "error_velocity": 30.0}, LIMITS) == pytest.approx(5 + 2 * 0.2 + 30 * 0.1)


def test_one_failed_request_is_enough(tmp_path: Path) -> None:
    finding = errors(tmp_path, failing(1))
    assert (finding.status, finding.row_count) == (Status.OK, 1)
    assert finding.rows[0]["error_velocity"] is None
    assert finding.rows[0]["impact_score"] == pytest.approx(0.3 + 0.4)


def test_requests_without_errors_are_ok_and_none_at_all_are_no_data(tmp_path: Path) -> None:
    fine = errors(tmp_path, requests(10))
    assert (fine.status, fine.label, fine.rows, fine.groups) == (Status.OK, "NO_ERRORS", [], 0)
    assert errors(tmp_path, requests(10), region="nowhere").status is Status.NO_DATA


def test_only_5xx_are_errors(tmp_path: Path) -> None:
    finding = errors(tmp_path, requests(100, {429: 10, 404: 10, 500: 2, 599: 1}, exception_type="e"))
    assert finding.rows[0]["total_occurrences"] == 3


def test_velocity_pattern_and_priority_from_the_data(tmp_path: Path) -> None:
    half = [START + timedelta(hours=1, minutes=30) + number * timedelta(minutes=30) / 50 for number in range(51)]
    finding = errors(tmp_path, failing(51, timestamp=half, is_cascading_failure=[True] * 6 + [False] * 45))
    row = finding.rows[0]
    assert row["error_velocity"] == pytest.approx(102.0)
    assert (row["error_pattern"], row["priority"], row["also"]) == ("SPIKE", "URGENT", ["CASCADING"])
    assert row["minutes_seen"] == pytest.approx(30.0)
    assert row["hours_since_start"] == pytest.approx(0.5)


@pytest.mark.parametrize(("cascading", "expected"), [(10, "LOW"), (11, "CRITICAL")])
def test_cascading(cascading: int, expected: str, tmp_path: Path) -> None:
    finding = errors(tmp_path, failing(100, is_cascading_failure=[True] * cascading + [False] * (100 - cascading)))
    assert finding.label == expected
    assert finding.rows[0]["total_cascading"] == cascading


def test_the_time_since_the_start_ends_with_the_window(tmp_path: Path) -> None:
    finding = errors(tmp_path, failing(10))
    assert finding.rows[0]["hours_since_start"] == pytest.approx((END - START).total_seconds() / 3600)


def test_the_commonest_message_is_that_of_category_and_exception(tmp_path: Path) -> None:
    finding = errors(
        tmp_path,
        failing(30, service_component="a", exception_message=["x"] * 12 + ["y"] * 8 + [None] * 10),
        failing(10, service_component="b", exception_message="y"),
        failing(20, service_component="a", exception_type="other", exception_message=["m"] * 10 + ["k"] * 10),
        failing(5, service_component="a", exception_type="silent", exception_message=None),
    )
    messages = {(row["exception_type"], row["service_component"]): row["most_common_message"] for row in finding.rows}
    assert messages == {("e", "a"): "y", ("e", "b"): "y", ("other", "a"): "k", ("silent", "a"): None}


def test_users_that_no_error_names_are_unknown_not_none(tmp_path: Path) -> None:
    row = errors(tmp_path, failing(40, user_id=None)).rows[0]
    assert row["total_affected_users"] is None
    assert row["impact_score"] > 0


def test_a_user_with_several_messages_counts_once(tmp_path: Path) -> None:
    users = [f"u{number % 4}" for number in range(40)]
    finding = errors(tmp_path, failing(40, user_id=users, exception_message=[f"m{number}" for number in range(40)]))
    row = finding.rows[0]
    assert (row["total_occurrences"], row["total_affected_users"]) == (40, 4)


def test_stack_traces_and_requests(tmp_path: Path) -> None:
    finding = errors(tmp_path, failing(10, stack_trace_hash=[f"h{number % 3}" for number in range(10)]), requests(90))
    assert (finding.rows[0]["unique_stacktraces"], finding.rows[0]["total_requests"]) == (3, 100)


def test_ties_are_broken_by_key_and_cut_at_ten(tmp_path: Path) -> None:
    finding = errors(tmp_path, *(failing(20, service_component=f"s{number:02}") for number in reversed(range(12))))
    assert [row["service_component"] for row in finding.rows] == [f"s{number:02}" for number in range(10)]
    assert [row["rank"] for row in finding.rows] == list(range(1, 11))
    assert (finding.truncated, finding.groups) == (True, 12)
