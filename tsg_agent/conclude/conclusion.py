"""Findings, verdicts and availability put together into the report: words and proposals, no new measurement."""

from datetime import datetime

from tsg_agent.conclude.actions import actions
from tsg_agent.conclude.brief import brief
from tsg_agent.conclude.case import Case
from tsg_agent.conclude.communication import communication
from tsg_agent.conclude.gaps import gaps
from tsg_agent.conclude.headline import headline
from tsg_agent.conclude.statements import cause_statement, dismissal_statement
from tsg_agent.conclude.summary import summary
from tsg_agent.conclude.suspected import suspicions
from tsg_agent.models import (
    Cause,
    Confidence,
    Finding,
    Judgement,
    Parameters,
    Rejected,
    Report,
    Sla,
    Usage,
    Verdict,
    Visible,
)
from tsg_agent.settings import AllThresholds
from tsg_agent.steps.step import Step
from tsg_agent.steps.typed_guide import Guide


def conclude(
    parameters: Parameters,
    findings: list[Finding],
    judgement: Judgement,
    sla: Sla,
    *,
    id: str,
    created: datetime,
    version: str,
    usage: Usage,
    thresholds: AllThresholds,
    guide: Guide[Step],
) -> Report:
    """The whole conclusion of one investigation (the guide's last step). The same input gives the same report."""
    findings = sorted(findings, key=lambda f: f.step)
    case = Case(guide, parameters, findings, judgement, sla, thresholds)
    causes = [_cause(rank, v, case.start, case.slow_ms) for rank, v in enumerate(_ranked(judgement), 1)]
    rejected = [_rejected(v) for v in judgement.rejected]
    missing = gaps(case)
    proposed = actions(case, causes, missing)
    first = headline(case, causes, missing)
    answered = suspicions(judgement.mentioned, causes, rejected, unmade=bool(judgement.unmade))
    return Report(
        id=id,
        version=version,
        created=created,
        headline=first,
        brief=brief(case, causes, proposed, answered, missing),
        parameters=parameters,
        sla=sla,
        onset=judgement.start,
        traffic=judgement.traffic,
        elsewhere=judgement.elsewhere,
        reach=judgement.reach,
        course=judgement.course,
        causes=causes,
        suspicions=answered,
        rejected=rejected,
        gaps=missing,
        summary=summary(case, causes, rejected, missing),
        actions=proposed,
        communication=communication(case, first, causes, proposed, missing),
        findings=findings,
        measured=judgement.measured,
        series=judgement.series,
        gates=judgement.gates,
        considered=judgement.considered,
        notes=judgement.notes,
        usage=usage,
    )


def _ranked(judgement: Judgement) -> list[Verdict]:
    """The verdicts' own order, suspects after the confirmed; one without a confidence is no cause."""
    causes = [v for v in judgement.causes if v.confidence is not None]
    return sorted(causes, key=lambda v: v.confidence is not Confidence.CONFIRMED)


def _cause(rank: int, verdict: Verdict, start: datetime | None, slow_ms: float) -> Cause:
    return Cause(
        rank=rank,
        confidence=verdict.confidence or Confidence.SUSPECTED,
        statement=cause_statement(verdict, start, slow_ms),
        **{name: getattr(verdict, name) for name in _SHARED},
        shortfalls=verdict.shortfalls,
        detail=verdict.detail,
        also_visible_in=_once(verdict.also_visible_in),
        impact=verdict.impact,
        effect=verdict.effect,
        tier=verdict.tier,
        began=verdict.began,
    )


def _once(visible: list[Visible]) -> list[Visible]:
    """Drop causes that say the same of the same requests with more names: a dependency together with its only
    caller."""

    def repeats(one: Visible) -> bool:
        return any(
            other.subject.items() < one.subject.items() and (other.step, other.after) == (one.step, one.after)
            for other in visible
        )

    return [one for one in visible if not repeats(one)]


_SHARED = ("step", "label", "subject", "measure", "onset", "contrast", "evidence")


def _rejected(verdict: Verdict) -> Rejected:
    return Rejected(
        reason=verdict.dismissal,
        statement=dismissal_statement(verdict),
        **{name: getattr(verdict, name) for name in _SHARED},
    )
