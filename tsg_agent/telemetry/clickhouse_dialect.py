"""Translates canonical SQL into ClickHouse's dialect. Refuses what has another meaning there and no translation here.

A column's type is not known here; `toTypeName` is a constant of a query, and the branch that it does not choose costs
nothing.
"""

from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.generator import Generator
from sqlglot.generators.clickhouse import ClickHouseGenerator

from tsg_agent.telemetry.portable import (
    BUCKETS_SINCE,
    NUMBER,
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

TIME = "DateTime64(6, 'UTC')"
MARK = "\x01{}\x01"
"""Placeholder of a parameter until its value, and so its type, is known. Remote.run refuses this character."""


MICROSECONDS = "toUnixTimestamp64Micro(toDateTime64({}, 6, 'UTC'))"
OF_MICROSECONDS = "fromUnixTimestamp64Micro(accurateCast({}, 'Nullable(Int64)'), 'UTC')"
PARTS = {
    "YEAR": "toYear({})", "QUARTER": "toQuarter({})", "MONTH": "toMonth({})", "WEEK": "toISOWeek({})",
    "DAY": "toDayOfMonth({})", "HOUR": "toHour({})", "MINUTE": "toMinute({})", "SECOND": "toSecond({})",
    "EPOCH": f"({MICROSECONDS} / 1000000)",
}  # fmt: skip
"""Part of a time -> what tells it."""
TEXT_NUMBER = "'" + NUMBER.replace("\\", "\\\\") + "'"
FORMATS = {
    "%Y": "%Y", "%m": "%m", "%d": "%d", "%H": "%H", "%M": "%i", "%S": "%S", "%y": "%y", "%j": "%j",
}  # fmt: skip
"""Codes of strftime in ClickHouse's words."""
WHOLE = frozenset({*exp.DataType.SIGNED_INTEGER_TYPES, *exp.DataType.UNSIGNED_INTEGER_TYPES})
_refuse = refusing("ClickHouse")
_in_utc = utc_only(_refuse)


UNSAID = (
    exp.ApproxQuantile, exp.Escape, exp.First, exp.JSONExtract, exp.Last, exp.Mode, exp.PercentileDisc, exp.Quantile,
    exp.StrToTime,
)  # fmt: skip


def _part(generator: Generator, part: exp.Expr, time: exp.Expr) -> str:
    known = PARTS.get(part.name.upper()) or _refuse(part)
    return known.format(generator.sql(time))


CALLS: Calls = {
    "epoch_us": MICROSECONDS,
    "epoch_ns": f"({MICROSECONDS} * 1000)",
    "make_timestamp_ms": OF_MICROSECONDS.format("({}) * 1000"),
    "make_timestamp_ns": OF_MICROSECONDS.format("intDiv({}, 1000)"),
    "timezone": _in_utc,
    "date_part": _part,
    "url_decode": "decodeURLComponent({})",
    "mean": "avg({})",
    "to_minutes": "toIntervalMinute({})",
    "strlen": "length({})",
    "lookup": "if(mapContains({0}, {1}), toNullable(({0})[{1}]), NULL)",
    "random_id": "toString(generateUUIDv4())",
}
"""Functions that sqlglot passes through unchanged; others are refused."""


def _series(generator: Generator, node: exp.Explode) -> str:
    """`unnest(generate_series(first, last, INTERVAL '1 minute'))`."""
    series = node.this
    if not isinstance(series, exp.GenerateSeries):
        return f"arrayJoin({generator.sql(series)})"
    first, last = generator.sql(series, "start"), generator.sql(series, "end")
    minutes = f"range(assumeNotNull(toUInt32(dateDiff('minute', {first}, {last}) + 1)))"
    return f"arrayJoin(arrayMap(k -> assumeNotNull({first}) + toIntervalMinute(k), {minutes}))"


def _sampled(name: str) -> Callable[[Generator, exp.Expr], str]:
    """NULL of a single value, where ClickHouse says NaN."""

    def call(generator: Generator, node: exp.Expr) -> str:
        value = generator.sql(node, "this")
        return f"if(count({value}) > 1, {name}({value}), NULL)"

    return call


def _neighbour(generator: Generator, node: exp.Lag | exp.Lead) -> str:
    """NULL beyond the ends."""
    value, *others = (generator.sql(node, name) for name in ("this", "offset", "default"))
    return f"{node.key}({', '.join([f'toNullable({value})', *filter(None, others)])})"


def _slope(generator: Generator, node: exp.RegrSlope) -> str:
    y, x = generator.sql(node, "this"), generator.sql(node, "expression")
    return f"(covarPopStable({y}, {x}) / nullIf(varPopStableIf({x}, {y} IS NOT NULL), 0))"


def _cast(generator: ClickHouseGenerator, node: exp.Cast) -> str:
    value, kind = generator.sql(node, "this"), node.to.this
    if kind in exp.DataType.TEMPORAL_TYPES and kind != exp.DataType.Type.DATE:
        return f"CAST({value} AS Nullable({TIME}))"
    if kind in WHOLE:
        return _whole(generator, node, value)
    if kind in exp.DataType.REAL_TYPES and isinstance(node, exp.TryCast):
        tried, other = f"toFloat64OrNull({_number(value)})", f"accurateCastOrNull({value}, 'Float64')"
        return f"if(match(toTypeName({value}), 'String'), {tried}, {other})"
    if kind in exp.DataType.TEXT_TYPES:
        return _text(value, generator.cast_sql(node))
    written: str = generator.cast_sql(node)
    return written


def _whole(generator: ClickHouseGenerator, node: exp.Cast, value: str) -> str:
    """A cast to an integer rounds, where ClickHouse's truncates: floats half to even, decimals and texts half away."""
    kind = generator.sql(node, "to")
    if node.this.find(exp.AggFunc, exp.IntDiv):
        return f"CAST(round({value}) AS {kind})"
    end = "OrNull" if isinstance(node, exp.TryCast) else ""
    cast = f"accurateCast{end}({{}}, '{kind}')"
    number = f"roundBankers(accurateCastOrNull({value}, 'Float64'))"
    decimal = f"toString(round(toDecimal128{end}({_number(value)}, 18)))"  # a text, of which none overflows
    return (
        f"multiIf(match(toTypeName({value}), 'Int|Bool'), {cast.format(value)}, "
        f"match(toTypeName({value}), 'Float'), {cast.format(number)}, {cast.format(decimal)})"
    )


def _number(value: str) -> str:
    """The text of a number without blanks; what only begins like one ("-") is read as 0, and is told from it."""
    return f"if(match(toString({value}), {TEXT_NUMBER}), trimBoth(toString({value})), 'no number')"


def _text(value: str, cast: str) -> str:
    """A time is written without the zeros that end its fraction."""
    return f"if(match(toTypeName({value}), 'DateTime64'), replaceRegexpOne({cast}, '\\\\.?0+$', ''), {cast})"


def _rounded(generator: Generator, node: exp.Round) -> str:
    """Half away from 0: ClickHouse rounds floats half to even."""
    value, digits = generator.sql(node, "this"), generator.sql(node, "decimals") or "0"
    scale = f"pow(10, {digits})"
    return f"(sign({value}) * floor(abs({value}) * {scale} + 0.5) / {scale})"


def _like(generator: Generator, node: exp.Like | exp.ILike) -> str:
    """Without the backslash as an escape character."""
    pattern = f"replaceAll({generator.sql(node, 'expression')}, '\\\\', '\\\\\\\\')"
    return f"{generator.sql(node, 'this')} {node.key.upper()} {pattern}"


def _pattern(generator: Generator, node: exp.Expr) -> str:
    """A regular expression whose dot is no line break, as in DuckDB."""
    return f"concat('(?-s)', {generator.sql(node, 'expression')})"


def _extracted(generator: Generator, node: exp.RegexpExtract) -> str:
    if node.args.get("parameters") or not isinstance(node.args.get("group") or exp.Literal.number(0), exp.Literal):
        _refuse(node)
    group = generator.sql(node, "group") or "0"
    return f"regexpExtract({generator.sql(node, 'this')}, {_pattern(generator, node)}, {group})"


def _replaced(generator: Generator, node: exp.RegexpReplace) -> str:
    which = {"": "One", "g": "All"}.get(node.text("modifiers"))
    if which is None or not plain_replacement(node):
        _refuse(node)
    replacement = generator.sql(node, "replacement")
    return f"replaceRegexp{which}({generator.sql(node, 'this')}, {_pattern(generator, node)}, {replacement})"


def _split(generator: Generator, node: exp.SplitPart) -> str:
    text, by, at = (generator.sql(node, name) for name in ("this", "delimiter", "part_index"))
    return f"if(isNull({text}), NULL, splitByString({by}, assumeNotNull({text}))[{at}])"


def _joined(generator: Generator, node: exp.ConcatWs) -> str:
    """Without the NULLs among the texts."""
    by, *texts = (generator.sql(one) for one in node.expressions)
    listed = ", ".join(f"toNullable({one})" for one in texts)
    return f"arrayStringConcat(arrayMap(k -> assumeNotNull(k), arrayFilter(k -> isNotNull(k), [{listed}])), {by})"


def _json(generator: ClickHouseGenerator, node: exp.JSONExtractScalar) -> str:
    """NULL for what is not there, or null; a text without its quotes, all else as JSON writes it."""
    place = ClickHouseGenerator.TRANSFORMS[exp.JSONExtractScalar](generator, node).partition("(")[2].removesuffix(")")
    return (
        f"multiIf(JSONType({place}) = 'Null', NULL, JSONType({place}) = 'String', JSONExtractString({place}), "
        f"JSONExtractRaw({place}))"
    )


def _logarithm(generator: Generator, node: exp.Log) -> str:
    if node.expression and node.text("this") != "10":
        return f"(ln({generator.sql(node, 'expression')}) / ln({generator.sql(node, 'this')}))"
    return f"log10({generator.sql(node.expression or node.this)})"


def _formatted(generator: Generator, node: exp.TimeToStr) -> str:
    written = time_format(node, FORMATS, lambda text: text.replace("%", "%%"), _refuse)
    return f"formatDateTime({generator.sql(node, 'this')}, {generator.sql(exp.Literal.string(written))})"


def _bucket(generator: Generator, node: exp.DateBin) -> str:
    at = MICROSECONDS.format(generator.sql(node, "expression"))
    return OF_MICROSECONDS.format(f"{at} - positiveModulo({at} - {BUCKETS_SINCE}, {width_of(node, _refuse)})")


def _of_epoch(generator: Generator, node: exp.UnixToTime) -> str:
    """The time of a number; the server refuses to multiply a time, which DuckDB's epoch_ms takes as well."""
    value, scale = generator.sql(node, "this"), node.text("scale")
    number = {"3": f"({value}) * 1000", "6": f"({value}) * 1"}.get(scale, f"roundBankers(({value}) * 1000000)")
    return OF_MICROSECONDS.format(number)


class _ClickHouseSQL(ClickHouseGenerator):
    TRANSFORMS: ClassVar = {
        **ClickHouseGenerator.TRANSFORMS,
        exp.Anonymous: calls(CALLS, lambda _, node: _refuse(node)),
        exp.AtTimeZone: lambda self, node: _in_utc(self, node.args["zone"], node.this),
        exp.Cast: _cast,
        exp.ConcatWs: _joined,
        exp.Contains: lambda self, node: f"({self.func('positionUTF8', node.this, node.expression)} > 0)",
        exp.CumeDist: lambda *_: "cume_dist()",
        exp.DateBin: _bucket,
        exp.DayOfWeek: lambda self, node: f"(toDayOfWeek({self.sql(node, 'this')}) % 7)",
        exp.Explode: _series,
        exp.Extract: lambda self, node: _part(self, node.this, node.expression),
        exp.ILike: _like,
        exp.IntDiv: lambda self, node: f"intDiv({self.sql(node, 'this')}, {self.sql(node, 'expression')})",
        exp.JSONExtractScalar: _json,
        exp.FirstValue: lambda self, node: f"first_value_respect_nulls({self.sql(node, 'this')})",
        exp.LastValue: lambda self, node: f"last_value_respect_nulls({self.sql(node, 'this')})",
        exp.Lag: _neighbour,
        exp.Lead: _neighbour,
        exp.Left: lambda self, node: f"leftUTF8({self.sql(node, 'this')}, {self.sql(node, 'expression')})",
        exp.Like: _like,
        exp.Log: _logarithm,
        exp.LogicalAnd: lambda self, node: f"min({self.sql(node, 'this')})",
        exp.LogicalOr: lambda self, node: f"max({self.sql(node, 'this')})",
        exp.Lower: lambda self, node: f"lowerUTF8({self.sql(node, 'this')})",
        exp.MD5: lambda self, node: f"lower(hex(MD5({self.sql(node, 'this')})))",
        exp.Pad: lambda self, node: self.func(
            "leftPadUTF8" if node.args.get("is_left") else "rightPadUTF8",
            node.this, node.expression, node.args.get("fill_pattern"),
        ),
        exp.Median: lambda self, node: f"quantileExactInclusive(0.5)({self.sql(node, 'this')})",  # its own is not exact
        exp.PercentileCont: quantile("quantileExactInclusive({share})({value})"),
        exp.RegexpExtract: _extracted,
        exp.RegexpLike: lambda self, node: f"match({self.sql(node, 'this')}, {_pattern(self, node)})",
        exp.RegexpReplace: _replaced,
        exp.RegrSlope: _slope,
        exp.Right: lambda self, node: f"rightUTF8({self.sql(node, 'this')}, {self.sql(node, 'expression')})",
        exp.Round: _rounded,
        exp.SplitPart: _split,
        exp.Stddev: _sampled("stddevSampStable"),
        exp.StddevSamp: _sampled("stddevSampStable"),
        exp.Variance: _sampled("varSampStable"),
        exp.StrPosition: lambda self, node: f"positionUTF8({self.sql(node, 'this')}, {self.sql(node, 'substr')})",
        exp.Substring: lambda self, node: self.func(
            "substringUTF8", node.this, node.args.get("start"), node.args.get("length")
        ),
        exp.TimeToStr: _formatted,
        exp.TimeToUnix: lambda self, node: f"({MICROSECONDS.format(self.sql(node, 'this'))} / 1000000)",
        exp.TimestampTrunc: lambda self, node: (
            f"CAST(dateTrunc('{node.text('unit').lower()}', {self.sql(node, 'this')}) AS Nullable({TIME}))"
        ),
        exp.TryCast: _cast,
        exp.UnixToTime: _of_epoch,
        exp.Upper: lambda self, node: f"upperUTF8({self.sql(node, 'this')})",
        exp.WithinGroup: lambda self, node: self.sql(node, "this"),
    }  # fmt: skip


class _ClickHouse(ClickHouse):
    Generator = _ClickHouseSQL


def written(tree: exp.Query) -> Translated:
    """A query in ClickHouse's dialect; each parameter is MARK until its type is known."""
    check_depth(tree)
    check_said(tree, UNSAID, _refuse)
    tree = without_qualify(tree)
    for select in tree.find_all(exp.Select):
        # If two tables share a column name, ClickHouse names one of them "table.name".
        named = [one.as_(one.name) if isinstance(one, exp.Column) and one.table and one.name != "*" else one
                 for one in select.expressions]  # fmt: skip
        select.set("expressions", named)
    names = named_places(tree, lambda number: exp.Var(this=MARK.format(f"p{number}")))
    return Translated(tree.sql(dialect=_ClickHouse, identify=True, comments=False), names)
