"""Exports as tools write them are read without a word from anybody: each holds the same requests as the flat table."""

import csv
import gzip
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.recognise import propose

BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)
PATHS = ("/pay", "/cart", "/login")


class Row(NamedTuple):
    number: int
    time: datetime
    path: str
    status: int


ROWS = [
    Row(n, BEGIN + timedelta(seconds=7 * n), PATHS[n % 3], 503 if n % 11 == 0 else 404 if n % 13 == 0 else 200)
    for n in range(330)
]
Files = dict[str, bytes]


def lines(written: list[str]) -> bytes:
    return ("\n".join(written) + "\n").encode()


def combined(row: Row) -> str:
    return f'10.0.0.1 - - [{row.time:%d/%b/%Y:%H:%M:%S +0000}] "GET {row.path} HTTP/1.1" {row.status} 9 "-" "curl"'


def packed_by_rotation() -> Files:
    old, new = lines([combined(row) for row in ROWS[:200]]), lines([combined(row) for row in ROWS[200:]])
    return {"access.log.1.gz": gzip.compress(old), "access.log": new}


def docker() -> Files:
    """What its program writes besides is in no row."""
    kept = [{"log": combined(row) + "\n", "stream": "stdout", "time": row.time.isoformat()} for row in ROWS]
    others = [{"log": "upstream timed out\n", "stream": "stderr", "time": BEGIN.isoformat()}] * 60
    return {"c-json.log": lines([json.dumps(one) for one in kept[:50] + others + kept[50:]])}


def kubernetes_without_a_time_of_its_own() -> Files:
    said = [f"{row.time.isoformat()} stdout F level=info path={row.path} status={row.status} dur=3ms" for row in ROWS]
    return {"0.log": lines([f"{BEGIN.isoformat()} stderr F starting", *said])}


def a_time_before_the_pairs() -> Files:
    said = [f"{row.time.isoformat()} router: at=info method=GET path={row.path} status={row.status}" for row in ROWS]
    return {"router.log": lines(said)}


def fields_that_change() -> Files:
    """Of a server that was set anew between two lines."""
    early = ["#Fields: date time cs-method cs-uri-stem sc-status"]
    early += [f"{row.time:%Y-%m-%d %H:%M:%S} GET {row.path} {row.status}" for row in ROWS[:100]]
    late = ["#Fields: date time s-ip cs-method cs-uri-stem sc-status time-taken"]
    late += [f"{row.time:%Y-%m-%d %H:%M:%S} ::1 GET {row.path} {row.status} 12" for row in ROWS[100:]]
    return {"u_ex260310.log": lines(early + late)}


def a_name_that_says_nothing() -> Files:
    head = ["#Version: 1.0", "#Fields: date time x-edge-location cs-method cs-uri-stem sc-status"]
    rows = [f"{row.time:%Y-%m-%d}\t{row.time:%H:%M:%S}\tARN1\tGET\t{row.path}\t{row.status}" for row in ROWS]
    return {"E2X.2026-03-10-12.d1.gz": gzip.compress(lines(head + rows))}


def sheet(encoding: str, delimiter: str, head: str, form: str) -> bytes:
    rows = [f"{row.time:{form}}\t{row.path}\t{row.status}\tMüller" for row in ROWS]
    return "\r\n".join([head, *rows, ""]).replace("\t", delimiter).encode(encoding)


def europe_s_letters() -> Files:
    return {"Auszug.csv": sheet("cp1252", ";", "Zeitstempel\tPfad\tStatus\tKäufer", "%d.%m.%Y %H:%M:%S")}


def two_bytes_a_letter() -> Files:
    return {"report.txt": sheet("utf-16", "\t", "Time\tResource\tHTTP Status\tUser", "%Y-%m-%d %H:%M:%S")}


def graphql() -> Files:
    def one(row: Row) -> dict[str, Any]:
        code = {503: "UNAVAILABLE", 404: "NOT_FOUND"}.get(row.status)
        errors = [{"message": "no", "extensions": {"code": code}}] if code else []
        http = {"status": 200, "path": "/graphql"}
        return {"timestamp": row.time.isoformat(), "operationName": row.path, "http": http, "errors": errors}

    return {"gateway.jsonl": lines([json.dumps(one(row)) for row in ROWS])}


def keys_that_differ_in_case() -> Files:
    def one(row: Row) -> dict[str, Any]:
        http = {"method": "GET", "path": row.path, "status": row.status}
        return {"time": row.time.isoformat(), "http": http, "edge": {"pop": "a"} if row.number % 2 else {"POP": "b"}}

    return {"edge.jsonl": lines([json.dumps(one(row)) for row in ROWS])}


def texts_of_maps() -> Files:
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(["Timestamp", "TraceId", "SpanId", "SpanName", "SpanKind", "ServiceName", "ResourceAttributes",
                    "SpanAttributes", "Duration", "StatusCode"])  # fmt: skip
    for row in ROWS:
        held = f"{{'http.route':'{row.path}','http.response.status_code':'{row.status}'}}"
        time = f"{row.time:%Y-%m-%d %H:%M:%S}.000000001"
        table.writerow([time, f"t{row.number}", f"s{row.number}", "GET", "Server", "shop", "{}", held, 10**6, "Unset"])
        table.writerow(
            [time, f"t{row.number}", f"c{row.number}", "redis", "Client", "shop", "{}", "{}", 10**5, "Unset"]
        )
    return {"otel_traces.csv": out.getvalue().encode()}


def zipkin_with_spans_of_no_kind() -> Files:
    def spans(row: Row) -> list[dict[str, Any]]:
        tags = {"http.path": row.path} | ({"http.status_code": str(row.status)} if row.status != 200 else {})
        span = {"traceId": f"t{row.number}", "timestamp": int(row.time.timestamp() * 1e6), "duration": 1000}
        span["localEndpoint"] = {"serviceName": "shop"}
        return [{**span, "id": f"s{row.number}", "kind": "SERVER", "name": "get", "tags": tags},
                {**span, "id": f"l{row.number}", "parentId": f"s{row.number}", "name": "render"}]  # fmt: skip

    return {"traces.json": json.dumps([spans(row) for row in ROWS]).encode()}


def names_of_one_s_own_in_a_known_format() -> Files:
    def one(row: Row) -> dict[str, Any]:
        return {"start_time": row.time.isoformat(), "x-origin-path": f"{row.path}?n={row.number}", "duration": 3,
                "response_code": row.status, "response_flags": "-"}  # fmt: skip

    return {"envoy.jsonl": lines([json.dumps(one(row)) for row in ROWS])}


def requests_of_a_proxy() -> Files:
    """Their lines have whole addresses."""
    return {
        "elb.log": lines([
            f'{row.time.isoformat()} lb-1 10.0.0.7:2817 10.1.0.1:80 0.00007 0.01 0.00005 {row.status} 200 0 29 '
            f'"GET http://shop.example.com:80{row.path}?n={row.number} HTTP/1.1" "curl/8.0" - -'
            for row in ROWS
        ])
    }  # fmt: skip


def records_in_many_lines_of_arrays() -> Files:
    """OpenTelemetry's logs: each line a batch, the records three arrays deep."""

    def record(row: Row) -> dict[str, Any]:
        told = {"url.path": {"stringValue": row.path}, "http.response.status_code": {"intValue": str(row.status)}}
        return {"timeUnixNano": f"{row.time.timestamp():.0f}000000000", "severityText": "INFO",
                "attributes": [{"key": key, "value": value} for key, value in told.items()]}  # fmt: skip

    whose = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]}
    batches = [[record(row) for row in ROWS[at : at + 10]] for at in range(0, len(ROWS), 10)]
    return {
        "logs.jsonl": lines([
            json.dumps({"resourceLogs": [{"resource": whose, "scopeLogs": [{"scope": {}, "logRecords": batch}]}]})
            for batch in batches
        ])
    }  # fmt: skip


EXPORTS = (
    packed_by_rotation, docker, kubernetes_without_a_time_of_its_own, a_time_before_the_pairs, fields_that_change,
    a_name_that_says_nothing, europe_s_letters, two_bytes_a_letter, graphql, keys_that_differ_in_case, texts_of_maps,
    zipkin_with_spans_of_no_kind, names_of_one_s_own_in_a_known_format, requests_of_a_proxy,
    records_in_many_lines_of_arrays,
)  # fmt: skip


def read(folder: Path, files: Files, select: str) -> tuple[list[dict[str, Any]], str]:
    (folder / "held").mkdir()
    for name, held in files.items():
        (folder / "held" / name).write_bytes(held)
    made = propose(str(folder / "held"))
    assert not made.missing
    (folder / "mapping.toml").write_text(made.text)
    with DuckDB(folder / "held", mapping=folder / "mapping.toml", about=[BEGIN]) as engine:
        found = engine.run(select, {}, timeout=30).to_pylist()
        said = engine.tables["api_gateway_logs"]
    return found, " ".join([*said.notes, *said.readings])


@pytest.mark.parametrize("write", EXPORTS, ids=lambda write: write.__name__)
def test_an_export_holds_the_rows_of_the_flat_table(write: Callable[[], Files], tmp_path: Path) -> None:
    found, _ = read(tmp_path, write(), "SELECT timestamp, endpoint_path, status_code FROM api_gateway_logs")
    held = Counter((row["timestamp"], row["endpoint_path"], row["status_code"]) for row in found)
    assert held == Counter((row.time.replace(tzinfo=None), row.path, row.status) for row in ROWS)


def test_what_no_line_says_of_an_encoding_is_told(tmp_path: Path) -> None:
    _, said = read(tmp_path, europe_s_letters(), "SELECT 1 AS n FROM api_gateway_logs")
    assert "Auszug.csv is no UTF-8" in said


@pytest.mark.parametrize("failed", ["errors", "errors_5xx", "failedRequests"])
def test_a_column_of_failures_beside_one_of_all_is_read_as_counts(failed: str, tmp_path: Path) -> None:
    every = {row: 5 + 7 * row.number % 50 for row in ROWS}
    rows = [f"{row.time:%Y%m%d%H%M%S},9.{row.number % 2},{n},{n % 5}" for row, n in every.items()]
    held = lines([f"minute,release,requests,{failed}", *rows])
    select = "SELECT status_code, sum(weight) AS n FROM api_gateway_logs GROUP BY 1"
    found, _ = read(tmp_path, {"rollup.csv": held}, select)
    lost = sum(n % 5 for n in every.values())
    assert {row["status_code"]: row["n"] for row in found} == {200: sum(every.values()) - lost, 500: lost}


@pytest.mark.parametrize(("scale", "told"), [(1 / 60, True), (1.0, False)])
def test_rates_per_second_become_numbers_of_requests(scale: float, told: bool, tmp_path: Path) -> None:
    first = int(BEGIN.timestamp())
    series = [
        {"metric": {"code": code, "handler": "/pay"},
         "values": [[first + 60 * n, str((1 + n % many) * scale)] for n in range(60)]}
        for code, many in (("200", 40), ("503", 3))
    ]  # fmt: skip
    held = {
        "range.json": json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()
    }
    select = "SELECT status_code, sum(weight) AS n FROM api_gateway_logs GROUP BY 1"
    found, said = read(tmp_path, held, select)
    expected = {int(code): sum(1 + n % many for n in range(60)) for code, many in (("200", 40), ("503", 3))}
    assert {row["status_code"]: row["n"] for row in found} == pytest.approx(expected)
    assert ("requests per second" in said) is told


def test_a_blank_user_is_nobody(tmp_path: Path) -> None:
    users = ["ann", "", " " * 20, "-" + " " * 12, "bo", "ann"]  # of these the engine itself reads one as missing
    rows = [f"{row.time.isoformat()},{row.status},{users[row.number % 6]}" for row in ROWS]
    select = "SELECT count(DISTINCT user_id) AS n FROM api_gateway_logs"
    found, said = read(tmp_path, {"log.csv": lines(["timestamp,status_code,user_id", *rows])}, select)
    assert found == [{"n": 2}]
    assert "user_id is blank in 110 rows" in said
