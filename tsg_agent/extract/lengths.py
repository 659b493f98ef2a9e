"""Lengths of time as people write them, in all languages: "3 hours", "1h 20m", "eine halbe Stunde"."""

import re
from datetime import timedelta

from tsg_agent.extract.spoken import NUMBER, number
from tsg_agent.extract.words import ALL, any_of

_HALF = ALL.like("{half}")
_NUMBER = any_of([ALL.one_of("half"), NUMBER])
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 604_800}
_UNITS = {name: ALL.like(f"{{{name}}}") for name in _SECONDS}
UNIT = rf"{ALL.one_of(*_SECONDS)}(?![^\W\d])"
_AMOUNT = rf"(?:(?!(?:4[0-9]{{2}}|50[0-9])s\b)[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?[ -]?|{_NUMBER}[ -]){UNIT}"
_PLUS = r"[ ]and[ ]a[ ](?:half|quarter)"
SPAN = (
    rf"(?=\w)(?:{_AMOUNT}(?:{_PLUS}\b|(?:[ ](?:and|und|y|et))?[ ]?{_AMOUNT}|(?<=h)[0-5][0-9](?!\w))?"
    rf"|(?:[0-9]{{1,3}}|{_NUMBER}){_PLUS}[ ]{UNIT}|[0-9]{{1,2}}h[0-5][0-9](?!\w)"
    rf"|hour{_PLUS}\b|(?:a|three)[ ]quarters?[ ]of[ ]an[ ]hour\b)"
)
"""Pattern of a length of time: "3 hours", "1h 20m", "half an hour", "eine Stunde und 10 Minuten"."""
_PART = re.compile(
    rf"(?:(?P<number>[0-9]{{1,4}}(?:[.,][0-9]{{1,2}})?)[ -]?|\b(?P<word>{_NUMBER})[ -])(?P<unit>{UNIT})", re.IGNORECASE
)
_HOURS_MINUTES = re.compile(r"(?P<hours>[0-9]{1,2})h(?P<minutes>[0-5][0-9])", re.IGNORECASE)
_MORE = re.compile(rf"(?P<before>\b{UNIT})?[ ]and[ ]a[ ](?P<part>half|quarter)(?:[ ](?P<after>{UNIT}))?", re.IGNORECASE)
_QUARTERS = re.compile(r"(?:(?P<three>three)|\ba)[ ]quarters?[ ]of[ ]an[ ]hour", re.IGNORECASE)


def length(text: str) -> timedelta:
    """The length of time that a match of `SPAN` means."""
    quarters = _QUARTERS.search(text)
    if quarters:
        return timedelta(minutes=45 if quarters["three"] else 15)
    if short := _HOURS_MINUTES.fullmatch(text):
        return timedelta(hours=int(short["hours"]), minutes=int(short["minutes"]))
    total = timedelta()
    more = _MORE.search(text)
    if more:  # "an hour and a half", "two and a half hours": half of the unit that stands beside it
        unit = more["before"] or more["after"] or "hour"
        total = length(f"1 {unit}") * (0.5 if more["part"].lower() == "half" else 0.25)
        text = f"{text[: more.start()].strip() or 1} {unit}"
    for part in _PART.finditer(text):
        seconds = next(_SECONDS[name] for name, pattern in _UNITS.items() if pattern.fullmatch(part["unit"]))
        count = (
            float(part["number"].replace(",", "."))
            if part["number"]
            else 0.5
            if _HALF.fullmatch(part["word"])
            else number(part["word"])
        )
        total += timedelta(seconds=count * seconds)
    return total
