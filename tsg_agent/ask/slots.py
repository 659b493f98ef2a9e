"""A question's tokens and the fields of the query that they fill: what is left over was not understood."""

from tsg_agent.ask.tokens import Reading, Token
from tsg_agent.ask.typed import Bound, Filter


class Slots:
    """The tokens of one question, which of them have been read, and the fields that they filled."""

    def __init__(self, reading: Reading, *, yes_no: bool) -> None:
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
