"""What a query of a model's reads, and how much longer than the telemetry's a text can become in it.

The engine's memory limit does not count the texts of the rows in hand: a text that is doubled in each of thirty
sub-queries takes all there is. So the growth is bounded before the query runs.
"""

import math
import re
from collections.abc import Iterator

from sqlglot import expressions as exp

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.catalog import CATALOG

GROWTH = 64
"""A text may become so many times as long as the longest that it is made of; a row too."""
_TOO_LONG = GROWTH + 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENGINES_OWN = ("duckdb_", "sqlite_", "pg_", "pragma_")
_JOINING = (exp.Concat, exp.ConcatWs, exp.DPipe, exp.Tuple)


def check_sources(tree: exp.Expr) -> None:
    """Raises QueryError where a table is read that is none of the guide's, or a text may grow beyond bounds."""
    for clause in tree.find_all(exp.With):
        _check_with(clause)
    size: dict[int, int] = {}
    for node in _upwards(tree):
        size[id(node)] = _size(node, size)
        if size[id(node)] > GROWTH:
            raise QueryError("The query puts too many texts together: join fewer, or shorten them with left().")


def _check_with(clause: exp.With) -> None:
    if any(value for name, value in clause.args.items() if name != "expressions"):
        raise QueryError("WITH RECURSIVE may not be used.")
    for one in clause.expressions:
        name = one.alias_or_name.lower()
        if name in CATALOG:
            raise QueryError(f"{name} is a table's name: name the common table expression otherwise.")
        if not _NAME.fullmatch(name) or name.startswith(_ENGINES_OWN):
            raise QueryError(f"{name[:60]!r} is no name for a common table expression: take letters, digits and _.")


def _source(table: exp.Table) -> exp.CTE | None:
    """The common table expression that a table's name stands for; None for one of the guide's tables.

    It is seen in the query that its WITH belongs to, and by those that follow it in the WITH; the nearest counts.
    Raises QueryError for anything else.
    """
    if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
        raise QueryError(f"Only the tables {', '.join(CATALOG)} may be read.")
    name = table.name.lower()
    child: exp.Expr = table
    node = table.parent
    while node is not None:
        clause = node.args.get("with_")
        seen: list[exp.CTE] = []
        if isinstance(node, exp.With):
            seen = node.expressions[: [id(one) for one in node.expressions].index(id(child))]
        elif isinstance(clause, exp.With) and clause is not child:
            seen = clause.expressions
        for one in reversed(seen):
            if one.alias_or_name.lower() == name:
                return one
        child, node = node, node.parent
    if name not in CATALOG:
        raise QueryError(f"There is no table {table.name[:60]!r}; there are {', '.join(CATALOG)}.")
    return None


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


def _size(node: exp.Expr, size: dict[int, int]) -> int:
    """How many texts of the telemetry's what a node gives may be long; `size` knows all that is below it."""
    below = [size[id(one)] for one in node.iter_expressions()]
    whole, longest = sum(below), max(below, default=1)
    if isinstance(node, exp.Table) and (source := _source(node)) is not None:
        return max(longest, size[id(source)])
    if isinstance(node, exp.Select):
        return _select_size(node, size)
    if isinstance(node, exp.Replace):
        return longest * _times(node.args.get("replacement"), node.expression)
    if isinstance(node, exp.TimeToStr):
        return longest * _times(node.args.get("format"), None)
    if isinstance(node, exp.ConcatWs):
        whole += below[0] * len(below)  # the separator, each time
    return whole if isinstance(node, _JOINING) else longest


def _times(text: exp.Expr | None, taken: exp.Expr | None) -> int:
    """How many times as long a text becomes by another that is put into it for each that is taken out."""
    if text is None:
        return 1
    if not isinstance(text, exp.Literal) or not isinstance(taken, exp.Literal | None):
        return _TOO_LONG
    put, out = len(text.name), len(taken.name) if taken else 16  # a format's parts are of some length themselves
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
