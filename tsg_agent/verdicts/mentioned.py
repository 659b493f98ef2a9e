"""The figures of what an incident's text brings up, whether or not it stood out. Pure."""

from collections.abc import Sequence

from tsg_agent.evidence.measurement import Measurement, Table
from tsg_agent.evidence.requests import REQUEST_MEASURES
from tsg_agent.models import Measure, Mention, Rate
from tsg_agent.statistics import g2_z
from tsg_agent.verdicts.judge import Judged


def measured_mentions(found: Sequence[Mention], judged: Judged) -> list[Mention]:
    """Each with its failing share before the start and since, and that of the rest; in the first cause's measure."""
    measurement, start = judged.measurement, judged.judgement.start
    measure = start.measure if start.measure in REQUEST_MEASURES else Measure.SERVER_ERRORS
    return [_mention(one, measurement, measure) for one in found]


def names_in(measurement: Measurement) -> dict[str, list[str]]:
    """Column -> the values that were seen in the window."""
    names: dict[str, list[str]] = {}
    for table in measurement.tables:
        for place, column in enumerate(table.dimension.columns):
            names[column] = sorted({value[place] for value in table.values})
    return names


def _mention(one: Mention, measurement: Measurement, measure: Measure) -> Mention:
    if one.subject is None:
        return one
    told = set(one.subject)  # a flag's name alone says any of its values
    table = next((table for table in measurement.tables if told <= set(table.dimension.columns)), None)
    if table is None or measure not in table.counts.failures:
        return one
    rows = [row for row in range(len(table.values)) if one.subject.items() <= table.subject(row).items()]
    if not rows:
        return one
    row = max(rows, key=lambda row: _above(table, row, measure, measurement))
    grid = measurement.grid
    before, after = _rate(table, row, measure, grid.before), _rate(table, row, measure, grid.after)
    return one.model_copy(
        update={
            "measure": measure,
            "subject": table.subject(row),
            "before": before if grid.start is not None and before.requests else None,
            "after": after,
            "rest": rest if (rest := _rate(table, row, measure, grid.after, rest=True)).requests else None,
        }
    )


def _above(table: Table, row: int, measure: Measure, measurement: Measurement) -> float:
    after = _rate(table, row, measure, measurement.grid.after)
    rest = _rate(table, row, measure, measurement.grid.after, rest=True)
    return float(g2_z(rest.failures, rest.requests, after.failures, after.requests))


def _rate(table: Table, row: int, measure: Measure, span: slice, *, rest: bool = False) -> Rate:
    counts = table.rest if rest else table.counts
    asked = table.counts.requests if table.error_only else counts.requests
    failures, requests = counts.failures[measure][row, span], asked[row, span]
    return Rate(failures=round(float(failures.sum())), requests=round(float(requests.sum())))
