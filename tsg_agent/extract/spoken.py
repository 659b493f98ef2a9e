"""Numbers in words and times as they are spoken: "twenty-five", "fourteen oh five", "ninety-nine point nine five"."""

import re

from tsg_agent.extract.words import ALL, ENGLISH, any_of

_VALUES: dict[str, int] = ALL.table("calendar", "numbers")
_PLAIN = {form: value for form, value in _VALUES.items() if form.isalpha()}
"""Number words without the articles, which are numbers only before a unit ("an hour")."""
_DIGIT = any_of([form for form, value in _PLAIN.items() if value < 10])
DIGITS = {word: str(value) for word, value in ENGLISH.table("calendar", "numbers").items() if value < 10}
"""English number word -> its digit."""
_HOUR = any_of([form for form, value in _PLAIN.items() if 1 <= value <= 12])
NUMBER = rf"(?:(?:twenty|thirty|forty|fifty|ninety)[- ]{_DIGIT}|{any_of(sorted(_VALUES, key=len, reverse=True))})"
"""Pattern of a number in words, in any of the languages."""
_NINETIES = re.compile(
    rf"\b(?P<whole>(?:ninety[- ]{_DIGIT}|{any_of([form for form, value in _VALUES.items() if value >= 90])}))"
    rf"(?: {any_of(ALL.listed('calendar', 'point'))}(?P<part>(?:[ -]{_DIGIT}){{1,4}}))?\b",
    re.IGNORECASE,
)
_CLOCK = re.compile(
    rf"\b(?=\w+teen|twenty[- ](?:one|two|three))(?P<hour>{NUMBER})[ ]"
    rf"(?:hundred(?:[ ]hours)?|(?P<minute>oh[ -]{_DIGIT}|(?!{_DIGIT}\b){NUMBER}))\b"
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
    r"(?<![\w.:])(?P<first>[0-9]{1,2})(?P<minutes>(?::[0-5][0-9])?)(?P<gap>[ ]?(?:-|\u2013|to|and|until|till)[ ]?)"
    r"(?=(?P<second>[0-9]{1,2})(?::[0-5][0-9])?[ ]?(?P<half>[ap])\.?m\b)",
    re.IGNORECASE,
)


def number(said: str) -> int:
    """The value of a `NUMBER`."""
    whole = next((value for form, value in _VALUES.items() if re.fullmatch(form, said, re.IGNORECASE)), None)
    return whole if whole is not None else sum(map(number, re.split("[- ]", said, maxsplit=1)))


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
    part = "".join(str(number(one)) for one in re.findall(_DIGIT, match["part"] or "", re.IGNORECASE))
    return f"{number(match['whole'])}.{part}".rstrip(".")


def _with_half(match: re.Match[str]) -> str:
    """ "between 2 and 3 pm": the first hour is of the same half of the day, unless it would be the later one."""
    first, second, half = int(match["first"]), int(match["second"]), match["half"].lower()
    if not (1 <= first <= 12 and 1 <= second <= 12):
        return match[0]
    own = half if first % 12 <= second % 12 else "a" if half == "p" else "p"  # 11 to 2 pm begins in the morning
    return f"{first}{match['minutes']}{own}m{match['gap']}"
