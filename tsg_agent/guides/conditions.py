"""Can a condition ever hold? Intervals of numbers and sets of texts, in disjunctive normal form.

What is not understood (a comparison of two columns, a function) counts as possibly true: "never" is only said where it
is certain. `None` as a form means that it is too large to be looked at.
"""

import math
import operator
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

from sqlglot import exp
from sqlglot.optimizer.simplify import Simplifier

MOST = 3000
"""Conjunctions of a form; beyond it nothing is said."""
ARITHMETIC: dict[type, Callable[[float, float], float]] = {
    exp.Add: operator.add, exp.Sub: operator.sub, exp.Mul: operator.mul, exp.Div: operator.truediv,
}  # fmt: skip
Variable = Hashable
Name = Callable[[exp.Expr], Variable]
"""Names the value that an expression stands for."""


@dataclass(frozen=True)
class Domain:
    """What a value may be: an interval, and a set of texts (None: any) less some."""

    low: float = -math.inf
    high: float = math.inf
    low_open: bool = False
    high_open: bool = False
    texts: frozenset[str] | None = None
    without: frozenset[str] = frozenset()
    null: bool | None = None
    """True: it must be NULL; False: it must not be."""

    @property
    def empty(self) -> bool:
        """True if no value satisfies it."""
        if self.low > self.high or (self.low == self.high and (self.low_open or self.high_open)):
            return True
        if self.texts is not None and not self.texts - self.without:
            return True
        return self.null is True and self.restricted

    @property
    def restricted(self) -> bool:
        """True if it limits the value itself, not only whether it is NULL."""
        return self.texts is not None or self.low > -math.inf or self.high < math.inf

    def __and__(self, other: "Domain") -> "Domain":
        low = max((self.low, self.low_open), (other.low, other.low_open))
        high = min((self.high, not self.high_open), (other.high, not other.high_open))
        texts = other.texts if self.texts is None else self.texts if other.texts is None else self.texts & other.texts
        null = self.null if other.null is None else other.null
        clash = self.null is not None and other.null is not None and self.null != other.null
        return Domain(
            low[0], high[0], low[1], not high[1], frozenset() if clash else texts, self.without | other.without, null
        )


Conjunction = dict[Variable, Domain]
Form = list[Conjunction]
TRUE: Form = [{}]


@dataclass(frozen=True)
class Inequality:
    """What holds between values whatever the rows: `left + right <= total`, or `left <= right` where total is None."""

    left: Variable
    right: Variable
    total: float | None


def form(condition: exp.Expr | None, name: Name, *, negated: bool = False) -> Form | None:
    """When the condition is true as a disjunction of conjunctions; negated: when it is false or unknown."""
    return TRUE if condition is None else _form(condition, name, negated, negated)


def _form(node: exp.Expr, name: Name, negated: bool, unknown: bool) -> Form | None:
    """When a condition is true, or (negated) false; with `unknown` also when NULL keeps it from being either."""
    node = node.unnest() if isinstance(node, exp.Paren) else node
    if isinstance(node, exp.Not):
        return _form(node.this, name, not negated, unknown)
    if isinstance(node, exp.And | exp.Or):
        left, right = _form(node.left, name, negated, unknown), _form(node.right, name, negated, unknown)
        return both(left, right) if isinstance(node, exp.And) != negated else either(left, right)
    return _atom(node, name, negated, unknown)


def both(left: Form | None, right: Form | None) -> Form | None:
    """The conjunction of two forms; None if it has more than MOST conjunctions."""
    if left is None or right is None or len(left) * len(right) > MOST:
        return None
    return [joined for one in left for two in right if (joined := _merge(one, two)) is not None]


def either(left: Form | None, right: Form | None) -> Form | None:
    """The disjunction of two forms; None if it has more than MOST conjunctions."""
    return None if left is None or right is None or len(left) + len(right) > MOST else left + right


def possible(held: Form | None, implied: Callable[[Variable], Domain], bounds: Iterable[Inequality] = ()) -> bool:
    """True if some row may satisfy a form. `implied`: a value's range in every row (a share: 0 to 100)."""
    if held is None:
        return True
    bounds = list(bounds)
    return any(_holds(one, implied, bounds) for one in held)


def _holds(one: Conjunction, implied: Callable[[Variable], Domain], bounds: list[Inequality]) -> bool:
    ranges = {
        variable: domain if domain.null else domain & replace(implied(variable), null=None)
        for variable, domain in one.items()
    }
    if any(domain.empty for domain in ranges.values()):
        return False
    return not any(_breaks(bound, ranges) for bound in bounds if bound.left in ranges and bound.right in ranges)


def _breaks(bound: Inequality, ranges: Conjunction) -> bool:
    left, right = ranges[bound.left], ranges[bound.right]
    if left.null or right.null:  # shares of one total are unknown together
        return left.restricted or right.restricted
    if bound.total is not None:
        lowest = left.low + right.low
        return lowest > bound.total or (lowest == bound.total and (left.low_open or right.low_open))
    return left.low > right.high or (left.low == right.high and (left.low_open or right.high_open))


def exclusive(conditions: list[Form | None]) -> bool:
    """True if no two of the conditions can hold at once."""
    return all(not possible(both(one, two), lambda _: Domain()) for one, two in combinations(conditions, 2))


def number(node: exp.Expr | None) -> float | None:
    """The value of a constant number; arithmetic of constants is worked out."""
    if isinstance(node, exp.Paren | exp.Cast):
        return number(node.this)
    if isinstance(node, exp.Neg):
        value = number(node.this)
        return None if value is None else -value
    if isinstance(node, exp.Literal) and not node.is_string:
        return float(node.this)
    worked_out = ARITHMETIC.get(type(node))
    if worked_out is not None and isinstance(node, exp.Binary):
        left, right = number(node.left), number(node.right)
        if left is not None and right is not None and (right or not isinstance(node, exp.Div)):
            return worked_out(left, right)
    return None


def _merge(one: Conjunction, two: Conjunction) -> Conjunction | None:
    merged = dict(one)
    for variable, domain in two.items():
        merged[variable] = merged[variable] & domain if variable in merged else domain
        if merged[variable].empty:
            return None
    return merged


def _atom(node: exp.Expr, name: Name, negated: bool, unknown: bool) -> Form:
    """One comparison."""
    for kind, read in ATOMS:
        if isinstance(node, kind):
            held = read(node, name, negated)
            values = {variable for conjunction in held for variable in conjunction}
            nullable = unknown and not isinstance(node, exp.Is | exp.Boolean)
            return held + [{variable: Domain(null=True)} for variable in values] if nullable else held
    return TRUE


def _boolean(node: exp.Expr, name: Name, negated: bool) -> Form:  # noqa: ARG001 - as the others are called
    return TRUE if bool(node.this) != negated else []


def _column(node: exp.Expr, name: Name, negated: bool) -> Form:
    return [{name(node): _text("false" if negated else "true")}]


def _between(node: exp.Expr, name: Name, negated: bool) -> Form:
    low, high = number(node.args["low"]), number(node.args["high"])
    if low is None or high is None:
        return TRUE
    if negated:
        outside = Domain(high=low, high_open=True), Domain(low=high, low_open=True)
        return [{name(node.this): domain} for domain in outside]
    return [{name(node.this): Domain(low, high, null=False)}]


def _comparison(node: exp.Expr, name: Name, negated: bool) -> Form:
    kind: type[Any] = type(node)
    left, right = node.this, node.expression
    if number(left) is not None or (isinstance(left, exp.Literal | exp.Boolean) and not isinstance(right, exp.Literal)):
        left, right = right, left
        kind = Simplifier.INVERSE_COMPARISONS.get(kind, kind)
    if negated:
        kind = Simplifier.COMPLEMENT_COMPARISONS[kind]
    value = number(right)
    key = name(left)
    if value is not None:
        domains: dict[type[exp.Expr], list[Domain]] = {
            exp.GT: [Domain(low=value, low_open=True)], exp.GTE: [Domain(low=value)],
            exp.LT: [Domain(high=value, high_open=True)], exp.LTE: [Domain(high=value)],
            exp.EQ: [Domain(value, value)],
            exp.NEQ: [Domain(high=value, high_open=True), Domain(low=value, low_open=True)],
        }  # fmt: skip
        return [{key: domain} for domain in domains[kind]]
    word = _word(right)
    if word is None or kind not in {exp.EQ, exp.NEQ}:
        return TRUE
    return [{key: _text(word) if kind is exp.EQ else Domain(without=frozenset({word}), null=False)}]


def _in(node: exp.Expr, name: Name, negated: bool) -> Form:
    numbers = [number(one) for one in node.expressions]
    words = [_word(one) for one in node.expressions]
    key = name(node.this)
    if node.expressions and None not in words:
        held = frozenset(word for word in words if word is not None)
        return [{key: Domain(without=held, null=False) if negated else Domain(texts=held)}]
    if node.expressions and None not in numbers and not negated:
        return [{key: Domain(value, value)} for value in numbers if value is not None]
    return TRUE


def _is(node: exp.Expr, name: Name, negated: bool) -> Form:
    if isinstance(node.expression, exp.Null):
        return [{name(node.this): Domain(null=not negated)}]
    if isinstance(node.expression, exp.Boolean):
        word = "true" if node.expression.this else "false"
        return [{name(node.this): _text(word)}] if not negated else TRUE
    return TRUE


def _word(node: exp.Expr) -> str | None:
    if isinstance(node, exp.Literal) and node.is_string:
        return str(node.this)
    return ("true" if node.this else "false") if isinstance(node, exp.Boolean) else None


def _text(word: str) -> Domain:
    return Domain(texts=frozenset({word}))


ATOMS: tuple[tuple[type[exp.Expr] | tuple[type[exp.Expr], ...], Callable[[exp.Expr, Name, bool], Form]], ...] = (
    (exp.Boolean, _boolean),
    (exp.Between, _between),
    (exp.In, _in),
    (exp.Is, _is),
    (exp.Column, _column),
    (tuple(Simplifier.COMPLEMENT_COMPARISONS), _comparison),
)
"""How each kind of comparison is read."""
