"""What a query says that no engine runs, or that cannot mean what it says: found in its tree, for lint and repair."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from tsg_agent.guides.facts import Facts
from tsg_agent.guides.parsed import CLOCKS
from tsg_agent.guides.placeholders import TIME_NAME
from tsg_agent.guides.scopes import SelectScope, SelectSource, candidates, inside, windowed
from tsg_agent.telemetry.catalog import Kind

COUNTED_UNIT = re.compile(r"^\s*(\d{1,6})\s*([a-z]+?)s?\s*$", re.IGNORECASE)
UNITS = frozenset({
    "microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade",
    "century", "millennium",
})  # fmt: skip
VERSION = re.compile(r"version|release|semver|build")
CLOCK_NODES = (
    exp.CurrentTimestamp, exp.CurrentDatetime, exp.Localtimestamp, exp.CurrentDate, exp.UtcTimestamp, exp.UtcDate,
    exp.Systimestamp,
)  # fmt: skip


def is_time_name(column: str) -> bool:
    """True if a column's name is that of a time."""
    return bool(re.search(r"(?:^|_)(?:time|timestamp|ts|at|date|datetime|until|end|when)$", column.lower()))


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


@dataclass(frozen=True)
class TimeJoin:
    """A join on equal times: where it stands, the comparison, and its two sides."""

    scope: SelectScope
    join: exp.Join
    comparison: exp.EQ
    event: exp.Column
    sample: exp.Column
    keys: tuple[exp.Column, ...]
    """The joined table's other columns that are compared."""


def shared_times(facts: Facts) -> Iterator[tuple[SelectScope, exp.Join]]:
    """Joins of tables USING a column of times."""
    for scope in facts.scopes:
        for join in scope.select.args.get("joins") or []:
            names = [exp.column(one.name, table=join.this.alias_or_name) for one in join.args.get("using") or []]
            if any(is_time(name, scope, facts) for name in names):
                yield scope, join


def time_joins(facts: Facts) -> Iterator[TimeJoin]:
    """Joins of two tables on exactly equal instants."""
    for scope in facts.scopes:
        for join in scope.select.args.get("joins") or []:
            alias = join.this.alias_or_name.lower()
            source = next((one for one in scope.sources if one.alias == alias), None)
            on = join.args.get("on")
            if source is None or not source.table or on is None:
                continue
            equal = [one for one in on.find_all(exp.EQ) if two_columns(one)]
            timed = [one for one in equal if all(is_time(side, scope, facts) for side in (one.left, one.right))]
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


def ambiguous(facts: Facts) -> Iterator[tuple[SelectScope, exp.Column, list[SelectSource]]]:
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


def windows_before_groups(facts: Facts) -> Iterator[tuple[SelectScope, exp.Window]]:
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
    """True if an aggregate of the group lies between a column and the window around it."""
    node = column.parent
    while node is not None and node is not window:
        if isinstance(node, exp.AggFunc) and not windowed(node):
            return True
        node = node.parent
    return False


def _holds(column: exp.Expr, scope: SelectScope, facts: Facts, kind: Kind, named: Callable[[str], bool]) -> bool:
    """True if a table's column is of a kind; of an unknown table, if its name says so."""
    found = facts.origin(column, scope) if isinstance(column, exp.Column) else None
    if found is None or not found.table:
        return False
    guessed = found.table in facts.schema.inferred
    return named(found.name) if guessed else facts.schema.kind(found.table, found.name) is kind


def is_boolean(column: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """True if a column holds true and false."""
    return _holds(column, scope, facts, Kind.BOOLEAN, lambda name: name.startswith(("is_", "has_")))


def is_time(column: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """True if a column holds times."""
    return _holds(column, scope, facts, Kind.TIMESTAMP, is_time_name)


def boolean_comparisons(facts: Facts) -> Iterator[tuple[SelectScope, exp.Binary]]:
    """Booleans compared with 0, 1, TRUE or FALSE."""
    for scope, node in facts.calls((exp.EQ, exp.NEQ)):
        if not isinstance(node, exp.Binary):
            continue
        right = node.expression
        value = isinstance(right, exp.Boolean) or (isinstance(right, exp.Literal) and right.name in {"0", "1"})
        if value and is_boolean(node.this, scope, facts):
            yield scope, node


def clocks(facts: Facts) -> Iterator[exp.Expr]:
    """Calls of the clock."""
    for node in facts.parsed.tree.walk():
        if isinstance(node, CLOCK_NODES) or (isinstance(node, exp.Anonymous) and node.name.lower() in CLOCKS):
            yield node


def version_casts(facts: Facts) -> Iterator[exp.Cast]:
    """Numbers read from the parts of a version by a plain CAST: one text that is no number ends the query."""
    for _, node in facts.calls(exp.Cast):
        if type(node) is exp.Cast and node.to.is_type(*exp.DataType.NUMERIC_TYPES):
            column = node.this.find(exp.Column)
            named = column is not None and VERSION.search(column.name.lower())
            if isinstance(node.this, exp.SplitPart) or (named and not isinstance(node.this, exp.Column)):
                yield node


def two_columns(node: exp.Expr) -> bool:
    """True if an operator stands between two columns."""
    return isinstance(node, exp.Binary) and isinstance(node.left, exp.Column) and isinstance(node.right, exp.Column)


def bounding(tree: exp.Expr, side: Literal["low", "high"]) -> Iterator[str]:
    """Parameters that a time must not be before (low), or after (high)."""
    for node in tree.find_all(exp.Between, exp.GT, exp.GTE, exp.LT, exp.LTE):
        if isinstance(node, exp.Between):
            yield from _time_parameter(node.args[side], node.this)
        elif isinstance(node, exp.GT | exp.GTE) == (side == "low"):
            yield from _time_parameter(node.expression, node.this)
        else:
            yield from _time_parameter(node.this, node.expression)


def _time_parameter(bound: exp.Expr, column: exp.Expr) -> Iterator[str]:
    held = bound.find(exp.Placeholder) if isinstance(bound, exp.Placeholder | exp.Cast) else None
    if held is None or not held.name or not isinstance(column, exp.Column):
        return
    if is_time_name(column.name) or TIME_NAME.search(held.name.lower()):
        yield held.name
