"""Merges spellings of a region, environment or service that differ only in case, spaces or dashes."""

import unicodedata
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import duckdb

from tsg_agent.telemetry.values import literal

SCOPE = ("region", "environment", "service_name")
"""The scope columns."""
MISSING = frozenset({"", "-", "null", "none", "n/a", "nan"})
MANY = 10_000
"""Most distinct values of the three columns that are compared."""
NAMED = 5


@dataclass
class Spellings:
    """The merged names: column -> key -> the name that replaces all its spellings. Shared by all tables."""

    names: dict[str, dict[str, str]] = field(default_factory=dict)

    def merged(
        self, connection: duckdb.DuckDBPyConnection, source: str, columns: Mapping[str, str]
    ) -> tuple[dict[str, str], list[str]]:
        """The SQL of each scope column, and notes. `columns`: column -> the SQL of the original text."""
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
        """Spelling -> its new name, for those that change; None if the spelling means a missing value."""
        names = self.names.setdefault(column, {})
        for value, _ in held.most_common():
            names.setdefault(key_of(value), tidy(value))
        new = {value: None if tidy(value).lower() in MISSING else names[key_of(value)] for value in held}
        return {value: name for value, name in new.items() if name != value}


def tidy(value: str) -> str:
    """Strip and collapse white space, and remove zero-width characters."""
    text = "".join(" " if one.isspace() else one for one in unicodedata.normalize("NFKC", value))
    return " ".join("".join(one for one in text if unicodedata.category(one) not in {"Cf", "Cc"}).split())


def key_of(value: str) -> str:
    """The key that all spellings of a name share."""
    return tidy(value).casefold().replace("_", "-").replace(" ", "-")
