"""The figures of what an incident's text brings up, whether or not it stood out. Pure."""

from collections.abc import Sequence

from tsg_agent.evidence.measurement import DimensionCounts, Measurement
from tsg_agent.evidence.requests import REQUEST_MEASURES
from tsg_agent.models import Judgement, Measure, MeasuredRow, Mention, Rate
from tsg_agent.statistics import g2_z
from tsg_agent.verdicts.judge import Judged


def with_mentions(found: Sequence[Mention], judged: Judged) -> Judgement:
    """The verdicts with each mention's failing share before the start and since, and that of the rest.

    All in the first cause's measure; what no verdict cites becomes a measured row too.
    """
    measurement, judgement = judged.measurement, judged.judgement
    measure = judgement.start.measure if judgement.start.measure in REQUEST_MEASURES else Measure.SERVER_ERRORS
    mentions, rows = [], list(judgement.measured)
    for mention in found:
        one, window = _mention(mention, measurement, measure)
        if window is not None and one.subject is not None:
            held = next((row for row in rows if (row.subject, row.measure) == (one.subject, measure)), None)
            if held is None:
                held = MeasuredRow(
                    id=f"M.{len(rows) + 1}", subject=one.subject, measure=measure, window=window, before=one.before,
                    after=one.after if measurement.grid.start is not None else None,
                )  # fmt: skip
                rows.append(held)
            one = one.model_copy(update={"cited": held.id})
        mentions.append(one)
    return judgement.model_copy(update={"mentioned": mentions, "measured": rows})


def names_in(measurement: Measurement) -> dict[str, list[str]]:
    """Column -> the values that were seen in the window."""
    names: dict[str, list[str]] = {}
    for table in measurement.tables:
        for place, column in enumerate(table.dimension.columns):
            names[column] = sorted({value[place] for value in table.values})
    return names


def _mention(one: Mention, measurement: Measurement, measure: Measure) -> tuple[Mention, Rate | None]:
    """With its figures, and its rate over the whole window; as it is, and None, where it was not measured."""
    if one.subject is None:
        return one, None
    told = set(one.subject)  # a flag's name alone says any of its values
    table = next((table for table in measurement.tables if told <= set(table.dimension.columns)), None)
    if table is None or measure not in table.counts.failures:
        return one, None
    rows = [row for row in range(len(table.values)) if one.subject.items() <= table.subject(row).items()]
    if not rows:
        return one, None
    row = max(rows, key=lambda row: _above(table, row, measure, measurement))
    grid = measurement.grid
    before, after = table.rate(row, measure, grid.before), table.rate(row, measure, grid.after)
    said = one.model_copy(
        update={
            "measure": measure,
            "subject": table.subject(row),
            "before": before if grid.start is not None and before.requests else None,
            "after": after,
            "rest": rest if (rest := table.rate(row, measure, grid.after, rest=True)).requests else None,
        }
    )
    return said, table.rate(row, measure, slice(None))


def _above(table: DimensionCounts, row: int, measure: Measure, measurement: Measurement) -> float:
    after = table.rate(row, measure, measurement.grid.after)
    rest = table.rate(row, measure, measurement.grid.after, rest=True)
    return float(g2_z(rest.failures, rest.requests, after.failures, after.requests))
