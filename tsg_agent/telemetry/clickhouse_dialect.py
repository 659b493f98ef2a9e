"""Translates canonical SQL into ClickHouse's dialect."""

from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.generator import Generator
from sqlglot.generators.clickhouse import ClickHouseGenerator

from tsg_agent.telemetry.portable import Calls, Translated, calls, named_places, quantile, without_qualify

TIME = "DateTime64(6, 'UTC')"
MARK = "\x01{}\x01"
"""Placeholder of a parameter until its value, and so its type, is known. Remote.run refuses this character."""


CALLS: Calls = {
    "epoch_us": "toUnixTimestamp64Micro(toDateTime64({}, 6, 'UTC'))",
    "to_minutes": "toIntervalMinute({})",
    "strlen": "length({})",
    "lookup": "{}[{}]",
    "random_id": "toString(generateUUIDv4())",
}
"""Functions that sqlglot passes through unchanged."""


def _series(generator: Generator, node: exp.Explode) -> str:
    """`unnest(generate_series(first, last, INTERVAL '1 minute'))`."""
    series = node.this
    if not isinstance(series, exp.GenerateSeries):
        return f"arrayJoin({generator.sql(series)})"
    first, last = generator.sql(series, "start"), generator.sql(series, "end")
    minutes = f"range(assumeNotNull(toUInt32(dateDiff('minute', {first}, {last}) + 1)))"
    return f"arrayJoin(arrayMap(k -> assumeNotNull({first}) + toIntervalMinute(k), {minutes}))"


def _deviation(generator: Generator, node: exp.StddevSamp) -> str:
    value = generator.sql(node, "this")
    return f"if(count({value}) > 1, stddevSampStable({value}), NULL)"


def _slope(generator: Generator, node: exp.RegrSlope) -> str:
    y, x = generator.sql(node, "this"), generator.sql(node, "expression")
    return f"(covarPopStable({y}, {x}) / nullIf(varPopStableIf({x}, {y} IS NOT NULL), 0))"


def _cast(generator: ClickHouseGenerator, node: exp.Cast) -> str:
    if node.to.this in exp.DataType.TEMPORAL_TYPES and node.to.this != exp.DataType.Type.DATE:
        return f"CAST({generator.sql(node, 'this')} AS Nullable({TIME}))"
    if node.to.this == exp.DataType.Type.BIGINT and not isinstance(node.this, exp.Column):
        return f"CAST(round({generator.sql(node, 'this')}) AS Nullable(Int64))"  # its cast truncates
    written: str = generator.cast_sql(node)
    return written


class _ClickHouseSQL(ClickHouseGenerator):
    TRANSFORMS: ClassVar = {
        **ClickHouseGenerator.TRANSFORMS,
        exp.Anonymous: calls(CALLS),
        exp.Explode: _series,
        exp.PercentileCont: quantile("quantileExactInclusive({share})({value})"),
        exp.WithinGroup: lambda self, node: self.sql(node, "this"),
        exp.LogicalOr: lambda self, node: f"max({self.sql(node, 'this')})",
        exp.StddevSamp: _deviation,
        exp.RegrSlope: _slope,
        exp.IntDiv: lambda self, node: f"intDiv({self.sql(node, 'this')}, {self.sql(node, 'expression')})",
        exp.Lead: lambda self, node: f"lead(toNullable({self.sql(node, 'this')}))",
        exp.Left: lambda self, node: f"leftUTF8({self.sql(node, 'this')}, {self.sql(node, 'expression')})",
        exp.MD5: lambda self, node: f"lower(hex(MD5({self.sql(node, 'this')})))",
        exp.Cast: _cast,
    }


class _ClickHouse(ClickHouse):
    Generator = _ClickHouseSQL


def written(tree: exp.Query) -> Translated:
    """A query in ClickHouse's dialect; each parameter is MARK until its type is known."""
    tree = without_qualify(tree)
    for select in tree.find_all(exp.Select):
        # If two tables share a column name, ClickHouse names one of them "table.name".
        named = [one.as_(one.name) if isinstance(one, exp.Column) and one.table and one.name != "*" else one
                 for one in select.expressions]  # fmt: skip
        select.set("expressions", named)
    names = named_places(tree, lambda number, _: exp.Var(this=MARK.format(f"p{number}")))
    return Translated(tree.sql(dialect=_ClickHouse, identify=True, comments=False), names)
