"""The conclusion in short: what whoever is on call asks first, each answered in a clause or a few.

No figure is said twice: what a line says, the next ones leave out.
"""

from datetime import datetime, timedelta

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.headline import TOLD, availability_words, nothing_found, subject_words
from tsg_agent.conclude.statements import figures
from tsg_agent.models import (
    Action,
    Cause,
    Confidence,
    Course,
    Gap,
    Line,
    Measure,
    OnsetKind,
    Rate,
    Reach,
    Suspicion,
    Trend,
    Visible,
)
from tsg_agent.wording import (
    FEW,
    clock,
    count,
    listed,
    measure_words,
    moment,
    name,
    one_line,
    percent,
    rate_or_share,
    span,
    subject_name,
    uncited,
)

ENDED = {
    "not_applicable": "not possible with this telemetry",
    "no_data": "no rows",
    "insufficient_data": "too few requests",
    "timeout": "ran out of time",
    "error": "it failed",
    "not_run": "it did not run",
    "canary": "a canary has too few requests",
}
"""Why a check says nothing, in a few words."""
ALIKE = "all customer tiers alike"
SHOWN = 2
"""Workflows that are named."""


def brief(
    case: Case, causes: list[Cause], actions: list[Action], suspicions: list[Suspicion], gaps: list[Gap]
) -> list[Line]:
    """The lines, those without an answer left out."""
    found = {
        "broke": _broke(case, causes),
        "since": _since(case, causes),
        "sure": _sure(causes),
        "hit": _hit(case.judgement.reach, causes),
        "now": _now(case),
        "first": _first(actions, causes),
        "then": _then(actions, causes),
        "shows": _shows(causes, case.judgement.reach),
        "suspected": _suspected(suspicions),
        "unchecked": _unchecked(case, gaps),
    }
    return [Line(asks=asks, items=items) for asks, items in found.items() if items]


def _broke(case: Case, causes: list[Cause]) -> list[str]:
    confirmed = any(cause.confidence is Confidence.CONFIRMED for cause in causes)
    lost = [nothing_found(case)] if not causes or (case.judgement.traffic is not None and not confirmed) else []
    return lost + [f"{_numbered(cause, causes)}{subject_words(cause)}: {_figures(case, cause)}" for cause in causes]


def _numbered(cause: Cause, causes: list[Cause]) -> str:
    mark = "" if cause.confidence is Confidence.CONFIRMED else "suspected: "
    return mark if len(causes) == 1 else f"{cause.rank}. {mark}"


def _figures(case: Case, cause: Cause) -> str:
    words = figures(cause, case.slow_ms)
    if cause.began is not None:
        words = f"since {clock(cause.began)} {words}"
    return words.replace(" against ", ", ") or "its requests fail, and nothing shows since when"


def _since(case: Case, causes: list[Cause]) -> list[str]:
    start = case.judgement.start
    if case.start is None:
        return ["not known: none was reported, and nothing in the window shows it"] if causes else []
    if start.measured is None:
        return [f"{moment(case.start)}, as reported; nothing in the telemetry changed then"]
    off = start.reported is not None and abs(start.reported - start.measured) >= TOLD
    said = "" if start.reported is None else f" (reported {clock(start.reported)})" if off else " (as reported)"
    return [f"{moment(start.measured)}, measured{said}", _length(case, start.measured, start.ended)]


def _length(case: Case, begun: datetime, ended: datetime | None) -> str:
    if ended is not None:
        return f"it was over at {clock(ended)}, after {span(ended - begun)}"
    course = case.judgement.course
    until = course.until if course is not None else case.parameters.end_time
    return f"for {span(until - begun)} now" if until - begun >= timedelta(minutes=1) else "it has just begun"


def _sure(causes: list[Cause]) -> list[str]:
    if not causes:
        return []
    first = causes[0]
    if first.confidence is Confidence.SUSPECTED:
        short = listed([one_line(reason).rstrip(".") for reason in first.shortfalls], 2)
        return [f"suspected, not confirmed: {short or 'the evidence falls short of the rules'}"]
    why = {
        OnsetKind.APPEARED: "it came with the incident",
        OnsetKind.NEW: "it began with the incident",
        OnsetKind.WORSE: "it became worse with the incident",
    }.get(first.onset.kind, "the guide's own rule settles it")
    beside = "; the rest did not rise" if first.contrast.significant and first.contrast.rest else ""
    only = "" if first.contrast.rest else "; all requests have it, so nothing is left to compare with"
    return [f"confirmed: {why}{beside}{only if first.onset.kind is not OnsetKind.UNKNOWN else ''}"]


def _hit(reach: Reach | None, causes: list[Cause]) -> list[str]:
    if reach is None or not causes:
        return []
    broken = [_run_words(one) for cause in causes for one in cause.impact]
    return [
        *_users(reach),
        *([f"breaks workflow{'s' if len(broken) > 1 else ''} {listed(broken, SHOWN)}"] if broken else []),
        *_tiers(reach),
        *_regions(reach),
    ]


def _users(reach: Reach) -> list[str]:
    found = []
    if reach.users and reach.users_hit is not None:
        share = f" ({percent(100 * reach.users_hit / reach.users)})" if reach.users >= FEW else ""
        found.append(f"{count(reach.users_hit)} of {count(reach.users)} users{share} met a failure")
    if reach.traffic is not None and reach.traffic.requests:
        found.append(f"{percent(reach.traffic.percent)} of the traffic goes there")
    return found


def _tiers(reach: Reach) -> list[str]:
    if len(reach.tiers) < 2:
        return []
    most = [
        f"{name(value)} ({rate_or_share(one.after)})"
        for one in reach.tiers
        if one.stands_out
        for value in one.subject.values()
    ]
    return [f"most of all customer tier{'s' if len(most) > 1 else ''} {listed(most)}" if most else ALIKE]


def _regions(reach: Reach) -> list[str]:
    """Other regions whose failures rose since the start, too."""
    risen = [one for one in reach.regions if one.stands_out]
    others = [f"{name(value)} ({percent(one.after.percent)})" for one in risen for value in one.subject.values()]
    return [f"also in {listed(others)}" if others else "no other region"] if reach.regions else []


def _run_words(one: Visible) -> str:
    """A workflow that a cause breaks."""
    named = name(one.subject["scenario_name"]) if set(one.subject) == {"scenario_name"} else subject_name(one.subject)
    return f"{named}{f' ({rate_or_share(one.after)} of runs)' if one.after else ''}"


def _now(case: Case) -> list[str]:
    sla, course = case.sla, case.judgement.course
    if course is None or not course.latest.requests:
        return [availability_words(case.start, sla, case.judgement.start.ended)]
    share = _share(course)
    if course.trend is Trend.OVER:
        return [f"over: {share} since (SLA {percent(sla.threshold)})"]
    which = {
        Trend.BETTER: "getting better",
        Trend.WORSE: "getting worse",
        Trend.STEADY: "steady",
        Trend.UNKNOWN: "too early to say which way it goes",
    }[course.trend]
    return [f"{which}: {share} in the last {course.minutes} min (SLA {percent(sla.threshold)})"]


def _share(course: Course) -> str:
    if course.measure is Measure.SERVER_ERRORS:
        return f"availability {percent(100 - course.latest.percent)}"
    return f"{percent(course.latest.percent)} {measure_words(course.measure)}"


def _first(actions: list[Action], causes: list[Cause]) -> list[str]:
    if not actions:
        return ["nothing: no cause calls for an action"]
    first = actions[0]
    return [part for part in (_act(first, causes), first.effect, first.how) if part]


def _act(action: Action, causes: list[Cause]) -> str:
    """An action as a clause, without the reason for a suspicion: an earlier line gives it."""
    cause = next((one for one in causes if one.rank == action.cause), None)
    if action.kind == "look" and cause is not None:
        return f"look at {subject_name(cause.subject)} before you change anything"
    if action.kind == "close_gaps":
        return "look by hand at what was not checked"
    return _clause(action).partition(":")[0] if action.kind == "repair_runs" else _clause(action)


def _then(actions: list[Action], causes: list[Cause]) -> list[str]:
    """The actions after the first, repairs first."""
    found = [one for one in actions[1:] if one.kind != "close_gaps"]
    return [_act(one, causes) for one in sorted(found, key=lambda one: one.kind != "repair_runs")]


def _clause(action: Action) -> str:
    words = uncited(action.statement).rstrip(".")
    return words[:1].lower() + words[1:] if not words[:2].isupper() else words


def _shows(causes: list[Cause], reach: Reach | None) -> list[str]:
    """Where else the failures show, apart from the customers; names of the same requests share one figure."""
    said = [one.subject for one in [*reach.tiers, *reach.regions] if one.stands_out] if reach is not None else []
    names: dict[tuple[int, int] | None, list[str]] = {}
    for one in (one for cause in causes for one in cause.also_visible_in if one.subject not in said):
        of = (one.after.failures, one.after.requests) if one.after else None
        names.setdefault(of, []).append(subject_name(one.subject))
    rates = {of: f" {rate_or_share(Rate(failures=of[0], requests=of[1]))}" if of else "" for of in names}
    return [f"{listed(list(dict.fromkeys(alike)), 9)}{rates[of]}" for of, alike in names.items()]


def _suspected(suspicions: list[Suspicion]) -> list[str]:
    """Answers to what the text suspects; those with the same answer and reason are joined."""
    words: dict[str, list[str]] = {}
    for one in suspicions:
        answer = f"{one.answer.value}, {one.because}" if one.because else one.answer.value
        words.setdefault(answer, []).append(one.words)
    return [f"{listed(alike, len(alike))}: {answer}" for answer, alike in words.items()]


def _unchecked(case: Case, gaps: list[Gap]) -> list[str]:
    """The checks that did not end well, by their titles."""
    alike: dict[str, list[str]] = {}
    titles = {finding.step: one_line(finding.title) for finding in case.findings}
    for gap in gaps:
        if gap.step is not None and gap.step in titles:
            alike.setdefault(ENDED.get(gap.status, gap.status), []).append(titles[gap.step])
    return [f"{listed(list(dict.fromkeys(names)), 9)} ({status})" for status, names in alike.items()]
