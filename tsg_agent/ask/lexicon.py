"""The words that questions are read by, from data: `lexicon.toml`, and one file for each other language."""

import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files

from tsg_agent.ask.typed import columns
from tsg_agent.columns import COLUMNS

LONGEST = 6
"""Maximal number of words in a phrase."""
WORD = re.compile(r"[^\W_][\w'\u2019.-]*|[<>=≤≥]+|%", re.UNICODE)
NUMBERS = {
    w: n for n, w in enumerate(["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], 1)
}
_REPAIRED = 5
"""Minimal length of a word whose spelling is repaired."""


@dataclass(frozen=True)
class Meaning:
    """The kind and the value of a word or phrase: (condition, failures)."""

    kind: str
    value: str


@dataclass(frozen=True)
class Lexicon:
    """The English phrases: `stems` match in singular and plural, `exact` as they are written."""

    stems: dict[tuple[str, ...], Meaning] = field(default_factory=dict)
    exact: dict[tuple[str, ...], Meaning] = field(default_factory=dict)
    signs: dict[str, str] = field(default_factory=dict)
    """The words of a bound -> its sign: "at least" -> ">="."""
    times: dict[str, str] = field(default_factory=dict)
    """Words of a factor -> the factor: "doubled" -> "2"; "?" if they ask for it."""
    plain: dict[str, str] = field(default_factory=dict)
    """Phrases -> the known phrase that replaces them."""
    rewritten: list[tuple[re.Pattern[str], str]] = field(default_factory=list)
    """Regular expressions, and the known phrase that replaces a match."""
    words: set[str] = field(default_factory=set)
    """All words of all phrases."""

    def longest(self, words: list[str]) -> tuple[int, Meaning] | None:
        """The longest phrase that the words begin with: its length and meaning; None for an unknown word."""
        for length in range(min(LONGEST, len(words)), 0, -1):
            written = tuple(word.lower() for word in words[:length])
            found = self.exact.get(written) or self.stems.get(tuple(map(stem, written)))
            if found:
                return length, found
        return None

    def in_a_phrase(self, word: str) -> bool:
        """Whether a word is part of a phrase of several: "many" of "how many"."""
        return any(len(phrase) > 1 and stem(word) in phrase for phrase in (*self.stems, *self.exact))

    def near(self, word: str) -> list[str]:
        """The known words at an edit distance of 1; none for a short word or one with digits."""
        spelled = stem(word.lower())
        if not word.isalpha() or len(word) < 3:
            return []
        words = (known for known in sorted(self.words) if known.isalpha() and _repairable(spelled, known))
        return [known for known in words if one_edit_apart(spelled, known)]


def _repairable(one: str, other: str) -> bool:
    """Whether words are long enough for a repair; short ones only if two letters were swapped or one was left out."""
    swapped = len(one) == len(other) and sorted(one) == sorted(other)
    short = len(other) == len(one) + 1 == _REPAIRED - 1  # a letter of "rate", "many" left out
    return swapped or short or max(len(one), len(other)) >= _REPAIRED


@dataclass(frozen=True)
class Language:
    """Another language: phrases -> English, and a pattern that finds them, the longest first."""

    yes: str
    no: str
    words: dict[str, str]
    pattern: re.Pattern[str]


@cache
def lexicon() -> Lexicon:
    """The English phrases, from lexicon.toml and the columns' names."""
    found = Lexicon()
    for column in columns():
        _add(found, column, Meaning("thing", column))
        _add(found, column.replace("_", " "), Meaning("thing", column))
    for one in COLUMNS:
        for phrase in one.said:
            _add(found, phrase, Meaning("thing", one.name))
    data = tomllib.loads(files("tsg_agent.ask").joinpath("lexicon.toml").read_text("utf-8"))
    found.signs.update({phrase: sign for sign, said in data.pop("bound").items() for phrase in said})
    found.times.update({phrase: factor for factor, said in data.pop("times").items() for phrase in said})
    found.plain.update(data.pop("plain"))
    found.rewritten.extend((re.compile(pattern), plain) for pattern, plain in data.pop("rewritten").items())
    for word, value in list(NUMBERS.items())[1:]:  # "one" is a pronoun
        _add(found, word, Meaning("figure", str(value)))
    found.words.update(data.pop("time")["words"].split(), *(phrase.split() for phrase in (*found.signs, *found.times)))
    for word in data.pop("filler")["words"].split():
        _add(found, word, Meaning("filler", ""))
    for kind, meanings in data.items():
        for value, phrases in meanings.items():
            for phrase in phrases:
                _add(found, phrase, Meaning(kind, value))
    return found


def spelled_out(text: str) -> str:
    """A question with known phrases in place of others, and HTTP methods in capitals: "GETs" -> "GET requests"."""
    either = "|".join(map(re.escape, lexicon().plain))
    text = re.sub(rf"\b(?:{either})\b", lambda match: lexicon().plain[match[0].lower()], text, flags=re.IGNORECASE)
    for pattern, plain in lexicon().rewritten:
        text = pattern.sub(plain, text)
    method = r"(?<=\w )\b(get|post|put|patch|delete|head)(?= (?:requests?|calls?)\b)"
    return re.sub(method, lambda match: match[0].upper(), text)


def _add(into: Lexicon, phrase: str, meaning: Meaning) -> None:
    if phrase.startswith("=") and len(phrase) > 2 and phrase[1].isalpha():
        into.exact[tuple(phrase[1:].split())] = meaning
    else:
        into.stems[tuple(stem(word) for word in phrase.lower().split())] = meaning
    into.words.update(phrase.lower().removeprefix("=").split())


@cache
def languages() -> tuple[Language, ...]:
    """The languages beside English."""
    found = []
    for file in sorted(files("tsg_agent.ask").joinpath("languages").iterdir(), key=lambda one: one.name):
        data = tomllib.loads(file.read_text("utf-8"))
        words: dict[str, str] = {}
        for phrase, english in data["words"].items():
            base = phrase.lower().removesuffix("~")
            words |= {base + ending: english for ending in (data["endings"] if phrase.endswith("~") else ("",))}
        ordered = sorted(words, key=len, reverse=True)
        parts = [rf"{re.escape(one[:-2])}(?=\s+[0-9])" if one.endswith(" #") else re.escape(one) for one in ordered]
        pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)
        found.append(Language(data["yes"], data["no"], words, pattern))
    return tuple(found)


def in_english(text: str) -> tuple[str, Language | None]:
    """A question translated word by word, and the language that it was in; None for English."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    most, language = sum(bool(lexicon().longest([word])) for word in words), None
    for other in languages():
        said = [match[0].lower().split() for match in other.pattern.finditer(text)]
        own = sum(map(len, said))
        if own >= most and any(lexicon().longest(words) is None for words in said):
            most, language = own, other
    if language is None:
        return text, None

    def english(match: re.Match[str]) -> str:
        said, timed = match[0].lower(), re.match(r"\s+[0-9]", text[match.end() :])
        return (timed and language.words.get(f"{said} #")) or language.words[said]

    text = re.sub(r"(?<![\w:.])([0-9]{1,2}) uhr\b", r"\1:00", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=[A-Za-z0-9])-(?=[A-ZÄÖÜ][a-zäöü])", " ", text).replace("¿", " ").replace("¡", " ")
    return language.pattern.sub(english, text), language


def stem(word: str) -> str:
    """A word in the singular."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes")):
        return word[:-2]
    plural = word.endswith("s") and not word.endswith(("ss", "us", "is"))
    return word[:-1] if plural and (len(word) > 3 or word == "ids") else word


def one_edit_apart(one: str, other: str) -> bool:
    """Whether words differ by one letter that is changed, added, left out, or swapped with its neighbour."""
    same = next(
        (i for i, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), min(map(len, (one, other)))
    )
    own, its = one[same:], other[same:]
    swapped = own[:2] == its[1::-1] and own[2:] == its[2:]
    return one != other and (swapped or own[1:] in (its, its[1:]) or own == its[1:])
