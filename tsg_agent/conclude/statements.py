"""Causes and dismissals in plain sentences, every figure from the evidence that the sentence cites."""

from datetime import datetime
from typing import Any

from tsg_agent.models import Cause, Confidence, Contrast, Effect, Measure, Onset, OnsetKind, Rate, Verdict, Visible
from tsg_agent.wording import (
    cited,
    clock,
    compared,
    count,
    listed,
    measure_words,
    name,
    one_line,
    percent,
    points,
    rate_or_share,
    rate_words,
    sentence,
    some,
    subject_name,
)

PARTLY = 0.05
"""Points below which what an action would bring is not told."""


def cause_statement(verdict: Verdict, start: datetime | None, slow_ms: float) -> str:
    """What fails, since when, how badly, against what; what it breaks; what a suspect falls short of."""
    sentences = [
        _change(verdict, start, slow_ms),
        _against_the_rest(verdict.contrast, verdict.measure),
        _gathered(verdict),
        _explains(verdict),
        _alike(verdict),
        _workflow(verdict),
        _broken_workflows(verdict.impact),
        _shortfalls(verdict),
    ]
    return " ".join(s for s in sentences if s) + cited(verdict.evidence)


def dismissal_statement(verdict: Verdict) -> str:
    """Why a subject that the guide's rules name, or that stood out, is no cause."""
    reason = one_line(verdict.reason) or verdict.dismissal.replace("_", " ")
    return sentence(f"{subject_name(verdict.subject)}: {reason}") + cited(verdict.evidence)


def figures(cause: Cause | Verdict, slow_ms: float | None = None) -> str:
    """One clause for a headline: "5.1 % of requests failed (5xx, mostly 503) against 0.03 % before"."""
    onset, contrast = cause.onset, cause.contrast
    after = onset.after or contrast.subject
    if after is None:
        return ""
    words = f"{percent(after.percent)} {measure_words(cause.measure, slow_ms, cause.detail.get('status_code'))}"
    if onset.kind is OnsetKind.APPEARED and contrast.rest is not None:
        return f"{words} against {percent(contrast.rest.percent)} of the rest"
    if onset.before is not None and onset.kind is not OnsetKind.UNKNOWN:
        return f"{words} against {percent(onset.before.percent)} before"
    return words


def effect_words(effect: Effect | None) -> str:
    """What undoing a cause would bring, as a clause; empty where that is nothing that shows."""
    if effect is None or effect.now.percent - effect.then.percent < PARTLY:
        return ""
    if effect.measure is Measure.SERVER_ERRORS:
        now, then = compared(100 - effect.now.percent, 100 - effect.then.percent)
        return f"expected: availability from {now} to {then} on the requests since the start"
    now, then = compared(effect.now.percent, effect.then.percent)
    return f"expected: from {now} to {then} {measure_words(effect.measure)}"


def _change(verdict: Verdict, start: datetime | None, slow_ms: float) -> str:
    onset, start = verdict.onset, verdict.began or start
    after = onset.after or verdict.contrast.subject
    who = subject_name(verdict.subject)
    if after is None:
        return sentence(f"{who} is {verdict.label}: {_unknown(onset)}")
    what = f"{percent(after.percent)} {measure_words(verdict.measure, slow_ms, verdict.detail.get('status_code'))}"
    if onset.kind is OnsetKind.UNKNOWN or start is None:
        where = f" after {clock(start)}" if start and onset.after else ""
        return sentence(f"{who}: {what}{where} ({_of(after, verdict.measure)}); {_unknown(onset)}")
    if onset.kind is OnsetKind.APPEARED:
        text = f"{who} appeared with the incident: {what} after {clock(start)} ({_of(after, verdict.measure)})"
        if onset.before is not None:
            text += f"; before it the service had {percent(onset.before.percent)} ({rate_words(onset.before)})"
        return sentence(text)
    if onset.before is None:
        return sentence(f"{who}: {what} after {clock(start)} ({_of(after, verdict.measure)})")
    return sentence(
        f"{who}: {what} after {clock(start)} against {percent(onset.before.percent)} before "
        f"({rate_words(after)} against {_of(onset.before, verdict.measure)})"
    )


def _of(rate: Rate, measure: Measure) -> str:
    return f"{rate_words(rate)} {'runs' if measure is Measure.WORKFLOW_FAILURES else 'requests'}"


def _unknown(onset: Onset) -> str:
    reason = f" ({one_line(onset.reason)})" if onset.reason else ""
    return f"whether this began with the incident is unknown{reason}"


def _against_the_rest(contrast: Contrast, measure: Measure) -> str:
    if contrast.rest is None:
        return sentence(f"not compared with the rest: {one_line(contrast.reason)}") if contrast.reason else ""
    rest = f"The rest had {percent(contrast.rest.percent)} at the same time ({_of(contrast.rest, measure)})"
    if not contrast.significant:
        return f"{rest}; the difference may be chance."
    if contrast.difference is None or contrast.difference <= 0:
        return f"{rest}."
    if contrast.method == "difference_in_differences":
        return f"{rest} and rose {points(contrast.difference)} less."
    return f"{rest}, {points(contrast.difference)} less."


def _gathered(verdict: Verdict) -> str:
    """Where within the subject the failures are, where the verdict found that out."""
    narrower, error = verdict.detail.get("narrowed_to"), verdict.detail.get("exception_type")
    parts = [subject_name(narrower)] if isinstance(narrower, dict) and narrower else []
    if error and error not in verdict.subject.values():
        parts.append(f"error {name(error)}")
    return sentence(f"most of this is {' and '.join(parts)}") if parts else ""


def _explains(verdict: Verdict) -> str:
    """A cause that the guide's thresholds alone would miss: it stands for what they do name."""
    named = verdict.detail.get("explains")
    if not isinstance(named, dict):
        return ""
    return sentence(f"by the guide's threshold it would pass, but {subject_name(named)} fails only where it does")


def _alike(verdict: Verdict) -> str:
    """Places that pass the same calls on to each other fail alike."""
    others = alike(verdict.detail)
    if not others:
        return ""
    return sentence(
        f"as many fail in {listed(others)}: calls passed on from one to the next look so, and the telemetry does not "
        "say where they begin to fail"
    )


def alike(detail: dict[str, Any]) -> list[str]:
    """The names of the causes that a cause cannot be told from."""
    others = detail.get("alike")
    return [subject_name(other) for other in others] if isinstance(others, list) else []


def _workflow(verdict: Verdict) -> str:
    detail = verdict.detail
    step, failed, bare = detail.get("workflow_step"), detail.get("failed_runs"), detail.get("uncompensated")
    parts = []
    if step and "workflow_step" not in verdict.subject:
        parts.append(f"most failed runs stop at {name(step)}")
    if isinstance(bare, int) and bare and isinstance(failed, int):
        verb = "has" if bare == 1 else "have"
        parts.append(f"{count(bare)} of {some(failed, 'failed run')} in the window {verb} no compensation")
    return sentence("; ".join(parts))


def _broken_workflows(impact: list[Visible]) -> str:
    broken = []
    for item in impact:
        text = subject_name(item.subject)
        if item.after is not None:
            text += f" ({percent(item.after.percent)} of runs do not complete"
            text += f", {percent(item.before.percent)} before" if item.before is not None else ""
            left = item.without
            text += f", {rate_or_share(left)} without its requests)" if left else ")"
        broken.append(text)
    return sentence(f"it breaks {listed(broken)}") if broken else ""


def _shortfalls(verdict: Verdict) -> str:
    if verdict.confidence is not Confidence.SUSPECTED:
        return ""
    reasons = listed([one_line(s).rstrip(".") for s in verdict.shortfalls], 5)
    return sentence(f"suspected, not confirmed: {reasons or 'the evidence falls short of the rules'}")
