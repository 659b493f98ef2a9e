"""Translates canonical SQL into Spark's dialect. Refuses what has another meaning in Spark and no translation here."""

from typing import ClassVar

from sqlglot import ErrorLevel, exp
from sqlglot.dialects.spark import Spark
from sqlglot.errors import SqlglotError
from sqlglot.generator import Generator
from sqlglot.generators.spark import SparkGenerator

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.portable import (
    BUCKETS_SINCE,
    MICROSECONDS,
    Calls,
    Translated,
    calls,
    check_depth,
    check_said,
    named_places,
    plain_replacement,
    quantile,
    refusing,
    time_format,
    utc_only,
    width_of,
    without_qualify,
)

WHOLE = frozenset({*exp.DataType.SIGNED_INTEGER_TYPES, *exp.DataType.UNSIGNED_INTEGER_TYPES})
PARTS = frozenset({"YEAR", "QUARTER", "MONTH", "WEEK", "DAY", "HOUR", "MINUTE"})
"""Parts of a time that have the same values in Spark."""


EPOCH = "(unix_micros(CAST({} AS TIMESTAMP)) / 1000000.0D)"
EPOCH_US = "unix_micros(CAST({} AS TIMESTAMP))"
TIMESTAMP = "timestamp_micros(CAST(bround(({}) * 1000000) AS BIGINT))"


_refuse = refusing("Spark")
_in_utc = utc_only(_refuse)
UNSAID = (exp.JSONExtract, exp.PercentileDisc, exp.Quantile)


def _part(generator: Generator, part: exp.Expr, time: exp.Expr) -> str:
    if part.name.upper() == "EPOCH":
        return EPOCH.format(generator.sql(time))
    if part.name.upper() not in PARTS:
        _refuse(part)
    return f"EXTRACT({part.name} FROM {generator.sql(time)})"


FORMATS = {
    "%Y": "yyyy", "%m": "MM", "%d": "dd", "%H": "HH", "%M": "mm", "%S": "ss", "%y": "yy", "%j": "DDD",
}  # fmt: skip
"""Codes of strftime in Spark's words."""


def _formatted(generator: Generator, node: exp.TimeToStr) -> str:
    quoted = time_format(node, FORMATS, lambda text: "'" + text.replace("'", "''") + "'", _refuse)
    return f"date_format({generator.sql(node, 'this')}, {generator.sql(exp.Literal.string(quoted))})"


def _bucket(generator: Generator, node: exp.DateBin) -> str:
    at = EPOCH_US.format(generator.sql(node, "expression"))
    return f"timestamp_micros({at} - pmod({at} - {BUCKETS_SINCE}, {width_of(node, _refuse)}))"


CALLS: Calls = {
    "epoch": EPOCH,
    "epoch_us": EPOCH_US,
    "make_timestamp_ms": "timestamp_millis({})",
    "make_timestamp_ns": "timestamp_micros(({}) DIV 1000)",
    "to_timestamp": TIMESTAMP,
    "to_minutes": "make_dt_interval(0, 0, {}, 0)",
    "timezone": _in_utc,
    "date_part": _part,
    "locate": "locate({}, {})",
    "mean": "avg({})",
    "strlen": "octet_length({})",
    "url_decode": "url_decode(replace({}, '+', '%2B'))",
    "lookup": "{}[{}]",
    "random_id": "uuid()",
}
"""Functions that sqlglot passes through unchanged, or truncates to seconds; others are refused."""


def _grouping(generator: Generator, node: exp.Grouping) -> str:
    """GROUPING of several columns: Spark's takes one."""
    last = len(node.expressions) - 1
    parts = [
        f"CAST(grouping({generator.sql(one)}) AS INT) * {2 ** (last - at)}" for at, one in enumerate(node.expressions)
    ]
    return f"({' + '.join(parts)})"


def _number(generator: Generator, node: exp.Literal) -> str:
    """A literal with a decimal point as DOUBLE: Spark's DECIMAL division rounds."""
    written = generator.literal_sql(node)
    return f"{written}D" if not node.is_string and "." in written else written


def _cast(generator: SparkGenerator, node: exp.Cast) -> str:
    """A cast to an integer rounds, where Spark's truncates: floats half to even, decimals half away from 0."""
    if node.to.this not in WHOLE:
        return str(generator.trycast_sql(node) if isinstance(node, exp.TryCast) else generator.cast_sql(node))
    value, kind = generator.sql(node, "this"), generator.sql(node, "to")
    number, cast = (
        (f"TRY_CAST({value} AS DECIMAL(38, 18))", "TRY_CAST") if isinstance(node, exp.TryCast) else (value, "CAST")
    )
    if node.this.find(exp.AggFunc, exp.IntDiv):
        return f"{cast}(bround({number}) AS {kind})"
    return f"{cast}(IF(typeof({value}) IN ('double', 'float'), bround({number}), round({number})) AS {kind})"


def _difference(generator: Generator, node: exp.DateDiff) -> str:
    """date_diff counts unit boundaries between two times; Spark's counts whole units."""
    size = MICROSECONDS.get(node.text("unit").upper()) or _refuse(node)
    later, earlier = (EPOCH_US.format(generator.sql(one)) for one in (node.this, node.expression))
    return f"({later} DIV {size} - {earlier} DIV {size})"


def _replaced(generator: SparkGenerator, node: exp.RegexpReplace) -> str:
    """Only for global replacements by plain text: Spark always replaces all, and has another syntax for groups."""
    if node.text("modifiers") != "g" or not plain_replacement(node):
        _refuse(node)
    return generator.func("regexp_replace", node.this, node.expression, node.args["replacement"])


def _like(generator: SparkGenerator, node: exp.Like | exp.ILike) -> str:
    """Escapes backslashes: they are the default escape character of Spark's LIKE."""
    pattern = generator.sql(node, "expression")
    if not isinstance(node.parent, exp.Escape) and not (node.expression.is_string and "\\" not in node.expression.name):
        pattern = f"replace({pattern}, '\\\\', '\\\\\\\\')"
    return f"{generator.sql(node, 'this')} {node.key.upper()} {pattern}"


def _end(generator: SparkGenerator, node: exp.Left | exp.Right) -> str:
    """left and right with a negative number return all but so many characters."""
    text, number = generator.sql(node, "this"), generator.sql(node, "expression")
    if not isinstance(node.expression, exp.Literal):
        number = f"IF({number} < 0, length({text}) + {number}, {number})"
    return f"{node.key}({text}, {number})"


class _SparkSQL(SparkGenerator):
    TRANSFORMS: ClassVar = {
        **SparkGenerator.TRANSFORMS,
        exp.Anonymous: calls(CALLS, lambda _, node: _refuse(node)),
        exp.AtTimeZone: lambda self, node: _in_utc(self, node.args["zone"], node.this),
        exp.Cast: _cast,
        exp.DateAdd: lambda self, node: f"({self.sql(node, 'this')} + {self.sql(node, 'expression')})",
        exp.DateBin: _bucket,
        exp.DateDiff: _difference,
        exp.DayOfWeek: lambda self, node: f"(dayofweek({self.sql(node, 'this')}) - 1)",
        exp.Extract: lambda self, node: _part(self, node.this, node.expression),
        exp.Grouping: _grouping,
        exp.ILike: _like,
        exp.IsNan: lambda self, node: f"IF({self.sql(node, 'this')} IS NULL, NULL, isnan({self.sql(node, 'this')}))",
        exp.Left: _end,
        exp.Like: _like,
        exp.Literal: _number,
        exp.Log: lambda self, node: self.func("log" if node.expression else "log10", node.this, node.expression),
        exp.PercentileCont: quantile("percentile({value}, {share})"),  # percentile_approx is not exact
        exp.RegexpLike: lambda self, node: f"({self.sql(node, 'this')} RLIKE {self.sql(node, 'expression')})",
        exp.RegexpReplace: _replaced,
        exp.Right: _end,
        exp.TimeToUnix: lambda self, node: EPOCH.format(self.sql(node, "this")),
        exp.TimeToStr: _formatted,
        exp.TryCast: _cast,
        exp.UnixToTime: lambda self, node: (
            SparkGenerator.TRANSFORMS[exp.UnixToTime](self, node) if node.args.get("scale")
            else TIMESTAMP.format(self.sql(node, "this"))
        ),
        exp.WithinGroup: lambda self, node: self.sql(node, "this"),
    }  # fmt: skip


class _Spark(Spark):
    Generator = _SparkSQL


def written(tree: exp.Query) -> Translated:
    """A query in Spark's dialect; parameters are :p1, :p2, … Raises QueryError."""
    check_depth(tree)
    check_said(tree, UNSAID, _refuse)
    tree = without_qualify(tree)
    names = named_places(tree, lambda number: exp.Placeholder(this=f"p{number}"))
    try:
        sql = tree.sql(dialect=_Spark, identify=True, comments=False, unsupported_level=ErrorLevel.RAISE)
    except SqlglotError as error:
        raise QueryError(f"The query cannot be said in Spark's SQL: {str(error)[:200]}") from None
    return Translated(sql, names)
