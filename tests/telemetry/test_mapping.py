"""The mapping file: a source's own names and units become the guide's, and nothing else gets in."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.telemetry.sources import SHAPES, parquet
from tests.tools.made import args_for
from tsg_agent.errors import TelemetryError
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.mapping import read_mapping
from tsg_agent.tools import PLUGINS

MAPPING = """
[api_gateway_logs]
from = "{source}"
[api_gateway_logs.columns]
request_id = "id"
timestamp = "to_timestamp(at_ms / 1000.0)"
status_code = "CASE WHEN code = 'ok' THEN 200 ELSE CAST(code AS INTEGER) END"
latency_ms = "duration_us / 1000.0"
environment = "'prod'"
region = "lower(area)"
service_name = "coalesce(service, 'shop')"
"""


def mapping(folder: Path, text: str) -> Path:
    path = folder / "mapping.toml"
    path.write_text(text)
    return path


def spans(folder: Path) -> Path:
    """The log of sources.tables() as another system would have it."""
    source = Path(parquet(folder / "parquet")) / "api_gateway_logs.parquet"
    target = folder / "spans"
    target.mkdir()
    select = (
        "SELECT * EXCLUDE (timestamp, status_code, latency_ms, region, environment, service_name, request_id), "
        "request_id AS id, epoch_ms(timestamp) AS at_ms, latency_ms * 1000 AS duration_us, upper(region) AS area, "
        "CASE WHEN status_code = 200 THEN 'ok' ELSE CAST(status_code AS VARCHAR) END AS code, "
        f"NULL::VARCHAR AS service FROM '{source}'"
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({select}) TO '{target / 'spans.parquet'}'")
        connection.execute(f"ATTACH '{folder / 'spans.duckdb'}' AS d; CREATE TABLE d.spans AS {select}")
    return target


def findings(location: Path, path: Path | None = None) -> list[Any]:
    with DuckDB(location, mapping=path) as engine:
        checks = [PLUGINS[number - 1] for number in (1, 3, 4, 5, 6, 9)]
        return [(f.status, f.rows) for f in (check.run(engine, args_for(check), Settings()) for check in checks)]


@pytest.mark.parametrize(
    ("location", "source"), [("spans", "spans.parquet"), ("spans", "spans"), ("spans.duckdb", "spans")]
)
def test_a_mapped_source_gives_the_same_findings(location: str, source: str, tmp_path: Path) -> None:
    spans(tmp_path)
    log = tmp_path / "log"
    log.mkdir()
    (tmp_path / "parquet" / "api_gateway_logs.parquet").rename(log / "api_gateway_logs.parquet")
    path = mapping(tmp_path, MAPPING.replace("{source}", source))
    expected, mapped = findings(log), findings(tmp_path / location, path)
    assert {status for status, _ in mapped} == {Status.OK}
    for (_, rows), (_, ours) in zip(expected, mapped, strict=True):
        for row, own in zip(rows, ours, strict=True):
            assert own.pop("also") == row.pop("also")
            texts = {key for key, value in row.items() if isinstance(value, str | None)}
            assert {key: own.pop(key) for key in texts} == {key: row.pop(key) for key in texts}
            assert own == pytest.approx(row, rel=1e-6)  # a millisecond is lost


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT 1)",
        "(SELECT max(id) FROM other)",
        "1; DROP TABLE x",
        "1 FROM read_text('/etc/passwd')",
        "read_text('/etc/passwd')",
        "getenv('HOME')",
        "current_setting('memory_limit')",
        "count(*)",
        "sum(latency)",
        "row_number() OVER ()",
        "*",
        "COLUMNS('.*')",
        "$1",
        "?",
        "a, b",
        "1 AS x UNION SELECT 2",
        "EXISTS (SELECT 1)",
        "id IN (SELECT 1)",
        "query('SELECT 1')",
        "nextval('s')",
        "CASE WHEN true THEN getenv('HOME') END",
        "lower(read_blob('x'))",
        "",
        "((",
        "COLUMNS('a')",
        "*COLUMNS('a')",
        "(" * 3000 + "a" + ")" * 3000,
        "(" * 1500 + "a" + ")" * 1500,
        "json_extract_string(a, '$..*')",
        "lpad(a, 2000000000)",
        "rpad(a, b)",
        "lpad(lpad(a, 900), 900)",
        "regexp_replace(a, '', b, 'g')",
        "replace(replace(replace(a, 'x', 'xxxxxxxx'), 'x', 'xxxxxxxx'), 'x', 'xxxxxxxx')",
        "strftime(b, a)",
        "||".join(["a"] * 100),
        "[a, a, a]",
        "[x for x in a]",
        "a.lpad(2000000000)",
        "main.lower(a)",
        "CAST(a AS BIT)",
        "max(a, 3)",
        "repeat(a, 2000000000)",
        '"repeat"(a, 2000000000)',
    ],
)
def test_refused_expressions_name_the_column(expression: str, tmp_path: Path) -> None:
    path = mapping(tmp_path, f"[api_gateway_logs.columns]\nlatency_ms = '''{expression}'''\n")
    with pytest.raises(TelemetryError, match=r"api_gateway_logs\.latency_ms"):
        read_mapping(path)


@pytest.mark.parametrize(
    "expression",
    [
        "duration_us / 1000.0", "'prod'", "CAST(a AS DOUBLE)", "a || '-' || b", "CASE WHEN a > 1 THEN 'x' END",
        "coalesce(a, b)", "NOT a", "a IN ('x', 'y')", "a IS NULL", "split_part(a, '/', 2)", "TRY_CAST(a AS BIGINT)",
        "attributes['http.status']", "a -> 'b'", "strptime(a, '%Y')", "-a", "lower(trim(a))", "a AND b OR c",
        "lpad(a, 4, '0')", "regexp_replace(a, '^v', '')", "replace(a, '_', '-')", "concat_ws('/', a, b, c)",
        "to_timestamp(a)", "epoch_ms(a)", "a.b.c", "date_trunc('hour', a)", "CAST(a AS JSON) ->> '$.b'", "if(a, b, c)",
        "make_timestamp(a)", "strftime(a, '%Y-%m-%d %H:%M:%S')", "regexp_extract(a, 'v(.*)', 1)",
        "TRY_CAST(a AS DECIMAL(10, 2))", "a ILIKE '%x%'", "substr(a, 1, 3)", "timezone('UTC', a)", "md5(a)",
    ],
)  # fmt: skip
def test_accepted_expressions(expression: str, tmp_path: Path) -> None:
    path = mapping(tmp_path, f"[api_gateway_logs.columns]\nlatency_ms = '''{expression}'''\n")
    assert read_mapping(path)["api_gateway_logs"].columns["latency_ms"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[logs]\nfrom = 'x'", "names the table 'logs'"),
        ("[api_gateway_logs.columns]\nlatency = 'x'", "no column 'latency'"),
        ("[api_gateway_logs]\nfile = 'x'", "file"),
        ("not toml", "cannot be read"),
        (f"x = {'[' * 5000}{']' * 5000}", "cannot be read"),
        (f"x = {'9' * 5000}", "cannot be read"),
    ],
    ids=lambda text: text[:24],
)
def test_a_mapping_that_does_not_fit(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match=message):
        read_mapping(mapping(tmp_path, text))


def test_a_mapping_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TelemetryError, match="does not exist"):
        read_mapping(tmp_path / "none.toml")
    with pytest.raises(TelemetryError, match="cannot be read"):
        read_mapping(Path("no\0path"))


def test_a_mapped_file_or_table_that_is_not_there(tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path / "p"))
    path = mapping(tmp_path, "[api_gateway_logs]\nfrom = 'spans.parquet'\n")
    with pytest.raises(TelemetryError, match=r"spans\.parquet"):
        DuckDB(folder, mapping=path)


def test_a_mapped_column_that_is_not_there(tmp_path: Path) -> None:
    folder = Path(parquet(tmp_path / "p"))
    path = mapping(tmp_path, "[api_gateway_logs.columns]\nlatency_ms = 'duration / 2'\n")
    with pytest.raises(TelemetryError, match=r"api_gateway_logs.latency_ms = 'duration / 2' names duration") as caught:
        DuckDB(folder, mapping=path)
    assert str(path) in caught.value.message
    assert "file" not in caught.value.fix.replace("mapping file", "")


@pytest.mark.parametrize("shape", ["csv", "jsonl", "parquet"])
def test_a_misspelt_column_is_told_what_is_near(shape: str, tmp_path: Path) -> None:
    folder = parquet(tmp_path / "p") if shape == "parquet" else SHAPES[shape](tmp_path)
    path = mapping(tmp_path, "[api_gateway_logs.columns]\ntimestamp = 'to_timestamp(time_stmp)'\n")
    with pytest.raises(TelemetryError, match=r"timestamp = .* names time_stmp, which the source") as caught:
        DuckDB(folder, mapping=path)
    assert "Near: timestamp. The source's columns are request_id" in caught.value.fix


def test_an_expression_of_the_wrong_types_names_itself(tmp_path: Path) -> None:
    path = mapping(tmp_path, "[api_gateway_logs.columns]\nlatency_ms = 'date_trunc(region, status_code)'\n")
    with pytest.raises(TelemetryError, match=r"mapping\.toml: api_gateway_logs\.latency_ms = .* does not fit"):
        DuckDB(parquet(tmp_path / "p"), mapping=path)


def test_values_that_a_mapped_expression_does_not_convert_point_at_the_mapping(tmp_path: Path) -> None:
    path = mapping(tmp_path, "[api_gateway_logs.columns]\nlatency_ms = 'CAST(region AS DOUBLE)'\n")
    with pytest.raises(TelemetryError, match=r"as the mapping file .*mapping\.toml has it") as caught:
        DuckDB(SHAPES["csv"](tmp_path), mapping=path)
    assert "latency_ms" in caught.value.fix
