"""The words that questions are read by, from data: `lexicon.toml`, and one file for each other language."""

import itertools
import re
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

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
class Language:
    """Phrases -> the English that is read instead of them, and a pattern that finds them, the longest first."""

    words: dict[str, str]
    pattern: re.Pattern[str]
    yes: str = "Yes"
    no: str = "No"

    def in_english(self, text: str) -> str:
        """A text with its phrases replaced."""

        def english(match: re.Match[str]) -> str:
            said, timed = match[0].lower(), re.match(r"\s+[0-9]", text[match.end() :])
            return (timed and self.words.get(f"{said} #")) or self.words[said]

        return self.pattern.sub(english, text)


@dataclass(frozen=True)
class Lexicon:
    """The phrases that are read; they match in singular and plural."""

    plain: Language
    """English that is said otherwise."""
    rewritten: list[tuple[re.Pattern[str], str]]
    """Regular expressions, and the known phrase that replaces a match."""
    signs: dict[str, str]
    """The words of a bound -> its sign: "at least" -> ">="."""
    times: dict[str, str]
    """Words of a factor -> the factor: "doubled" -> "2"; "?" if they ask for it."""
    meanings: dict[tuple[str, ...], Meaning] = field(default_factory=dict)
    words: set[str] = field(default_factory=set)
    """All words of all phrases."""

    def longest(self, words: list[str]) -> tuple[int, Meaning] | None:
        """The longest phrase that the words begin with: its length and meaning; None for an unknown word."""
        for length in range(min(LONGEST, len(words)), 0, -1):
            if found := self.meanings.get(tuple(stem(word.lower()) for word in words[:length])):
                return length, found
        return None

    def in_a_phrase(self, word: str) -> bool:
        """Whether a word is part of a phrase of several: "many" of "how many"."""
        return any(len(phrase) > 1 and stem(word) in phrase for phrase in self.meanings)

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


@cache
def lexicon() -> Lexicon:
    """The English phrases, from lexicon.toml and the columns' names."""
    data = tomllib.loads(files("tsg_agent.ask").joinpath("lexicon.toml").read_text("utf-8"))
    signs, times = (
        {phrase: value for value, said in data.pop(kind).items() for phrase in said} for kind in ("bound", "times")
    )
    rewritten = [(re.compile(pattern), plain) for pattern, plain in data.pop("rewritten").items()]
    found = Lexicon(_language({"words": data.pop("plain")}), rewritten, signs, times)
    found.words.update(data.pop("time")["words"].split(), *map(str.split, (*signs, *times)))
    said = [
        *(("thing", name, (name, name.replace("_", " "))) for name in columns()),
        *(("thing", one.name, one.said) for one in COLUMNS),
        *(("figure", str(number), (word,)) for word, number in NUMBERS.items() if number > 1),  # "one" is a pronoun
        ("filler", "", data.pop("filler")["words"].split()),
        *((kind, value, phrases) for kind, meanings in data.items() for value, phrases in meanings.items()),
    ]
    for kind, value, phrases in said:  # of two meanings of a phrase, the last one counts
        found.words.update(*map(str.split, map(str.lower, phrases)))
        stems = (tuple(stem(word) for word in phrase.lower().split()) for phrase in phrases)
        found.meanings.update(dict.fromkeys(stems, Meaning(kind, value)))
    return found


def spelled_out(text: str) -> str:
    """A question with known phrases in place of others, and HTTP methods in capitals: "GETs" -> "GET requests"."""
    text = lexicon().plain.in_english(text)
    for pattern, plain in lexicon().rewritten:
        text = pattern.sub(plain, text)
    method = r"(?<=\w )\b(get|post|put|patch|delete|head)(?= (?:requests?|calls?)\b)"
    return re.sub(method, lambda match: match[0].upper(), text)


def _language(data: dict[str, Any]) -> Language:
    """A language from its data: English -> phrases; "~" stands for the endings, "#" for a figure, user(s) for two."""
    words: dict[str, str] = {}
    for english, phrases in data.pop("words").items():
        for phrase, number in itertools.product(phrases, ("", r"\1")):
            endings = data["endings"] if phrase.endswith("~") else ("",)
            said, known = (re.sub(r"\((\w+)\)", number, one) for one in (phrase.lower().removesuffix("~"), english))
            words |= {said + ending: known for ending in endings}
    ordered = sorted(words, key=len, reverse=True)
    parts = [rf"{re.escape(one[:-2])}(?=\s+[0-9])" if one.endswith(" #") else re.escape(one) for one in ordered]
    data.pop("endings", None)
    return Language(words, re.compile(rf"(?<![\w-])(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE), **data)


@cache
def languages() -> tuple[Language, ...]:
    """The languages beside English."""
    folder = files("tsg_agent.ask").joinpath("languages")
    held = sorted(folder.iterdir(), key=lambda one: one.name)
    return tuple(_language(tomllib.loads(file.read_text("utf-8"))) for file in held)


def in_english(text: str) -> tuple[str, Language]:
    """A question translated word by word, and the language that it was in."""
    words = [word.lower() for word in re.findall(r"[^\W\d_]+", text)]
    most, language = sum(bool(lexicon().longest([word])) for word in words), lexicon().plain
    for other in languages():
        said = [match[0].lower().split() for match in other.pattern.finditer(text)]
        own = sum(map(len, said))
        if own >= most and any(lexicon().longest(words) is None for words in said):
            most, language = own, other
    if language is lexicon().plain:
        return text, language
    text = re.sub(r"(?<![\w:.])([0-9]{1,2}) uhr\b", r"\1:00", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=[A-Za-z0-9])-(?=[A-ZÄÖÜ][a-zäöü])", " ", text).replace("¿", " ").replace("¡", " ")
    return language.in_english(text), language


def stem(word: str) -> str:
    """A word in the singular."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
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
