"""`python -m eval effects`: compares the concluded effect of undoing a cause with the counterfactual incident.

Each generated incident whose first cause is true is generated again without that cause's faults, all other rows
unchanged. Its share of failing requests since the start is the true effect.
"""

import json
import math
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from eval.cache import default_cache, telemetry_of
from eval.cases import Case, ExpectedCause, chosen, load_all
from eval.conclusion import each
from eval.rows import LOG
from tsg_agent import Given, QuestionError, Report, Request, Settings, investigate
from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Fault, Scenario

PART, LEAST = 0.10, 0.3
"""Tolerance: a tenth of the true effect, and at least so many points."""
WANTED = 0.9
COUNTED = {
    "server_errors": lambda status: status >= 500,
    "rate_limited": lambda status: status == 429,
    "client_errors": lambda status: (status >= 400) & (status < 500),
}
"""User-facing outcomes, by measure, as conditions over the log."""
console = Console()
errors = Console(stderr=True)


@dataclass(frozen=True)
class Compared:
    """One incident: percent of requests that fail since the start; `why` it could not be compared, if so."""

    case: str
    now: float = math.nan
    expected: float = math.nan
    true: float = math.nan
    why: str = ""

    @property
    def off(self) -> float:
        """Absolute error in percentage points."""
        return abs(self.expected - self.true)

    @property
    def right(self) -> bool:
        """True if the error is within the tolerance."""
        return self.off <= max(LEAST, PART * (self.now - self.true))


def without(scenario: Scenario, cause: ExpectedCause) -> Scenario:
    """The scenario without the faults of a true cause."""
    return scenario.model_copy(update={"faults": tuple(one for one in scenario.faults if not _of(one, cause))})


def _of(fault: Fault, cause: ExpectedCause) -> bool:
    where = dict(fault.where)
    return any(one.items() <= where.items() or where.items() <= one.items() for one in cause.any_of)


def compared(case: Case, cache: Path) -> Compared:
    """Investigate, generate the counterfactual, and compare."""
    known = case.expected.parameters.model_dump(mode="json", exclude_none=True)
    given = {name: known[name] for name in case.expected.asked if known.get(name, "unknown") != "unknown"}
    request = Request(text=case.text, telemetry=str(telemetry_of(case, cache)), now=case.now, given=Given(**given))
    try:
        report = investigate(request, settings=Settings.model_validate({"model": {"name": ""}}))
    except QuestionError as error:
        return Compared(case.id, why=f"asked for {', '.join(name for name, _, _ in error.questions)}")
    first = next(iter(report.causes), None)
    cause = next((one for one in case.expected.causes if first and one.holds(first.subject, first.step)), None)
    if first is None or cause is None or case.recipe is None:
        return Compared(case.id, why="the first cause is none of the true ones")
    if first.effect is None or first.measure.value not in COUNTED:
        return Compared(case.id, why=f"its measure is {first.measure.value}: no availability was lost")
    scenario = without(case.recipe.scenario, cause)
    true = _share(generate(scenario)[LOG].to_pandas(), report, first.measure.value)
    effect = first.effect
    return Compared(case.id, effect.now.percent, effect.then.percent, true)


def _share(log: pd.DataFrame, report: Report, measure: str) -> float:
    """Percent of the service's requests since the start that fail by a measure."""
    given, since = report.parameters, report.began or report.parameters.start_time
    log["timestamp"] = pd.to_datetime(log["timestamp"], utc=True)
    kept = (log["timestamp"] >= since) & (log["timestamp"] <= (report.onset.ended or given.end_time))
    for name in ("region", "environment", "service_name"):
        kept &= log[name] == getattr(given, name)
    if "is_test_traffic" in log:
        kept &= ~log["is_test_traffic"].fillna(False).astype(bool)
    entry = report.sla.measured_on.removeprefix("requests at ")
    if "service_component" in log and entry in set(log["service_component"]):
        kept &= log["service_component"] == entry
    mine = log[kept].drop_duplicates(["request_id", "timestamp", "status_code"])
    status = mine["status_code"].dropna()
    return 100.0 * float(COUNTED[measure](status).mean()) if len(status) else math.nan


def command(
    cases: Annotated[list[str] | None, typer.Option(help="ids, groups or tags; none = all made ones")] = None,
    cache: Annotated[Path | None, typer.Option(help="where made telemetry is kept")] = None,
    processes: Annotated[int, typer.Option(min=1, max=2)] = 2,
    output: Annotated[
        Path | None, typer.Option(help="a file of the figures (JSON lines), written as they come")
    ] = None,
) -> None:
    """Compare the expected effect of the first action with the same incident without its fault."""
    wanted = [case for case in chosen(load_all(), cases or []) if case.recipe is not None and case.expected.causes]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors) as progress:
        task = progress.add_task("effects", total=len(wanted))

        def done(_number: int, one: Compared) -> None:
            progress.advance(task)
            if output is not None:
                with output.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(asdict(one)) + "\n")

        found = each(wanted, partial(compared, cache=cache or default_cache()), processes, done)
    if not shown(found):
        raise typer.Exit(1)


def shown(found: list[Compared]) -> bool:
    """Print the figures; True if enough of them are right."""
    figures = [one for one in found if not one.why]
    table = Table("incident", "fails now, %", "expected, %", "without the fault, %", "off, points")
    for one in sorted(figures, key=lambda one: -one.off):
        mark = "" if one.right else "[red]"
        table.add_row(one.case, f"{one.now:.2f}", f"{one.expected:.2f}", f"{one.true:.2f}", f"{mark}{one.off:.2f}")
    console.print(table)
    for why in sorted({one.why for one in found if one.why}):
        console.print(f"not compared: {why}: {', '.join(one.case for one in found if one.why == why)}", markup=False)
    right = sum(one.right for one in figures)
    console.print(f"right: {right} of {len(figures)}, {100 * right / max(len(figures), 1):.1f} % (wanted {WANTED:.0%})")
    return right >= WANTED * len(figures)
