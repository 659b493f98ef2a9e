"""Questions for yes or no: what is compared, and what a query's rows say to it."""

from collections.abc import Mapping, Sequence

from tsg_agent.ask.compiling import AFTER, BEFORE, PERIOD, Value, of_measure
from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import measure_of, share_of
from tsg_agent.ask.readback import COMPARATIVE
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token
from tsg_agent.ask.typed import Bound, TypedQuery

_HOLDS = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__, "=": float.__eq__}
Rows = Sequence[Mapping[str, Value]]
YES_OR_NO = "yes or no"
"""An entry of `AskedFields.left`: the rows would say neither."""


def decide(filling: Filling, first: Token | None) -> None:
    """Set how the rows will decide a question for yes or no. `first`: the value that it names first."""
    found, words = filling.found, {filling.tokens[i].value: i for i in filling.free("word")}
    counts = [name for name in found.measures[:1] if measure_of(name).kind in ("count", "distinct")]
    if "rose" in words or "fell" in words:
        found.decides = "rose" if "rose" in words else "fell"
        filling.take(words[found.decides])
        found.sides = found.sides or Token(0, 0, "sides", "side")
        found.left += [one.text for one in filling.tokens if one.kind == "bound"]  # "rose by more than 100 ms"
    elif _of_two(filling, first, words.get("others")):
        return
    elif any(one.startswith("not ") for one in found.conditions):
        found.left.append(YES_OR_NO)
    elif found.bounds:
        found.decides = "any" if found.by or found.bucket is not None else "bound"
    elif counts or found.measures[:1] in (["failed_runs"], ["runs"]):
        found.decides = "any"
        found.bounds = [Bound(measure=found.measures[0], sign=">", value=0)] if found.by else []
    elif found.by and not (found.names or found.ranked):
        found.check, found.health = True, found.measures == ["completion_rate"]
    else:
        found.left.append(YES_OR_NO)


def _of_two(filling: Filling, first: Token | None, others: int | None) -> bool:
    """Whether the question compares: one value with another or with all others, or after with before."""
    found = filling.found
    several = next((one for one in found.filters if len(one.values) > 1 and not one.without), None)
    if several and first is not None and first.value != several.column:  # "does 3.15.0 fail more on web than on ios?"
        first = next((one for one in found.names if one.value == several.column), first)
    compared = filling.fitting("_versus")
    comparative = any(one.kind == "rank" and COMPARATIVE.fullmatch(one.text) for one in filling.tokens)
    alone = not (found.by or compared or found.sides or others is not None or comparative)  # "has it most?"
    lone = first is not None and found.ranked and not several and (alone or first.value in found.by)
    than = any(filling.tokens[i] is first for i in filling.fitting("'than' _any"))
    if (than and not several) or (several and not (found.ranked or compared or (others is not None and first))):
        # "is there an endpoint slower than /payments?" is of the others; "did web and ios fail?" of one, or of both
        found.left.append(YES_OR_NO)
    elif several and filling.fitting("_'or'"):
        found.yes_no = False  # "is android or ios worse?" asks which
    elif first is not None and (lone or (found.measures and (several or others is not None))):
        found.decides, found.about = ("fewer" if found.ascending else "more"), first.text
        found.others = others is not None
        filling.take(*([others] if others is not None else []))
        if lone or found.others:
            found.by = found.by or [first.value]
            found.filters = [one for one in found.filters if one.column != first.value]
    elif found.sides and found.ranked and found.ascending is not None and found.measures:  # "fail more than before"
        found.decides = "fell" if found.ascending else "rose"
    else:
        return False
    return True


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
