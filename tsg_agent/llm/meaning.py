"""Checks a sentence's claims beside figures and names against the rows that it cites.

Claims are: what is counted, negation, direction, superlatives and ordinals, and actions. They are compared with a row's
words for a reader; a sentence about an action may only say what the action's row says.
"""

import re
from collections.abc import Sequence

from tsg_agent.llm.cited_rows import CitableEvidence, CitableRow
from tsg_agent.llm.plain import STARTERS

_COUNTED = {
    "requests": ("requests", "occurrences"), "calls": ("calls", "requests", "occurrences"), "users": ("users",),
    "customers": ("users",), "sessions": ("sessions",), "runs": ("runs",),
}  # fmt: skip
_OF_FIGURE = re.compile(
    rf"[0-9][0-9,.]*(?: ?%| \([0-9.]+ ?%\))?(?: 5xx)?(?: (?:of|in)(?: (?:its|the|all|[0-9][0-9,]*))?)?"
    rf"(?: [\w.:/-]*[_.:/][\w.:/-]*)?(?: (?:distinct|failed|affected|more))? (?P<noun>{'|'.join(_COUNTED)})\b"
)
_NOT = r"(?:not|n't|cannot|never|no|nothing|none|neither|nor|without)"
_NEGATED = re.compile(rf"\b{_NOT}\b(?P<next>(?:[ -]+[\w-]+){{1,3}})")
_UN = re.compile(r"\bun(?=(?:known|available|resolved|affected)\b)")
_WORD = re.compile(r"[a-z][a-z-]{3,}")
_NEGATED_FIGURE = re.compile(r"\b(?:is|was|are|were|has|had) not (?:only )?(?:[0-9]|\S*(?:[_/]|::|-[a-z]+\.)\S)")
_IDENTIFIER = re.compile(r"\S*\w[_.:]+\w\S*")
_LACK = re.compile(r"\b(?:not checked|not_applicable|insufficient_data|not possible)\b")
_LACKING = {"checked", "judged", "possible", "compared", "applicable"}
"""Predicates that are false for a check that could not run, whatever its row's words."""
_PREDICATES = re.compile(
    r"\b(?:completed?|checked|judged|compared|confirmed|dismissed|suspected|known|possible|worse|better|beg[aiu]n|available"
    r"|applicable|breached|recovered|resolved|missing)\b"
)
"""Predicates that a report affirms or negates."""
_OPPOSITES = (
    ("worse", "better"), ("higher", "lower"), ("above", "below"), ("over", "under"), ("more", "less"), ("rose", "fell"),
    ("first", "last"), ("most", "least"), ("breached", "met"), ("highest", "lowest"), ("minimum", "maximum"),
)  # fmt: skip
_UNDER = re.compile(r"\b(?:under|below|breach\w*|misses|missed|short of)\b[^.;]*\b(?:threshold|sla|target)\b")
_OVER = re.compile(r"\b(?:over|above|within|meets|met|keeps|kept)\b[^.;]*\b(?:threshold|sla|target)\b")
_FIGURE = re.compile(r"(?<![\w.:])[0-9][0-9,]*(?:\.[0-9]+)?")
_NEAR = 0.06
_EXTREME = re.compile(r"\b(?P<way>highest|most|largest|worst|lowest|least|fewest|smallest)\b")
_ORDINAL = re.compile(r"\b(?P<which>first|last) (?P<what>minute|hour|day|bucket|interval|period|stretch|cause|one)\b")
_TURNING = re.compile(
    r"\b(?:never|no longer|no more|by no means|not at all|hardly|barely|scarcely|rarely|seldom|nowhere|nobody"
    r"|far from|anything but|few|fewer|mostly|mainly|partially|almost|nearly|always|instead of|rather than|second|third"
    r"|(?<=[\w%)] )until|twice|half|double[ds]?|halve[ds]?|tripled?|declin\w+|fake|false|untrue|wrongly)\b"
)
"""Negations and quantifiers, a closed class: a sentence may use one only if its row does."""
_NUMBERED = re.compile(r"(?P<of>C|[A-Z][0-9a-z]*\.)(?P<n>[0-9]+)")
_DENIED_DEGREE = re.compile(
    r"\b(?:is|are|was|were) not (?P<what>only|small|large|big|high|low|bad|good|great|many|few|severe|serious"
    r"|significant|slow|fast|wide|likely|clear|certain|even|close|far)\b"
)
_EMPHATIC = re.compile(r"(?<!so )(?<!as )\b(?:did|does) (?!not\b|so\b)[a-z]{3,}\b")
_COULD_NOT = re.compile(r"\b(?:could not|cannot|not) (?:be )?(?P<what>[a-z]{3,})")
_COULD = re.compile(r"\b(?:could|can) (?:be )?(?!not\b)(?P<what>[a-z]{3,})")
_CITED = re.compile(r"\[([A-Z][A-Za-z0-9.]*)\]")
_DOING = {
    "last", "repair", "mitigate", "drain", "redirect", "disable", "revert", "scale", "start", "stop", "bypass", "open",
}  # fmt: skip
_SAID_OF_ACTIONS = (STARTERS - _DOING) | {
    "guide", "guide's", "rules", "report", "proposes", "propose", "proposal", "suggests", "recommended", "recommends",
    "action", "actions", "urgent", "urgently", "immediately", "must", "should", "would", "need", "needs", "needed",
    "works", "done", "could", "says",
}  # fmt: skip
"""Words that do not change the meaning of an action."""


def reasons(text: str, rows: Sequence[CitableRow], evidence: CitableEvidence) -> list[str]:
    """The reasons why a sentence contradicts its rows. `text`: without citations, in lower case."""
    acting = [row for row in rows if row.action]
    if acting:
        return _of_actions(text, acting, rows)
    words = " ".join(row.words for row in rows).lower()
    told = " ".join([words, *(word for row in rows for word in sorted({*row.said, *row.names}))])
    return [
        *_of_turning(text, told),
        *_of_counts(text, told),
        *_of_negations(text, words, told),
        *_of_ways(text, told, rows),
        *_of_extremes(text, rows, evidence),
        *_of_ordinals(text, rows, evidence),
    ]


def _of_actions(text: str, acting: Sequence[CitableRow], rows: Sequence[CitableRow]) -> list[str]:
    """An action must use its row's words, with its names in their order, and be negated only if the row is."""
    said = " ".join(row.action or row.words.lower() for row in rows)
    known = {_stem(word) for word in _WORD.findall(said)} | {_stem(word) for word in _SAID_OF_ACTIONS}
    new = [word for word in _WORD.findall(text) if _stem(word) not in known and word not in said]
    found = [f"{new[0]!r} is not in the action: say it in the row's own words"] if new else []
    if len(re.findall(r"\b(?:not|never|n't)\b", text)) > len(re.findall(r"\bnot\b", said)):
        found.append("the action is turned around by a negation")
    found += [*_of_turning(text, said), *_of_counts(text, said), *_of_negations(text, said, said)]
    own = {item for row in acting for item in _CITED.findall(row.words)}
    others = [row.id for row in rows if not row.action and row.id not in own]
    found += [f"{item} is not what the action rests on" for item in others if _family(item) in map(_family, own)]
    for row in acting:
        names = sorted((name for name in row.every_name if name in row.action and name in text), key=row.action.index)
        if names != sorted(names, key=text.index):
            found.append("the names of the action stand in another order")
    return found


def _of_turning(text: str, told: str) -> list[str]:
    words = dict.fromkeys(match[0] for match in _TURNING.finditer(text))
    return [f"{word!r} is in no row that it cites" for word in words if not re.search(rf"\b{word}\b", told)]


def _of_counts(text: str, told: str) -> list[str]:
    nouns = {match["noun"] for match in _OF_FIGURE.finditer(text)}
    held = {one for ones in _COUNTED.values() for one in ones if one in told} or {"requests"}
    return [f"the rows do not count {noun}" for noun in sorted(nouns) if not held & set(_COUNTED[noun])]


def _of_negations(text: str, words: str, told: str) -> list[str]:
    found = ["a figure or a name is denied"] if _NEGATED_FIGURE.search(text) else []
    found += [
        f"no row says {match[0]!r}" for match in _DENIED_DEGREE.finditer(text) if match["what"] not in told.split()
    ]
    found += [f"{match[0]!r} claims more than a row says" for match in _EMPHATIC.finditer(text)]
    could_not = {_stem(match["what"]) for match in _COULD_NOT.finditer(words)}
    could = {_stem(match["what"]) for match in _COULD.finditer(text)}
    found += [f"{word!r} is denied in the rows" for word in sorted(could & could_not)]
    found += ["it is denied twice"] if re.search(rf"\b{_NOT}\b[^,;:.]*\b(?:is|was|are|were) not\b", text) else []
    (affirmed, denied), (stated, held) = _polarity(text), _polarity(words)
    if _LACK.search(told):
        stated, held = (stated - _LACKING) | {"missing"}, held | _LACKING
    wrong = [word for word in denied if word in stated and word not in held]
    wrong += [word for word in affirmed if word in held and word not in stated]
    found += [f"{word!r} is so in the rows, and denied here, or the other way round" for word in sorted(wrong)[:1]]
    return found


def _polarity(text: str) -> tuple[set[str], set[str]]:
    """The predicates that a text affirms, and those that it denies."""
    affirmed, denied = set[str](), set[str]()
    text = _UN.sub("not ", _IDENTIFIER.sub("…", text))
    spans = [match.span("next") for match in _NEGATED.finditer(text)]
    for match in _PREDICATES.finditer(text):
        inside = any(low <= match.start() < high for low, high in spans)
        (denied if inside else affirmed).add(match[0])
    return affirmed, denied


def _of_ways(text: str, told: str, rows: Sequence[CitableRow]) -> list[str]:
    """Reversed directions: over for under, better for worse."""
    found = []
    breached = {"breached" in row.words for row in rows if row.id == "SLA" and row.words}
    if breached == {True} and _OVER.search(text) and not re.search(r"\b(?:not|no longer)\b", text):
        found.append("the SLA's threshold is breached")
    under = _UNDER.search(text)
    if breached == {False} and under and not re.search(rf"\b{_NOT}\b[^,;:.]*$", text[: under.start()]):
        found.append("the SLA's threshold is met")
    found += [
        f"the rows say nothing of {word!r}"
        for word in ("worse", "better", "threshold")
        if word in text and word not in told
    ]
    for pair in _OPPOSITES:
        for said, other in (pair, pair[::-1]):
            if (
                re.search(rf"\b{said}\b", text)
                and not re.search(rf"\b{said}\b", told)
                and re.search(rf"\b{other}\b", told)
            ):
                found.append(f"{said!r} is the opposite of what the rows say")
    return found


def _of_extremes(text: str, rows: Sequence[CitableRow], evidence: CitableEvidence) -> list[str]:
    """ "The highest": the figure after the word must be the largest of its column, in the rows of one query."""
    found = []
    for match in _EXTREME.finditer(text):
        high = match["way"] in ("highest", "most", "largest", "worst")
        behind = re.split(r", and |;|\bwhile\b", text[match.end() :])[0]
        figures = [float(one.replace(",", "")) for one in _FIGURE.findall(behind)]
        figures = figures if match["way"] in ("most", "least") else figures[:1]
        for row in rows:
            stem, _, number = row.id.partition(".")
            others = [one for name, one in evidence.rows.items() if name.startswith(f"{stem}.") and one is not row]
            places = {i for i, fact in enumerate(row.facts) for one in figures if abs(fact.value - one) < _NEAR}
            if not (number and row.id[0] in "QE" and others and places):
                continue
            if not any(_is_extreme(row, others, place, high=high) for place in places):
                found.append(f"{row.id} is not the {match['way']} of its query")
    return found


def _of_ordinals(text: str, rows: Sequence[CitableRow], evidence: CitableEvidence) -> list[str]:
    """ "The last hour", "the first cause": must be the last time bucket of a query, the first of the causes."""
    found = []
    for match in _ORDINAL.finditer(text):
        for row in rows:
            number = _NUMBERED.fullmatch(row.id)
            fits = number and (number["of"] == "C" if match["what"] == "cause" else "." in row.id and row.times)
            if not (number and fits):
                continue
            last = sum(1 for one in evidence.rows if re.fullmatch(rf"{re.escape(number['of'])}[0-9]+", one))
            if int(number["n"]) != (1 if match["which"] == "first" else max(last, 2)):
                found.append(f"{row.id} is not the {match['which']} {match['what']}")
    return found


def _family(item: str) -> str:
    return item.partition(".")[0]


def _is_extreme(row: CitableRow, others: Sequence[CitableRow], place: int, *, high: bool) -> bool:
    values = [one.facts[place].value for one in others if place < len(one.facts)]
    mine = row.facts[place].value
    return all(mine >= value if high else mine <= value for value in values)


def _stem(word: str) -> str:
    for ending in ("ing", "ed", "es", "s", "e"):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word[: -len(ending)]
    return word
