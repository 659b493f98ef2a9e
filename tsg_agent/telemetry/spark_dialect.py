"""Canonical SQL as Spark's."""

from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.spark import Spark
from sqlglot.generator import Generator
from sqlglot.generators.spark import SparkGenerator

from tsg_agent.telemetry.portable import Translated, named_places, without_qualify


def _epoch_us(generator: Generator, value: exp.Expr) -> str:
    return f"unix_micros(CAST({generator.sql(value)} AS TIMESTAMP))"  # the session's zone is UTC


def _minutes(generator: Generator, value: exp.Expr) -> str:
    return f"make_dt_interval(0, 0, {generator.sql(value)}, 0)"


def _bytes(generator: Generator, text: exp.Expr) -> str:
    return f"octet_length({generator.sql(text)})"


def _text_at(generator: Generator, held: exp.Expr, key: exp.Expr) -> str:
    return f"{generator.sql(held)}[{generator.sql(key)}]"


CALLS: dict[str, Callable[..., str]] = {
    "epoch_us": _epoch_us,
    "to_minutes": _minutes,
    "strlen": _bytes,
    "lookup": _text_at,
    "random_id": lambda _: "uuid()",
}
"""Functions that sqlglot leaves as they are written."""


def _call(generator: Generator, node: exp.Anonymous) -> str:
    ours = CALLS.get(node.name.lower())
    return ours(generator, *node.expressions) if ours else generator.function_fallback_sql(node)


def _quantile(generator: Generator, node: exp.PercentileCont) -> str:
    within = node.parent
    value = within.expression.expressions[0].this if isinstance(within, exp.WithinGroup) else node.this
    share = node.this if isinstance(within, exp.WithinGroup) else node.expression
    return f"percentile({generator.sql(value)}, {generator.sql(share)})"


def _grouping(generator: Generator, node: exp.Grouping) -> str:
    """Of several columns: its own takes one."""
    last = len(node.expressions) - 1
    parts = [
        f"CAST(grouping({generator.sql(one)}) AS INT) * {2 ** (last - at)}" for at, one in enumerate(node.expressions)
    ]
    return f"({' + '.join(parts)})"


def _number(generator: Generator, node: exp.Literal) -> str:
    """A number with a point is a DECIMAL there, whose division rounds."""
    written = generator.literal_sql(node)
    return f"{written}D" if not node.is_string and "." in written else written


def _cast(generator: SparkGenerator, node: exp.Cast) -> str:
    if node.to.this == exp.DataType.Type.BIGINT and not isinstance(node.this, exp.Column):
        return f"CAST(bround({generator.sql(node, 'this')}) AS BIGINT)"  # it cuts a fraction off
    written: str = generator.cast_sql(node)
    return written


class _Generator(SparkGenerator):
    TRANSFORMS: ClassVar = {
        **SparkGenerator.TRANSFORMS,
        exp.Anonymous: _call,
        exp.PercentileCont: _quantile,
        exp.WithinGroup: lambda self, node: self.sql(node, "this"),
        exp.Grouping: _grouping,
        exp.Literal: _number,
        exp.Cast: _cast,
    }


class _Spark(Spark):
    Generator = _Generator


def written(tree: exp.Query) -> Translated:
    """A query over the source's tables, as Spark reads it; parameters are :p1, :p2, …"""
    tree = without_qualify(tree)
    names = named_places(tree, lambda number, _: exp.Placeholder(this=f"p{number}"))
    return Translated(tree.sql(dialect=_Spark, identify=True, comments=False), names)
