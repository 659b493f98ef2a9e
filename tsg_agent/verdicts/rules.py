"""From a candidate to a verdict: confirmed, suspected or dismissed, each with its reason. Pure."""

from dataclasses import dataclass

from tsg_agent.models import Confidence, Measure, OnsetKind, Tier, Verdict
from tsg_agent.statistics import unevenness
from tsg_agent.verdicts.candidates import Candidate
from tsg_agent.verdicts.labels import HEALTHY
from tsg_agent.verdicts.naming import rows_about
from tsg_agent.verdicts.screen import BORN_STEPS
from tsg_agent.verdicts.setting import Setting
from tsg_agent.wording import measure_words, percent, rate_words

EVEN_Z = 2.33
"""Under this a subject's failures are as even over time as chance makes them."""
NOTABLE_Z = 2.33
"""A contrast that deserves a word although no rule makes it a cause (one-sided 1 %)."""


@dataclass(frozen=True)
class Ruling:
    """What the rules say of a candidate."""

    confidence: Confidence | None
    shortfalls: tuple[str, ...] = ()
    dismissal: str = ""
    codes: frozenset[str] = frozenset()
    """The rules that it falls short of."""


def rule(one: Candidate, setting: Setting) -> Ruling:
    """Apply the rules of confidence, then, where they fail, say which one failed first."""
    shortfalls = _shortfalls(one, setting)
    if not shortfalls:
        return Ruling(Confidence.CONFIRMED)
    if _suspect(one, setting):
        codes = frozenset(code for code, _ in shortfalls)
        return Ruling(Confidence.SUSPECTED, tuple(text for _, text in shortfalls), codes=codes)
    return Ruling(None, dismissal=_dismissal(one, shortfalls))


def _shortfalls(one: Candidate, setting: Setting) -> list[tuple[str, str]]:
    """Rules that the candidate does not meet, as (code, words), in the order a reader wants them."""
    missing = []
    gate = setting.gates[one.measure]
    if setting.moved and one.tier is Tier.SYMPTOM and even(one):
        missing.append(("even", "it failed evenly through a window in which something changed"))
    if setting.knows_start(one.step):
        if not one.rising:
            missing.append(("no_onset", "it did not change enough when the incident began"))
        elif one.onset.kind is OnsetKind.APPEARED and one.step not in BORN_STEPS:
            missing.append(("no_before", "it had no requests before the incident to compare with"))
    if not one.compared and not _only_workflow(one, setting):
        code = "everything" if one.whole else "no_contrast"
        missing.append((code, "it is not clearly worse than the rest at the same time"))
    if not _abnormal(one, setting):
        missing.append(("below_threshold", f"it is under every threshold of the guide's Step {one.step}"))
    if not gate.open:
        missing.append(("gate_closed", f"the service as a whole shows nothing to explain ({gate.reason})"))
    return missing


def _abnormal(one: Candidate, setting: Setting) -> bool:
    """Labelled by the guide. Without a start, an error of low priority is too common to mean anything."""
    return bool(one.label) and (setting.knows_start(one.step) or one.step != 10 or one.label != "LOW")


def even(one: Candidate) -> bool:
    """It failed at the same rate all through the window."""
    counts, row = one.screen.table.counts, slice(one.row, one.row + 1)
    return float(unevenness(counts.failures[one.measure][row], counts.requests[row])[0]) < EVEN_Z


def _only_workflow(one: Candidate, setting: Setting) -> bool:
    """The only scenario there is has no rest; it stands if the requests themselves are well."""
    return one.whole and one.step == 9 and not setting.gates[Measure.SERVER_ERRORS].open


def _suspect(one: Candidate, setting: Setting) -> bool:
    limits = setting.limits.verdict
    if not setting.knows_start(one.step) or one.onset.p is None or one.whole or one.measure is Measure.RETRIES:
        return False  # retries follow from failures: alone they call for no look
    strong = one.onset.excess >= limits.suspect_excess and one.onset.p < limits.suspect_p
    return strong and (one.contrast.z or 0.0) >= limits.suspect_contrast_z and bool(one.screen.material[one.row])


def _dismissal(one: Candidate, shortfalls: list[tuple[str, str]]) -> str:
    if one.onset.kind in (OnsetKind.UNCHANGED, OnsetKind.BETTER):
        return str(one.onset.kind)
    codes = [code for code, _ in shortfalls]
    if one.onset.kind is OnsetKind.UNKNOWN and one.onset.reason.startswith("fewer"):
        return "too_few"
    return codes[0]


def verdict(one: Candidate, ruling: Ruling, setting: Setting, evidence: list[str]) -> Verdict:
    """The candidate as the report knows it."""
    finding = setting.findings.get(one.step)
    cited = [row_id for row_id, _ in rows_about(finding, one.subject)[:3]] if finding else []
    tier = one.tier
    if tier is Tier.POTENTIAL and one.step in BORN_STEPS and not one.compared:
        tier = Tier.SYMPTOM
    return Verdict(
        subject=one.subject,
        step=one.step,
        label=one.label or HEALTHY[one.step],
        measure=one.measure,
        tier=tier,
        onset=one.onset,
        contrast=one.contrast,
        confidence=ruling.confidence,
        shortfalls=list(ruling.shortfalls),
        dismissal=ruling.dismissal,
        reason=_reason(one, ruling.dismissal, setting) if ruling.dismissal else "",
        detail=one.detail,
        evidence=[*cited, *evidence],
    )


def _reason(one: Candidate, dismissal: str, setting: Setting) -> str:
    """The dismissal in words, with its figures."""
    what = measure_words(one.measure, setting.limits.version.slow_ms)
    before, after, rest = one.onset.before, one.onset.after, one.contrast.rest
    now = f"{percent(after.percent)} {what} ({rate_words(after)})" if after else "no requests"
    then = f"{percent(before.percent)} before ({rate_words(before)})" if before else "nothing before"
    if one.onset.kind is OnsetKind.APPEARED:
        then = "no requests before" + (f", when the service had {percent(before.percent)}" if before else "")
    others = f"{percent(rest.percent)} of the rest ({rate_words(rest)})" if rest and rest.requests else "no rest"
    words = {
        "unchanged": f"failing before, unchanged: {now}, {then}",
        "better": f"better than before: {now}, {then}",
        "even": f"failing evenly through the whole window, in which something else changed: {now}",
        "too_few": f"too few requests to judge: {now}, {then}",
        "no_onset": f"{_too_little(one, setting)}: {now}, {then}",
        "no_before": f"appeared with the incident: {now}, {then}",
        "everything": f"it has nearly all of the traffic, so it is no part to blame: {now}, {then}",
        "no_contrast": f"not clearly worse than the rest at the same time: {now}, {others}",
        "below_threshold": f"it differs, but is below the guide's threshold: {now}, {others}",
        "gate_closed": f"{setting.gates[one.measure].reason}: nothing to explain; {now}, {then}",
        "lower_ranked": f"it changed too, less than the causes above: {now}, {then}",
        "follows_requests": f"it fails because requests fail everywhere, and no more than they do: {now}, {then}",
        "passes_on": f"the entry; no more fail there than the causes above pass on to it: {now}, {then}",
        "describes": f"it says what fails, not where; the causes above are places: {now}, {then}",
        "healthy": f"not worse than the rest: {now}, {others}",
    }
    return words[dismissal]


def _too_little(one: Candidate, setting: Setting) -> str:
    """Which part of the rule for a rise is not met: a change too small to matter is not the same as chance."""
    limits = setting.limits.verdict
    if not one.screen.measured[one.row] or one.screen.p[one.row] > setting.cuts.onset:
        return "the change at the start may be chance"
    if one.onset.excess < limits.minimum_excess:
        return f"fewer than {limits.minimum_excess:g} failures more than before"
    return f"it rose by less than {limits.minimum_rise:g} points"


def notable(one: Candidate, ruling: Ruling, setting: Setting) -> bool:
    """Whether a dismissed candidate is worth a line: labelled, strikingly different, or the newest version."""
    if one.step == 10 and one.label in ("LOW", "MEDIUM"):
        shown = setting.findings.get(10)
        often = one.onset.after is not None and one.onset.after.failures >= setting.limits.verdict.minimum_excess
        return (
            bool(often and shown and rows_about(shown, one.subject))
            or one.onset.excess >= setting.limits.verdict.minimum_excess
        )
    if one.step in BORN_STEPS and (one.contrast.z or 0.0) >= NOTABLE_Z:
        return True
    return (
        bool(one.label)
        or one.compared
        or "newest" in one.detail
        or ruling.dismissal in ("lower_ranked", "follows_requests", "passes_on", "describes")
    )
