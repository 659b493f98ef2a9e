"""Reads the measurement's query results into arrays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from tsg_agent.evidence.cells import Cells, Places
from tsg_agent.evidence.dimensions import FLAG, LOG_DIMENSIONS, PAIR, PRODUCT_DIMENSIONS, REGION, Dimension
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Measurement, Table
from tsg_agent.models import Measure
from tsg_agent.statistics import Bools, Floats

COMPONENT = ("service_component",)


def read_measurement(results: dict[str, pa.Table], grid: Grid, service: str, region: str) -> Measurement:
    """The measurement of a window from its queries' results; `service` names the entry component.

    Without the other regions' rows (a subject's part) the incident's region is all there is.
    """
    logs = _Rows.of(results["dimensions"], grid)
    total = logs.about(PAIR, LOG_DIMENSIONS).counts(grid)
    tables = [
        _error_only(_table(dimension, _rows_of(dimension, logs), total, grid), total)
        for dimension in (*LOG_DIMENSIONS, PAIR)
    ]
    if "regions" in results:
        tables.append(_regions(_table(REGION, _Rows.of(results["regions"], grid), total, grid), total, region))
    elif total.requests.any():
        tables.append(Table(REGION, [(region,)], total, total))
    if "flags" in results:
        tables.append(_table(FLAG, _Rows.of(results["flags"], grid), total, grid))
    if "products" in results:
        rows = _Rows.of(results["products"], grid)
        products = [
            _table(dimension, rows.about(dimension, PRODUCT_DIMENSIONS), total, grid)
            for dimension in PRODUCT_DIMENSIONS
        ]
        # Only requests about a product have these: the rest is the other products'.
        tables.extend(Table(one.dimension, one.values, one.counts, one.counts.sum()) for one in products)
    entry, component = _entry(tables, total, service)
    return Measurement(grid, [table for table in tables if table.values], total, entry, component)


def read_total(rows: pa.Table, grid: Grid) -> Counts:
    """Rows by bucket as one group."""
    return _Rows.of(rows, grid).counts(grid)


@dataclass(frozen=True)
class _Texts:
    """A column of texts: each row's place in `values`, -1 where it has none."""

    values: list[str]
    places: Places


@dataclass(frozen=True)
class _Rows:
    """A query's result as arrays; read once, since it is cut into some twenty dimensions."""

    dimensions: Places
    texts: list[_Texts]
    cells: Cells

    @classmethod
    def of(cls, result: pa.Table, grid: Grid) -> "_Rows":
        """Read one result."""
        names = result.column_names
        dimensions = result["dimensions"].to_numpy() if "dimensions" in names else np.zeros(result.num_rows, int)
        texts = [_texts(result[name]) for name in ("first_value", "second_value") if name in names]
        return cls(dimensions.astype(int), texts, Cells.of(result, grid))

    def about(self, grouped: Dimension, listed: Sequence[Dimension]) -> "_Rows":
        """The rows that are grouped by a dimension. GROUPING(listed…) has a 0 bit for it, first column highest."""
        bits = (dimension.columns[0] not in grouped.columns for dimension in reversed(listed))
        return self._where(self.dimensions == sum(bit << place for place, bit in enumerate(bits)))

    def named_by(self, place: int) -> "_Rows":
        """The same rows with one of their texts."""
        return _Rows(self.dimensions, [self.texts[place]], self.cells)

    def known(self, columns: int) -> "_Rows":
        """The rows that have their values."""
        return self._where(np.logical_and.reduce([texts.places >= 0 for texts in self.texts[:columns]]))

    def keys(self, columns: int) -> tuple[list[tuple[str, ...]], Places]:
        """The distinct values, sorted, and each row's place among them."""
        chosen = self.texts[:columns]
        shape = tuple(len(texts.values) for texts in chosen)
        if not all(shape):
            return [], np.zeros(0, int)
        code = np.ravel_multi_index([texts.places for texts in chosen], shape)
        found, inverse = np.unique(code, return_inverse=True)
        parts = zip(*np.unravel_index(found, shape), strict=True)
        values = [tuple(texts.values[place] for texts, place in zip(chosen, key, strict=True)) for key in parts]
        order = sorted(range(len(values)), key=values.__getitem__)
        rank = np.empty(len(values), int)
        rank[order] = np.arange(len(values))
        return [values[place] for place in order], rank[inverse]

    def counts(self, grid: Grid, places: Places | None = None, groups: int = 1) -> Counts:
        """Added up by group and bucket; one group without `places`."""
        cells = self.cells
        target = cells.buckets if places is None else cells.buckets + grid.count * places

        def spread(values: Floats, where: Bools | None = None) -> Floats:
            chosen = slice(None) if where is None else where
            added: Floats = np.bincount(target[chosen], values[chosen], groups * grid.count).astype(float)
            return added.reshape(groups, grid.count)

        failures = {measure: spread(cells.requests, failed) for measure, failed in cells.failures.items()}
        redirects = spread(cells.requests, cells.redirects)
        return Counts(spread(cells.requests), failures, spread(cells.latency), redirects, spread(cells.unknown))

    def _where(self, mask: Bools) -> "_Rows":
        rows = np.flatnonzero(mask)
        texts = [_Texts(one.values, one.places[rows]) for one in self.texts]
        return _Rows(self.dimensions[rows], texts, self.cells.take(rows))


def _texts(column: pa.ChunkedArray) -> _Texts:
    encoded = column.combine_chunks().dictionary_encode()
    return _Texts(encoded.dictionary.to_pylist(), encoded.indices.fill_null(-1).to_numpy().astype(int))


def _rows_of(dimension: Dimension, logs: _Rows) -> _Rows:
    """The rows about a dimension: one of a pair has the pair's."""
    if not set(dimension.columns) < set(PAIR.columns):
        return logs.about(dimension, LOG_DIMENSIONS)
    return logs.about(PAIR, LOG_DIMENSIONS).named_by(PAIR.columns.index(dimension.columns[0]))


def _table(dimension: Dimension, rows: _Rows, whole: Counts, grid: Grid) -> Table:
    """One dimension's table; rows without a value are in the whole only. Values are sorted."""
    columns = len(dimension.columns)
    known = rows.known(columns)
    values, places = known.keys(columns)
    return Table(dimension, values, known.counts(grid, places, len(values)), whole)


def _regions(others: Table, own: Counts, region: str) -> Table:
    """The other regions' table with the incident's region, which is measured already, in its place."""
    values, counts = others.values, others.counts
    if own.requests.any():
        values, counts = [*values, (region,)], counts.beside(own)
        order = sorted(range(len(values)), key=values.__getitem__)
        values, counts = [values[row] for row in order], counts.take(order)
    return Table(REGION, values, counts, counts.sum())


def _error_only(table: Table, total: Counts) -> Table:
    """Where only failures carry a dimension, its requests are all the service's: a share needs its denominator."""
    failures = table.counts.failures[Measure.SERVER_ERRORS].sum()
    only = failures > 0 and failures == table.counts.requests.sum() and total.requests.sum() > failures
    if not (only or table.dimension.error_only):
        return table
    counts = replace(table.counts, requests=np.repeat(total.requests, len(table.values), axis=0))
    return Table(table.dimension, table.values, counts, total, error_only=True)


def _entry(tables: list[Table], total: Counts, service: str) -> tuple[Counts, str | None]:
    """The rows of the component named like the service, if some are of others."""
    components = next((table for table in tables if table.dimension.columns == COMPONENT), None)
    if components is None or components.error_only:
        return total, None
    row = entry_of([name for (name,) in components.values], service)
    return (total, None) if row is None else (components.counts.take([row]), components.values[row][0])


def entry_of(components: Sequence[str], service: str) -> int | None:
    """Which of the components is named like the service; none where it is the only one."""
    named = [row for row, name in enumerate(components) if _plain(name) == _plain(service)]
    return named[0] if named and len(components) > 1 else None


def _plain(name: str) -> str:
    return "".join(character for character in name.lower() if character.isalnum())
