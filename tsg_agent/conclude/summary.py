"""The guide's headings of the conclusion, each with what was found under it."""

from tsg_agent.conclude.case import Case
from tsg_agent.conclude.gaps import CANARY, not_looked_at
from tsg_agent.models import Cause, Confidence, Finding, Gap, Heading, Rejected, Status
from tsg_agent.wording import cited, listed, one_line, percent, sentence, some, subject_name

NOTHING = "Nothing abnormal."


def summary(case: Case, causes: list[Cause], rejected: list[Rejected], gaps: list[Gap]) -> list[Heading]:
    """A heading for each check, or for several; a check that did not end ok never reads "nothing abnormal"."""
    by_step = case.situation.findings
    headings = []
    for title, steps in case.guide.sections:
        parts: list[str] = []
        evidence: list[str] = []
        for step in steps:
            words = _step(step, case, causes, rejected)
            words += [g.statement for g in gaps if g.step == step and g.status == CANARY]
            where = f"Step {step}: " if len(steps) > 1 else ""
            parts.append(where + " ".join(words) if words else f"{where}{NOTHING}")
            evidence += [by_step[step].id] if step in by_step else []
        text = NOTHING if all(p.endswith(NOTHING) for p in parts) else " ".join(parts)
        evidence = list(dict.fromkeys([*evidence, *(e for c in causes if c.step in steps for e in c.evidence)]))
        headings.append(Heading(title=title, steps=list(steps), statement=text, evidence=evidence))
    return headings


def _step(step: int, case: Case, causes: list[Cause], rejected: list[Rejected]) -> list[str]:
    finding = case.situation.findings.get(step)
    words = [sentence(f"{_kind(c)} {c.rank}: {subject_name(c.subject)}") for c in causes if c.step == step]
    words += _seen_of_others(step, causes)
    if finding is None:
        return [*words, "Not looked at: the check did not run."]
    if finding.status is not Status.OK:
        return [*words, sentence(f"not judged: {not_looked_at(finding)}") + cited([finding.id])]
    words += _labels(finding, case.guide.harmless)
    dismissed = [f"{subject_name(r.subject)} ({r.reason.replace('_', ' ')})" for r in rejected if r.step == step]
    if dismissed:
        words.append(sentence(f"dismissed: {listed(dismissed)}"))
    return words


def _seen_of_others(step: int, causes: list[Cause]) -> list[str]:
    found = []
    for cause in causes:
        seen = [v for v in [*cause.impact, *cause.also_visible_in] if v.step == step]
        names = []
        for item in seen:
            share = f" ({percent(item.after.percent)})" if item.after is not None else ""
            names.append(subject_name(item.subject) + share)
        if names:
            found.append(sentence(f"{_kind(cause)} {cause.rank} shows in {listed(list(dict.fromkeys(names)))}"))
    return found


def _labels(finding: Finding, harmless: frozenset[str]) -> list[str]:
    """The guide's own labels, which stand whatever we conclude of them."""
    abnormal = {k: n for k, n in finding.labels.items() if k not in harmless}
    if not abnormal:
        return []
    names = [f"{one_line(label)} in {some(n, 'row')}" for label, n in abnormal.items()]
    return [f"The guide's labels: {listed(names, 6)}." + cited([finding.id])]


def _kind(cause: Cause) -> str:
    return "cause" if cause.confidence is Confidence.CONFIRMED else "suspect"
