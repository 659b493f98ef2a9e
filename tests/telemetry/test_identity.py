"""Whose a row is, which request it is of, and for how many it stands: read with tolerance, and never in silence."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.telemetry.sources import SHAPES, said_of
from tests.tools.made import Rows, requests, workflow, written
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.profile import known_values
from tsg_agent.telemetry.spellings import key_of


def notes(folder: Path, rows: Rows, mapping: str = "", others: dict[str, Rows] | None = None) -> tuple[DuckDB, str]:
    folder.mkdir(exist_ok=True)
    (folder / "mapping.toml").write_text(mapping)
    engine = DuckDB(written(folder, {"api_gateway_logs": rows, **(others or {})}), mapping=folder / "mapping.toml")
    return engine, said_of(engine)


def count(engine: DuckDB, what: str, where: str = "true") -> Any:
    return engine.run(f"SELECT {what} AS n FROM api_gateway_logs WHERE {where}", {}, timeout=10)["n"][0].as_py()


@pytest.mark.parametrize("column", ["service_name", "environment", "region"])
def test_whose_rows_are_that_do_not_say_it_is_told(column: str, tmp_path: Path) -> None:
    fixed = f"""[api_gateway_logs.columns]\n{column} = "'O''Neill'" """
    engine, said = notes(tmp_path / "fixed", requests(20), fixed)
    with engine:
        assert count(engine, "count(*)", f"{column} = 'O''Neill'") == 20
    noun = {"service_name": "service"}.get(column, column)
    assert f'The rows name no {noun}: all are taken as those of {noun} "O\'Neill"' in said
    engine, said = notes(tmp_path / "read", requests(20), f'[api_gateway_logs.columns]\n{column} = "upper(user_id)"')
    with engine:
        assert "all are taken" not in said


SPELLED = ["payments", "payments\u00a0", "Payments", " payments", "PAYMENTS", "payments\u200b"]


def test_near_spellings_are_one_name_and_said_so(tmp_path: Path) -> None:
    rows = requests(120, service_name=["payments"] * 60 + SPELLED * 10, region=["eu_west"] * 30 + ["eu-west"] * 90)
    runs = workflow(50, region="EU-West ")
    engine, said = notes(tmp_path, rows, others={"workflow_tracking": runs})
    with engine:
        assert known_values(engine, 10).services == ("payments",)
        assert known_values(engine, 10).regions == ("eu-west",)
        assert known_values(engine, 10, "workflow_tracking").regions == ("eu-west",)
        assert count(engine, "count(*)", "service_name = 'payments'") == 120
    assert "'Payments' as 'payments' (10 rows)" in said
    assert "'eu_west' as 'eu-west' (30 rows)" in said


@pytest.mark.parametrize(("one", "other"), [("us-east-1", "us-east1"), ("us-east-1", "us-east-2"), ("cart", "card")])
def test_names_that_differ_in_a_letter_stay_apart(one: str, other: str) -> None:
    assert key_of(one) != key_of(other)


@pytest.mark.parametrize("missing", ["", "-", " ", "null"])
def test_what_says_nothing_is_no_name(missing: str, tmp_path: Path) -> None:
    engine, _ = notes(tmp_path, requests(40, region=["us-east"] * 30 + [missing] * 10))
    with engine:
        assert count(engine, "count(*) - count(region)") == 10


@pytest.mark.parametrize("shape", [*SHAPES, "parquet"])
def test_rows_without_an_id_are_requests_of_their_own(shape: str, tmp_path: Path) -> None:
    rows = requests(50)
    alike: Rows = [{k: v for k, v in {**rows[0], "status_code": 200}.items() if k != "request_id"}] * 50
    target = tmp_path / "held"
    target.mkdir()
    source = written(tmp_path / "source", {"api_gateway_logs": alike})
    path = source / "api_gateway_logs.parquet"
    with duckdb.connect(str(tmp_path / "held.duckdb")) as connection:
        if shape == "duckdb":
            connection.execute(f"CREATE TABLE api_gateway_logs AS FROM '{path}'")
        elif shape in {"csv", "csv.gz"}:
            connection.execute(f"COPY (FROM '{path}') TO '{target}/api_gateway_logs.{shape}' (HEADER)")
        elif shape == "jsonl":
            connection.execute(f"COPY (FROM '{path}') TO '{target}/api_gateway_logs.jsonl'")
        else:
            for part in range(2):
                connection.execute(
                    f"COPY (FROM '{path}' LIMIT 25 OFFSET {part * 25}) TO '{target}/api_gateway_logs-{part}.parquet'"
                )
    with DuckDB(tmp_path / "held.duckdb" if shape == "duckdb" else target) as engine:
        assert count(engine, "count(DISTINCT request_id)") == 50
        assert "No row names its request" in said_of(engine)


def test_an_id_of_nothing_but_time_and_answer_is_none(tmp_path: Path) -> None:
    rows = requests(60)
    alike = [{**rows[n // 20], "request_id": None} for n in range(60)]
    mapping = "[api_gateway_logs.columns]\nrequest_id = \"concat(timestamp, '/', status_code)\"\n"
    engine, said = notes(tmp_path, alike, mapping)
    with engine:
        assert count(engine, "count(DISTINCT request_id)") == 60
    assert "holds no more than the row's own time and answer" in said
    mapping = '[api_gateway_logs.columns]\nrequest_id = "concat(timestamp, user_id)"\n'
    engine, said = notes(tmp_path / "user", alike, mapping)
    with engine:
        assert count(engine, "count(DISTINCT request_id)") == 3


def test_rows_of_which_some_lack_an_id_are_all_counted(tmp_path: Path) -> None:
    rows = requests(50, {503: 20})
    engine, said = notes(tmp_path, [{**row, "request_id": None} if row["status_code"] == 503 else row for row in rows])
    with engine:
        assert count(engine, "count(DISTINCT request_id)") == 50
    assert "Some rows do not name their request" in said


@pytest.mark.parametrize(("name", "values"), [("Hits", [3, 1200]), ("n", ["4", "90"])])
def test_a_column_that_looks_like_a_weight_is_named(name: str, values: list[Any], tmp_path: Path) -> None:
    rows, line = requests(40, **{name: values * 20}), f'weight = "{name}"'
    engine, said = notes(tmp_path, rows)
    with engine:
        assert count(engine, "sum(weight)") == 40
    assert line in said
    engine, said = notes(tmp_path / "mapped", rows, f"[api_gateway_logs.columns]\n{line}\n")
    with engine:
        assert count(engine, "sum(weight)") == sum(map(float, values)) * 20
    assert "looks like" not in said


@pytest.mark.parametrize(
    ("name", "values", "weights"),
    [("sample_rate", [1, 50], [1, 50]), ("SampleRate", ["0.5", "0.02"], [2, 50]), ("sample_weight", [4, 4], [4, 4])],
)
def test_rows_that_say_of_how_many_they_were_kept_count_so(
    name: str, values: list[Any], weights: list[float], tmp_path: Path
) -> None:
    engine, said = notes(tmp_path, requests(40, **{name: values * 20}))
    with engine:
        assert count(engine, "sum(weight)") == pytest.approx(sum(weights) * 20)
    assert "The rows are sampled" in said


def test_a_column_of_ones_is_no_weight(tmp_path: Path) -> None:
    engine, said = notes(tmp_path, requests(40, count=1))
    engine.close()
    assert "looks like" not in said
