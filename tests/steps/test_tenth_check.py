"""A check more: it becomes a cause where it is one, a gap where it cannot run, and is spoken of as the others are."""

import asyncio
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.steps.plugin_10_instances import Instances
from tests.tools.made import SCOPE, START, Rows, requests, written
from tsg_agent import (
    Conversation,
    Given,
    ParameterError,
    Report,
    Request,
    Service,
    Settings,
    SyncService,
    build_graph,
    first_state,
    get_tools,
    graph_context,
    open_telemetry,
)
from tsg_agent.ask.tools import ToolBench as Tools
from tsg_agent.ask.tools import agent_tools, tool_lines
from tsg_agent.models import Parameter
from tsg_agent.report.charts import causes_chart
from tsg_agent.service.sections import section
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.rule import Arm
from tsg_agent.tools import GUIDE, Plugin
from tsg_agent.tools.plugin_1_version_regression import VersionRegression

PACKAGE = Path(__file__).parents[2] / "tsg_agent"
HERE = Path(__file__).parent
INSTANCES = 4
BEGINS = 60
"""Minutes into the window."""


def log(column: str | None = "instance_id") -> Rows:
    """Two hours, in the second of which a third of one instance's requests fails."""
    rows = requests(4_000)
    for place, row in enumerate(rows):
        mine = place % INSTANCES
        if column:
            row[column] = f"i-{mine}"
        late = (row["timestamp"] - START).total_seconds() >= 60 * BEGINS
        row["status_code"] = 503 if late and mine == 3 and place // INSTANCES % 3 == 0 else 200
    return rows


def concluded(folder: Path, guide: Any, rows: Rows) -> Report:
    given = {name: value for name, value in SCOPE.items() if name != "incident_start"}
    request = Request(text="", telemetry="", given=Given(**given), now=SCOPE["end_time"])

    async def conclude() -> Report:
        with open_telemetry(str(written(folder, {"api_gateway_logs": rows}))) as engine, graph_context(engine) as held:
            ended = await build_graph(guide).compile().ainvoke(first_state(request), context=held)
        return Report.model_validate(ended["report"])

    return asyncio.run(conclude())


TENTH: Any = replace(GUIDE, steps=(*GUIDE.steps, Instances()))


def heading(report: Report) -> str:
    return next(one.statement for one in report.summary if one.title == "Instance trouble")


def test_it_becomes_a_cause_with_a_label_a_remedy_and_a_heading(tmp_path: Path) -> None:
    report = concluded(tmp_path, TENTH, log())
    (cause,) = report.causes
    assert (cause.subject, cause.step, cause.label) == ({"instance_id": "i-3"}, 12, "INSTANCE_FAILING")
    assert cause.evidence[0] == "E12.1"
    assert report.actions[0].kind == "restart"
    assert report.actions[0].statement.startswith("Restart instance i-3. [E12.1]")
    assert "Cause 1: instance i-3." in heading(report)
    assert "INSTANCE_FAILING in 1 row" in heading(report)
    assert report.headline.startswith("Instance i-3 is failing")


def test_it_is_a_gap_where_it_cannot_run(tmp_path: Path) -> None:
    report = concluded(tmp_path, TENTH, log(None))
    assert not report.causes
    assert any(gap.step == 12 and gap.status == "not_applicable" for gap in report.gaps)
    assert "12" in report.headline.partition("not checked")[2]
    assert heading(report).startswith("Not judged")


def test_without_it_its_values_are_the_built_in_checks(tmp_path: Path) -> None:
    report = concluded(tmp_path, GUIDE, log())
    assert [(cause.subject, cause.step) for cause in report.causes] == [({"instance_id": "i-3"}, 6)]
    assert report.actions[0].kind == "drain"
    assert [one.title for one in report.summary] == [one.title for one in GUIDE.sections]


def test_it_is_a_tool(tmp_path: Path) -> None:
    with open_telemetry(str(written(tmp_path, {"api_gateway_logs": log()}))) as engine:
        tool = {one.name: one for one in get_tools(engine, guide=TENTH)}["plugin_10_tool"]
        assert "INSTANCE_FAILING: over 10 % 5xx." in tool.description
        scope = {name: str(value) for name, value in SCOPE.items()}
        assert "INSTANCE_FAILING" in tool.invoke(scope)


def test_what_it_found_is_drawn(tmp_path: Path) -> None:
    """A dimension that no other check has gets its picture as all others do."""
    chart = causes_chart(concluded(tmp_path, TENTH, log()).causes)
    assert chart and [group.name for group in chart.groups] == ["1. instance i-3"]


GIVEN = Given(**{name: value for name, value in SCOPE.items() if name in Given.model_fields})
ASKED = "is any instance unhealthy?"


def test_questions_and_tools_are_of_the_guide_that_is_given(tmp_path: Path) -> None:
    with open_telemetry(str(written(tmp_path, {"api_gateway_logs": log()}))) as engine:
        answer = Conversation(engine, given=GIVEN, now=SCOPE["end_time"], guide=TENTH).ask(ASKED)
        assert answer.checks == ["plugin_10_tool"] and "INSTANCE_FAILING in 1 row" in answer.text
        assert Conversation(engine, given=GIVEN, now=SCOPE["end_time"]).ask(ASKED).checks != ["plugin_10_tool"]
        why = Conversation(engine, given=GIVEN, now=SCOPE["end_time"], guide=TENTH).ask("is i-3 the cause?")
        assert "Yes: instance i-3 is cause 1, confirmed" in why.text
        tools = {one.name: one for one in get_tools(engine, guide=TENTH)}
        call = {"type": "tool_call", "id": "1", "name": "run_guide"}
        given = {name: str(value) for name, value in SCOPE.items() if name in Given.model_fields}
        report = tools["run_guide"].invoke({**call, "args": given}).artifact
        assert report["causes"][0]["label"] == "INSTANCE_FAILING"
        check = agent_tools(Tools(engine, Settings(), lambda _given: pytest.fail("nothing is run"), None, TENTH))[0]
        assert isinstance(check.tool_call_schema, dict)
        assert "instances" in check.tool_call_schema["properties"]["what"]["enum"]
        assert any("check instances" in line for line in tool_lines(TENTH))


@pytest.mark.surfaces
@pytest.mark.parametrize("workers", [0, 1])
def test_a_service_runs_its_guide_in_whatever_process(workers: int, tmp_path: Path) -> None:
    telemetry = written(tmp_path / "telemetry", {"api_gateway_logs": log()})
    settings = Settings(state_dir=tmp_path / "state")
    with SyncService({"shop": str(telemetry)}, settings=settings, workers=workers, guide=TENTH) as service:
        identity = service.start("It fails.", given=GIVEN, now=SCOPE["end_time"])
        report = service.ended(identity)
        assert report.causes[0].label == "INSTANCE_FAILING"
        assert "INSTANCE_FAILING" in section(report, "step_12")
        with pytest.raises(ParameterError, match="no section 'step_13'"):
            section(report, "step_13")


@pytest.mark.surfaces
def test_an_mcp_server_has_the_checks_of_its_service(tmp_path: Path) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="needs the extra `mcp`: pip install 'tsg-agent[mcp]'")
    client_of, server_of = import_module("mcp").Client, import_module("tsg_agent.mcp_server").Server

    telemetry = written(tmp_path / "telemetry", {"api_gateway_logs": log()})
    service = Service({"shop": str(telemetry)}, settings=Settings(state_dir=tmp_path / "state"), guide=TENTH)
    scope = {name: str(value) for name, value in SCOPE.items()}

    async def told() -> str:
        async with client_of(server_of(service, "all").mcp) as client:
            said = await client.call_tool("plugin_10_tool", scope)
            about = await client.read_resource("tsg://guide")
            return str(said) + str(about)

    found = asyncio.run(told())
    assert "INSTANCE_FAILING" in found and "Step 12: Instance health" in found


def test_two_steps_of_one_number_are_refused() -> None:
    with pytest.raises(ValueError, match="one number"):
        replace(GUIDE, steps=(*GUIDE.steps, *GUIDE.steps[:1]))
    with pytest.raises(ValueError, match="name steps that there are not: 13"):
        replace(GUIDE, edges=((2, 13),))


class OfCodes(Instances):
    """A check by a column that says nothing of what a cause is."""

    dimensions = ("error_code",)


def test_a_dimension_of_no_nature_is_refused_when_the_guide_is_made() -> None:
    with pytest.raises(ValueError, match=r"error_code: give it a nature in columns\.toml"):
        replace(GUIDE, steps=(*GUIDE.steps, OfCodes()))


def test_parameters_that_are_not_collected_or_never_used_are_refused() -> None:
    assert [GUIDE.bound_in(one.name) for one in GUIDE.parameters].count(()) == 0
    assert GUIDE.bound_in("threshold") == (GUIDE.concludes,)
    with pytest.raises(ValueError, match="does not collect: region"):
        replace(GUIDE, parameters=tuple(one for one in GUIDE.parameters if one.name != "region"))
    with pytest.raises(ValueError, match="no step takes: tenant"):
        replace(GUIDE, parameters=(*GUIDE.parameters, Parameter(name="tenant")))


def test_a_step_may_follow_another() -> None:
    later = replace(TENTH, edges=((2, 12),))
    edges = build_graph(later).edges
    assert ("plugin_1_version_regression", "plugin_10_instances") in edges
    assert ("plugin_10_instances", "judge") in edges
    assert ("plugin_1_version_regression", "judge") not in edges


class Strict(VersionRegression):
    """The same check, {labels}, with a rule of its own."""

    rule = replace(
        VersionRegression.rule,
        arms=(
            Arm("REGRESSION_DETECTED", lambda row, _: (row.version_rank == 1) & (row.failure_rate_delta > 60), "60"),
        ),
    )


def versions() -> Rows:
    """A version that comes with the second hour and fails in half of its requests."""
    rows = requests(8_000)
    for place, row in enumerate(rows):
        new = (row["timestamp"] - START).total_seconds() >= 60 * BEGINS and place % 2
        row |= {"service_version": "2.0.0" if new else "1.0.0", "status_code": 500 if new and place % 4 == 1 else 200}
    return rows


@pytest.mark.parametrize("strict", [False, True])
def test_a_changed_rule_changes_row_verdict_action_and_description(strict: bool, tmp_path: Path) -> None:
    plugin: Plugin[Any] = Strict() if strict else VersionRegression()
    report = concluded(tmp_path, replace(GUIDE, steps=(plugin, *GUIDE.steps[1:])), versions())
    label = "NO_REGRESSION" if strict else "REGRESSION_DETECTED"
    (cause,) = report.causes
    assert report.findings[0].rows[0]["assessment"] == label
    assert cause.label == label
    assert ("under the guide's threshold" in report.actions[0].statement) is strict
    assert ("REGRESSION_DETECTED: 60" in plugin.description(AllThresholds())) is strict


@pytest.mark.slow
@pytest.mark.parametrize("column", ["instance_id", "rack_id"])
def test_added_as_documented_it_needs_no_other_file(column: str, tmp_path: Path) -> None:
    """One .py, one .sql, a line (and its import) in the registry; a new column is a line more, in columns.toml."""
    package = tmp_path / "tsg_agent"
    shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("py", "sql"):
        text = (HERE / f"plugin_10_instances.{kind}").read_text("utf-8").replace("instance_id", column)
        (package / "tools" / f"plugin_10_instances.{kind}").write_text(text, "utf-8")
    registry = package / "tools" / "__init__.py"
    text = registry.read_text("utf-8").replace("    Errors(),\n", "    Errors(),\n    Instances(),\n")
    line = "from tsg_agent.tools.plugin_10_instances import Instances\n"
    registry.write_text(
        text.replace("from tsg_agent.tools.plugin_1_", f"{line}from tsg_agent.tools.plugin_1_"), "utf-8"
    )
    word = "instance"
    if column == "rack_id":
        word, columns = "rack", package / "columns.toml"
        line = 'rack_id = { kind = "text", nature = "machine", word = "rack", said = ["rack"], copy = "coded" }\n'
        text = columns.read_text("utf-8").replace("[api_gateway_logs]\n", f"[api_gateway_logs]\n{line}", 1)
        columns.write_text(text, "utf-8")
    telemetry = written(tmp_path / "telemetry", {"api_gateway_logs": log(column)})

    def said(*command: str) -> str:
        flags = ["-t", str(telemetry), "--region", "us-east", "--service", "shop", "--environment", "prod"]
        flags += ["--start-time", str(SCOPE["start_time"]), "--end-time", str(SCOPE["end_time"])]
        done = subprocess.run(
            [sys.executable, "-m", "tsg_agent", *command, *flags], check=False,
            env={**os.environ, "PYTHONPATH": str(tmp_path), "TSG_CONFIG": ""}, cwd=tmp_path,
            capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode in (0, 9), done.stderr
        return done.stdout

    incident = tmp_path / "incident.md"
    incident.write_text("The shop fails.\n", "utf-8")
    told = said("run", str(incident), "--all")
    assert f"{word.capitalize()} i-3 is failing" in told
    assert f"Restart {word} i-3" in told and "Instance trouble" in told
    assert "i-3" in said("ask", f"which {word} fails most?")
