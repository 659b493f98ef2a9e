"""Entrants of this project: `rules` without a model, `agent` with one."""

from typing import Any

from eval.answer import Answer, Blamed, Check, Dismissed, Proposed, Question, Replied, Spent, Stated
from eval.conclusion import onset_of
from eval.entrants import Entrant, EntrantError, Spec
from tsg_agent import Given, QuestionError, Report, Request, Settings, investigate, to_screen

GUIDES_CODES = [429, 503]
"""Status codes that the prose may quote: the guide names them."""


def rules(spec: Spec) -> Entrant:
    """Our agent without a model, even if the environment names one. `spec.settings`: for ablations."""
    settings = Settings(**{"model": {"name": ""}, **spec.settings})
    return lambda question: solved(question, settings)


def agent(spec: Spec) -> Entrant:
    """Our agent with a model. Raises EntrantError without one."""
    if not spec.model:
        raise EntrantError("entrant agent needs a model: --model NAME")
    settings = Settings(**{"model": {"name": spec.model, "base_url": spec.base_url or ""}, **spec.settings})
    return lambda question: solved(question, settings)


def solved(question: Question, settings: Settings, model: Any = None) -> Answer:
    """Investigate one question. `model`: overrides the model of the settings."""
    request = Request(
        text=question.incident, telemetry=question.telemetry, given=Given(**question.answers), now=question.now
    )
    try:
        return answer_of(investigate(request, settings=settings, model=model), settings)
    except QuestionError as error:
        return Answer(questions=[parameter for parameter, _, _ in error.questions])


def answer_of(report: Report, settings: Settings) -> Answer:
    """Convert a report to an Answer."""
    usage = report.usage.model
    return Answer(
        parameters=report.parameters.model_dump(mode="json", exclude={"origins", "other_regions"}),
        checks=[
            Check(step=f.step, status=f.status.value, label=f.label, note=f.reason or "; ".join(f.notes)[:400])
            for f in report.findings
        ],
        causes=[
            Blamed(
                subject=c.subject,
                confidence=c.confidence.value,
                step=c.step,
                tier=c.tier.value,
                label=c.label,
                statement=c.statement,
            )
            for c in report.causes
        ],
        dismissed=[
            Dismissed(subject=r.subject, step=r.step, reason=f"{r.reason}: {r.statement}") for r in report.rejected
        ],
        actions=[
            Proposed(
                kind=a.kind, urgency="now" if a.urgency == "now" else "look", target=a.target, statement=a.statement
            )
            for a in report.actions
        ],
        suspicions=[Replied(words=s.words, answer=s.answer.value, because=s.because) for s in report.suspicions],
        screen=to_screen(report),
        gaps=[Stated(step=g.step, status=g.status, statement=g.statement) for g in report.gaps],
        onset=onset_of(report),
        prose=prose_of(report),
        evidence=evidence_of(report, settings),
        spent=Spent(
            model_calls=usage.calls,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost=usage.cost or 0.0,
        ),
    )


def prose_of(report: Report) -> str:
    """All sentences of the conclusion, one per line, for the grounding check."""
    drafts = report.communication
    texts = [report.headline, *report.notes]
    texts += [c.statement for c in report.causes] + [a.statement for a in report.actions]
    texts += [r.statement for r in report.rejected] + [g.statement for g in report.gaps]
    texts += [h.statement for h in report.summary]
    texts += [drafts.incident_channel, drafts.product_teams, drafts.infrastructure or ""]
    return "\n".join(text for text in texts if text)


def evidence_of(report: Report, settings: Settings) -> dict[str, Any]:
    """The data that may support a sentence: the report without its prose, and the thresholds."""
    kept = {"parameters", "sla", "findings", "measured", "gates", "causes", "rejected", "series", "actions"}
    sentences = {"statement": True}
    data: dict[str, Any] = report.model_dump(
        mode="json",
        include=kept,
        exclude={
            "causes": {"__all__": sentences},
            "rejected": {"__all__": sentences},
            "actions": {"__all__": sentences},
            "findings": {"__all__": {"sql", "reason", "question"}},
        },
    )
    return data | {"constants": {"thresholds": settings.model_dump(mode="json")["thresholds"], "codes": GUIDES_CODES}}
