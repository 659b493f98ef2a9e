"""Extracts a sentence's statements: figures with their units and sides, times, names."""

import re
from dataclasses import dataclass, replace
from typing import Literal

_UNIT_WORDS = {
    "%": "percent", "percent": "percent", "per cent": "percent",
    "percentage points": "points", "percentage point": "points", "points": "points", "point": "points", "pp": "points",
    "ms": "ms", "milliseconds": "ms", "millisecond": "ms",
    "s": "seconds", "sec": "seconds", "second": "seconds", "seconds": "seconds",
    "min": "minutes", "minute": "minutes", "minutes": "minutes", "h": "hours", "hour": "hours", "hours": "hours",
    "times": "ratio", "x": "ratio", "\u00d7": "ratio", "fold": "ratio", "-fold": "ratio",
    "k": "thousand", "thousand": "thousand", "m": "million", "million": "million", "bn": "billion",
    "billion": "billion",
}  # fmt: skip
_SCALES = {"thousand": 1e3, "million": 1e6, "billion": 1e9}
_UNIT = "|".join(sorted((re.escape(word) for word in _UNIT_WORDS), key=len, reverse=True))
_QUOTED = r"[`“\"](?P<quoted>[^`”\"]{1,200})[`”\"]"
_TIME = r"(?P<time>\d{4}-\d{2}-\d{2}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?Z?)?|(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?!\d|:\d))"
_CLOCK = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ]\d{1,2}:\d{2}(?::\d{2})?)?|(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?!\d|:\d)")
_NUMBER = (
    r"(?<![\w.\-/=:])[$€£~≈<>+\u2212-]?(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?)"
    rf"(?:(?:[  ]|(?=\S))(?P<unit>{_UNIT})(?!\w))?(?![\w/]|[.:=\-]\w)"
)
_WORD = r"(?P<word>[^\s,;()\[\]{}“”\"`]+)"
_ITEM = re.compile(f"{_QUOTED}|{_TIME}|{_NUMBER}|{_WORD}", re.IGNORECASE)
_ABOUT = re.compile(r"\b(?:about|around|roughly|nearly|almost|approximately|some|over|more than|under|less than)\s+$")
_BEFORE = "before|earlier|previous|previously|beforehand|baseline|until then|predecessor(?:'s)?"
_BEFORE_WORDS = re.compile(rf"\b(?:{_BEFORE})\b")
_LED_BEFORE = re.compile(rf"\b(?:{_BEFORE})\b[^.]{{0,60}}$")
_OPENED_BEFORE = re.compile(
    r"(?:^|[,;(]|\b(?:and|but|while)\b)\s*(?:before|until|earlier|previously)\b[^,;()]*,[^,;()]*$"
)
"""Before the start, 0.3 % …"""
_REST_WORDS = re.compile(r"\b(?:rest|others?|elsewhere|remaining|without)\b")
_AGAINST = re.compile(
    r"\b(?:from|against|than|versus|vs\.?|compared (?:with|to))\s+(?:only |just |about |over |under )?$"
)
_OF_REST = re.compile(r"\s*(?:%\s*)?(?:\w+ ){0,3}(?:for|of|in) the (?:rest\b|other)")
_TURN = re.compile(r"\b(?:to|against|than|and|but|while|whereas)\b")
_JOINED = re.compile(r"^\s*(?:[\w/]+\s+){0,3}(?:of|in|out of|among)\s+(?:(?:the|its|all|those)\s+)*$")
"""The text between two figures of one side, as in "8 5xx of 11,596"."""
_AGAINST_ANY = re.compile(r"\b(?:against|versus|vs)\b")
_RIGHT_BEHIND = re.compile(r"\s*(before|after)\b(?! (?:against|it)\b)")
_BREAK = re.compile(r"[,;()]|:(?![0-9]{2})")  # not within 14:00


@dataclass(frozen=True)
class Item:
    """One statement, at its position in the sentence."""

    kind: Literal["number", "time", "name", "word"]
    text: str
    start: int
    end: int
    value: float = 0.0
    unit: str = ""
    step: float = 0.0
    """Rounding tolerance: half of the last digit's place value."""
    side: str = ""
    """before, rest, against (either of the two), or empty: the subject itself, now."""


def items_of(text: str, names: re.Pattern[str] | None) -> list[Item]:
    """All statements of a clause, in order. `names`: matches the evidence's names."""
    held = [Item("name", match[0], match.start(), match.end()) for match in names.finditer(text)] if names else []
    taken = [(item.start, item.end) for item in held]
    masked = list(text)
    for begin, end in taken:
        masked[begin:end] = " " * (end - begin)
    rest = "".join(masked)
    found = held + [_item(match, rest) for match in _ITEM.finditer(rest)]
    stated = sorted((item for item in found if item.text), key=lambda item: item.start)
    return _sided(stated, text.lower())


def _item(match: re.Match[str], text: str) -> Item:
    start, end = match.span()
    if match["quoted"] is not None:
        return Item("name", match["quoted"].strip(), start, end)
    if match["time"] is not None:
        return Item("time", match["time"], start, end)
    if match["number"] is not None:
        return _number(match, text)
    return Item("word", match["word"].rstrip(".:!?…'\u2019"), start, end)


def _number(match: re.Match[str], text: str) -> Item:
    digits = match["number"].replace(",", "")
    value = float(digits)
    decimals = len(digits.partition(".")[2])
    step = 0.5 * 10**-decimals
    unit = _UNIT_WORDS[match["unit"].lower()] if match["unit"] else ""
    if unit == "million" and match["unit"] == "m":
        unit = "minutes"  # "5m" means 5 minutes, not 5 million
    if not decimals and _ABOUT.search(text[: match.start()].lower()):
        step = 0.5 * 10 ** (len(digits) - len(digits.rstrip("0"))) if value else step
    scale = _SCALES.get(unit, 1.0)
    unit = "" if unit in _SCALES else unit
    return Item("number", match[0].strip(), match.start(), match.end(), value * scale, unit, step * scale)


def _sided(items: list[Item], text: str) -> list[Item]:
    """Assign each figure its side, by the words between it and its neighbours."""
    figures = [i for i, item in enumerate(items) if item.kind == "number"]
    leads = [
        text[items[figures[position - 1]].end if position else 0 : items[i].start] for position, i in enumerate(figures)
    ]
    joined = [position > 0 and _joined(lead) for position, lead in enumerate(leads)]
    side = ""
    for position, i in enumerate(figures):
        if not joined[position]:
            last = position  # "0 of 16,600 before": the side of both figures
            while last + 1 < len(figures) and joined[last + 1]:
                last += 1
            following = items[figures[last + 1]].start if last + 1 < len(figures) else len(text)
            trail = text[items[figures[last]].end : following]
            side = _side(leads[position], trail, side, text[items[i].end :].partition(")")[0], first=position == 0)
        items[i] = replace(items[i], side=side)
    return items


def _joined(lead: str) -> bool:
    return bool(_JOINED.match(lead)) and not _BEFORE_WORDS.search(lead) and not _REST_WORDS.search(lead)


def _side(lead: str, trail: str, previous: str, enclosed: str, *, first: bool) -> str:
    clause = _BREAK.split(lead)[-1]
    own = _TURN.split(_BREAK.split(trail)[0])[0]
    if behind := _RIGHT_BEHIND.match(trail):  # "1.1 % before the start"
        return "before" if behind[1] == "before" else ""
    inside = not clause.strip() and lead.rstrip().endswith("(")  # "0.3 % (4 of 1,200)"
    if inside and _AGAINST_ANY.search(enclosed):
        return ""  # "5.1 % against 0.03 % before (1,204 of 23,600 against 4 of 12,000)": begins with the first again
    if not first and inside:
        return previous
    if _REST_WORDS.search(clause) or _OF_REST.match(_BREAK.split(trail)[0]):
        return "rest"
    led = clause if first else _TURN.split(clause)[-1]  # "from 0.3 % before to 5 % after": "before" is the first one's
    if _BEFORE_WORDS.search(own) or _LED_BEFORE.search(led) or _OPENED_BEFORE.search(lead):
        return "before"
    return "against" if _AGAINST.search(clause) else ""


def clocks_of(text: str) -> set[str]:
    """The accepted spellings of a text's times."""
    found: set[str] = set()
    for match in _CLOCK.findall(text):
        moment = match.replace("T", " ")
        clock = moment.rpartition(" ")[2]
        found |= {moment, clock} if ":" in clock else {moment}
        if ":" in clock:
            short = ":".join(clock.split(":")[:2])
            found |= {short, short.lstrip("0"), short.zfill(5), moment.removesuffix(clock) + short}
            found |= {f"{moment.removesuffix(clock)}{short}:00", moment.partition(" ")[0]}
    return found
