"""What a question asks: figures, and how a yes or no follows from them; a check of the guide; or its conclusion."""

import re
from dataclasses import replace

from tsg_agent.ask.bench import Last
from tsg_agent.ask.deciding import compare, decide
from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import condition_of, measure_of, share_of
from tsg_agent.ask.patterns import span
from tsg_agent.ask.readback import unsaid
from tsg_agent.ask.sentences import TOP
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import RUN_COLUMNS, Bound, TypedQuery
from tsg_agent.columns import Nature, of_nature

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
_FURTHER = [("word", "next"), ("word", "and"), ("word", "more"), ("word", "which")]
_WEAK = ("how", "work", "look", "perform", "behave", "doing")
"""Words that ask how something does; beside a named measure they ask for that measure."""
_FAILING = ("failing", "erroring", "failing too")
_WELL = ("ok", "okay", "healthy", "fine", "normal", "working", "work", "works", "up", "complete", "completed")
_OF_FIGURES = ("bound", "bucket", "figure", "order", "sides")
"""Kinds of tokens that only a query can honour."""
_HURT = "conclude'affected'|conclude'impacted'|conclude'hurt'"
_COUNTED = "form|condition|figure|measure"
_REQUESTS = [("unit", "requests")]
_PASSING = (
    "_thing.region,environment,service_name:singular",  # "in the region"
    "_which|more|among|and|versus|series|slash",
    "_but not|only|form.rate",
    "_when any.flag_name",  # "when new_pricing is on"
    "any _who",
    "more'same' _but",
    "form.count any* _together",
)
"""Words that need no field of their own once the others are filled."""
_PEOPLE = ("user_id", "client_type", *of_nature(Nature.TENANT, Nature.CUSTOMER))
_ADDS = "any and _'then'|'overall'"
"""“… and then”, “… and overall”: one more question, which is not answered."""


def polite(text: str) -> str:
    """A question with "could you tell me" and "isn't it?" blanked out; all offsets stay."""
    return _TAG.sub(lambda match: " " * len(match[0]), _POLITE.sub(lambda match: " " * len(match[0]), text, count=1))


def asks_yes_or_no(text: str) -> bool:
    """Whether a question begins as one for yes or no does ("is …"), or ends so ("…, isn't it?")."""
    return bool(_YES_NO.match(polite(text)) or (_TAG.search(text) and not _OPEN.match(text)))


def restated(reading: TokenizedQuestion, last: TypedQuery) -> bool:
    """Turn "and as a share?", "on average per user?" into the last measure's rate, count or average, and drop "the
    requests" of "and only the requests on web?". Else False."""
    asked_of = [one for one in reading.tokens if one.measures]
    alone = [(one.kind, one.value) for one in asked_of] == _REQUESTS
    if alone and reading.has("word", "only") and reading.of("value"):
        reading.tokens.remove(asked_of[0])  # "and only the requests on 4.24.0?": of what was asked, theirs
        return True
    counted = measure_of(last.measures[0])
    plain = not any(one.measures and one.kind != "function" and not one.counts for one in reading.tokens)
    average = [one for one in reading.of("function") if one.value == "avg" and plain and counted.kind == "count"]
    if average:  # "and on average per user?"
        kind = "condition" if counted.condition else "unit"
        reading.tokens.append(replace(average[0], kind=kind, value=counted.name))
        return True
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


def among_last(reading: TokenizedQuestion) -> bool:
    """Whether it is only of what the last question counted: "how many of those were retries?"."""
    tokens = reading.tokens
    return any(span(tokens, (), i, "^ and|more* form.count|which _among") for i in range(len(tokens)))


def of_the_last(reading: TokenizedQuestion) -> list[str]:
    """The words that mean nothing where there is no last question."""
    said, among = ("same", "instead", "again"), among_last(reading)
    return [one.text for one in reading.of("word") if one.text.lower() in said or (among and one.value == "among")]


def replacing(reading: TokenizedQuestion, last: TypedQuery) -> None:
    """Read "by zone instead of client type" as "by zone instead", and "and by error rate?" of groups as their order."""
    tokens = reading.tokens
    if old := [tokens[i] for i in range(len(tokens)) if span(tokens, (), i, "by thing 'instead' _thing $")]:
        reading.tokens = [one for one in tokens if one not in old or last.by != (one.value,)]
    if last.by:
        order = "^ and|more* _by (?! thing) any:measures+ $"
        ordered = [tokens[i] for i in range(len(tokens)) if span(tokens, (), i, order)]
        reading.tokens = [replace(one, value="sort") if one in ordered else one for one in reading.tokens]


def further(reading: TokenizedQuestion, last: Last) -> AskedFields | None:
    """The fields of "and the next 3?", the rows below those that were shown; None for any other question."""
    figures, query = reading.of("figure"), last.query
    if query is None or last.asked is None or query.bucket_seconds or reading.unknown:
        return None
    shown = query.limit or (TOP if last.asked.ranked else 0)
    other = [one for one in reading.tokens if (one.kind, one.value) not in _FURTHER and one.value not in query.by]
    if not (reading.has("word", "next") and query.by and shown) or other != figures[:1]:
        return None
    return AskedFields(limit=int(figures[0].amount) if figures else shown, skip=query.skip + shown)


def asked(reading: TokenizedQuestion, *, yes_no: bool) -> AskedFields:
    """Fill the fields from a question's tokens."""
    reading.tokens = _rewritten(reading.tokens)
    filling = Filling(reading, yes_no=yes_no)
    found = filling.found
    filling.averaged()
    if _concluded(filling):
        return found
    filling.nouns()
    filling.negations()
    filling.groups()
    filling.counted_things()
    filling.timed()
    filling.bounded()
    _times(filling)
    filling.measured()
    found.ranked = filling.ranked()
    _buckets(filling)
    first = next((one for one in found.names if one.value != "flag_name"), None)  # a flag is compared by its values
    filling.named()
    compare(filling)
    yes_no = found.yes_no
    if found.ranked and not (found.by or yes_no or found.sides) and found.bucket is None:
        found.of_nothing = not _extreme(filling)
    passing = {i for one in (*_PASSING, *(() if yes_no else ("_all|only",))) for i in filling.fitting(one)}
    several = bool(found.by) or len(set(found.measures)) > 1  # "users and sessions in total": of which sum is open
    passing.difference_update(filling.fitting("_together") if several else ())
    people = {*_PEOPLE, *(one.value for one in found.names)}  # "who has most errors, by client type?"
    passing |= set(filling.fitting("_who") if people & {*found.by} else ())
    filling.take(*passing.difference(filling.fitting(_ADDS)))
    found.measures, found.conditions = list(dict.fromkeys(found.measures)), list(dict.fromkeys(found.conditions))
    if not found.measures and found.order_by:
        found.measures = [found.order_by]
    _share_of_either(filling)
    if yes_no:
        decide(filling, first)
    elif _only_some(filling):
        found.bounds = [Bound(measure=found.measures[0], sign=">", value=0)]
    if found.bounds and not found.by and not yes_no:
        found.left += [one.text for one in filling.tokens if one.kind == "bound"]  # how many groups are so
    found.left += unsaid(filling)
    found.left += [one.text for i, one in enumerate(filling.tokens) if i not in filling.used]
    return found


def _rewritten(tokens: list[Token]) -> list[Token]:
    """The tokens, where some are dropped or mean a condition, by what stands around them."""
    people = any(one.counts for one in tokens)
    workflows = any(one.value in RUN_COLUMNS for one in tokens if one.kind in ("thing", "value"))
    rules = (
        # "users affected" are those with failures, unless it is said by what they were affected
        (people, f"^ ~condition* _{_HURT} ~condition* $", "failures"),
        (people, f"_{_HURT} any.by", ""),
        # "requests that run 4.23.0": a verb, and no run of a workflow
        (not workflows, f"(^ | ~{_COUNTED}) _unit'run'|unit'runs' (?! {_COUNTED})", ""),
        # "users with at least one failure" are those with a failure
        (True, "(any:counts | form.count,distinct thing) _bound:least condition", ""),
    )
    kept: list[Token] = []
    for i, one in enumerate(tokens):
        fitting = [value for holds, pattern, value in rules if holds and span(tokens, (), i, pattern)]
        kept += [one] if not fitting else [replace(one, kind="condition", value=fitting[0])] if fitting[0] else []
    return kept


def _share_of_either(filling: Filling) -> None:
    """Add the second reading of "percentage of failed requests from web": of web's requests, or of all failures."""
    found, parts = filling.found, filling.fitting("_any:part")
    if len(found.measures) != 1 or len(parts) != 1 or filling.fitting("_all") or found.conditions:
        return
    measure = measure_of(found.measures[0])
    either = measure.kind == "share" and not (
        filling.fitting("any:part any* _unit") or filling.fitting("_condition:predicate")
    )
    if (found.by or found.filters) and (either or (measure.kind == "of_all" and measure.condition)):
        rate = condition_of(measure.condition).rate
        found.measures.append(rate if measure.kind == "of_all" else f"share_of_{measure.condition}")


def _only_some(filling: Filling) -> bool:
    """Whether groups with a count of 0 are left out: "which zones have 503s?"."""
    found = filling.found
    listed = filling.fitting("_which") and not filling.fitting("_by")
    counted = [measure_of(one).kind for one in found.measures] == ["count"] and found.measures != ["requests"]
    return bool(listed and counted and found.by) and not (found.bounds or found.ranked or found.sides or found.bucket)


def _concluded(filling: Filling) -> bool:
    """Whether the investigation or a check of the guide answers the question; fills the fields for it if so."""
    tokens, found = filling.tokens, filling.found
    said = {one.value for one in tokens if one.kind == "conclude"}
    things = list(dict.fromkeys(one.value for one in tokens if one.kind == "thing"))
    columns = {*things, *(one.value for one in found.names)}
    lone = len(columns) == 1 and len(found.names) < 2 and not filling.fitting("_~thing|value|conclude")
    if found.yes_no and _IT.match(filling.text) and lone and not tokens[0].plural and said <= {"state"}:
        said = {"cause"}  # "is it the deploy?", "is it a database problem?"
    if said == {"cause"} and things and filling.fitting("_condition") and filling.fitting("_rank"):
        filling.tokens = [one for one in tokens if one.kind != "conclude"]
        return False  # "which dependency causes the most failures?"
    if said & {"why", "cause", "roll_back", "act", "started"}:
        barred = [*_OF_FIGURES, *(() if "why" in said else ("form",))]  # "how many were caused by …"
        found.left += [one.text for one in tokens if one.kind in barred]
        found.left += [] if "why" in said else _quantified(tokens, but="who" if "cause" in said else "")
        others = [one.text for one in tokens if one.kind == "condition" and one.value != "failures"]
        found.left += others if "cause" in said else []
    elif not _of_state(filling, said, things):
        return False
    found.conclude, found.by = frozenset(() if found.check else said or {"state"}), things
    return True


def _of_state(filling: Filling, said: set[str], things: list[str]) -> bool:
    """Whether the question is how something does; the checks of its things answer it, else the investigation."""
    tokens, found, yes_no = filling.tokens, filling.found, filling.found.yes_no
    weak = {i for i, one in enumerate(tokens) if one.kind == "conclude" and one.text.lower().split(" ")[0] in _WEAK}
    strong = set(filling.fitting("_conclude.state")) - weak
    figures = filling.fitting("_measure|number|form|unit|bound|bucket|function")
    conditions = [one.text.lower() for one in tokens if one.kind == "condition"]
    compares = filling.fitting("_versus|rose|fell")
    failing = yes_no and found.names and not figures and not filling.fitting("_versus|by|which")
    failing = failing and len(conditions) == 1 and conditions[0] in _FAILING
    well = [one.text for one in tokens if one.kind in ("conclude", "measure") and one.text.lower() in _WELL]
    health = bool(well) != bool(filling.fitting("_not"))
    if things and not found.names and (strong or (yes_no and "state" in said)) and not compares:
        found.check, allowed = True, ("thing", "word", "conclude", "number", "measure")
    elif failing or strong or ("state" in said and not (figures or conditions or compares)) or said == {"report"}:
        allowed = ("thing", "word", "conclude", "value", *(("condition",) if failing else ()))
    else:
        filling.take(*weak)
        return False
    found.health = health
    found.left += _quantified(tokens, but="not" if yes_no and not things else "")
    found.left += well if health and not yes_no and things else []  # the checks list what is not well
    alike = len({one.value for one in found.names}) < len(found.names)
    found.left += [one.text for one in found.names[1:]] if yes_no and alike else []  # "are ios and android failing?"
    found.left += [one.text for one in tokens if one.kind not in allowed]
    return True


def _quantified(tokens: list[Token], but: str) -> list[str]:
    """Words that neither a check nor the investigation can honour: not, only, who, by, all of several."""
    several = any(one.kind in ("thing", "value") for one in tokens)
    turning = {"not", "only", "who", "others", "by"} | ({"all"} if several else set())
    return [one.text for one in tokens if one.kind == "word" and one.value in turning - {but}]


def _times(filling: Filling) -> None:
    """The measure first_… or last_…: "when was the first 503", "time of the last failure"."""
    ends, when, counted = (filling.fitting(one) for one in ("_first|last", "_when", "_condition:free|unit:free"))
    names = list(dict.fromkeys(filling.tokens[i].value for i in counted))
    beside = all(filling.span(i, "_any any? condition:free|unit:free|first|last") for i in ends)
    if ends and len(names) == 1 and (when or beside):
        filling.found.measures += [f"{filling.tokens[i].value}_{names[0]}" for i in ends]
        filling.take(*ends, *counted, *when)


def _buckets(filling: Filling) -> None:
    """The time bucket, and whether before is compared with after. "In which minute" ranks the buckets."""
    found = filling.found
    for i in filling.fitting("_bucket|sides|series"):
        one = filling.tokens[i]
        if one.kind == "sides":
            found.sides = one
        else:
            found.bucket = one.amount or found.bucket or 0.0
            found.ranked = found.ranked or one.value == "which"
        filling.take(i)


def _extreme(filling: Filling) -> bool:
    """Whether a rank without groups is a maximum or minimum: "the highest CPU", but not "the slowest requests"."""
    found, ranks = filling.found, [one.value for one in filling.tokens if one.kind == "rank" and " " not in one.value]
    kinds = [measure_of(name) for name in found.measures]
    if not ranks or len(kinds) != 1 or kinds[0].kind != "statistic" or filling.fitting("_function") or found.limit:
        return False
    found.measures = [f"{'min' if ranks[0] == 'low' else 'max'}_{kinds[0].column}"]
    found.order_by, found.ascending = "", None
    return True
