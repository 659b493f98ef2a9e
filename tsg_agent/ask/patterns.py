"""Patterns over a question's tokens: regular expressions whose letters are tokens.

`form.count condition? _thing` fits the thing of "how many endpoints" and of "how many failing endpoints": `_` marks the
token that is looked at. A letter is a kind (`thing`), some values of a kind (`thing.user_id,session_id`; `#` stands
for any characters), the value of a word (`by`) or a text (`'or'`); `any` is each token. `thing:plural` asks for a
property of the token: `singular`, `counts`, `measures`, `predicate`, `part`, `least`, `whole`, `free`, `used`. `|`
stands between letters, and `~` before them for none of them. Items are parted by spaces. Groups, lookaheads and
`* + ? ^ $` are those of `re`, and so is a `|` between spaces, inside a group.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache

from tsg_agent.ask.tokens import Token

_KINDS = frozenset(
    {"any", "value", "thing", "condition", "unit", "number", "function", "measure", "form", "rank", "order", "bound"}
    | {"bucket", "figure", "sides", "times", "conclude", "word"}
)
_ITEM = re.compile(r"(?P<opens>(?:\((?:\?[=!])?)*)(?P<letter>[^()*+?]*)(?P<closes>[)*+?]*)")
_LETTER = re.compile(r"(?P<kind>[a-z]*)(?:\.(?P<values>[\w,# ]+))?(?::(?P<properties>[a-z:]+))?(?:'(?P<text>[^']+)')?")
_READ = {"free": r"\+", "used": "-"}


def span(tokens: Sequence[Token], used: Collection[int], place: int, pattern: str) -> range:
    """The places that a pattern covers with its marked token at `place`; an empty range if it does not fit."""
    before, after = _compiled(pattern)
    spelled = [f"<{'-' if i in used else '+'}{one.spelled}>" for i, one in enumerate(tokens)]
    left, right = before.search("".join(spelled[:place])), after.match("".join(spelled[place:]))
    if left is None or right is None or not 0 <= place < len(tokens):
        return range(0)
    return range(place - left[0].count("<"), place + right[0].count("<"))


@cache
def _compiled(pattern: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A pattern as two regular expressions: for the tokens before the marked one, and from it on."""
    items = pattern.split()
    marked = next(i for i, item in enumerate(items) if item.startswith("_"))
    items[marked] = items[marked][1:] if items[marked] != "_" else "any"
    before, after = ("".join(map(_item, some)) for some in (items[:marked], items[marked:]))
    return re.compile(f"(?:{before})$"), re.compile(after)


def _item(item: str) -> str:
    match = _ITEM.fullmatch(item)
    if match is None:
        raise ValueError(f"no letter of a pattern: {item}")
    letter = match["letter"]
    spelled = letter if letter in ("", "|", "^", "$") else f"(?:<{_letters(letter)}>)"
    return f"{match['opens']}{spelled}{match['closes']}"


def _letters(written: str) -> str:
    either = "|".join(map(_letter, written.removeprefix("~").split("|")))
    return f"(?!(?:{either})>)[^>]*" if written.startswith("~") else f"(?:{either})"


def _letter(written: str) -> str:
    match = _LETTER.fullmatch(written)
    if match is None:
        raise ValueError(f"no letter of a pattern: {written}")
    kind, values, held = match["kind"], match["values"], (match["properties"] or "").split(":")
    if kind and kind not in _KINDS:
        kind, values = "word", kind
    value = f"(?:{values.replace(',', '|').replace('#', '[^;>]*')})" if values else "[^;>]*"
    properties = "".join(rf"(?=[^;>]*\b{one}\b)" for one in held if one and one not in _READ)
    sign = next((_READ[one] for one in held if one in _READ), "[+-]")
    text = re.escape(match["text"]) if match["text"] else "[^;>]*"
    return rf"{sign}{kind if kind not in ('', 'any') else '[a-z]+'};{value};{properties}[^;>]*;{text}"
