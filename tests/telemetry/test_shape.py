"""Rows that are no rows of the source: elements of arrays, lines, counts, counters. As flat rows they read the same."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.telemetry.written import WRITERS, calls, put
from tests.tools.made import requests
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.duckdb import DuckDB

LOGS = "api_gateway_logs"


def engine(folder: Path, mapping: str) -> DuckDB:
    path = folder.parent / "mapping.toml"
    path.write_text(mapping)
    return DuckDB(folder, mapping=path)


def ask(held: DuckDB, select: str) -> list[tuple[Any, ...]]:
    with held:
        return [tuple(row.values()) for row in held.run(f"SELECT {select}", {}, timeout=10).to_pylist()]


@pytest.fixture
def held(tmp_path: Path) -> Path:
    folder = tmp_path / "held"
    folder.mkdir()
    return folder


SHAPES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "object": lambda held: held,
    "keys and typed values": lambda held: [{"key": k, "value": {"stringValue": str(v)}} for k, v in held.items()],
    "keys, types, values": lambda held: [{"key": k, "type": "string", "value": v} for k, v in held.items()],
    "names and values": lambda held: [{"name": k, "value": str(v)} for k, v in held.items()],
    "Key and Value": lambda held: [{"Key": k, "Value": v} for k, v in held.items()],
    "text": json.dumps,
    "nested": lambda held: {"http": {"code": held["http.code"]}, "zone": held["zone"]},
}


@pytest.mark.parametrize("shape", SHAPES)
def test_a_key_is_looked_up_in_any_shape(shape: str, held: Path) -> None:
    rows = [
        {"at": f"2026-03-10T12:00:{n:02}Z", "tags": SHAPES[shape]({"http.code": 200 + n, "zone": "z'\""})}
        for n in range(9)
    ]
    (held / "spans.jsonl").write_text("\n".join(map(json.dumps, rows)))
    mapping = (
        f'[{LOGS}]\nfrom = "spans.jsonl"\n[{LOGS}.columns]\ntimestamp = "at"\n'
        "status_code = \"tags['http.code']\"\navailability_zone = \"tags['zone']\"\nregion = \"tags['none']\"\n"
    )
    found = ask(engine(held, mapping), f"status_code, availability_zone, region FROM {LOGS} ORDER BY timestamp")
    assert found == [(200 + n, "z'\"", None) for n in range(9)]


def test_a_map_of_parquet_is_looked_up(held: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT TIMESTAMP '2026-03-10 12:00:00' AS timestamp, MAP {'http.code': '503'} AS tags) "
            f"TO '{held}/{LOGS}.parquet'"
        )
    mapping = f"[{LOGS}.columns]\nstatus_code = \"tags['http.code']\"\n"
    assert ask(engine(held, mapping), f"status_code FROM {LOGS}") == [(503,)]


@pytest.mark.parametrize("layout", ["lines", "one object", "uneven"])
def test_elements_of_arrays_are_the_rows_that_they_are_flat(layout: str, held: Path) -> None:
    rows = [
        {"id": row["request_id"], "at": row["timestamp"].isoformat(), "code": row["status_code"]}
        for row in requests(60, {502: 9})
    ]
    groups = [
        {
            "host": f"h{g}",
            "parts": [{"zone": f"z{g}{p}", "calls": rows[g * 20 + p * 10 : g * 20 + p * 10 + 10]} for p in range(2)],
        }
        for g in range(3)
    ]
    if layout == "uneven":
        groups[0]["extra"] = {"x": 1}
        groups.append({"host": "none", "parts": []})
    whole = [{"batch": groups}] if layout == "one object" else [{"batch": [group]} for group in groups]
    (held / "export.json").write_text("\n".join(map(json.dumps, whole)))
    mapping = f"""
[{LOGS}]
from = "export.json"
unnest = "batch.parts.calls"
where = "code <> 404"
[{LOGS}.columns]
request_id = "id"
timestamp = "at"
status_code = "code"
region = "batch.host"
availability_zone = "parts.zone"
"""
    found = ask(
        engine(held, mapping), f"request_id, status_code, region, availability_zone FROM {LOGS} ORDER BY timestamp"
    )
    assert found == [
        (row["id"], row["code"], f"h{place // 20}", f"z{place // 20}{place // 10 % 2}")
        for place, row in enumerate(rows)
    ]


def test_an_array_that_is_not_there_is_named(held: Path) -> None:
    (held / "export.json").write_text('{"batch": [{"x": 1}]}')
    with pytest.raises(TelemetryError, match=r"unnests batch\.calls"):
        engine(held, f'[{LOGS}]\nfrom = "export.json"\nunnest = "batch.calls"\n[{LOGS}.columns]\nregion = "x"\n')


def test_elements_that_are_passed_over_are_told(held: Path) -> None:
    rows = [{"at": f"2026-03-10T12:00:0{n}Z", "tries": [{"status": 503}, {"status": 200}]} for n in range(7)]
    (held / "export.json").write_text(json.dumps(rows))
    columns = 'status_code = "tries[1].status"\ntimestamp = "at"\n'
    with engine(held, f'[{LOGS}]\nfrom = "export.json"\n[{LOGS}.columns]\n{columns}') as made:
        assert any("tries holds 14 elements in 7 rows" in note for note in made.tables[LOGS].notes)


@pytest.mark.parametrize(
    ("batches", "calls", "told"), [(3, 1, "batch holds 3 elements in 1 rows"), (1, 7, r"batch\.calls holds 7")]
)
def test_a_time_that_is_one_of_many_elements_is_refused(batches: int, calls: int, told: str, held: Path) -> None:
    batch = [{"calls": [{"id": str(n), "at": "2026-03-10T12:00:00Z"} for n in range(calls)]}] * batches
    (held / "export.json").write_text(json.dumps({"batch": batch}))
    columns = 'request_id = "batch[1].calls[1].id"\ntimestamp = "batch[1].calls[1].at"\n'
    with pytest.raises(TelemetryError, match=told) as refused:
        engine(held, f'[{LOGS}]\nfrom = "export.json"\n[{LOGS}.columns]\n{columns}')
    assert refused.value.fix == 'unnest = "batch.calls" makes each a row.'


@pytest.mark.parametrize("name", ["otlp", "jaeger"])
def test_a_ready_mapping_for_what_was_refused_is_named(name: str, held: Path) -> None:
    writer = next(one for one in WRITERS if one.name == name)
    put(writer, held, calls(30))
    by_place = {
        "otlp": 'timestamp = "resourceSpans[1].scopeSpans[1].spans[1].startTimeUnixNano"',
        "jaeger": 'timestamp = "data[1].spans[1].startTime"',
    }
    with pytest.raises(TelemetryError) as refused:
        engine(held, f'[{LOGS}.columns]\n{by_place[name]}\nstatus_code = "500"\n')
    assert f"The ready mapping {name!r} reads such a file" in refused.value.fix


@pytest.mark.parametrize(
    ("name", "status"), [("count", "code"), ("RequestCount", "CASE WHEN bad > 0 THEN 500 ELSE 200 END")]
)
def test_counts_by_the_minute_are_no_requests(name: str, status: str, held: Path) -> None:
    text = "\n".join(f"2026-03-10T12:{n:02}:00Z,{500 if n % 2 else 200},{n % 3},{100 + n}" for n in range(40))
    (held / "minutes.csv").write_text(f"at,code,bad,{name}\n{text}")
    mapping = f'[{LOGS}]\nfrom = "minutes.csv"\n[{LOGS}.columns]\ntimestamp = "at"\nstatus_code = "{status}"\n'
    with pytest.raises(TelemetryError, match=f"its column {name!r}") as refused:
        engine(held, mapping)
    assert f'weight = "{name}"' in refused.value.fix
    assert ask(engine(held, f'{mapping}weight = "1"'), f"count(*) FROM {LOGS}") == [(40,)]


def test_where_says_which_rows_count(held: Path) -> None:
    (held / "calls.csv").write_text(
        "kind,at,code\n" + "\n".join(f"{'in' if n % 3 else 'out'},2026-03-10T12:00:{n:02}Z,200" for n in range(30))
    )
    columns = f'[{LOGS}.columns]\ntimestamp = "at"\nstatus_code = "code"\n'
    mapping = f'[{LOGS}]\nfrom = "calls.csv"\nwhere = "kind = \'in\'"\n{columns}'
    assert ask(engine(held, mapping), f"count(*) FROM {LOGS}") == [(20,)]


def test_counts_of_several_kinds_in_a_row_are_rows_with_weights(held: Path) -> None:
    text = "\n".join(f"2026-03-10T12:{n:02}:00Z,{100 + n},{n % 4}" for n in range(40))
    (held / "minutes.csv").write_text(f"at,total,bad\n{text}")
    mapping = f"""
[{LOGS}]
from = "minutes.csv"
[{LOGS}.columns]
timestamp = "at"
[{LOGS}.counters]
200 = "total - bad"
502 = "bad"
"""
    found = ask(engine(held, mapping), f"status_code, sum(weight) FROM {LOGS} GROUP BY 1 ORDER BY 1")
    assert found == [(200, sum(100 + n - n % 4 for n in range(40))), (502, sum(n % 4 for n in range(40)))]


def test_a_counter_that_only_rises_counts_its_increases(held: Path) -> None:
    rises = {"a": [5, 15, 15, 40, 3, 10], "b": [100, 101, 103, 103, 110, 111]}  # a begins anew
    text = "\n".join(
        f"{name},2026-03-10T12:{n:02}:00Z,{value}" for name, values in rises.items() for n, value in enumerate(values)
    )
    (held / "counters.csv").write_text(f"series,at,value\n{text}")
    mapping = f"""
[{LOGS}]
from = "counters.csv"
cumulative = "series"
[{LOGS}.columns]
timestamp = "at"
status_code = "CASE WHEN series = 'a' THEN 503 ELSE 200 END"
weight = "value"
"""
    found = ask(engine(held, mapping), f"status_code, sum(weight) FROM {LOGS} GROUP BY 1 ORDER BY 1")
    assert found == [(200, 11), (503, 35 + 3 + 7)]


LINES = r"^(?P<at>\S+) (?P<method>[A-Z]+) (?P<path>\S+) -> (?P<code>\d+|-) in (?P<took>\w+)"


def test_lines_of_text_are_read_by_named_groups(held: Path) -> None:
    lines = [f'2026-03-10T12:00:{n:02}Z GET /a,b"{n} -> {"-" if n == 7 else 200} in {n}ms; done' for n in range(60)]
    (held / "server.log").write_text("\n".join(["# a comment", *lines, "", "2026-03-10T12:0"]))
    mapping = f"""
[{LOGS}]
from = "server.log"
lines = '{LINES}'
[{LOGS}.columns]
timestamp = "at"
http_method = "method"
endpoint_path = "path"
status_code = "code"
latency_ms = "took"
"""
    made = engine(held, mapping)
    assert made.tables[LOGS].unreadable == 1
    found = ask(made, f"endpoint_path, status_code, latency_ms FROM {LOGS} ORDER BY timestamp")
    assert len(found) == 60
    assert found[7] == ('/a,b"7', None, 7.0)
    (held / "server.log").write_text("\n".join([*lines, *["other"] * 5]))
    with pytest.raises(TelemetryError, match="5 of 65 lines do not match"):
        engine(held, mapping)


@pytest.mark.parametrize("bad", ["(", "no group"])
def test_a_pattern_that_is_none_is_told(bad: str, held: Path) -> None:
    with pytest.raises(TelemetryError, match="lines"):
        engine(held, f"[{LOGS}]\nlines = '{bad}'\n")


def test_a_log_that_names_its_columns_is_read_by_them(held: Path) -> None:
    head = "#Software: a server\n#Fields: date time cs-uri-stem sc-status time-taken\n"
    (held / "u_ex.log").write_text(head + "\n".join(f"2026-03-10 12:00:{n:02} /x 200 {n}" for n in range(30)))
    mapping = f"""
[{LOGS}]
from = "u_ex.log"
layout = "w3c"
[{LOGS}.columns]
timestamp = "concat(date, ' ', time)"
endpoint_path = '"cs-uri-stem"'
status_code = '"sc-status"'
latency_ms = '"time-taken"'
"""
    found = ask(engine(held, mapping), f"count(*), sum(latency_ms), min(timestamp)::VARCHAR FROM {LOGS}")
    assert found == [(30, 435.0, "2026-03-10 12:00:00")]


@pytest.mark.parametrize(
    "expression",
    [
        "list_filter(tags, t -> t.key = 'http.code')[1].value",
        "list_filter(tags, lambda t: t.key = 'http.code')[1].value",
        "map_from_entries(list_transform(tags, t -> row(t.key, t.value)))['http.code']",
    ],
)
def test_a_list_may_be_filtered(expression: str, held: Path) -> None:
    tags = [{"key": "zone", "value": "1"}, {"key": "http.code", "value": "502"}]
    (held / "spans.jsonl").write_text(
        "\n".join(json.dumps({"at": f"2026-03-10T12:00:{n:02}Z", "tags": tags}) for n in range(9))
    )
    mapping = f'[{LOGS}]\nfrom = "spans.jsonl"\n[{LOGS}.columns]\ntimestamp = "at"\nstatus_code = "{expression}"\n'
    if "row(" in expression:
        with pytest.raises(TelemetryError, match="may not be used in a mapping"):
            engine(held, mapping)
        return
    assert ask(engine(held, mapping), f"DISTINCT status_code FROM {LOGS}") == [(502,)]


def test_a_service_map_and_a_graphql_log_as_the_docs_have_them(held: Path) -> None:
    (held / "dependencies.json").write_text(json.dumps({"data": [{"parent": "web", "child": "pay", "callCount": 4}]}))
    answers = [
        [{"message": "no", "extensions": {"code": code}}] for code in ("UNAUTHENTICATED", "INTERNAL_SERVER_ERROR")
    ]
    lines = [{"at": f"2026-03-10T12:00:{n:02}Z", "errors": answers[n % 3] if n % 3 < 2 else None} for n in range(9)]
    (held / "graphql.jsonl").write_text("\n".join(map(json.dumps, lines)))
    mapping = (
        '[calls]\nfrom = "dependencies.json"\nunnest = "data"\n[calls.columns]\ncaller = "parent"\ncallee = "child"\n'
        f'[{LOGS}]\nfrom = "graphql.jsonl"\n[{LOGS}.columns]\ntimestamp = "at"\n'
        "status_code = \"coalesce(errors[1].extensions.code, 'OK')\"\n"
    )
    made = engine(held, mapping)
    with made:
        assert made.run("SELECT caller, callee FROM calls", {}, timeout=10).to_pylist() == [
            {"caller": "web", "callee": "pay"}
        ]
        found = made.run(f"SELECT status_code AS s, count(*) AS n FROM {LOGS} GROUP BY s ORDER BY s", {}, timeout=10)
        assert [tuple(row.values()) for row in found.to_pylist()] == [(200, 3), (401, 3), (500, 3)]


def test_rows_of_a_parquet_file_that_are_shaped_get_ids_too(held: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            "COPY (SELECT TIMESTAMP '2026-03-10 12:00:00' AS timestamp, i % 2 AS kind, 10 AS good, 1 AS bad "
            f"FROM range(40) t(i)) TO '{held}/{LOGS}.parquet'"
        )
    counters = f'[{LOGS}.counters]\n200 = "good"\n500 = "bad"\n'
    mapping = f'[{LOGS}]\nwhere = "kind = 1"\n{counters}'
    found = ask(engine(held, mapping), f"count(*), count(DISTINCT request_id), sum(weight) FROM {LOGS}")
    assert found == [(40, 40, 220.0)]
