"""Bounds how much untrusted SQL can lengthen the texts it reads.

The engine's memory limit does not count the strings of the current batch: a text that is doubled in each of thirty
sub-queries would exhaust the memory. So an upper bound of the growth is computed before the query runs.
"""

import math
from collections.abc import Callable, Iterator

from sqlglot import expressions as exp

GROWTH = 64
"""Highest allowed growth factor of a text, or a row, over the longest text it is made of."""
_TOO_LONG = GROWTH + 1
_JOINING = (exp.Concat, exp.ConcatWs, exp.DPipe, exp.Tuple)
_USUAL = 16
"""Length of a typical short text in the telemetry, to which results of absolute length are compared."""
Source = Callable[[exp.Table], exp.Expr | None]
"""Maps a table reference to the sub-query it names; None for a real table."""


def grows(tree: exp.Expr, source: Source) -> bool:
    """True if a text or a row may grow by more than the factor GROWTH."""
    size: dict[int, int] = {}
    for node in _upwards(tree):
        size[id(node)] = _size(node, size, source)
        if size[id(node)] > GROWTH:
            return True
    return False


def _upwards(tree: exp.Expr) -> Iterator[exp.Expr]:
    """The nodes in post-order, a WITH before the rest of its query. Iterative, so that deep trees work."""
    left = [(tree, False)]
    while left:
        node, done = left.pop()
        if done:
            yield node
            continue
        below = sorted(node.iter_expressions(), key=lambda one: not isinstance(one, exp.With))
        left += [(node, True), *((one, False) for one in reversed(below))]


def _size(node: exp.Expr, size: dict[int, int], source: Source) -> int:
    """Upper bound of the growth factor of a node's result; `size` holds those of its descendants."""
    below = [size[id(one)] for one in node.iter_expressions()]
    whole, longest = sum(below), max(below, default=1)
    if isinstance(node, exp.Table) and (read := source(node)) is not None:
        return max(longest, size[id(read)])
    if isinstance(node, exp.Select):
        return _select_size(node, size)
    if isinstance(node, exp.Func) and (times := _lengthened(node)) > 1:
        return longest * times
    if isinstance(node, exp.ConcatWs):
        whole += below[0] * len(below)  # the separator, once per value
    return whole if isinstance(node, _JOINING) else longest


def _lengthened(node: exp.Func) -> int:
    """Upper bound of a function's result length over its input length."""
    if isinstance(node, exp.Replace):
        return _times(node.args.get("replacement"), node.expression)
    if isinstance(node, exp.RegexpReplace):
        put = node.args.get("replacement")  # once before each character (empty pattern); \0 is the whole match
        return len(put.name) + 1 if isinstance(put, exp.Literal) else _TOO_LONG
    if isinstance(node, exp.TimeToStr):
        return _times(node.args.get("format"), None)
    if isinstance(node, exp.Pad):
        length = node.expression
        whole = isinstance(length, exp.Literal) and length.name.isdigit() and len(length.name) < 10
        return math.ceil(int(length.name) / _USUAL) if whole else _TOO_LONG
    return 1


def _times(text: exp.Expr | None, taken: exp.Expr | None) -> int:
    """Upper bound of the growth by replacing each `taken` by `text`."""
    if text is None:
        return 1
    if not isinstance(text, exp.Literal) or not isinstance(taken, exp.Literal | None):
        return _TOO_LONG
    put, out = len(text.name), len(taken.name) if taken else _USUAL  # a format's placeholders have a length themselves
    return max(1, math.ceil(put / max(1, out)))


def _select_size(select: exp.Select, size: dict[int, int]) -> int:
    """Its largest expression times its largest source; each `*`, or table used as a value, is a copy of it."""
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
