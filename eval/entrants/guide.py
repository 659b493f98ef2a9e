"""Baseline: the guide's labels in the guide's order, without our verdicts (onset, comparison with the rest, …).

Parameters and checks are ours, so that the difference measures the verdicts. Order: Step 9's definitive resolution, the
potential ones of Steps 2 and 3, then the first abnormal row of every other step; of Step 10 only CRITICAL and URGENT.
"""

from typing import Any

from eval.answer import Answer, Blamed, Check, Proposed, Question, Stated
from eval.cases import SUBJECTS
from eval.entrants import Entrant, Spec
from tsg_agent import GUIDE, Finding, Given, QuestionError, Request, Settings, investigate


def _abnormal(step: Any) -> tuple[str, ...]:
    """Labels that count as abnormal; for Step 10, which always has rows, only those that the guide acts on."""
    return tuple(step.resolves) if step.nothing else tuple(label for label in step.labels if label not in step.harmless)


def _tier(step: Any, label: str) -> str:
    kinds = {"definitive": "definitive", "change": "potential" if label in step.resolves else "symptom"}
    return kinds.get(step.kind.value, "symptom")


ORDER = sorted(GUIDE.steps, key=lambda step: ("definitive", "change", "symptom").index(step.kind.value))
"""Steps by the guide's order of resolution."""


def guide(spec: Spec) -> Entrant:
    """The baseline's entrant. It uses no model."""
    settings = Settings(**{"model": {"name": ""}, **spec.settings})

    def solve(question: Question) -> Answer:
        request = Request(
            text=question.incident, telemetry=question.telemetry, given=Given(**question.answers), now=question.now
        )
        try:
            report = investigate(request, settings=settings)
        except QuestionError as error:
            return Answer(questions=[parameter for parameter, _, _ in error.questions])
        causes = blamed(report.findings)
        return Answer(
            parameters=report.parameters.model_dump(mode="json", exclude={"origins", "other_regions"}),
            checks=[Check(step=f.step, status=f.status.value, label=f.label) for f in report.findings],
            causes=causes,
            actions=_actions(causes),
            gaps=[
                Stated(step=f.step, status=f.status.value, statement=f.reason)
                for f in report.findings
                if f.status.value != "ok"
            ],
        )

    return solve


def blamed(findings: list[Finding]) -> list[Blamed]:
    """The first abnormal row of each step, in the guide's order; confirmed, as the guide knows no suspicion."""
    by_step = {finding.step: finding for finding in findings}
    causes = []
    for step in ORDER:
        labels, finding = _abnormal(step), by_step.get(step.step)
        rows = finding.rows if finding else []
        row = next((row for row in rows if _label(row, labels)), None)
        if row is not None:
            label = _label(row, labels)
            causes.append(Blamed(subject=_subject(row), step=step.step, label=label, tier=_tier(step, label)))
    return causes


def _label(row: dict[str, Any], labels: tuple[str, ...]) -> str:
    return next((cell for cell in row.values() if isinstance(cell, str) and cell in labels), "")


def _subject(row: dict[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in SUBJECTS if row.get(name) is not None}


def _actions(causes: list[Blamed]) -> list[Proposed]:
    found = []
    for cause in causes:
        kind = GUIDE.by_number[cause.step or 0].resolves.get(cause.label, "")
        if kind:
            found.append(Proposed(kind=kind, target=dict(cause.subject)))
    return found
