"""A question's tokens, and the fields that they fill."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from tsg_agent.ask.patterns import span
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import Bound, Filter, Sign

Decides = Literal["", "any", "bound", "one", "sides", "pair"]


@dataclass
class AskedFields:
    """The fields of a question, as its words say them: without the scope's window and region."""

    measures: list[str] = field(default_factory=list)
    by: list[str] = field(default_factory=list)
    filters: list[Filter] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    bounds: list[Bound] = field(default_factory=list)
    order_by: str = ""
    ascending: bool | None = None
    limit: int | None = None
    skip: int = 0
    bucket: float | None = None
    """Seconds of a time bucket; 0 = chosen by the window's length."""
    sides: Token | None = None
    """The token that asks to compare before with after."""
    ranked: bool = False
    of_nothing: bool = False
    """Whether a ranking is asked for without naming what is to be ranked."""
    yes_no: bool = False
    decides: Decides = ""
    """How the rows decide a question for yes or no; see tsg_agent.ask.deciding."""
    holds: tuple[Sign, float] = (">", 1.0)
    """How one value compares with the other where yes is right: more; or at least 3 times as high."""
    baseline: str = ""
    about: str = ""
    """The value that is compared with the others."""
    others: bool = False
    """Whether the question says "the others"; to be beyond most but not all of them is neither yes nor no."""
    conclude: frozenset[str] = frozenset()
    """What the investigation is asked (why, cause, state, roll_back, …); empty for figures and checks."""
    check: bool = False
    """Whether the guide's checks of `by` answer the question."""
    health: bool = False
    """Whether yes means healthy: "is it ok?"."""
    names: list[Token] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Known words that fill no field: the question is refused."""


class Slots:
    """A question's tokens, which of them are used, and the fields filled so far."""

    def __init__(self, reading: TokenizedQuestion, *, yes_no: bool) -> None:
        """`yes_no`: the question asks for yes or no."""
        self.reading, self.text = reading, reading.text
        self.tokens = list(reading.tokens)
        self.used: set[int] = set()
        self.found = AskedFields(yes_no=yes_no, names=reading.of("value"))
        self.phrases: dict[int, str] = {}
        """Place of a phrase's first token -> the measure that it names."""

    def free(self, *kinds: str) -> list[int]:
        """The places of unused tokens of some kinds."""
        return [i for i, one in enumerate(self.tokens) if i not in self.used and one.kind in kinds]

    def span(self, place: int, pattern: str) -> range:
        """The places that a pattern covers; see tsg_agent.ask.patterns.span."""
        return span(self.tokens, self.used, place, pattern)

    def fitting(self, pattern: str) -> list[int]:
        """All places at which a pattern fits."""
        return [i for i in range(len(self.tokens)) if self.span(i, pattern)]

    def of(self, places: Sequence[int], kind: str) -> list[Token]:
        """The tokens of a kind among some places."""
        return [self.tokens[i] for i in places if self.tokens[i].kind == kind]

    def take(self, *places: int) -> None:
        """Mark places as used."""
        self.used.update(places)
