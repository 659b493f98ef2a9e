"""The guide as written: its labels and its order, without onset, contrast or any other verdict.

Same Step 1 and same nine checks as ours, so that what differs is what verdicts are worth. Its order: Step 9's
definitive resolution, the potential ones of Steps 2 and 3, then the other abnormal rows, step by step, by the guide's
own ranks; of Step 10 those of CRITICAL and URGENT priority, to which the guide points.
"""

from typing import Any

from eval.answer import Answer, Blamed, Check, Proposed, Question, Stated
from eval.cases import SUBJECTS
from eval.entrants import Entrant, Spec
from tsg_agent import Finding, Given, QuestionError, Request, Settings, investigate

ABNORMAL: dict[int, tuple[str, ...]] = {
    9: ("CRITICAL_SCENARIO_FAILING",),
    2: ("REGRESSION_DETECTED", "PERFORMANCE_DEGRADATION"),
    3: ("HIGH_ERROR_RATE", "HIGH_LATENCY", "LATENCY_ANOMALY"),
    4: ("CRITICAL", "WARNING"),
    5: ("HIGH_ERRORS", "HIGH_LATENCY", "UNSTABLE", "LOW_SUCCESS"),
    6: ("CRITICAL", "DEGRADED", "INFRASTRUCTURE_ISSUES", "PERFORMANCE_ISSUES", "RESOURCE_PRESSURE"),
    7: ("HIGH_SERVER_ERRORS", "LOW_SUCCESS_RATE", "HIGH_LATENCY", "HIGH_CLIENT_ERRORS", "LOW_CACHE_EFFICIENCY"),
    8: (
        "SLA_BREACH_PREMIUM", "SLA_BREACH_STANDARD", "CRITICAL", "HIGH_RETRY_RATE", "DEPENDENCY_ISSUES",
        "PERFORMANCE_DEGRADED",
    ),
    10: ("CRITICAL", "URGENT"),
}  # fmt: skip
"""The guide's labels that call for something, in its order of resolution."""
RESOLUTIONS = {
    "CRITICAL_SCENARIO_FAILING": ("definitive", "mitigate_workflow"),
    "REGRESSION_DETECTED": ("potential", "roll_back"),
    "HIGH_ERROR_RATE": ("potential", "set_flag"),
}
ACTIONS = {4: "redirect_traffic", 6: "redirect_traffic", 10: "fix_error"}


def guide(spec: Spec) -> Entrant:
    """The labels alone."""
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
    """The first abnormal row of each step, in the guide's order: it has no word for doubt, so all are confirmed."""
    by_step = {finding.step: finding for finding in findings}
    causes = []
    for step, labels in ABNORMAL.items():
        finding = by_step.get(step)
        rows = finding.rows if finding else []
        row = next((row for row in rows if _label(row, labels)), None)
        if row is not None:
            label = _label(row, labels)
            tier, _ = RESOLUTIONS.get(label, ("symptom", ""))
            causes.append(Blamed(subject=_subject(row), step=step, label=label, tier=tier))
    return causes


def _label(row: dict[str, Any], labels: tuple[str, ...]) -> str:
    return next((cell for cell in row.values() if isinstance(cell, str) and cell in labels), "")


def _subject(row: dict[str, Any]) -> dict[str, str]:
    return {name: str(row[name]) for name in SUBJECTS if row.get(name) is not None}


def _actions(causes: list[Blamed]) -> list[Proposed]:
    found = []
    for cause in causes:
        kind = RESOLUTIONS.get(cause.label, ("", ACTIONS.get(cause.step or 0, "")))[1]
        if kind:
            found.append(Proposed(kind=kind, target=dict(cause.subject)))
    return found
