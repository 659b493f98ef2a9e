"""The words of reports, by language, as data: a language is added with one file beside this one."""

import re
import tomllib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

LANGUAGES = ("en", "de", "es", "fr")
_SAMPLE = 20_000  # characters by which a text's languages are told
_MARKS = 2  # so many different marks of a language make a text one of it


@cache
def data(name: str) -> dict[str, Any]:
    """One file's tables."""
    return tomllib.loads((Path(__file__).parent / f"{name}.toml").read_text(encoding="utf-8"))


class Words:
    """The words of some languages as patterns. A pattern matches whole words, in any case."""

    def __init__(self, languages: Sequence[str]) -> None:
        self.languages = tuple(languages)
        self._files = [data(name) for name in languages]
        self._patterns: dict[str, re.Pattern[str]] = {}
        self.day_first = any(file.get("day_first", False) for file in self._files)

    def listed(self, table: str, name: str) -> list[str]:
        """The fragments of one kind, of all its languages."""
        return [piece for file in self._files for piece in _pieces(file[table].get(name))]

    def table(self, table: str, name: str) -> dict[str, Any]:
        """The entries of one table of tables, of all its languages."""
        return {key: value for file in self._files for key, value in file[table].get(name, {}).items()}

    def one_of(self, *names: str) -> str:
        """Alternatives of kinds of roles' words as a fragment; one that never matches where there are none."""
        return any_of([piece for name in names for piece in self.listed("roles", name)])

    def rows(self, name: str) -> list[str]:
        """Months or weekdays: one fragment for each."""
        columns = [file["calendar"][name] for file in self._files]
        return ["|".join(pieces) for pieces in zip(*columns, strict=True)]

    def __getitem__(self, name: str) -> re.Pattern[str]:
        """The pattern of one kind of roles' words; several are joined by a space."""
        if name not in self._patterns:
            self._patterns[name] = re.compile(rf"\b{self.one_of(*name.split())}(?!\w)", re.IGNORECASE)
        return self._patterns[name]

    def made(self, name: str, pattern: str) -> re.Pattern[str]:
        """A pattern made of these words, compiled once; any case."""
        if (key := f"made {name}") not in self._patterns:
            self._patterns[key] = re.compile(pattern, re.IGNORECASE)
        return self._patterns[key]

    def labels(self, name: str) -> re.Pattern[str]:
        """The labels of one kind, matched as a whole."""
        key = f"label {name}"
        if key not in self._patterns:
            self._patterns[key] = re.compile(_labels(self._files, name), re.IGNORECASE)
        return self._patterns[key]


def _labels(files: Sequence[dict[str, Any]], name: str) -> str:
    found = []
    for file in files:
        table = file["labels"]
        stems = any_of(table.get(name, []))
        what = any_of([f"{word} " if word else "" for word in table.get("what", [""])])
        found += [f"{what}{stems}" if name in ("start", "end") else stems, *table.get(f"{name}_alone", [])]
    return any_of(found)


def _pieces(value: str | list[str] | None) -> list[str]:
    return [] if not value else [value] if isinstance(value, str) else value


def any_of(pieces: Sequence[str]) -> str:
    """Alternatives as a fragment of a pattern."""
    return f"(?:{'|'.join(pieces)})" if pieces else r"(?!)"


@cache
def words_of(languages: tuple[str, ...]) -> Words:
    """The words of some languages, made once."""
    return Words(languages)


ENGLISH = words_of(("en",))
ALL = words_of(LANGUAGES)
"""Where a word of one language is none of another: labels, lengths of time."""


def words_in(text: str) -> Words:
    """The words of English, and of each language of which a text has at least two marks."""
    sample = text[:_SAMPLE]
    found = [name for name in LANGUAGES if name == "en" or len(_marked(name, sample)) >= _MARKS]
    return words_of(tuple(found))


def _marked(name: str, sample: str) -> set[str]:
    return {match.group().casefold() for match in _mark(name).finditer(sample)}


@cache
def _mark(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){any_of(data(name)['marks'])}(?![\w-])", re.IGNORECASE)
