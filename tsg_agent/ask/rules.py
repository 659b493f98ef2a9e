"""Questions answered without a model: mapped to checks, answered from what they find."""

from typing import Any

from tsg_agent.ask.answers import Answer
from tsg_agent.ask.ranking import ranked, ranking_words
from tsg_agent.ask.topics import Topic
from tsg_agent.conclude.summary import HEALTHY
from tsg_agent.errors import TelemetryError
from tsg_agent.llm.rows import evidence_of, row_of, rows_of
from tsg_agent.models import Finding, Parameters, Report, Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.rows import ScopeArgs, WindowArgs
from tsg_agent.wording import count, listed, moment, name, number, one_line, sentence, some

ROWS = 3
FIGURES = 4


def from_checks(question: str, topic: Topic, parameters: Parameters, engine: Engine, settings: Settings) -> Answer:
    """Run the checks that a question asks for, and say what they found."""
    parts = [_scope(parameters)]
    evidence: dict[str, str] = {}
    notes: list[str] = []
    if topic.columns and topic.ranking:
        try:
            rows = ranked(engine, topic.columns, topic.measure, parameters, settings)
        except TelemetryError as error:
            rows, notes = [], [f"They could not be ranked: {error}"]
        if rows:
            parts.append("Most failures first:\n" + ranking_words(rows, topic.measure, "Q1"))
            evidence |= {f"Q1.{i}": row_of(f"Q1.{i}", row).words for i, row in enumerate(rows, 1)}
    checks = []
    for plugin in PLUGINS:
        if plugin.number in topic.plugins:
            finding = plugin.run(engine, _args(plugin, parameters), settings)
            checks.append(plugin.name)
            parts.append(finding_words(finding))
            evidence |= {row.id: row.words for row in rows_of([finding])[: ROWS + 1]}
    return Answer(
        question=question, text="\n\n".join(parts), evidence=evidence, notes=notes, parameters=parameters, checks=checks
    )


def from_report(question: str, report: Report, topic: Topic) -> Answer:
    """Answer from an investigation: its conclusion, or what it says of the steps that are asked about."""
    steps = {plugin + 1 for plugin in topic.plugins}
    parts = [report.headline]
    said = [cause.statement for cause in report.causes if not steps or cause.step in steps]
    if steps:
        said += [rejected.statement for rejected in report.rejected if rejected.step in steps][:ROWS]
        said += [f"{h.title}: {h.statement}" for h in report.summary if steps & set(h.steps)]
    else:
        said += [f"Proposed: {action.statement}" for action in report.actions]
        said += [gap.statement for gap in report.gaps]
    parts += said
    evidence = {row.id: row.words for row in evidence_of(report).rows.values()}
    return Answer(
        question=question,
        text="\n\n".join(parts),
        evidence={key: words for key, words in evidence.items() if f"[{key}]" in "\n".join(parts)},
        notes=list(report.notes),
        parameters=report.parameters,
        report=report,
        checks=["run_guide"],
    )


def unknown(question: str) -> Answer:
    """What to say to a question that no rule maps."""
    subjects = ", ".join(plugin.title.lower() for plugin in PLUGINS)
    return Answer(
        question=question,
        text="This question could not be mapped to a check by rules.",
        notes=[
            f"Without a model, questions are answered about: {subjects}; and about an incident's causes (“why …?”). "
            "A model (TSG_MODEL__NAME) answers freer ones."
        ],
    )


def finding_words(finding: Finding) -> str:
    """What a check found, in a few sentences with their rows."""
    head = f"{finding.title} (Step {finding.step})"
    if finding.status is not Status.OK:
        return sentence(f"{head}: not judged, {finding.status.value.replace('_', ' ')}: {one_line(finding.reason)}")
    abnormal = {label: n for label, n in finding.labels.items() if label not in HEALTHY}
    if not abnormal:
        return f"{head}: nothing abnormal among {some(finding.groups, 'group')} [{finding.id}]."
    labels = listed([f"{label} in {some(n, 'row')}" for label, n in abnormal.items()], 5)
    rows = [f"- {_row(row, finding)} [{finding.id}.{i}]" for i, row in enumerate(finding.rows[:ROWS], 1)]
    more = f"\n(and {some(finding.row_count - ROWS, 'more row')})" if finding.row_count > ROWS else ""
    return f"{head}: {labels} [{finding.id}].\n" + "\n".join(rows) + more


def _row(row: dict[str, Any], finding: Finding) -> str:
    names = [name(value) for value in row.values() if isinstance(value, str) and value]
    figures = [
        f"{key.replace('_', ' ')} {_figure(value, finding.columns.get(key, ''))}"
        for key, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not key.endswith("rank")
    ]
    return f"{', '.join(names)}: {', '.join(figures[:FIGURES])}"


def _figure(value: float, description: str) -> str:
    if description.endswith("percent"):
        return f"{number(value)} %"
    return (
        f"{number(value)} ms" if description.endswith("ms") else count(value) if value == int(value) else number(value)
    )


def _scope(parameters: Parameters) -> str:
    where = f"{name(parameters.service_name)} in {name(parameters.region)} ({name(parameters.environment)})"
    return f"{where}, {moment(parameters.start_time)} to {moment(parameters.end_time)}."


def _args(plugin: Any, parameters: Parameters) -> WindowArgs:
    window = {field: getattr(parameters, field) for field in WindowArgs.model_fields}
    return (
        ScopeArgs(**window, service_name=parameters.service_name) if plugin.args is ScopeArgs else WindowArgs(**window)
    )
