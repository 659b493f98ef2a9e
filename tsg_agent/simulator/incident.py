"""Writes the incident report of a scenario in several styles. It never contains the answer."""

from datetime import datetime, timedelta, timezone
from typing import Literal

from pydantic import Field

from tsg_agent.models import Model
from tsg_agent.simulator.scenario import Scenario

Part = Literal["region", "service_name", "environment", "start", "end", "threshold"]


class IncidentReport(Model):
    """How an incident is reported: style, precision, omissions, and wrong suspicions."""

    hand: Literal["alert", "ticket", "chat", "email"] = "ticket"
    symptom: str = Field("requests are failing", description="what people see, in words: not the cause")
    omit: tuple[Part, ...] = Field((), description="parameters that the text does not give")
    hints: tuple[str, ...] = Field((), description="what people suspect, mostly wrong; whole sentences")
    start_words: Literal["began at", "started at", "since"] = "began at"
    start_error_minutes: float = Field(0, description="how late the start is reported; negative = early")
    ongoing: bool = Field(True, description="still failing at the scenario's end; else resolved then")
    utc_offset_hours: float = Field(0, description="of the times in the text; 0 = UTC")
    time_style: Literal["iso", "plain"] = "iso"
    window: bool = Field(False, description="the guide's start_time and end_time are written out too")
    other_regions: tuple[str, ...] = Field((), description="regions named after the incident's own")


class _Facts(Model):
    """The report's parameters in words; "" for an omitted one."""

    where: str
    service: str
    start: str
    end: str
    target: str
    window: str
    noticed: datetime = Field(description="when somebody noticed, in the report's own time zone")


def incident_text(scenario: Scenario, report: IncidentReport | None = None) -> str:
    """The report as Markdown."""
    report = report or IncidentReport()
    facts = _facts(scenario, report)
    write = {"alert": _alert, "ticket": _ticket, "chat": _chat, "email": _email}[report.hand]
    return "\n".join(write(report, facts)).strip() + "\n"


def _time(moment: datetime, report: IncidentReport) -> str:
    local = moment.astimezone(timezone(timedelta(hours=report.utc_offset_hours)))
    if report.time_style == "iso":
        return local.isoformat(timespec="seconds").replace("+00:00", "Z")
    zone = local.strftime("%z")
    return local.strftime("%Y-%m-%d %H:%M ") + ("UTC" if not report.utc_offset_hours else f"{zone[:3]}:{zone[3:]}")


def _facts(scenario: Scenario, report: IncidentReport) -> _Facts:
    said = {name: name not in report.omit for name in ("region", "service_name", "environment", "start", "end")}
    start = scenario.incident_start + timedelta(minutes=report.start_error_minutes)
    verb = "still ongoing at" if report.ongoing else "resolved at"
    regions = [scenario.region, *report.other_regions]
    place = " and ".join(regions) if said["region"] else ""
    environment = scenario.environment if said["environment"] else ""
    noticed = (start + timedelta(minutes=12)).astimezone(timezone(timedelta(hours=report.utc_offset_hours)))
    window = f"start_time: {_time(start - timedelta(hours=2), report)}, end_time: {_time(scenario.last, report)}"
    return _Facts(
        where=" ".join(
            part for part in (f"in {place}" if place else "", f"({environment})" if environment else "") if part
        ),
        service=scenario.service_name if said["service_name"] else "our main service",
        start=f"{report.start_words} {_time(start, report)}" if said["start"] else "",
        end=f"{verb} {_time(scenario.last, report)}" if said["end"] else "",
        target=f"{scenario.threshold:g}%" if "threshold" not in report.omit else "",
        window=window if report.window else "",
        noticed=noticed,
    )


def _sentence(report: IncidentReport, facts: _Facts) -> str:
    what = f"{facts.service} {facts.where}".strip() + f": {report.symptom}"
    when = ", ".join(part for part in (facts.start, facts.end) if part)
    if not when:
        return what + "."
    return f"{what}, {when}." if report.start_words == "since" or not facts.start else f"{what}. It {when}."


def _alert(report: IncidentReport, facts: _Facts) -> list[str]:
    lines = [f"# ALERT availability {facts.service}", "", f"FIRING {_sentence(report, facts)}"]
    lines += [f"Objective {facts.target}."] if facts.target else []
    lines += [facts.window] if facts.window else []
    return lines + [f"note: {hint}" for hint in report.hints]


def _ticket(report: IncidentReport, facts: _Facts) -> list[str]:
    lines = [f"# Availability drop on {facts.service}", "", "Severity: 2", "", "## What happened", ""]
    lines += [_sentence(report, facts)]
    lines += ["", "## Service level", "", f"The SLA is {facts.target} availability."] if facts.target else []
    lines += ["", "## Parameters for analysis", "", facts.window] if facts.window else []
    if report.hints:
        lines += ["", "## Notes", "", *(f"- {hint}" for hint in report.hints)]
    return lines


def _chat(report: IncidentReport, facts: _Facts) -> list[str]:
    people = ("maria", "deniz", "jo")
    lines = [f"# #incident-{facts.service.replace('.', '-').replace(' ', '-')}", ""]
    talk = [f"{report.symptom}, anyone else seeing this on {facts.service} {facts.where}?".replace(" ?", "?")]
    talk += (
        [f"yes, it {facts.start}" if report.start_words != "since" else f"yes, {facts.start}"] if facts.start else []
    )
    talk += list(report.hints)
    talk += [f"SLA for this one is {facts.target}"] if facts.target else []
    talk += [facts.window] if facts.window else []
    talk += [facts.end] if facts.end else []
    stamps = [(facts.noticed + timedelta(minutes=2 * turn)).strftime("%H:%M") for turn in range(len(talk))]
    return lines + [f"**{people[i % 3]}** [{stamps[i]}]: {line}  " for i, line in enumerate(talk)]


def _email(report: IncidentReport, facts: _Facts) -> list[str]:
    lines = [f"Subject: Problems with {facts.service}", "To: on-call", "", "Hello,", ""]
    lines += [f"our customers tell us about {facts.service} {facts.where}".strip() + f": {report.symptom}."]
    when = (
        [f"It {facts.start}" if report.start_words != "since" else f"This is so {facts.start}"] if facts.start else []
    )
    when += [f"it is {facts.end}" if report.ongoing else f"it was {facts.end}"] if facts.end else []
    told = ", ".join(when) + "."
    lines += [told[0].upper() + told[1:]] if when else []
    lines += [f"We have promised {facts.target} availability."] if facts.target else []
    lines += [facts.window] if facts.window else []
    lines += [*report.hints, "", "Please have a look.", "", "> On an earlier mail: thanks, all good last week."]
    return lines
