"""How much longer than the texts it reads a text can become in SQL of others.

The engine's memory limit does not count the texts of the rows in hand: a text that is doubled in each of thirty
sub-queries takes all there is. So the growth is bounded before anything runs.
"""

import math
from collections.abc import Callable, Iterator

from sqlglot import expressions as exp

GROWTH = 64
"""A text may become so many times as long as the longest that it is made of; a row too."""
_TOO_LONG = GROWTH + 1
_JOINING = (exp.Concat, exp.ConcatWs, exp.DPipe, exp.Tuple)
_USUAL = 16
"""Characters of a short text of the telemetry's: what makes a text of a length of its own is compared with it."""
Source = Callable[[exp.Table], exp.Expr | None]
"""The sub-query that a table's name stands for; None for a table."""


def grows(tree: exp.Expr, source: Source) -> bool:
    """Whether a text or a row may become longer than is allowed."""
    size: dict[int, int] = {}
    for node in _upwards(tree):
        size[id(node)] = _size(node, size, source)
        if size[id(node)] > GROWTH:
            return True
    return False


def _upwards(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Each node after all that is below it, and a WITH before the rest of its query; without recursion."""
    left = [(tree, False)]
    while left:
        node, done = left.pop()
        if done:
            yield node
            continue
        below = sorted(node.iter_expressions(), key=lambda one: not isinstance(one, exp.With))
        left += [(node, True), *((one, False) for one in reversed(below))]


def _size(node: exp.Expr, size: dict[int, int], source: Source) -> int:
    """How many texts of the telemetry's what a node gives may be long; `size` knows all that is below it."""
    below = [size[id(one)] for one in node.iter_expressions()]
    whole, longest = sum(below), max(below, default=1)
    if isinstance(node, exp.Table) and (read := source(node)) is not None:
        return max(longest, size[id(read)])
    if isinstance(node, exp.Select):
        return _select_size(node, size)
    if isinstance(node, exp.Func) and (times := _lengthened(node)) > 1:
        return longest * times
    if isinstance(node, exp.ConcatWs):
        whole += below[0] * len(below)  # the separator, each time
    return whole if isinstance(node, _JOINING) else longest


def _lengthened(node: exp.Func) -> int:
    """How many times as long as its text a function's result may be."""
    if isinstance(node, exp.Replace):
        return _times(node.args.get("replacement"), node.expression)
    if isinstance(node, exp.RegexpReplace):
        put = node.args.get("replacement")  # in the place of nothing, before each character; or all of it, each \0
        return len(put.name) + 1 if isinstance(put, exp.Literal) else _TOO_LONG
    if isinstance(node, exp.TimeToStr):
        return _times(node.args.get("format"), None)
    if isinstance(node, exp.Pad):
        length = node.expression
        whole = isinstance(length, exp.Literal) and length.name.isdigit() and len(length.name) < 10
        return math.ceil(int(length.name) / _USUAL) if whole else _TOO_LONG
    return 1


def _times(text: exp.Expr | None, taken: exp.Expr | None) -> int:
    """How many times as long a text becomes by another that is put into it for each that is taken out."""
    if text is None:
        return 1
    if not isinstance(text, exp.Literal) or not isinstance(taken, exp.Literal | None):
        return _TOO_LONG
    put, out = len(text.name), len(taken.name) if taken else _USUAL  # a format's parts are of some length themselves
    return max(1, math.ceil(put / max(1, out)))


def _select_size(select: exp.Select, size: dict[int, int]) -> int:
    """The longest of its own, times the longest that it reads; `*` twice, or a table as a value, is all of it again."""
    sources = [one for one in select.iter_expressions() if isinstance(one, exp.From | exp.Join)]
    others = [size[id(one)] for one in select.iter_expressions() if not isinstance(one, exp.From | exp.Join | exp.With)]
    names = {table.alias_or_name.lower() for one in sources for table in [one.this] if table is not None}
    stars = sum(one.is_star for one in select.expressions if isinstance(one, exp.Star | exp.Column))
    wholes = stars + sum(
        not column.table and column.name.lower() in names
        for one in select.expressions
        for column in one.find_all(exp.Column)
    )
    return max(1, wholes, *others) * max((size[id(one)] for one in sources), default=1)
