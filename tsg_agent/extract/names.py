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
    r"(?:[\[(]|\b(?:env|environment)\W{0,3}|\b(?:tags|labels):[ ]|[ ]/[ ])§|[\w.-][ ]?[,/][ ]?§[ ]?(?:[,:;/\n]|$)"
    r"|§(?:[\])]|[ ](?:env|environment|cluster|stack)\b)",
    re.IGNORECASE,
)
"""Where an everyday word ("§") is an environment: "environment: live", "[live]", "payments, eu-central-1, live"."""
_DIRECTION, _SHORT = re.compile("north|south|east|west|central"), re.compile(r"[a-z]{2,3}[nsewc]{1,2}[0-9]{1,2}")
_NEGATING = ALL.like(r"\b{sparing}[ ](?:(?:in|en|dans)[ ])?$")
_SPARED = ALL.like(
    r"[ ]?(?:region)?[ ]?(?:(?:{sparing_verb}|:|-|\u2013)[ ]?){0,3}{spared}\b"
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
            alike = [value for name in sorted(group) for value in self._keys.get(name, ())]
            for alias in group - set(self._keys) if alike else ():
                self._keys[alias] = alike
        for value in self.values:
            short = key(_DIRECTION.sub(lambda one: one[0][0], value.casefold()))
            if _SHORT.fullmatch(short) and short not in self._keys:  # "usw2" for us-west-2
                self._keys[short] = [value]
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
        tokens = list(_TOKEN.finditer(text))
        hits: list[Hit] = []
        index = 0
        while index < len(tokens):
            last = self._longest(text, tokens, index, parts=parts)
            if last is None:
                index += 1
                continue
            start, end = tokens[index].start(), tokens[last].end()
            end += "(" in text[start:end] and text[end : end + 1] == ")"
            written = text[start:end]
            found = self._keys[key(written)]
            hits.append(Hit(start, end, (written,) if written in self.values else tuple(found)))
            index = last + 1
        return _judged(text, [hit for hit in hits if not self._everyday(text, hit)])

    def _longest(self, text: str, tokens: list[re.Match[str]], index: int, *, parts: bool) -> int | None:
        """Index of the last token of the longest known name that begins at token `index`; None if none does."""
        start = tokens[index].start()
        if not parts and start and text[start - 1] in "-._" and text[start - 2 : start - 1].isalnum():
            return None
        joined, best = "", None
        for position in range(index, len(tokens)):
            token = tokens[position]
            if position > index and not _JOINT.fullmatch(text, tokens[position - 1].end(), token.start()):
                break
            joined += _part(token, inside=position > index)
            if joined not in self._prefixes and joined not in self._keys:
                break
            end = token.end()
            ends = not (_NUMBERED_PART if parts else _LONGER).match(text, end) and (
                text[start:end] in self.values or not _NUMBERED.match(text, end)
            )
            if ends and joined in self._keys:
                best = position
        return best

    def _everyday(self, text: str, hit: Hit) -> bool:
        """Whether what reads like an environment is an everyday word ("live", "test")."""
        if not self._environments or key(text[hit.start : hit.end]) not in _EVERYDAY:
            return False
        before, after = text[max(0, hit.start - 20) : hit.start], text[hit.end : hit.end + 20]
        return not _ENVIRONMENT_NEAR.search(f"{before}§{after}")


def key(value: str) -> str:
    """The spelling-independent form of a name: letters and digits in lower case, number words as digits."""
    return "".join(_part(match, inside=n > 0) for n, match in enumerate(_TOKEN.finditer(value)))


def _part(token: re.Match[str], *, inside: bool) -> str:
    folded = token.group().casefold()
    return DIGITS.get(folded, folded) if inside else folded


_REGIONS = tuple(frozenset({key(name), key(code)}) for name, code in data("regions").items())
"""For each region of a cloud, the keys of its name in the console and in telemetry."""


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
