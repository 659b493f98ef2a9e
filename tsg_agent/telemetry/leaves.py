"""The leaf fields of a source's nested rows: their paths, their expressions in a mapping, and their values."""

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from tsg_agent.telemetry.catalog import ANSWER
from tsg_agent.telemetry.loading import DEEPEST, quoted
from tsg_agent.telemetry.statuses import http_status

FEW_ROWS = 5
"""Up to so many rows a file is one object, or a page of it, whose array holds the real rows."""
GRAPHQL = "errors"
"""GraphQL's array of errors, which come with HTTP status 200."""
BAGS = frozenset({"tags", "labels", "attributes", "fields", "properties", "annotations", "metadata", "dimensions"})
"""Generic containers: their names carry no meaning."""
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
_RESERVED = frozenset({"time", "timestamp", "date", "at", "when", "values", "group", "order", "end", "table", "case"})
_TIMES = re.compile(
    r"\s*(\d{4}-\d\d-\d\d|\d{8}T\d|\d{1,2}[/.-](\d{1,2}|[A-Z][a-z]{2})[/.-]\d{2,4}\D|[A-Z][a-z]{2},? .*\d\d:\d\d:\d\d)"
)
_SINCE_1970 = tuple((6e8 * unit, 4.2e9 * unit) for unit in (1, 1e3, 1e6, 1e9))
_DIGITS = re.compile(r"20\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])([0-5]\d){0,2}")
_PATH = re.compile(r"(https?://[^/\s]+)?/\S*")
_LENGTH = re.compile(r"(\d+h)?(\d+m)?[\d.]+ ?(ns|us|µs|ms|s)")
_METHOD = re.compile("GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS|CONNECT|TRACE")


@dataclass(eq=False)
class Leaf:
    """A leaf field: its path, its expression in a mapping, and its values in the inspected rows."""

    path: tuple[str, ...]
    expression: str
    values: list[object] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    """Indices of the rows that have a value."""

    @property
    def words(self) -> tuple[str, ...]:
        """The names on its path, outermost first; a name with dots is split."""
        return tuple(word for name in self.path for word in name.split(".") if word.lower() not in BAGS) or self.path

    @property
    def name(self) -> str:
        """Its dotted name."""
        return ".".join(self.path)

    @property
    def varies(self) -> bool:
        """True if it has several distinct values."""
        return len({str(value) for value in self.values}) > 1

    def share(self, like: re.Pattern[str] | None = None, *, column: str = "") -> float:
        """Share (0 to 1) of its values that match a pattern, or look like a column's."""
        fit = (lambda value: bool(like.fullmatch(str(value)))) if like else LIKE[column]
        return sum(map(fit, self.values)) / max(len(self.values), 1)


def arrays(held: object, path: str = "") -> Iterator[str]:
    """The paths of arrays of objects or arrays, without key-value lists."""
    if isinstance(held, dict):
        for name, value in held.items():
            if re.fullmatch(r"\w+", str(name)):
                yield from arrays(value, f"{path}.{name}".lstrip("."))
    elif isinstance(held, list) and held and path.count(".") < DEEPEST:
        elements = [one for one in held[:FEW_ROWS] if isinstance(one, (dict, list))]
        if path and elements and not _is_keyed(elements):
            yield path
        for element in elements if path or isinstance(held[0], dict) else []:
            if isinstance(element, dict):
                yield from arrays(element, path)


def _is_keyed(held: Sequence[object]) -> bool:
    return all(isinstance(one, dict) and {"key", "value"} <= {str(name).lower() for name in one} for one in held)


def leaves(rows: list[dict[str, object]]) -> list[Leaf]:
    """All leaf fields of the rows, in order of appearance."""
    found: dict[tuple[str, ...], Leaf] = {}

    def add(row: int, path: tuple[str, ...], expression: str, value: object, *, text: bool) -> None:
        inner = _inside(value) if isinstance(value, str) else value
        text = text or inner is not value
        if len(path) > DEEPEST:
            return
        if isinstance(inner, dict):
            for key, held in inner.items():
                inside = f"{expression}['{key}']" if text else f"{expression}.{_named(str(key))}"
                if "'" not in str(key) and '"' not in str(key):
                    add(row, (*path, str(key)), inside, held, text=text)
        elif isinstance(inner, list):
            if inner and _is_keyed(inner):
                for one in inner:
                    pair = {str(name).lower(): held for name, held in one.items()}
                    value = pair["value"]
                    plain = (
                        next((v for v in value.values() if v is not None), None) if isinstance(value, dict) else value
                    )
                    add(row, (*path, str(pair["key"])), f"{expression}['{pair['key']}']", plain, text=True)
            elif not text and inner and all(isinstance(one, str) for one in inner) and len(inner) <= FEW_ROWS:
                for number, one in enumerate(inner, 1):
                    add(row, (*path, str(number)), f"{expression}[{number}]", one, text=False)
            elif not text and path[-1] == GRAPHQL and inner and isinstance(inner[0], dict):
                add(row, (*path, "1"), f"{expression}[1]", inner[0], text=False)
        elif inner is not None and str(inner).strip() not in {"", "-"}:
            leaf = found.setdefault(path, Leaf(path, expression))
            leaf.values.append(inner)
            leaf.rows.append(row)

    for row, held in enumerate(rows):
        for name, value in held.items():
            add(row, (name,), _named(name), value, text=False)
    return list(found.values())


def _inside(value: str) -> object:
    """The value of a text that is JSON, or a ClickHouse or Python literal; else the text."""
    for one, other in ('""', "'\"") if value.startswith("{") else ():
        with contextlib.suppress(ValueError):
            return json.loads(value.translate(str.maketrans(one + other, other + one)))
    return value


def _named(name: str) -> str:
    """A column's name in an expression, quoted if necessary."""
    plain = _PLAIN.fullmatch(name) and name not in _RESERVED
    return name if plain else quoted(name)


def _is_time(value: object) -> bool:
    if isinstance(value, date | datetime):
        return True
    try:
        number = float(str(value))
    except ValueError:
        return bool(_TIMES.match(str(value)))
    return any(first <= number <= last for first, last in _SINCE_1970) or bool(_DIGITS.fullmatch(str(value)))


def _is_status(value: object) -> bool:
    return http_status(str(value), "http") is not None


def _is_length(value: object) -> bool:
    return isinstance(value, str) and bool(_LENGTH.fullmatch(value))


LIKE = {
    "timestamp": _is_time,
    ANSWER: _is_status,
    "endpoint_path": lambda value: bool(_PATH.fullmatch(str(value))),
    "http_method": lambda value: bool(_METHOD.fullmatch(str(value))),
    "latency_ms": _is_length,
}
"""Column -> the pattern of its values, for columns that have one."""
