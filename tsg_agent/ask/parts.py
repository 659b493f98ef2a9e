"""Splits a text into questions, and joins their answers and refusals."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tsg_agent.ask.answers import Answer, Refusal, Table
from tsg_agent.ask.deciding import YES_OR_NO
from tsg_agent.ask.lexicon import Language
from tsg_agent.ask.patterns import span
from tsg_agent.ask.scope import scope_words
from tsg_agent.ask.tokens import TokenizedQuestion
from tsg_agent.ask.typed import TypedQuery
from tsg_agent.models import Parameters, Report
from tsg_agent.wording import listed, one_line

_ENDS = re.compile(r"[?!;\n]+|(?<=[a-z0-9]{2})\.\s+(?=[A-Za-z(])")
_THEN = re.compile(
    r"(?:,\s*|(?<=\S) )\band (?:also )?(?=(?:how|which|what|who|whom|whose|when|where|why|did|does|th(?:at|ose) of)\b"
    r"|(?:is|are|was|were) (?!\w+(?:ed|ing|ly)\b|slow))"
    r"|(?:^|\s|:|,)\s*\(?[1-9][).]\s+",
    re.IGNORECASE,
)
_MEASURES = "measure|condition|unit|number|function|form"
_SECOND = (
    f"^ (?= any* {_MEASURES}) any* by|which|slash thing any* _and "
    f"more* (?= {_MEASURES}|rank|which) (?= any* by|which|rank) any* {_MEASURES}"
)
_GENERAL = ("which endpoints have the highest error rate?", "errors per 5 minutes", "why is it failing?")


@dataclass
class AnswerPart:
    """The answer to one question of a text."""

    text: str = ""
    tables: list[Table] = field(default_factory=list)
    evidence: dict[str, str] = field(default_factory=dict)
    refused: Refusal | None = None
    notes: list[str] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    parameters: Parameters | None = None
    regions: str = ""
    """The regions in words, if not the parameters' region alone."""
    report: Report | None = None
    checks: list[str] = field(default_factory=list)
    yes: bool | None = None


class RefusedQuestion(Exception):
    """Raised for a question that cannot be answered; `nearest` are similar ones that can."""

    def __init__(self, why: Sequence[str], query: TypedQuery | None = None, nearest: Sequence[str] = ()) -> None:
        super().__init__("; ".join(why))
        self.why, self.query, self.nearest = list(why), query, list(nearest)


_GOES_ON = re.compile(
    r"[?.!;]+\s*(?=(?:(?:worst|best|highest|lowest|most|fewest|slowest|fastest) first\W*$"
    r"|(?:is (?:that|this|it) )?(?:right|correct|true|so)\W*$"
    r"|(?:at least|at most|more than|fewer than|less than|with|without|excluding|since|between)\b[^?]*$))",
    re.IGNORECASE,
)
"""“… at least 100 times? worst first”: a fragment behind the mark belongs to the question before it."""
_ALSO = re.compile(
    r"\b(?P<first>how many \w+(?: requests)?),? and (?:also )?how many (?=\w+(?: \w+){1,12}$)(?!\w+\W*$)", re.IGNORECASE
)
"""“how many requests and how many failures on web”: one question, as the end belongs to both."""


def sentences_of(text: str) -> list[list[str]]:
    """The sentences of a text, each split into questions."""
    text = _ALSO.sub(r"\g<first> and ", _GOES_ON.sub(", ", text).rstrip("?. "))
    pieces = (
        [part.strip(" ,:") for part in _THEN.split(one) if re.search(r"\w", part or "")] for one in _ENDS.split(text)
    )
    return [piece for piece in pieces if piece]


def second_of(reading: TokenizedQuestion) -> int | None:
    """The offset of a second query in a question: "error rate by version and 429s by endpoint"; None without one."""
    tokens = reading.tokens
    return next((one.end for i, one in enumerate(tokens) if span(tokens, (), i, _SECOND)), None)


def not_understood(reading: TokenizedQuestion, left: Sequence[str]) -> list[str]:
    """The reasons of a refusal: unknown words, and known ones that fill no field (`left`)."""
    said = [one.said() for one in reading.unknown]
    words = [f"“{one_line(text, 60)}”" for text in left if text != YES_OR_NO]
    if words:
        belong = "belongs" if len(words) == 1 else "belong"
        said.append(f"How {listed(words, 6)} {belong} to the question was not understood.")
    if YES_OR_NO in left:
        said.append("Whether these figures mean yes or no is not known.")
    return list(dict.fromkeys(said))


def refusal(question: str, refused: RefusedQuestion) -> Refusal:
    """A refusal with what was understood, and similar questions that can be answered."""
    understood = refused.query.described() if refused.query else ""
    nearest = list(dict.fromkeys([*([understood] if understood else []), *refused.nearest, *_GENERAL]))
    return Refusal(
        question=one_line(question, 300), not_understood=refused.why, understood=understood, nearest=nearest[:4]
    )


def _refused_words(one: Refusal) -> str:
    understood = [f"Understood was: {one.understood}."] if one.understood else []
    nearest = listed([f"“{text}”" for text in one.nearest], 4)
    return "\n".join(
        [f"Not answered: {' '.join(one.not_understood)}", *understood, f"These can be answered: {nearest}."]
    )


def together(question: str, parts: list[AnswerPart], language: Language) -> Answer:
    """The answer to a text from those to its questions. Each part: yes or no, scope, caveats, text."""
    texts = []
    shown: tuple[Parameters, str] | None = None
    for part in parts:
        head = [] if part.yes is None else [f"{language.yes if part.yes else language.no}."]
        window = part.parameters
        if window is not None and not part.refused and (window, part.regions) != shown:
            head.append(scope_words(window, part.regions))
            shown = (window, part.regions)
        caveats = [" ".join(part.caveats)] if part.caveats else []
        body = _refused_words(part.refused) if part.refused else part.text
        texts.append("\n\n".join([*([" ".join(head)] if head else []), *caveats, body]))
    return Answer(
        question=question,
        text="\n\n".join(texts),
        evidence={key: row for part in parts for key, row in part.evidence.items()},
        tables=[table for part in parts for table in part.tables],
        refused=[part.refused for part in parts if part.refused],
        notes=list(dict.fromkeys(note for part in parts for note in part.notes)),
        not_honoured=list(
            dict.fromkeys(
                said
                for part in parts
                for said in (*part.caveats, *(part.refused.not_understood if part.refused else ()))
            )
        ),
        parameters=next((part.parameters for part in reversed(parts) if part.parameters), None),
        report=next((part.report for part in reversed(parts) if part.report), None),
        checks=list(dict.fromkeys(check for part in parts for check in part.checks)),
    )
