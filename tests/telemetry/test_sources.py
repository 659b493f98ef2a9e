"""Where the rows come from changes no finding; what cannot be read says so."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.telemetry.sources import SHAPES, parquet, tables
from tests.tools.made import args_for, by, found, requests, tied, written
from tsg_agent.errors import TelemetryError
from tsg_agent.models import Finding, Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.profile import known_values, profile
from tsg_agent.tools import PLUGINS


def findings(location: str | Path, **options: Any) -> list[dict[str, Any]]:
    with DuckDB(location, **options) as engine:
        return [told(check.run(engine, args_for(check), Settings())) for check in PLUGINS]


def told(finding: Finding) -> dict[str, Any]:
    """All that a finding says, but for the time it took."""
    return finding.model_dump(exclude={"milliseconds"})


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    result = findings(parquet(tmp_path_factory.mktemp("parquet")))
    assert {finding["status"] for finding in result} == {Status.OK}
    return result


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_findings(shape: str, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    assert findings(SHAPES[shape](tmp_path)) == expected


@pytest.mark.parametrize("zone", ["Asia/Tokyo", "America/New_York"])
def test_timestamps_with_a_zone_mean_the_instant(zone: str, expected: list[dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    for path in folder.glob("*.parquet"):
        frame = pd.read_parquet(path)
        if "timestamp" in frame:
            frame["timestamp"] = frame["timestamp"].dt.tz_localize(UTC).dt.tz_convert(zone)
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    assert findings(folder) == expected


def test_integer_booleans_and_counts(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    for path in folder.glob("*.parquet"):
        table = pq.read_table(path)
        for field in table.schema:
            if field.type == pa.bool_():
                position = table.column_names.index(field.name)
                table = table.set_column(position, field.name, table[field.name].cast(pa.int8()))
        pq.write_table(table, path)
    assert findings(folder) == expected


def test_what_looks_like_a_number_in_a_csv_may_be_a_text(tmp_path: Path) -> None:
    rows = [
        *requests(1500, service_version="3.9", shard_id="007", partition_id="true"),
        *requests(1500, {500: 300}, service_version="3.10", shard_id="007", partition_id="true"),
    ]
    columns = list(rows[0])
    lines = [",".join(columns), *(",".join(str(row[name]) for name in columns) for row in rows)]
    (tmp_path / "api_gateway_logs.csv").write_text("\n".join(lines))
    with DuckDB(tmp_path) as engine:
        versions = PLUGINS[0].run(engine, args_for(PLUGINS[0]), Settings())
        shards = PLUGINS[3].run(engine, args_for(PLUGINS[3]), Settings())
    assert [row["service_version"] for row in versions.rows] == ["3.10", "3.9"]
    assert (shards.rows[0]["shard_id"], shards.rows[0]["partition_id"]) == ("007", "true")


def test_times_as_text_are_read_with_their_offsets(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    for path in folder.glob("*.parquet"):
        frame = pd.read_parquet(path)
        if "timestamp" in frame:
            aware = frame["timestamp"].dt.tz_localize(UTC)
            frame["timestamp"] = [
                (time.tz_convert("Asia/Tokyo") if index % 2 else time).isoformat() for index, time in enumerate(aware)
            ]
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path)
    assert findings(folder) == expected


def test_a_time_that_is_none_costs_its_row_and_many_refuse_the_table(tmp_path: Path) -> None:
    times = ["2026-03-10T12:00:00Z"] * 49
    folder = written(tmp_path / "one", {"api_gateway_logs": requests(50, timestamp=[*times, "soon"])})
    with DuckDB(folder) as engine:
        assert any("'soon'" in note and "1 rows" in note for note in engine.tables["api_gateway_logs"].notes)
        assert known_values(engine, 10).last == datetime(2026, 3, 10, 12, tzinfo=UTC)
    folder = written(tmp_path / "three", {"api_gateway_logs": requests(50, timestamp=[*times[:47], *["soon"] * 3])})
    with pytest.raises(TelemetryError, match=r"timestamp holds 'soon'"):
        DuckDB(folder)


def test_not_a_number_reads_as_null(tmp_path: Path) -> None:
    rows = requests(1200, availability_zone="z", latency_ms=[float("nan")] * 600 + [100.0] * 600)
    finding = found(tmp_path, 5, {"api_gateway_logs": rows})
    assert finding.rows[0]["overall_latency"] == 100.0


@pytest.mark.parametrize("missing", [float("nan"), float("inf")])
def test_not_a_number_is_no_status_and_no_test_traffic(missing: float, tmp_path: Path) -> None:
    """As writers store what is missing: it is over every threshold, and true, for those who do not look."""
    rows = requests(2000, {500: 200}, availability_zone="z")
    codes = [float(row["status_code"]) if index % 4 else missing for index, row in enumerate(rows)]
    made = requests(2000, availability_zone="z", status_code=codes, is_test_traffic=[0.0, missing] * 1000)
    [row] = found(tmp_path, 5, {"api_gateway_logs": made}).rows
    assert row["total_requests"] == 2000
    assert row["success_rate"] == pytest.approx(100 * (1500 - 150) / 2000)


def test_times_that_no_calendar_has_are_in_no_window(tmp_path: Path) -> None:
    rows = requests(1200, {500: 600}, availability_zone="z")
    times = pa.array([row["timestamp"] for row in rows], pa.timestamp("us"))
    far = pa.array([2**62, -(2**62)], pa.int64()).cast(pa.timestamp("us"))
    folder = written(tmp_path, {"api_gateway_logs": [*rows, rows[0], rows[0]]})
    [path] = folder.glob("*.parquet")
    table = pq.read_table(path)
    column = pa.chunked_array([times, far])
    pq.write_table(table.set_column(table.schema.get_field_index("timestamp"), "timestamp", column), path)
    with DuckDB(folder) as engine:
        [finding] = [check.run(engine, args_for(check), Settings()) for check in PLUGINS if check.number == 5]
        logs = profile(engine, 10).tables[0]
        known = known_values(engine, 10)
    assert finding.rows[0]["total_requests"] == 1200
    span = (rows[0]["timestamp"].replace(tzinfo=UTC), rows[-1]["timestamp"].replace(tzinfo=UTC))
    assert (logs.first, logs.last) == (known.first, known.last) == span


@pytest.mark.parametrize(("name", "content"), [("empty", None), ("notes", "notes.txt")])
def test_a_folder_without_telemetry(name: str, content: str | None, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    if content:
        (folder / content).write_text("x")
    with pytest.raises(TelemetryError, match=r"no telemetry|named like a table") as caught:
        DuckDB(folder)
    assert "api_gateway_logs" in str(caught.value)


def test_a_folder_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="does not exist"):
        DuckDB(tmp_path / "nowhere")


def test_files_of_no_known_name(tmp_path: Path) -> None:
    (tmp_path / "stuff.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TelemetryError, match="named like a table") as caught:
        DuckDB(tmp_path)
    assert "mapping init" in caught.value.fix


def test_a_truncated_parquet_file(tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    path = folder / "product_metadata.parquet"
    path.write_bytes(path.read_bytes()[:-200])
    with DuckDB(folder) as engine:
        table = engine.tables["product_metadata"]
        assert table.problem.startswith("product_metadata (product_metadata.parquet) cannot be read: ")
        assert str(tmp_path) not in table.problem
        ended = {check.number: check.run(engine, args_for(check), Settings()) for check in PLUGINS}
        ready = {check.step: check for check in profile(engine, 10, PLUGINS).checks}
    assert {number for number, finding in ended.items() if finding.status is not Status.OK} == {7}
    assert ended[7].status is Status.NOT_APPLICABLE
    assert "product_metadata (it is there, but cannot be read)" in ended[7].reason
    assert not ready[8].ready
    logs = folder / "api_gateway_logs.parquet"
    logs.write_bytes(logs.read_bytes()[:-200])
    with pytest.raises(TelemetryError, match=r"api_gateway_logs.*cannot be read"):
        DuckDB(folder)


@pytest.mark.parametrize("ending", ["csv", "json", "jsonl", "parquet", "csv.gz"])
def test_a_file_of_no_bytes_is_called_empty(ending: str, tmp_path: Path) -> None:
    (tmp_path / f"api_gateway_logs.{ending}").write_bytes(b"")
    with pytest.raises(TelemetryError, match=r"is empty \(0 bytes\)"):
        DuckDB(tmp_path)


def test_a_log_just_begun_costs_the_others_nothing(expected: list[dict[str, Any]], tmp_path: Path) -> None:
    folder = Path(SHAPES["csv"](tmp_path))
    (folder / "api_gateway_logs-2.csv").write_bytes(b"")
    assert findings(folder) == expected


@pytest.mark.parametrize("shape", ["header", "parquet"])
def test_a_table_without_rows_is_said_to_have_none(shape: str, tmp_path: Path) -> None:
    columns = ["request_id", "timestamp", "region", "environment", "service_name", "status_code", "endpoint_path"]
    if shape == "header":
        (tmp_path / "api_gateway_logs.csv").write_text(",".join(columns) + "\n")
    else:
        none = pa.table({name: pa.array([], pa.string()) for name in columns if name != "status_code"})
        pq.write_table(none, tmp_path / "api_gateway_logs.parquet")
    with DuckDB(tmp_path) as engine:
        with pytest.raises(TelemetryError, match=r"api_gateway_logs .* has no rows"):
            known_values(engine, 10)
        checks = {check.step: check for check in profile(engine, 10, PLUGINS).checks}
    assert "api_gateway_logs (it has no rows)" in checks[7].missing


@pytest.mark.parametrize(("name", "text"), [("csv", " \n"), ("json", "[]"), ("csv", "a,b\n1,2\n")])
def test_a_table_without_a_column_of_the_guides_is_not_read_as_empty(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / f"api_gateway_logs.{name}").write_text(text)
    with pytest.raises(TelemetryError, match="none of the guide's columns"):
        DuckDB(tmp_path)


def dated(folder: Path, times: list[str], ending: str = "csv") -> Path:
    rows = [{"request_id": str(i), "timestamp": time, "region": "r"} for i, time in enumerate(times)]
    path = folder / f"api_gateway_logs.{ending}"
    if ending == "csv":
        path.write_text("\n".join(["request_id,timestamp,region", *(f'{i},"{t}",r' for i, t in enumerate(times))]))
    elif ending == "jsonl":
        path.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        written(folder, {"api_gateway_logs": rows})
    return folder


def span(folder: Path, mapping: Path | None = None) -> list[str]:
    with DuckDB(folder, mapping=mapping) as engine:
        table = engine.run("SELECT CAST(timestamp AS VARCHAR) AS t FROM api_gateway_logs ORDER BY 1", {}, timeout=10)
    return [str(time) for time in table["t"].to_pylist()]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("time", "readings"),
    [
        (
            "03/10/2026 14:00:00",
            {"%m/%d/%Y %H:%M:%S": "2026-03-10 14:00:00", "%d/%m/%Y %H:%M:%S": "2026-10-03 14:00:00"},
        ),
        ("3/10/2026 2:00 PM", {"%m/%d/%Y %I:%M %p": "2026-03-10 14:00:00", "%d/%m/%Y %I:%M %p": "2026-10-03 14:00:00"}),
        (
            "03-10-05 14:00",
            {
                "%m-%d-%y %H:%M": "2005-03-10 14:00:00",
                "%d-%m-%y %H:%M": "2005-10-03 14:00:00",
                "%y-%m-%d %H:%M": "2003-10-05 14:00:00",
            },
        ),
    ],
)
def test_a_day_that_may_be_a_month_is_not_guessed(
    time: str, readings: dict[str, str], ending: str, tmp_path: Path
) -> None:
    """And each line that the error shows works as it stands."""
    folder = dated(tmp_path, [time], ending)
    with pytest.raises(TelemetryError, match="no row says whether the day or the month comes first") as caught:
        DuckDB(folder)
    lines = re.findall(r'timestamp = "strptime\(timestamp, \'[^\']+\'\)"', caught.value.fix)
    assert len(lines) == len(readings)
    for form, instant in readings.items():
        [line] = [line for line in lines if form in line]
        mapping = tmp_path / "mapping.toml"
        mapping.write_text(f"[api_gateway_logs.columns]\n{line}\n")
        assert span(folder, mapping) == [instant]


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(
    ("times", "read"),
    [
        (["03/10/2026 14:00:00", "03/13/2026 09:00:00"], ["2026-03-10 14:00:00", "2026-03-13 09:00:00"]),
        (["10/03/2026 14:00:00", "13/03/2026 09:00:00"], ["2026-03-10 14:00:00", "2026-03-13 09:00:00"]),
        (["13.03.2026 14:00:00 +0200"], ["2026-03-13 12:00:00"]),
        (["03.10.2026"], ["2026-10-03 00:00:00"]),
        (["2026-03-10 14:00:00", "2026-03-11"], ["2026-03-10 14:00:00", "2026-03-11 00:00:00"]),
        (["2026-03-10T14:00:00+02:00"], ["2026-03-10 12:00:00"]),
    ],
)
def test_a_column_that_settles_it_is_read(times: list[str], read: list[str], ending: str, tmp_path: Path) -> None:
    assert span(dated(tmp_path, times, ending)) == read


@pytest.mark.parametrize("times", [["03/13/2026 14:00", "13/03/2026 14:00"], ["03/10/2026 14:00", "2026-03-11 14:00"]])
def test_times_of_several_orders_are_refused(times: list[str], tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="no one way to read it fits every row"):
        DuckDB(dated(tmp_path, times))


def test_a_mapped_time_may_still_be_reckoned_with(tmp_path: Path) -> None:
    """What is ISO 8601 in a CSV is a time for a mapping's expressions too, not a text."""
    folder = dated(tmp_path, ["2026-03-10 14:00:00"])
    mapping = tmp_path / "mapping.toml"
    mapping.write_text('[api_gateway_logs.columns]\ntimestamp = "timestamp - INTERVAL 2 HOUR"\n')
    assert span(folder, mapping) == ["2026-03-10 12:00:00"]


@pytest.mark.parametrize(
    "ending", [b"r9,2026-03-10 12:00:00,us-east,prod,shop,200,1.0,u,false,surplus,surplus\n", b'r9,"2026\n']
)
def test_a_broken_row_at_the_end_of_a_csv_costs_itself(ending: bytes, tmp_path: Path) -> None:
    folder = Path(SHAPES["csv"](tmp_path))
    path = folder / "api_gateway_logs.csv"
    rows = path.read_bytes().count(b"\n") - 1
    path.write_bytes(path.read_bytes() + ending)
    with DuckDB(folder) as engine:
        assert engine.tables["api_gateway_logs"].unreadable == 1
        assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=10)["n"][0].as_py() == rows
    path.write_bytes(path.read_bytes() + b"r,2026-03-10 12:00:00,us-east,prod,shop,200,1.0,u,false,surplus\n" * rows)
    with pytest.raises(TelemetryError, match=r"api_gateway_logs"):
        DuckDB(folder)


@pytest.mark.parametrize("odd", ["*", "?", "[1]", "'it\""])
def test_a_files_name_is_no_pattern(odd: str, tmp_path: Path) -> None:
    """As a pattern it would match the other file, and not itself."""
    folder = tmp_path / f"of {odd}"
    for name, region in ((f"api_gateway_logs-{odd}", "odd"), ("api_gateway_logs-1", "plain")):
        written(folder / "made", {"api_gateway_logs": requests(30, region=region)})
        (folder / "made" / "api_gateway_logs.parquet").rename(folder / f"{name}.parquet")
    with DuckDB(folder) as engine:
        held = engine.run(
            "SELECT region, count(*) AS n FROM api_gateway_logs GROUP BY region ORDER BY 1", {}, timeout=9
        )
    assert held.to_pylist() == [{"region": "odd", "n": 30}, {"region": "plain", "n": 30}]


@pytest.mark.parametrize("row", ["r9,2026-03-10 12:00:00,us-east\n", "r9;a;b;c;d\n"])
def test_a_line_of_other_cells_costs_itself_and_several_refuse_the_csv(row: str, tmp_path: Path) -> None:
    """DuckDB then takes each line for one cell: every column would be missing, and read as NULL."""
    lines = [f"r{number},2026-03-10 12:00:00,us-east,prod,shop,200\n" for number in range(99)]
    head = "request_id,timestamp,region,environment,service_name,status_code\n"
    (tmp_path / "api_gateway_logs.csv").write_text(head + "".join([*lines, row]))
    with DuckDB(tmp_path) as engine:
        assert engine.tables["api_gateway_logs"].unreadable == 1
        assert engine.run("SELECT count(*) AS n FROM api_gateway_logs", {}, timeout=10)["n"][0].as_py() == 99
    (tmp_path / "api_gateway_logs.csv").write_text(head + "".join([*lines, row * 3]))
    with pytest.raises(TelemetryError, match="none of the guide's columns") as caught:
        DuckDB(tmp_path)
    assert "too few or too many cells" in caught.value.fix


def test_one_table_in_two_kinds_of_file(tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path))
    (folder / "api_gateway_logs.csv").write_text("request_id\nr\n")
    with pytest.raises(TelemetryError, match="several kinds"):
        DuckDB(folder)


def test_a_databases_own_views_read_no_file_even_while_it_is_opened(tmp_path: Path) -> None:
    """Its columns would be looked up in that file, and told."""
    (tmp_path / "secret.csv").write_text("region,key_sk_123\nus,x\n")
    path = tmp_path / "made.duckdb"
    with duckdb.connect(path) as made:
        made.execute(f"CREATE VIEW api_gateway_logs AS SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
    with pytest.raises(TelemetryError, match="read_csv may not be used") as caught:
        DuckDB(path)
    assert "key_sk_123" not in str(caught.value)


def test_a_database_without_the_guides_tables(tmp_path: Path) -> None:
    path = tmp_path / "other.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE spans (id INTEGER)")
    with pytest.raises(TelemetryError, match="none of the guide's tables") as caught:
        DuckDB(path)
    assert "main.spans" in caught.value.fix


def test_repeated_request_ids_count_once(tmp_path: Path) -> None:
    held = tables()
    once = findings(written(tmp_path / "once", held))
    copies = {name: [*rows, *rows] if name == "api_gateway_logs" else rows for name, rows in held.items()}
    twice = findings(written(tmp_path / "twice", copies))
    for first, second in zip(once, twice, strict=True):
        for row, again in zip(first["rows"], second["rows"], strict=True):
            counts = {key for key in row if key.startswith(("total_requests", "total_count", "request_count"))}
            assert {key: again[key] for key in counts} == {key: row[key] for key in counts}


def test_repeated_rows_of_flags_and_products_count_once(tmp_path: Path) -> None:
    rows = requests(2000, {500: 500})
    flags, products = tied(rows, flag_name="f", flag_value="on"), tied(rows, product_id="p")
    once = {"api_gateway_logs": rows, "feature_flags": flags, "product_metadata": products}
    twice = once | {"feature_flags": flags * 2, "product_metadata": [*products, products[0]]}
    for number, column in ((2, "flag_value"), (7, "product_id")):
        single, double = found(tmp_path / "1", number, once), found(tmp_path / "2", number, twice)
        assert by(single, column) == by(double, column)


def test_the_parser_is_loaded_for_mapped_expressions_only(tmp_path: Path) -> None:
    (tmp_path / "api_gateway_logs.csv").write_text("timestamp,status_code\n2026-03-10T14:00:00Z,200\n")
    (tmp_path / "mapping.toml").write_text('[api_gateway_logs.columns]\nlatency_ms = "1000 * 2"\n')
    program = """
import sys
from pathlib import Path
from tsg_agent import open_telemetry
for mapping in (None, Path(sys.argv[1], "mapping.toml")):
    open_telemetry(sys.argv[1] + "/api_gateway_logs.csv", mapping=mapping).close()
    print("sqlglot" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
