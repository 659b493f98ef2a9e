"""Spellings of one region, environment or service that differ in case, blanks or dashes are one name: the commonest."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from tsg_agent.telemetry.values import literal

SCOPE = ("region", "environment", "service_name")
"""The columns that say whose a row is."""
MISSING = frozenset({"", "-", "null", "none", "n/a", "nan"})
MANY = 10_000
"""Different values of the three that are looked at."""
NAMED = 5


@dataclass
class Spellings:
    """What was merged: column -> key -> the name that all its spellings become. Tables share it."""

    names: dict[str, dict[str, str]] = field(default_factory=dict)

    def merged(
        self, connection: duckdb.DuckDBPyConnection, source: str, columns: Mapping[str, str]
    ) -> tuple[dict[str, str], list[str]]:
        """The SQL of each scope column, and what is to be said of it. `columns`: the SQL of the texts as they are."""
        places = ", ".join(str(place) for place in range(1, len(columns) + 1))
        listed = ", ".join(f"CAST({sql} AS VARCHAR)" for sql in columns.values())
        rows = connection.execute(
            f"SELECT {listed}, count(*) FROM {source} GROUP BY ALL ORDER BY count(*) DESC, {places} LIMIT {MANY}"  # noqa: S608 - checked expressions
        ).fetchall()
        result, notes = dict(columns), []
        for place, (name, sql) in enumerate(columns.items()):
            held: Counter[str] = Counter()
            for row in rows:
                if row[place] is not None:
                    held[row[place]] += row[-1]
            changed = self._changed(name, held)
            if changed:
                arms = " ".join(
                    f"WHEN {literal(old)} THEN {literal(new) if new else 'NULL'}" for old, new in changed.items()
                )
                result[name] = f"CASE CAST({sql} AS VARCHAR) {arms} ELSE CAST({sql} AS VARCHAR) END"
            told = [old for old, new in changed.items() if new is not None]
            if told:
                shown = ", ".join(f"{old!r} as {changed[old]!r} ({held[old]:,} rows)" for old in told[:NAMED])
                more = f" and {len(told) - NAMED} more" if len(told) > NAMED else ""
                notes.append(f"{name}: near spellings are one name: {shown}{more}.")
        return result, notes

    def _changed(self, column: str, held: Counter[str]) -> dict[str, str | None]:
        """Spelling -> the name it becomes, where that is another; None = it says nothing."""
        names = self.names.setdefault(column, {})
        for value, _ in held.most_common():
            names.setdefault(key_of(value), tidy(value))
        new = {value: None if tidy(value).lower() in MISSING else names[key_of(value)] for value in held}
        return {value: name for value, name in new.items() if name != value}


def tidy(value: str) -> str:
    """A name without what cannot be seen: blanks around it, several as one, characters of no width."""
    text = "".join(" " if one.isspace() else one for one in unicodedata.normalize("NFKC", value))
    return " ".join("".join(one for one in text if unicodedata.category(one) not in {"Cf", "Cc"}).split())


def key_of(value: str) -> str:
    """What spellings of one name share."""
    return tidy(value).casefold().replace("_", "-").replace(" ", "-")
