"""Runs as Markdown, and as one HTML page that needs nothing else."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from eval.results import Result, Run, by_case, failures
from eval.scorers import COSTS, FAULTS, SHARES
from eval.summary import Score, scores_of, sets_of

COLUMNS = (*SHARES, *FAULTS, "seconds", "model_calls", "tokens", "cost")
LEFT_OUT = "An answer that failed is 0 where more is better, and left out of the other faults and of the costs."
HEADLINE = "right_nobody_blamed"
WIDTH = 200
"""Of a chart's scale, in pixels."""


def _sets(runs: list[Run]) -> list[tuple[str, list[Result]]]:
    """(heading, results) of each run and set of seeds, side by side."""
    many = len(runs) > 1
    return [
        (f"{run.head.entrant}: {name}" if many else name, results)
        for run in runs
        for name, results in sets_of(run).items()
    ]


def _table(runs: list[Run]) -> tuple[list[str], list[tuple[str, list[Score | None]]]]:
    """Headings, and a row for each score with a cell for each set."""
    sets = _sets(runs)
    columns = [{score.name: score for score in scores_of(results)} for _, results in sets]
    names = dict.fromkeys(name for column in columns for name in column)
    return [heading for heading, _ in sets], [(name, [column.get(name) for column in columns]) for name in names]


def cell(score: Score | None) -> str:
    """A score with its interval."""
    if score is None:
        return ""
    digits = 2 if score.name in COSTS else 3
    return f"{score.mean:.{digits}f} [{score.interval[0]:.2f}, {score.interval[1]:.2f}]"


def markdown(runs: list[Run]) -> str:
    """Scores with intervals, then what was not solved."""
    headings, rows = _table(runs)
    lines = ["# Exam", "", *(f"- **{headline(run)}**" for run in runs), *(f"- {_about(run)}" for run in runs), ""]
    lines += [f"| score | {' | '.join(headings)} |", "|---" * (len(headings) + 1) + "|"]
    lines += [f"| {name} | {' | '.join(cell(score) for score in scores)} |" for name, scores in rows]
    lines += ["", "In brackets: 95 % intervals over the incidents (Wilson for shares, else bootstrap).", ""]
    lines += [f"{', '.join(FAULTS)} and the costs: less is better. {LEFT_OUT}", "", "## Not solved", ""]
    for heading, results in _sets(runs):
        lines += [f"- {heading}: {r.case}: {failings(r)}" for r in results if not r.passed]
    return "\n".join(lines) + "\n"


def headline(run: Run) -> str:
    """The headline metric: in how many incidents the first cause is right, and no other one is confirmed."""
    asked = [value for result in run.results if (value := result.scores.get(HEADLINE)) is not None]
    right = f"{sum(value == 1 for value in asked):,} of {len(asked):,}"
    return f"{run.head.entrant}: right cause, nobody blamed in {right}"


def _about(run: Run) -> str:
    head = run.head
    versions = ", ".join(f"{name} {version}" for name, version in head.versions.items())
    changed = f"; settings {head.settings}" if head.settings else ""
    return (
        f"{head.entrant}, {head.started}, {head.runs} run(s) an incident; {failures(run.results)}{changed}; {versions}"
    )


def failings(result: Result) -> str:
    """The scores that an unsolved incident failed."""
    if result.error:
        return result.error
    low = [n for n in ("parameters", "cause_at_1", "cause_at_3", "actions") if result.scores.get(n) not in (None, 1.0)]
    return ", ".join(low + [name for name in FAULTS if result.scores.get(name)])


def shade(name: str, value: float | None) -> str:
    """The colour class of a cell."""
    if value is None:
        return "none"
    if name in COSTS:
        return "plain"
    good = 1 - value if name in FAULTS else value
    return "good" if good >= 0.999 else "middling" if good >= 0.5 else "bad"


def _incidents(runs: list[Run]) -> list[dict[str, Any]]:
    """A row for each incident of each run and seed; of several runs of one incident, means and the first answer."""
    rows: list[dict[str, Any]] = []
    for run in runs:
        for (case, reseed), results in by_case(run.results).items():
            first = results[0]
            cells = []
            for name in COLUMNS:
                values = [v for r in results if (v := r.scores.get(name)) is not None]
                cells.append((name, sum(values) / len(values) if values else None))
            solved = sum(r.passed for r in results) / len(results)
            rows.append({"id": f"i{len(rows)}", "case": case, "reseed": reseed, "entrant": run.head.entrant,
                         "first": first, "cells": cells, "solved": solved, "why": failings(first)})  # fmt: skip
    return rows


def html(runs: list[Run]) -> str:
    """One page: charts, a row per incident, and each incident's trajectory in a collapsed section."""
    headings, rows = _table(runs)
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.globals.update(cell=cell, shade=shade, width=WIDTH, about=_about, headline=headline, left_out=LEFT_OUT)
    charted = [(name, scores) for name, scores in rows if name not in COSTS]
    return environment.get_template("report.html.j2").render(
        runs=runs, headings=headings, rows=rows, charted=charted, columns=COLUMNS, incidents=_incidents(runs)
    )
