from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import Rows, blank, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import EndpointThresholds
from tsg_agent.tools.plugin_6_endpoints import RULE, EndpointRow

LIMITS = EndpointThresholds()


def endpoints(folder: Path, *made: Rows) -> Finding:
    return found(folder, 6, {"api_gateway_logs": [row for rows in made for row in rows]})


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"server_error_rate": 10.0}, "NORMAL", ()),
        ({"server_error_rate": 10.001}, "HIGH_SERVER_ERRORS", ()),
        ({"success_rate": 90.0}, "NORMAL", ()),
        ({"success_rate": 89.999}, "LOW_SUCCESS_RATE", ()),
        ({"max_p99_latency": 5000.0}, "NORMAL", ()),
        ({"max_p99_latency": 5000.001}, "HIGH_LATENCY", ()),
        ({"client_error_rate": 30.0}, "NORMAL", ()),
        ({"client_error_rate": 30.001}, "HIGH_CLIENT_ERRORS", ()),
        ({"cache_hit_rate": 20.0, "total_requests": 1001}, "NORMAL", ()),
        ({"cache_hit_rate": 19.999, "total_requests": 1000}, "NORMAL", ()),
        ({"cache_hit_rate": 19.999, "total_requests": 1001}, "LOW_CACHE_EFFICIENCY", ()),
        ({"cache_hit_rate": None, "total_requests": 9999}, "NORMAL", ()),
        (
            {
                "server_error_rate": 20.0,
                "success_rate": 40.0,
                "max_p99_latency": 9000.0,
                "client_error_rate": 40.0,
                "cache_hit_rate": 0.0,
                "total_requests": 2000,
            },
            "HIGH_SERVER_ERRORS",
            ("LOW_SUCCESS_RATE", "HIGH_LATENCY", "HIGH_CLIENT_ERRORS", "LOW_CACHE_EFFICIENCY"),
        ),
    ],
)
def test_label(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(EndpointRow, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(("number", "status"), [(100, Status.INSUFFICIENT_DATA), (101, Status.OK)])
def test_an_endpoint_needs_over_100_requests(number: int, status: Status, tmp_path: Path) -> None:
    assert endpoints(tmp_path, requests(number, endpoint_path="/")).status is status


@pytest.mark.parametrize(
    ("statuses", "latency", "hits", "expected"),
    [
        ({500: 201}, 1.0, 2000, "HIGH_SERVER_ERRORS"),
        ({500: 200}, 1.0, 2000, None),
        ({404: 201}, 1.0, 2000, "LOW_SUCCESS_RATE"),
        ({404: 200}, 1.0, 2000, None),
        ({}, 5000.0, 2000, None),
        ({}, 5000.5, 2000, "HIGH_LATENCY"),
        ({}, 1.0, 400, None),
        ({}, 1.0, 399, "LOW_CACHE_EFFICIENCY"),
    ],
)
def test_labels_from_the_data(
    statuses: dict[int, int], latency: float, hits: int, expected: str | None, tmp_path: Path
) -> None:
    cache = [True] * hits + [False] * (2000 - hits)
    rows = requests(2000, statuses, endpoint_path="/", latency_ms=latency, cache_hit=cache)
    assert endpoints(tmp_path, rows).labels == ({expected: 1} if expected else {})


def test_many_client_errors_are_listed_behind_the_low_success(tmp_path: Path) -> None:
    finding = endpoints(tmp_path, requests(1000, {429: 301}, endpoint_path="/"))
    row = finding.rows[0]
    assert row["endpoint_status"] == "LOW_SUCCESS_RATE"
    assert row["also"] == ["HIGH_CLIENT_ERRORS"]
    assert (row["client_error_rate"], row["rate_limited_rate"]) == (pytest.approx(30.1), pytest.approx(30.1))


def test_no_cache_column_is_not_a_hit_rate_of_zero(tmp_path: Path) -> None:
    silent = endpoints(tmp_path / "null", requests(2000, endpoint_path="/", cache_hit=None))
    assert (silent.status, silent.labels) == (Status.OK, {})
    cold = endpoints(tmp_path / "false", requests(2000, endpoint_path="/", cache_hit=False))
    assert cold.labels == {"LOW_CACHE_EFFICIENCY": 1}


def test_impact_ties_share_a_rank_and_go_by_key(tmp_path: Path) -> None:
    made = [requests(200, {500: 50}, endpoint_path=path) for path in ("/c", "/a", "/b")]
    finding = endpoints(tmp_path, *made, requests(400, {500: 200}, endpoint_path="/z"))
    assert [(row["endpoint_path"], row["impact_rank"]) for row in finding.rows] == [
        ("/z", 1), ("/a", 2), ("/b", 2), ("/c", 2),
    ]  # fmt: skip
    assert finding.rows[0]["impact_score"] == pytest.approx(0.4 * 50)


def test_cut_at_twenty_five(tmp_path: Path) -> None:
    made = [requests(101, {500: 50}, endpoint_path=f"/{chr(97 + number)}") for number in range(26)]
    finding = endpoints(tmp_path, *made)
    assert (finding.row_count, finding.truncated, finding.groups) == (25, True, 26)
