from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import Rows, blank, by, found, requests, tied
from tsg_agent.models import Finding, Status
from tsg_agent.settings import ProductThresholds
from tsg_agent.tools.plugin_7_products import RULE, ProductRow, business_impact

LIMITS = ProductThresholds()


def products(folder: Path, made: dict[tuple[str, str | None], Rows], copies: int = 0) -> Finding:
    """`made`: (product, tier) -> its requests."""
    sold = [
        row
        for (product, tier), rows in made.items()
        for row in tied(rows, product_id=product, customer_tier=tier, product_category="c", subscription_type="s")
    ]
    logs = [row for rows in made.values() for row in rows]
    return found(folder, 7, {"api_gateway_logs": logs, "product_metadata": sold + sold[:30] * copies})


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"customer_tier": "PREMIUM", "success_rate": 99.499}, "SLA_BREACH_PREMIUM", ()),
        ({"customer_tier": "PREMIUM", "success_rate": 99.5}, "HEALTHY", ()),
        ({"customer_tier": "STANDARD", "success_rate": 98.999}, "SLA_BREACH_STANDARD", ()),
        ({"customer_tier": "STANDARD", "success_rate": 99.0}, "HEALTHY", ()),
        ({"customer_tier": "FREE", "success_rate": 94.999}, "CRITICAL", ()),
        ({"customer_tier": "FREE", "success_rate": 95.0}, "HEALTHY", ()),
        ({"customer_tier": None, "success_rate": 94.0}, "CRITICAL", ()),
        ({"customer_tier": "PREMIUM", "success_rate": 94.0}, "SLA_BREACH_PREMIUM", ("CRITICAL",)),
        ({"customer_tier": "STANDARD", "success_rate": 94.0}, "SLA_BREACH_STANDARD", ("CRITICAL",)),
        ({"retry_rate": 20.0}, "HEALTHY", ()),
        ({"retry_rate": 20.001}, "HIGH_RETRY_RATE", ()),
        ({"avg_dependency_failures": 10.0}, "HEALTHY", ()),
        ({"avg_dependency_failures": 10.001}, "DEPENDENCY_ISSUES", ()),
        ({"overall_avg_latency": 3000.0}, "HEALTHY", ()),
        ({"overall_avg_latency": 3000.001}, "PERFORMANCE_DEGRADED", ()),
        (
            {"retry_rate": 21.0, "avg_dependency_failures": 11.0, "overall_avg_latency": 3001.0},
            "HIGH_RETRY_RATE",
            ("DEPENDENCY_ISSUES", "PERFORMANCE_DEGRADED"),
        ),
    ],
)
def test_label(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(ProductRow, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(("tier", "weight"), [("PREMIUM", 10), ("STANDARD", 3), ("FREE", 1), (None, 1)])
def test_business_impact(tier: str | None, weight: int) -> None:
    row = {"success_rate": 90.0, "affected_users": 50, "customer_tier": tier}
    assert business_impact(row, LIMITS) == pytest.approx(50 * weight * 0.1)


@pytest.mark.parametrize(("number", "status"), [(100, Status.INSUFFICIENT_DATA), (101, Status.OK)])
def test_a_product_needs_over_100_requests(number: int, status: Status, tmp_path: Path) -> None:
    assert products(tmp_path, {("p", "FREE"): requests(number)}).status is status


@pytest.mark.parametrize(
    ("tier", "failures", "expected"),
    [
        ("PREMIUM", 5, None),
        ("PREMIUM", 6, "SLA_BREACH_PREMIUM"),
        ("STANDARD", 10, None),
        ("STANDARD", 11, "SLA_BREACH_STANDARD"),
        ("FREE", 50, None),
        ("FREE", 51, "CRITICAL"),
    ],
)
def test_success_of_a_tier(tier: str, failures: int, expected: str | None, tmp_path: Path) -> None:
    finding = products(tmp_path, {("p", tier): requests(1000, {500: failures})})
    assert finding.labels == ({expected: 1} if expected else {})


@pytest.mark.parametrize(
    ("column", "number", "expected"),
    [
        ("is_retry", 200, None),
        ("is_retry", 201, "HIGH_RETRY_RATE"),
        ("has_dependency_failure", 101, "DEPENDENCY_ISSUES"),
    ],
)
def test_retries_and_dependencies(column: str, number: int, expected: str | None, tmp_path: Path) -> None:
    values = [True] * number + [False] * (1000 - number)
    finding = products(tmp_path, {("p", "FREE"): requests(1000, **{column: values})})
    assert finding.labels == ({expected: 1} if expected else {})


def test_unknown_retries_are_null(tmp_path: Path) -> None:
    rows = products(tmp_path, {("p", "FREE"): requests(200, {500: 100}, is_retry=None)}).rows
    assert (rows[0]["retry_rate"], rows[0]["avg_dependency_failures"]) == (None, None)


def test_slow_products(tmp_path: Path) -> None:
    finding = products(tmp_path, {("p", "FREE"): requests(1000, latency_ms=3000.5)})
    assert finding.labels == {"PERFORMANCE_DEGRADED": 1}


def test_a_repeated_product_row_counts_once(tmp_path: Path) -> None:
    slow, retried = [9000.0] * 30 + [50.0] * 970, [True] * 30 + [False] * 970
    made = {("p", "FREE"): requests(1000, {500: 100}, latency_ms=slow, is_retry=retried)}
    assert products(tmp_path / "often", made, copies=9).rows == products(tmp_path / "once", made).rows


def test_a_request_with_two_products_counts_for_both(tmp_path: Path) -> None:
    rows = requests(1000, {500: 100})
    sold = [*tied(rows, product_id="p"), *tied(rows, product_id="q")]
    finding = found(tmp_path, 7, {"api_gateway_logs": rows, "product_metadata": sold})
    assert {row["product_id"]: row["total_requests"] for row in finding.rows} == {"p": 1000, "q": 1000}


def test_users_that_no_request_names_are_unknown_not_none(tmp_path: Path) -> None:
    row = products(tmp_path, {("p", "FREE"): requests(1000, {500: 200}, user_id=None)}).rows[0]
    assert (row["affected_users"], row["users_with_failures"], row["business_impact_score"]) == (None, None, None)


def test_a_user_of_several_half_hours_counts_once(tmp_path: Path) -> None:
    users = [f"u{number % 25}" for number in range(1000)]
    statuses = [500 if user in ("u3", "u4", "u5") else 200 for user in users]
    rows = requests(1000, user_id=users, status_code=statuses)
    row = products(tmp_path, {("p", "FREE"): rows}).rows[0]
    assert (row["affected_users"], row["users_with_failures"]) == (25, 3)
    assert row["business_impact_score"] == pytest.approx(25 * 12 / 100)


def test_ties_share_a_priority_and_go_by_key_and_are_cut_at_twenty(tmp_path: Path) -> None:
    made = {(f"p{number:02}", "FREE"): requests(200, {500: 50}) for number in reversed(range(21))}
    finding = products(tmp_path, made | {("z", "PREMIUM"): requests(200, {500: 50})})
    assert [row["product_id"] for row in finding.rows] == ["z", *(f"p{number:02}" for number in range(19))]
    assert by(finding, "product_id")["z"]["priority"] == 1
    assert {row["priority"] for row in finding.rows[1:]} == {2}
    assert finding.truncated
