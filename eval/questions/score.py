"""Scores each question: right, refused, wrong with a stated limitation, or wrong in silence."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import permutations
from pathlib import Path
from typing import Any

from eval.cache import telemetry_of
from eval.questions.book import Book, Question
from eval.questions.gold import Gold, Rows
from tsg_agent import Conversation, TsgError, open_telemetry

_YES = ("yes", "ja", "sí", "si", "oui")
_NO = ("no", "nein", "non")


class Verdict(StrEnum):
    """Outcome of a question. Refusing a question with `refuse` is RIGHT; REFUSED is a wrong refusal."""

    RIGHT = "right"
    REFUSED = "refused"
    WRONG_TOLD = "wrong, told"
    WRONG_SILENT = "wrong in silence"


@dataclass(frozen=True)
class Scored:
    """A question's verdict, its reason, and the answer's text."""

    book: str
    question: Question
    verdict: Verdict
    why: str = ""
    text: str = ""


def ask_all(book: Book, cache: Path, chosen: Callable[[Question], bool] = lambda _question: True) -> list[Scored]:
    """Answer the chosen questions without a model, each in a new conversation, and score them. Raises TsgError."""
    telemetry = telemetry_of(book.case(), cache)
    gold = Gold(telemetry, book.scenario)
    try:
        with open_telemetry(str(telemetry)) as engine:
            return [_asked(book, one, engine, gold) for one in book.questions if chosen(one)]
    finally:
        gold.close()


def _asked(book: Book, question: Question, engine: Any, gold: Gold) -> Scored:
    talk = Conversation(engine, incident=book.text, now=book.scenario.last)
    name = book.scenario.name
    try:
        for before in question.follows:
            talk.ask(before)
        answer = talk.ask(question.ask)
    except TsgError as error:  # a typed error counts as a refusal
        verdict = Verdict.RIGHT if question.refuse else Verdict.REFUSED
        return Scored(name, question, verdict, "", str(error))
    if answer.refused and not answer.tables and answer.report is None:
        helpful = all(one.not_understood and one.nearest for one in answer.refused)
        if not helpful:
            return Scored(name, question, Verdict.WRONG_TOLD, "refused without help", answer.text)
        return Scored(name, question, Verdict.RIGHT if question.refuse else Verdict.REFUSED, "", answer.text)
    why = "answered" if question.refuse else _differs(question, answer, gold)
    if not why:
        return Scored(name, question, Verdict.RIGHT, "", answer.text)
    told = bool(answer.not_honoured or answer.refused)
    return Scored(name, question, Verdict.WRONG_TOLD if told else Verdict.WRONG_SILENT, why, answer.text)


def _differs(question: Question, answer: Any, gold: Gold) -> str:
    """Why an answer differs from the gold; "" if it matches."""
    first = answer.text.replace(".", " ").replace(",", " ").replace(":", " ").split()[0].lower()
    if question.affirms is not None and first not in (_YES if question.affirms else _NO):
        return f"begins with {first!r}"
    if question.says and question.says not in answer.text:
        return f"does not say {question.says!r}"
    reasons = []
    for way in question.readings:
        if not way:
            return ""
        wanted = [gold.rows(sql) for sql in way]
        tables = [table.rows for table in answer.tables]
        if len(tables) != len(wanted):
            reasons.append(f"{len(tables)} tables, not {len(wanted)}")
            continue
        found = [_pairs(wanted, order, question) for order in permutations(tables)]
        if "" in found:
            return ""
        reasons.append(found[0])
    return "; ".join(reasons)


def _pairs(wanted: Sequence[Rows], tables: Sequence[list[dict[str, Any]]], question: Question) -> str:
    return "; ".join(
        reason
        for (names, rows), table in zip(wanted, tables, strict=True)
        if (reason := differing(names, rows, table, question))
    )


def differing(
    names: Sequence[str], rows: list[tuple[Any, ...]], table: list[dict[str, Any]], question: Question
) -> str:
    """Why a table differs from the gold's rows; "" if equal. Gold columns match by name, else by values."""
    keys = [i for i in range(len(names)) if any(isinstance(row[i], str | datetime) for row in rows)]
    if names[:1] == ["status_code"]:
        keys = [0]
    if question.top:
        rows, table = rows[: question.top], table[: question.top]
    if len(rows) != len(table):
        return f"{len(table)} rows, not {len(rows)}"
    pairs = _pairs_of_rows(rows, table, [] if question.order else keys)
    for i, name in enumerate(names):
        columns = [name] if table and name in table[0] else list(table[0]) if table else []
        if rows and not any(_fits(i, column, pairs) for column in columns):
            return f"no column has the gold's {name}"
    return ""


Paired = list[tuple[tuple[Any, ...], list[dict[str, Any]]]]


def _pairs_of_rows(rows: list[tuple[Any, ...]], table: list[dict[str, Any]], keys: list[int]) -> Paired:
    """Pair each gold row with the table rows that have its key values; without keys, by position."""
    if not keys:
        return [(row, [one]) for row, one in zip(rows, table, strict=True)]
    held = {frozenset(_text(value) for value in one.values() if value is not None): one for one in table}
    wanted = [{_text(row[key]) for key in keys} for row in rows]
    return [(row, [one for texts, one in held.items() if own <= texts]) for row, own in zip(rows, wanted, strict=True)]


def _fits(place: int, column: str, pairs: Paired) -> bool:
    """True if a column of the table equals gold column `place` in every pair."""
    return all(any(_same(row[place], one.get(column)) for one in ones) for row, ones in pairs)


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat(timespec="milliseconds")[:19].lower()
    return str(value).removesuffix("Z")[:19].lower() if _is_time(value) else str(value).lower()


def _is_time(value: Any) -> bool:
    return isinstance(value, str) and len(value) >= 20 and value[4:5] == "-" and value[10:11] == "T"


def _same(wanted: Any, found: Any) -> bool:
    if isinstance(wanted, int | float) and isinstance(found, int | float):
        return math.isclose(float(wanted), float(found), rel_tol=1e-4, abs_tol=0.005)
    if wanted is None or found is None:
        return wanted is found
    if hasattr(wanted, "is_integer") or type(wanted).__name__ == "Decimal":
        return isinstance(found, int | float) and math.isclose(float(wanted), float(found), rel_tol=1e-4, abs_tol=0.005)
    return _text(wanted).lower() == _text(found).lower()
