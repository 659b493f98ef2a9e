"""Cleans an incident's text, which may hold anything, and cuts it into sentences."""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable

from tsg_agent.extract.words import words_in

MAXIMUM_CHARACTERS = 200_000
"""Characters that are read of a text; a note tells of a cut."""

SNIPPET = 80

# Zero-width and direction marks hide inside words: they go. Control characters separate words: they become spaces.
_INVISIBLE = re.compile("[\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
_SPACE = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_LINE_END = re.compile("\r\n?|[\u2028\u2029\x85]")
_HYPHEN = re.compile("[\u2010\u2011\u2212]")
_PERSON = re.compile(r"(?<![\w.])@[\w.-]{1,40}")  # @oncall is somebody, and no shift
_QUOTED = re.compile(r"^(?P<marks>[ \t]{0,8}(?:>[ \t]?){1,8})(?P<rest>.*)$", re.MULTILINE)

# A wrapped line continues in lower case, or after "at", "and" and the like.
_WRAPPED = re.compile(
    r"\n(?=[ \t]{0,8}(?:[a-z][a-z,']{0,20}[ ,.](?![ ]?[:=])|\([0-9]))"
    r"|(?:(?<=\bat)|(?<=\bon)|(?<=\bsince)|(?<=\baround)|(?<=\babout)|(?<=\buntil)|(?<=\bfrom)|(?<=\bto)|(?<=\band)"
    r"|(?<=\bbetween)|(?<=\bin)|(?<=\bthe))\n(?=[ \t]{0,8}[\w(~])"
)
_BREAK = re.compile(
    r"\n|(?<!approx)(?<!\bca)(?<!\bvs)(?<!\be\.g)(?<!\bi\.e)(?<![ap]\.m)(?<!\binc)[.!?](?=[\s\"')\]]|$)|;(?=\s|$)"
    # who speaks in a chat: "[08:02] ann: ", "**ann** [08:02]: ", "08:02 <ann> "
    # but not the zone of a timeline's "08:02 UTC: "
    r"|\]:[ ]|[0-9]:[0-9]{2}[\]) ]{1,3}(?!(?-i:UTC|GMT|Z|[A-Z]{1,4}T):)(?:<[^>\n]{1,30}>|@?[\w.-]{1,30}:)[ ]",
    re.IGNORECASE,
)


def clean(text: str) -> str:
    """The first `MAXIMUM_CHARACTERS` of a text without control, direction and zero-width characters."""
    text = _LINE_END.sub("\n", text[:MAXIMUM_CHARACTERS])
    text = _HYPHEN.sub("-", _SPACE.sub(" ", _INVISIBLE.sub("", text)))
    text = _CONTROL.sub(" ", text.replace("\u2019", "'").replace("\u201c", '"').replace("\u201d", '"'))
    # Compatibility forms (full-width digits and letters) read as what they look like.
    return text if text.isascii() else unicodedata.normalize("NFKC", text)


class Prose:
    """A cleaned text with its sentences. A sentence ends at a stop, or at the end of a line that is not wrapped."""

    def __init__(self, text: str) -> None:
        whole = clean(text)
        quoted = [match.span() for match in _QUOTED.finditer(whole)]
        own = sum(1 for line in whole.splitlines() if line.strip()) > len(quoted)
        self._quoted = quoted if own else []
        self.text = _WRAPPED.sub(" ", _QUOTED.sub(lambda match: " " * len(match["marks"]) + match["rest"], whole))
        self.masked = self.text
        self._elsewhere: set[tuple[int, int]] = set()
        self._breaks = [0, *(match.end() for match in _BREAK.finditer(self.text))]

    def is_quoted(self, start: int) -> bool:
        """Whether a position is in a quoted line ("> …"), in a text that has other lines too."""
        return any(low <= start < high for low, high in self._quoted)

    def corrects_quoted(self) -> bool:
        """Whether what it quotes is the report that it corrects: what is not corrected holds."""
        corrected = words_in(self.text)["correction"].finditer(self.text)
        return any(not self.is_quoted(one.start()) for one in corrected)

    def is_elsewhere(self, start: int) -> bool:
        """Whether a position is in a sentence about another service."""
        return self.sentence(start) in self._elsewhere

    def set_apart(self, own: Iterable[int], others: Iterable[int]) -> None:
        """Mark the sentences with a position in `others` (another service) and none in `own`."""
        self._elsewhere = {self.sentence(start) for start in others} - {self.sentence(start) for start in own}

    def mask(self, spans: Iterable[tuple[int, int]]) -> None:
        """Cover names in `masked` character by character, so that "release.api" is not read as a release."""
        masked = list(self.text)
        for start, end in [*spans, *(match.span() for match in _PERSON.finditer(self.text))]:
            masked[start:end] = "§" * (end - start)
        self.masked = "".join(masked)

    def sentence(self, start: int, end: int | None = None) -> tuple[int, int]:
        """Bounds of the sentence around a span."""
        begin = self._breaks[bisect_right(self._breaks, start) - 1]
        last = bisect_left(self._breaks, start + 1 if end is None else end)
        return begin, self._breaks[last] if last < len(self._breaks) else len(self.text)

    def line(self, start: int) -> tuple[int, int]:
        """Bounds of the line around a position."""
        end = self.text.find("\n", start)
        return self.text.rfind("\n", 0, start) + 1, len(self.text) if end < 0 else end

    def snippet(self, start: int, end: int) -> str:
        """A short quotation of a span, with some words before it."""
        begin = self.sentence(start)[0]
        before = self.text[max(begin, start - SNIPPET // 2) : start]
        if start - begin > len(before):  # from a whole word on
            before = before.partition(" ")[2]
        return quote((before if end - start + len(before) <= SNIPPET else "") + self.text[start:end])


def quote(text: str) -> str:
    """A text on one line, at most `SNIPPET` characters, in quotation marks."""
    line = " ".join(clean(text).split())
    return f'"{line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "…"}"'
