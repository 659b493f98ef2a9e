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
_HOUR = any_of([form for form, value in _PLAIN.items() if 1 <= value <= 12])
NUMBER = rf"(?:(?:twenty|thirty|forty|fifty|ninety)[- ]{DIGIT}|{any_of(sorted(_VALUES, key=len, reverse=True))})"
"""Pattern of a number in words, in any of the languages."""
_NINETIES = re.compile(
    rf"\b(?P<whole>(?:ninety[- ]{DIGIT}|{any_of([form for form, value in _VALUES.items() if value >= 90])}))"
    rf"(?: {any_of(ALL.listed('calendar', 'point'))}(?P<part>(?:[ -]{DIGIT}){{1,4}}))?\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    rf"\b(?=\w+teen|twenty[- ](?:one|two|three))(?P<hour>{NUMBER})[ ]"
    rf"(?:hundred(?:[ ]hours)?|(?P<minute>oh[ -]{DIGIT}|(?!{DIGIT}\b){NUMBER}))\b"
    r"(?![ ](?:%|percent|errors|requests|times))",
    re.IGNORECASE,
)
"""The 24-hour clock of a bridge call: "fourteen oh five", "sixteen hundred". Hours below 13 may be any number."""
_MERIDIEM = re.compile(rf"\b{_HOUR}(?=[ ]?[ap]\.?m\b)", re.IGNORECASE)
_HEURES = re.compile(r"(?<![\w.:])(?P<hour>[01]?[0-9]|2[0-3]) heures? (?P<minute>[0-5][0-9])(?![\w%]| ?min)", re.I)
_PART_OF_DAY = re.compile(
    r"(?<![\w.:/-])(?P<hour>[1-9]|1[0-2])(?=(?: o'?clock)? (?:(?:this|yesterday|in the) )?"
    r"(?:(?P<early>morning)|afternoon|evening|tonight)\b)",
    re.IGNORECASE,
)
_HALVES = re.compile(
    r"(?<![\w.:])(?P<first>[1-9]|1[0-2])(?P<minutes>(?::[0-5][0-9])?)(?P<gap>[ ]?(?:-|\u2013|to|and|until|till)[ ]?)"
    r"(?=(?P<second>[1-9]|1[0-2])(?::[0-5][0-9])?[ ]?(?P<half>[ap])\.?m\b)",
    re.IGNORECASE,
)

_FRACTIONS: dict[str, float] = ALL.table("calendar", "fractions")
_NUMBER = any_of([*sorted(_FRACTIONS, key=len, reverse=True), NUMBER])
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_UNITS = {name: ALL.like(f"{{{name}}}") for name in _SECONDS}
UNIT = rf"{ALL.one_of(*_SECONDS)}(?![^\W\d])"
_AMOUNT = rf"(?:(?!(?:4[0-9]{{2}}|50[0-9])s\b)[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?[ -]?|{_NUMBER}[ -]){UNIT}"
_PLUS = rf"[ ]{ALL.one_of('and_half', 'and_quarter')}"
SPAN = (
    rf"(?=\w)(?:{_AMOUNT}(?:{_PLUS}\b|(?:[ ](?:and|und|y|et))?[ ]?{_AMOUNT}|(?<=h)[0-5][0-9](?!\w))?"
    rf"|(?:[0-9]{{1,3}}|{_NUMBER}){_PLUS}[ ]{UNIT}|hour{_PLUS}\b)"
)
"""Pattern of a length of time: "3 hours", "1h 20m", "half an hour", "eine Stunde und 10 Minuten"."""
_PART = re.compile(
    rf"(?:(?P<number>[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?)[ -]?|\b(?P<word>{_NUMBER})[ -])(?P<unit>{UNIT})"
    r"|(?<=h)(?P<minutes>[0-5][0-9])$",
    re.IGNORECASE,
)
_MORE = re.compile(
    rf"(?P<before>\b{UNIT})?[ ](?:(?P<half>{ALL.one_of('and_half')})|{ALL.one_of('and_quarter')})\b"
    rf"(?:[ ](?P<after>{UNIT}))?",
    re.IGNORECASE,
)


def number(said: str) -> int:
    """The value of a `NUMBER`."""
    whole = _valued(_VALUES, said)
    return int(whole) if whole is not None else sum(map(number, re.split("[- ]", said, maxsplit=1)))


def _valued(table: Mapping[str, float], said: str) -> float | None:
    return next((value for form, value in table.items() if re.fullmatch(form, said, re.IGNORECASE)), None)


def in_figures(text: str) -> str:
    """A text whose spoken times and targets are in figures, with am or pm where the words around them say which."""
    text = _CLOCK.sub(_clock, _NINETIES.sub(_percent, text))
    text = _MERIDIEM.sub(lambda one: str(number(one[0])), text)
    text = _HEURES.sub(r"\g<hour>:\g<minute>", text)
    text = _PART_OF_DAY.sub(lambda one: f"{one['hour']} {'am' if one['early'] else 'pm'}", text)
    return _HALVES.sub(_with_half, text)


def _clock(match: re.Match[str]) -> str:
    return f"{number(match['hour']):02}:{number(match['minute']) if match['minute'] else 0:02}"


def _percent(match: re.Match[str]) -> str:
    part = "".join(str(number(one)) for one in re.findall(DIGIT, match["part"] or "", re.IGNORECASE))
    return f"{number(match['whole'])}.{part}".rstrip(".")


def _with_half(match: re.Match[str]) -> str:
    """ "between 2 and 3 pm": the first hour is of the same half of the day, unless it would be the later one."""
    first, second, half = int(match["first"]), int(match["second"]), match["half"].lower()
    own = half if first % 12 <= second % 12 else "a" if half == "p" else "p"  # 11 to 2 pm begins in the morning
    return f"{first}{match['minutes']}{own}m{match['gap']}"


def length(text: str) -> timedelta:
    """The length of time that a match of `SPAN` means."""
    total = timedelta()
    more = _MORE.search(text)
    if more:  # "an hour and a half", "two and a half hours": half of the unit that stands beside it
        unit = more["before"] or more["after"] or "hour"
        total = length(f"1 {unit}") * (0.5 if more["half"] else 0.25)
        text = f"{text[: more.start()].strip() or 1} {unit}"
    for part in _PART.finditer(text):
        if part["minutes"]:  # 1h30
            total += timedelta(minutes=int(part["minutes"]))
            continue
        seconds = next(_SECONDS[name] for name, pattern in _UNITS.items() if pattern.fullmatch(part["unit"]))
        word, figure = part["word"], part["number"]
        count = float(figure.replace(",", ".")) if figure else _valued(_FRACTIONS, word) or number(word)
        total += timedelta(seconds=count * seconds)
    return total
