"""The graph: branches side by side, failures that stay in their branch, runs that go on where they stopped."""

import asyncio
import shutil
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from tests.tools.made import SCOPE, START, requests, written
from tsg_agent import (
    ParameterError,
    QuestionError,
    Request,
    TelemetryError,
    Watch,
    build_graph,
    first_state,
    graph_context,
    investigate,
    open_telemetry,
)
from tsg_agent.conclude import conclude
from tsg_agent.errors import QueryError, QueryTimeout, TransientTelemetryError
from tsg_agent.events import Event
from tsg_agent.extract import Given
from tsg_agent.frames import Frames
from tsg_agent.graph import compile_graph
from tsg_agent.investigation import THREADS
from tsg_agent.models import Finding, Report, Status
from tsg_agent.settings import Settings
from tsg_agent.simulator.demos import demo_named
from tsg_agent.simulator.generate import generate, write
from tsg_agent.simulator.incident import incident_text
from tsg_agent.state import Context, State
from tsg_agent.store import Store
from tsg_agent.suspects import judge_with_suspects
from tsg_agent.telemetry.catalog import SourceTable
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.memory import Allowance
from tsg_agent.telemetry.profile import known_values
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.plugin import load_sql
from tsg_agent.verdicts import Evidence

DEMO = demo_named("bad-shard")
SCENARIO = DEMO.scenario.model_copy(update={"requests_per_minute": 150.0})
TEXT = incident_text(SCENARIO, DEMO.report)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("telemetry")
    write(generate(SCENARIO), place)
    return place


class Faulty:
    """A real engine, with faults on demand: SQL fragment -> error, how often; and a count of what ran."""

    def __init__(self, engine: Engine, faults: Mapping[str, Exception], times: int = 1000, delay: float = 0.0) -> None:
        self._engine, self._faults, self._left, self._delay = engine, faults, dict.fromkeys(faults, times), delay
        self._lock = threading.Lock()
        self.ran: list[str] = []

    @property
    def tables(self) -> dict[str, SourceTable]:
        return self._engine.tables

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        with self._lock:
            self.ran.append(sql)
            for mark, error in self._faults.items():
                if mark in sql and self._left[mark] > 0:
                    self._left[mark] -= 1
                    raise error
        time.sleep(self._delay)
        return self._engine.run(sql, parameters, timeout=timeout)

    def close(self) -> None:
        self._engine.close()


def concluded(engine: Engine, **changes: Any) -> Report:
    return investigate(Request(text=TEXT, telemetry="unused", now=SCENARIO.last), engine=engine, **changes)


def test_the_conclusion_is_the_shard(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        report = concluded(engine)
    assert report.causes[0].subject == {"shard_id": "shard-07"}
    assert [finding.step for finding in report.findings] == list(range(2, 11))


def test_verdicts_are_made_without_the_copies_where_memory_is_scarce(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = "SELECT count(*) AS n FROM duckdb_tables() WHERE table_name LIKE 'scope%'"
    with open_telemetry(str(folder)) as engine:
        report = concluded(engine)
        assert engine.run(held, {}, timeout=20)["n"].to_pylist() == [3]
        monkeypatch.setattr(Allowance, "is_scarce", lambda _: True)
        scarce = concluded(engine)
        assert engine.run(held, {}, timeout=20)["n"].to_pylist() == [0]
    assert [cause.subject for cause in scarce.causes] == [cause.subject for cause in report.causes] != []


@pytest.mark.parametrize(
    ("error", "status"),
    [(QueryError("broken"), "error"), (QueryTimeout("too long"), "timeout"), (ZeroDivisionError("ours"), "error")],
)
def test_a_failing_branch_ends_in_its_finding_and_sinks_no_other(error: Exception, status: str, folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        report = concluded(
            Faulty(engine, {"flag_name, flag_value,\n        count": error, "AS flags": error, "flags AS (": error})
        )
    by_step = {finding.step: finding.status for finding in report.findings}
    assert by_step.pop(3) == status
    assert set(by_step.values()) == {"ok"}
    assert report.causes[0].subject == {"shard_id": "shard-07"}
    assert 3 in {gap.step for gap in report.gaps}


def test_without_evidence_there_is_no_verdict_and_it_says_so(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        report = concluded(Faulty(engine, {"AS kind": QueryError("no measurement")}))
    assert report.causes == []
    assert any("no measurement" in note for note in report.notes)
    assert {finding.status for finding in report.findings} == {"ok"}


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (QueryTimeout("it took 9 s"), "measuring the availability of shop.gateway ran out of time (it took 9 s)"),
        (QueryError("no memory"), "measuring the availability of shop.gateway failed (no memory)"),
    ],
)
def test_why_availability_is_unknown_is_said_and_counted_as_nothing(
    error: TelemetryError, words: str, folder: Path
) -> None:
    with open_telemetry(str(folder)) as engine:
        report = concluded(Faulty(engine, {"AS kind": error}))
    assert report.headline == f"Nothing could be judged: {words}."
    assert (report.sla.breached, report.sla.window, report.sla.reason) == (None, None, words)
    assert report.sla.status.value == ("timeout" if isinstance(error, QueryTimeout) else "error")


def test_a_log_whose_status_is_never_filled_is_no_healthy_service(folder: Path, tmp_path: Path) -> None:
    """NULL is no failure: read as if it were an answer, everything would have succeeded."""
    log = pq.read_table(folder / "api_gateway_logs.parquet")
    place = log.schema.get_field_index("status_code")
    unknown = pa.nulls(len(log), log.schema.field(place).type)
    pq.write_table(log.set_column(place, "status_code", unknown), tmp_path / "api_gateway_logs.parquet")
    with open_telemetry(str(tmp_path)) as engine:
        report = concluded(engine)
    assert report.sla.status == "not_applicable"
    assert "api_gateway_logs.status_code (it holds nothing)" in report.headline
    assert report.findings[0].status == "not_applicable"


def test_requests_that_do_not_say_how_they_were_answered_are_in_no_share_and_a_note_says_so(
    folder: Path, tmp_path: Path
) -> None:
    """Every fourth from the start on, whatever its answer: the rest fail as often as all do."""
    log = pq.read_table(folder / "api_gateway_logs.parquet")
    begins = pa.scalar(SCENARIO.incident_start.replace(tzinfo=None), log["timestamp"].type)
    fourth = pa.array(np.arange(len(log)) % 4 == 0)
    silent = pc.and_(pc.greater_equal(log["timestamp"], begins), fourth)
    status = pc.if_else(silent, pa.scalar(None, log["status_code"].type), log["status_code"])
    for path in folder.glob("*.parquet"):
        shutil.copy(path, tmp_path)
    place = log.schema.get_field_index("status_code")
    pq.write_table(log.set_column(place, "status_code", status), tmp_path / "api_gateway_logs.parquet")
    with open_telemetry(str(folder)) as whole, open_telemetry(str(tmp_path)) as engine:
        usual, report = concluded(whole), concluded(engine)
    assert report.causes[0].subject == usual.causes[0].subject
    assert report.sla.after and usual.sla.after and report.sla.before == usual.sla.before
    assert report.sla.after.unknown == pytest.approx(usual.sla.after.requests / 4, rel=0.1)
    assert report.sla.after.availability == pytest.approx(usual.sla.after.availability, abs=1)
    (note,) = [note for note in report.notes if "do not say how they were answered" in note]
    assert "0 % before the incident's start" in note
    assert not [note for note in usual.notes if "do not say" in note]


def test_a_transient_error_is_tried_again(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        report = concluded(Faulty(engine, {"FROM workflow_tracking\n": TransientTelemetryError("gone")}, times=2))
    assert next(finding for finding in report.findings if finding.step == 9).status == "ok"


def test_where_nothing_can_be_read_there_is_an_error_and_no_conclusion(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        broken = Faulty(engine, {"WITH ": QueryError("gone"), "FROM workflow_tracking\nWHERE": QueryError("gone")})
        with pytest.raises(TelemetryError, match="gone"):
            concluded(broken)


class Meeting(Faulty):
    """Each check's query waits until all nine are there: one after the other, they would wait for ever."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine, {})
        self._all = threading.Barrier(len(PLUGINS))
        self._checks = {load_sql(check.key) for check in PLUGINS}
        self.met = 0

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        if sql in self._checks:
            self._all.wait(60)
            self.met += 1
        return super().run(sql, parameters, timeout=timeout)


def test_branches_run_side_by_side(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        meeting = Meeting(engine)
        report = concluded(meeting)
    assert meeting.met == 9
    assert {finding.status for finding in report.findings} == {Status.OK}


def test_the_graph_runs_without_investigate_and_concludes_the_same(folder: Path) -> None:
    """As the README shows it to those who embed the graph."""
    request = Request(text=TEXT, telemetry="unused", now=SCENARIO.last)

    async def conclude(engine: Engine) -> Report:
        with graph_context(engine) as context:
            ended = await build_graph().compile().ainvoke(first_state(request), context=context)
        return Report.model_validate(ended["report"])

    with open_telemetry(str(folder)) as engine:
        embedded, whole = asyncio.run(conclude(engine)), concluded(engine)
    assert [cause.subject for cause in embedded.causes] == [cause.subject for cause in whole.causes]
    assert embedded.headline == whole.headline


def test_an_open_question_is_asked_and_the_answer_used(folder: Path) -> None:
    text = TEXT.replace("us-east", "the east")
    asked: list[str] = []

    def ask(questions: list[Any]) -> dict[str, str]:
        asked.extend(question.parameter for question in questions)
        return {"region": "us-east"}

    with open_telemetry(str(folder)) as engine:
        with pytest.raises(QuestionError) as caught:
            investigate(Request(text=text, telemetry="unused", now=SCENARIO.last), engine=engine)
        assert caught.value.questions[0][0] == "region"
        assert "us-east" in caught.value.questions[0][2]
        report = investigate(
            Request(text=text, telemetry="unused", now=SCENARIO.last), engine=engine, watch=Watch(ask=ask)
        )
    assert asked == ["region"]
    assert report.parameters.region == "us-east"


def test_a_window_that_begins_ages_ago_is_a_typed_error(folder: Path) -> None:
    given = Given.model_validate({"start_time": "2025-11-01T00:00:00Z"})
    with (
        open_telemetry(str(folder)) as engine,
        pytest.raises(ParameterError, match="longer than 100 days"),
    ):
        investigate(Request(text=TEXT, telemetry="unused", now=SCENARIO.last, given=given), engine=engine)


def test_a_window_that_ends_in_ages_says_what_the_telemetry_holds(folder: Path) -> None:
    given = Given.model_validate({"end_time": "9999-12-31T23:59:59Z"})
    with open_telemetry(str(folder)) as engine:
        late, plain = (
            investigate(Request(text=TEXT, telemetry="unused", now=SCENARIO.last, given=one), engine=engine)
            for one in (given, Given())
        )
    assert late.causes and [one.subject for one in late.causes] == [one.subject for one in plain.causes]


class Stopped(BaseException):
    """As a killed process: nothing catches it on the way out."""


def test_an_interrupted_run_goes_on_without_running_finished_branches_again(folder: Path, tmp_path: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        first, second = Faulty(engine, {}), Faulty(engine, {})
        report = asyncio.run(_interrupted(first, second, engine, tmp_path))
    whole = Report.model_validate(report)
    assert whole.causes[0].subject == {"shard_id": "shard-07"}
    checks = [sql for sql in second.ran if "$maximum_groups" in sql or "FROM workflow_tracking\nWHERE" in sql]
    assert checks == [], "a check that had ended ran again"
    assert len(first.ran) >= 10


async def _interrupted(first: Faulty, second: Faulty, engine: DuckDB, place: Path) -> dict[str, Any]:
    settings = Settings()
    config: Any = {"configurable": {"thread_id": "t"}}
    known = known_values(engine, settings.query_timeout)
    state: State = {"id": "t", "text": TEXT, "given": {}, "now": SCENARIO.last.isoformat(), "began": 0.0}
    with ThreadPoolExecutor(THREADS) as executor:
        async with AsyncSqliteSaver.from_conn_string(str(place / "c.sqlite")) as saver:
            graph = compile_graph(saver)
            context = Context(first, known, settings, executor, Frames(place / "frames"))
            await graph.ainvoke(state, config, context=context, interrupt_before=["judge"])
        async with AsyncSqliteSaver.from_conn_string(str(place / "c.sqlite")) as saver:
            graph = compile_graph(saver)
            # New frames over the same folder, as a new process has them.
            context = Context(second, known, settings, executor, Frames(place / "frames"))
            ended = await graph.ainvoke(None, config, context=context)
    report: dict[str, Any] = ended["report"]
    return report


@pytest.mark.parametrize("keep", [True, False])
def test_who_watches_hears_each_event_as_the_log_has_it(keep: bool, folder: Path, tmp_path: Path) -> None:
    heard: list[Event] = []
    settings = Settings(state_dir=tmp_path)
    with open_telemetry(str(folder)) as engine:
        report = concluded(engine, watch=Watch(logged=heard.append), keep=keep, settings=settings)
    for kind in ("check began", "check ended"):
        assert sorted(event.data["step"] for event in heard if event.kind == kind) == [0, *range(2, 11)]
    assert [event.kind for event in heard if "check" not in event.kind] == [
        "began",
        "understood",
        "drafted",
        "concluded",
    ]
    assert [event.sequence for event in heard] == list(range(1, len(heard) + 1))
    if keep:
        assert heard == Store(tmp_path).events.after(report.id)
    else:
        assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_every_run_gives_the_same_conclusion(folder: Path) -> None:
    with open_telemetry(str(folder)) as engine:
        said = {
            concluded(engine).model_copy(update={"id": "", "usage": None, "findings": []}).model_dump_json()
            for _ in range(6)
        }
    assert len(said) == 1


def test_rows_that_are_still_on_their_way_are_no_loss_of_requests_and_no_failures(tmp_path: Path) -> None:
    """What failed is recorded first: of the last minutes only failures are there, fewer and fewer."""
    known = [row for minute in range(115) for row in requests(120, timestamp=START + timedelta(minutes=minute))]
    rates = {115: 50, 116: 40, 117: 20, 118: 10, 119: 4}
    late = [
        row
        for minute, rate in rates.items()
        for row in requests(rate, {503: rate}, timestamp=START + timedelta(minutes=minute))
    ]
    place = str(written(tmp_path, {"api_gateway_logs": [*known, *late]}))
    given = Given(**SCOPE, incident_start=SCOPE["start_time"] + timedelta(hours=1))
    report = investigate(Request(text="", telemetry=place, given=given))
    assert report.traffic is None
    assert not report.causes
    assert report.sla.breached is None
    assert "124 requests after 13:55 UTC (others may be on their way) failed" in report.sla.reason
    assert any("124 requests since then, 124 of which failed (5xx), are in no verdict" in note for note in report.notes)


@pytest.mark.parametrize("keep", [False, True])
def test_a_finding_is_validated_once(keep: bool, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads it gets the same model, the report too, and that is what its JSON says."""
    read: list[list[Finding]] = []

    def judged(evidence: Evidence, text: str) -> Any:
        read.append(evidence.findings)
        return judge_with_suspects(evidence, text)

    def concluded(parameters: Any, findings: list[Finding], *args: Any, **more: Any) -> Report:
        read.append(findings)
        return conclude(parameters, findings, *args, **more)

    monkeypatch.setattr("tsg_agent.graph.judge_with_suspects", judged)
    monkeypatch.setattr("tsg_agent.graph.conclude", concluded)
    request = Request(text=TEXT, telemetry=str(folder), now=SCENARIO.last)
    report = investigate(request, settings=Settings(state_dir=tmp_path), keep=keep)
    found = {finding.id: finding for finding in report.findings}
    assert len(read) == 2 and len(found) == len(PLUGINS)
    assert all(found[finding.id] is finding for findings in read for finding in findings)
    assert Report.model_validate(report.model_dump(mode="json")) == report
