"""Two guides of other domains, on tables of their own: run, branched, judged and concluded without a line of Python."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.guides.small import STATES, guide_of
from tests.guides.telemetry import (
    BACKLOG,
    BACKLOG_TEXT,
    BEGAN,
    END,
    LAG,
    LAG_TEXT,
    START,
    backlog,
    lag,
    utc,
    written,
)
from tsg_agent.errors import GuideError, ParameterError, QuestionError, TelemetryError
from tsg_agent.guides import WrittenGuide, parse_guide, read_guide
from tsg_agent.guides.as_graph import build_guide_graph
from tsg_agent.guides.guide_run import GuideReport, Outcome
from tsg_agent.guides.investigate import investigate_with_guide
from tsg_agent.guides.query_tools import guide_tools
from tsg_agent.guides.tables import GuideTables
from tsg_agent.models import Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import Kind

AT_NORTH = "Payments at north are slow. It started at 2026-05-04T09:00Z."


def ran(guide: Path | WrittenGuide, folder: Path, text: str, **given: str) -> GuideReport:
    held = guide if isinstance(guide, WrittenGuide) else read_guide(guide)
    return investigate_with_guide(held, text, str(folder), given=given, now=utc(END))


def status(report: GuideReport) -> dict[int, Status]:
    return {finding.step: finding.status for finding in report.findings}


def test_a_backlog_is_traced_to_the_release_and_the_queue(tmp_path: Path) -> None:
    report = ran(BACKLOG, backlog(tmp_path), BACKLOG_TEXT)
    assert [(one.subject, one.label, one.outcome) for one in report.causes] == [
        ({"consumer_release": "7.2.0"}, "RELEASE_FAILS", Outcome.NEW),
    ]
    assert [(one.subject, one.label, one.outcome) for one in report.symptoms] == [
        ({"queue_name": "orders"}, "BACKLOGGED", Outcome.CHANGED),
    ]
    assert report.causes[0].remedy == "Take consumer release 7.2.0 back."
    assert [one.subject for one in report.standing] == [{"queue_name": "audit"}]
    assert "7.2.0" in report.headline
    assert report.parameters["cluster"] == "broker-eu"
    assert all(step.judged for step in report.steps if step.findings)


@pytest.mark.parametrize("seed", range(2, 6))
def test_releases_that_fail_alike_are_no_cause(tmp_path: Path, seed: int) -> None:
    report = ran(BACKLOG, backlog(tmp_path, seed=seed, failing=0.02), BACKLOG_TEXT)
    assert report.causes == ()
    assert [one.subject for one in report.symptoms] == [{"queue_name": "orders"}]  # it grows all the same


def test_before_the_incident_is_known_nothing_is_a_cause(tmp_path: Path) -> None:
    window = {"start_time": START.isoformat() + "Z", "end_time": END.isoformat() + "Z"}
    report = ran(BACKLOG, backlog(tmp_path), "Orders pile up on broker-eu.", **window)
    assert report.causes == ()
    assert {one.outcome for one in report.suspects} == {Outcome.UNKNOWN}


def test_labels_lead_to_the_next_step(tmp_path: Path) -> None:
    slow = ran(LAG, lag(tmp_path / "slow"), LAG_TEXT)
    assert ([one.step for one in slow.steps], slow.not_reached) == ([1, 2, 3, 5], (4,))
    assert {finding.step: finding.label for finding in slow.findings} == {2: "LAGGING", 3: "BULK_CHANGE"}
    dead = ran(LAG, lag(tmp_path / "dead", stopped=True, tables=("replica_status", "applier_errors")), LAG_TEXT)
    assert [one.step for one in dead.steps] == [1, 2, 4, 5]
    assert dead.findings[1].label == "DIVERGED"
    assert [edge.source for edge in dead.doubts] == [1]


def test_what_is_not_annotated_gets_labels_and_says_so(tmp_path: Path) -> None:
    report = ran(LAG, lag(tmp_path), LAG_TEXT)
    assert report.causes == report.symptoms == report.suspects == ()
    assert report.headline == "No cause judged; labelled: LAGGING, BULK_CHANGE."
    assert [step.judged for step in report.steps] == [False] * 4
    assert "the front matter does not say" in report.steps[1].note


def test_a_missing_table_is_a_gap_that_says_so(tmp_path: Path) -> None:
    report = ran(LAG, lag(tmp_path, stopped=True), LAG_TEXT)
    assert status(report)[4] is Status.NOT_APPLICABLE
    assert "applier_errors" in report.findings[-1].reason
    assert any("applier_errors" in gap for gap in report.gaps)


def test_no_row_too_little_and_all_well_are_told_apart(tmp_path: Path) -> None:
    folder = backlog(tmp_path)
    guide = parse_guide(
        BACKLOG.read_text("utf-8").replace("FROM by_release\n", "FROM by_release WHERE deliveries > 1e9\n")
    )
    assert status(ran(guide, folder, BACKLOG_TEXT))[3] is Status.INSUFFICIENT_DATA
    late = {"start_time": "2026-06-01T00:00Z", "end_time": "2026-06-01T01:00Z"}
    assert set(status(ran(BACKLOG, folder, "broker-eu", **late)).values()) == {Status.NO_DATA}
    hidden = "SELECT * FROM ({}) AS s WHERE state_ <> 'DRAINING'"
    query = read_guide(BACKLOG).queries[0].sql
    shown = query.replace("queue_state", "state_").replace("ORDER BY deepest DESC, queue_name", "")
    quiet = parse_guide(BACKLOG.read_text("utf-8").replace(query, hidden.format(shown)))
    early = {"start_time": "2026-05-04T08:00Z", "end_time": "2026-05-04T09:00Z"}
    assert ran(quiet, folder, "broker-eu", **early).findings[0].label == "BACKLOGGED"  # audit is always deep
    held = written(tmp_path / "quiet", {"queue_samples": [sample(minute) for minute in range(30)]})
    finding = ran(quiet, held, "broker-eu", **early).findings[0]
    assert (finding.status, finding.label, finding.row_count, finding.groups) == (Status.OK, "DRAINING", 0, 1)


def sample(minute: int) -> dict[str, Any]:
    at = START + timedelta(minutes=minute)
    row = {"sample_id": str(minute), "sampled_at": at, "cluster": "broker-eu", "queue_name": "mail"}
    return {**row, "depth": 5.0, "oldest_age_s": 1.0}


def test_values_are_bound_and_never_text(tmp_path: Path) -> None:
    name = "x' OR 1=1 --"
    rows: list[dict[str, Any]] = [
        {"measured_at": BEGAN, "primary_name": who, "replica": f"r-{who[:1]}", "lag_seconds": 5.0}
        for who in (name, "other")
    ]
    folder = written(tmp_path, {"replica_status": rows})
    report = ran(LAG, folder, LAG_TEXT, primary=name, lag_limit="30")
    assert [row["replica"] for row in report.findings[0].rows] == ["r-x"]
    assert name not in report.findings[0].sql


def test_what_nothing_settles_is_a_question_with_candidates(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"measured_at": BEGAN, "primary_name": who, "replica": "r", "lag_seconds": 5.0} for who in ("orders", "users")
    ]
    folder = written(tmp_path, {"replica_status": rows})
    text = LAG_TEXT.replace("orders-primary", "the primary")
    with pytest.raises(QuestionError) as asked:
        ran(LAG, folder, text)
    assert [(one[0], one[2]) for one in asked.value.questions] == [("primary", ("orders", "users"))]
    with pytest.raises(QuestionError, match="no primary 'billing'"):
        ran(LAG, folder, text, primary="billing")
    assert ran(LAG, folder, text, primary="Orders").parameters["primary"] == "orders"


@pytest.mark.parametrize(("given", "said"), [({"lag_limit": "many"}, "lag_limit"), ({"colour": "red"}, "colour")])
def test_wrong_parameters_are_refused(tmp_path: Path, given: dict[str, str], said: str) -> None:
    with pytest.raises(ParameterError, match=said):
        ran(LAG, lag(tmp_path), LAG_TEXT, **given)


@pytest.mark.parametrize("kind", ["csv", "duckdb"])
def test_tables_may_lie_in_text_files_or_a_database(tmp_path: Path, kind: str) -> None:
    source = lag(tmp_path / "parquet")
    place = tmp_path / kind
    place.mkdir()
    with duckdb.connect(str(place / "held.duckdb")) as connection:
        for path in source.iterdir():
            connection.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")
            connection.execute(f"COPY {path.stem} TO '{place / path.stem}.csv'")
    wanted = place / "held.duckdb"
    if kind == "csv":
        wanted.unlink()
        wanted = place
    expected, got = ran(LAG, source, LAG_TEXT), ran(LAG, wanted, LAG_TEXT)
    assert [finding.rows for finding in got.findings] == [finding.rows for finding in expected.findings]


def test_tables_of_a_guide_s_own_are_read_only_and_nothing_else_is_reached(tmp_path: Path) -> None:
    with GuideTables(str(lag(tmp_path)), {"replica_status": None}, Settings()) as engine:
        assert engine.kinds["replica_status"]["measured_at"] is Kind.TIMESTAMP
        for sql in ("SELECT * FROM read_csv('/etc/passwd')", "CREATE TABLE x AS SELECT 1", "SELECT 1; SELECT 2"):
            with pytest.raises(TelemetryError):
                engine.run(sql, {}, timeout=5)


def test_a_view_of_a_database_reads_its_tables_and_no_file(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text("secret\n1\n")
    with duckdb.connect(str(tmp_path / "held.duckdb")) as connection:
        connection.execute("CREATE TABLE rows AS SELECT 'r1' AS replica, 5 AS lag_seconds")
        connection.execute("CREATE VIEW replica_status AS SELECT replica, lag_seconds FROM rows")
        connection.execute(f"CREATE VIEW applier_errors AS SELECT * FROM read_csv('{tmp_path / 'outside.csv'}')")
    wanted = {"replica_status": None, "applier_errors": None}
    with GuideTables(str(tmp_path / "held.duckdb"), wanted, Settings()) as engine:
        assert engine.run("SELECT * FROM replica_status", {}, timeout=5).to_pylist() == [
            {"replica": "r1", "lag_seconds": 5}
        ]
        assert "may not" in engine.tables["applier_errors"].problem
        assert "applier_errors" not in engine.kinds


def test_a_source_without_any_of_the_tables_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(TelemetryError, match="none of the guide's tables"):
        ran(LAG, tmp_path, LAG_TEXT)


def test_a_mapping_for_tables_of_the_guide_s_own_is_refused(tmp_path: Path) -> None:
    with pytest.raises(GuideError, match="catalogue"):
        investigate_with_guide(read_guide(LAG), LAG_TEXT, str(tmp_path), mapping=tmp_path / "m.toml")


def test_a_count_over_a_column_that_is_not_there_is_unknown(tmp_path: Path) -> None:
    sql = STATES.replace(
        "AVG(took_ms) AS mean_ms", "AVG(took_ms) AS mean_ms, SUM(CASE WHEN declined THEN 1 ELSE 0 END) AS declined_n"
    )
    rows = [{"paid_at": BEGAN, "site": "north", "card": "visa", "took_ms": 10.0} for _ in range(5)]
    report = ran(guide_of(sql, "Proceed to Step 3."), written(tmp_path, {"payments": rows}), AT_NORTH)
    assert report.findings[0].rows == [{"card": "visa", "mean_ms": 10.0, "declined_n": None, "state": "FAST"}]
    assert report.findings[0].missing_columns == ["payments.declined"]


@pytest.mark.parametrize("column", ["site", "card", "took_ms"])
def test_a_check_without_what_it_is_about_is_not_applicable(tmp_path: Path, column: str) -> None:
    row = {"paid_at": BEGAN, "site": "north", "card": "visa", "took_ms": 10.0, "code": 200}
    rows = [{name: value for name, value in row.items() if name != column}]
    given = {"site": "north"} if column == "site" else {}
    report = ran(guide_of(STATES), written(tmp_path, {"payments": rows}), AT_NORTH, **given)
    assert report.findings[0].status is Status.NOT_APPLICABLE
    assert f"payments.{column}" in report.findings[0].reason


def test_the_graph_runs_parallel_steps_side_by_side_and_joins_them() -> None:
    drawn = build_guide_graph(read_guide(BACKLOG)).compile().get_graph()
    edges = {(edge.source, edge.target) for edge in drawn.edges}
    assert {("step_1", f"step_{number}") for number in (2, 3, 4)} <= edges
    assert {(f"step_{number}", "step_5") for number in (2, 3, 4)} <= edges


def test_a_way_back_is_not_followed_for_ever(tmp_path: Path) -> None:
    guide = parse_guide(LAG.read_text("utf-8").replace("Then continue with Step 5.", "Then go back to Step 2."))
    report = ran(guide, lag(tmp_path), LAG_TEXT)
    assert [finding.step for finding in report.findings] == [2, 3]


def test_a_query_that_may_not_run_is_an_error_of_its_step_only(tmp_path: Path) -> None:
    query = read_guide(LAG).queries[1].sql
    guide = parse_guide(LAG.read_text("utf-8").replace(query, "DELETE FROM replica_status"))
    report = ran(guide, lag(tmp_path), LAG_TEXT)
    assert status(report) == {2: Status.OK, 3: Status.ERROR}


def test_queries_are_typed_tools(tmp_path: Path) -> None:
    guide = read_guide(LAG)
    wanted = dict.fromkeys(("replica_status", "applied_statements"))
    with GuideTables(str(lag(tmp_path)), wanted, Settings()) as engine:
        tools = {tool.name: tool for tool in guide_tools(guide, engine)}
        assert set(tools) == {"plugin_1_tool", "plugin_2_tool", "plugin_3_tool"}
        schema = tools["plugin_1_tool"].get_input_jsonschema()
        assert set(schema["properties"]) == {"start_time", "end_time", "primary", "lag_limit"}
        assert schema["properties"]["lag_limit"]["type"] == "number"
        call = {
            "start_time": START.isoformat(),
            "end_time": END.isoformat(),
            "primary": "orders-primary",
            "lag_limit": 30,
        }
        message = tools["plugin_1_tool"].invoke({"name": "plugin_1_tool", "args": call, "id": "1", "type": "tool_call"})
        assert "LAGGING 1" in message.content
        assert json.loads(json.dumps(message.artifact)) == message.artifact
        assert message.artifact["labels"] == {"LAGGING": 1, "IN_SYNC": 1}
        assert "not_applicable" in tools["plugin_3_tool"].invoke(
            {name: call[name] for name in ("start_time", "end_time", "primary")}
        )


def test_what_of_the_file_was_not_followed_is_told(tmp_path: Path) -> None:
    text = LAG.read_text("utf-8").replace("Then continue with Step 5.", "Then continue with Step 8.")
    report = ran(parse_guide(f"{text}\n## Step 2 - Again\n"), lag(tmp_path), LAG_TEXT)
    assert any("Step 2 is there twice" in note for note in report.notes)
    assert any("leads to Step 8, which is not there" in note for note in report.notes)
