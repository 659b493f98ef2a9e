"""Runs a guide over an incident: parameters, the graph of its steps, and a conclusion from what they found."""

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from tsg_agent.events import Event, EventLog, Tells, UnkeptLog, silent
from tsg_agent.guides.absent import without_absent
from tsg_agent.guides.as_graph import GuideContext, KeptSteps, followed, labels_of, run_graph
from tsg_agent.guides.before_after import ranked
from tsg_agent.guides.bindings import Binder
from tsg_agent.guides.catalogue import declared_tables, schema_of
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.guide import Edge, WrittenGuide, WrittenStep
from tsg_agent.guides.guide_run import GuideReport, GuideVerdict, Outcome, StepResult
from tsg_agent.guides.lint import lint
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.run import Ready, plain
from tsg_agent.guides.tables import GuideTables, open_guide_telemetry
from tsg_agent.llm.redaction import Redactor
from tsg_agent.models import Finding, Status, StepKind
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import Kind
from tsg_agent.telemetry.engine import Engine

log = logging.getLogger(__name__)
Kinds: TypeAlias = Mapping[str, Mapping[str, Kind]]
"""Table -> column -> what it holds."""
READ_WITH_CARE = ("threshold-differs", "label-unreachable", "distinct-added", "rows-lost", "rows-multiplied")
"""Rules of the linter that a reader of the rows must know of; the others are the guide's writer's."""


def investigate_with_guide(
    guide: WrittenGuide,
    text: str,
    telemetry: str,
    *,
    mapping: Path | None = None,
    given: Mapping[str, str] | None = None,
    now: datetime | None = None,
    settings: Settings | None = None,
    logged: Callable[[Event], None] = lambda _event: None,
) -> GuideReport:
    """Follow a guide over telemetry. `given`: parameters by name, each wins over the text. `logged` gets each event.

    Raises GuideError, QuestionError for parameters that nothing settles, ParameterError, TelemetryError.
    """
    settings = settings or Settings()
    with guide_telemetry(guide, telemetry, mapping, settings) as (engine, kinds):
        now = now or datetime.now(UTC)
        tell = telling(UnkeptLog(), "", settings, logged)
        return follow(guide, engine, kinds, text, given=given or {}, now=now, settings=settings, tell=tell)


def telling(events: EventLog | UnkeptLog, identity: str, settings: Settings, logged: Callable[[Event], None]) -> Tells:
    """What writes events down, without what a prompt must not show, and hands each to `logged` as it stands there."""
    redactor = Redactor(settings.model.redact)

    def tell(kind: str, /, **data: Any) -> None:
        try:
            event = events.append(identity, kind, redactor.hidden(data))
        except (OSError, sqlite3.Error) as error:  # the run goes on without
            log.warning("an event cannot be written down: %s", error)
            return
        logged(event)

    return tell


@contextmanager
def guide_telemetry(
    guide: WrittenGuide, telemetry: str, mapping: Path | None, settings: Settings
) -> Iterator[tuple[Engine, Kinds]]:
    """The engine over what a guide reads, and the kinds of the columns of its own tables. Raises as above."""
    schema = Inspection(guide).schema
    with open_guide_telemetry(schema, declared_tables(guide), telemetry, mapping, settings) as engine:
        yield engine, engine.kinds if isinstance(engine, GuideTables) else {}


def follow(
    guide: WrittenGuide,
    engine: Engine,
    kinds: Kinds,
    text: str,
    *,
    given: Mapping[str, str],
    now: datetime,
    settings: Settings,
    tell: Tells = silent,
    steps: KeptSteps | None = None,
) -> GuideReport:
    """Follow a guide over an open engine; what its own tables hold says more than what the queries suggest."""
    about = Inspection(guide)
    if kinds:
        about = Inspection(guide, schema_of(guide, about.parsed, kinds))
    facts = [Facts(one.parsed, about.schema) for one in about.repaired.values()]
    bound = Binder(guide, engine, text, given, now, settings).bindings(facts)
    refused = {query.number: str(error) for query, error in about.refused}
    context = GuideContext(engine, bound, settings, ready_queries(guide, about, engine), refused, tell)
    ended = run_graph(guide, context, steps)
    findings = sorted(
        (Finding.model_validate(one) for one in ended["findings"]), key=lambda one: (one.step, one.plugin)
    )
    verdicts = [GuideVerdict.model_validate(one) for one in ended["verdicts"]]
    return _report(guide, context, set(ended["ran"]), findings, verdicts)


def ready_queries(guide: WrittenGuide, about: Inspection, engine: Engine) -> dict[int, Ready]:
    """Every query that may run, repaired for this source, with what its reader must know; by its number."""
    notes: dict[int, list[str]] = {}
    for problem in lint(guide):
        if problem.plugin is not None and problem.rule in READ_WITH_CARE:
            notes.setdefault(problem.plugin, []).append(f"Line {problem.line}: {problem.what}. {problem.why}")
    found = {}
    for number, one in about.repaired.items():
        own = without_absent(one, about.schema, engine)
        query = own.parsed.query
        read, facts = Facts(one.parsed, about.schema), Facts(own.parsed, about.schema)
        found[number] = Ready(guide.step(query.step), query, own, facts, read, tuple(notes.get(number, ())))
    return found


def _report(
    guide: WrittenGuide, context: GuideContext, ran: set[int], findings: list[Finding], verdicts: list[GuideVerdict]
) -> GuideReport:
    bound = context.bound
    normal: dict[int, set[str]] = {}
    for ready in context.ready.values():
        normal.setdefault(ready.step.number, set()).update(ready.normal)
    changed = ranked([one for one in verdicts if one.came_with_it])
    causes = [one for one in changed if one.kind is not StepKind.SYMPTOM]
    symptoms = [one for one in changed if one.kind is StepKind.SYMPTOM]
    suspects = ranked([one for one in verdicts if one.outcome in {Outcome.UNKNOWN, Outcome.UNCLEAR, Outcome.SHARED}])
    gaps = tuple(
        f"Step {one.step} ({one.title}): {one.status}. {one.reason}" for one in findings if one.status is not Status.OK
    )
    steps = tuple(
        _step(step, [one for one in findings if one.step == step.number], verdicts, normal.get(step.number, set()))
        for step in guide.steps
        if step.number in ran
    )
    taken = [edge for one in steps for edge in followed(guide.after(one.step), labels_of(one.step, findings, verdicts))]
    return GuideReport(
        guide=guide.title,
        headline=_headline(causes, symptoms, suspects, steps, gaps),
        parameters={name: plain(value) for name, value in bound.values.items()},
        origins=bound.origins,
        steps=steps,
        not_reached=tuple(step.number for step in guide.steps if step.number not in ran),
        findings=tuple(findings),
        causes=tuple(causes),
        symptoms=tuple(symptoms),
        suspects=tuple(suspects),
        standing=tuple(one for one in verdicts if one.outcome in {Outcome.STANDING, Outcome.OVER}),
        gaps=gaps,
        doubts=tuple(edge for edge in taken if edge.doubt),
        notes=(*bound.notes, *_unread(guide, taken)),
    )


def _unread(guide: WrittenGuide, taken: list[Edge]) -> Iterator[str]:
    """What of the guide's file was not followed."""
    yield from (f"Line {one.line} of the guide: {one.text}" for one in guide.oddities)
    there = {step.number for step in guide.steps}
    for edge in taken:
        if edge.target not in there:
            yield f"Line {edge.line} of the guide: it leads to Step {edge.target}, which is not there."


def _step(step: WrittenStep, findings: list[Finding], verdicts: list[GuideVerdict], normal: set[str]) -> StepResult:
    """What became of a step, and what the guide itself says of its labels."""
    labels: Counter[str] = Counter()
    for one in findings:
        labels.update({label: rows for label, rows in one.labels.items() if label not in normal})
    judged = bool(step.annotation and step.annotation.judged)
    named = {*labels, *labels_of(step.number, [], verdicts)}
    says = tuple(one.text for one in step.instructions if set(one.labels) & named)
    note = ""
    if step.queries and not judged:
        note = "labelled findings only: the front matter does not say what the step's rows are about"
    elif step.queries and not any(one.labels or one.label for one in findings if one.status is Status.OK):
        note = "its queries give no label"
    return StepResult(
        step=step.number, title=step.title, judged=judged, findings=tuple(one.id for one in findings),
        labels=dict(labels), say=says, note=note,
    )  # fmt: skip


def _headline(
    causes: list[GuideVerdict],
    symptoms: list[GuideVerdict],
    suspects: list[GuideVerdict],
    steps: tuple[StepResult, ...],
    gaps: tuple[str, ...],
) -> str:
    """The conclusion in a sentence."""
    unseen = f" {len(gaps)} of the checks could not look." if gaps else ""
    for found, where in ((causes, ""), (symptoms, "No change found; where it fails: ")):
        if found:
            first = found[0]
            about = ", ".join(f"{name} {value}" for name, value in first.subject.items())
            more = f", and {len(found) - 1} more" if len(found) > 1 else ""
            return f"{where}{first.label}: {about} ({first.outcome} with the incident){more}.{unseen}"
    labelled = [label for step in steps for label in step.labels]
    if suspects:
        return (
            f"No cause confirmed; {len(suspects)} abnormal, not beyond chance or with nothing to compare with.{unseen}"
        )
    if labelled:
        return f"No cause judged; labelled: {', '.join(dict.fromkeys(labelled))}.{unseen}"
    return f"No cause found within this guide.{unseen}"
