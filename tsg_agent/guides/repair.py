"""Repairs of a query that are certain: what cannot run, or cannot mean what it says, put right in its tree."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

from tsg_agent.guides.catalogue import TableSchema
from tsg_agent.guides.errata import (
    ambiguous,
    boolean_comparisons,
    bounding,
    clocks,
    counted_unit,
    shared_times,
    time_joins,
    two_columns,
    unknown_means_no,
    version_casts,
    windows_before_groups,
)
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.parsed import CANONICAL, Parsed
from tsg_agent.guides.scopes import SelectScope, SelectSource, candidates
from tsg_agent.models import Model
from tsg_agent.settings import ZoneThresholds

NEXT_SAMPLE = "sampled_again_at"
END_TIME = "end_time"
VERSION_DIGITS = 12
"""Digits that a part of a version may have: 20241015.1.2 has eight in its first."""


class Change(Model):
    """One repair that was made."""

    rule: str
    line: int
    what: str


Made = tuple[int, str]
"""The file's line of a repair, and what was changed."""


@dataclass(frozen=True)
class RepairBench:
    """What a repair needs to know."""

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


def repair(parsed: Parsed, schema: TableSchema, others: Iterable[Parsed] = ()) -> Repaired:
    """The query with every certain repair. `others`: the guide's queries, which say how its columns are meant."""
    queries = [parsed, *others]
    own = Parsed(parsed.query, parsed.tree.copy())
    end = next((name for one in queries for name in bounding(one.tree, "high")), END_TIME)
    unknown = frozenset(name for one in queries for name in unknown_means_no(one.tree))
    changes = [
        Change(rule=rule, line=line, what=what)
        for rule, made in REPAIRS
        for line, what in made(RepairBench(Facts(own, schema), end, unknown))
    ]
    return Repaired(own, tuple(changes))


def _interval_units(bench: RepairBench) -> Iterator[Made]:
    for _, node in list(bench.facts.calls((exp.TimestampTrunc, exp.DateTrunc))):
        width = counted_unit(node)
        if width:
            interval = exp.Interval(this=exp.Literal.string(width[0]), unit=exp.var(width[1]))
            yield bench.line(node), f"DATE_TRUNC to {width[0]} {width[1].lower()}s -> buckets of that width"
            node.replace(exp.DateBin(this=interval, expression=node.this.copy()))


def _shared_times(bench: RepairBench) -> Iterator[Made]:
    """USING (key, time) as ON, for the repair of equal times."""
    for scope, join in list(shared_times(bench.facts)):
        first, own = scope.sources[0].alias, join.this.alias_or_name
        pairs = [
            exp.EQ(this=exp.column(one.name, table=first), expression=exp.column(one.name, table=own))
            for one in join.args["using"]
        ]
        join.set("using", None)
        join.set("on", exp.and_(*pairs))
        yield from ()


def _time_joins(bench: RepairBench) -> Iterator[Made]:
    minutes = ZoneThresholds().sample_age_minutes
    for one in list(time_joins(bench.facts)):
        if not one.keys or not isinstance(one.join.this, exp.Table):
            continue
        alias, time = one.join.this.alias_or_name, one.sample.name
        partition = ", ".join(exp.column(key.name).sql(dialect=CANONICAL) for key in one.keys)
        at = exp.column(time).sql(dialect=CANONICAL)
        following = f"LEAD({at}) OVER (PARTITION BY {partition} ORDER BY {at}) AS {NEXT_SAMPLE}"
        samples = exp.select("*", following, dialect=CANONICAL).from_(exp.to_table(one.join.this.name))
        event, sample = one.event.sql(dialect=CANONICAL), one.sample.sql(dialect=CANONICAL)
        again = exp.column(NEXT_SAMPLE, table=alias).sql(dialect=CANONICAL)
        newest = sqlglot.condition(
            f"{event} >= {sample} AND {event} <= {sample} + INTERVAL '{minutes}' MINUTE "
            f"AND ({again} IS NULL OR {event} < {again})",
            dialect=CANONICAL,
        )
        table = one.join.this.name
        what = f"equal times -> the newest row of {table} at or before, at most {minutes} minutes old"
        yield bench.line(one.comparison), f"{what}; rows without one stay"
        one.comparison.replace(newest)
        one.join.this.replace(exp.Subquery(this=samples, alias=exp.TableAlias(this=exp.to_identifier(alias))))
        one.join.set("side", "LEFT")
        one.join.set("kind", None)


def _ambiguous(bench: RepairBench) -> Iterator[Made]:
    meant = [(column, _meant(column, scope, held, bench.facts)) for scope, column, held in ambiguous(bench.facts)]
    for column, chosen in meant:  # decided on the query as it stands, not on one half repaired
        if chosen:
            yield bench.line(column), f"{column.name} -> {chosen.alias}.{column.name}"
            column.set("table", exp.to_identifier(chosen.alias))


def _meant(column: exp.Column, scope: SelectScope, held: list[SelectSource], facts: Facts) -> SelectSource | None:
    """Whose column is meant: either's where the join compares the two, else that of a table joined for nothing else."""
    name = column.name.lower()
    for join in scope.select.args.get("joins") or []:
        on = join.args.get("on")
        for one in on.find_all(exp.EQ, exp.GTE) if on is not None else ():
            if two_columns(one) and one.left.name.lower() == one.right.name.lower() == name:
                return held[0]
    needed = [one for one in held[1:] if not _contributes(one, scope, facts)]
    return needed[0] if len(needed) == 1 else None


def _contributes(source: SelectSource, scope: SelectScope, facts: Facts) -> bool:
    """True if a joined source gives the SELECT a column that no other has."""
    conditions = [join.args.get("on") for join in scope.select.args.get("joins") or []]
    joined = {id(node) for on in conditions if on is not None for node in on.walk()}
    return any(
        isinstance(node, exp.Column)
        and id(node) not in joined
        and [one is source for one in candidates(node, scope, facts.schema)] == [True]
        for node in scope.nodes()
    )


def _windows(bench: RepairBench) -> Iterator[Made]:
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
        yield line, f"{text} is looked up before the rows are grouped"


def _of_all_its_rows(window: exp.Window) -> exp.Window:
    """The same window; a first value is the first that is known, of the whole partition."""
    own = window.copy()
    if isinstance(own.this, exp.FirstValue) and not own.args.get("spec"):
        own.set("this", exp.IgnoreNulls(this=own.this.copy()))
        whole = "f() OVER (ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"
        own.set("spec", sqlglot.parse_one(whole, read=CANONICAL).args["spec"])
    return own


def _booleans(bench: RepairBench) -> Iterator[Made]:
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
        yield line, f"{was} -> {new.sql(dialect=CANONICAL)}"


def _clock(bench: RepairBench) -> Iterator[Made]:
    for node in list(clocks(bench.facts)):
        line, was = bench.line(node), node.sql(dialect=CANONICAL)
        name = node.name.lower() if isinstance(node, exp.Anonymous) else ""
        if name == "unix_timestamp":
            continue
        moment: exp.Expr = exp.cast(exp.Placeholder(this=bench.end), "timestamp")
        if isinstance(node, exp.CurrentDate) or name in {"today", "curdate"}:
            moment = exp.cast(moment, "date")
        node.replace(moment)
        yield line, f"{was} -> the window's end ({bench.end})"


def _versions(bench: RepairBench) -> Iterator[Made]:
    for node in list(version_casts(bench.facts)):
        part = node.this
        if not isinstance(part, exp.SplitPart):
            yield bench.line(node), "what is no number is NULL"
            node.replace(exp.TryCast(this=part.copy(), to=node.to.copy()))
            continue
        text = part.this.sql(dialect=CANONICAL)
        position = part.args["part_index"].sql(dialect=CANONICAL)
        delimiter = part.args["delimiter"].sql(dialect=CANONICAL)
        one = f"SPLIT_PART(LTRIM({text}, 'vV'), {delimiter}, {position})"
        read = f"TRY_CAST(CASE {one} WHEN '' THEN '0' ELSE {one} END AS DECIMAL({VERSION_DIGITS}, 0))"
        new = sqlglot.parse_one(f"CAST({read} AS INT128)", read=CANONICAL)
        weighed = node.parent if isinstance(node.parent, exp.Mul) else None
        yield bench.line(node), f"part {position} of {text}: unreadable is NULL and sorts last"
        node.replace(new)
        if weighed is not None:
            _widen(weighed, new)


def _widen(product: exp.Mul, part: exp.Expr) -> None:
    """A packed version's weight: parts of a thousand and more must not reach into the part before."""
    weight = product.right if product.left is part else product.left
    if isinstance(weight, exp.Literal) and not weight.is_string and re.fullmatch(r"10+", weight.name):
        weight.replace(exp.Literal.number("1" + "0" * min(24, VERSION_DIGITS * (len(weight.name) // 2))))


REPAIRS: tuple[tuple[str, Callable[[RepairBench], Iterator[Made]]], ...] = (
    ("interval-unit", _interval_units),
    ("exact-time-join", _shared_times),
    ("exact-time-join", _time_joins),
    ("ambiguous-column", _ambiguous),
    ("ungrouped-column", _windows),
    ("boolean-number", _booleans),
    ("clock-time", _clock),
    ("version-cast", _versions),
)
"""The linter's rule and its repair, in the order in which they are made."""
