"""What the incident's text suspects, answered one by one: yes; perhaps; no, because; or not in this telemetry."""

from tsg_agent.models import Cause, Confidence, Measure, Mention, Rate, Rejected, Reply, Suspicion, Visible
from tsg_agent.wording import measure_words, rate_or_share, subject_name

WHY = {
    "too_few": "too few requests to judge",
    "no_start": "nothing shows that it began then",
    "no_onset": "its change at the start may be chance",
    "everything": "nearly all traffic is in it",
    "lower_ranked": "it rose less than the causes explain",
    "passes_on": "it passes on what fails behind it",
    "describes": "it says what fails, not where",
}
"""Why something was dismissed, where its figures alone do not say it."""
AS_BEFORE = ("unchanged", "better", "healthy", "no_onset", "too_few", "everything")
"""Dismissals whose figures are compared with the time before; the others' are compared with all other requests."""
NEAR = 1.5
"""Up to this multiple of its earlier share, something counts as failing as it did before."""


def suspicions(
    mentioned: list[Mention], causes: list[Cause], rejected: list[Rejected], *, unmade: bool
) -> list[Suspicion]:
    """Each mention's answer, in the text's order. `unmade`: no verdict could be made, so nobody knows."""
    return [_answer(one, causes, rejected, unmade=unmade) for one in mentioned]


def _answer(one: Mention, causes: list[Cause], rejected: list[Rejected], *, unmade: bool) -> Suspicion:
    if one.subject is None:
        return _said(
            one, Reply.NOT_SEEN, f"no {one.kind} of that name was seen" if _is_named(one) else "nothing names it"
        )
    if unmade:
        return _said(one, Reply.PERHAPS, "no verdict could be made")
    for cause in causes:
        if one.subject.items() <= cause.subject.items() or _same_requests(one, cause):
            return _as_cause(one, cause)
    seen = [(cause, found) for cause in causes for found in (*cause.impact, *cause.also_visible_in)]
    for cause, found in seen:
        if one.subject.items() <= found.subject.items():
            return _said(one, Reply.NO, _shows(cause, found), [*found.evidence, *cause.evidence[:1]])
    about = [item for item in rejected if one.subject.items() <= item.subject.items()]
    if about:
        item = min(about, key=lambda found: len(found.subject))
        return _said(one, Reply.NO, _dismissed(one, item), item.evidence)
    return _said(one, Reply.NO, _even(one), [one.cited] if one.cited else [])


def _said(one: Mention, answer: Reply, because: str, evidence: list[str] | None = None) -> Suspicion:
    return Suspicion(words=one.words, subject=one.subject, answer=answer, because=because, evidence=evidence or [])


def _is_named(one: Mention) -> bool:
    """Whether a mention names a value of a column that the telemetry has, and not only a kind of thing."""
    return one.words.casefold() != one.kind.casefold() and one.kind in ("version", "flag", "component")


def _same_requests(one: Mention, cause: Cause) -> bool:
    return one.subject in [*cause.detail.get("same_requests", ()), *cause.detail.get("alike", ())]


def _as_cause(one: Mention, cause: Cause) -> Suspicion:
    own = one.subject is not None and one.subject.items() <= cause.subject.items()
    name = subject_name(cause.subject)
    if not own:
        return _said(
            one, Reply.PERHAPS, f"its requests are those of {name}, and the data cannot tell them apart", cause.evidence
        )
    narrower = f", as {name}" if one.subject != cause.subject else ""
    if cause.confidence is Confidence.CONFIRMED:
        return _said(one, Reply.YES, f"it is cause {cause.rank}, confirmed{narrower}", cause.evidence)
    return _said(one, Reply.PERHAPS, f"it is suspected, not confirmed{narrower}", cause.evidence)


def _shows(cause: Cause, found: Visible) -> str:
    left = found.without
    rest = f" (without that {rate_or_share(left)} fail)" if left is not None and left.requests else ""
    return f"it meets {subject_name(cause.subject)}{rest}"


def _dismissed(one: Mention, item: Rejected) -> str:
    then = item.reason in AS_BEFORE
    other = (item.onset.before, "before") if then else (item.contrast.rest, "of the rest")
    words = _figures(one.measure, item.onset.after, other)
    why = WHY.get(item.reason, "")
    return f"{why} ({words})" if why and words else why or words


def _even(one: Mention) -> str:
    """The answer for what neither the guide nor the search noticed, from its figures."""
    after, before, rest = one.after, one.before, one.rest
    if after is None:
        return "nothing abnormal was seen of it"
    if rest is None or (
        before is not None and 0 < after.percent <= NEAR * before.percent and rest.percent < after.percent
    ):
        return _figures(one.measure, after, (before, "before"))
    return _figures(one.measure, after, (rest, "of the rest"))


def _figures(measure: Measure, after: Rate | None, other: tuple[Rate | None, str]) -> str:
    """ "8.5 % fail there, 11.5 % of the rest"."""
    if after is None:
        return ""
    what = "fail there" if measure is Measure.SERVER_ERRORS else f"{measure_words(measure)} there"
    beside = f", {rate_or_share(other[0])} {other[1]}" if other[0] is not None else ""
    return f"{rate_or_share(after)} {what}{beside}"
