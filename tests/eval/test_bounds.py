"""The bounds measure what they say: made inputs by hand, and one bound as a whole."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from eval.bounds import exam, invariance, petshop
from eval.bounds.bound import Bound, Setup, at_least, at_most, counted
from eval.bounds.command import BOUNDS
from eval.bounds.onset import gate_of, moved
from eval.cache import telemetry_of
from eval.cases import Case, Expected
from eval.cli import app
from eval.conclusion import Concluded, each
from eval.localization.case import write
from eval.localization.make import KINDS, NOISES, Made
from eval.localization.requests import Requests
from eval.rows import Rows, sudden_start
from tsg_agent.simulator.frame import Text
from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Scenario

ZONE, SHARD = {"availability_zone": "zone-1"}, {"shard_id": "shard-07"}
START = datetime(2026, 3, 10, 14, tzinfo=UTC)


def setup(tmp_path: Path, **changes: object) -> Setup:
    return Setup(**{"shared": None, "cache": tmp_path / "cache", "scratch": tmp_path, "processes": 1, **changes})


def test_a_row_says_whether_its_bound_is_kept() -> None:
    assert [at_least("a", value, 0.5).met for value in (0.5, 0.4, None)] == [True, False, None]
    assert [at_most("a", value, 0.0).met for value in (0.0, 0.1, None)] == [True, False, None]
    assert [counted("a", [True, True, False], allowed).met for allowed in (0, 1)] == [False, True]
    assert counted("a", [True, False], 1).measured == "1 of 2"


def test_what_is_not_here_is_said_and_not_measured(tmp_path: Path) -> None:
    def never(_: Setup) -> list:
        raise AssertionError("measured without what it needs")

    [row] = Bound("b", never, ("incidents",)).rows(setup(tmp_path))
    assert "incidents is not below" in row.measured
    assert row.met is None
    (tmp_path / "incidents").mkdir()
    with pytest.raises(AssertionError):
        Bound("b", never, ("incidents",)).rows(setup(tmp_path, shared=tmp_path))


def test_results_come_in_the_order_of_the_work() -> None:
    ended: list[int] = []
    assert each([3, 1, 2], str, 2, lambda number, _: ended.append(number)) == ["3", "1", "2"]
    assert sorted(ended) == [0, 1, 2]


def test_a_moved_incident_is_the_same_at_another_time(cases: dict[str, Case]) -> None:
    for name in ("decoy-flag", "second-begins-later", "canary-slow"):
        case = cases[name]
        other = moved(case, 1)
        assert case.recipe
        assert other.recipe
        before, after = case.recipe.scenario, other.recipe.scenario
        by = after.incident_start - before.incident_start
        assert by
        assert after.last - after.incident_start != before.last - before.incident_start
        assert [fault.onset for fault in after.faults] == [fault.onset and fault.onset + by for fault in before.faults]
        assert [flag.start for flag in after.flags] == [flag.start and flag.start + by for flag in before.flags]
        assert sudden_start(after) == sudden_start(before) + by
        told = after.incident_start + timedelta(minutes=other.recipe.report.start_error_minutes)
        assert told.strftime("%Y-%m-%dT%H:%M:%S") in other.text


def test_only_what_begins_at_once_has_a_sudden_start(cases: dict[str, Case]) -> None:
    def start(name: str) -> datetime | None:
        recipe = cases[name].recipe
        return sudden_start(recipe.scenario) if recipe else None

    assert start("shard-strong") == START
    assert start("old-trouble-and-shard") == START
    for name in ("zone-slow-burn", "version-strong", "quiet-plain", "quiet-old-trouble", "traffic-lost"):
        assert start(name) is None, name


def test_a_gate_is_clear_where_much_fails_and_not_where_nothing_does(cases: dict[str, Case], cache: Path) -> None:
    for name, least, most in (
        ("outage", 50, 1000),
        ("payment-authorization", 8, 100),
        ("quiet-plain", -1, 0.1),
        ("clients-lost-and-a-zone", 8, 100),
    ):
        case = cases[name]
        assert case.recipe
        assert least < gate_of(Rows(telemetry_of(case, cache), case.recipe.scenario), case.recipe.scenario) < most


def test_the_same_first_cause() -> None:
    zone = Concluded(subjects=[ZONE])
    same = Expected.model_validate({"title": "t", "group": "g", "causes": [{"any_of": [ZONE, SHARD]}]})
    none = Expected(title="t", group="g")
    assert exam.alike(zone, Concluded(subjects=[ZONE, SHARD]), none)
    assert not exam.alike(zone, Concluded(subjects=[SHARD]), none)
    assert exam.alike(zone, Concluded(subjects=[SHARD]), same)
    assert not exam.alike(zone, Concluded(), none)
    assert not exam.alike(Concluded(), Concluded(), none)


def shares(scenario: Scenario) -> tuple[int, float, float]:
    """The new version's requests after the start, and its failing share and the others'."""
    log = generate(scenario)["api_gateway_logs"].to_pandas()
    log = log[(log["region"] == "us-east") & (log["environment"] == "prod") & ~log["is_test_traffic"]]
    log = log[log["service_name"] == scenario.service_name]
    log = log[log["timestamp"] >= START.replace(tzinfo=None)]
    new, failed = log["service_version"] == exam.NEW, log["status_code"] >= 500
    return int(new.sum()), float(failed[new].mean()), float(failed[~new].mean())


def test_the_canary_has_300_requests_and_fails_35_percent() -> None:
    requests, failing, others = zip(*(shares(exam.canary(seed)) for seed in range(1, 6)), strict=True)
    assert 240 < np.mean(requests) < 360
    assert 0.3 < np.mean(failing) < 0.4
    assert np.mean(others) < 0.01


def test_the_weak_version_fails_8_percent_against_0_8() -> None:
    _, failing, others = zip(*(shares(exam.weak_version(seed)) for seed in range(1, 4)), strict=True)
    assert 0.07 < np.mean(failing) < 0.09
    assert 0.006 < np.mean(others) < 0.01


@pytest.fixture(scope="module")
def tables() -> dict[str, pa.Table]:
    return generate(Scenario(requests=3000))


def test_changes_that_say_nothing_new(tables: dict[str, pa.Table]) -> None:
    log = tables["api_gateway_logs"]
    other = invariance.reordered(tables)["api_gateway_logs"]
    assert other["request_id"] != log["request_id"]
    assert other.sort_by("request_id") == log.sort_by("request_id")
    twice = invariance.doubled(tables)
    assert {name: table.num_rows / tables[name].num_rows for name, table in twice.items()} == {
        "api_gateway_logs": 2, "feature_flags": 2, "product_metadata": 2, "workflow_tracking": 1,
        "infrastructure_metrics": 1,
    }  # fmt: skip
    assert len(pc.unique(twice["api_gateway_logs"]["request_id"])) == 2 * log.num_rows
    assert pc.all(pc.is_in(twice["feature_flags"]["request_id"], twice["api_gateway_logs"]["request_id"])).as_py()
    tested = invariance.tested(tables)["api_gateway_logs"].slice(log.num_rows)
    assert tested.num_rows >= log.num_rows // 10
    assert pc.all(tested["is_test_traffic"]).as_py()
    assert pc.min(tested["status_code"]).as_py() == 500


def test_weights_say_what_repeated_rows_say(tables: dict[str, pa.Table]) -> None:
    weighted = invariance.weighted(tables)["api_gateway_logs"]
    repeated = invariance.repeated(tables)
    assert weighted["weight"].null_count > 0
    total = pc.sum(pc.fill_null(weighted["weight"], 1)).as_py()
    assert total == repeated["api_gateway_logs"].num_rows > 1.3 * weighted.num_rows
    assert pc.max(weighted["weight"]).as_py() == invariance.HEAVIEST
    assert pc.all(pc.is_in(repeated["feature_flags"]["request_id"], repeated["api_gateway_logs"]["request_id"])).as_py()


def recording(folder: Path, minutes: int) -> Path:
    """A recorded incident that begins two hours after its first row."""
    times = [START.replace(tzinfo=None) + timedelta(seconds=10 * number - 7200) for number in range(6 * minutes)]
    rows = len(times)
    component = ["Shop" if number % 3 == 0 else f"part-{number % 5}" for number in range(rows)]
    columns = {"region": "r", "environment": "prod", "service_name": "Shop"}
    table = pa.table(
        {
            "request_id": [str(number) for number in range(rows)],
            "timestamp": pa.array(times, pa.timestamp("us")),
            **{name: [value] * rows for name, value in columns.items()},
            "status_code": [200] * rows,
            "service_component": component,
        }
    )
    (folder / "telemetry").mkdir(parents=True)
    pq.write_table(table, folder / "telemetry" / "api_gateway_logs.parquet")
    (folder / "incident.md").write_text("Shop in r (prod) fails.")
    label = '{"incident_start": "2026-03-10T14:00:00Z", "end_time": "2026-03-10T14:30:00Z", "root_cause": "part-1"}'
    (folder / "label.json").write_text(label)
    return folder


def test_quiet_hours_are_split_every_ten_minutes_and_end_before_the_fault(tmp_path: Path) -> None:
    splits = list(petshop._splits(setup(tmp_path), recording(tmp_path / "petshop-x", 150)))
    assert len(splits) == 7
    texts = [split.text for split in splits]
    assert "2026-03-10T12:30:00Z" in texts[0]
    assert "2026-03-10T13:30:00Z" in texts[-1]
    times = pq.read_table(splits[0].telemetry / "api_gateway_logs.parquet")["timestamp"]
    assert pc.max(times).as_py() < START.replace(tzinfo=None)
    assert splits[0].now == START


def test_components_are_renamed_by_each_others_names_and_the_entry_is_not(tmp_path: Path) -> None:
    folder = recording(tmp_path / "petshop-x", 10)
    table = pq.read_table(folder / "telemetry" / "api_gateway_logs.parquet")
    name = petshop._renaming(table, 3)
    assert name["Shop"] == "Shop"
    assert sorted(name.values()) == sorted(name)
    assert any(old != new for old, new in name.items())
    old = Concluded(subjects=[{"service_component": "part-1"}], confirmed=[{"service_component": "part-1"}])
    assert petshop._translated(old, name) == [(name["part-1"], True)]


def small_case(folder: Path) -> None:
    """A small localization case: a zone that fails for one client."""
    rows = np.arange(12_000)
    values = {
        "availability_zone": Text(rows % 5, tuple(f"zone-{number}" for number in range(5))),
        "client_type": Text(rows // 5 % 4, tuple(f"client-{number}" for number in range(4))),
    }
    micros = round(START.timestamp()) * 1_000_000
    time = micros + (rows - 9600) * 750_000
    after = time >= micros
    own = values["availability_zone"].equals("zone-1") & values["client_type"].equals("client-2") & after
    requests = Requests(values, time, after, (own & (rows % 3 > 0)) | (rows % 397 == 0))
    end = START + timedelta(minutes=30)
    write(Made(KINDS[1], NOISES[0], requests, (ZONE | {"client_type": "client-2"},), START, end), folder)


def test_one_bound_from_the_command_line(tmp_path: Path) -> None:
    small_case(tmp_path / "localization" / "small" / "pair")
    output = tmp_path / "rows.jsonl"
    arguments = ["bounds", "--only", "small", "--shared", str(tmp_path), "--jobs", "1", "--output", str(output)]
    ran = CliRunner().invoke(app, arguments)
    assert "small: exactly the true descriptions" in ran.output
    assert len(output.read_text().splitlines()) == 2
    kept = '"met": false' not in output.read_text()
    assert ran.exit_code == (0 if kept else 1)


def test_bounds_have_names_of_their_own_and_an_unknown_one_is_an_error(tmp_path: Path) -> None:
    names = [bound.name for bound in BOUNDS]
    assert len(set(names)) == len(names) == 14
    ran = CliRunner().invoke(app, ["bounds", "--only", "nothing"])
    assert ran.exit_code == 2
    missing = CliRunner().invoke(app, ["bounds", "--only", "real", "--shared", str(tmp_path)])
    assert missing.exit_code == 0
    assert "not measured" in missing.output
