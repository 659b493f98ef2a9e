"""The words of reports, by language, from the data files beside this one. A language is one file."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "es", "fr")
_SAMPLE = 20_000  # characters by which a text's languages are told
_KINDS = re.compile(r"\{([a-z_]+(?: [a-z_]+)*)\}")
_TABLES = ("roles", "calendar", "thresholds")
_MARKS = 2  # distinct marks of a language that a text of it has at least


@cache
def data(name: str) -> dict[str, Any]:
    """The tables of one data file."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


class Words:
    """The words of some languages. Patterns made of them ignore case."""

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)
        self._files = [data(name) for name in languages]
        self._patterns: dict[str, re.Pattern[str]] = {}
        self.day_first = any(file.get("day_first", False) for file in self._files)

    def listed(self, table: str, name: str) -> list[str]:
        """The fragments of one kind, of all languages."""
        return [piece for file in self._files for piece in file.get(table, {}).get(name, ())]

    def table(self, table: str, name: str) -> dict[str, Any]:
        """The entries of one inner table, of all languages."""
        return {key: value for file in self._files for key, value in file[table].get(name, {}).items()}

    def one_of(self, *names: str) -> str:
        """A fragment that matches a word of these kinds, of whichever table."""
        return any_of([one for name in names for table in _TABLES for one in self.listed(table, name)])

    def filled(self, pattern: str) -> str:
        """A pattern in which "{not fine}" stands for a word of the kinds `not` and `fine`; its lines are joined."""
        return _KINDS.sub(lambda kinds: self.one_of(*kinds[1].split()), re.sub(r"\n\s*", "", pattern))

    def like(self, pattern: str) -> re.Pattern[str]:
        """The pattern that is `filled`, compiled once; it ignores case."""
        if pattern not in self._patterns:
            self._patterns[pattern] = re.compile(self.filled(pattern), re.IGNORECASE)
        return self._patterns[pattern]

    def rows(self, name: str) -> list[str]:
        """One fragment for each month or weekday."""
        columns = [file["calendar"][name] for file in self._files]
        return ["|".join(pieces) for pieces in zip(*columns, strict=True)]

    def __getitem__(self, name: str) -> re.Pattern[str]:
        """The pattern of whole words of these kinds of `roles`, separated by spaces."""
        return self.like(rf"\b{{{name}}}(?!\w)")

    def labels(self, name: str) -> re.Pattern[str]:
        """The pattern of the labels of one kind."""
        key = f"label {name}"
        if key not in self._patterns:
            stems = any_of(self.listed("labels", name))
            what = any_of([f"{word} " if word else "" for word in self.listed("labels", "what")])
            whole = f"{what}{stems}" if name in ("start", "end") else stems
            self._patterns[key] = re.compile(any_of([whole, *self.listed("labels", f"{name}_alone")]), re.IGNORECASE)
        return self._patterns[key]


def any_of(pieces: Sequence[str]) -> str:
    """A fragment that matches one of several; none ever, if there are none."""
    return f"(?:{'|'.join(pieces)})" if pieces else r"(?!)"


@cache
def words_of(languages: tuple[str, ...]) -> Words:
    """The words of some languages, built once."""
    return Words(languages)


ENGLISH = words_of(("en",))
ALL = words_of(LANGUAGES)
"""All languages: for labels and lengths of time, whose words do not clash."""


def words_in(text: str) -> Words:
    """The words of English, and of each language of which a text has at least `_MARKS` marks."""
    if not text.strip():
        return ENGLISH
    marked = {name: {mark.casefold() for mark in _mark(name).findall(text[:_SAMPLE])} for name in LANGUAGES}
    return words_of(tuple(name for name in LANGUAGES if name == "en" or len(marked[name]) >= _MARKS))


@cache
def _mark(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){any_of(data(name)['marks'])}(?![\w-])", re.IGNORECASE)
