"""What was not looked at, or not enough: said aloud, since zero rows look the same as a healthy system."""

from collections.abc import Iterable

from tsg_agent.conclude.case import Case
from tsg_agent.models import Finding, Gap, Status
from tsg_agent.wording import cited, listed, one_line, sentence

CANARY = "canary"
UNKNOWN_START = "unknown_start"

STATUS_WORDS: dict[Status, str] = {
    Status.NO_DATA: "nothing was looked at",
    Status.INSUFFICIENT_DATA: "too little traffic to judge",
    Status.NOT_APPLICABLE: "not possible with this telemetry",
    Status.TIMEOUT: "ran out of time",
    Status.ERROR: "the check failed",
}


def gaps(case: Case) -> list[Gap]:
    """Every check that did not end ok or did not run, canaries, an unknown start, a service without requests."""
    found: list[Gap] = []
    start, sla = case.judgement.start, case.sla
    if sla.breached is None:
        text = f"availability is unknown: {one_line(sla.reason)}"
        found.append(Gap(step=None, status=sla.status.value, statement=sentence(text)))
    if start.measured is None and start.reported is None:
        text = "the incident's start is not known: none was reported, and nothing in the window shows when it began"
        found.append(Gap(step=case.guide.asks, status=UNKNOWN_START, statement=sentence(text)))
    for step in case.guide.by_number:
        finding = case.situation.findings.get(step)
        if finding is None:
            found.append(Gap(step=step, status="not_run", statement=f"Step {step} did not run."))
            continue
        if finding.status is not Status.OK:
            found.append(Gap(step=step, status=finding.status.value, statement=_statement(finding)))
        found += [
            Gap(step=step, status=CANARY, statement=sentence(one_line(note)) + cited([finding.id]))
            for note in finding.notes
            if CANARY in note.casefold()
        ]
    return found


def steps_words(steps: Iterable[int]) -> str:
    """Steps in a sentence, in order and each once: "Step 3", "Steps 2 to 8 and 10"."""
    numbers = sorted(set(steps))
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [part for run in runs for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]
    return f"Step{'s' if len(numbers) > 1 else ''} {listed(parts, len(parts))}"


def not_looked_at(finding: Finding) -> str:
    """A check that is a gap, in words: how it ended, and why."""
    reason = one_line(finding.reason, 400).rstrip(".")
    return STATUS_WORDS[finding.status] + (f". {sentence(reason)}" if reason else "")


def _statement(finding: Finding) -> str:
    return sentence(f"Step {finding.step}, {one_line(finding.title)}: {not_looked_at(finding)}") + cited([finding.id])
