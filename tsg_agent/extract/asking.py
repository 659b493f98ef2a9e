"""Patterns of the words by which a question names a time. All are linear in the text."""

import re
from collections.abc import Iterator

from tsg_agent.extract.lengths import SPAN
from tsg_agent.extract.spoken import in_figures

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
    r"(?P<side>before|prior to|up to|leading up to|until|till|after|following|from|between|since|of)[ ]*$",
    re.IGNORECASE,
)
ONWARDS = re.compile(
    r"[ ]*(?:\+|or later|and later|and after(?:wards)?|until now|till now)(?![\w])|[ ,]*(?:onwards?|on)\b",
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
    rf"\b(?P<which>first|last|final|past|previous)[ ]+(?P<span>{SPAN}|(?:minute|hour|day|half[ -]hour)\b)"
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
_ATTACHED = re.compile(
    r"\b(?P<role_word>after|since|from|before|until|till|between|and|to)[ ](?!20[23])"
    r"(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])"
    r"(?![\w:%/-]|\.[0-9]|[ ](?:%|percent|ms|requests|errors|failures|users))",
    re.IGNORECASE,
)
"""since 0940; 2026 is a year."""


def spelled(text: str) -> str:
    """A question with spoken and short forms of times written out: "since 0940" becomes "since 09:40"."""
    return in_figures(_ATTACHED.sub(r"\g<role_word> \g<hour>:\g<minute>", text))


def unread(text: str) -> Iterator[re.Match[str]]:
    """Expressions of time that are not read."""
    for pattern in _UNREAD:
        yield from pattern.finditer(text)
