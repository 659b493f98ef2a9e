"""Grounding: every figure, name and time of a sentence must be in a row it cites, a figure together with its subject.

Its limits are in docs/model.md: it checks what a sentence names, not what it means.
"""

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tsg_agent.llm import meaning
from tsg_agent.llm.cited_rows import CitableEvidence, CitableRow, Fact
from tsg_agent.llm.figures import Item, items_of
from tsg_agent.llm.plain import ACRONYMS, COMMON, METHODS, NUMBER_WORDS, STARTERS, VAGUE_NUMBERS

_ID = r"[A-Z]{1,3}(?:\d+[a-z]{0,2})?(?:\.\d+)?"
CITATION = re.compile(rf"\[({_ID}(?:\s*[,;]\s*{_ID})*)\]")
_SENTENCE = re.compile(r"(?<=\][.!?])\s+|(?<=[.!?\]])\s+(?=[A-Z“\"`0-9])|\n+")
_FOLLOWS = re.compile(r"^\s*(?:of|in|for|on|at|with)\s+(?:the\s+)?(?:[a-z]+\s+){0,3}$")
_ACTING = re.compile(
    r"\b(roll(?:ed|ing)?[ -]?back|rollback|revert|disabl|switch off|turn off|restart|reboot|redirect|re-?rout"
    r"|scal(?:e|ing)|drain|fail(?:ing)?[ -]?over|delet|drop the|kill|shut ?down|repair|mitigat|set flag|escalat"
    r"|increase the|relieve)",
    re.IGNORECASE,
)
_ROSE = re.compile(r"\b(?:rose|risen|rising|increas\w+|grew|grown|worsen\w+|jump\w+|climb\w+|spik\w+)\b")
_FELL = re.compile(r"\b(?:fell|fallen|falling|decreas\w+|dropp?\w*|improv\w+|recover\w+|declin\w+)\b")
_FINE = re.compile(
    r"\b(?:healthy|nothing abnormal|no (?:problems?|errors?|issues?|failures?)|all (?:is )?well|normal)\b"
)
_CAUSAL = re.compile(r"\b(?:root cause|is the cause|caused by|because of|due to|responsible for|confirmed)\b")
_SWEEPING = re.compile(r"\b(?:everything|all|every|entire|whole|any)\b")
_NEGATED = re.compile(r"\b(?:not|no|never|un)\b[^.]{0,40}$")
_NOUN = re.compile(
    r"\b(?:component|dependency|flag|version|region|zone|shard|partition|endpoint|service|workflow|product|error|host"
    r"|exception|node|cluster|database|cache|named|called)s?$",
    re.IGNORECASE,
)
_NOUN_NEXT = re.compile(
    r"\s+(?:component|dependency|flag|region|zone|shard|partition|endpoint|service|workflow|host|node|cluster)\b"
)
_LACKING = re.compile(r"\b(?:no|not|none|nothing|never|cannot|neither|nor|without|lacks?|unknown)\b")
_ALONE = re.compile(
    r"\s*(?:$|[,.;:)\[]|(?:and|or|before|after|while|against|too|now|until|since|but|as|with|both|in total)\b)"
)
_MORE_STEPS = r"(?:,? and |, | to |\u2013)"
_STEP = re.compile(rf"\b[Ss]teps?\s+(?:[0-9]{{1,2}}{_MORE_STEPS}){{0,9}}$")
_STEPS = re.compile(rf"\bsteps?\s+(?P<list>[0-9]{{1,2}}(?:{_MORE_STEPS}[0-9]{{1,2}}){{0,9}})")


@dataclass(frozen=True)
class Clause:
    """A part of a sentence, and the rows it cites."""

    text: str
    rows: tuple[CitableRow, ...]
    listed: int = 0
    """Rows cited by the whole sentence, if several: it may state their number."""


def sentences_of(text: str) -> list[str]:
    """A text's sentences; a citation after the full stop belongs to the previous sentence."""
    joined = re.sub(rf"([.!?])((?:\s*{CITATION.pattern})+)", r"\2\1", text)
    return [part.strip() for part in _SENTENCE.split(joined) if part.strip()]


def cited(text: str) -> list[str]:
    """The ids that a text cites, in order."""
    return [part.strip() for match in CITATION.finditer(text) for part in re.split(r"[,;]", match[1])]


def read_rows(sentence: str, evidence: CitableEvidence) -> list[str]:
    """Summaries of the rows that a sentence cites."""
    return [evidence.rows[item].as_read()[:300] for item in dict.fromkeys(cited(sentence)) if item in evidence.rows][:4]


def check(sentence: str, evidence: CitableEvidence) -> list[str]:
    """The reasons why a sentence is not grounded, as advice to its writer; empty if it is grounded."""
    text = unicodedata.normalize("NFKC", sentence).replace("–", " – ").replace("—", " — ")  # noqa: RUF001 - dashes
    ids = cited(text)
    unknown = [item for item in ids if item not in evidence.rows]
    if unknown:
        return [f"there is no row {', '.join(dict.fromkeys(unknown))}"]
    if not ids:
        return ["it cites no row"]
    clauses = _clauses(text, evidence)
    reasons: list[str] = []
    listed = len(set(ids)) if len(set(ids)) > 1 else -1
    for number, clause in enumerate(replace(clause, listed=listed) for clause in clauses):
        reasons += _clause_reasons(clause, evidence, opens=number == 0)
    rows = [evidence.rows[item] for item in ids]
    bare = _without_methods(CITATION.sub("", text), rows).lower()
    reasons += _claim_reasons(bare, rows)
    for clause in clauses:
        reasons += meaning.reasons(_without_methods(clause.text, rows).lower(), clause.rows, evidence)
    return list(dict.fromkeys(reasons))


def _without_methods(text: str, rows: list[CitableRow]) -> str:
    """The text without HTTP methods that its rows name: there "DELETE" is no action."""
    named = {name.upper() for row in rows for name in row.every_name | set().union(*row.given.values())} & METHODS
    return re.sub(rf"\b(?:{'|'.join(named)})\b", "", text) if named else text


def _clauses(text: str, evidence: CitableEvidence) -> list[Clause]:
    """Split at citations; text after the last ones belongs to them."""
    clauses: list[Clause] = []
    begin, held = 0, ""
    ids: list[str] = []
    for match in CITATION.finditer(text):
        between = text[begin : match.start()]
        if ids and between.strip(" ,;.and"):
            clauses.append(Clause(held, tuple(evidence.rows[item] for item in ids)))
            held, ids = "", []
        held += between
        ids += [part.strip() for part in re.split(r"[,;]", match[1])]
        begin = match.end()
    held += text[begin:]
    return [*clauses, Clause(held, tuple(evidence.rows[item] for item in ids))]


def _clause_reasons(clause: Clause, evidence: CitableEvidence, *, opens: bool) -> list[str]:
    items = items_of(clause.text, _pattern(evidence))
    subjects = [item for item in items if _is_subject(item, evidence)]
    reasons: list[str] = []
    for position, item in enumerate(items):
        first = (opens and position == 0) or clause.text[: item.start].rstrip().endswith(":")
        if item.kind == "number":
            reasons += _number_reasons(item, clause, subjects)
        elif item.kind == "time":
            reasons += _time_reasons(item, clause, evidence)
        elif item.kind == "name":
            reasons += _name_reasons(item, clause, evidence)
        else:
            reasons += _word_reasons(item, clause, evidence, first=first)
    return reasons


def _pattern(evidence: CitableEvidence) -> re.Pattern[str] | None:
    """A pattern of the evidence's names without common words, the longest first; None if there are none."""
    held: re.Pattern[str] | None = evidence.__dict__.get("_pattern")
    if held is None:
        names = [name for name in evidence.vocabulary if len(name) > 1 and name not in COMMON and not name.isdecimal()]
        if not names:
            return None
        either = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
        held = re.compile(rf"(?<![\w/.\-])(?:{either})(?![\w/\-]|\.\w)", re.IGNORECASE)
        evidence.__dict__["_pattern"] = held
    return held


def _is_subject(item: Item, evidence: CitableEvidence) -> bool:
    text = item.text.lower()
    return item.kind == "name" and text in evidence.vocabulary and text not in evidence.context.values()


def _steps_of(action: str) -> set[int]:
    """The steps that an action names: "steps 2, 3 and 5 to 9" are seven."""
    found = set[int]()
    for match in _STEPS.finditer(action):
        numbers = [int(number) for number in re.findall(r"[0-9]+", match["list"])]
        for mark, low, high in zip(re.findall(_MORE_STEPS, match["list"]), numbers, numbers[1:], strict=False):
            found |= set(range(low, high + 1)) if mark in (" to ", "\u2013") else set[int]()
        found |= set(numbers)
    return found


def _number_reasons(item: Item, clause: Clause, subjects: list[Item]) -> list[str]:
    lead = clause.text[: item.start]
    if _STEP.search(lead) and not item.unit:
        named = any(int(item.text) in _steps_of(row.action) for row in clause.rows if item.text.isdigit())
        return (
            []
            if named or item.value in {row.step for row in clause.rows}
            else [f"Step {item.text} is not what {_ids(clause.rows)} is about"]
        )
    if not item.unit and any(item.text in row.codes for row in clause.rows):
        return []
    subject, certain = _subject(item, clause, subjects)
    bare = item.value == 0 and not item.unit and bool(_ALONE.match(clause.text[item.end :]))
    read = replace(item, unit="percent") if bare else item  # "its slow rate is 0"
    holding = [row for row in clause.rows if _holds(row, item, subject, certain=certain)]
    holding = holding or [row for row in clause.rows if _holds(row, read, subject, certain=certain)]
    if not holding:
        return [f"{item.text} is not in {_ids(clause.rows)}{_misread(item, clause.rows)}"]
    if len(clause.rows) > 1 and subject and not any(subject.text.lower() in row.every_name for row in holding):
        return [f"{item.text} is not in the row of {subject.text}: cite each row right behind its own clause"]
    return []


def _misread(item: Item, rows: Iterable[CitableRow]) -> str:
    """The reason why a figure does not match: its side, its unit, or its value."""
    facts = [fact for row in rows for fact in row.facts]
    said = f"as the figure {_SIDES[item.side]}"
    for fact in facts:
        if _same(replace(item, side=fact.side), fact):
            return f" {said}: the wrong side, there it is the figure {_SIDES[fact.side]}"
    for fact in facts:
        if abs(abs(fact.value) - item.value) <= item.step:
            return f" as {item.unit or 'a count'}: the wrong unit, there it is {fact.unit or 'a count'}"
    return f" {said}: no such figure" if item.side in ("before", "rest") else ": no such figure"


def _holds(row: CitableRow, item: Item, subject: Item | None, *, certain: bool) -> bool:
    """True if a row has the figure, for its own subject or for the one it is compared with."""
    previous = subject is not None and subject.text.lower() in row.previous
    for fact in row.facts:
        if fact.previous:
            fits = previous or item.side in ("before", "against")
            if fits and _same(replace(item, side=""), fact):
                return True
        elif not (previous and certain and fact.unit in ("percent", "ms")) and _same(item, fact):
            return True
    return False


def _subject(number: Item, clause: Clause, subjects: list[Item]) -> tuple[Item | None, bool]:
    """The subject of a figure: the name after "5 % of …", else the previous name, else the next one.

    And whether that is certain: by "of", or because there is no other name.
    """
    only = len({s.text.lower() for s in subjects}) == 1
    after = next((s for s in subjects if s.start >= number.end), None)
    if after and _FOLLOWS.match(clause.text[number.end : after.start].lower()):
        return after, True
    before = [s for s in subjects if s.end <= number.start]
    return (before[-1] if before else after), only


def _same(item: Item, fact: Fact) -> bool:
    value = abs(fact.value)
    if fact.unit == "any":  # from a query or printed by code: unit and side are unknown
        return abs(value - item.value) <= item.step * (1 + 1e-9) + 1e-9
    if fact.unit not in ("points", "ratio") and not _side_fits(item.side, fact.side):
        return False  # a comparison belongs to both sides
    for factor, unit in _READINGS.get(fact.unit, ((1.0, fact.unit),)):
        if item.unit == unit and abs(value * factor - item.value) <= item.step * (1 + 1e-9) + 1e-9:
            # A figure rounded to 0 or 100 % claims more than the row.
            return not (unit == "percent" and item.value in (0.0, 100.0) and value not in (0.0, 100.0))
    return False


_READINGS: dict[str, tuple[tuple[float, str], ...]] = {
    "": ((1.0, ""), (1.0, "ratio")),  # "failed 1,104 times"
    "ms": ((1.0, "ms"), (1 / 1000, "seconds"), (1 / 60_000, "minutes")),
    "minutes": ((1.0, "minutes"), (1 / 60, "hours"), (60.0, "seconds")),
    "hours": ((1.0, "hours"), (60.0, "minutes")),
    "ratio": ((1.0, "ratio"),),
}


_SIDES = {"before": "before", "after": "after", "rest": "of the rest", "against": "before or of the rest", "": "now"}


def _side_fits(said: str, held: str) -> bool:
    if said == "before":
        return held == "before"
    if said == "rest":
        return held == "rest"
    if said == "against":
        return held in ("before", "rest", "")
    return held in ("", "after")


def _time_reasons(item: Item, clause: Clause, evidence: CitableEvidence) -> list[str]:
    text = item.text.replace("T", " ").rstrip("Z")
    times = evidence.times.union(*(row.times for row in clause.rows))
    written = {form for time in times for form in _forms(f"{time:%Y-%m-%d %H:%M:%S}")}
    names = {name for row in clause.rows for name in row.every_name}
    written |= evidence.clocks.union(*(row.clocks for row in clause.rows))
    return [] if text in written or item.text.lower() in names else [f"the time {item.text} is not in the evidence"]


def _forms(moment: str) -> Iterable[str]:
    day, clock = moment.split(" ")
    return moment, moment[:-3], day, clock, clock[:-3], clock[:-3].lstrip("0")


def _name_reasons(item: Item, clause: Clause, evidence: CitableEvidence) -> list[str]:
    text = item.text.lower()
    if any(text in row.every_name or text in row.said for row in clause.rows) or _is_context(text, clause, evidence):
        return []
    if any(text in row.action for row in clause.rows if row.action) or _is_given(text, clause, evidence):
        return []
    return [f"the name {item.text!r} is not in {_ids(clause.rows)}"]


def _is_context(text: str, clause: Clause, evidence: CitableEvidence) -> bool:
    """True for the incident's own region, service or environment, unless the cited rows name another one."""
    keys = [key for key, value in evidence.context.items() if value == text]
    return any(all(text in row.names.get(key, {text}) for row in clause.rows) for key in keys)


def _is_given(text: str, clause: Clause, evidence: CitableEvidence) -> bool:
    """True for an argument of a row's check or query, and for a name in the question that the text says is missing."""
    for row in clause.rows:
        if any(text in values and text in row.names.get(key, {text}) for key, values in row.given.items()):
            return True
    return text in evidence.asked and text not in evidence.vocabulary and bool(_LACKING.search(clause.text.lower()))


def _word_reasons(item: Item, clause: Clause, evidence: CitableEvidence, *, first: bool) -> list[str]:
    text = item.text
    low = text.lower().strip("'’*_-–—=.")  # noqa: RUF001 - marks around a word
    if not low or low in ACRONYMS or any(low in row.codes for row in clause.rows):
        return []
    names: set[str] = set().union(*({*row.every_name, *row.names, *row.said} for row in clause.rows))
    if low in names or _is_context(low, clause, evidence) or _is_given(low, clause, evidence):
        return []
    if low in VAGUE_NUMBERS:
        return [f"{text!r} is no figure of a row: write figures as digits"]
    if low in NUMBER_WORDS:
        value = NUMBER_WORDS[low]
        counted = value == clause.listed or any(fact.value == value for row in clause.rows for fact in row.facts)
        return [] if counted else [f"the figure {text!r} is not in {_ids(clause.rows)}"]
    lead = clause.text[: item.start].rstrip()
    marked = lead.endswith("=") or ("-" in low and (_NOUN.search(lead) or _NOUN_NEXT.match(clause.text[item.end :])))
    if marked or _looks_like_a_name(text, first=first):
        return [f"the name {text!r} is not in {_ids(clause.rows)}"]
    return []


def _looks_like_a_name(text: str, *, first: bool) -> bool:
    if any(char.isdigit() for char in text) or re.search(r"[_/\\@#=]|\w\.\w|\w:\w|[a-z][A-Z]", text):
        return True
    if text.isupper() and len(text) > 1:
        return True
    if not text.isascii():
        return True
    return text[:1].isupper() and not (first and text.lower() in STARTERS) and text.lower() not in COMMON


def _claim_reasons(text: str, rows: list[CitableRow]) -> list[str]:
    """The reasons why a sentence's claims fail: a direction, health, a cause, an action."""
    reasons = []
    compared = [row for row in rows if row.share("before") is not None and row.share("after") is not None]
    for row in compared if len(rows) == 1 else []:
        rose = (row.share("after") or 0.0) > (row.share("before") or 0.0)
        if _said(_FELL if rose else _ROSE, text) or _denied(_ROSE if rose else _FELL, text):
            reasons.append(f"{row.id} changed the other way")
    fine = _FINE.search(text)
    if fine and not _NEGATED.search(text[: fine.start()]) and any(row.healthy is False for row in rows):
        reasons.append(f"{_ids(rows)} does not say {fine[0]!r}")
    causal = _CAUSAL.search(text)
    if causal and not _NEGATED.search(text[: causal.start()]):
        causes = [row for row in rows if row.confirmed is not None]
        if not causes:
            reasons.append(f"{causal[0]!r} needs a cause's row (C1, …)")
        elif not any(row.confirmed for row in causes):
            reasons.append(f"{_ids(causes)} is only suspected")
    acting = _ACTING.search(text)
    if acting and not any(_proposes(row, acting[1], text) for row in rows):
        reasons.append(f"{acting[1]!r} is not what an action's row (A1, …) that it cites proposes, for what it names")
    return reasons


def _said(pattern: re.Pattern[str], text: str) -> bool:
    return any(not _NEGATED.search(text[: match.start()]) for match in pattern.finditer(text))


def _denied(pattern: re.Pattern[str], text: str) -> bool:
    return any(_NEGATED.search(text[: match.start()]) for match in pattern.finditer(text))


def _proposes(row: CitableRow, verb: str, text: str) -> bool:
    """True if an action's row proposes this, for exactly the subjects that the sentence names."""
    if not row.action or _stem(verb) not in row.action.replace("-", " "):
        return False
    more = [word for word in _SWEEPING.findall(text) if word not in row.action]
    if more:
        return False
    figures = {
        number for fact in row.facts for number in (f"{fact.value:,.0f}", f"{fact.value:.0f}") if fact.value >= 10
    }
    named = any(name in text for name in row.every_name)
    return named or not row.every_name or any(re.search(rf"\b{re.escape(number)}\b", text) for number in figures)


def _stem(verb: str) -> str:
    verb = verb.lower().replace("-", " ")
    return "roll back" if verb.startswith("roll") else "set flag" if verb.startswith("revert") else verb[:5]


def _ids(rows: Iterable[CitableRow]) -> str:
    return ", ".join(dict.fromkeys(row.id for row in rows))
