"""Finds known names (regions, services, environments) in a text, as whole words, in any spelling."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from tsg_agent.extract.spoken import DIGITS
from tsg_agent.extract.words import ALL, data

_TOKEN = re.compile(r"[^\W_]+")
_JOINT = re.compile(r"[ ]|[-_./:]{1,3}|[ ]\(|\.[ ]")  # us-east, shop.gateway, AWS::Lambda, US East (N. Virginia)
_LONGER = re.compile(r"[-._][^\W_]")  # us-east does not end in us-east-1,
_NUMBERED_PART = re.compile(r"(?<![0-9])[-._][0-9]+(?![^\W_])")
_NUMBERED = re.compile(r"[ ][0-9]{1,2}(?![\w.:%])")  # nor "US West" in "US West 2"
_ENVIRONMENTS = tuple(map(frozenset, data("environments")["alike"]))
_EVERYDAY = frozenset(data("environments")["everyday"])
PLAIN_ENVIRONMENTS = frozenset[str]().union(*_ENVIRONMENTS) - _EVERYDAY
_ENVIRONMENT_NEAR = re.compile(
    r"(?:[\[(]|[ ]/[ ]|\b(?:env|environment|tags|labels)\W{0,3})§|[,/][ ]?§[ ]?(?:[,:;/\n]|$)"
    r"|§(?:[\])]|[ ](?:env|environment|cluster|stack)\b)",
    re.IGNORECASE,
)
"""Where an everyday word ("§") is an environment: "environment: live", "[live]", "payments, eu-central-1, live"."""
_NEGATING = ALL.like(r"\b{sparing}[ ](?:(?:in|en|dans)[ ])?$")
_SPARED = ALL.like(
    r"[ ]{0,2}(?:(?:{sparing_verb}|:|-|\u2013)[ ]?){0,3}{spared}\b"
    r"(?![ ]{no_longer_spared}\b|[ ](?:\D{1,7}[ ])?[0-9]|[ ]?\?)"  # "is checkout ok?" asks
)
_ONE = ALL.like(r"[ ]{sparing_one}\b")
_LISTED = re.compile(r"[ ]?(?:,|and|&|/|, and|or)[ ]?")


@dataclass(frozen=True, slots=True)
class Hit:
    """A span that names a known value; `values` are several if the telemetry spells them alike."""

    start: int
    end: int
    values: tuple[str, ...]
    spared: bool = False
    """The text calls it unaffected."""
    beside: bool = False
    """It stands beside another parameter's name: "checkout (prod, us-east-1)"."""


class KnownNames:
    """The known values of one parameter. A text is searched for all of them in one pass."""

    def __init__(self, values: Iterable[str], *, environments: bool = False) -> None:
        self.values = tuple(values)
        self._environments = environments
        self._keys: dict[str, list[str]] = {}
        for value in self.values:
            self._keys.setdefault(key(value), []).append(value)
        for group in _ENVIRONMENTS if environments else _REGIONS:
            alike = list(dict.fromkeys(value for name in sorted(group) for value in self._keys.get(name, ())))
            for alias in group - set(self._keys) if alike else ():
                self._keys[alias] = alike
        self._keys.pop("", None)
        self._prefixes = {name[:length] for name in self._keys for length in range(1, min(len(name), 200) + 1)}

    def exact(self, value: str) -> str | None:
        """The known value that a whole text names; None if there is none, or more than one."""
        if value in self.values:
            return value
        found = self._keys.get(key(value), [])
        return found[0] if len(found) == 1 else None

    def find(self, text: str, *, parts: bool = False) -> list[Hit]:
        """All mentions of known values, in the text's order; `parts`: also as parts of composed names."""
        tokens, hits, taken = list(_TOKEN.finditer(text)), list[Hit](), 0
        for index, token in enumerate(tokens):
            start = token.start()
            end = self._longest(text, tokens, index, parts=parts) if start >= taken else 0
            if end:
                taken = end + ("(" in text[start:end] and text[end : end + 1] == ")")
                written, near = text[start:taken], f"{text[max(0, start - 20) : start]}§{text[taken : taken + 20]}"
                everyday = self._environments and key(written) in _EVERYDAY
                if not everyday or _ENVIRONMENT_NEAR.search(near):
                    values = [written] if written in self.values else self._keys[key(written)]
                    hits.append(Hit(start, taken, tuple(values)))
        return _judged(text, hits)

    def _longest(self, text: str, tokens: list[re.Match[str]], index: int, *, parts: bool) -> int:
        """Where the longest known name ends that begins at token `index`; 0 if none does."""
        start, joined, best = tokens[index].start(), "", 0
        if not parts and start and text[start - 1] in "-._" and text[start - 2 : start - 1].isalnum():
            return 0
        for position in range(index, len(tokens)):
            end, inside = tokens[position].end(), position > index
            joined += _part(tokens[position], inside=inside)
            apart = inside and not _JOINT.fullmatch(text, tokens[position - 1].end(), tokens[position].start())
            if apart or (joined not in self._prefixes and joined not in self._keys):
                break
            named = joined in self._keys and not (_NUMBERED_PART if parts else _LONGER).match(text, end)
            if named and not (_NUMBERED.match(text, end) and text[start:end] not in self.values):
                best = end
        return best


def key(value: str) -> str:
    """The spelling-independent form of a name: letters and digits in lower case, number words as digits."""
    return "".join(_part(match, inside=n > 0) for n, match in enumerate(_TOKEN.finditer(value)))


def _part(token: re.Match[str], *, inside: bool) -> str:
    folded = token.group().casefold()
    return DIGITS.get(folded, folded) if inside else folded


_DIRECTION = re.compile("(?:north|south|east|west|central)(?=.*[0-9])")
_REGIONS = [
    {key(name), key(code), key(_DIRECTION.sub(lambda one: one[0][0], code))} for name, code in data("regions").items()
]
"""For each region of a cloud, the keys of its name in the console, of its code and of that shortened ("usw2")."""


def _judged(text: str, hits: list[Hit]) -> list[Hit]:
    """The hits with `spared` set, also of those listed with a spared one: "a and b are fine"; not "in a, b is fine"."""
    judged: list[Hit] = []
    in_list = False
    for hit in reversed(hits):
        stop = judged[-1].start if judged else len(text)
        before, after = text[max(0, hit.start - 60) : hit.start], text[hit.end : min(hit.end + 60, stop)]
        listed = judged and judged[-1].spared and _LISTED.fullmatch(after) and not _ONE.match(text, judged[-1].end)
        in_list = bool(listed and (in_list or after.strip() != ","))
        spared = in_list or bool(_SPARED.match(after)) or bool(_NEGATING.search(before))
        judged.append(replace(hit, spared=spared))
    return judged[::-1]
