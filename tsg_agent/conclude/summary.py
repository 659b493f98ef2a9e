"""The guide's eight headings of Step 11, each with what was found under it."""

from tsg_agent.conclude.gaps import CANARY, not_looked_at
from tsg_agent.models import Cause, Confidence, Finding, Gap, Heading, Rejected, Status
from tsg_agent.wording import cited, listed, one_line, percent, sentence, some, subject_name

HEADINGS: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("Service version issues", (2,)),
    ("Feature flag problems", (3,)),
    ("Regional degradation", (4, 6)),
    ("Partition and shard issues", (5,)),
    ("Application component failures", (7,)),
    ("Product and customer impact", (8,)),
    ("Scenario failures", (9,)),
    ("Error patterns", (10,)),
)

HEALTHY = frozenset({"", "NO_REGRESSION", "NORMAL", "HEALTHY", "NO_CRITICAL_FAILURE", "LOW", "NO_ERRORS"})
"""Names for a row that the guide's rule finds nothing in; LOW are the errors that any day has."""

NOTHING = "Nothing abnormal."


def summary(causes: list[Cause], rejected: list[Rejected], gaps: list[Gap], findings: list[Finding]) -> list[Heading]:
    """Eight headings; a check that did not end ok never reads "nothing abnormal"."""
    by_step = {f.step: f for f in findings}
    headings = []
    for title, steps in HEADINGS:
        parts: list[str] = []
        evidence: list[str] = []
        for step in steps:
            words = _step(step, by_step.get(step), causes, rejected)
            words += [g.statement for g in gaps if g.step == step and g.status == CANARY]
            where = f"Step {step}: " if len(steps) > 1 else ""
            parts.append(where + " ".join(words) if words else f"{where}{NOTHING}")
            evidence += [by_step[step].id] if step in by_step else []
        text = NOTHING if all(p.endswith(NOTHING) for p in parts) else " ".join(parts)
        evidence = list(dict.fromkeys([*evidence, *(e for c in causes if c.step in steps for e in c.evidence)]))
        headings.append(Heading(title=title, steps=list(steps), statement=text, evidence=evidence))
    return headings


def _step(step: int, finding: Finding | None, causes: list[Cause], rejected: list[Rejected]) -> list[str]:
    words = [sentence(f"{_kind(c)} {c.rank}: {subject_name(c.subject)}") for c in causes if c.step == step]
    words += _seen_of_others(step, causes)
    if finding is None:
        return [*words, "Not looked at: the check did not run."]
    if finding.status is not Status.OK:
        return [*words, sentence(f"not judged: {not_looked_at(finding)}") + cited([finding.id])]
    words += _labels(finding)
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


def _labels(finding: Finding) -> list[str]:
    """The guide's own labels, which stand whatever we conclude of them; Step 10's rows are errors by themselves."""
    abnormal = {k: n for k, n in finding.labels.items() if k not in HEALTHY}
    if not abnormal:
        return []
    names = [f"{one_line(label)} in {some(n, 'row')}" for label, n in abnormal.items()]
    return [f"The guide's labels: {listed(names, 6)}." + cited([finding.id])]


def _kind(cause: Cause) -> str:
    return "cause" if cause.confidence is Confidence.CONFIRMED else "suspect"
