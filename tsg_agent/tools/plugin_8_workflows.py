"""Step 9: which business workflows fail, and at which step?"""

from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from tsg_agent.models import Action, Cause, Finding, StepKind, Subject
from tsg_agent.settings import AllThresholds, Settings
from tsg_agent.steps.remedy import Order, Remedy, Situation, action, proposal
from tsg_agent.steps.rule import Arm, Rule
from tsg_agent.steps.step import rows_about
from tsg_agent.telemetry.catalog import WORKFLOWS, Needs
from tsg_agent.telemetry.codes import spelled_out
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.plugin import Assessment, Plugin, load_sql, run_query
from tsg_agent.tools.rows import Row, WindowArgs, column, descending, milliseconds, text_key
from tsg_agent.wording import count, listed, name, some, subject_name

if TYPE_CHECKING:
    import pandas as pd


MOST_STEPS = 1_000_000
"""Steps that are brought from a server; of more, each run is judged there and comes as one row."""
JUDGED_THERE = (
    f"The server holds over {MOST_STEPS:,} steps: it was asked for its runs, a row each, and no steps of them."
)
MOST_STATUSES = 250
"""Of workflows' steps that a query tells apart."""
ORDER = (
    "scenario_name", "business_criticality", "timestamp", "correlation_id", "workflow_step", "workflow_status",
)  # fmt: skip


class ScenarioRow(Row):
    """A scenario at one business criticality. The unit is one run of the workflow."""

    scenario_name: str | None = column("the scenario")
    business_criticality: str | None = column("its criticality")
    total_runs: int = column("runs that have ended")
    completed_runs: int = column("of them completed")
    failed_runs: int = column("of them failed: any of the run's rows did")
    running_runs: int = column("runs still going; in no rate")
    completion_rate: float | None = column("runs that completed", "percent of those that have ended")
    completion_low: float = column("lower end of its 95 % interval (Wilson)", "percent")
    completion_high: float = column("upper end of it", "percent")
    failing_step: str | None = column("the step where failures gather")
    failures_at_step: int = column("runs that failed there")
    affected_users: int | None = column("distinct users whose run failed; NULL where no failed run names one")
    uncompensated_runs: int | None = column("failed runs known to lack compensation")
    failed_time_ms: float | None = milliseconds("median time of failed runs")
    completed_time_ms: float | None = milliseconds("median time of completed runs")
    failed_retries: float | None = column("mean retries of failed runs")
    completed_retries: float | None = column("mean retries of completed runs")
    impact_score: float | None = column("affected users times the share that failed")
    workflow_status: str = column("the guide's label")


def in_the_guides_order(table: pa.Table) -> pa.Table:
    """Plugin 8's rows by scenario, criticality and time, for whoever looks at them; ties in an order of their own."""
    order = [(name, "descending" if name == "business_criticality" else "ascending") for name in ORDER]
    return spelled_out(table).sort_by(order)


def frame_of(table: pa.Table) -> "pd.DataFrame":
    """Plugin 8's rows as the analysis and the code interpreter read them; repeated texts stored once."""
    if "compensated" in table.column_names:
        said = table["compensated"].cast(pa.bool_())
        table = table.drop_columns(["compensated"]).append_column("has_compensation", said)
    repeated = ["scenario_name", "workflow_id", "workflow_step", "workflow_status", "business_criticality"]
    for one in repeated:
        table = table.set_column(table.column_names.index(one), one, table[one].dictionary_encode())
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _state(statuses: list[str], thresholds: AllThresholds) -> tuple[str, dict[str, object]]:
    """The SQL of a step's state, 0 failed, 1 completed, 2 running, and the statuses that it binds."""
    from tsg_agent.workflow_analysis import COMPLETED, RUNNING, states  # noqa: PLC0415 - imports pandas, see assess

    named: dict[str, object] = {}
    cases = ["WHEN workflow_status IS NULL THEN 2"]
    for status, state in zip(statuses, states(statuses, thresholds.workflow), strict=True):
        code = {COMPLETED: 1, RUNNING: 2}.get(state)
        if code is not None:
            cases.append(f"WHEN workflow_status = $status_{len(named)} THEN {code}")
            named[f"status_{len(named)}"] = status
    return f"CASE {' '.join(cases)} ELSE 0 END", named


RULE = Rule(
    "workflow",
    (
        Arm(
            "CRITICAL_SCENARIO_FAILING",
            lambda row, limits: (
                (str(row.business_criticality).upper() == limits.critical) & (row.completion_rate < limits.completion)
            ),
            "a {workflow.critical} scenario completes less than {workflow.completion:g} % of its runs",
        ),
    ),
    "NO_CRITICAL_FAILURE",
)


def mitigate(cause: Cause, _: Situation, __: tuple[str, ...]) -> Action | None:
    """At the step where its runs fail."""
    if "scenario_name" not in cause.subject:
        return None
    step = cause.detail.get("workflow_step") or cause.subject.get("workflow_step")
    workflow = subject_name({k: v for k, v in cause.subject.items() if k != "workflow_step"})
    where = f" at step {name(step)}" if step else ""
    text = f"mitigate {workflow}{where}: stop or bypass what fails there"
    return action("mitigate_workflow", text, cause, workflow_step=step)


def _repair(cause: Cause, broken: list[tuple[Subject, int, str]], finding: Finding) -> Action:
    """One proposal for the runs of all workflows that a cause broke: (subject, runs to repair, row)."""
    subjects, bare = [subject for subject, _, _ in broken], sum(runs for _, runs, _ in broken)
    if len(broken) == 1:
        of, named, target = subject_name(subjects[0]), "", dict[str, Any](subjects[0])
        evidence = broken[0][2]
    else:
        evidence = finding.id  # its rows have a workflow each
        each = [f"{name(subject['scenario_name'])} ({runs})" for subject, runs, _ in broken]
        of, named, target = f"{len(broken)} workflows", f": {listed(each, len(each))}", {"subjects": subjects}
    text = f"repair {some(bare, 'run')} of {of} that failed without compensation{named}"
    return proposal("repair_runs", text, cause, [evidence], {**target, "uncompensated": bare})


class Workflows(Plugin[ScenarioRow]):
    """Reads the steps of business workflows and analyses each run: completion, failing step, users, compensation.

    Use it when customers report that a checkout, a payment or another process fails, even where every request
    answers 200. {labels}. The raw rows are kept as `plugin_8` for the code interpreter.
    """

    number = 8
    noun = "workflows"
    step = 9
    title = "Workflow completion"
    question = "Which business workflows fail, at which step, and whom does it hurt?"
    needs = (
        Needs(
            "workflow_tracking",
            ("timestamp", "region", "environment", "correlation_id", "scenario_name", "workflow_status"),
            (
                "workflow_id",
                "workflow_step",
                "business_criticality",
                "total_workflow_time_ms",
                "retry_attempts",
                "user_id",
                "has_compensation",
                "is_test_traffic",
            ),
        ),
    )
    args = WindowArgs
    row = ScenarioRow
    label_column = "workflow_status"
    heading = "Scenario failures"
    kind = StepKind.DEFINITIVE
    dimensions = ("scenario_name",)
    remedies: ClassVar = {Remedy(Order.BYPASS, mitigate): ("scenario_name", "workflow_step")}
    unit = "run"
    customers = True
    keeps = "plugin_8"
    rule = RULE
    resolves: ClassVar = {RULE.labels[0]: "mitigate_workflow"}
    labels_rows = True

    def query_of(self, engine: Engine, args: WindowArgs, settings: Settings) -> tuple[str, dict[str, object]]:
        """The steps; where a server holds too many to bring, its runs and how often each step went well."""
        sql, parameters = super().query_of(engine, args, settings)
        if not engine.tables[WORKFLOWS.name].at_server:
            return sql, parameters
        bound = {**parameters, "most": MOST_STATUSES + 1}
        held = run_query(engine, load_sql("plugin_8_statuses").replace("{steps}", sql), bound, settings.query_timeout)
        if held.num_rows > MOST_STATUSES or sum(held["steps"].to_pylist()) <= MOST_STEPS:
            return sql, parameters
        state, statuses = _state(held["workflow_status"].drop_null().to_pylist(), settings.thresholds)
        return load_sql("plugin_8_runs").replace("{state}", state).replace("{steps}", sql), {**parameters, **statuses}

    def frame(self, table: pa.Table, *, looked_at: bool = False) -> "pd.DataFrame":
        """The raw rows; see Plugin.frame."""
        return frame_of(in_the_guides_order(table) if looked_at else table)

    def groups(self, table: pa.Table) -> list[dict[str, Any]]:
        """The raw rows, as one frame for the analysis."""
        return [{"rows": frame_of(table)}] if table.num_rows else []

    def assess(
        self, groups: list[dict[str, Any]], thresholds: AllThresholds, args: WindowArgs
    ) -> Assessment[ScenarioRow]:
        """Analyse the runs; failing critical scenarios first, then by impact."""
        from tsg_agent.workflow_analysis import analyse  # noqa: PLC0415 - imports pandas: half a second, not to list the tools

        if not groups:
            return Assessment([], enough=0)
        analysis = analyse(groups[0]["rows"], thresholds.workflow)
        found = [ScenarioRow(**scenario, workflow_status="") for scenario in analysis.scenarios]
        labels = [self.rule.label(row, thresholds.workflow)[0] for row in found]
        rows = [row.model_copy(update={"workflow_status": one}) for row, one in zip(found, labels, strict=True)]
        rows.sort(
            key=lambda row: (
                row.workflow_status == self.healthy,
                descending(row.impact_score),
                text_key(row.scenario_name),
                text_key(row.business_criticality),
            )
        )
        ended = sum(row.total_runs for row in rows)
        shortage = "" if ended else "No run of a workflow has ended yet."
        notes = [JUDGED_THERE] if "passed" in groups[0]["rows"] else []
        kept = pa.Table.from_pandas(analysis.runs, preserve_index=False)
        return Assessment(rows, enough=len(rows), notes=notes, shortage=shortage, groups=len(rows), kept=kept)

    def of_scenario(self, finding: Finding | None, scenario: str) -> dict[str, Any]:
        """What its rows say of a workflow that is a cause: failed runs, those known to lack compensation."""
        rows = rows_about(finding, {"scenario_name": scenario}) if finding else []
        told = {
            "business_criticality": "business_criticality",
            "failed_runs": "failed_runs",
            "uncompensated": "uncompensated_runs",
            "affected_users": "affected_users",
        }
        return {name: rows[0][1][column] for name, column in told.items()} if rows else {}

    def repairs(self, cause: Cause, finding: Finding | None) -> list[Action]:
        """Runs that failed half way, in it or in the workflows that it broke: what they did is to be undone."""
        found = []
        bare, failed = cause.detail.get("uncompensated"), cause.detail.get("failed_runs")
        if "scenario_name" in cause.subject and isinstance(bare, int) and bare > 0:
            of = f" (of {count(failed)} that failed)" if isinstance(failed, int) else ""
            workflow = subject_name({"scenario_name": cause.subject["scenario_name"]})
            text = f"repair {some(bare, 'run')} of {workflow} that failed without compensation{of}"
            found.append(action("repair_runs", text, cause, uncompensated=bare, failed_runs=failed))
        if finding is None:
            return found
        broken = [
            (one.subject, bare, row_id)
            for one in cause.impact
            if one.step == self.step
            for row_id, row in rows_about(finding, one.subject)
            if isinstance(bare := row.get("uncompensated_runs"), int) and bare > 0
        ]
        if broken:
            found.append(_repair(cause, broken, finding))
        return found
