"""What a question compares, and what a query's rows say to one for yes or no."""

import operator
import re
from collections.abc import Mapping, Sequence
from typing import cast

from tsg_agent.ask.compiling import PERIOD, Value, of_measure
from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import FACTOR, measure_of, pace_of
from tsg_agent.ask.readback import COMPARATIVE
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token
from tsg_agent.ask.typed import AFTER, BEFORE, MIRRORED, OTHERS, Bound, Sign, TypedQuery

_HOLDS = {">": operator.gt, ">=": operator.ge, "<": operator.lt, "<=": operator.le, "=": operator.eq}
Rows = Sequence[Mapping[str, Value]]
YES_OR_NO = "yes or no"
"""An entry of `AskedFields.left`: the rows would say neither."""
_OF_TWO = "rank any:measures* _versus'than' any:measures"
"""“more 4xx than 5xx”, “429s are more common than 404s”."""
_CHANGED = re.compile(
    r"(?:[a-z ]+ )?(?:\w+ed(?: the)?|double|triple|quadruple|halve|[\w -]+fold|[0-9.]+ ?x)", re.IGNORECASE
)
"""A factor that says by itself that something changed in time: "at least doubled", "tenfold"."""


def compare(filling: Filling) -> None:
    """Set the baseline: of "doubled", "by what factor", "rose", "than before", "vs the rest", "more 4xx than 5xx"."""
    found, times, turned = filling.found, filling.fitting("_times"), filling.fitting("_rose|fell")
    said = filling.tokens[times[0]] if len(times) == 1 else None
    rest = filling.fitting("_others") if not found.yes_no and filling.fitting("_versus") else []
    pair = filling.fitting(_OF_TWO) if len(found.measures) == 2 else []
    more = found.sides and found.ranked and found.ascending is not None and found.measures  # "fail more than before"
    if said or rest:
        found.baseline = _baseline(filling, said)
    elif found.yes_no and not times and (turned or more):
        found.baseline = BEFORE
        found.left += [one.text for one in filling.tokens if one.kind == "bound"]  # "rose by more than 100 ms"
    elif pair and not (times or found.sides or any(len(one.values) > 1 for one in found.filters)):
        found.baseline = found.measures[1]
    if found.baseline == BEFORE:
        found.sides = found.sides or Token(0, 0, "sides", "side")
    if found.baseline:
        others = filling.fitting("_others") if found.baseline == OTHERS else []
        filling.take(*times, *pair, *turned, *others)
    if found.baseline and (not (said or rest) or (said and said.value)):
        _bounded(filling, *((cast(Sign, said.value), said.amount) if said else (">", 1.0)))


def _baseline(filling: Filling, said: Token | None) -> str:
    """What a factor is of: before, the others, a value or a measure; empty if that is open. `said`: the factor."""
    found = filling.found
    kept = [one for one in found.filters if not one.without]
    several = [one for one in kept if len(one.values) > 1]
    names = [one for one in found.names if one.value in {of.column for of in several or kept}]
    # what stands right behind "twice that of …" is the baseline, else what was named last
    behind = said.end if said and said.text.lower().endswith((" the", " of", " that")) else 0
    if said and (found.sides or filling.fitting("_rose|fell")):
        alone = not several and len(found.measures) < 2  # not "more on web since 14:00 than on ios before"
        return BEFORE if alone else ""
    if filling.fitting("_others") and len(kept) == 1 and not several:
        found.by = [kept[0].column]
        return OTHERS
    if several or said is None:
        two = len(several) == 1 and len(several[0].values) == 2
        return next((one.text for one in names if behind and one.start > behind), names[-1].text) if two else ""
    if len(found.measures) == 2:
        first = behind and not any(one.measures and one.start < behind for one in filling.tokens)
        found.measures = found.measures[::-1] if first else found.measures
        return found.measures[1]
    grouped = len(names) == 1 and found.by == [names[0].value] and not found.yes_no  # "which have twice that of web?"
    found.filters = [one for one in found.filters if not grouped or one.column not in found.by]
    if grouped or (names and not found.measures):  # "how many times that of ios?" of the last question
        return names[-1].text
    return BEFORE if _CHANGED.fullmatch(said.text) else ""


def _bounded(filling: Filling, sign: Sign, factor: float) -> None:
    """Set what a factor with a number asks: yes or no of one comparison, or which groups have it."""
    found = filling.found
    if found.ascending or filling.fitting("_fell"):  # "5 times fewer", "fell by a factor of 3"
        sign, factor = MIRRORED[sign], 1 / factor
    among = [value for one in found.filters if one.column in found.by for value in one.values]
    if found.by and found.baseline not in (OTHERS, *among):
        found.bounds.append(Bound(measure=FACTOR, sign=sign, value=factor))
        found.order_by, found.ranked, found.ascending = FACTOR, True, factor < 1
        return
    found.yes_no, found.holds = True, (sign, factor)
    found.decides = "sides" if found.baseline == BEFORE else "pair" if found.baseline in found.measures else "one"
    found.about = next((one.text for one in found.names if one.value in found.by and one.text != found.baseline), "")


def decide(filling: Filling, first: Token | None) -> None:
    """Set how the rows will decide a question for yes or no. `first`: the value that it names first."""
    found, words = filling.found, {filling.tokens[i].value: i for i in filling.free("word")}
    counts = [name for name in found.measures[:1] if measure_of(name).kind in ("count", "distinct")]
    if found.decides or _of_two(filling, first, words.get("others")):
        return
    if any(one.startswith("not ") for one in found.conditions):
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
        found.decides, found.about, found.holds = "one", first.text, ("<" if found.ascending else ">", 1.0)
        found.others = others is not None
        filling.take(*([others] if others is not None else []))
        if lone or found.others:
            found.by = found.by or [first.value]
            found.filters = [one for one in found.filters if one.column != first.value]
    else:
        return False
    return True


def decided(asked: AskedFields, query: TypedQuery, rows: Rows) -> bool | None:
    """Yes or no; None if the rows say neither or the question does not ask."""
    if asked.decides == "any":
        groups = query.by or query.bucket_seconds
        return bool(rows and (groups or of_measure(rows[0], query.measures[0])))
    if asked.decides == "bound":
        value, bound = of_measure(rows[0], query.bounds[0].measure) if rows else None, query.bounds[0]
        return None if value is None else bool(_HOLDS[bound.sign](value, bound.value))
    if asked.decides == "pair":
        pair = [of_measure(rows[0], one) for one in query.measures[:2]] if rows else [None, None]
        return _holds(asked, *pair)
    if asked.decides == "sides":
        # "more failures" of two spans: of different length, by their share as well
        both = query.until or asked.holds[1] != 1
        names = {pace_of(query.measures[0]), *(query.measures[:1] if both else ())}
        sides = {row[PERIOD]: [of_measure(row, one) for one in names] for row in rows}
        pairs = zip(sides.get(BEFORE, ()), sides.get(AFTER, ()), strict=False)
        said = [_holds(asked, after, before) for before, after in pairs]
        return said[0] if len(set(said)) == 1 and len(said) == len(names) else None
    return _more(asked, query, rows) if asked.decides else None


def _holds(asked: AskedFields, own: float | None, other: float | None) -> bool | None:
    """Whether one value is so many times the other; None if one is not known, or for a factor of 0."""
    sign, factor = asked.holds
    if own is None or other is None or (factor != 1 and not other):
        return None
    return bool(_HOLDS[sign](own, factor * other))


def _more(asked: AskedFields, query: TypedQuery, rows: Rows) -> bool | None:
    """Whether the group asked about has more (or fewer, or so many times as much) than each of the others.

    None if nothing is known of it or of them, or, compared with "the others", if it is beyond most but not all of them.
    """
    values = [(asked.about in row.values(), of_measure(row, query.ordered_by)) for row in rows]
    mine = [value for own, value in values if own and value is not None]
    others = [value for own, value in values if not own and value is not None]
    if not mine or not others:
        return None
    said = [_holds(asked, mine[0], other) for other in others]
    if None in said:
        return None
    beaten = sum(map(bool, said))
    if asked.others and len(others) / 2 < beaten < len(others):
        return None
    return beaten == len(others)
