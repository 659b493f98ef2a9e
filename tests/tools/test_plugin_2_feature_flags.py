from pathlib import Path
from typing import Any

import pytest

from tests.tools.made import Rows, blank, by, found, requests, tied
from tsg_agent.models import Finding
from tsg_agent.settings import FlagThresholds
from tsg_agent.tools.plugin_2_feature_flags import RULE, FlagRow

LIMITS = FlagThresholds()


def flags(folder: Path, values: dict[str, Rows], copies: int = 0) -> Finding:
    rows = [row for made in values.values() for row in made]
    tied_rows = [row for value, made in values.items() for row in tied(made, flag_name="f", flag_value=value)]
    return found(folder, 2, {"api_gateway_logs": rows, "feature_flags": tied_rows + tied_rows[:30] * copies})


@pytest.mark.parametrize(
    ("values", "expected", "also"),
    [
        ({"error_rate": 15.0, "request_count": 501}, "NORMAL", ()),
        ({"error_rate": 15.001, "request_count": 500}, "NORMAL", ()),
        ({"error_rate": 15.001, "request_count": 501}, "HIGH_ERROR_RATE", ()),
        ({"error_rate": 8.0, "request_count": 1001}, "NORMAL", ()),
        ({"error_rate": 8.001, "request_count": 1000}, "NORMAL", ()),
        ({"error_rate": 8.001, "request_count": 1001}, "HIGH_ERROR_RATE", ()),
        ({"p95_latency": 5000.0, "request_count": 501}, "NORMAL", ()),
        ({"p95_latency": 5000.001, "request_count": 500}, "NORMAL", ()),
        ({"p95_latency": 5000.001, "request_count": 501}, "HIGH_LATENCY", ()),
        ({"latency_zscore": 3.0, "request_count": 101}, "NORMAL", ()),
        ({"latency_zscore": 3.001, "request_count": 101}, "LATENCY_ANOMALY", ()),
        (
            {"error_rate": 20.0, "p95_latency": 6000.0, "latency_zscore": 4.0, "request_count": 2000},
            "HIGH_ERROR_RATE",
            ("HIGH_LATENCY", "LATENCY_ANOMALY"),
        ),
        ({"request_count": 9999}, "NORMAL", ()),
    ],
)
def test_label(values: dict[str, Any], expected: str, also: tuple[str, ...]) -> None:
    assert RULE.label(blank(FlagRow, **values), LIMITS) == (expected, also)


@pytest.mark.parametrize(("number", "counted"), [(100, 1), (101, 2)])
def test_a_value_needs_over_100_requests(number: int, counted: int, tmp_path: Path) -> None:
    finding = flags(tmp_path, {"off": requests(2000, {500: 900}), "on": requests(number, {500: number})})
    # Both fail; one over 100 but under 501 requests has no rule that could label it.
    assert by(finding, "flag_value").keys() == {"off"}
    assert by(finding, "flag_value")["off"]["severity_rank"] == counted


@pytest.mark.parametrize(
    ("number", "failures", "labelled"),
    [(2000, 160, False), (2000, 161, True), (1000, 81, False), (600, 90, False), (600, 91, True), (500, 76, False)],
)
def test_either_rule_gives_the_label(number: int, failures: int, labelled: bool, tmp_path: Path) -> None:
    finding = flags(tmp_path, {"off": requests(2000), "on": requests(number, {500: failures})})
    assert ("on" in by(finding, "flag_value")) is labelled
    assert finding.label == ("HIGH_ERROR_RATE" if labelled else "NORMAL")


def test_high_latency(tmp_path: Path) -> None:
    finding = flags(tmp_path, {"off": requests(2000), "on": requests(600, latency_ms=[6000.0] * 40 + [10.0] * 560)})
    assert finding.labels == {"HIGH_LATENCY": 1}


@pytest.mark.parametrize(("values", "anomaly"), [(10, False), (11, True)])
def test_a_latency_anomaly_needs_more_than_ten_values(values: int, anomaly: bool, tmp_path: Path) -> None:
    made = {f"v{number:02}": requests(101, latency_ms=100.0) for number in range(values - 1)}
    finding = flags(tmp_path, made | {"slow": requests(101, latency_ms=4000.0)})
    assert (finding.label == "LATENCY_ANOMALY") is anomaly
    assert any("LATENCY_ANOMALY cannot occur" in note for note in finding.notes) is not anomaly


def test_a_latency_that_no_clock_measured_takes_the_score_from_no_other(tmp_path: Path) -> None:
    made = {f"v{number:02}": requests(101, latency_ms=100.0 + number) for number in range(11)}
    made |= {"slow": requests(101, latency_ms=4000.0), "absurd": requests(101, latency_ms=[1e306] * 101)}
    assert by(flags(tmp_path, made), "flag_value")["slow"]["flag_status"] == "LATENCY_ANOMALY"


def test_a_repeated_flag_row_counts_once(tmp_path: Path) -> None:
    values = {"on": requests(2000, {500: 500}, latency_ms=[9000.0] * 30 + [50.0] * 1970), "off": requests(2000)}
    once, often = flags(tmp_path / "once", values), flags(tmp_path / "often", values, copies=9)
    assert often.rows == once.rows
    assert often.rows[0]["request_count"] == 2000


def test_ties_are_broken_by_key_and_cut_at_ten(tmp_path: Path) -> None:
    made = {f"v{number:02}": requests(1001, {500: 500}) for number in range(12)}
    finding = flags(tmp_path, dict(reversed(made.items())))
    assert [row["flag_value"] for row in finding.rows] == [f"v{number:02}" for number in range(10)]
    assert [row["severity_rank"] for row in finding.rows] == list(range(1, 11))
    assert finding.truncated


def test_a_null_value_is_a_value(tmp_path: Path) -> None:
    rows = requests(2000, {500: 500})
    tables = {"api_gateway_logs": rows, "feature_flags": tied(rows, flag_name="f", flag_value=None)}
    assert found(tmp_path, 2, tables).rows[0]["flag_value"] is None
