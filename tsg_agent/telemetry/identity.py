"""Scope columns, request ids (generated if the source has none) and weights of the rows."""

import duckdb

from tsg_agent.columns import COLUMNS, EVERYWHERE, bare
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import LOGS, WEIGHT, Kind
from tsg_agent.telemetry.columns_read import columns_of
from tsg_agent.telemetry.files import TableFiles
from tsg_agent.telemetry.formats import formats
from tsg_agent.telemetry.loading import described, quoted
from tsg_agent.telemetry.spellings import SCOPE
from tsg_agent.telemetry.values import any_row

KEY = "request_id"
SAMPLED = frozenset({"samplerate", "samplingrate", "sampleweight"})
"""Names of a sampling factor, or a sampling rate."""
MINUTES = 10
"""From so many distinct whole minutes on, rows are taken for aggregates."""
STEADY = 0.8
"""Least share of equal time steps if weights are rates."""
WEIGHTS = frozenset({
    *(one for column in COLUMNS if column.name == WEIGHT for one in column.named),
    "weights", "cnt", "counts", "n", "num", "number", "calls", "total", "frequency", "freq", "samplingrate", "samples",
    "nb",
})  # fmt: skip
"""Possible names of a weight, normalized by `bare`."""


def made_ids(files: TableFiles | None, *, plain: bool) -> str:
    """The SQL of a unique id for each row of a source. `plain`: its rows are those of its files."""
    if files is None or files.is_text or not plain:
        return "concat('row ', row_number() OVER ())"
    return "concat('row ', file_index, '.', file_row_number)"


def taken_for_granted(present: dict[str, str]) -> list[str]:
    """Notes on scope columns that are constants of the mapping. `present`: column -> the source's expression.

    Not for the region EVERYWHERE, which stands for an unknown one: that is reported when a region is asked for.
    """
    fixed = {name: present[name] for name in SCOPE if name in present and not columns_of(present[name])}
    values = {name.removesuffix("_name"): sql.strip("'").replace("''", "'") for name, sql in fixed.items()}
    told = {noun: value for noun, value in values.items() if value != EVERYWHERE}
    if not told:
        return []
    shown = ", ".join(f"{noun} {value!r}" for noun, value in told.items())
    return [f"The rows name no {' and no '.join(told)}: all are taken as those of {shown}, as the mapping has it."]


def identified(
    columns: dict[str, str], present: dict[str, str], made: str, connection: duckdb.DuckDBPyConnection, source: str
) -> list[str]:
    """Fill missing request ids in `columns`; returns notes. `present`: column -> the source's expression.

    An id that was computed from only a row's time and status identifies no request: equal rows are different requests.
    """
    if KEY not in columns:
        columns[KEY] = made
        return ["No row names its request: each counts as a request of its own, and none is taken for a copy."]
    read = columns_of(present[KEY])
    others = {
        name: columns_of(expression)
        for name, expression in present.items()
        if LOGS.columns[name] is not Kind.TEXT or name in {"service_version", "region", "environment", "service_name"}
    }
    if "timestamp" in others and read >= others["timestamp"] and read <= set().union(*others.values()):
        columns[KEY] = made
        return [
            f"request_id = {present[KEY]!r} holds no more than the row's own time and answer: such rows are different "
            "requests, each with an id of its own."
        ]
    if any_row(connection, f"{source} WHERE {present[KEY]} IS NULL"):
        columns[KEY] = f"coalesce({columns[KEY]}, {made})"
        return ["Some rows do not name their request: each of these counts as a request of its own."]
    return []


def sampled(
    connection: duckdb.DuckDBPyConnection, source: str, held: dict[str, str], present: dict[str, str]
) -> list[str]:
    """Set the weight of sampled rows in `present` unless it is mapped; returns notes.

    A name such as `sample_rate` is unambiguous; `count` is not, and is only reported (see unused_weights).
    """
    name = next((one for one in held if bare(one) in SAMPLED), None)
    if name is None or WEIGHT in present or name in {one for text in present.values() for one in columns_of(text)}:
        return []
    number = f"TRY_CAST({quoted(held[name])} AS DOUBLE)"
    least, most = connection.execute(f"SELECT min({number}), max({number}) FROM {source}").fetchone() or (None, None)  # noqa: S608 - a quoted name
    if least is None or least <= 0 or least == most == 1:
        return []
    share = most <= 1
    present[WEIGHT] = f"1.0 / {number}" if share else number
    kept = "1 / its" if share else "its"
    return [f"The rows are sampled: each counts as {kept} {held[name]} ({least:g} to {most:g}) requests."]


def per_second(connection: duckdb.DuckDBPyConnection, source: str, columns: dict[str, str]) -> list[str]:
    """Convert weights that are requests per second into numbers of requests, in `columns`; returns notes.

    Weights are taken for rates if their mean is below 1 and the rows are at equal time steps.
    """
    if WEIGHT not in columns or "timestamp" not in columns:
        return []
    held = f"(SELECT {columns[WEIGHT]} AS w, {columns['timestamp']} AS t FROM {source})"  # noqa: S608 - checked expressions
    (mean,) = connection.execute(f"SELECT avg(w) FILTER (w > 0) FROM {held}").fetchone() or (None,)  # noqa: S608 - the same
    if mean is None or mean >= 1:
        return []
    gaps = f"(SELECT epoch(t - lag(t) OVER (ORDER BY t)) AS gap FROM (SELECT DISTINCT t FROM {held}))"  # noqa: S608 - the same
    step, as_many, all_gaps = connection.execute(
        f"SELECT gap, count(*), sum(count(*)) OVER () FROM {gaps} WHERE gap IS NOT NULL "  # noqa: S608 - the same
        "GROUP BY gap ORDER BY count(*) DESC LIMIT 1"
    ).fetchone() or (0, 0, 1)
    if step < 1 or as_many < STEADY * all_gaps:
        return []
    columns[WEIGHT] = f"{step} * {columns[WEIGHT]}"
    return [f"weight is below 1 in most rows: read as requests per second, of the {step:g} s from row to row."]


def ready_for(held: dict[str, str]) -> str:
    """Advice to use the ready mapping that recognises these columns (name -> type); "" if none does."""
    kinds = {name.lower(): kind.lower() for name, kind in held.items()}
    found = next((one.name for one in formats().values() if one.recognises(kinds)), "")
    return f" The ready mapping {found!r} reads such a file as a whole." if found else ""


def _by_minute(connection: duckdb.DuckDBPyConnection, source: str, time: str) -> bool:
    """True if all times are whole minutes, and at least MINUTES different ones."""
    sql = f"SELECT bool_and(t = date_trunc('minute', t)), count(DISTINCT t) FROM (SELECT {time} AS t FROM {source})"  # noqa: S608 - checked expressions
    whole, different = connection.execute(sql).fetchone() or (False, 0)
    return bool(whole) and different >= MINUTES


def unused_weights(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    held: dict[str, str],
    present: dict[str, str],
    time: str,
) -> list[str]:
    """Notes on columns that look like a weight although none is mapped.

    `time`: the SQL of the rows' time if they have no request ids. Raises TelemetryError if all times are whole minutes:
    such rows are aggregates.
    """
    if WEIGHT in present:
        return []
    used = {name for expression in present.values() for name in columns_of(expression)}
    notes = []
    for name in sorted(one for one in held.keys() - used if bare(one) in WEIGHTS):
        number = f"TRY_CAST({quoted(held[name])} AS DOUBLE)"
        sql = f"SELECT count({number} <> 1 OR NULL), min({number}), max({number}) FROM {source}"  # noqa: S608 - a quoted name
        row = connection.execute(sql).fetchone()
        if row is None or not row[0] or row[2] <= 1:
            continue
        if time and _by_minute(connection, source, time):
            raise TelemetryError(
                f"{LOGS.name} has a row a minute, and its column {held[name]!r} ({row[1]:g} to {row[2]:g}) looks like "
                "the number of requests that each stands for, which the mapping does not use.",
                fix=f'Map it: {WEIGHT} = "{held[name]}" under [{LOGS.name}.columns], or {WEIGHT} = "1" if each row is '
                f"one request.{ready_for(described(connection, source))}",
            )
        notes.append(
            f"Each row counts as one request, although its column {held[name]!r} ({row[1]:g} to {row[2]:g}) looks like "
            "the number of requests that it stands for. If so, map it: "
            f'{WEIGHT} = "{held[name]}" under [{LOGS.name}.columns].'
        )
    return notes
