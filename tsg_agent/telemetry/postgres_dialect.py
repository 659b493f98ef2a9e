"""Translates canonical SQL into PostgreSQL's dialect. Refuses what means another thing there and has no translation."""

import re
from collections.abc import Callable
from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.generator import Generator
from sqlglot.generators.postgres import PostgresGenerator

from tsg_agent.telemetry.portable import (
    NUMBER,
    TEXTS,
    Calls,
    Translated,
    calls,
    check_depth,
    check_said,
    named_places,
    plain_replacement,
    refusing,
    time_format,
    width_of,
    without_qualify,
)

SETTLED = re.compile(r"\||[*+?}]\?")
"""Alternatives and reluctant quantifiers of a regular expression."""
BOUNDS = {exp.DataType.Type.SMALLINT: 2**15, exp.DataType.Type.INT: 2**31, exp.DataType.Type.BIGINT: 2**63}
"""Whole numbers are below, in size."""
FORMATS = {
    "%Y": "YYYY", "%m": "MM", "%d": "DD", "%H": "HH24", "%M": "MI", "%S": "SS", "%y": "YY", "%j": "DDD",
}  # fmt: skip
"""Codes of strftime in PostgreSQL's words."""
_refuse = refusing("PostgreSQL")


UNSAID = (exp.ApproxQuantile, exp.Escape, exp.First, exp.JSONExtract, exp.Last, exp.Mode, exp.StrToTime)


def _part(generator: Generator, part: exp.Expr, time: exp.Expr) -> str:
    """A part of a time, as a whole number."""
    value = f"EXTRACT({part.name} FROM {generator.sql(time)})"
    if part.name.upper() == "EPOCH":
        return f"CAST({value} AS DOUBLE PRECISION)"
    return f"CAST(FLOOR({value}) AS BIGINT)"


CALLS: Calls = {
    "epoch_us": "CAST(EXTRACT(epoch FROM {}) * 1000000 AS BIGINT)",
    "epoch_ns": "CAST(EXTRACT(epoch FROM {}) * 1000000000 AS BIGINT)",
    "make_timestamp_ms": "(TIMESTAMP 'epoch' + ({}) * INTERVAL '1 millisecond')",
    "make_timestamp_ns": "(TIMESTAMP 'epoch' + (({}) / 1000) * INTERVAL '1 microsecond')",
    "timezone": "(({1}) AT TIME ZONE {0})",
    "date_part": _part,
    "mean": "avg({})",
    "to_minutes": "(({}) * INTERVAL '1 minute')",
    "lookup": "({} ->> {})",
    "strlen": "OCTET_LENGTH({})",
    "random_id": "CAST(gen_random_uuid() AS TEXT)",
}
"""Functions that sqlglot passes through unchanged; others are refused."""


def _explode(generator: Generator, node: exp.Explode) -> str:
    """Drops `unnest` around `generate_series`, which returns rows in PostgreSQL."""
    inner = generator.sql(node, "this")
    return inner if isinstance(node.this, exp.GenerateSeries) else f"UNNEST({inner})"


def _divided(generator: Generator, node: exp.IntDiv) -> str:
    """`/` of integers drops the remainder, like DuckDB's //; a sum of them is NUMERIC."""
    quotient = f"(({generator.sql(node, 'this')}) / ({generator.sql(node, 'expression')}))"
    return f"TRUNC{quotient}" if node.find(exp.Sum) else quotient


def _of_the_most(order: str) -> Callable[[Generator, exp.Expr], str]:
    def call(generator: Generator, node: exp.Expr) -> str:
        value, by = generator.sql(node, "this"), generator.sql(node, "expression")
        return f"(ARRAY_AGG({value} ORDER BY {by} {order}) FILTER (WHERE {value} IS NOT NULL AND {by} IS NOT NULL))[1]"

    return call


def _tried(generator: PostgresGenerator, node: exp.TryCast) -> str:
    """NULL for a text that is no number; other types are refused."""
    if node.to.this not in exp.DataType.NUMERIC_TYPES:
        _refuse(node)
    value, kind = generator.sql(node, "this"), generator.sql(node, "to")
    text, number = f"CAST({value} AS TEXT)", f"CAST(CAST({value} AS TEXT) AS NUMERIC)"
    cast = f"CAST({number} AS {kind})"
    if bound := BOUNDS.get(node.to.this):  # in a CASE of its own: AND need not look at its sides in their order
        cast = f"CASE WHEN ABS({number}) < {bound} - 0.5 THEN {cast} END"
    of_text = f"CASE WHEN {text} ~ '{NUMBER}' THEN {cast} END"
    is_text = f"pg_typeof({value}) IN ('text', 'varchar', 'bpchar')"
    return f"CASE WHEN {is_text} THEN {of_text} ELSE CAST({value} AS {kind}) END"


def _rounded(generator: Generator, node: exp.Round) -> str:
    """Half away from 0: PostgreSQL rounds floats half to even."""
    digits = generator.sql(node, "decimals") or "0"
    return f"CAST(ROUND(CAST({generator.sql(node, 'this')} AS NUMERIC), {digits}) AS DOUBLE PRECISION)"


def _like(generator: Generator, node: exp.Like | exp.ILike) -> str:
    """Without the backslash as an escape character."""
    return f"{generator.sql(node, 'this')} {node.key.upper()} {generator.sql(node, 'expression')} ESCAPE ''"


def _pattern(generator: Generator, node: exp.Expr, *, found: bool = False) -> str:
    """A regular expression whose dot is no line break, as in DuckDB.

    `found`: what it matches is returned. Of alternatives PostgreSQL takes the longest, and one quantifier settles
    whether all are greedy: such patterns are refused.
    """
    pattern = node.args["expression"]
    if found and (not pattern.is_string or SETTLED.search(pattern.name)):
        _refuse(node)
    return f"('(?p)' || {generator.sql(pattern)})"


def _extracted(generator: Generator, node: exp.RegexpExtract) -> str:
    group = node.text("group") or "0"
    if node.args.get("parameters") or not group.isdecimal():
        _refuse(node)
    text, pattern = generator.sql(node, "this"), _pattern(generator, node, found=True)
    whole = pattern.replace("('(?p)' || ", "('(?p)(' || ").removesuffix(")") + " || ')')"
    return f"CASE WHEN {text} IS NOT NULL THEN COALESCE((REGEXP_MATCH({text}, {whole}))[{int(group) + 1}], '') END"


def _replaced(generator: PostgresGenerator, node: exp.RegexpReplace) -> str:
    if node.text("modifiers") not in ("", "g") or not plain_replacement(node):
        _refuse(node)
    parts = [generator.sql(node, "this"), _pattern(generator, node, found=True), generator.sql(node, "replacement")]
    if node.text("modifiers"):
        parts.append("'g'")
    return f"REGEXP_REPLACE({', '.join(parts)})"


def _substring(generator: Generator, node: exp.Substring) -> str:
    """A negative start counts from the end; one that is no literal may be either, and is refused."""
    start, text = node.args["start"], generator.sql(node, "this")
    if isinstance(start, exp.Neg) and isinstance(start.this, exp.Literal) and node.args.get("length") is None:
        return f"RIGHT({text}, {start.this.name})"
    if not isinstance(start, exp.Literal) or start.name == "0":
        _refuse(node)
    length = generator.sql(node, "length")
    return f"SUBSTRING({text} FROM {start.name}{f' FOR CAST({length} AS INT)' * bool(length)})"


def _json(generator: Generator, node: exp.JSONExtractScalar) -> str:
    """The text of what a path leads to, from a text or a document."""
    keys = [one for one in node.expression.expressions if not isinstance(one, exp.JSONPathRoot)]
    if not keys or not all(isinstance(one, exp.JSONPathKey | exp.JSONPathSubscript) for one in keys):
        _refuse(node)
    path = ", ".join(generator.sql(exp.Literal.string(str(one.this))) for one in keys)
    return f"(CAST({generator.sql(node, 'this')} AS JSON) #>> ARRAY[{path}])"


def _of_epoch(generator: Generator, node: exp.UnixToTime) -> str:
    """The time of a number; the server refuses to multiply a time, which DuckDB's epoch_ms takes as well."""
    unit = {"3": "millisecond", "6": "microsecond"}.get(node.text("scale"), "second")
    return f"(TIMESTAMP 'epoch' + ({generator.sql(node, 'this')}) * INTERVAL '1 {unit}')"


def _formatted(generator: Generator, node: exp.TimeToStr) -> str:
    written = time_format(
        node, FORMATS, lambda text: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"', _refuse
    )
    return f"TO_CHAR({generator.sql(node, 'this')}, {generator.sql(exp.Literal.string(written))})"


def _bucket(generator: Generator, node: exp.DateBin) -> str:
    width = width_of(node, _refuse)
    return f"DATE_BIN({width} * INTERVAL '1 microsecond', {generator.sql(node, 'expression')}, TIMESTAMP '2000-01-03')"


def _called(name: str, *whole: str) -> Callable[[Generator, exp.Expr], str]:
    """A function of the text, and of these arguments as whole numbers."""

    def call(generator: Generator, node: exp.Expr) -> str:
        numbers = [f"CAST({generator.sql(node, one)} AS INT)" for one in whole]
        return f"{name}({', '.join([generator.sql(node, 'this'), *numbers])})"

    return call


def _padded(generator: Generator, node: exp.Pad) -> str:
    text, length, by = (generator.sql(node, one) for one in ("this", "expression", "fill_pattern"))
    return f"{'LPAD' if node.args.get('is_left') else 'RPAD'}({text}, CAST({length} AS INT), {by})"


def _ends(generator: Generator, node: exp.EndsWith) -> str:
    text, end = generator.sql(node, "this"), generator.sql(node, "expression")
    return f"(RIGHT({text}, LENGTH({end})) = {end})"


def _day(name: str) -> Callable[[Generator, exp.Expr], str]:
    return lambda generator, node: _part(generator, exp.var(name), node.this)


class _PostgresSQL(PostgresGenerator):
    TRANSFORMS: ClassVar = {
        **PostgresGenerator.TRANSFORMS,
        exp.Anonymous: calls(CALLS, lambda _, node: _refuse(node)),
        exp.Contains: lambda self, node: f"({self.func('STRPOS', node.this, node.expression)} > 0)",
        exp.DateBin: _bucket,
        exp.Day: _day("day"),
        exp.DayOfWeek: _day("dow"),
        exp.EndsWith: _ends,
        exp.Explode: _explode,
        exp.Extract: lambda self, node: _part(self, node.this, node.expression),
        exp.Hour: _day("hour"),
        exp.ILike: _like,
        exp.IntDiv: _divided,
        exp.IsNan: lambda self, node: f"({self.sql(node, 'this')} = CAST('NaN' AS DOUBLE PRECISION))",
        exp.AnyValue: lambda self, node: f"MIN({self.sql(node, 'this')})",
        exp.ArgMax: _of_the_most("DESC"),
        exp.ArgMin: _of_the_most("ASC"),
        exp.IgnoreNulls: lambda self, node: self.sql(node, "this"),
        exp.JSONExtractScalar: _json,
        exp.Left: _called("LEFT", "expression"),
        exp.Like: _like,
        exp.Minute: _day("minute"),
        exp.Month: _day("month"),
        exp.Pad: _padded,
        exp.Quantile: lambda self, node: (
            f"PERCENTILE_DISC({self.sql(node, 'quantile')}) WITHIN GROUP (ORDER BY {self.sql(node, 'this')})"
        ),
        exp.RegexpExtract: _extracted,
        exp.RegexpLike: lambda self, node: f"({self.sql(node, 'this')} ~ {_pattern(self, node)})",
        exp.RegexpReplace: _replaced,
        exp.Right: _called("RIGHT", "expression"),
        exp.Round: _rounded,
        exp.Second: _day("second"),
        exp.StrPosition: lambda self, node: self.func("STRPOS", node.this, node.args["substr"]),
        exp.Substring: _substring,
        exp.TimeToStr: _formatted,
        exp.TimeToUnix: lambda self, node: _part(self, exp.var("epoch"), node.this),
        exp.TryCast: _tried,
        exp.UnixToTime: _of_epoch,
        exp.Year: _day("year"),
    }


class _PostgreSQL(Postgres):
    Generator = _PostgresSQL


def _first_of_each(tree: exp.Query) -> None:
    """Rewrite QUALIFY row_number() = 1 as DISTINCT ON.

    For row_number() = 1 PostgreSQL estimates few rows, and joins them by a nested loop: hours for a million rows.
    """
    for select in tree.find_all(exp.Select):
        kept = select.args.get("qualify")
        numbered = kept.this if kept is not None else None
        if not isinstance(numbered, exp.EQ) or numbered.expression != exp.Literal.number(1):
            continue
        window = numbered.this
        if not (isinstance(window, exp.Window) and isinstance(window.this, exp.RowNumber)):
            continue
        if any(select.args.get(name) for name in ("distinct", "group", "order", "limit")):
            continue
        groups = window.args["partition_by"]
        order = window.args.get("order")
        select.set("qualify", None)
        select.set("distinct", exp.Distinct(on=exp.Tuple(expressions=[one.copy() for one in groups])))
        # Parentheses keep the groups in the database's own collation; only the order within a group is ours.
        keys = [exp.Paren(this=one.copy()) for one in groups]
        select.set("order", exp.Order(expressions=[*keys, *(order.expressions if order is not None else ())]))


def written(tree: exp.Query) -> Translated:
    """A query in PostgreSQL's dialect; parameters are $1, $2, …"""
    check_depth(tree)
    check_said(tree, UNSAID, _refuse)
    _first_of_each(tree)
    tree = without_qualify(tree)
    for node in tree.find_all(exp.Ordered):
        if isinstance(node.this, exp.Column) and node.this.name in TEXTS:
            node.set("this", exp.Collate(this=node.this.copy(), expression=exp.to_identifier("C", quoted=True)))
    names = named_places(tree, lambda number: exp.Var(this=f"${number}"))
    return Translated(tree.sql(dialect=_PostgreSQL, identify=True, comments=False), names)
