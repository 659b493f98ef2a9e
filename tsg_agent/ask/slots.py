"""The tokens of one question, and the fields that they fill."""

from dataclasses import dataclass, field
from typing import Literal

from tsg_agent.ask.patterns import span
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import Bound, Filter

Decides = Literal["", "any", "bound", "more", "fewer", "rose", "fell"]


@dataclass
class AskedFields:
    """A question's fields, before the scope's own are added."""

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
    """Seconds; 0 = as it fits the window."""
    sides: Token | None = None
    """Before is compared with after."""
    ranked: bool = False
    of_nothing: bool = False
    """Whether an order is asked for, and nothing that is to be ordered."""
    yes_no: bool = False
    decides: Decides = ""
    """How the rows say yes or no."""
    about: str = ""
    """Of two values that are compared, the one that is asked about."""
    others: bool = False
    """Whether it is compared with all others, not with the one that has most."""
    conclude: frozenset[str] = frozenset()
    """What the investigation is asked; empty for figures and for checks."""
    check: bool = False
    """Whether the guide's check of `by` is asked for."""
    health: bool = False
    """Whether yes means that all is well: "is it ok?"."""
    names: list[Token] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Words that have a meaning, and no place in a query."""


class Slots:
    """The tokens of one question, which of them have been read, and the fields that they filled."""

    def __init__(self, reading: TokenizedQuestion, *, yes_no: bool) -> None:
        """`yes_no`: it begins as a question for yes or no does."""
        self.reading, self.text = reading, reading.text
        self.tokens = list(reading.tokens)
        self.used: set[int] = set()
        self.yes_no = yes_no
        self.found = AskedFields(yes_no=yes_no, names=reading.of("value"))
        self.phrases: dict[int, str] = {}
        """Where a phrase that names a measure begins -> its measure."""

    def free(self, *kinds: str) -> list[int]:
        """The places of tokens of these kinds that have not been read."""
        return [i for i, one in enumerate(self.tokens) if i not in self.used and one.kind in kinds]

    def span(self, place: int, pattern: str) -> range:
        """The places that a pattern takes around a place; none where it does not fit. See tsg_agent.ask.patterns."""
        return span(self.tokens, self.used, place, pattern)

    def fitting(self, pattern: str) -> list[int]:
        """The places that a pattern fits, read or not."""
        return [i for i in range(len(self.tokens)) if self.span(i, pattern)]

    def of(self, places: range, kind: str) -> list[Token]:
        """The tokens of a kind at some places."""
        return [self.tokens[i] for i in places if self.tokens[i].kind == kind]

    def take(self, *places: int) -> None:
        """These have been read."""
        self.used.update(places)
