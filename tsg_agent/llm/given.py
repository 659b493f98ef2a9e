"""Input that a sentence may repeat without evidence: names in the question, and arguments of a query."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from tsg_agent.llm.cited_rows import CitableRow, Fact
from tsg_agent.llm.figures import clocks_of

_NAME = re.compile(r"[^\s,;()\[\]{}“”\"`?!]+")
_SPANS = {"second": "seconds", "minute": "minutes", "hour": "hours"}
_COMPARED = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In)


def names_of(text: str) -> set[str]:
    """The words of a question, in lower case."""
    return {word.lower().strip("'*.:") for word in _NAME.findall(text)}


def give_query(rows: Iterable[CitableRow], sql: str) -> None:
    """Add the literals of a query's SQL to its rows: times, durations, figures, and names that no row has itself."""
    try:
        tree = sqlglot.parse_one(sql, dialect="duckdb")
    except (SqlglotError, RecursionError):
        return
    held = list(rows)
    own = set[str]().union(*(row.every_name for row in held))
    clocks = clocks_of(sql)
    facts, names = [], dict[str, set[str]]()
    for literal in tree.find_all(exp.Literal):
        if literal.is_string:
            key = _column(literal)
            if key and literal.name.lower() not in own:
                names.setdefault(key, set()).add(literal.name.lower())
        elif literal.find_ancestor(exp.Interval) is None and isinstance(literal.parent, _COMPARED):
            facts.append(Fact(float(literal.name), "any"))
    facts += [fact for span in tree.find_all(exp.Interval) for fact in _span(span)]
    for row in held:
        row.facts += facts
        row.clocks |= clocks
        row.given = names


def give_arguments(rows: Iterable[CitableRow], arguments: Mapping[str, Any]) -> None:
    """Add a check's arguments to its rows: times and names."""
    named = {key: {value.lower()} for key, value in arguments.items() if isinstance(value, str) and value}
    moments = [value for value in arguments.values() if isinstance(value, date)]
    for row in rows:
        row.given = named
        row.times |= {value.astimezone(UTC) for value in moments if isinstance(value, datetime) and value.tzinfo}
        row.clocks |= {form for value in moments for form in clocks_of(str(value))}


def _column(literal: exp.Literal) -> str:
    """The column that a string literal is compared with."""
    compared = literal.find_ancestor(*_COMPARED)
    column = compared.find(exp.Column) if compared is not None else None
    return column.name.lower() if column is not None and literal.find_ancestor(exp.Case) is None else ""


def _span(interval: exp.Interval) -> list[Fact]:
    words = f"{interval.this.name if interval.this else ''} {interval.args.get('unit') or ''}".lower().split()
    if len(words) < 2 or not re.fullmatch(r"\d+(?:\.\d+)?", words[0]):
        return []
    unit = _SPANS.get(words[1].rstrip("s"), "")
    return [Fact(float(words[0]), unit)] if unit else []
