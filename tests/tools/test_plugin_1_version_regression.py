from pathlib import Path

import pytest

from tests.tools.made import Rows, blank, by, found, requests
from tsg_agent.models import Finding, Status
from tsg_agent.settings import VersionThresholds
from tsg_agent.tools.plugin_1_version_regression import RULE, VersionRow

LIMITS = VersionThresholds()


def versions(folder: Path, *made: Rows) -> Finding:
    return found(folder, 1, {"api_gateway_logs": [row for rows in made for row in rows]})


@pytest.mark.parametrize(
    ("rank", "delta", "slow", "expected", "also"),
    [
        (1, 9.999, 0.0, "NO_REGRESSION", ()),
        (1, 10.0, 0.0, "NO_REGRESSION", ()),
        (1, 10.001, 0.0, "REGRESSION_DETECTED", ()),
        (2, 50.0, 50.0, "NO_REGRESSION", ()),
        (1, 0.0, 9.999, "NO_REGRESSION", ()),
        (1, 0.0, 10.0, "NO_REGRESSION", ()),
        (1, 0.0, 10.001, "PERFORMANCE_DEGRADATION", ()),
        (1, 10.001, 10.001, "REGRESSION_DETECTED", ("PERFORMANCE_DEGRADATION",)),
        (1, None, None, "NO_REGRESSION", ()),
        (1, None, 11.0, "PERFORMANCE_DEGRADATION", ()),
    ],
)
def test_label(rank: int, delta: float | None, slow: float | None, expected: str, also: tuple[str, ...]) -> None:
    row = blank(VersionRow, service_version="1.2.3", version_rank=rank, failure_rate_delta=delta, slow_rate=slow)
    assert RULE.label(row, LIMITS) == (expected, also)


@pytest.mark.parametrize(("requested", "compared"), [(1000, 1), (1001, 2)])
def test_a_version_needs_over_1000_requests(requested: int, compared: int, tmp_path: Path) -> None:
    finding = versions(tmp_path, requests(2000, service_version="1.0.0"), requests(requested, service_version="1.1.0"))
    assert finding.row_count == compared


@pytest.mark.parametrize(("failures", "expected"), [(239, 0), (240, 0), (241, 1)])
def test_ten_points_over_the_version_before(failures: int, expected: int, tmp_path: Path) -> None:
    finding = versions(
        tmp_path,
        requests(2000, {500: 40}, service_version="1.0.0"),
        requests(2000, {500: failures}, service_version="1.1.0"),
    )
    assert finding.labels.get("REGRESSION_DETECTED", 0) == expected
    newest = finding.rows[0]
    assert newest["failure_rate_delta"] == pytest.approx(failures / 20 - 2)
    assert newest["relative_change"] == pytest.approx(failures / 40)
    assert newest["previous_version"] == "1.0.0"


@pytest.mark.parametrize(("slow", "expected"), [(200, "NO_REGRESSION"), (201, "PERFORMANCE_DEGRADATION")])
def test_slow_is_over_5000_ms(slow: int, expected: str, tmp_path: Path) -> None:
    latencies = [5000.001] * slow + [5000.0] * (2000 - slow)
    finding = versions(
        tmp_path,
        requests(2000, service_version="1.0.0"),
        requests(2000, service_version="1.1.0", latency_ms=latencies),
    )
    assert finding.rows[0]["assessment"] == expected


def test_releases_are_ordered_part_by_part(tmp_path: Path) -> None:
    names = ["3.14.2", "3.140.2", "4.0.0", "v4.0.1", "4.1.0-rc1", "4.1", "20241015.1.2"]
    finding = versions(tmp_path, *(requests(1001, service_version=name) for name in names))
    assert [row["service_version"] for row in finding.rows] == ["20241015.1.2", "4.1", "4.1.0-rc1", "v4.0.1", "4.0.0"]
    assert finding.truncated
    assert [row["version_rank"] for row in finding.rows] == [1, 2, 3, 4, 5]


def test_what_cannot_be_read_is_kept_last_and_named(tmp_path: Path) -> None:
    finding = versions(
        tmp_path,
        requests(2000, {500: 900}, service_version="zebra"),
        requests(2000, service_version="1.0.0"),
        requests(2000, service_version="1.1.0"),
    )
    assert [row["service_version"] for row in finding.rows] == ["1.1.0", "1.0.0", "zebra"]
    assert finding.rows[1]["previous_version"] is None
    assert finding.rows[2]["previous_version"] is None
    assert finding.label == "NO_REGRESSION"
    assert any("zebra" in note for note in finding.notes)


def test_requests_without_a_version_are_named(tmp_path: Path) -> None:
    finding = versions(
        tmp_path,
        requests(2000, service_version=None),
        requests(2000, service_version="1.0.0"),
        requests(2000, service_version="1.1.0"),
    )
    assert finding.rows[-1]["service_version"] is None
    assert any("none given" in note for note in finding.notes)


def test_a_newer_version_with_little_traffic_is_a_canary(tmp_path: Path) -> None:
    finding = versions(
        tmp_path,
        requests(2000, service_version="1.0.0"),
        requests(2000, service_version="1.1.0"),
        requests(40, service_version="1.2.0"),
        requests(7, service_version="0.9.0"),
    )
    canary, small = finding.notes
    assert "1.2.0 (40 requests)" in canary
    assert "canary" in canary
    assert "0.9.0 (7 requests)" in small
    assert "canary" not in small


def test_many_small_versions_are_not_named_one_by_one(tmp_path: Path) -> None:
    small = [requests(2, service_version=f"0.0.{number}") for number in range(1, 31)]
    finding = versions(
        tmp_path, requests(1500, service_version="1.0.0"), requests(1500, service_version="1.1.0"), *small
    )
    assert any("and 20 more" in note for note in finding.notes)


def test_one_version_is_insufficient_data(tmp_path: Path) -> None:
    finding = versions(tmp_path, requests(2000, service_version="1.1.0"), requests(900, service_version="1.0.0"))
    assert finding.status is Status.INSUFFICIENT_DATA
    assert "1.1.0" in finding.reason
    assert finding.row_count == 1
    assert finding.label == ""


def test_equal_releases_are_ordered_by_text(tmp_path: Path) -> None:
    made = [requests(1500, service_version=name) for name in ("v1.0", "1.0.0", "1.0")]
    finding = versions(tmp_path, *made)
    assert [row["service_version"] for row in finding.rows] == ["v1.0", "1.0.0", "1.0"]
    again = versions(tmp_path / "again", *reversed(made))
    assert again.rows == finding.rows


def test_other_regions_and_test_traffic_do_not_count(tmp_path: Path) -> None:
    finding = versions(
        tmp_path,
        requests(2000, service_version="1.0.0"),
        requests(2000, service_version="1.1.0"),
        requests(2000, {500: 2000}, service_version="1.1.0", region="eu"),
        requests(2000, {500: 2000}, service_version="1.1.0", is_test_traffic=True),
    )
    assert by(finding, "service_version")["1.1.0"]["total_count"] == 2000
    assert finding.label == "NO_REGRESSION"


def deployed(names: tuple[str, str], *, share: float, at: int) -> Rows:
    """The first version, and from row `at` of 6,000 on every second request by the second, of which a share fails."""
    versions = [names[1] if n >= at and n % 2 else names[0] for n in range(6000)]
    codes = [500 if version == names[1] and n % 100 < share * 100 else 200 for n, version in enumerate(versions)]
    return requests(6000, service_version=versions, status_code=codes)


@pytest.mark.parametrize(
    "names", [("f3a91c7", "0c77d21"), ("9aa0b1c2d3", "1234567"), ("main", "hotfix-login"), ("f3a91c7", "main")]
)
def test_versions_that_are_no_numbers_are_in_the_order_of_their_first_request(
    names: tuple[str, str], tmp_path: Path
) -> None:
    rows = deployed(names, share=0.4, at=2400)
    finding = found(tmp_path, 1, {"api_gateway_logs": rows})
    assert finding.label == "REGRESSION_DETECTED"
    assert (finding.rows[0]["service_version"], finding.rows[0]["previous_version"]) == (names[1], names[0])
    assert any("first seen" in note for note in finding.notes)


def test_versions_that_were_there_from_the_beginning_are_in_no_order(tmp_path: Path) -> None:
    rows = deployed(("f3a91c7", "0c77d21"), share=0.4, at=0)
    finding = found(tmp_path, 1, {"api_gateway_logs": rows})
    assert finding.status is Status.INSUFFICIENT_DATA
    assert "none is known to be newer" in finding.reason


def test_release_numbers_keep_their_order_whenever_they_are_seen(tmp_path: Path) -> None:
    rows = deployed(("2.1.0", "2.0.9"), share=0.4, at=2400)  # rolled back, and worse
    finding = found(tmp_path, 1, {"api_gateway_logs": rows})
    assert finding.rows[0]["service_version"] == "2.1.0"
    assert finding.label == "NO_REGRESSION"
