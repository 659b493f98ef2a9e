"""Answers from the guide: a check's labels, and what an investigation says of what a question names."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

from tsg_agent.ask import judged
from tsg_agent.ask.bench import AnswerBench
from tsg_agent.ask.parts import AnswerPart, RefusedQuestion
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token
from tsg_agent.ask.typed import RUN_COLUMNS, Filter, TypedQuery
from tsg_agent.llm.cited_rows import evidence_of
from tsg_agent.models import Confidence, Finding, Parameters, Report, Status
from tsg_agent.tools import AnyGuide, Plugin
from tsg_agent.wording import count, listed, moment, name, number, one_line, sentence, some

T = TypeVar("T")
ROWS = 3
FIGURES = 4
_FAILING = ("failures", "failure_rate", "availability", "failed_runs", "completion_rate")


def check_of_column(column: str, checks: Iterable[tuple[T, Mapping[str, str]]]) -> T | None:
    """The check about a column: the first whose row starts with it, else the first whose row has it, else None.

    `checks`: pairs of a check and its row's columns (name -> description).
    """
    held = [(one, list(columns)) for one, columns in checks if column in columns]
    first = [one for one, columns in held if columns[0] == column]
    return next(iter(first or [one for one, _ in held]), None)


def _plugin_about(column: str, guide: AnyGuide) -> Plugin[Any] | None:
    return check_of_column(column, ((plugin, plugin.row.described()) for plugin in guide.steps))


def check(part: AnswerPart, asked: AskedFields, parameters: Parameters, bench: AnswerBench) -> None:
    """Run the checks of the asked things and tell their labels. A yes-or-no question gets yes if one is abnormal."""
    found = (_plugin_about(column, bench.guide) for column in asked.by)
    plugins = list(dict.fromkeys(plugin for plugin in found if plugin is not None))
    if not plugins:
        raise RefusedQuestion(["No check of the guide is about this."])
    said = [_labels(part, plugin, parameters, bench) for plugin in plugins]
    part.text = "\n\n".join(text for text, _ in said)
    abnormal = any(found for _, found in said)
    if asked.yes_no and not any(plugin.nothing for plugin in plugins):  # of errors there are always some
        part.yes = abnormal != asked.health


def beside(part: AnswerPart, query: TypedQuery, parameters: Parameters, bench: AnswerBench) -> None:
    """Below a ranking by failures without filters: the labels of the guide's check of the same column."""
    plain = not (query.filters or query.bucket_seconds or query.split_at or query.conditions)
    fits = len(query.by) == 1 and plain and query.measures[0] in _FAILING
    plugin = _plugin_about(query.by[0], bench.guide) if fits else None
    if plugin is None:
        return
    part.text += f"\n\n{_labels(part, plugin, parameters, bench, brief=True)[0]}"


def _labels(
    part: AnswerPart, plugin: Plugin[Any], parameters: Parameters, bench: AnswerBench, *, brief: bool = False
) -> tuple[str, bool]:
    """Run a check: what it found, in words, and whether anything is abnormal. Its rows become the answer's evidence."""
    finding = bench.ledger.finding(plugin.run(bench.engine, plugin.scoped(parameters), bench.settings))
    text, ids = finding_words(finding, brief=brief)
    part.evidence |= bench.ledger.words(ids)
    part.checks.append(plugin.name)
    return text, bool(finding.abnormal)


def conclude(
    part: AnswerPart, asked: AskedFields, names: Sequence[Token], report: Report, window: Parameters | None
) -> None:
    """Tell a report's conclusion, or what it says about `names`. `window`: the question's own, if it has one."""
    over = (report.parameters.start_time, report.parameters.end_time)
    if window and over != (window.start_time, window.end_time) and not part.text:
        asked_for = f"{moment(window.start_time)} to {moment(window.end_time)}"
        part.caveats.append(
            f"This is of the whole incident, not of {asked_for} alone: the guide compares before with after."
        )
    said = _said(asked, names, report)
    if part.text:
        head = f"The investigation ({moment(over[0])} to {moment(over[1])}). "
        said = [f"{head}{said[0]}", *said[1:]]
    text = "\n\n".join([*([part.text] if part.text else []), *said])
    rows = {row.id: row.words for row in evidence_of(report).rows.values()}
    part.evidence |= {key: words for key, words in rows.items() if f"[{key}]" in text}
    part.text = text
    began = report.parameters.incident_start
    before = window is not None and began is not None and window.end_time <= began
    if asked.yes_no and before:
        part.caveats.append("Yes or no is not said of a time before the incident began.")
    elif asked.yes_no:
        part.yes = _yes(asked, names, report, part.tables[-1].rows if part.tables else [])


def state_of(
    names: Sequence[Token], report: Report, window: Parameters, *, timed: bool
) -> tuple[TypedQuery, Parameters]:
    """The failure or completion rate of what is named, before the incident's start and after it, and its window.

    `window` is the question's own if it is `timed`: from the start on it is compared with the time before.
    """
    named = [one for one in names if one.value != "region"]
    alike = {one.value: tuple(other.text for other in named if other.value == one.value) for one in named}
    filters = tuple(Filter(column=column, values=values) for column, values in alike.items())
    runs, began = bool(alike.keys() & set(RUN_COLUMNS)), report.parameters.incident_start
    query = TypedQuery(measures=("completion_rate" if runs else "failure_rate",), filters=filters)
    if began and not timed and window.start_time < began < window.end_time:
        return query.model_copy(update={"split_at": began}), window
    if began and timed and not runs and window.start_time >= began > report.parameters.start_time:
        sides = {"until": began, "split_at": window.start_time, "end_time": window.end_time}
        whole = window.model_copy(update={"start_time": report.parameters.start_time})
        return query.model_copy(update={"start_time": report.parameters.start_time, **sides}), whole
    return query, window


def _yes(asked: AskedFields, names: Sequence[Token], report: Report, rows: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether it is a cause, is to be rolled back, or is abnormal, as asked; None if the report says neither.

    `rows`: how what is named failed before and after the start.
    """
    columns = {one.value for one in names}
    if "roll_back" in asked.conclude:
        wanted = {one.text for one in names if one.value == "service_version"}
        faulty = {cause.subject.get("service_version") for cause in report.causes}
        proposed = any(action.kind == "roll_back" for action in report.actions)
        return proposed and (not wanted or bool(wanted & faulty))
    firm = [cause for cause in report.causes if cause.confidence is Confidence.CONFIRMED]
    if "cause" in asked.conclude and not asked.health:
        of = [
            [c for c in report.causes if c.subject.get(one.value) == one.text] for one in names if one.value != "region"
        ]
        if of:
            return None if all(of) and not all(any(c in firm for c in each) for each in of) else all(of)
        things = set(asked.by) - columns
        return any(things & set(cause.subject) for cause in firm) if things else None
    if asked.conclude == {"state"}:
        named = [one for one in names if one.value != "region"]
        worse = judged.is_worse(rows)
        if worse is None:
            worse = any(judged.labelled(report, one.value, one.text) for one in named)
        wrong = worse or any(judged.is_of_cause(report, one.value, one.text) for one in named)
        if all(one.value == "region" for one in names):
            if report.sla.breached is None:
                return None
            wrong = report.sla.breached
        return wrong != asked.health
    return None


def _said(asked: AskedFields, names: Sequence[Token], report: Report) -> list[str]:
    if "started" in asked.conclude:
        return judged.began(report)
    verdicts = [line for one in names for line in judged.verdict_on(report, one.value, one.text)]
    if "roll_back" in asked.conclude:
        return judged.roll_back(report, [one.text for one in names if one.value == "service_version"]) + verdicts
    if asked.conclude == {"state"} and verdicts:
        return verdicts
    if verdicts:
        acting = "act" in asked.conclude and "cause" not in asked.conclude
        acts = judged.actions_on(report, [one.text for one in names]) if acting else []
        return [*acts, *verdicts, f"The conclusion: {report.headline}"]
    checks = [(finding.step, finding.columns) for finding in report.findings]
    steps = {check_of_column(column, checks) for column in asked.by} - {None}
    said = [report.headline, *(cause.statement for cause in report.causes if not steps or cause.step in steps)]
    if steps and "act" not in asked.conclude:
        said += [rejected.statement for rejected in report.rejected if rejected.step in steps][:ROWS]
        said += [f"{one.title}: {one.statement}" for one in report.summary if steps & set(one.steps)]
        return said
    return [*said, *(judged.actions_on(report, ()) if report.actions else []), *(gap.statement for gap in report.gaps)]


def finding_words(finding: Finding, *, brief: bool = False) -> tuple[str, list[str]]:
    """A finding in a few sentences, and the ids that they cite. `brief`: without its rows."""
    head = f"{finding.title} (Step {finding.step})"
    if finding.status is not Status.OK:
        reason = f"{finding.status.value.replace('_', ' ')}: {one_line(finding.reason)}"
        return sentence(f"{head}: not judged, {reason}"), []
    if not finding.abnormal:
        return f"{head}: nothing abnormal among {some(finding.groups, 'group')} [{finding.id}].", [finding.id]
    labels = listed([f"{label} in {some(n, 'row')}" for label, n in finding.abnormal.items()], 5)
    shown = [] if brief else finding.rows[:ROWS]
    ids = [finding.id, *(f"{finding.id}.{i}" for i, _ in enumerate(shown, 1))]
    rows = "".join(f"\n- {_row(row, finding)} [{key}]" for row, key in zip(shown, ids[1:], strict=True))
    left = finding.row_count - len(shown)
    more = f"\n(and {some(left, 'more row')})" if shown and left > 0 else ""
    return f"{head}: {labels} [{finding.id}].{rows}{more}", ids


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
