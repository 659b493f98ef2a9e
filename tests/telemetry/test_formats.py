"""Each ready mapping reads what its writer writes as the flat table, is recognised, and needs no edit."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.telemetry.sources import said_of
from tests.telemetry.written import BROKEN, CONTAINED, MAPS, PATHS, START, WRITERS, Call, Writer, calls, put
from tsg_agent import Given, Request, investigate
from tsg_agent.cli.app import app
from tsg_agent.errors import TelemetryError
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.formats import formats, path_of
from tsg_agent.telemetry.mapping import read_mapping
from tsg_agent.telemetry.profile import known_values
from tsg_agent.telemetry.recognise import propose
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.rows import ScopeArgs

IDS = [f"{writer.name}, {writer.file}" for writer in WRITERS]
MADE = calls(240)


def rows(engine: DuckDB) -> list[dict[str, Any]]:
    select = (
        "SELECT timestamp, status_code, latency_ms, http_method, endpoint_path, service_version, weight "
        "FROM api_gateway_logs WHERE weight > 0 ORDER BY timestamp"
    )
    return engine.run(select, {}, timeout=30).to_pylist()


def expected(writer: Writer, call: Call) -> dict[str, Any]:
    time = call.time.replace(tzinfo=None, microsecond=0 if writer.whole_seconds else call.time.microsecond)
    if writer.name == "envoy":
        time = time.replace(microsecond=time.microsecond // 1000 * 1000)
    lost = call.status == 503 and "failed-ms" in writer.lacks
    return {
        "timestamp": time,
        "status_code": call.status,
        "latency_ms": None if lost or "ms" in writer.lacks else pytest.approx(call.milliseconds),
        "http_method": call.method,
        "endpoint_path": call.path,
        "service_version": None if "version" in writer.lacks else call.version,
        "weight": 1.0,
    }


@pytest.mark.parametrize("writer", WRITERS, ids=IDS)
def test_a_file_is_recognised_and_read_as_the_flat_table(writer: Writer, tmp_path: Path) -> None:
    path = put(writer, tmp_path / "held", MADE)
    made = propose(str(path))
    assert (f'format = "{writer.name}"' in made.text) is (writer.name not in CONTAINED)
    assert 1 <= len(made.rows) <= 5
    mapping = tmp_path / "mapping.toml"
    mapping.write_text(made.text)
    with DuckDB(path, mapping=mapping) as engine:
        found = rows(engine)
        known = known_values(engine, 30)
        notes = said_of(engine)
        assert engine.tables["api_gateway_logs"].unreadable == 0
    assert len(known.regions) == len(known.services) == len(known.environments) == 1
    assert "could not be read" not in notes
    assert "is unknown" not in notes
    if "each" not in writer.lacks:
        chosen = [call for call in MADE if not (call.number == 5 and "five" in writer.lacks)]
        assert found == [expected(writer, call) for call in chosen]
        return
    for low in (200, 400, 500):
        counted = sum(row["weight"] for row in found if low <= row["status_code"] < low + 100)
        assert counted == sum(low <= call.status < low + 100 for call in MADE)


@pytest.mark.parametrize("writer", [one for one in WRITERS if one.name not in CONTAINED])
def test_a_folder_is_enough_and_so_is_the_name(writer: Writer, tmp_path: Path) -> None:
    put(writer, tmp_path, MADE)
    assert f'format = "{writer.name}"' in propose(str(tmp_path)).text
    with DuckDB(tmp_path, mapping=path_of(writer.name)) as engine:
        assert rows(engine)


def test_every_ready_mapping_is_tested_and_valid() -> None:
    assert {writer.name for writer in WRITERS} - CONTAINED | set(MAPS) == set(formats())
    for name in formats():
        assert read_mapping(path_of(name))


@pytest.mark.parametrize("name", MAPS)
def test_a_service_map_is_recognised_alone_and_beside_the_requests(name: str, tmp_path: Path) -> None:
    """Also where the file is the larger one, and the requests are in several."""
    alone = tmp_path / "alone" / "map.json"
    alone.parent.mkdir()
    alone.write_text(json.dumps(MAPS[name]))
    traces = next(writer for writer in WRITERS if writer.name == "otlp")
    for part in (0, 1):
        path = put(traces, tmp_path / "both", MADE[part * 20 : part * 20 + 20])
        path.rename(path.with_stem(f"traces-{part}"))
    (tmp_path / "both" / "map.json").write_text(json.dumps(MAPS[name]) + " " * 100_000)
    for folder, rows_held in ((alone.parent, 0), (tmp_path / "both", 40)):
        made = propose(str(folder))
        mapping = tmp_path / "mapping.toml"
        mapping.write_text(made.text)
        assert made.rows
        with DuckDB(folder, mapping=mapping) as engine:
            pairs = engine.run("SELECT DISTINCT caller, callee FROM calls", {}, timeout=30).to_pylist()
            assert len(rows(engine)) == rows_held
        found = {(pair["caller"], pair["callee"]) for pair in pairs if pair["caller"] != pair["callee"]}
        assert found == {("basket", "pay"), ("pay", "ledger.example")}


def test_a_format_that_reads_no_row_of_a_file_is_not_proposed(tmp_path: Path) -> None:
    (tmp_path / "spans.jsonl").write_text(json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": []}]}]}) + "\n")
    with pytest.raises(TelemetryError):
        propose(str(tmp_path))


def test_files_that_no_pattern_has_for_themselves_are_told(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text(json.dumps(MAPS["jaeger-calls"]))
    for name in ("east", "west"):
        put(next(writer for writer in WRITERS if writer.name == "otlp"), tmp_path, MADE[:9]).rename(
            tmp_path / f"{name}.json"
        )
    assert "# alone: a pattern for all of its kind would take other files too" in propose(str(tmp_path)).text


def findings(location: Path, mapping: Path | None, region: str) -> list[Any]:
    scope: dict[str, Any] = {
        "start_time": START, "end_time": START + timedelta(minutes=150), "region": region, "environment": "prod",
        "service_name": "basket",
    }  # fmt: skip
    with DuckDB(location, mapping=mapping) as engine:
        checks = [check for check in PLUGINS if check.number in (1, 3, 6)]
        done = [check.run(engine, check.args(**scope), Settings()) for check in checks if check.args is ScopeArgs]
        return [(finding.status, finding.label, [rounded(row) for row in finding.rows]) for finding in done]


def rounded(row: dict[str, Any]) -> dict[str, Any]:
    """Sums differ in their last digits by the order of their terms."""
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in row.items()}


def flat(folder: Path, made: list[Call]) -> Path:
    """The guide's own columns."""
    folder.mkdir()
    lines = [
        json.dumps({
            "request_id": call.span, "timestamp": call.time.isoformat(), "region": "eu-north-1", "environment": "prod",
            "service_name": "basket", "service_version": call.version, "endpoint_path": call.path,
            "http_method": call.method, "status_code": call.status, "latency_ms": float(call.milliseconds),
        })
        for call in made
    ]  # fmt: skip
    (folder / "api_gateway_logs.jsonl").write_text("\n".join(lines))
    return folder


@pytest.mark.parametrize("name", ["otlp", "jaeger", "zipkin", "otlp-spans", "clickhouse-otel"])
def test_exports_of_the_same_traces_give_the_findings_of_the_flat_table(name: str, tmp_path: Path) -> None:
    made = calls(8000)
    writer = next(one for one in WRITERS if one.name == name)
    path = put(writer, tmp_path / "export", made)
    wanted = findings(flat(tmp_path / "flat", made), None, "eu-north-1")
    assert wanted[0][1] == "REGRESSION_DETECTED"
    assert findings(path, path_of(name), "eu-north-1") == wanted
    assert any(call.time >= BROKEN for call in made)


@pytest.mark.slow
def test_traces_and_the_flat_table_give_one_conclusion(tmp_path: Path) -> None:
    made = calls(4000)
    given = Given(
        region="eu-north-1", service_name="basket", environment="prod", incident_start=BROKEN,
        start_time=START, end_time=START + timedelta(minutes=150),
    )  # fmt: skip

    def concluded(place: Path, name: str | None) -> tuple[Any, ...]:
        request = Request(text="", telemetry=str(place), mapping=path_of(name) if name else None, given=given)
        report = investigate(request)
        causes = [(one.confidence, one.subject, one.onset.after, one.contrast.rest) for one in report.causes]
        return causes, report.onset, report.sla.after, report.sla.before, report.headline

    wanted = concluded(flat(tmp_path / "flat", made), None)
    assert wanted[0][0][1] == {"service_version": "7.2.0", "endpoint_path": PATHS[0]}
    for name in ("otlp", "jaeger", "zipkin"):
        writer = next(one for one in WRITERS if one.name == name)
        assert concluded(put(writer, tmp_path / name, made), name) == wanted


def test_what_is_no_ready_format_is_guessed_with_reasons(tmp_path: Path) -> None:
    lines = ["when;svc name;httpStatus;elapsed_us;Url;Build;junk"]
    lines += [
        f"2026-03-10 12:00:{n:02};shop;{503 if n % 9 == 0 else 200};{n + 1}000;/a/b?{n};1.2.{n % 2};zz"
        for n in range(60)
    ]
    (tmp_path / "export.csv").write_text("\n".join(lines))
    made = propose(str(tmp_path / "export.csv"), constants={"service_name": "shop", "region": "eu"})
    assert 'latency_ms = "0.001 * elapsed_us" # elapsed_us is what others call it; its unit is us' in made.text
    assert "# not used: svc name, junk" in made.text
    assert "environment = \"'prod'\" # the file does not say: put yours" in made.text
    assert made.rows[3]["endpoint_path"] == "/a/b"
    assert made.rows[3]["latency_ms"] == pytest.approx(4.0)
    assert made.rows[0]["status_code"] == 503
    assert made.rows[0]["region"] == "eu"


def test_a_guess_that_cannot_be_read_is_left_out_with_its_reason(tmp_path: Path) -> None:
    lines = ["time,status,latency", *(f"2026-03-10 12:00:{n:02},200,{'fast' if n % 2 else 'slow'}" for n in range(30))]
    (tmp_path / "export.csv").write_text("\n".join(lines))
    made = propose(str(tmp_path))
    assert "# left out: latency_ms = " in made.text
    assert made.rows[0]["status_code"] == 200


def test_the_commands(tmp_path: Path) -> None:
    path = put(WRITERS[0], tmp_path / "held", MADE)
    runner = CliRunner()
    listed = runner.invoke(app, ["mapping", "list"])
    assert all(name in listed.output for name in formats())
    out = tmp_path / "mapping.toml"
    made = runner.invoke(app, ["mapping", "init", str(path), "--service-name", "basket", "--out", str(out)])
    assert made.exit_code == 0
    assert "The first 5 rows" in made.output
    with DuckDB(path, mapping=out) as engine:
        assert known_values(engine, 30).services == ("basket",)
    looked = runner.invoke(app, ["doctor", "-t", str(path), "--mapping", "nginx-combined", "--json"])
    assert json.loads(looked.output)["account"]["read"] == len(MADE)
