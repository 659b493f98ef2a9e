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
        marks = any_of([mark for file in self._files for mark in file.get("marks", ())])
        self.marks = re.compile(rf"(?<![\w.-]){marks}(?![\w-])", re.IGNORECASE)
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

    def like(self, pattern: str) -> re.Pattern[str]:
        """The pattern in which "{not fine}" stands for a word of the kinds `not` and `fine`, its lines joined.

        It is compiled once, and ignores case.
        """
        if pattern not in self._patterns:
            filled = _KINDS.sub(lambda kinds: self.one_of(*kinds[1].split()), re.sub(r"\n\s*", "", pattern))
            self._patterns[pattern] = re.compile(filled, re.IGNORECASE)
        return self._patterns[pattern]

    def row(self, name: str, written: str) -> int:
        """Which of the months or weekdays is written, from 0."""
        rows = enumerate(zip(*(file["calendar"][name] for file in self._files), strict=True))
        return next(n for n, forms in rows if re.fullmatch(rf"(?:{'|'.join(forms)})\.?", written, re.IGNORECASE))

    def __getitem__(self, name: str) -> re.Pattern[str]:
        """The pattern of whole words of these kinds of `roles`, separated by spaces."""
        return self.like(rf"\b{{{name}}}(?!\w)")


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


@cache
def labels(name: str) -> re.Pattern[str]:
    """The pattern of the labels of one kind, in any language; those of a start and an end may say of what."""
    what = f"(?:{any_of(ALL.listed('labels', 'what'))} )?" if name in ("start", "end") else ""
    written = what + any_of(ALL.listed("labels", name))
    return re.compile(written.replace(" ", "[ _-]"), re.IGNORECASE)  # "Start time", "incident_start"


def words_in(text: str) -> Words:
    """The words of English, and of each language of which a text has at least `_MARKS` marks."""
    found = {name: words_of((name,)).marks.findall(text[:_SAMPLE]) for name in LANGUAGES}
    return words_of(tuple(n for n in LANGUAGES if n == "en" or len({*map(str.casefold, found[n])}) >= _MARKS))
