"""Translates canonical SQL (DuckDB's dialect) into another engine's, over the source's own tables, with sqlglot.

An engine's dialect module corrects what sqlglot gets wrong. The original text never reaches an engine: only a generated
query does, which was parsed, only reads, and names only the guide's tables or its own sub-queries.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.generator import Generator

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.allowed import AGGREGATES, SCALARS, WINDOWED, by_arguments, refused
from tsg_agent.telemetry.catalog import CATALOG, Kind
from tsg_agent.telemetry.expressions import MAPPED

CANONICAL = "duckdb"
FUNCTIONS = SCALARS | AGGREGATES | WINDOWED | MAPPED | by_arguments("""
    1: to_minutes unnest strlen
    1-n: grouping
    2: regr_slope
    3: generate_series
""")  # fmt: skip
"""Functions that our own queries may call in addition to those of models and mappings."""
OWN = (exp.Placeholder, exp.Explode, exp.GenerateSeries, exp.Grouping, exp.Star, exp.DataType, exp.DataTypeParam)
"""Nodes that are allowed in our own queries only; a model's query was checked before."""
TEXTS = frozenset(
    name for table in CATALOG.values() for name, kind in table.columns.items() if kind is Kind.TEXT
) | {"value", "service"}  # fmt: skip
"""Names of text columns, which every engine must sort by bytes."""
KEPT_PLACES = 500
MICROSECONDS = {
    "MICROSECOND": 1, "MILLISECOND": 1000, "SECOND": 1_000_000, "MINUTE": 60_000_000, "HOUR": 3_600_000_000,
    "DAY": 86_400_000_000,
}  # fmt: skip
NUMBER = r"^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$"
"""A text that is a number."""
REPEATED: dict[type[exp.Expr], int] = {
    exp.Cast: 3, exp.TryCast: 3, exp.Round: 1, exp.JSONExtractScalar: 1, exp.SplitPart: 1, exp.RegexpExtract: 1,
    exp.IsNan: 1, exp.Left: 1, exp.Right: 1, exp.EndsWith: 1, exp.DateBin: 1, exp.ArgMax: 1, exp.ArgMin: 1,
    exp.Anonymous: 1,
}  # fmt: skip
"""What a translation may write its argument of several times -> how often that is doubled, at most."""
MOST_DOUBLED = 14
BUCKETS_SINCE = 946_857_600_000_000
"""What time buckets are counted from, microseconds since 1970: Monday, 2000-01-03."""
Calls = Mapping[str, str | Callable[..., str]]
"""Function -> an engine's SQL with {} for each argument, or what makes it of the generator and the arguments."""


@dataclass(frozen=True)
class Translated:
    """A query in an engine's dialect, and its parameters' names by the number of their placeholder, from 1."""

    sql: str
    names: tuple[str, ...]


def parsed(sql: str) -> exp.Query:
    """Parse one read-only SELECT. Raises QueryError for anything else."""
    try:
        statements = sqlglot.parse(sql, read=CANONICAL)
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"The query cannot be parsed: {str(error).splitlines()[0][:200]}") from None
    tree = statements[0] if len(statements) == 1 else None
    if not isinstance(tree, exp.Query):
        raise QueryError("Only one SELECT may run.")
    for node in tree.walk():
        if not isinstance(node, OWN) and (why := refused(node, FUNCTIONS)):
            raise QueryError(why)
        if isinstance(node, exp.Identifier) and not node.quoted:
            node.set("this", node.this.lower())
    return tree


class Translator:
    """Translates queries over the guide's tables. `sources`: table -> the SELECT that defines it, in canonical SQL."""

    def __init__(self, sources: Mapping[str, exp.Select], write: Callable[[exp.Query], Translated]) -> None:
        self._sources = dict(sources)
        self._write = write
        self.translated = lru_cache(maxsize=KEPT_PLACES)(self._translated)

    def _translated(self, sql: str) -> Translated:
        tree = parsed(sql)
        self._over_sources(tree)
        return self._write(tree)

    def _over_sources(self, tree: exp.Query) -> None:
        """Replace the guide's tables by the source's SELECTs. Raises QueryError for any other table."""
        own = {cte.alias for cte in tree.find_all(exp.CTE)}
        named = None if _reads_all(tree) else {node.name for node in tree.find_all(exp.Identifier)}
        for table in list(tree.find_all(exp.Table)):
            qualified = table.args.get("db") or table.args.get("catalog")
            if not qualified and table.name in own:
                continue
            source = None if qualified else self._sources.get(table.name)
            if source is None:
                raise QueryError(
                    f"The query reads {table.sql(dialect=CANONICAL)[:80]!r}, which the source does not have.",
                    fix=f"It has {', '.join(self._sources) or 'none of the tables'}.",
                )
            table.replace(_of_columns(source, named).subquery(table.alias or table.name))


def _reads_all(tree: exp.Query) -> bool:
    """True if a query's result may depend on columns that it does not name."""
    if any(join.method.upper() == "NATURAL" for join in tree.find_all(exp.Join)):
        return True
    rows = {one.alias_or_name for one in tree.find_all(exp.Table, exp.Subquery, exp.CTE)}
    if any(column.name in rows and not column.table for column in tree.find_all(exp.Column)):
        return True  # a row as a value
    return any(_tells_rows_apart(star, tree) for star in tree.find_all(exp.Star))


def _tells_rows_apart(star: exp.Star, tree: exp.Query) -> bool:
    """True if a `*` is part of the result, or of a comparison of rows."""
    select = star.find_ancestor(exp.Select)
    if isinstance(star.parent, exp.Count) or select is None:
        return False
    group = select.args.get("group")
    by_all = select.args.get("distinct") or (group is not None and group.args.get("all"))
    within = select.find_ancestor(exp.Select, exp.SetOperation)
    return bool(select is tree or by_all or isinstance(within, exp.SetOperation))


def _of_columns(source: exp.Select, named: set[str] | None) -> exp.Select:
    """A source's SELECT reduced to the columns that a query names: each further one would be computed for every row."""
    kept = source.copy()
    if named is not None:
        columns = [one for one in kept.expressions if one.alias_or_name in named]
        kept.set("expressions", columns or kept.expressions[:1])
    return kept


def check_depth(tree: exp.Query) -> None:
    """Raises QueryError for nested conversions whose translation would explode: each repeats what it converts."""
    for node in tree.find_all(*REPEATED):
        doubled = 0
        one: exp.Expr | None = node
        while one is not None and not isinstance(one, exp.Select):
            doubled, one = doubled + REPEATED.get(type(one), 0), one.parent
        if doubled > MOST_DOUBLED:
            raise QueryError(f"The query nests too many conversions: {node.sql(dialect=CANONICAL)[:80]}.")


def without_qualify(tree: exp.Query) -> exp.Query:
    """Rewrite QUALIFY as a filter over a sub-query; the order stays that of the outer query."""
    for select in list(tree.find_all(exp.Select)):
        kept = select.args.get("qualify")
        if kept is None:
            continue
        inner = select.copy()
        for name in ("qualify", "order", "limit", "with_"):
            inner.set(name, None)
        condition = kept.this.copy()
        for place, window in enumerate(list(condition.find_all(exp.Window))):
            name = f"kept_{place}"
            inner = inner.select(exp.alias_(window.copy(), name), copy=False)
            column = exp.column(name)
            if window is condition:
                condition = column
            else:
                window.replace(column)
        names = [one.alias_or_name for one in select.expressions]
        order = select.args.get("order")
        for column in order.find_all(exp.Column) if order is not None else ():
            if column.name not in names and "*" not in names:
                inner = inner.select(column.copy(), copy=False)
            column.set("table", None)
        listed = [exp.Star()] if "*" in names else [exp.column(name) for name in names]
        outer = exp.Select(expressions=listed).from_(inner.subquery("kept"), copy=False).where(condition, copy=False)
        for name in ("order", "limit", "with_"):
            if select.args.get(name) is not None:
                outer.set(name, select.args[name].copy())
        if select is tree:
            return outer if not outer.find(exp.Qualify) else without_qualify(outer)
        select.replace(outer)
    return tree


def calls(
    ours: Calls, otherwise: Callable[[Generator, exp.Anonymous], str] = Generator.function_fallback_sql
) -> Callable[[Generator, exp.Anonymous], str]:
    """The SQL of functions that sqlglot passes through unchanged; `otherwise`: of those that are not in `ours`."""

    def call(generator: Generator, node: exp.Anonymous) -> str:
        own = ours.get(node.name.lower())
        if own is None:
            return otherwise(generator, node)
        return own(generator, *node.expressions) if callable(own) else own.format(*map(generator.sql, node.expressions))

    return call


def refusing(server: str) -> Callable[[exp.Expr], NoReturn]:
    """What refuses an expression that means another thing at a server, or nothing, and has no translation."""

    def refuse(node: exp.Expr) -> NoReturn:
        raise QueryError(
            f"{node.sql(dialect=CANONICAL)[:80]} cannot be said in {server}'s SQL so that it means the same.",
            fix="Let a view of the server do it, and name that view (`from` in the mapping file).",
        )

    return refuse


def check_said(tree: exp.Query, unsaid: Collection[type[exp.Expr]], refuse: Callable[[exp.Expr], NoReturn]) -> None:
    """Refuses what an engine has no words for: these nodes, and regular expressions with flags."""
    for node in tree.walk():
        if type(node) in unsaid or (isinstance(node, exp.RegexpLike) and node.args.get("flag")):
            refuse(node)


def utc_only(refuse: Callable[[exp.Expr], NoReturn]) -> Callable[[Generator, exp.Expr, exp.Expr], str]:
    """`timezone('UTC', t)`: the session's zone is UTC; another one is refused."""

    def in_utc(generator: Generator, zone: exp.Expr, time: exp.Expr) -> str:
        if zone.name.upper() != "UTC":
            refuse(zone)
        return generator.sql(time)

    return in_utc


def time_format(
    node: exp.TimeToStr, codes: Mapping[str, str], literal: Callable[[str], str], refuse: Callable[[exp.Expr], NoReturn]
) -> str:
    """strftime's format in an engine's own words. `codes`: what stands for %Y and the others; `literal`: for a text."""
    parts = re.split("(%.)", node.text("format").replace("%%", "\0"))
    if not node.args["format"].is_string or not set(parts[1::2]) <= set(codes):
        refuse(node)
    texts = (codes[part] if place % 2 else literal(part.replace("\0", "%")) for place, part in enumerate(parts) if part)
    return "".join(texts)


def width_of(node: exp.DateBin, refuse: Callable[[exp.Expr], NoReturn]) -> int:
    """The microseconds of a time bucket; one of months, or with an origin, is refused."""
    unit = MICROSECONDS.get(node.this.text("unit").upper().removesuffix("S"))
    if unit is None or node.args.get("origin") or not node.this.text("this").isdecimal():
        refuse(node)
    return unit * int(node.this.text("this"))


def plain_replacement(node: exp.RegexpReplace) -> bool:
    """Whether a text is replaced by a plain one: groups are written in another way by each engine."""
    return node.args["replacement"].is_string and not {*"\\$&"} & {*node.text("replacement")}


def quantile(template: str) -> Callable[[Generator, exp.PercentileCont], str]:
    """The SQL of a quantile with {value} and {share}, whichever of its two notations it was written in."""

    def call(generator: Generator, node: exp.PercentileCont) -> str:
        within = node.parent
        value = within.expression.expressions[0].this if isinstance(within, exp.WithinGroup) else node.this
        share = node.this if isinstance(within, exp.WithinGroup) else node.expression
        return template.format(value=generator.sql(value), share=generator.sql(share))

    return call


def named_places(tree: exp.Query, place: Callable[[int], exp.Expr]) -> tuple[str, ...]:
    """Replace each parameter by the engine's placeholder of its number; the names by number, from 1.

    A parameter that is named twice keeps its number: else what is grouped by would be another expression.
    """
    numbers: dict[str, int] = {}
    for node in list(tree.find_all(exp.Placeholder)):
        node.replace(place(numbers.setdefault(node.name, len(numbers) + 1)))
    return tuple(numbers)
