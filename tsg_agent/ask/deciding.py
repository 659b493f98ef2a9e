"""What a query's rows say to a question for yes or no."""

from collections.abc import Mapping, Sequence

from tsg_agent.ask.compiling import AFTER, BEFORE, PERIOD, Value, of_measure
from tsg_agent.ask.measures import share_of
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.typed import TypedQuery

_HOLDS = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__, "=": float.__eq__}
Rows = Sequence[Mapping[str, Value]]


def decided(asked: AskedFields, query: TypedQuery, rows: Rows) -> bool | None:
    """Yes or no; None if the rows say neither or the question does not ask."""
    if asked.decides == "any":
        return (
            bool(rows)
            if query.by or query.bucket_seconds
            else bool(rows and (of_measure(rows[0], query.measures[0]) or 0) > 0)
        )
    if asked.decides == "bound":
        value, bound = of_measure(rows[0], query.bounds[0].measure) if rows else None, query.bounds[0]
        return None if value is None else bool(_HOLDS[bound.sign](value, bound.value))
    if asked.decides in ("rose", "fell"):
        # "more failures" of two spans: of different length, by their share as well
        names = {share_of(query.measures[0]), *(query.measures[:1] if query.until else ())}
        sides = {row[PERIOD]: [of_measure(row, one) for one in names] for row in rows}
        pairs = zip(sides.get(BEFORE, ()), sides.get(AFTER, ()), strict=False)
        known = [(before, after) for before, after in pairs if before is not None and after is not None]
        said = {after > before if asked.decides == "rose" else after < before for before, after in known}
        return said.pop() if len(said) == 1 and len(known) == len(names) else None
    return _more(asked, query, rows) if asked.decides else None


def _more(asked: AskedFields, query: TypedQuery, rows: Rows) -> bool | None:
    """Whether the group asked about has more (or fewer) than each of the others.

    None if nothing is known of it or of them, or, compared with "the others", if it is beyond most but not all of them.
    """
    values = [(asked.about in row.values(), of_measure(row, query.ordered_by)) for row in rows]
    mine = [value for own, value in values if own and value is not None]
    others = [value for own, value in values if not own and value is not None]
    if not mine or not others:
        return None
    beaten = sum(mine[0] > other if asked.decides == "more" else mine[0] < other for other in others)
    if asked.others and len(others) / 2 < beaten < len(others):
        return None
    return beaten == len(others)
