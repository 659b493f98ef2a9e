"""What a question asks: figures, and how a yes or no follows from them; a check of the guide; or its conclusion."""

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Literal

from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import condition_of, measure_of, share_of
from tsg_agent.ask.readback import COMPARATIVE, unsaid
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import RUN_COLUMNS, Bound, Filter, TypedQuery

Decides = Literal["", "any", "bound", "more", "fewer", "rose", "fell"]
_YES_NO = re.compile(
    r"\W*(?:(?:and|but|so|or|ok|okay|well)\b[ ,]*)?"
    r"(?:(?:after|before|since|until|between|during|in|on|at|for|from)\b[^,?]{1,40},\s*)?"
    r"(?:(?:is|are|was|were|do|does|did|has|have|had|should|can)(?:n't)?|any)\b",
    re.IGNORECASE,
)
_POLITE = re.compile(
    r"^\W*(?:(?:please|hey|hi|hello|so|ok|okay|and)[ ,]+)*(?:(?:can|could|would|will) (?:you|we|i)\b(?: please)?"
    r"(?: (?:tell|show|give|list|check|count|find|see|look up|get|explain)\b)?(?: (?:me|us))?(?: please)?"
    r"|do (?:you|we) (?:know|have|see)\b|i (?:want|need) to know)",
    re.IGNORECASE,
)
_IT = re.compile(
    r"\W*(?:and |but |so )?(?:is|was|did|could|can)(?:n't)? (?:it|this|that|all this|the \w+)\b", re.IGNORECASE
)
_TAG = re.compile(
    r"(?:[,;:.!?\u2013-]\s*|\s)"
    r"(?:(?:is|was|are|were|do|does|did|has|have|had)n['\u2019]?t (?:it|they|there|that|we)"
    r"|(?<=[,;] )(?:is|was|are|were|do|does|did|has|have|had) (?:it|they|there)"
    r"|(?:is|was) (?:that|this|it) (?:correct|right|true|so)|(?<=[,;.!?] )(?:right|correct|true|yes))\W*$",
    re.IGNORECASE,
)
"""“…, wasn't it?”: what is stated is to be confirmed."""
_OPEN = re.compile(r"\W*(?:(?:and|so|but)\s+)?(?:which|what|how|who|when|where|why)\b", re.IGNORECASE)
_SCOPE = ("region", "environment", "service_name")
YES_OR_NO = "yes or no"
"""In `left`: the rows would not say which."""
_FURTHER = [("word", "next"), ("word", "and"), ("word", "more"), ("word", "which")]
_WEAK = ("how", "work", "look", "perform", "behave", "doing")
"""How something does: where a measure is named, that is what is asked for."""
_HURT = ("affected", "impacted", "hurt")
_FAILING = ("failing", "erroring", "failing too")
_WELL = ("ok", "okay", "healthy", "fine", "normal", "working", "work", "works", "up", "complete", "completed")
_OF_FIGURES = ("bound", "bucket", "figure", "order", "sides")
_PASSING = ("which", "all", "only", "more", "and", "versus", "series", "slash", "but")
_BEHIND_BUT = (("word", "not"), ("word", "only"), ("form", "rate"))


@dataclass
class AskedFields:
    """A question's fields, before the scope's own are added."""

    measures: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    filters: tuple[Filter, ...] = ()
    conditions: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    order_by: str = ""
    ascending: bool | None = None
    limit: int | None = None
    skip: int = 0
    bucket: float | None = None
    """Seconds; 0 = as it fits the window."""
    sides: Token | None = None
    """Before is compared with after."""
    ranked: bool = False
    of_nothing: bool = False
    """Whether an order is asked for, and nothing that is to be ordered."""
    yes_no: bool = False
    decides: Decides = ""
    """How the rows say yes or no."""
    about: str = ""
    """Of two values that are compared, the one that is asked about."""
    others: bool = False
    """Whether it is compared with all others, not with the one that has most."""
    conclude: frozenset[str] = frozenset()
    check: bool = False
    """Whether the guide's check of `by` is asked for."""
    health: bool = False
    """Whether yes means that all is well: "is it ok?"."""
    names: list[Token] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Words that have a meaning, and no place in a query."""


def polite(text: str) -> str:
    """A question without the words that only ask for an answer, or to confirm it: "could you tell me …, isn't it"."""
    return _TAG.sub(lambda match: " " * len(match[0]), _POLITE.sub(lambda match: " " * len(match[0]), text, count=1))


def asks_yes_or_no(text: str) -> bool:
    """Whether a question is one for yes or no: by how it begins, or by its end."""
    return bool(_YES_NO.match(polite(text)) or (_TAG.search(text) and not _OPEN.match(text)))


def restated(reading: TokenizedQuestion, last: TypedQuery) -> bool:
    """ "and as a share of its requests?", "absolute numbers instead": the last question's measure, said otherwise."""
    forms = [one for one in reading.of("form") if one.value in ("rate", "absolute")]
    others = [one for one in reading.tokens if one.measures and one not in forms]
    if not forms or any((one.kind, one.value) != ("unit", "requests") for one in others):
        return False
    held = measure_of(last.measures[0])
    name = share_of(held.name) if forms[0].value == "rate" else held.condition
    if not name or name == held.name:
        return False
    said = replace(forms[0], kind="measure", value=name)
    reading.tokens = [said if one is forms[0] else one for one in reading.tokens if one not in (*forms[1:], *others)]
    return True


def further(reading: TokenizedQuestion, last: TypedQuery, shown: int) -> AskedFields | None:
    """ "and the next 3?": the rows below the `shown` ones of the last question; None for another question."""
    figures = reading.of("figure")
    other = [one for one in reading.tokens if (one.kind, one.value) not in _FURTHER and one.value not in last.by]
    ranks = reading.has("word", "next") and last.by and shown and not (last.bucket_seconds or reading.unknown)
    if not ranks or other != figures[:1]:
        return None
    return AskedFields(limit=int(figures[0].amount) if figures else shown, skip=last.skip + shown)


def asked(reading: TokenizedQuestion, *, yes_no: bool) -> AskedFields:
    """What a question asks, from its tokens."""
    _hurt_users(reading)
    _running(reading)
    filling = Filling(reading, yes_no=yes_no)
    filling.of_it = bool(_IT.match(reading.text))
    names = [one for one in reading.tokens if one.kind == "value"]
    concluded = _concluded(filling, names)
    if concluded is not None:
        return concluded
    found = AskedFields(yes_no=yes_no, names=names)
    filling.nouns()
    filling.negations()
    filling.groups()
    filling.counted_things()
    filling.timed()
    filling.bounded()
    _times(filling)
    filling.measured()
    found.ranked = filling.ranked()
    _buckets(filling, found)
    first = next((one for one in names if one.value != "flag_name"), None)  # a flag is compared by its values
    filling.named()
    if found.ranked and not (filling.by or yes_no or found.sides) and found.bucket is None:
        found.of_nothing = not _extreme(filling)
    _passing(filling)
    found.measures, found.by = tuple(dict.fromkeys(filling.measures)), tuple(filling.by)
    found.filters, found.conditions = tuple(filling.filters), tuple(dict.fromkeys(filling.conditions))
    found.bounds, found.limit = tuple(filling.bounds), filling.limit
    found.order_by, found.ascending = filling.order
    if not found.measures and found.order_by:
        found.measures = (found.order_by,)
    _share_of_either(filling, found)
    if yes_no:
        _decide(filling, found, first)
    elif _only_some(filling, found):
        found.bounds = (Bound(measure=found.measures[0], sign=">", value=0),)
    if found.bounds and not found.by and not yes_no:
        _few(filling, found)
    found.left += unsaid(filling, found)
    found.left += [one.text for i, one in enumerate(filling.tokens) if i not in filling.used]
    return found


def _share_of_either(filling: Filling, found: AskedFields) -> None:
    """ "percentage of failed requests from web": of web's requests, or of all that failed. Both are said."""
    rates = [one for one in filling.tokens if one.part]
    said = any(one.kind == "word" and one.value == "all" for one in filling.tokens)
    if len(found.measures) != 1 or len(rates) != 1 or said or found.conditions or not (found.by or found.filters):
        return
    measure = measure_of(found.measures[0])
    requests = any(one.kind == "unit" and one.start > rates[0].start for one in filling.tokens)
    predicate = any(one.predicate for one in filling.tokens)
    either = measure.kind == "share" and not (requests or predicate)
    if either or (measure.kind == "of_all" and measure.condition):
        other = condition_of(measure.condition)
        also = other.rate if measure.kind == "of_all" else f"share_of_{measure.condition}"
        found.measures = (*found.measures, also)


def _few(filling: Filling, found: AskedFields) -> None:
    """ "users with more than 5 failures" are rows of users; how many there are of them no query gives."""
    many = any(one.kind == "form" and one.value == "count" for one in filling.tokens)
    if set(found.measures) == {"users"} and not many:
        found.by, found.measures = ("user_id",), (found.bounds[0].measure,)
    else:
        found.left += [one.text for one in filling.tokens if one.kind == "bound"]


def _only_some(filling: Filling, found: AskedFields) -> bool:
    """ "which zones have 503s?": those that have none are not among them."""
    words = {one.value for one in filling.tokens if one.kind == "word"}
    listed = "which" in words and "by" not in words
    counted = [measure_of(one).kind for one in found.measures] == ["count"] and found.measures != ("requests",)
    return bool(listed and counted and found.by) and not (found.bounds or found.ranked or found.sides or found.bucket)


def _hurt_users(reading: TokenizedQuestion) -> None:
    """ "users affected": those with a failed request, or with what else they were affected by."""
    if not any(one.counts for one in reading.tokens):
        return
    failed = reading.has("condition")
    kept: list[Token] = []
    for one, then in zip(reading.tokens, [*reading.tokens[1:], None], strict=True):
        hurt = one.kind == "conclude" and one.text.lower() in _HURT
        if hurt and not failed:
            kept.append(Token(one.start, one.end, "condition", "failures", 0.0, one.text))
        elif not (hurt and then is not None and then.value == "by"):
            kept.append(one)
    reading.tokens = kept


def _running(reading: TokenizedQuestion) -> None:
    """ "requests that run 4.23.0", "which version runs there": a verb, and no run of a workflow."""
    workflows = any(one.value in RUN_COLUMNS for one in reading.tokens if one.kind in ("thing", "value"))
    kept: list[Token] = []
    for i, one in enumerate(reading.tokens):
        around = reading.tokens[max(0, i - 1) : i] + reading.tokens[i + 1 : i + 2]
        counted = any(near.kind in ("form", "condition", "figure", "measure") for near in around)
        if workflows or counted or one.kind != "unit" or one.text.lower() not in ("run", "runs"):
            kept.append(one)
    reading.tokens = kept


def _concluded(filling: Filling, names: list[Token]) -> AskedFields | None:
    """A question to the investigation, or to one of the guide's checks; None where figures are asked for."""
    tokens = filling.tokens
    said = {one.value for one in tokens if one.kind == "conclude"}
    things = tuple(dict.fromkeys(one.value for one in tokens if one.kind == "thing"))
    conditions = [one for one in tokens if one.kind == "condition"]
    left = [one.text for one in tokens if one.kind in _OF_FIGURES]
    lone = len({*things, *names}) == 1 and all(one.kind in ("thing", "value", "conclude") for one in tokens)
    if filling.yes_no and filling.of_it and lone and not tokens[0].plural and said <= {"state"}:
        said = {"cause"}  # "is it the deploy?", "is it a database problem?"
    ranked = any(one.kind == "rank" for one in tokens)
    if said == {"cause"} and conditions and ranked and things:  # "which dependency causes the most failures?"
        filling.tokens = [one for one in tokens if one.kind != "conclude"]
        return None
    if said & {"why", "cause", "roll_back", "act", "started"}:
        left += [one.text for one in tokens if one.kind == "form" and "why" not in said]  # "how many were caused by …"
        left += [] if said & {"why"} else _quantified(tokens, but="who" if "cause" in said else "")
        left += [one.text for one in conditions if one.value != "failures" and "cause" in said]
        return AskedFields(conclude=frozenset(said), by=things, names=names, left=left, yes_no=filling.yes_no)
    return _of_state(filling, AskedFields(conclude=frozenset(said), by=things, names=names, left=left), conditions)


def _of_state(filling: Filling, found: AskedFields, conditions: list[Token]) -> AskedFields | None:
    """A question how something does: to the checks of its things, to the investigation; None for one for figures."""
    tokens, yes_no, said, things = filling.tokens, filling.yes_no, found.conclude, found.by
    words = {one.value for one in tokens if one.kind == "word"}
    weak = {i for i, one in enumerate(tokens) if one.kind == "conclude" and one.text.lower().split(" ")[0] in _WEAK}
    strong = any(one.kind == "conclude" and one.value == "state" and i not in weak for i, one in enumerate(tokens))
    figures = any(one.kind in ("measure", "number", "form", "unit", "bound", "bucket", "function") for one in tokens)
    failing = bool(yes_no and found.names and not figures and not words & {"versus", "by", "which"})
    failing = failing and [one.text.lower() in _FAILING for one in conditions] == [True]
    compares = bool(words & {"versus", "rose", "fell"})
    well = [one.text for one in tokens if one.kind in ("conclude", "measure") and one.text.lower() in _WELL]
    found.yes_no, found.health = yes_no, bool(well) != ("not" in words)
    found.left += _quantified(tokens, but="not" if yes_no and not things else "")
    if found.health and not yes_no and things:  # the checks list what is not well
        found.left += [one.text for one in tokens if one.text.lower() in _WELL]
    if things and not found.names and (strong or (yes_no and "state" in said)) and not compares:
        found.check, found.conclude = True, frozenset()
        allowed: tuple[str, ...] = ("thing", "word", "conclude", "number", "measure")
    elif failing or strong or ("state" in said and not (figures or conditions or compares)) or said == {"report"}:
        found.conclude = said or frozenset({"state"})
        allowed = ("thing", "word", "conclude", "value", *_OF_FIGURES, *(("condition",) if failing else ()))
    else:
        filling.take(*weak)
        return None
    found.left += [one.text for one in tokens if one.kind not in allowed]
    return found


def _quantified(tokens: list[Token], but: str) -> list[str]:
    """Words that turn a question for a state into another: not, only, all of them, who. "Everything" is the service."""
    several = any(one.kind in ("thing", "value") for one in tokens)
    turning = {"not", "only", "who", "others", "by"} | ({"all"} if several else set())
    return [one.text for one in tokens if one.kind == "word" and one.value in turning - {but}]


def _times(filling: Filling) -> None:
    """ "when was the first 503", "time of the last failure": the first or the last time of a condition."""
    ends = [i for i in filling.free("word") if filling.tokens[i].value in ("first", "last")]
    when = [i for i in filling.free("word") if filling.tokens[i].value == "when"]
    counted = filling.free("condition", "unit")
    names = list(dict.fromkeys(filling.tokens[i].value for i in counted))
    beside = all(any(i + n in (*counted, *ends) for n in (1, 2)) for i in ends)
    if ends and len(names) == 1 and (when or beside):
        filling.measures += [f"{filling.tokens[i].value}_{names[0]}" for i in ends]
        filling.take(*ends, *counted, *when)


def _buckets(filling: Filling, found: AskedFields) -> None:
    """A row for each stretch of time; "in which minute" asks for the first of them."""
    for i in filling.free("bucket"):
        found.bucket = filling.tokens[i].amount
        found.ranked = found.ranked or filling.tokens[i].value == "which"
        filling.take(i)
    for i in filling.free("word"):
        if filling.tokens[i].value == "series":
            found.bucket = found.bucket or 0.0
            filling.take(i)
    for i in filling.free("sides"):
        found.sides = filling.tokens[i]
        filling.take(i)


def _passing(filling: Filling) -> None:
    """Words that have done their work, and nouns of the scope itself: "in the region"."""
    for i in filling.free("thing", "word"):
        one = filling.tokens[i]
        only = filling.yes_no and one.value in ("only", "all") and one.kind == "word"
        after = filling.at(i + 1)
        adds = one.value == "but" and not (after and (after.kind, after.value) in _BEHIND_BUT)
        adds = adds or (i > 1 and one.text.lower() in ("then", "overall") and filling.tokens[i - 1].value == "and")
        if (
            (one.kind == "thing" and one.value in _SCOPE and not one.plural)
            or (one.value in _PASSING and not (only or adds))
            or (one.value == "when" and after and after.value == "flag_name")  # "when new_pricing is on"
            or (one.value == "who" and (i > 0 or "user_id" in filling.by))
        ):
            filling.take(i)


def _decide(filling: Filling, found: AskedFields, first: Token | None) -> None:
    """How the rows say yes or no."""
    words = {filling.tokens[i].value: i for i in filling.free("word")}
    counts = [name for name in found.measures[:1] if measure_of(name).kind in ("count", "distinct")]
    if "rose" in words or "fell" in words:
        found.decides = "rose" if "rose" in words else "fell"
        filling.take(words[found.decides])
        found.sides = found.sides or Token(0, 0, "sides", "side")
        found.left += [one.text for one in filling.tokens if one.kind == "bound"]  # "rose by more than 100 ms"
    elif _of_two(filling, found, first, words.get("others")):
        return
    elif any(one.startswith("not ") for one in found.conditions):
        found.left.append(YES_OR_NO)
    elif found.bounds:
        found.decides = "any" if found.by or found.bucket is not None else "bound"
    elif counts or found.measures[:1] in (("failed_runs",), ("runs",)):
        found.decides = "any"
        found.bounds = (Bound(measure=found.measures[0], sign=">", value=0),) if found.by else ()
    elif found.by and not (found.names or found.ranked):
        found.check, found.health = True, found.measures == ("completion_rate",)
    else:
        found.left.append(YES_OR_NO)


def _of_two(filling: Filling, found: AskedFields, first: Token | None, others: int | None) -> bool:
    """Whether one is compared: with another, with the others, or with what it was before."""
    several = next((one for one in found.filters if len(one.values) > 1 and not one.without), None)
    if several and first is not None and first.value != several.column:  # "does 3.15.0 fail more on web than on ios?"
        first = next((one for one in found.names if one.value == several.column), first)
    compared = any(one.kind == "word" and one.value == "versus" for one in filling.tokens)
    alone = not (found.by or compared or found.sides or others is not None or _comparative(filling))  # "has it most?"
    lone = first is not None and found.ranked and not several and (alone or first.value in found.by)
    than = [
        one.kind == "word" and one.text.lower() == "than" and then is first for one, then in pairwise(filling.tokens)
    ]
    if any(than) and not several:  # "is there an endpoint slower than /payments?" is of the others
        found.left.append(YES_OR_NO)
    elif several and not (found.ranked or compared or (others is not None and first)):
        found.left.append(YES_OR_NO)  # "did web and ios fail?": one of them, or both
    elif several and any(one.text.lower() == "or" for one in filling.tokens):
        found.yes_no = False  # "is android or ios worse?" asks which
    elif first is not None and (lone or (found.measures and (several or others is not None))):
        found.decides, found.about = ("fewer" if found.ascending else "more"), first.text
        found.others = others is not None
        filling.take(*([others] if others is not None else []))
        if lone or found.others:
            found.by = found.by or (first.value,)
            found.filters = tuple(one for one in found.filters if one.column != first.value)
    elif found.sides and found.ranked and found.ascending is not None and found.measures:  # "fail more than before"
        found.decides = "fell" if found.ascending else "rose"
    else:
        return False
    return True


def _comparative(filling: Filling) -> bool:
    return any(one.kind == "rank" and COMPARATIVE.fullmatch(one.text) for one in filling.tokens)


def _extreme(filling: Filling) -> bool:
    """ "the highest CPU" of all is its maximum; "the slowest requests" are rows, which no query gives."""
    ranks = [one.value for one in filling.tokens if one.kind == "rank" and " " not in one.value]
    stated = any(one.kind == "function" for one in filling.tokens)
    kinds = [measure_of(name) for name in filling.measures]
    if not ranks or len(kinds) != 1 or kinds[0].kind != "statistic" or stated or filling.limit is not None:
        return False
    filling.measures = [f"{'min' if ranks[0] == 'low' else 'max'}_{kinds[0].column}"]
    filling.order = ("", None)
    return True
