"""The words by which a question names a time, as patterns. All are linear: every gap they allow is bounded."""

import re
from collections.abc import Iterator

from tsg_agent.extract.lengths import SPAN
from tsg_agent.extract.words import ALL, any_of

EARLIER = frozenset({"before", "prior to", "until", "till", "up to", "leading up to"})
_NEAR = r"(?:[\s~]+(?:about|around|roughly|approximately|the))?[\s~]*$"
ROLE_WORD = re.compile(
    rf"\b(?:(?P<after>after|since|from|starting(?: at| from)?|beginning(?: at)?|past|later than|as of|following)"
    rf"|(?P<before>before|until|till|up (?:to|until)|prior to|by|through|ahead of|earlier than|ending(?: at)?)"
    rf"|(?P<around>(?:at )?(?:around|about|near|close to|circa|roughly|approximately))"
    rf"|(?P<at>at|on|in|for|during|exactly at))\b{_NEAR}|(?P<near>~)[ ]*$",
    re.IGNORECASE,
)
SPAN_BEFORE = re.compile(
    rf"\b(?P<span>{SPAN})[ ]+"
    r"(?P<side>before|prior to|up to|leading up to|until|till|after|following|from|since|of)[ ]*$",
    re.IGNORECASE,
)
LATER = re.compile(r"[ ]*(?:\+|or later|and later|and after(?:wards)?|until now|till now)(?![\w])", re.IGNORECASE)
ONWARDS = re.compile(r"[ ,]*(?:onwards?|on)\b", re.IGNORECASE)
OPENS = re.compile(
    rf"(?:\b(?:the )?(?P<span>{SPAN})[ ])?\b(?P<role_word>between|from)\b[\s~]*(?:about |around |roughly )?$",
    re.IGNORECASE,
)
BETWEEN_TIMES = re.compile(
    r",?[ ]{0,3}(?:-{1,2}|\u2013|—|(?:up )?(?:to|until|till)|through|->|→|/|\.{2,3}|and|&)[ ]{0,3}"
    r"(?:about |around |roughly |approximately |~)?",
    re.IGNORECASE,
)
COMPARED = re.compile(
    r"[\s,]*(?:than|vs\.?|versus|against|compared? (?:to|with))\s+(?:(?:those|that|the ones) )?(?:in |during |for )?",
    re.IGNORECASE,
)
_IT = r"(?:incident|outage|problem|drop|issue|failures|trouble)"
INCIDENT = re.compile(
    rf"\b(?P<side>before|prior to|until|till|up to|after|since|during|throughout|from|following)[ ]+"
    rf"(?:(?:the|this|our)[ ]+)?"
    rf"(?:(?:start|beginning|onset)\b(?:[ ]of[ ](?:(?:the|this|our)[ ]+)?{_IT}\b)?"
    rf"|{_IT}\b(?:'s)?(?:[ ](?:start(?:ed|s)?|began|begins?|begun|broke out|onset))?"
    rf"|(?:it|this|things|everything)[ ](?:all[ ])?(?:start(?:ed|s)|began|begins?|begun|broke)\b(?:[ ]out)?)",
    re.IGNORECASE,
)
COUNTED = re.compile(
    rf"\b(?P<which>first|last|final|past|previous)[ ]+(?P<span>{SPAN}|(?:minute|hour|day)\b)"
    r"(?:[ ](?:of|after|since|from|in)[ ](?:(?:the|this|our)[ ])?"
    r"(?:(?:start|beginning|end)(?:[ ]of[ ](?:the|this)[ ])?)?"
    rf"(?P<of>{_IT}|window)?\b)?",
    re.IGNORECASE,
)
_UNREAD = (
    # a number that may be an hour: "after 2", "at 1400"
    re.compile(
        r"\b(?:after|since|from|before|until|till|at|by|around|between)[ ]+[0-9]{1,4}h?(?![\w:%/-]|\.[0-9])"
        r"(?:[ ]?(?:-|to|and|until)[ ]?[0-9]{1,4}h?(?![\w:%]|\.[0-9]))?(?![ ](?:%|percent|ms|requests|errors|times))",
        re.IGNORECASE,
    ),
    re.compile(
        r"\b(?:(?:this|last|next|past|previous|coming)[ ](?:few[ ]|couple of[ ])?"
        r"(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|night|weekend|quarter|morning|evening)"
        r"|(?:first|last)[ ]half(?:[ ]hour)?|(?:half|quarter)[ ](?:past|to)[ ]\w{1,12}|\w{1,12}[ ]o'?clock"
        r"|recently|lately|overnight|earlier|(?:right[ ]|just[ ]|until[ ]|by[ ])now|(?<!do[ ])now|currently|nowadays"
        r"|at (?:the moment|present)|lunch(?:[ ]?time)?|peak(?:[ ]hours?)|a (?:while|moment)[ ]ago|the other day"
        r"|(?:in[ ]the[ ])?(?:morning|afternoon|evening|night))\b",
        re.IGNORECASE,
    ),
    # something that happened: "since the deployment"
    re.compile(
        r"\b(?:(?:after|before|until|till|during|while)[ ](?!(?:and|or|that|it|them)\b)"
        r"|since[ ](?!when\b))(?:(?:the|a|an|its|our)[ ])?[\w./-]{1,40}(?:[ ](?:of|to)[ ][\w./-]{1,40})?",
        re.IGNORECASE,
    ),
)
_HALVES = re.compile(
    r"(?<![\w.:])(?P<first>[0-9]{1,2})(?P<gap>(?::[0-5][0-9])?[ ]?(?:-|\u2013|to|and|until|till)[ ]?)"
    r"(?=(?P<second>[0-9]{1,2})(?::[0-5][0-9])?[ ]?(?P<half>[ap])\.?m\b)",
    re.IGNORECASE,
)
_HALF_HOUR = re.compile(r"\b(?P<which>first|last|past)[ -]half[ -]hour\b", re.IGNORECASE)
_HOURS = re.compile(r"(?<![\w.:])(?P<hour>[01]?[0-9]|2[0-3])h(?P<minute>[0-5][0-9])\b")
_HOURS_SAID = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_SPELLED = re.compile(rf"\b(?:{'|'.join(_HOURS_SAID)})(?=[ ]?[ap]\.?m\b)", re.IGNORECASE)
_PART_OF_DAY = re.compile(
    r"(?<![\w.:/-])(?P<hour>[1-9]|1[0-2])(?=(?: o'?clock)? (?:(?:this|yesterday|in the) )?"
    r"(?:(?P<early>morning)|afternoon|evening|tonight)\b)",
    re.IGNORECASE,
)
_POINTED = re.compile(r"(?<![\w.:])(?P<hour>[0-9]{1,2})\.(?P<minute>[0-5][0-9])(?P<half>[ ]?[ap]\.?m\b)", re.IGNORECASE)
_ONES = "one two three four five six seven eight nine"
_TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
_WORDS = {word: number for number, word in enumerate(f"{_ONES} {_TEENS}".split(), 1)}
_WORDS |= {word: 20 + 10 * number for number, word in enumerate(["twenty", "thirty", "forty", "fifty"])}
_UNIT = f"(?:{_ONES.replace(' ', '|')})"
_TENS = f"(?:{_TEENS.replace(' ', '|')}|(?:twenty|thirty|forty|fifty)(?:[- ]{_UNIT})?)"
_COUNTED_TIME = re.compile(rf"\b{_TENS}(?=[ -](?:minutes?|mins?|hours?)\b)", re.IGNORECASE)
_HEURES = re.compile(r"(?<![\w.:])(?P<hour>[01]?[0-9]|2[0-3]) heures? (?P<minute>[0-5][0-9])(?![\w%]| ?min)", re.I)
_SAID = re.compile(
    r"\b(?P<hour>(?:thir|four|fif|six|seven|eigh|nine)teen|twenty[- ](?:one|two|three))[ ]"
    rf"(?:hundred(?:[ ]hours)?|oh[ -](?P<oh>{_UNIT})|(?P<minute>{_TENS}))\b"
    r"(?![ ](?:%|percent|errors|requests|times))",
    re.IGNORECASE,
)
"""As one speaks on a bridge call: "fourteen oh five", "sixteen hundred". Only hours that no other number is."""
_FIGURES = ALL.table("calendar", "percents") | dict.fromkeys(ALL.listed("calendar", "zero"), 0)
_FIGURES |= {form: number for number, form in enumerate(ALL.rows("numbers")[:9], 1)}
_PERCENTS = re.compile(
    rf"\b(?P<whole>{any_of(list(ALL.table('calendar', 'percents')))})"
    rf"(?: {any_of(ALL.listed('calendar', 'point'))}(?P<part>(?:[ -]{any_of(list(_FIGURES))}){{1,4}}))?\b",
    re.IGNORECASE,
)
"""Ninety-nine point nine five."""
_ATTACHED = re.compile(
    r"\b(?P<role_word>after|since|from|before|until|till|between|and|to)[ ](?!20[23])"
    r"(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])"
    r"(?![\w:%/-]|\.[0-9]|[ ](?:%|percent|ms|requests|errors|failures|users))",
    re.IGNORECASE,
)
"""since 0940; but 2026 is a year."""
_MERIDIEM_GAP = re.compile(r"^(?P<minutes>(?::[0-5][0-9])?)(?P<rest>.*)$", re.DOTALL)


def in_figures(text: str) -> str:
    """A text with what is spoken in figures: "fourteen oh five", "two pm", "9 this morning", "ninety point five"."""
    text = _PERCENTS.sub(_percent, text)
    text = _SPELLED.sub(lambda one: str(_HOURS_SAID.index(one[0].lower()) + 1), _SAID.sub(_clock, text))
    text = _HEURES.sub(r"\g<hour>:\g<minute>", text)
    text = _COUNTED_TIME.sub(lambda one: str(sum(_WORDS[word] for word in re.split("[ -]", one[0].lower()))), text)
    text = _PART_OF_DAY.sub(lambda one: f"{one['hour']} {'am' if one['early'] else 'pm'}", text)
    return _HALVES.sub(_with_half, text)


def spelled(text: str) -> str:
    """A question with its short forms of times written out, "14h30" as "14:30", too."""
    text = _ATTACHED.sub(r"\g<role_word> \g<hour>:\g<minute>", _POINTED.sub(r"\g<hour>:\g<minute>\g<half>", text))
    return in_figures(_HOURS.sub(r"\g<hour>:\g<minute>", _HALF_HOUR.sub(r"\g<which> half an hour", text)))


def _clock(match: re.Match[str]) -> str:
    hour, minute = (
        sum(_WORDS[word] for word in re.split("[ -]", said.lower())) if said else 0
        for said in (match["hour"], match["oh"] or match["minute"])
    )
    return f"{hour:02}:{minute:02}"


def _percent(match: re.Match[str]) -> str:
    part = "".join(map(_figure, re.findall(any_of(list(_FIGURES)), match["part"] or "", re.IGNORECASE)))
    return f"{_figure(match['whole'])}.{part}".rstrip(".")


def _figure(said: str) -> str:
    return next(str(number) for form, number in _FIGURES.items() if re.fullmatch(form, said, re.IGNORECASE))


def _with_half(match: re.Match[str]) -> str:
    first, second, half = int(match["first"]), int(match["second"]), match["half"].lower()
    if not (1 <= first <= 12 and 1 <= second <= 12):
        return match[0]
    own = half if first % 12 <= second % 12 else "a" if half == "p" else "p"  # 11 to 2 pm begins in the morning
    gap = _MERIDIEM_GAP.match(match["gap"])
    return f"{match['first']}{gap['minutes']}{own}m{gap['rest']}" if gap else match[0]


def unread(text: str) -> Iterator[re.Match[str]]:
    """What speaks of a time in a way that is not read."""
    for pattern in _UNREAD:
        yield from pattern.finditer(text)
