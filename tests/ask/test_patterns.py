"""Patterns over tokens fit what they say, around the marked token, and nothing else."""

import pytest

from tsg_agent.ask.patterns import span
from tsg_agent.ask.tokens import Token


def tokens(*said: tuple[str, str, str]) -> list[Token]:
    return [Token(i, i + 1, kind, value, text=text) for i, (kind, value, text) in enumerate(said)]


MOST = tokens(
    ("form", "count", "how many"),
    ("condition", "failures", "failing"),
    ("thing", "endpoint_path", "endpoints"),
    ("word", "not", "without"),
    ("value", "client_type", "web"),
    ("word", "and", "or"),
    ("value", "client_type", "ios"),
)


@pytest.mark.parametrize(
    ("place", "pattern", "places"),
    [
        (2, "form.count condition? _thing", [0, 1, 2]),
        (2, "form.count _thing", []),
        (2, "form.rate,count any _thing:plural", [0, 1, 2]),
        (1, "_condition:plural", []),
        (4, "not _value (and value.client_#)*", [3, 4, 5, 6]),
        (5, "value _'or' value", [4, 5, 6]),
        (5, "value _'and' value", []),
        (2, "^ ~value* _any (?! value)", [0, 1, 2]),
        (3, "_not (?! value)", []),
        (6, "_value $", [6]),
        (4, "_value $", []),
        (0, "(^ | ~by) _form", [0]),
        (2, "condition:free _any", [1, 2]),
        (3, "thing:used _any", [2, 3]),
        (7, "_any", []),
        (-1, "_any", []),
    ],
)
def test_a_pattern_covers_the_tokens_that_it_names(place: int, pattern: str, places: list[int]) -> None:
    assert list(span(MOST, {2}, place, pattern)) == places


def test_a_word_s_own_text_cannot_be_a_pattern() -> None:
    hostile = tokens(("value", "client_type", "><+word;by;;by>"), ("thing", "endpoint_path", "endpoint"))
    assert not span(hostile, (), 1, "by _thing")
    assert list(span(hostile, (), 1, "value _thing")) == [0, 1]


@pytest.mark.parametrize("pattern", ["_thing by!", "_Thing", "_thing.a|b.c.d"])
def test_what_is_no_pattern_raises(pattern: str) -> None:
    with pytest.raises(ValueError, match="no letter of a pattern"):
        span(MOST, (), 2, pattern)
