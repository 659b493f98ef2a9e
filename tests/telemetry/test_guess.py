"""What is no ready format: values that nest, logs between other lines, arrays of rows, and names that say nothing."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.telemetry.sources import said_of
from tsg_agent.cli.app import app
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.recognise import propose

START = datetime(2026, 7, 21, 9, 0, tzinfo=UTC)
ROWS = 120
PATHS = ("/basket", "/invoice", "/signup")


def at(number: int) -> datetime:
    return START + timedelta(seconds=7 * number)


def status(number: int) -> int:
    return 502 if number % 11 == 0 else 200


def took(number: int) -> float:
    """Milliseconds."""
    return 20.5 + number


def nested(number: int) -> str:
    request = {"method": "PUT", "uri": f"{PATHS[number % 3]}?q={number}"}
    held = {
        "at": at(number).timestamp(),
        "req": request,
        "res": {"statusCode": status(number)},
        "duration": took(number) / 1000,
    }
    return json.dumps(held)


def prefixed(number: int) -> str:
    return f"[pod/web-1/app] {nested(number)}"


def logfmt(number: int) -> str:
    return (
        f'time={at(number).isoformat()} level=info msg="all is \\"well\\"" method=PUT status={status(number)} '
        f'path="{PATHS[number % 3]}?q" dur={took(number)}ms'
    )


def ltsv(number: int) -> str:
    cells = {
        "time": at(number).isoformat(), "method": "PUT", "uri": PATHS[number % 3], "status": status(number),
        "latency_ms": took(number), "ua": "a b: c",
    }  # fmt: skip
    return "\t".join(f"{name}:{value}" for name, value in cells.items())


def hits(numbers: range) -> str:
    rows = [
        {"_id": f"n{n}", "_source": {
            "@timestamp": at(n).isoformat(), "ecs": {"version": "8.1"}, "event": {"duration": int(took(n) * 1e6)},
            "http": {"request": {"method": "PUT"}, "response": {"status_code": status(n)}},
            "url": {"path": PATHS[n % 3]},
        }}
        for n in numbers
    ]  # fmt: skip
    return json.dumps({"took": 3, "hits": {"total": {"value": len(rows)}, "hits": rows}})


def streams(numbers: range) -> str:
    """An envelope that says "success" of itself, and each line a text of JSON."""
    lines = [
        [f"{int(at(n).timestamp())}000000000", json.dumps({
            "method": "PUT", "path": PATHS[n % 3], "status": status(n), "latency_ms": took(n),
        })]
        for n in numbers
    ]  # fmt: skip
    result = [{"stream": {"app": "shop"}, "values": lines[start::2]} for start in (0, 1)]
    return json.dumps({"status": "success", "data": {"resultType": "streams", "result": result}})


def lined(line: Callable[[int], str]) -> Callable[[range], str]:
    """Lines of a program between others, the last one half-written."""
    return lambda numbers: "\n".join([
        "starting up", "", *(text for n in numbers for text in (line(n), *(["cache refreshed"] if n % 9 == 0 else [])))
    ])  # fmt: skip


SHAPES = {
    "app.log": lined(nested), "pods.log": lined(prefixed), "fmt.log": lined(logfmt), "tabs.log": lined(ltsv),
    "hits.json": hits, "streams.json": streams,
}  # fmt: skip


def read(path: Path, mapping: str, folder: Path) -> list[dict[str, Any]]:
    (folder / "made.toml").write_text(mapping)
    with DuckDB(path, mapping=folder / "made.toml") as engine:
        select = (
            "SELECT timestamp, http_method, endpoint_path, status_code, latency_ms FROM api_gateway_logs ORDER BY 1"
        )
        return engine.run(select, {}, timeout=30).to_pylist()


@pytest.mark.parametrize("name", SHAPES)
def test_rows_are_found_where_they_are(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(SHAPES[name](range(ROWS)))
    made = propose(str(path))
    assert not made.missing
    assert read(path, made.text, tmp_path) == [
        {
            "timestamp": at(number).replace(tzinfo=None), "http_method": "PUT", "endpoint_path": PATHS[number % 3],
            "status_code": status(number), "latency_ms": pytest.approx(took(number)),
        }
        for number in range(ROWS)
    ]  # fmt: skip
    lines = [note for note in made.notes if "hold no record" in note]
    assert bool(lines) is path.name.endswith(".log")
    assert all("15 lines hold no record, such as 'cache refreshed'" in note for note in lines)


def test_half_written_lines_are_counted_and_many_refuse(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    lines = [nested(number) for number in range(ROWS)]
    path.write_text("\n".join([*lines, "note", lines[0][:30]]))
    mapping = propose(str(path)).text
    (tmp_path / "made.toml").write_text(mapping)
    with DuckDB(path, mapping=tmp_path / "made.toml") as engine:
        assert engine.tables["api_gateway_logs"].unreadable == 1
    path.write_text("\n".join([*lines, *(line[:30] for line in lines[:9])]))
    with pytest.raises(TelemetryError, match="9 of 129 lines hold no record"):
        DuckDB(path, mapping=tmp_path / "made.toml")


def test_what_no_name_says_the_values_do(tmp_path: Path) -> None:
    path = tmp_path / "uit.csv"
    lines = [f"{at(n):%d-%m-%Y %H:%M:%S};{1000 + n};{status(n)};GET {PATHS[n % 3]}?a=1 HTTP/1.1" for n in range(ROWS)]
    path.write_text("\n".join(["moment;grootte;antwoord;vraag", *lines]))
    made = propose(str(path))
    assert 'status_code = "antwoord" # antwoord looks like it' in made.text
    assert [row["endpoint_path"] for row in read(path, made.text, tmp_path)[:3]] == list(PATHS)


@pytest.mark.parametrize(("unit", "factor"), [("s", 1e-3), ("ms", 1.0), ("us", 1e3), ("ns", 1e6)])
def test_the_unit_of_a_duration_is_told_by_its_size(unit: str, factor: float, tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [
        {"ts": at(n).isoformat(), "status": status(n), "path": PATHS[n % 3], "elapsed": took(n) * factor}
        for n in range(ROWS)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    made = propose(str(path))
    assert f"by its size in {unit}: mend it" in made.text
    assert [row["latency_ms"] for row in read(path, made.text, tmp_path)] == pytest.approx(
        [took(n) for n in range(ROWS)]
    )


def test_rows_that_hold_nothing_of_a_request_are_none(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    rows = [{"ts": at(n).isoformat(), "status": status(n), "path": PATHS[n % 3]} for n in range(ROWS)]
    rows[5] = {"ts": at(5).isoformat(), "msg": "reloaded"}
    rows[6].pop("status")
    path.write_text("\n".join(map(json.dumps, rows)))
    found = read(path, propose(str(path)).text, tmp_path)
    assert len(found) == ROWS - 1
    with DuckDB(path, mapping=tmp_path / "made.toml") as engine:
        assert f"1 of {ROWS} rows are no requests by `where` of the mapping." in said_of(engine)
    assert [row["status_code"] for row in found].count(None) == 1


def test_a_file_without_what_is_needed_says_what_it_holds(tmp_path: Path) -> None:
    path, out = tmp_path / "x.csv", tmp_path / "made.toml"
    path.write_text("\n".join(["time,colour", *(f"{at(n).isoformat()},blue" for n in range(9))]))
    made = CliRunner().invoke(app, ["mapping", "init", str(path), "--out", str(out)])
    assert isinstance(made.exception, TelemetryError)
    assert "Nothing was found that is status_code" in made.exception.message
    assert "colour holds 'blue'" in made.exception.message
    assert '# status_code = "…"' in out.read_text()


def test_a_folder_of_folders_is_looked_into_where_it_holds_nothing_itself(tmp_path: Path) -> None:
    inner = tmp_path / "2026" / "07"
    inner.mkdir(parents=True)
    (inner / "x.jsonl").write_text(json.dumps({"ts": at(1).isoformat(), "status": 200, "path": "/a"}))
    assert propose(str(tmp_path)).rows[0]["endpoint_path"] == "/a"
    (tmp_path / "y.jsonl").write_text(json.dumps({"ts": at(1).isoformat(), "status": 200, "path": "/b"}))
    made = propose(str(tmp_path))
    assert [row["endpoint_path"] for row in made.rows] == ["/b"]


def renamed(number: int, *, by: str) -> dict[str, Any]:
    """A row, of which the later half has another name for what `by` names."""
    row = {"ts": at(number).isoformat(), "status": status(number), "path": PATHS[number % 3], "verb": "PUT"}
    later = {"status": "http_status", "path": "url", "ts": "time"}[by]
    return {later if name == by and number >= ROWS / 2 else name: value for name, value in row.items()}


@pytest.mark.parametrize("by", ["status", "path", "ts"])
@pytest.mark.parametrize("shape", ["one.jsonl", "two.jsonl", "two.csv"])
def test_a_column_that_was_renamed_half_way_is_read_by_both_names(shape: str, by: str, tmp_path: Path) -> None:
    halves = [range(ROWS // 2), range(ROWS // 2, ROWS)]
    if shape == "one.jsonl":
        halves = [range(ROWS)]
    for place, half in enumerate(halves):
        rows = [renamed(number, by=by) for number in half]
        as_json = [json.dumps(row) for row in rows]
        as_csv = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
        lines = as_csv if shape.endswith("csv") else as_json
        (tmp_path / f"log-{place}{Path(shape).suffix}").write_text("\n".join(lines))
    found = read(tmp_path, propose(str(tmp_path)).text, tmp_path)
    assert [(row["status_code"], row["endpoint_path"]) for row in found] == [
        (status(number), PATHS[number % 3]) for number in range(ROWS)
    ]


def test_two_names_that_stand_beside_each_other_are_not_one_column(tmp_path: Path) -> None:
    rows = [{"ts": at(n).isoformat(), "status": status(n), "http_status": 200, "path": "/a"} for n in range(ROWS)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert 'status_code = "status" #' in propose(str(tmp_path)).text


def test_files_of_another_form_are_told(tmp_path: Path) -> None:
    head = "10.0.0.1 - - "
    plain = [f'{head}[{at(n):%d/%b/%Y:%H:%M:%S %z}] "GET /a HTTP/1.1" {status(n)} 9 "-" "x"' for n in range(ROWS)]
    (tmp_path / "access.log").write_text("\n".join(plain))
    (tmp_path / "app.jsonl").write_text("\n".join(json.dumps(renamed(n, by="ts")) for n in range(9)))
    (tmp_path / "old.log").write_text("\n".join(nested(n) for n in range(9)))
    made = propose(str(tmp_path))
    assert 'format = "nginx-combined"' in made.text
    assert 'from = "access.log"' in made.text
    assert any("In no table, and so not read: app.jsonl, old.log." in note for note in made.notes)
    assert len(read(tmp_path, made.text, tmp_path)) == ROWS


def proxied(number: int) -> str:
    """HAProxy's, behind a syslog's head."""
    return (
        f"{at(number):%b %d %H:%M:%S} lb1 haproxy[77]: 10.0.0.{number}:4711 [{at(number):%d/%b/%Y:%H:%M:%S}.000] "
        f"web~ shop/web-{number % 2} 10/0/30/{number}/109 {status(number)} 2750 - - ---- 1/1/1/1/0 0/0 {{a}} {{}} "
        f'"PUT {PATHS[number % 3]}?q=1 HTTP/1.1"'
    )


def cached(number: int) -> str:
    """Squid's."""
    return (
        f"{at(number).timestamp():.3f}    {int(took(number))} 10.0.0.7 TCP_MISS/{status(number)} 507 PUT "
        f"{PATHS[number % 3]}?q=1 - HIER_DIRECT/10.0.0.8 text/html"
    )


def spelled(number: int) -> str:
    """A program's own."""
    said = f'"PUT {PATHS[number % 3]}" -> {status(number)} in {took(number)}ms'
    return f"{at(number):%Y-%m-%d %H:%M:%S},000 INFO [worker-{number % 3}] {said}"


@pytest.mark.parametrize("line", [proxied, cached, spelled])
def test_lines_of_cells_are_read_by_what_the_cells_look_like(line: Callable[[int], str], tmp_path: Path) -> None:
    (tmp_path / "x.log").write_text("\n".join(line(number) for number in range(ROWS)))
    found = read(tmp_path, propose(str(tmp_path)).text, tmp_path)
    assert [(row["timestamp"], row["status_code"], row["endpoint_path"]) for row in found] == [
        (at(number).replace(tzinfo=None), status(number), PATHS[number % 3]) for number in range(ROWS)
    ]


def test_columns_called_like_statuses_count_requests(tmp_path: Path) -> None:
    rows = [f"{at(60 * n):%Y-%m-%d %H:%M:%S},{n + 1},{n % 3 or ''},2" for n in range(ROWS)]
    (tmp_path / "x.csv").write_text("\n".join(["Time,200,404,5xx", *rows]))
    made = propose(str(tmp_path))
    assert not made.missing
    (tmp_path / "made.toml").write_text(made.text)
    with DuckDB(tmp_path, mapping=tmp_path / "made.toml") as engine:
        sql = "SELECT status_code, sum(weight) AS n FROM api_gateway_logs GROUP BY 1 ORDER BY 1"
        counted = engine.run(sql, {}, timeout=30).to_pylist()
    assert [(row["status_code"], row["n"]) for row in counted] == [
        (200, sum(range(ROWS + 1))), (404, sum(n % 3 for n in range(ROWS))), (500, 2 * ROWS),
    ]  # fmt: skip


def test_a_time_that_may_be_read_in_two_ways_is_left_to_the_incident(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("\n".join(["time,status", *(f'"3/10/2026, 2:00:{n:02} PM",200' for n in range(9))]))
    made = propose(str(tmp_path))
    assert not made.missing
    assert "strptime" not in made.text
    assert "no row says which it is" in " ".join(made.notes)


@pytest.mark.parametrize(("count", "used"), [(lambda n: n + 1, False), (lambda n: n % 4 + 1, True)])
def test_a_number_that_only_rises_is_no_weight(tmp_path: Path, count: Callable[[int], int], used: bool) -> None:
    held = [{**json.loads(nested(number)), "RequestCount": count(number)} for number in range(ROWS)]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, held)))
    assert ("weight = " in propose(str(tmp_path)).text) is used
