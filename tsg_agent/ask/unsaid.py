"""Words that pass only where the query does what they say: "only", "more", "than", "both", "the same", "per zone".

A word that is read and has no effect would make the answer that of another question. Each of these names the effect
that it must have; without it, it is left over, and the question is refused.
"""

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from tsg_agent.ask.filling import Filling
from tsg_agent.ask.measures import measure_of
from tsg_agent.ask.tokens import Token

if TYPE_CHECKING:
    from tsg_agent.ask.intent import AskedFields

COMPARATIVE = re.compile(r"(?:more|less|worse|better)(?: often)?|suffer more|[a-z]+(?<!numb)(?<!ov)er", re.IGNORECASE)
_BECOMING = re.compile(r"\b(?:got|get|gets|getting|gone|become|became|becoming|grew)\s+$", re.IGNORECASE)
_OF_THE_LAST = ("same", "instead", "again")
_AT_A_HEAD = re.compile(r"(?:^|[,;:(\u2013-])\W*(?:(?:and|but|or)\s+)?$", re.IGNORECASE)


def unsaid(filling: Filling, found: "AskedFields", *, follows: bool) -> list[str]:
    """The words of a question that its query does not do. `follows`: a question before it may lend it its fields."""
    rules = (_compared, _only, _both, _ranks, _of_each, _either, *(() if follows else (_referring,)))
    return [one.text for rule in rules for one in rule(filling, found)]


def _several(found: "AskedFields") -> bool:
    """Whether two of a kind are told apart: values, sides of a moment, or the groups of a follow-up."""
    return any(len(one.values) > 1 for one in found.filters) or found.decides in ("more", "fewer") or bool(found.sides)


def _compared(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "more errors than /cart", "slower than average", "4.24.0 vs all": two of a kind, or the groups themselves."""
    grouped = bool(found.by) and not found.names
    words = [one for one in filling.tokens if one.kind == "word" and one.value == "versus"]
    alone = len(found.measures) != 1  # "vs ios?", of the question before; "compare p50 and p95"
    return [one for one in words if not (_several(found) or (one.text.lower() != "than" and (grouped or alone)))]


def _only(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "only" limits to a name, a condition or a time; "the only one", "which fail only on …" say more than that."""
    listed = any(one.kind == "word" and one.value == "which" for one in filling.tokens) and bool(found.by)
    left = []
    for i, one in enumerate(filling.tokens):
        if one.kind != "word" or one.value != "only":
            continue
        before, after = filling.at(i - 1), filling.at(i + 1)
        at_head = bool(_AT_A_HEAD.search(filling.text[: one.start]))
        of_thing = before is not None and before.kind == "thing" and after is not None and after.kind == "condition"
        unnamed = after is not None and (after.kind, after.value) == ("word", "not")
        if of_thing or unnamed or (listed and not at_head):
            left.append(one)
    return left


def _both(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "both web and ios"; not "on both versions", which are none by name, nor "endpoints that fail on both"."""
    tokens = filling.tokens
    several = {one.column for one in found.filters if len(one.values) > 1}
    if several and set(found.by) - several:
        return [one for one in tokens if one.text.lower() == "both"]
    return [
        one
        for i, one in enumerate(tokens)
        if one.text.lower() == "both"
        and not any((t.kind, t.value) == ("word", "and") for t in tokens[i + 2 : i + 6])
        and not (i > 2 and tokens[i - 1].kind == "value" and tokens[i - 2].value == "and")
    ]


def _ranks(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "fail more" than what; "got slower" since when; and of "slowest and fails most" the second."""
    ranks = [one for one in filling.tokens if one.kind == "rank"]
    denied = any(bound.sign == "=" and not bound.value for bound in found.bounds) or any(
        name.startswith("not ") for name in found.conditions
    )
    left = []
    for one in ranks:
        if not COMPARATIVE.fullmatch(one.text):
            continue
        changed = bool(_BECOMING.search(filling.text[: one.start]))
        decided = found.decides in ("more", "fewer", "rose", "fell")
        unsaid_of = filling.yes_no and found.decides == "any"
        if (changed or denied or unsaid_of) and not decided:
            left.append(one)
    return left


def _of_each(filling: Filling, found: "AskedFields") -> list[Token]:
    """ "top 3 endpoints in each zone": the first of each group, which one order over all rows does not give."""
    if found.limit is None and not found.ranked:
        return []
    tokens = filling.tokens
    heads = [(one, two) for one, two in pairwise(tokens) if one.kind == "rank" and two.kind in ("thing", "figure")]
    if len(heads) > 1:  # "top 3 endpoints and their top error code"
        return [heads[1][0]]
    ranked = {
        two.value
        for one, two in pairwise(tokens)
        if one.kind in ("rank", "figure") and two.kind == "thing" and not (found.limit is None and two.plural)
    }
    return [
        one
        for one, two in pairwise(tokens)
        if one.kind == "word" and one.value == "by" and two.kind == "thing" and ranked and two.value not in ranked
    ]


def _either(filling: Filling, found: "AskedFields") -> list[Token]:
    """What would have to hold of one user, one request or one flag at once, and no query can say.

    "users without errors", "slow or failed", "on android or on 3.15.0", "on /cart but not on /search",
    "new_pricing on and fast_search off".
    """
    tokens = filling.tokens
    either = [
        two
        for one, two, three in zip(tokens, tokens[1:], tokens[2:], strict=False)
        if two.text.lower() == "or" and one.kind in ("condition", "unit") and three.kind == "condition"
    ]
    named = [one for one in tokens if one.kind == "value" or one.text.lower() == "or"]
    names = [
        two
        for one, two, three in zip(named, named[1:], named[2:], strict=False)
        if two.text.lower() == "or" and one.kind == three.kind == "value" and one.value != three.value
    ]
    kept = {one.column for one in found.filters if not one.without}
    vacuous = [one.values[0] for one in found.filters if one.without and one.values and one.column in kept]
    names += [one for one in tokens if one.kind == "value" and one.text in vacuous]
    held = {one.column: len(one.values) for one in found.filters}
    flags = [one for one in tokens if one.kind == "value" and one.value == "flag_value"]
    distinct = any(measure_of(name).kind == "distinct" for name in found.measures)
    negated = {one.removeprefix("not ") for one in found.conditions if one.startswith("not ")} if distinct else set()
    conditions = [one for one in tokens if one.kind == "condition" and one.value in negated]
    return [*either, *names, *(flags if held.get("flag_name", 0) > 1 else []), *conditions]


def _referring(filling: Filling, _found: "AskedFields") -> list[Token]:
    """ "the same", "instead", "again": of a question before, and there is none."""
    return [one for one in filling.tokens if one.kind == "word" and one.text.lower() in _OF_THE_LAST]
