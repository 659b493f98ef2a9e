"""Patterns of the words by which a question names a time. All are linear in the text."""

import re
from collections.abc import Iterator

from tsg_agent.extract.lengths import SPAN
from tsg_agent.extract.spoken import in_figures
from tsg_agent.extract.words import ENGLISH

_NEAR = r"(?:[\s~]+(?:about|around|roughly|approximately|the))?[\s~]*$"
ROLE_WORD = ENGLISH.like(
    r"\b(?:(?P<after>{asked_after})|(?P<before>{asked_before})|(?P<around>{asked_around})|(?P<at>{asked_at}))\b"
    rf"{_NEAR}|(?P<near>~)[ ]*$"
)
SPAN_BEFORE = ENGLISH.like(rf"\b(?P<span>{SPAN})[ ]+(?P<side>(?P<early>{{earlier}})|{{asked_later}})[ ]*$")
ONWARDS = ENGLISH.like(r"[ ]*(?:\+|{asked_onwards})(?![\w])|[ ,]*(?:onwards?|on)\b")
COMPARED = ENGLISH.like(r"[\s,]*{compared}\s+(?:(?:those|that|the ones) )?(?:in |during |for )?")
INCIDENT = ENGLISH.like(
    r"\b(?P<side>(?P<early>{earlier})|{of_incident})[ ]+(?:(?:the|this|our)[ ]+)?"
    r"(?:(?:start|beginning|onset)\b(?:[ ]of[ ](?:(?:the|this|our)[ ]+)?{an_incident}\b)?"
    r"|{an_incident}\b(?:'s)?(?:[ ](?:start(?:ed|s)?|began|begins?|begun|broke out|onset))?"
    r"|(?:it|this|things|everything)[ ](?:all[ ])?(?:start(?:ed|s)|began|begins?|begun|broke)\b(?:[ ]out)?)"
)
COUNTED = ENGLISH.like(
    rf"\b(?P<which>first|last|final|past|previous)[ ]+(?P<span>{SPAN}|(?:minute|hour|day|half[ -]hour)\b)"
    r"(?:[ ](?:of|after|since|from|in)[ ](?:(?:the|this|our)[ ])?"
    r"(?:(?:start|beginning|end)(?:[ ]of[ ](?:the|this)[ ])?)?(?P<of>{an_incident}|window)?\b)?"
)
_HOUR = r"[0-9]{1,4}h?(?![\w:%]|\.[0-9])"
_UNREAD = tuple(
    map(
        ENGLISH.like,
        (
            # a number that may be an hour: "after 2", "at 1400"
            rf"\b{{beside_hour}}[ ]+{_HOUR}(?![/-])(?:[ ]?(?:-|to|and|until)[ ]?{_HOUR})?(?![ ]{{counted_by}})",
            r"\b{unread}\b",
            # something that happened: "since the deployment"
            r"\b(?:(?:after|before|until|till|during|while)[ ](?!(?:and|or|that|it|them)\b)|since[ ](?!when\b))"
            r"(?:(?:the|a|an|its|our)[ ])?[\w./-]{1,40}(?:[ ](?:of|to)[ ][\w./-]{1,40})?",
        ),
    )
)
_ATTACHED = ENGLISH.like(
    r"\b(?P<role_word>after|since|from|before|until|till|between|and|to)[ ](?!20[23])"
    r"(?P<hour>[01][0-9]|2[0-3])(?P<minute>[0-5][0-9])(?![\w:%/-]|\.[0-9]|[ ]{counted_by})"
)
"""since 0940; 2026 is a year."""


def spelled(text: str) -> str:
    """A question with spoken and short forms of times written out: "since 0940" becomes "since 09:40"."""
    return in_figures(_ATTACHED.sub(r"\g<role_word> \g<hour>:\g<minute>", text))


def unread(text: str) -> Iterator[re.Match[str]]:
    """Expressions of time that are not read."""
    for pattern in _UNREAD:
        yield from pattern.finditer(text)
