"""Numbers in words, lengths of time ("1h 20m", "eine halbe Stunde") and spoken times ("fourteen oh five")."""

import re
from collections.abc import Mapping
from datetime import timedelta

from tsg_agent.extract.words import ALL, ENGLISH, any_of

_VALUES: dict[str, int] = ALL.table("calendar", "numbers")
_PLAIN = {form: value for form, value in _VALUES.items() if form.isalpha()}
"""Number words without the articles, which are numbers only before a unit ("an hour")."""
DIGIT = any_of([form for form, value in _PLAIN.items() if value < 10])
"""Pattern of a number below 10 in words."""
DIGITS = {word: str(value) for word, value in ENGLISH.table("calendar", "numbers").items() if value < 10}
"""English number word -> its digit."""
HOUR = any_of([form for form, value in _PLAIN.items() if 1 <= value <= 12])
"""Pattern of an hour of half a day in words."""
NUMBER = rf"(?:(?:twenty|thirty|forty|fifty|ninety)[- ]{DIGIT}|{any_of(sorted(_VALUES, key=len, reverse=True))})"
"""Pattern of a number in words, in any of the languages."""
_TENS = any_of([form for form, value in _PLAIN.items() if 10 <= value < 60])
MINUTE = rf"(?:(?:oh|twenty|thirty|forty|fifty)[- ]{DIGIT}|{_TENS})"
"""Pattern of the minutes of "fourteen oh five"."""
_NINETIES = re.compile(
    rf"\b(?P<whole>(?:ninety[- ]{DIGIT}|{any_of([form for form, value in _VALUES.items() if value >= 90])}))"
    rf"(?: {any_of(ALL.listed('calendar', 'point'))}(?P<part>(?:[ -]{DIGIT}){{1,4}}))?\b",
    re.IGNORECASE,
)
_FRACTIONS: dict[str, float] = ALL.table("calendar", "fractions")
_NUMBER = any_of([*sorted(_FRACTIONS, key=len, reverse=True), NUMBER])
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
UNIT = rf"{ALL.one_of(*_SECONDS)}(?![^\W\d])"
_SHARES: dict[str, float] = ALL.table("calendar", "and_more")
_MORE = rf"[ ]{any_of([*_SHARES])}"
_AMOUNT = (
    rf"(?:(?!(?:4[0-9]{{2}}|50[0-9])s\b)(?P<figure>[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?)(?:{_MORE}[ ]|[ -]?)"
    rf"|\b(?P<word>{_NUMBER})(?:{_MORE}[ ]|[ -])|\b(?=hour{_MORE}\b))(?P<unit>{UNIT})(?:{_MORE}\b)?"
    r"|(?<=[0-9]h)(?P<minutes>[0-5][0-9])(?!\w)"
)
_PART = re.compile(_AMOUNT, re.IGNORECASE)
SPAN = re.sub(r"\(\?P<\w+>", "(?:", rf"(?=\w)(?:{_AMOUNT})(?:(?:[ ](?:and|und|y|et))?[ ]?(?:{_AMOUNT}))?")
"""Pattern of a length of time: "3 hours", "1h 20m", "half an hour", "eine Stunde und 10 Minuten"."""


def number(said: str) -> int:
    """The value of a `NUMBER`, or of digits."""
    whole = int(said) if said.isdigit() else _valued(_VALUES, said)
    return int(whole) if whole is not None else sum(map(number, re.split("[- ]", said, maxsplit=1)))


def _valued(table: Mapping[str, float], said: str) -> float | None:
    return next((value for form, value in table.items() if re.fullmatch(form, said, re.IGNORECASE)), None)


def in_figures(text: str) -> str:
    """A text whose spoken targets are in figures: "ninety-nine point nine"."""
    return _NINETIES.sub(_percent, text)


def _percent(match: re.Match[str]) -> str:
    part = "".join(str(number(one)) for one in re.findall(DIGIT, match["part"] or "", re.IGNORECASE))
    return f"{number(match['whole'])}.{part}".rstrip(".")


def length(text: str) -> timedelta:
    """The length of time that a match of `SPAN` means."""
    total = timedelta()
    for part in _PART.finditer(text):
        if part["minutes"]:  # 1h30
            total += timedelta(minutes=int(part["minutes"]))
            continue
        seconds = next(n for name, n in _SECONDS.items() if ALL.like(f"{{{name}}}").fullmatch(part["unit"]))
        word, figure = part["word"] or "one", part["figure"]
        count = float(figure.replace(",", ".")) if figure else _valued(_FRACTIONS, word) or number(word)
        # "an hour and a half", "two and a half hours"
        more = sum(share for form, share in _SHARES.items() if re.search(rf" {form}\b", part[0], re.IGNORECASE))
        total += timedelta(seconds=(count + more) * seconds)
    return total
