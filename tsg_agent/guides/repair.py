"""Repairs of a query that are certain: what cannot run, or cannot mean what it says, put right in its tree."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from tsg_agent.guides.facts import Facts
from tsg_agent.guides.query import CANONICAL, Parsed
from tsg_agent.guides.schema import Schema
from tsg_agent.guides.scopes import Scope, Source, candidates, inside
from tsg_agent.models import Model
from tsg_agent.settings import ZoneThresholds
from tsg_agent.telemetry.catalog import Kind

COUNTED_UNIT = re.compile(r"^\s*(\d{1,6})\s*([a-z]+?)s?\s*$", re.IGNORECASE)
UNITS = frozenset({
    "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade",
    "century", "millennium",
})  # fmt: skip
CLOCKS = frozenset({
    "now", "getdate", "sysdate", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "today", "curdate",
    "utc_timestamp", "sysdatetime", "unix_timestamp",
})  # fmt: skip
CLOCK_NODES = tuple(
    node
    for name in (
        "CurrentTimestamp",
        "CurrentDatetime",
        "Localtimestamp",
        "CurrentDate",
        "UtcTimestamp",
        "UtcDate",
        "Systimestamp",
    )
    if (node := getattr(exp, name, None)) is not None
)
NEXT_SAMPLE = "sampled_again_at"
END_TIME = "end_time"
VERSION_DIGITS = 12
"""Digits that a part of a version may have: 20241015.1.2 has eight in its first."""


class Change(Model):
    """One repair that was made."""

    rule: str
    line: int
    what: str


@dataclass(frozen=True)
class Bench:
    """What a repair looks at."""

    facts: Facts
    end: str
    """The parameter that ends the window."""
    unknown_counts: frozenset[str]
    """Columns of which the guide itself says, in some step, that NULL means no."""

    def line(self, node: exp.Expr) -> int:
        """The file's line of a node."""
        return self.facts.parsed.line(node)


@dataclass(frozen=True)
class Repaired:
    """A query that is ready to run."""

    parsed: Parsed
    changes: tuple[Change, ...]

    @property
    def sql(self) -> str:
        """Canonical SQL with `$name` parameters."""
        return self.parsed.tree.sql(dialect=CANONICAL, pretty=True)


def repair(parsed: Parsed, schema: Schema, others: Iterable[Parsed] = ()) -> Repaired:
    """The query with every certain repair. `others`: the guide's queries, which say how its columns are meant."""
    queries = [parsed, *others]
    own = Parsed(parsed.query, parsed.tree.copy())
    end = next((name for one in queries for name in end_parameters(one.tree)), END_TIME)
    unknown = frozenset(name for one in queries for name in unknown_means_no(one.tree))
    changes: list[Change] = []
    for one in REPAIRS:
        changes += one(Bench(Facts(own, schema), end, unknown))
    return Repaired(own, tuple(changes))


def end_parameters(tree: exp.Expr) -> Iterator[str]:
    """Parameters that a time must not be after."""
    for node in tree.find_all(exp.Between, exp.LT, exp.LTE, exp.GT, exp.GTE):
        late = (
            node.args["high"]
            if isinstance(node, exp.Between)
            else node.expression
            if isinstance(node, exp.LT | exp.LTE)
            else node.this
        )
        held = late.find(exp.Placeholder) if isinstance(late, exp.Placeholder | exp.Cast) else None
        other = node.expression if late is node.this else node.this
        if held is not None and held.name and isinstance(other, exp.Column) and is_time_name(other.name, held.name):
            yield held.name


def is_time_name(column: str, parameter: str = "") -> bool:
    """Whether a name is that of a time."""
    pattern = r"(?:^|_)(?:time|timestamp|ts|at|date|datetime|until|end|when)$"
    return any(bool(re.search(pattern, name.lower())) for name in (column, parameter))


def unknown_means_no(tree: exp.Expr) -> Iterator[str]:
    """Columns for which a condition says `… OR column IS NULL`."""
    for node in tree.find_all(exp.Is):
        if isinstance(node.expression, exp.Null) and isinstance(node.this, exp.Column):
            above = node.find_ancestor(exp.Or)
            compared = {
                one.this.name.lower()
                for one in (above.find_all(exp.EQ) if above else ())
                if isinstance(one.this, exp.Column)
            }
            if node.this.name.lower() in compared and not isinstance(node.parent, exp.Not):
                yield node.this.name.lower()


def counted_unit(node: exp.Expr) -> tuple[str, str] | None:
    """(number, unit) where DATE_TRUNC is given `'30 minutes'`, which is a width and no unit."""
    if isinstance(node, exp.TimestampTrunc | exp.DateTrunc):
        unit = node.args.get("unit")
        match = COUNTED_UNIT.match(unit.name) if unit is not None else None
        if match and match[2].lower() in UNITS:
            return match[1], match[2].upper()
    return None


def _interval_units(bench: Bench) -> Iterator[Change]:
    for _, node in list(bench.facts.calls((exp.TimestampTrunc, exp.DateTrunc))):
        width = counted_unit(node)
        if width:
            interval = exp.Interval(this=exp.Literal.string(width[0]), unit=exp.var(width[1]))
            yield Change(
                rule="interval-unit",
                line=bench.line(node),
                what=f"DATE_TRUNC to {width[0]} {width[1].lower()}s -> buckets of that width",
            )
            node.replace(exp.DateBin(this=interval, expression=node.this.copy()))


@dataclass(frozen=True)
class TimeJoin:
    """A join on equal times: where it stands, the comparison, and its two sides."""

    scope: Scope
    join: exp.Join
    comparison: exp.EQ
    event: exp.Column
    sample: exp.Column
    keys: tuple[exp.Column, ...]
    """The joined table's other columns that are compared."""


def time_joins(facts: Facts) -> Iterator[TimeJoin]:
    """Joins of two tables on exactly equal instants."""
    for scope in facts.scopes:
        for join in scope.select.args.get("joins") or []:
            alias = join.this.alias_or_name.lower()
            source = next((one for one in scope.sources if one.alias == alias), None)
            on = join.args.get("on")
            if source is None or not source.table or on is None:
                continue
            equal = [one for one in on.find_all(exp.EQ) if _two_columns(one)]
            timed = [one for one in equal if all(_is_time(side, scope, facts) for side in (one.left, one.right))]
            if len(timed) != 1:
                continue
            sides = {side.table.lower() == alias: side for side in (timed[0].left, timed[0].right)}
            keys = tuple(
                side
                for one in equal
                if one is not timed[0]
                for side in (one.left, one.right)
                if side.table.lower() == alias
            )
            if len(sides) == 2:
                yield TimeJoin(scope, join, timed[0], sides[False], sides[True], keys)


def _time_joins(bench: Bench) -> Iterator[Change]:
    minutes = ZoneThresholds().sample_age_minutes
    for one in list(time_joins(bench.facts)):
        if not one.keys or not isinstance(one.join.this, exp.Table):
            continue
        alias, time = one.join.this.alias_or_name, one.sample.name
        partition = ", ".join(exp.column(key.name).sql(dialect=CANONICAL) for key in one.keys)
        at = exp.column(time).sql(dialect=CANONICAL)
        samples = sqlglot.parse_one(
            f"SELECT *, LEAD({at}) OVER (PARTITION BY {partition} ORDER BY {at}) AS {NEXT_SAMPLE} FROM t",  # noqa: S608 - names of the query's own tree
            read=CANONICAL,
        )
        samples.find(exp.Table).replace(exp.to_table(one.join.this.name))  # type: ignore[union-attr]
        event, sample = one.event.sql(dialect=CANONICAL), one.sample.sql(dialect=CANONICAL)
        again = exp.column(NEXT_SAMPLE, table=alias).sql(dialect=CANONICAL)
        newest = sqlglot.condition(
            f"{event} >= {sample} AND {event} <= {sample} + INTERVAL '{minutes}' MINUTE "
            f"AND ({again} IS NULL OR {event} < {again})",
            dialect=CANONICAL,
        )
        yield Change(
            rule="exact-time-join",
            line=bench.line(one.comparison),
            what=f"equal times -> the newest row of {one.join.this.name} at or before, at most {minutes} minutes old; "
            "rows without one stay",
        )
        one.comparison.replace(newest)
        one.join.this.replace(exp.Subquery(this=samples, alias=exp.TableAlias(this=exp.to_identifier(alias))))
        one.join.set("side", "LEFT")
        one.join.set("kind", None)


def ambiguous(facts: Facts) -> Iterator[tuple[Scope, exp.Column, list[Source]]]:
    """Columns without a table that several sources hold."""
    for scope in facts.scopes:
        for node in scope.nodes():
            if isinstance(node, exp.Column) and not node.table and not isinstance(node.this, exp.Star):
                held = candidates(node, scope, facts.schema)
                sure = [one for one in held if one.table not in facts.schema.inferred]
                using = {
                    one.name.lower()
                    for join in scope.select.args.get("joins") or []
                    for one in join.args.get("using") or []
                }
                if len(sure) > 1 and node.name.lower() not in using:
                    yield scope, node, sure


def _ambiguous(bench: Bench) -> Iterator[Change]:
    meant = [(column, _meant(column, scope, held, bench.facts)) for scope, column, held in ambiguous(bench.facts)]
    for column, chosen in meant:  # decided on the query as it stands, not on one half repaired
        if chosen:
            yield Change(
                rule="ambiguous-column", line=bench.line(column), what=f"{column.name} -> {chosen.alias}.{column.name}"
            )
            column.set("table", exp.to_identifier(chosen.alias))


def _meant(column: exp.Column, scope: Scope, held: list[Source], facts: Facts) -> Source | None:
    """Whose column is meant: either's where the join compares the two, else that of a table joined for nothing else."""
    name = column.name.lower()
    for join in scope.select.args.get("joins") or []:
        on = join.args.get("on")
        for one in on.find_all(exp.EQ, exp.GTE) if on is not None else ():
            if _two_columns(one) and one.left.name.lower() == one.right.name.lower() == name:
                return held[0]
    needed = [one for one in held[1:] if not _contributes(one, scope, facts)]
    return needed[0] if len(needed) == 1 else None


def _contributes(source: Source, scope: Scope, facts: Facts) -> bool:
    """Whether a joined source gives the SELECT a column that no other has."""
    conditions = [join.args.get("on") for join in scope.select.args.get("joins") or []]
    joined = {id(node) for on in conditions if on is not None for node in on.walk()}
    return any(
        isinstance(node, exp.Column)
        and id(node) not in joined
        and [one is source for one in candidates(node, scope, facts.schema)] == [True]
        for node in scope.nodes()
    )


def windows_before_groups(facts: Facts) -> Iterator[tuple[Scope, exp.Window]]:
    """Window functions in a grouped SELECT that look at columns which are not grouped."""
    for scope in facts.scopes:
        keys = {key.sql().lower() for key in scope.keys}
        if not scope.select.args.get("group"):
            continue
        for node in scope.nodes():
            if isinstance(node, exp.Window) and any(
                isinstance(one, exp.Column) and one.sql().lower() not in keys and not _under_aggregate(one, node)
                for one in inside(node)
            ):
                yield scope, node


def _under_aggregate(column: exp.Column, window: exp.Window) -> bool:
    """Whether an aggregate of the group lies between a column and the window around it."""
    node = column.parent
    while node is not None and node is not window:
        if isinstance(node, exp.AggFunc) and node is not window.this and node.parent is not window.this:
            return True
        node = node.parent
    return False


def _windows(bench: Bench) -> Iterator[Change]:
    for number, (scope, window) in enumerate(list(windows_before_groups(bench.facts))):
        keys = {key.sql().lower() for key in scope.keys}
        begin = scope.select.args.get("from_") or scope.select.args.get("from")
        partition = window.args.get("partition_by") or []
        if begin is None or len(scope.sources) != 1 or not all(one.sql().lower() in keys for one in partition):
            continue
        name = f"of_its_partition_{number}"
        line, text = bench.line(window), window.this.sql(dialect=CANONICAL)
        relation = begin.this
        inner = exp.select("*", exp.alias_(_of_all_its_rows(window), name)).from_(relation.copy())
        where = scope.select.args.get("where")
        if where is not None:
            inner.set("where", where.copy())
            scope.select.set("where", None)
        alias = exp.TableAlias(this=exp.to_identifier(relation.alias_or_name))
        relation.replace(exp.Subquery(this=inner, alias=alias))
        window.replace(exp.Max(this=exp.column(name)))
        yield Change(rule="ungrouped-column", line=line, what=f"{text} is looked up before the rows are grouped")


def _of_all_its_rows(window: exp.Window) -> exp.Window:
    """The same window; a first value is the first that is known, of the whole partition."""
    own = window.copy()
    if isinstance(own.this, exp.FirstValue) and not own.args.get("spec"):
        own.set("this", exp.IgnoreNulls(this=own.this.copy()))
        whole = {
            "kind": "ROWS",
            "start": "UNBOUNDED",
            "start_side": "PRECEDING",
            "end": "UNBOUNDED",
            "end_side": "FOLLOWING",
        }
        own.set("spec", exp.WindowSpec(**whole))
    return own


def is_boolean(column: exp.Expr, scope: Scope, facts: Facts) -> bool:
    """Whether a column holds true and false: by its kind; of a table that is not known, by its name."""
    if not isinstance(column, exp.Column):
        return False
    found = facts.origin(column, scope)
    if found is None or not found.table:
        return False
    if found.table in facts.schema.inferred:
        return column.name.lower().startswith(("is_", "has_"))
    return facts.schema.kind(found.table, found.name) is Kind.BOOLEAN


def boolean_comparisons(facts: Facts) -> Iterator[tuple[Scope, exp.Binary]]:
    """Booleans compared with 0, 1, TRUE or FALSE."""
    for scope, node in facts.calls((exp.EQ, exp.NEQ)):
        right = node.expression
        value = isinstance(right, exp.Boolean) or (isinstance(right, exp.Literal) and right.name in {"0", "1"})
        if value and is_boolean(node.this, scope, facts):
            yield scope, node  # type: ignore[misc]


def _booleans(bench: Bench) -> Iterator[Change]:
    for _, node in list(boolean_comparisons(bench.facts)):
        right, column = node.expression, node.this
        positive = (right.name == "1" if isinstance(right, exp.Literal) else bool(right.this)) == isinstance(
            node, exp.EQ
        )
        line, was = bench.line(node), node.sql(dialect=CANONICAL)
        if not positive and column.name.lower() in bench.unknown_counts:
            new: exp.Expr = exp.Not(this=exp.Is(this=column.copy(), expression=exp.true()))
        elif isinstance(right, exp.Literal):
            new = exp.EQ(this=column.copy(), expression=exp.true() if positive else exp.false())
        else:
            continue
        node.replace(new)
        yield Change(rule="boolean-number", line=line, what=f"{was} -> {new.sql(dialect=CANONICAL)}")


def clocks(facts: Facts) -> Iterator[exp.Expr]:
    """Calls of the clock."""
    for node in facts.parsed.tree.walk():
        if isinstance(node, CLOCK_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in CLOCKS):
            yield node


def _clock(bench: Bench) -> Iterator[Change]:
    for node in list(clocks(bench.facts)):
        line, was = bench.line(node), node.sql(dialect=CANONICAL)
        moment: exp.Expr = exp.cast(exp.Placeholder(this=bench.end), "timestamp")
        if isinstance(node, exp.CurrentDate) or (
            isinstance(node, exp.Anonymous) and node.name.lower() in {"today", "curdate"}
        ):
            moment = exp.cast(moment, "date")
        if isinstance(node, exp.Anonymous) and node.name.lower() == "unix_timestamp":
            continue
        node.replace(moment)
        yield Change(rule="clock-time", line=line, what=f"{was} -> the window's end ({bench.end})")


def version_casts(facts: Facts) -> Iterator[exp.Cast]:
    """Numbers read from the parts of a text by a plain CAST."""
    for _, node in facts.calls(exp.Cast):
        if (
            type(node) is exp.Cast
            and isinstance(node.this, exp.SplitPart)
            and node.to.is_type(*exp.DataType.NUMERIC_TYPES)
        ):
            yield node


def _versions(bench: Bench) -> Iterator[Change]:
    for node in list(version_casts(bench.facts)):
        part = node.this
        text = part.this.sql(dialect=CANONICAL)
        position = part.args["part_index"].sql(dialect=CANONICAL)
        delimiter = part.args["delimiter"].sql(dialect=CANONICAL)
        one = f"SPLIT_PART(LTRIM({text}, 'vV'), {delimiter}, {position})"
        read = f"TRY_CAST(CASE {one} WHEN '' THEN '0' ELSE {one} END AS DECIMAL({VERSION_DIGITS}, 0))"
        new = sqlglot.parse_one(f"CAST({read} AS INT128)", read=CANONICAL)
        line = bench.line(node)
        weighed = node.parent if isinstance(node.parent, exp.Mul) else None
        yield Change(
            rule="version-cast", line=line, what=f"part {position} of {text}: unreadable is NULL and sorts last"
        )
        node.replace(new)
        if weighed is not None:
            _widen(weighed, new)


def _widen(product: exp.Mul, part: exp.Expr) -> None:
    """A packed version's weight: parts of a thousand and more must not reach into the part before."""
    weight = product.right if product.left is part else product.left
    if isinstance(weight, exp.Literal) and not weight.is_string and re.fullmatch(r"10+", weight.name):
        weight.replace(exp.Literal.number("1" + "0" * min(24, VERSION_DIGITS * (len(weight.name) // 2))))


def _two_columns(node: exp.Expr) -> bool:
    return isinstance(node, exp.Binary) and isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column)


def _is_time(column: exp.Expr, scope: Scope, facts: Facts) -> bool:
    if not isinstance(column, exp.Column):
        return False
    found = facts.origin(column, scope)
    if found is None or not found.table:
        return False
    if found.table in facts.schema.inferred:
        return is_time_name(found.name)
    return facts.schema.kind(found.table, found.name) is Kind.TIMESTAMP


REPAIRS: tuple[Callable[[Bench], Iterable[Change]], ...] = (
    _interval_units,
    _time_joins,
    _ambiguous,
    _windows,
    _booleans,
    _clock,
    _versions,
)
"""Every repair, in the order in which they are made."""
