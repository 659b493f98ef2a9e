"""One iteration of `watch`: the conclusion up to now, and changes since the last one."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from tsg_agent.cli.requested import read_text, request_of
from tsg_agent.investigation import investigate
from tsg_agent.models import Confidence, Report, Trend
from tsg_agent.report.terminal import print_report
from tsg_agent.settings import load_settings
from tsg_agent.wording import clock, compared, listed, one_line, sentence, subject_name


@dataclass(frozen=True)
class Look:
    """Result of one iteration: percent available since the start and recently, and the confirmed causes."""

    report: Report

    @property
    def over(self) -> bool:
        """True if the incident is over: it ended, or nothing fails any more."""
        course = self.report.course
        ended = course is not None and course.trend is Trend.OVER
        return ended or (self.report.sla.breached is False and not self.report.causes)

    @property
    def latest(self) -> float | None:
        """Percent of the last minutes' requests that did not fail; None if unknown."""
        course = self.report.course
        if course is not None and course.latest.requests:
            return 100 - course.latest.percent
        since = self.report.sla.after or self.report.sla.window
        return since.availability if since is not None else None

    @property
    def causes(self) -> list[str]:
        """Names of the confirmed causes."""
        return [subject_name(c.subject) for c in self.report.causes if c.confidence is Confidence.CONFIRMED]


def look(incident: str, telemetry: str, mapping: Path | None, given: dict[str, Any], before: Look | None) -> Look:
    """Investigate up to now; print the whole conclusion at first, later only changes. Raises TsgError."""
    now = datetime.now(UTC)
    given = {**given, "end_time": now.isoformat()}
    request = request_of(read_text(incident), telemetry, mapping, given, now=None)
    seen = Look(investigate(request, settings=load_settings(), keep=False))
    if before is None:
        print_report(seen.report, Console())
    else:
        typer.echo(f"{clock(now)}  {changed(before, seen)}")
    return seen


def changed(before: Look, after: Look) -> str:
    """The changes between two iterations, in a sentence or two."""
    parts = []
    if before.latest is not None and after.latest is not None:
        then, now = compared(before.latest, after.latest)
        parts.append(f"availability {now} lately" + ("" if then == now else f", {then} at the look before"))
    new = [one for one in after.causes if one not in before.causes]
    gone = [one for one in before.causes if one not in after.causes]
    parts += [f"new cause: {listed(new)}"] if new else []
    parts += [f"no cause any more: {listed(gone)}"] if gone else []
    if not new and not gone:
        parts.append("the same causes" if after.causes else "no cause is confirmed")
    first = "It is over. " if after.over else ""
    return first + sentence(one_line("; ".join(parts)))
