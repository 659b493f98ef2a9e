"""Reads a query back against its question: every word that means something must have its effect on the query.

Filling marks the words that it has used. This checks the result instead: a word without effect on the fields or the
query would make the answer one to another question, so the question is refused.
"""

import re

from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import measure_of
from tsg_agent.ask.phrases import is_failure
from tsg_agent.ask.slots import AskedFields
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import TypedQuery

COMPARATIVE = re.compile(r"(?:more|less|worse|better)(?: often)?|suffer more|[a-z]+(?<!numb)(?<!ov)er", re.IGNORECASE)
_EVERY = ("each", "every")
_BECOMING = re.compile(r"\b(?:got|get|gets|getting|gone|become|became|becoming|grew)\s+$", re.IGNORECASE)
_MOST_OF = re.compile(r"(?<!the )\bmost (?=of\b|failures|errors|requests)", re.IGNORECASE)


def unsaid(filling: Filling) -> list[str]:
    """The words that the fields do not honour: those that a pattern fits whose condition holds."""
    found, tokens = filling.found, filling.tokens
    wide = [one.column for one in found.filters if len(one.values) > 1]
    kept = {one.column: len(one.values) for one in found.filters if not one.without}
    sides = any(len(one.values) > 1 for one in found.filters) or found.decides == "one" or found.sides or found.baseline
    apart = (found.by and not found.names) or len(found.measures) != 1  # "vs ios?" of before; "compare p50 and p95"
    denied = any(one.sign == "=" and not one.value for one in found.bounds)
    denied = denied or any(name.startswith("not ") for name in found.conditions)
    negated = ",".join(name.removeprefix("not ") for name in found.conditions if name.startswith("not "))
    kinds = {measure_of(name).kind for name in found.measures}
    several = len({one.value for one in found.names}) > 1
    owned = filling.fitting("value _condition|unit")
    rules = (
        # two values of a kind, two sides of a moment, or the groups: "more errors than /cart", "4.24.0 vs all"
        ("_versus'than'", not sides),
        ("_versus", not (sides or apart)),
        ("_versus'than' any:measures", len(set(found.measures)) > 1 and found.baseline not in found.measures),
        # "the only one", "which fail only on …" say more than what "only" limits to
        ("thing _only condition", True),
        ("_only not", True),
        ("(~and|but | (^ | ~and',') and'and'|and'or'|but) _only", bool(found.by) and filling.fitting("_which")),
        # groups of which two things hold at once: "endpoints that fail on both web and ios", "… on both versions"
        ("_'both' thing", True),
        ("_'both'", "distinct" in kinds),  # "users with failures on both web and ios"
        # of how many requests one has, and not of their latency: "median requests per user"
        ("_function.p# unit", True),
        ("_'both'", bool(wide and set(found.by) - set(wide))),
        # the first of each group, which one order over all rows does not give: "top 3 endpoints and their top code"
        ("rank thing|figure any* _rank thing|figure", found.limit is not None or found.ranked),
        # what would have to hold of one request, one flag or one user at once: "slow or failed", "new_pricing on and
        # fast_search off", "users without errors"
        ("condition|unit _'or' condition", True),
        ("_value.flag_value", kept.get("flag_name", 0) > 1),
        (f"_condition.{negated}", negated and "distinct" in kinds),
        # a share of a name's own, and shares are of all, or of what is named: "share of 3.15.0's failures on web"
        ("_form.rate", owned and "of_all" in kinds and several),
    )
    left = [tokens[i] for pattern, holds in rules if holds for i in filling.fitting(pattern)]
    # any group decides yes or no, and not all of them: "does every version have timeouts?"
    left += [one for one in tokens if found.yes_no and one.value == "by" and one.text.lower().endswith(_EVERY)]
    left += [*_ranks(filling, denied=denied), *_of_each(filling), *_either(filling)]
    return [one.text for one in left]


def _ranks(filling: Filling, *, denied: bool) -> list[Token]:
    """Comparatives without what they compare with ("fail more", "got slower"), and "most of" (over half)."""
    found = filling.found
    if filling.found.yes_no and (most := _MOST_OF.search(filling.text)):
        return [one for one in filling.tokens if one.start == most.start()]
    if found.decides in ("one", "sides", "pair") or found.baseline:
        return []
    ranks = [one for one in filling.tokens if one.kind == "rank" and COMPARATIVE.fullmatch(one.text)]
    return [one for one in ranks if denied or found.decides == "any" or _BECOMING.search(filling.text[: one.start])]


def _of_each(filling: Filling) -> list[Token]:
    """ "top 3 endpoints in each zone": a ranking within groups; a query ranks all rows together."""
    found, tokens = filling.found, filling.tokens
    things = [tokens[i] for i in filling.fitting("any _thing")]
    several = {one.value for one in things if found.limit is None and one.plural}
    ranked = {tokens[i].value for i in filling.fitting("rank|figure _thing")} - several
    each = [i for i in filling.fitting("by _thing") if ranked and tokens[i].value not in ranked]
    return [tokens[i - 1] for i in each if found.limit is not None or found.ranked]


def _either(filling: Filling) -> list[Token]:
    """ "on android or on 3.15.0": filters are joined by AND; "on /cart but not on /search": the second says nothing."""
    named = [one for one in filling.tokens if one.kind == "value" or one.text.lower() == "or"]
    three = [
        (one, two, last) for one, two, last in zip(named, named[1:], named[2:], strict=False) if two.kind != "value"
    ]
    either = [two for one, two, last in three if one.kind == last.kind == "value" and one.value != last.value]
    kept = {one.column for one in filling.found.filters if not one.without}
    vacuous = {one.values[0] for one in filling.found.filters if one.without and one.values and one.column in kept}
    return either + [one for one in named if one.kind == "value" and one.text in vacuous]


def unexpressed(reading: TokenizedQuestion, asked: AskedFields, query: TypedQuery) -> list[str]:
    """The words of a question that have no effect on its query."""
    return [one.text for one in reading.tokens if not _expressed(one, asked, query)]


def _expressed(one: Token, asked: AskedFields, query: TypedQuery) -> bool:
    """Whether the field of the query that belongs to a token's kind holds the token's value."""
    measures = [measure_of(name) for name in query.all_measures]
    conditions = {one.condition for one in measures} | {name.removeprefix("not ") for name in query.conditions}
    conditions |= set(query.all_measures)
    bounds = {bound.value for bound in query.bounds}
    timed = {name.split("_")[2] for name in conditions if "er_than_" in name}
    runs = {"failed_runs", "completion_rate", "failed_run_rate"} & conditions
    extreme = any(measure.function in ("max", "min") for measure in measures)  # "the highest CPU" of all
    held = {value for filter_ in query.filters for value in filter_.values}
    zero = any(bound.sign in ("=", "<") for bound in query.bounds) or "_without_" in "".join(query.measures)
    denied = zero or any(filter_.without for filter_ in query.filters)
    narrower = one.value == "failures" and (runs or any(map(is_failure, conditions)))  # "503 errors"
    expressed = {
        "value": one.text in held or one.text in (asked.about, query.baseline) or one.value == "region",
        "figure": one.amount == query.limit or one.amount in bounds,
        "bound": f"{one.amount:.0f}" in timed or one.amount in bounds,
        "function": any(measure.function == one.value for measure in measures),
        "number": any(measure.column == one.value for measure in measures) or bool(timed),
        "condition": bool(narrower) or one.value in conditions,
        "bucket": bool(query.bucket_seconds) or any(measure.kind == "per" for measure in measures),
        "sides": query.split_at is not None,
        "times": bool(query.baseline),
        "word": one.value != "not" or denied or any(name.startswith("not ") for name in query.conditions),
        "rank": one.value not in ("high", "low") or bool(asked.decides) or extreme
        or query.is_ascending == (one.value == "low"),
    }  # fmt: skip
    return expressed.get(one.kind, True)
