"""Questions answered without a model: mapped to checks, counts and the guide, answered from what they find."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from tsg_agent.ask import judged
from tsg_agent.ask.answers import Answer
from tsg_agent.ask.figures import Metric, Wanted, counted
from tsg_agent.ask.names import Read
from tsg_agent.ask.scope import Scope
from tsg_agent.ask.telling import Told
from tsg_agent.ask.topics import Topic
from tsg_agent.conclude.summary import HEALTHY
from tsg_agent.errors import TelemetryError
from tsg_agent.llm.rows import evidence_of, rows_of
from tsg_agent.models import Finding, Measure, Parameters, Report, Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import WORKFLOWS
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.rows import ScopeArgs, WindowArgs
from tsg_agent.wording import count, listed, moment, name, number, one_line, sentence, some, subject_name

ROWS = 3
FIGURES = 4
WORKFLOW_CHECK, ERROR_CHECK = 8, 9
ERROR_COLUMNS = ("service_component", "dependency_name", "exception_type", "error_category")


@dataclass(frozen=True)
class Asked:
    """A question, read."""

    question: str
    topic: Topic
    scope: Scope
    read: Read

    @property
    def caveats(self) -> list[str]:
        """What of it is not honoured, in sentences."""
        left = listed([f"“{word}”" for word in dict.fromkeys(self.read.leftover)], 8)
        window = ["The window that was looked at is the one above"] if self.scope.caveats else []
        said = [*self.scope.caveats, *window, *([f"Not understood, and not used: {left}"] if left else [])]
        also = [
            f"“{one.value}” is taken as the {_column(one.by.column)}, not as the "
            f"{listed([_column(column) for column in one.also])} of that name"
            for one in self.read.names
            if one.also
        ]
        return [sentence(text) for text in (*said, *also)]


@dataclass(frozen=True)
class Bench:
    """What answers are made with."""

    engine: Engine
    settings: Settings
    investigate: Callable[[], Report]


def answered(asked: Asked, bench: Bench) -> tuple[Answer, dict[str, str]]:
    """The answer, and all rows that were found on the way: id -> the row in words. Raises TelemetryError."""
    topic, names = asked.topic, asked.read.names
    if asked.read.unknown or asked.read.excluded:
        return unknown_names(asked), {}
    general = topic.state and not names and topic.metric is None and not topic.plugins  # "is everything ok?"
    if topic.judged or topic.why or general or (topic.guide and not topic.metric):
        return from_report(asked, bench), {}
    if names and topic.state and topic.metric in (None, Metric.FAILURES) and not _grouped(asked):
        return _state(asked, bench)
    return from_checks(asked, bench)


def from_checks(asked: Asked, bench: Bench) -> tuple[Answer, dict[str, str]]:
    """Count, or run the checks that a question asks for, and say what they found."""
    topic, parameters = asked.topic, asked.scope.parameters
    told = Told()
    told.caveats += asked.caveats
    if len(asked.read.of()) > 1 and any(len(values) > 1 for values in asked.read.of().values()):
        told.caveats.append("Only what belongs to all of the names is counted.")
    notes: list[str] = list(asked.scope.notes)
    found: dict[str, str] = {}
    checks: list[str] = []
    counting = _counting(asked)
    if counting is not None:
        try:
            told.figures(
                counted(bench.engine, counting, parameters, bench.settings), counting, topic, parameters, bench.settings
            )
        except TelemetryError as error:
            told.caveats.append(f"It could not be counted: {error}")
    for plugin in PLUGINS:
        if plugin.number in _plugins(asked, counting):
            finding = plugin.run(bench.engine, _args(plugin, parameters), bench.settings)
            checks.append(plugin.name)
            rows = {row.id: row.words for row in rows_of([finding])}
            text, ids = finding_words(finding, asked.read.of(), brief=counting is not None)
            told.parts.append(text)
            found |= rows
            told.evidence |= {key: words for key, words in rows.items() if key in ids}
    parts = [_scope(parameters), *([" ".join(told.caveats)] if told.caveats else []), *told.parts]
    answer = Answer(
        question=asked.question,
        text="\n\n".join(parts),
        evidence=told.evidence,
        notes=notes,
        parameters=parameters,
        checks=checks,
        not_honoured=told.caveats,
    )
    return answer, found


def _plugins(asked: Asked, counting: Wanted | None) -> tuple[int, ...]:
    """The checks to run. Where figures are asked for, of what is named or of all, they are the whole answer."""
    topic = asked.topic
    of_workflows = [one for one in asked.read.names if one.by.table == WORKFLOWS.name]
    if of_workflows or (topic.by and topic.by.table == WORKFLOWS.name):
        return (WORKFLOW_CHECK,)
    if counting is None:
        return topic.plugins
    if counting.by is None or counting.names:
        return ()
    of_errors = counting.by.column in ERROR_COLUMNS
    return tuple(
        plugin for plugin in topic.plugins if plugin != ERROR_CHECK or of_errors
    )  # "by error rate" asks for none


def _counting(asked: Asked) -> Wanted | None:
    """What is to be counted; None where the question asks for no figures of requests."""
    topic, by = asked.topic, asked.topic.by
    names = asked.read.of()
    if (by is not None and by.table == WORKFLOWS.name) or "scenario_name" in names:
        return None
    if topic.compares and len(names) == 1 and sum(map(len, names.values())) == 1:  # "worse than the one before"
        return Wanted(topic.measure, topic.code, next(one.by for one in asked.read.names), {})
    several = next((column for column, values in names.items() if len(values) > 1), None)
    if several is not None:
        by = next(one.by for one in asked.read.names if one.by.column == several)
    elif by is not None and (by.column in names or not _ranks(topic)):
        by = None
    if list(names) == ["region"] and len(names["region"]) == 1:
        names = {}  # the scope's own
    if not names and by is None and topic.metric is None:
        return None
    if not names and by is None and topic.plugins and topic.metric is Metric.FAILURES and not _counts(asked):
        return None  # "any shard with errors?" asks for the check
    return Wanted(topic.measure, topic.code, by, names)


def _ranks(topic: Topic) -> bool:
    """Whether figures of each are asked for: not by "which regions are degraded?", which asks for the check."""
    return topic.ranking or topic.metric not in (None, Metric.FAILURES) or topic.measure is not Measure.SERVER_ERRORS


def _grouped(asked: Asked) -> bool:
    """Whether it asks by what to count, and not only for what is named."""
    by = asked.topic.by
    return by is not None and _ranks(asked.topic) and by.column not in asked.read.of()


def _counts(asked: Asked) -> bool:
    return asked.topic.ranking or asked.topic.code is not None


def _state(asked: Asked, bench: Bench) -> tuple[Answer, dict[str, str]]:
    """How something that is named does: its figures, and what the investigation says of it.

    Where the question names no time, the figures are told before the incident's start and after it.
    """
    report = bench.investigate()
    scope, began = asked.scope, report.parameters.incident_start
    topic = replace(asked.topic, ranking=False, metric=Metric.FAILURES)
    window = scope.parameters
    split = not scope.timed and began is not None and window.start_time < began < window.end_time
    if split:
        since = replace(scope, parameters=window.model_copy(update={"start_time": began}))
        asked = replace(asked, scope=since)
    answer, found = from_checks(replace(asked, topic=topic), bench)
    counting = _counting(replace(asked, topic=topic))
    if split and counting is not None:
        before = Told(queries=1)
        earlier = window.model_copy(update={"end_time": began})
        before.figures(
            counted(bench.engine, counting, earlier, bench.settings), counting, topic, earlier, bench.settings
        )
        text = "\n\n".join([answer.text, f"Before that, since {moment(window.start_time)}:", *before.parts])
        answer = answer.model_copy(update={"text": text, "evidence": answer.evidence | before.evidence})
    over = f"{moment(report.parameters.start_time)} to {moment(report.parameters.end_time)}"
    said = [line for one in asked.read.names for line in judged.verdict_on(report, one)]
    text = "\n\n".join([answer.text, f"The investigation ({over}). {said[0]}", *said[1:]])
    rows = {row.id: row.words for row in evidence_of(report).rows.values()}
    evidence = answer.evidence | {key: words for key, words in rows.items() if f"[{key}]" in "\n".join(said)}
    changes = {"text": text, "evidence": evidence, "report": report, "checks": [*answer.checks, "run_guide"]}
    return answer.model_copy(update=changes), found


def from_report(asked: Asked, bench: Bench) -> Answer:
    """Answer from an investigation: its conclusion, what it says of what is named, or of the steps asked about."""
    report = bench.investigate()
    caveats = asked.caveats + _another_window(asked, report)
    said = _of_report(asked, report)
    parts = [_scope(report.parameters), *([" ".join(caveats)] if caveats else []), *said]
    evidence = {row.id: row.words for row in evidence_of(report).rows.values()}
    text = "\n\n".join(parts)
    return Answer(
        question=asked.question,
        text=text,
        evidence={key: words for key, words in evidence.items() if f"[{key}]" in text},
        notes=[*(asked.scope.notes if _same_window(asked, report) else []), *report.notes],
        parameters=report.parameters,
        report=report,
        checks=["run_guide"],
        not_honoured=caveats,
    )


def _same_window(asked: Asked, report: Report) -> bool:
    ours, its = asked.scope.parameters, report.parameters
    return (ours.start_time, ours.end_time) == (its.start_time, its.end_time)


def _another_window(asked: Asked, report: Report) -> list[str]:
    if not asked.scope.timed or _same_window(asked, report):
        return []
    parameters = asked.scope.parameters
    window = f"{moment(parameters.start_time)} to {moment(parameters.end_time)}"
    return [f"This is of the whole incident, not of {window} alone: the guide compares before with after."]


def _of_report(asked: Asked, report: Report) -> list[str]:
    topic, names = asked.topic, asked.read.names
    if topic.why:  # "why is us-west failing?": the region is where it was looked
        names = [one for one in names if one.by.column != "region"]
    if topic.started:
        return judged.began(report)
    if topic.roll_back:
        versions = asked.read.of("service_version").get("service_version", ())
        return judged.roll_back(report, versions) + [line for one in names for line in judged.verdict_on(report, one)]
    if names:
        said = judged.actions_on(report, [one.value for one in names]) if topic.act and not topic.cause else []
        return (
            said
            + [line for one in names for line in judged.verdict_on(report, one)]
            + [f"The conclusion: {report.headline}"]
        )
    steps = {plugin + 1 for plugin in topic.plugins}
    said = [report.headline, *(cause.statement for cause in report.causes if not steps or cause.step in steps)]
    if steps and not topic.act:
        said += [rejected.statement for rejected in report.rejected if rejected.step in steps][:ROWS]
        said += [f"{h.title}: {h.statement}" for h in report.summary if steps & set(h.steps)]
    else:
        said += judged.actions_on(report, ()) if report.actions else []
        said += [gap.statement for gap in report.gaps]
    return said


def unknown_names(asked: Asked) -> Answer:
    """What to say where the telemetry does not know what a question names."""
    said = [f"To leave out {name(value)} is not understood: name what to count." for value in asked.read.excluded]
    for one in asked.read.unknown:
        near = f" Near it: {listed([name(value) for value in one.near], 5)}." if one.near else ""
        said.append(f"The telemetry knows no {one.noun + ' ' if one.noun else ''}“{one_line(one.text, 80)}”.{near}")
    return Answer(
        question=asked.question,
        text="\n".join([*dict.fromkeys(said), "So this was not answered: ask again."]),
        parameters=asked.scope.parameters,
        not_honoured=[*dict.fromkeys(said), *asked.caveats],
    )


def unknown(question: str) -> Answer:
    """What to say to a question that no rule maps."""
    subjects = ", ".join(plugin.title.lower() for plugin in PLUGINS)
    return Answer(
        question=question,
        text="This question could not be mapped to a check by rules.",
        notes=[
            f"Without a model, questions are answered about: {subjects}; about failures, availability, latency, "
            "requests and users of all or of what is named; and about an incident's causes (“why …?”, “is … the "
            "cause?”). A model (TSG_MODEL__NAME) answers freer ones."
        ],
    )


def finding_words(
    finding: Finding, names: dict[str, tuple[str, ...]] | None = None, *, brief: bool = False
) -> tuple[str, list[str]]:
    """What a check found, in a few sentences; and the ids they cite. `names`: only rows of these. `brief`: no rows."""
    head = f"{finding.title} (Step {finding.step})"
    if finding.status is not Status.OK:
        reason = f"{finding.status.value.replace('_', ' ')}: {one_line(finding.reason)}"
        return sentence(f"{head}: not judged, {reason}"), []
    wanted = {column: values for column, values in (names or {}).items() if column in finding.columns}
    places = [
        (i, row)
        for i, row in enumerate(finding.rows, 1)
        if all(str(row.get(column)) in values for column, values in wanted.items())
    ]
    if wanted and not places:
        what = listed([subject_name({column: value}) for column, values in wanted.items() for value in values])
        return f"{head}: no row of {what} [{finding.id}].", [finding.id]
    abnormal = {label: n for label, n in finding.labels.items() if label not in HEALTHY}
    if not abnormal and not wanted:
        return f"{head}: nothing abnormal among {some(finding.groups, 'group')} [{finding.id}].", [finding.id]
    labels = listed([f"{label} in {some(n, 'row')}" for label, n in abnormal.items()], 5) or "nothing abnormal"
    if brief:
        return f"{head}: {labels} [{finding.id}].", [finding.id]
    shown = places[:ROWS]
    rows = [f"- {_row(row, finding, 2 * FIGURES if wanted else FIGURES)} [{finding.id}.{i}]" for i, row in shown]
    left = (len(places) if wanted else finding.row_count) - len(shown)
    more = f"\n(and {some(left, 'more row')})" if left > 0 else ""
    ids = [finding.id, *(f"{finding.id}.{i}" for i, _ in shown)]
    return f"{head}{'' if wanted else f': {labels}'} [{finding.id}].\n" + "\n".join(rows) + more, ids


def _row(row: dict[str, Any], finding: Finding, most: int) -> str:
    names = [name(value) for value in row.values() if isinstance(value, str) and value]
    figures = [
        f"{key.replace('_', ' ')} {_figure(value, finding.columns.get(key, ''))}"
        for key, value in row.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and not key.endswith("rank")
    ]
    return f"{', '.join(names)}: {', '.join(figures[:most])}"


def _figure(value: float, description: str) -> str:
    if description.endswith("percent"):
        return f"{number(value)} %"
    return (
        f"{number(value)} ms" if description.endswith("ms") else count(value) if value == int(value) else number(value)
    )


def _column(column: str) -> str:
    return subject_name({column: ""}).split(" “")[0]


def _scope(parameters: Parameters) -> str:
    where = f"{name(parameters.service_name)} in {name(parameters.region)} ({name(parameters.environment)})"
    return f"{where}, {moment(parameters.start_time)} to {moment(parameters.end_time)}."


def _args(plugin: Any, parameters: Parameters) -> WindowArgs:
    window = {field: getattr(parameters, field) for field in WindowArgs.model_fields}
    return (
        ScopeArgs(**window, service_name=parameters.service_name) if plugin.args is ScopeArgs else WindowArgs(**window)
    )
