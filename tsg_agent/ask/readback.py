"""A query read back against its question: each word that means something must have its effect on the query.

What fills the fields notes which words it has read. This asks the fields, and the query itself: a word that was read,
and does nothing there, would make the answer that of another question, so the question is refused.
"""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import measure_of
from tsg_agent.ask.phrases import is_failure
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import TypedQuery

if TYPE_CHECKING:
    from tsg_agent.ask.intent import AskedFields

COMPARATIVE = re.compile(r"(?:more|less|worse|better)(?: often)?|suffer more|[a-z]+(?<!numb)(?<!ov)er", re.IGNORECASE)
_BECOMING = re.compile(r"\b(?:got|get|gets|getting|gone|become|became|becoming|grew)\s+$", re.IGNORECASE)
_MOST_OF = re.compile(r"(?<!the )\bmost (?=of\b|failures|errors|requests)", re.IGNORECASE)
_AT_A_HEAD = re.compile(r"(?:^|[,;:(\u2013-])\W*(?:(?:and|but|or)\s+)?$", re.IGNORECASE)


def unsaid(filling: Filling, found: "AskedFields") -> list[str]:
    """The words of a question that its fields do not do."""
    rules = (_compared, _only, _both, _ranks, _of_each, _either, _of_whole)
    return [one.text for rule in rules for one in rule(filling, found)]


def _compared(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "more errors than /cart", "4.24.0 vs all": two values of a kind, two sides of a moment, or the groups."""
    sides = any(len(one.values) > 1 for one in found.filters) or found.decides in ("more", "fewer") or found.sides
    apart = (found.by and not found.names) or len(found.measures) != 1  # "vs ios?" of before; "compare p50 and p95"
    words = [one for one in filling.tokens if one.kind == "word" and one.value == "versus"]
    return [one for one in words if not (sides or (one.text.lower() != "than" and apart))]


def _only(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "only" limits to a name, a condition or a time; "the only one", "which fail only on …" say more than that."""
    listed = any(one.kind == "word" and one.value == "which" for one in filling.tokens) and bool(found.by)
    left = []
    for i, one in enumerate(filling.tokens):
        if one.kind != "word" or one.value != "only":
            continue
        before, after = filling.at(i - 1), filling.at(i + 1)
        of_thing = before is not None and before.kind == "thing" and after is not None and after.kind == "condition"
        unnamed = after is not None and (after.kind, after.value) == ("word", "not")
        if of_thing or unnamed or (listed and not _AT_A_HEAD.search(filling.text[: one.start])):
            left.append(one)
    return left


def _both(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "endpoints that fail on both web and ios", "… on both versions": groups of which two things hold at once."""
    apart = {one.column for one in found.filters if len(one.values) > 1}
    pairs = zip(filling.tokens, [*filling.tokens[1:], None], strict=False)
    words = [(one, after) for one, after in pairs if one.text.lower() == "both"]
    return [one for one, after in words if (apart and set(found.by) - apart) or (after and after.kind == "thing")]


def _ranks(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "fail more" than what; "got slower" since when; "do most of them", which is more than half."""
    if filling.yes_no and (most := _MOST_OF.search(filling.text)):
        return [one for one in filling.tokens if one.start == most.start()]
    if found.decides in ("more", "fewer", "rose", "fell"):
        return []
    denied = any(one.sign == "=" and not one.value for one in found.bounds)
    denied = denied or any(name.startswith("not ") for name in found.conditions)
    ranks = [one for one in filling.tokens if one.kind == "rank" and COMPARATIVE.fullmatch(one.text)]
    return [one for one in ranks if denied or found.decides == "any" or _BECOMING.search(filling.text[: one.start])]


def _of_each(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "top 3 endpoints in each zone": the first of each group, which one order over all rows does not give."""
    if found.limit is None and not found.ranked:
        return []
    pairs = list(pairwise(filling.tokens))
    heads = [one for one, two in pairs if one.kind == "rank" and two.kind in ("thing", "figure")]
    if len(heads) > 1:  # "top 3 endpoints and their top error code"
        return heads[1:2]
    things = [(one, two) for one, two in pairs if two.kind == "thing"]
    several = {two.value for _, two in things if found.limit is None and two.plural}
    ranked = {two.value for one, two in things if one.kind in ("rank", "figure")} - several
    each = [(one, two) for one, two in things if one.kind == "word" and one.value == "by"]
    return [one for one, two in each if ranked and two.value not in ranked]


def _either(filling: Filling, found: "AskedFields") -> list[Token]:
    """What would have to hold of one user, one request or one flag at once, and no query can say.

    "users without errors", "slow or failed", "on android or on 3.15.0", "on /cart but not on /search",
    "new_pricing on and fast_search off".
    """
    tokens, kinds = filling.tokens, ("condition", "unit")
    either = _between(tokens, lambda one, two: one.kind in kinds and two.kind == "condition")
    named = [one for one in tokens if one.kind == "value" or one.text.lower() == "or"]
    either += _between(named, lambda one, two: one.kind == two.kind == "value" and one.value != two.value)
    kept = {one.column: len(one.values) for one in found.filters if not one.without}
    vacuous = {one.values[0] for one in found.filters if one.without and one.values and one.column in kept}
    negated = {name.removeprefix("not ") for name in found.conditions if name.startswith("not ")}
    distinct = any(measure_of(name).kind == "distinct" for name in found.measures)
    for one in tokens:
        flag = one.kind == "value" and one.value == "flag_value" and kept.get("flag_name", 0) > 1
        user = one.kind == "condition" and one.value in negated and distinct
        either += [one] if flag or user or (one.kind == "value" and one.text in vacuous) else []
    return either


def _of_whole(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "what share of 3.15.0's failures is on web": of a name's own, and shares are of all, or of what is named."""
    names = [i for i, one in enumerate(filling.tokens) if one.kind == "value"]
    owned = any(one.kind in ("condition", "unit") for i in names for one in filling.tokens[i + 1 : i + 2])
    of_all = any(measure_of(name).kind == "of_all" for name in found.measures)
    several = len({filling.tokens[i].value for i in names}) > 1
    rates = [one for one in filling.tokens if (one.kind, one.value) == ("form", "rate")]
    return rates if owned and of_all and several else []


def _between(tokens: Sequence[Token], apart: Callable[[Token, Token], bool]) -> list[Token]:
    """Each "or" between two tokens that are so."""
    three = zip(tokens, tokens[1:], tokens[2:], strict=False)
    return [two for one, two, last in three if two.text.lower() == "or" and apart(one, last)]


def unexpressed(reading: TokenizedQuestion, asked: "AskedFields", query: TypedQuery) -> list[str]:
    """The words of a question that stand for nothing in its query."""
    return [one.text for one in reading.tokens if not _expressed(one, asked, query)]


def _expressed(one: Token, asked: "AskedFields", query: TypedQuery) -> bool:
    """Whether a token's own field of the query holds it."""
    measures = [measure_of(name) for name in query.all_measures]
    conditions = {one.condition for one in measures} | {name.removeprefix("not ") for name in query.conditions}
    conditions |= set(query.all_measures)
    bounds = {bound.value for bound in query.bounds}
    timed = {name.split("_")[2] for name in conditions if "er_than_" in name}
    runs = {"failed_runs", "completion_rate", "failed_run_rate"} & conditions
    extreme = any(measure.function in ("max", "min") for measure in measures)  # "the highest CPU" of all
    held = {value for filter_ in query.filters for value in filter_.values}
    zero = any(bound.sign in ("=", "<") for bound in query.bounds)
    denied = zero or any(filter_.without for filter_ in query.filters)
    certain = (one.value, one.amount) in ((">=", 1.0), (">", 0.0))  # "users with at least one failure"
    narrower = one.value == "failures" and (runs or any(map(is_failure, conditions)))  # "503 errors"
    expressed = {
        "value": one.text in held or one.text == asked.about or one.value == "region",
        "figure": one.amount == query.limit or one.amount in bounds,
        "bound": certain or f"{one.amount:.0f}" in timed or one.amount in bounds,
        "function": any(measure.function == one.value for measure in measures),
        "number": any(measure.column == one.value for measure in measures) or bool(timed),
        "condition": bool(narrower) or one.value in conditions,
        "bucket": bool(query.bucket_seconds),
        "sides": query.split_at is not None,
        "word": one.value != "not" or denied or any(name.startswith("not ") for name in query.conditions),
        "rank": one.value not in ("high", "low") or bool(asked.decides) or extreme
        or query.is_ascending == (one.value == "low"),
    }  # fmt: skip
    return expressed.get(one.kind, True)
