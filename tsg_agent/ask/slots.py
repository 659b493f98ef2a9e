"""A question's tokens and the fields of the query that they fill: what is left over was not understood."""

from tsg_agent.ask.phrases import is_predicate
from tsg_agent.ask.tokens import Token, TokenizedQuestion
from tsg_agent.ask.typed import Bound, Filter


class Slots:
    """The tokens of one question, which of them have been read, and the fields that they filled."""

    def __init__(self, reading: TokenizedQuestion, *, yes_no: bool) -> None:
        """`yes_no`: it begins as a question for yes or no does."""
        self.text = reading.text
        self.tokens = list(reading.tokens)
        self.used: set[int] = set()
        self.yes_no = yes_no
        self.of_it = False
        self.by: list[str] = []
        self.filters: list[Filter] = []
        self.conditions: list[str] = []
        self.measures: list[str] = []
        self.phrases: dict[int, str] = {}
        """Where a phrase that names a measure begins -> its measure."""
        self.bounds: list[Bound] = []
        self.limit: int | None = None
        self.order: tuple[str, bool | None] = ("", None)

    def at(self, place: int) -> Token | None:
        """The token at a place; None where there is none."""
        return self.tokens[place] if 0 <= place < len(self.tokens) else None

    def free(self, *kinds: str) -> list[int]:
        """The places of tokens of these kinds that have not been read."""
        return [i for i, one in enumerate(self.tokens) if i not in self.used and one.kind in kinds]

    def _is(self, place: int, kind: str, *values: str) -> bool:
        one = self.at(place)
        return one is not None and one.kind == kind and (not values or one.value in values)

    def take(self, *places: int) -> None:
        """These have been read."""
        self.used.update(places)

    def _all_but(self, place: int) -> bool:
        """ "all zones but eu-west-1b"."""
        every = any(self._is(near, "word", "all") for near in range(place - 3, place))
        return every and self._is(place, "word", "but") and self._is(place + 1, "value")

    def _of_both(self, place: int) -> bool:
        """ "requests that were slow and failed" are both at once, not two counts."""
        one, two = self.at(place - 1), self.at(place + 1 + self._is(place + 1, "word", "more"))
        verbs = all(near and near.kind == "condition" and is_predicate(near) for near in (one, two))
        return verbs and self.tokens[place].text.lower() == "and" and any(self._is(i, "unit") for i in range(place))
