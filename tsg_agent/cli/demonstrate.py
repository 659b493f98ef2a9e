"""demo: generates an incident, investigates it, and reports."""

import time
from dataclasses import replace
from pathlib import Path

import typer

from tsg_agent.cli.run_command import Output, run_incident
from tsg_agent.cli.streams import writing
from tsg_agent.simulator.demos import DEMOS, demo_named, write_demo


def demonstrate(name: str, folder: Path, output: Output) -> None:
    """Generate the incident's telemetry in `folder/<name>`, investigate it, print the conclusion, write the report."""
    if name == "list":
        for one in DEMOS:
            typer.echo(f"{one.name:12} {one.title}")
        return
    chosen = demo_named(name)
    place = folder / chosen.name
    began = time.perf_counter()
    with writing(place, "--folder"):
        incident = write_demo(chosen, place)
    if not output.quiet:
        made = f"Made {place}/telemetry in {time.perf_counter() - began:.1f} s."
        typer.echo(f"{made} By hand: tsg-agent run {incident} --telemetry {place}/telemetry", err=True)
    output = replace(output, html=output.html or place / "report.html")
    text, end = incident.read_text("utf-8"), chosen.scenario.last.isoformat()
    run_incident(text, str(place / "telemetry"), None, {}, now=end, keep=False, output=output, may_ask=False)
