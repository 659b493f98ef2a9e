"""What is known of a query without running it: its labels, its filters, and what its values can be."""

import functools
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.catalogue import TableSchema
from tsg_agent.guides.conditions import Domain, Form, Inequality, Variable
from tsg_agent.guides.parsed import Parsed
from tsg_agent.guides.scopes import Origin, SelectScope, SelectSource, aggregates, conjuncts, inside, origin, scopes_of


@dataclass(frozen=True)
class Share:
    """A rate: the rows for which a condition holds among all rows of a group, times a scale."""

    scale: float
    counted: tuple[exp.Expr, ...]
    """Conditions whose rows are added up."""
    scope: SelectScope
    """Where they are counted."""
    total: exp.Expr
    """What it is divided by, as it is counted."""


class RowCount(NamedTuple):
    """A count of rows: the conditions of those that are counted (None: all), where, and the count as it stands."""

    conditions: tuple[exp.Expr | None, ...]
    scope: SelectScope
    node: exp.Expr


@dataclass(frozen=True)
class LabelColumn:
    """An output that a CASE fills with names."""

    name: str
    scope: SelectScope
    """Where the CASE stands."""
    case: exp.Case

    @property
    def arms(self) -> list[tuple[exp.Expr | None, str]]:
        """(condition, label) in order; None is ELSE."""
        found: list[tuple[exp.Expr | None, str]] = []
        case: exp.Expr | None = self.case
        while isinstance(case, exp.Case):  # ELSE CASE … goes on
            for one in case.args["ifs"]:
                condition = exp.EQ(this=case.this.copy(), expression=one.this.copy()) if case.this else one.this
                found.append((condition, _name_in(one.args["true"])))
            case = case.args.get("default")
            case = case.unnest() if isinstance(case, exp.Paren) else case
        if case is not None and _name_in(case):
            found.append((None, _name_in(case)))
        return found

    @property
    def labels(self) -> tuple[str, ...]:
        """The names, in the CASE's order."""
        return tuple(dict.fromkeys(label for _, label in self.arms if label))

    @property
    def default(self) -> str:
        """What a row is called for which no condition holds."""
        return next((label for condition, label in self.arms if condition is None), "")

    def healthy(self, said: Collection[str]) -> set[str]:
        """Labels that mean nothing is wrong: those that somebody `said` do, else what a row is called by ELSE."""
        return set(said) & set(self.labels) or {self.default} - {""}


class Facts:
    """What is known of one query without running it."""

    def __init__(self, parsed: Parsed, schema: TableSchema) -> None:
        self.parsed, self.schema = parsed, schema
        self.scopes = scopes_of(parsed, schema)
        self._origins: dict[Variable, Origin] = {}
        self._bounded: tuple[int, list[Inequality]] = (0, [])

    @property
    def result(self) -> SelectScope:
        """The SELECT that gives the rows."""
        return self.scopes[-1]

    @functools.cached_property
    def label_columns(self) -> list[LabelColumn]:
        """Every output of a SELECT that a CASE fills with labels, where it is made (not where it is passed through)."""
        found = []
        for scope in self.scopes:
            for name, made in scope.outputs.items():
                case = made.unnest() if isinstance(made, exp.Paren) else made
                if isinstance(case, exp.Case):
                    column = LabelColumn(name, scope, case)
                    if len(column.labels) > 1 or (column.labels and not column.default):
                        found.append(column)
        return found

    @functools.cached_property
    def shown_labels(self) -> dict[str, LabelColumn]:
        """The result's columns that hold labels."""
        made = {(column.scope.name, column.name): column for column in self.label_columns}
        found = {}
        for name in self.result.outputs:
            at = self._output(name)
            if at and at in made:
                found[name] = made[at]
        return found

    @property
    def known(self) -> set[str]:
        """Tables of which it is known what columns they have."""
        return set(self.schema.tables) - self.schema.inferred

    def holds(self, source: SelectSource, name: str) -> bool:
        """True if a source has a column of this name (in lower case)."""
        return name in (source.scope.outputs if source.scope else self.schema.tables.get(source.table, {}))

    def origin(self, column: exp.Column, scope: SelectScope) -> Origin | None:
        """Where a column's values are made."""
        return origin(column, scope, self.schema)

    def name(self, node: exp.Expr, scope: SelectScope) -> Variable:
        """One name for a value, wherever it is used in the query."""
        node = node.unnest() if isinstance(node, exp.Paren) else node
        if isinstance(node, exp.Column):
            found = self.origin(node, scope)
            if found:
                self._origins[found.key] = found
                return found.key
        return (scope.name, node.sql().lower())

    def form(self, condition: exp.Expr | None, scope: SelectScope, *, negated: bool = False) -> Form | None:
        """A condition over the query's values."""
        return conditions.form(condition, lambda node: self.name(node, scope), negated=negated)

    def filters(self, scope: SelectScope, deep: int = 20) -> Form | None:
        """The conditions that every row which a SELECT keeps satisfies, as far as they are understood."""
        held: Form | None = conditions.TRUE
        for source in scope.sources:
            if source.scope and not source.optional and deep:
                held = conditions.both(held, self.filters(source.scope, deep - 1))
        for clause in scope.clauses:
            held = conditions.both(held, self.form(clause.this, scope))
        return held

    def filtered_by(self, scope: SelectScope) -> Iterator[tuple[SelectScope, exp.Expr]]:
        """Each condition that filters rows out of a SELECT, with the SELECT it stands in; the innermost first."""
        for source in scope.sources:
            if source.scope:
                yield from self.filtered_by(source.scope)
        yield from ((scope, one) for clause in scope.clauses for one in conjuncts(clause.this))

    def shows(self, name: str, label: str) -> bool:
        """True if the result may hold a row whose column `name` carries a label."""
        this = [{self.name(exp.column(name), self.result): Domain(texts=frozenset({label}))}]
        return conditions.possible(conditions.both(self.filters(self.result), this), self.implied)

    def implied(self, variable: Variable) -> Domain:
        """What a value is whatever the rows: a share between 0 and its scale, a count not under 0, a label's names."""
        found = self._origins.get(variable)
        if found is None:
            return Domain()
        share = self.share(found.made, found.scope) if not found.table else None
        if share:
            return Domain(0.0, share.scale) if self._is_part(share) else Domain(0.0)
        case = found.made.unnest() if isinstance(found.made, exp.Paren) else found.made
        if isinstance(case, exp.Case):
            column = LabelColumn(found.name, found.scope, case)
            if all(label for _, label in column.arms) and column.labels:
                return Domain(texts=frozenset(column.labels))
        if isinstance(case, exp.Count):
            return Domain(0.0)
        return Domain()

    def bounds(self) -> list[Inequality]:
        """Inequalities between the shares that were named so far: of one total, or one part of the other."""
        if len(self._origins) != self._bounded[0]:
            self._bounded = (len(self._origins), self._bounds())
        return self._bounded[1]

    def _bounds(self) -> list[Inequality]:
        shares = [(key, share) for key, at in self._origins.items() if (share := self._share_at(at))]
        found = []
        for (left, one), (right, two) in combinations(shares, 2):
            if one.scope is not two.scope or one.scale != two.scale or one.total.sql() != two.total.sql():
                continue
            own, other = self._counted(one), self._counted(two)
            if conditions.exclusive([*own, *other]):
                found.append(Inequality(left, right, one.scale))
            if conditions.exclusive(own) and self._within(one, two):
                found.append(Inequality(left, right, None))
            if conditions.exclusive(other) and self._within(two, one):
                found.append(Inequality(right, left, None))
        return found

    def share(self, node: exp.Expr, scope: SelectScope) -> Share | None:
        """The expression as a share of counted rows; None if it is something else."""
        scale, node = _unscaled(_bare(node))
        if isinstance(node, exp.Avg):
            return self._share_of_average(node, scope, scale)
        if not isinstance(node, exp.Div):
            return None
        factor, above = _unscaled(_bare(node.left))
        counted, total = self._count(above, scope), self._count(_bare(node.right), scope)
        if counted is None or total is None or counted.scope is not total.scope:
            return None
        if None in counted.conditions or total.conditions != (None,):
            return None
        conditions_ = tuple(one for one in counted.conditions if one is not None)
        return Share(scale * factor, conditions_, counted.scope, total.node)

    def _share_of_average(self, node: exp.Avg, scope: SelectScope, scale: float) -> Share | None:
        """AVG(CASE WHEN … THEN 1 ELSE 0 END)."""
        case = _bare(node.this)
        if not isinstance(case, exp.Case) or case.this or len(case.args["ifs"]) != 1:
            return None
        one = conditions.number(case.args["ifs"][0].args["true"])
        zero = case.args.get("default")
        if not one or zero is None or conditions.number(zero) != 0:
            return None
        return Share(scale * one, (case.args["ifs"][0].this,), scope, exp.Count(this=exp.Star()))

    def _count(self, node: exp.Expr, scope: SelectScope, deep: int = 12) -> "RowCount | None":
        """The expression as a number of rows; None if it is something else."""
        node, found = _bare(node), None
        if isinstance(node, exp.Column) and deep:
            made = self.origin(node, scope)
            found = self._count(made.made, made.scope, deep - 1) if made and not made.table else None
        elif isinstance(node, exp.Add) and deep:
            left, right = self._count(node.left, scope, deep - 1), self._count(node.right, scope, deep - 1)
            if left and right and left.scope is right.scope:
                found = RowCount(left.conditions + right.conditions, left.scope, left.node)
        elif isinstance(node, exp.Filter) and deep:
            inner = self._count(node.this, scope, deep - 1)
            found = RowCount((node.expression.this,), scope, node) if inner and inner.conditions == (None,) else None
        elif isinstance(node, exp.CountIf):
            found = RowCount((node.this,), scope, node)
        elif isinstance(node, exp.Sum | exp.Count):
            held = node.this
            single = isinstance(held, exp.Distinct) and len(held.expressions) == 1
            inside_ = _bare(held.expressions[0] if single else held)
            if isinstance(inside_, exp.Case):
                found = self._conditional(inside_, scope, node)
            elif isinstance(node, exp.Count):
                found = RowCount((None,), scope, node)
            elif deep and inside_.find(exp.Column):
                found = self._count(inside_, scope, deep - 1)
        return found

    @staticmethod
    def _conditional(case: exp.Case, scope: SelectScope, node: exp.Expr) -> "RowCount | None":
        """A count or sum of CASE WHEN … THEN 1 (or the row's id) END."""
        default = case.args.get("default")
        nothing = default is None or isinstance(default, exp.Null) or conditions.number(default) == 0
        given = case.args["ifs"][0].args["true"]
        once = conditions.number(given) == 1 or isinstance(given, exp.Column)
        if case.this or len(case.args["ifs"]) != 1 or not nothing or not once:
            return None
        return RowCount((case.args["ifs"][0].this,), scope, node)

    def rate(self, name: str) -> tuple[float, str] | None:
        """(scale, output that counts the total) of a result's output that is a rate; None where it is none."""
        share = self._output_share(name)
        for other, made in self.result.outputs.items() if share else ():
            counted = self._count(made, self.result)
            if share is None or counted is None or counted.conditions != (None,):
                continue
            if counted.scope is share.scope and counted.node.sql() == share.total.sql():
                return share.scale, other
        return None

    def _output_share(self, name: str) -> Share | None:
        made = self.result.outputs.get(name)
        found = self.origin(made, self.result) if isinstance(made, exp.Column) else None
        if found:
            return self._share_at(found)
        return self.share(made, self.result) if made is not None else None

    def _counted(self, share: Share) -> list[Form | None]:
        return [self.form(condition, share.scope) for condition in share.counted]

    def _share_at(self, at: Origin) -> Share | None:
        return None if at.table else self.share(at.made, at.scope)

    def _is_part(self, share: Share) -> bool:
        """True if its conditions exclude each other, so that no row is counted twice."""
        return conditions.exclusive(self._counted(share))

    def _within(self, one: Share, two: Share) -> bool:
        """True if the second share counts every row that the first counts."""
        outside: Form | None = conditions.TRUE
        for condition in two.counted:
            outside = conditions.both(outside, self.form(condition, two.scope, negated=True))
        return all(
            not conditions.possible(conditions.both(held, outside), lambda _: Domain()) for held in self._counted(one)
        )

    def _output(self, name: str) -> tuple[str, str] | None:
        """Where an output of the result is made."""
        made = self.result.outputs[name]
        if isinstance(made, exp.Column):
            found = self.origin(made, self.result)
            return (found.scope.name, found.name) if found and not found.table else None
        return (self.result.name, name)

    def is_count(self, node: exp.Expr, scope: SelectScope) -> bool:
        """True if a value is a number of rows."""
        node = _bare(node)
        if isinstance(node, exp.Column):
            found = self.origin(node, scope)
            return bool(found and not found.table and self.is_count(found.made, found.scope))
        if isinstance(node, exp.Sum):
            return self._count(node, scope) is not None
        return isinstance(node, exp.Count | exp.CountIf)

    def calls(self, kinds: type | tuple[type, ...]) -> Iterator[tuple[SelectScope, exp.Expr]]:
        """Every node of these kinds, with the SELECT it stands in."""
        for scope in self.scopes:
            yield from ((scope, node) for node in inside(scope.select) if isinstance(node, kinds))

    def aggregates(self) -> Iterator[tuple[SelectScope, exp.AggFunc]]:
        """Every aggregate that is not computed over a window."""
        for scope in self.scopes:
            for part in [*scope.select.expressions, scope.select.args.get("having"), scope.select.args.get("order")]:
                if part is not None:
                    yield from ((scope, one) for one in aggregates(part))


def _name_in(node: exp.Expr) -> str:
    """The name that an arm gives; empty where it gives something else."""
    return str(node.this) if isinstance(node, exp.Literal) and node.is_string else ""


def _bare(node: exp.Expr) -> exp.Expr:
    """Without brackets, casts, COALESCE, NULLIF and ROUND around it."""
    while isinstance(node, exp.Paren | exp.Cast | exp.TryCast | exp.Coalesce | exp.Nullif | exp.Round):
        node = node.this
    return node


def _unscaled(node: exp.Expr) -> tuple[float, exp.Expr]:
    """(factor, rest) of a product or quotient with constants."""
    scale = 1.0
    while isinstance(node, exp.Mul | exp.Div):
        left, right = conditions.number(node.left), conditions.number(node.right)
        if right:
            scale, node = scale * right if isinstance(node, exp.Mul) else scale / right, _bare(node.left)
        elif left is not None and isinstance(node, exp.Mul):
            scale, node = scale * left, _bare(node.right)
        else:
            break
    return scale, node
