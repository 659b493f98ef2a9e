"""Reads the measurement's query results into arrays."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.dimensions import FLAG, LOG_DIMENSIONS, PAIR, PRODUCT_DIMENSIONS, REGION, Dimension
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import SQL_MEASURES, Counts, Measurement, Table
from tsg_agent.models import Measure
from tsg_agent.statistics import Floats

COMPONENT = ("service_component",)


def read_measurement(results: dict[str, pa.Table], grid: Grid, service: str, region: str) -> Measurement:
    """The measurement of a window from its queries' results; `service` names the entry component.

    Without the other regions' rows (a subject's part) the incident's region is all there is.
    """
    logs = results["dimensions"]
    total = _counts(logs.filter(pc.equal(logs["dimensions"], _bits(LOG_DIMENSIONS))), [], grid)
    tables = [_error_only(table, total) for table in _split(logs, (*LOG_DIMENSIONS, PAIR), LOG_DIMENSIONS, total, grid)]
    if "regions" in results:
        regions = _table(REGION, results["regions"], total, grid)
        tables.append(Table(REGION, regions.values, regions.counts, regions.counts.sum()))
    elif total.requests.any():
        tables.append(Table(REGION, [(region,)], total, total))
    if "flags" in results:
        tables.append(_table(FLAG, results["flags"], total, grid))
    if "products" in results:
        products = _split(results["products"], PRODUCT_DIMENSIONS, PRODUCT_DIMENSIONS, total, grid)
        # Only requests about a product have these: the rest is the other products'.
        tables.extend(Table(one.dimension, one.values, one.counts, one.counts.sum()) for one in products)
    entry, component = _entry(tables, total, service)
    return Measurement(grid, [table for table in tables if table.values], total, entry, component)


def read_total(rows: pa.Table, grid: Grid) -> Counts:
    """Rows by bucket as one group."""
    return _counts(rows, [], grid)


def _bits(listed: Sequence[Dimension], grouped: Dimension | None = None) -> int:
    """What GROUPING(listed…) returns where only `grouped` is grouped by: a 0 bit for it, first column highest."""
    columns = grouped.columns if grouped else ()
    return sum(1 << place for place, dimension in enumerate(reversed(listed)) if dimension.columns[0] not in columns)


def _split(
    result: pa.Table, wanted: Sequence[Dimension], listed: Sequence[Dimension], total: Counts, grid: Grid
) -> list[Table]:
    codes = result["dimensions"]
    return [
        _table(dimension, result.filter(pc.equal(codes, _bits(listed, dimension))), total, grid) for dimension in wanted
    ]


def _table(dimension: Dimension, rows: pa.Table, whole: Counts, grid: Grid) -> Table:
    """One dimension's table; rows without a value are in the whole only. Values are sorted."""
    names = ["first_value", "second_value"][: len(dimension.columns)]
    for name in names:
        rows = rows.filter(pc.is_valid(rows[name]))
    keys = list(zip(*(rows[name].to_pylist() for name in names), strict=True))
    values = sorted(set(keys))
    places = {value: place for place, value in enumerate(values)}
    return Table(dimension, values, _counts(rows, [places[key] for key in keys], grid, len(values)), whole)


def _counts(rows: pa.Table, places: list[int], grid: Grid, groups: int = 1) -> Counts:
    """Rows of (group, bucket) into arrays. A pair's row of the total (no group) goes to group 0."""
    bucket = np.clip(rows["bucket"].to_numpy().astype(int), 0, grid.count - 1)
    cell = bucket + grid.count * np.asarray(places, int) if places else bucket

    def spread(name: str) -> Floats:
        column = pc.fill_null(rows[name].cast(pa.float64()), 0.0)
        values: Floats = np.bincount(cell, column.to_numpy(), groups * grid.count).astype(float)
        return values.reshape(groups, grid.count)

    failures = {measure: spread(name) for name, measure in SQL_MEASURES.items()}
    return Counts(spread("requests"), failures, spread("latency_sum"), spread("redirects"))


def _error_only(table: Table, total: Counts) -> Table:
    """Where only failures carry a dimension, its requests are all the service's: a share needs its denominator."""
    failures = table.counts.failures[Measure.SERVER_ERRORS].sum()
    only = failures > 0 and failures == table.counts.requests.sum() and total.requests.sum() > failures
    if not (only or table.dimension.error_only):
        return table
    counts = Counts(
        np.repeat(total.requests, len(table.values), axis=0),
        table.counts.failures,
        table.counts.latency,
        table.counts.redirects,
    )
    return Table(table.dimension, table.values, counts, total, error_only=True)


def _entry(tables: list[Table], total: Counts, service: str) -> tuple[Counts, str | None]:
    """The rows of the component named like the service, if some are of others."""
    components = next((table for table in tables if table.dimension.columns == COMPONENT), None)
    if components is None or components.error_only:
        return total, None
    for row, (name,) in enumerate(components.values):
        if _plain(name) == _plain(service) and len(components.values) > 1:
            return components.counts.take([row]), name
    return total, None


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
