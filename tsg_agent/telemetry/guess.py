"""Guesses which source field is which of the guide's columns: by its name, else by its values.

Nested fields count like top-level ones (`http.response.status_code`, `status`), also inside of texts that hold JSON. If
the rows are the elements of an array, the array is found.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

import duckdb

from tsg_agent.columns import COLUMNS, EVERYWHERE, Column, Kind, bare
from tsg_agent.telemetry.catalog import ANSWER, LOGS, WEIGHT
from tsg_agent.telemetry.column_readings import UNITS
from tsg_agent.telemetry.expressions import check_expression
from tsg_agent.telemetry.leaves import FEW_ROWS, GRAPHQL, LIKE, Leaf, arrays, leaves
from tsg_agent.telemetry.mapping import TableMapping
from tsg_agent.telemetry.shape import shaped
from tsg_agent.telemetry.statuses import http_status
from tsg_agent.telemetry.values import any_row, literal

LOOKED_AT = 1000
"""Number of rows that are inspected."""
MOST = 0.9
"""Share of a field's values that must look like a column's if its name does not match."""
CONSTANTS = {"service_name": "web", "region": EVERYWHERE, "environment": "prod"}
"""Default values of the scope columns if a file has none."""
NEEDED = ("timestamp", ANSWER)
"""Required columns."""
REQUEST = (ANSWER, "endpoint_path", "http_method", "latency_ms")
"""Columns of which a request has at least one."""
BARE = frozenset({"id", "name", "version", "type", "code", "number"})
"""Names that mean nothing without their parent's name."""
ALSO = 0.01
"""Least share of rows in which a substitute field is present: it was renamed, or files differ."""
_UNITS = UNITS | {"seconds": UNITS["s"], "micros": UNITS["us"], "nanos": UNITS["ns"]}
"""Suffix of a name -> its unit."""
_HTTP = re.compile(r"[1-5]\d\d")
_REQUEST_LINE = re.compile(r"[A-Z]{3,8} (https?://[^/\s]+)?/\S*( HTTP/[\d.]+)?")
_COUNTED = re.compile(r"[1-5](\d\d|xx)", re.IGNORECASE)
"""Name of a column that counts requests by status."""
_CALLED = {
    "500": frozenset({"errors", "error", "failed", "failures", "failure", "faults", "errored"}),
    "200": frozenset({"ok", "success", "successes", "succeeded", "successful"}),
    "429": frozenset({"throttled", "throttles", "ratelimited"}),
}
"""Names for outcomes in such columns."""
_NO_COUNT = frozenset({"rate", "ratio", "percent", "pct", "ms", "latency", "duration", "time", "code", "id"})


@dataclass
class Guess:
    """A guessed mapping of the requests: its lines, the columns it found, and notes."""

    unnest: str
    lines: list[str]
    found: dict[str, list[Leaf]]
    where: str = ""
    candidates: list[Leaf] = field(default_factory=list)
    counters: list[Leaf] = field(default_factory=list)
    """Fields that each count the requests of one status."""

    @property
    def missing(self) -> list[str]:
        """Required columns that were not found."""
        return [name for name in NEEDED if name not in self.found and not (name == ANSWER and self.counters)]


def guess(connection: duckdb.DuckDBPyConnection, source: str, given: dict[str, str]) -> Guess:
    """The best guess over a source's rows, or over the elements of one of its arrays."""
    rows, at = _rows(connection, source), source
    best = _guessed(leaves(rows), "", given)
    if len(rows) <= FEW_ROWS or best.missing:
        for path in sorted(set(arrays(rows)), key=lambda one: (one.count("."), one)):
            inner = shaped(connection, source, TableMapping(unnest=path)).source
            tried = _guessed(leaves(_rows(connection, inner)), path, given)
            if (len(tried.missing), -len(tried.found)) < (len(best.missing), -len(best.found)):
                best, at = tried, inner
    held = [leaf.expression for name in REQUEST for leaf in best.found.get(name, [])]
    if ANSWER in best.found and len(held) > 1:
        best.where = _requests_only(connection, at, held)
    return best


def guessed_lines(
    connection: duckdb.DuckDBPyConnection, source: str, columns: list[str], given: dict[str, str], but: str
) -> list[str]:
    """Mapping lines for some columns, from varying fields that the expressions in `but` do not name."""
    held = [leaf for leaf in leaves(_rows(connection, source)) if leaf.varies]
    free = [leaf for leaf in held if not re.search(rf"\b{re.escape(leaf.path[-1])}\b", but)]
    lines = _guessed(free, "", given).lines
    return [line for line in lines if line.partition(" = ")[0] in columns]


def _requests_only(connection: duckdb.DuckDBPyConnection, source: str, held: list[str]) -> str:
    """A SQL condition that drops rows with none of a request's fields; "" if there are no such rows."""
    texts = ", ".join(f"CAST({one} AS VARCHAR)" for one in held)
    condition = f"coalesce({texts}) IS NOT NULL"
    checked = check_expression(condition, f"{LOGS.name}.where")
    return condition if any_row(connection, f"{source} WHERE NOT ({checked})") else ""


def _rows(connection: duckdb.DuckDBPyConnection, source: str) -> list[dict[str, object]]:
    """The first rows, and as many sampled from the whole source: a field may have been renamed half-way."""
    (held,) = connection.execute(f"SELECT count(*) FROM {source}").fetchone() or (0,)  # noqa: S608 - our own names
    every = max(1, held // LOOKED_AT)
    some = f"(SELECT *, row_number() OVER () AS row_ FROM {source})"  # noqa: S608 - our own names
    looked = connection.execute(f"SELECT * EXCLUDE (row_) FROM {some} WHERE row_ <= {LOOKED_AT} OR row_ % {every} = 0")  # noqa: S608 - our own names
    names = [one[0] for one in looked.description or ()]
    return [dict(zip(names, row, strict=True)) for row in looked.fetchall()]


def _guessed(held: list[Leaf], unnest: str, given: dict[str, str]) -> Guess:
    around = _around(held)
    names: dict[str, list[Leaf]] = {}
    for leaf in sorted(held, key=lambda one: len(one.words)):
        for name in _called(leaf, around):
            names.setdefault(name, []).append(leaf)
    found: dict[str, list[Leaf]] = {}
    used: set[Leaf] = set()
    lines: list[str] = []
    for column in (one for one in COLUMNS if one.table == LOGS.name):
        if column.name in given:
            lines.append(f"{column.name} = {in_toml(literal(given[column.name]))} # as given")
            continue
        chosen = _leaves(column, names, [one for one in held if one not in used])
        if not chosen:
            if column.name in CONSTANTS:
                lines.append(
                    f"{column.name} = {in_toml(literal(CONSTANTS[column.name]))} # the file does not say: put yours"
                )
            elif column.name in NEEDED:
                lines.append(
                    f'# {column.name} = "…" # nothing that looks like it was found, and nothing can be judged without'
                )
            continue
        found[column.name] = [leaf for leaf, _ in chosen]
        used.update(leaf for leaf, _ in chosen)
        read = [_expression(column, leaf, why) for leaf, why in chosen]
        if column.name == ANSWER:
            read[:0] = _graphql(held)
        texts = ", ".join(in_toml(expression) for expression, _ in read)
        texts = texts if len(read) == 1 else f"[{texts}]"
        lines.append(f"{column.name} = {texts} # {'; else '.join(reason for _, reason in read)}")
    counts = {} if ANSWER in found else _counters(held, next(iter(found.get(WEIGHT, [])), None))
    counters = [leaf for leaf in held if any(leaf.expression in one for one in counts.values())]
    unused = [leaf for leaf in held if leaf not in used and leaf not in counters]
    if unused:
        lines.append(f"# not used: {', '.join(leaf.name for leaf in unused)}")
    if counters:
        lines = [line for line in lines if not line.startswith((f"# {ANSWER} =", f"{WEIGHT} ="))]
        lines += ["", f"[{LOGS.name}.counters] # each column counts the requests of the status that it is called"]
        lines += [f"{status} = {in_toml(expression)}" for status, expression in counts.items()]
    return Guess(unnest, lines, found, candidates=unused, counters=counters)


def _counters(held: list[Leaf], total: Leaf | None) -> dict[str, str]:
    """Status -> the expression that counts a row's requests of it. `total`: the field that counts all requests.

    If no column counts the successes, they are the total minus the others.
    """
    counts: dict[str, str] = {}
    for leaf in held:
        if leaf is not total and (status := _counted(leaf)):
            counts.setdefault(status, leaf.expression)
    if total and counts and not any(status[0] == "2" for status in counts):
        left = " - ".join([total.expression, *(f"coalesce({one}, 0)" for one in counts.values())])
        return {"200": left, **counts}
    return counts if len(counts) > 1 else {}


def _counted(leaf: Leaf) -> str:
    """The status whose requests a field counts, by its name; "" if it is no such count."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", leaf.words[-1]).lower())
    whole = all(number is not None and number >= 0 and number == int(number) for number in map(_number, leaf.values))
    if not whole or not _NO_COUNT.isdisjoint(words):
        return ""
    exact = next((word for word in words if _COUNTED.fullmatch(word)), "")
    return exact or next((status for status, called in _CALLED.items() if not called.isdisjoint(words)), "")


def _graphql(held: list[Leaf]) -> list[tuple[str, str]]:
    """The lines that read GraphQL's own error code."""
    inside = next((leaf for leaf in held if leaf.path[-3:] == (GRAPHQL, "1", "message")), None)
    if inside is None:
        return []
    error = inside.expression.removesuffix(".message")
    coded = any(leaf.path[:-2] == inside.path[:-1] and leaf.path[-2:] == ("extensions", "code") for leaf in held)
    code = f"{error}.extensions.code, " if coded else ""
    return [(f"coalesce({code}CASE WHEN {inside.expression} IS NOT NULL THEN 'ERROR' END)", "GraphQL's errors")]


def _around(held: list[Leaf]) -> tuple[str, ...]:
    """The path of the envelope: the object that contains most fields, whose name carries no meaning."""
    counts: dict[tuple[str, ...], int] = {}
    for leaf in held:
        for length in range(1, len(leaf.path)):
            counts[leaf.path[:length]] = counts.get(leaf.path[:length], 0) + 1
    wide = [path for path, count in counts.items() if count >= len(held) / 2]
    return max(wide, key=len, default=())


def _called(leaf: Leaf, around: tuple[str, ...]) -> Iterator[str]:
    """Possible names of a field: its whole path, and each suffix of it."""
    inside = leaf.path[: len(around)] == around
    path = Leaf(leaf.path[len(around) :], "").words if inside else leaf.words
    for start in range(len(path)):
        name = bare("".join(path[start:]))
        if start == 0 or name not in BARE:
            yield name


def _leaves(column: Column, names: dict[str, list[Leaf]], free: list[Leaf]) -> list[tuple[Leaf, str]]:
    """The fields that fit a column, with the reason; each further one is present where the others are missing."""
    wanted = [column.name, *column.named]
    if column.name.endswith("_ms"):
        wanted += [one + unit for one in wanted for unit in _UNITS]
    looks = column.name in LIKE
    named = [leaf for one in wanted for leaf in names.get(bare(one), []) if leaf in free]
    if column.name == "weight":
        named = [leaf for leaf in named if not _only_rises(leaf)]
    if column.name == "timestamp" and any(leaf.share(column="timestamp") >= MOST for leaf in free):
        named = [leaf for leaf in named if leaf.share(column="timestamp") >= 0.5]
    if column.name in NEEDED or column.name == "endpoint_path":
        # A constant field probably belongs to the envelope: prefer fields that vary.
        fits = {leaf: leaf.share(column=column.name) >= 0.5 for leaf in named}
        path = column.name != ANSWER
        named.sort(key=lambda leaf: (path and not leaf.varies, not fits[leaf], not leaf.varies))
    if named:
        return [
            (leaf, "the same name" if leaf.name.lower() == column.name else f"{leaf.name} is what others call it")
            for leaf in _one_for_another(column, named)
        ]
    if looks:
        alike = [leaf for leaf in free if leaf.varies and _looks(column.name, leaf)]
        if alike:
            best = max(alike, key=lambda leaf: leaf.share(_HTTP) if column.name == ANSWER else 0)
            return [(best, f"{best.name} looks like it")]
    return []


def _one_for_another(column: Column, named: list[Leaf]) -> list[Leaf]:
    """The first field, and its substitutes in other rows: it was renamed half-way, or files differ."""
    chosen, rows = [named[0]], set(named[0].rows)
    for leaf in named[1:]:
        fits = column.name not in LIKE or column.name == "latency_ms" or leaf.share(column=column.name) >= MOST
        if fits and rows.isdisjoint(leaf.rows) and len(leaf.rows) >= ALSO * (len(rows) + len(leaf.rows)):
            chosen.append(leaf)
            rows.update(leaf.rows)
    return chosen


def _looks(name: str, leaf: Leaf) -> bool:
    if name == ANSWER:
        well = sum(200 <= (http_status(str(value), "http") or 0) < 300 for value in leaf.values)
        return leaf.share(column=name) >= MOST and well * 2 > len(leaf.values)
    return leaf.share(column=name) >= MOST or (name == "endpoint_path" and leaf.share(_REQUEST_LINE) >= MOST)


def _only_rises(leaf: Leaf) -> bool:
    """True if the numbers strictly increase: then it is a row number or a counter, not a weight."""
    numbers = [_number(value) for value in leaf.values[:LOOKED_AT]]
    return len(numbers) > FEW_ROWS and all(a is not None and b is not None and a < b for a, b in pairwise(numbers))


def _expression(column: Column, leaf: Leaf, why: str) -> tuple[str, str]:
    """The mapping's expression for a field as a column, and the comment beside it."""
    name, plain = column.name, leaf.expression
    if name == "endpoint_path":
        asked, less = plain, "its query"
        if leaf.share(_REQUEST_LINE) >= MOST:
            asked, less = f"split_part({plain}, ' ', 2)", f"its method and {less}"
        if any("://" in str(value) for value in leaf.values):
            asked = f"regexp_replace({asked}, '^https?://[^/]+', '')"
        return f"split_part({asked}, '?', 1)", f"{why}; without {less}"
    if name == "weight" and "rate" in leaf.path[-1].lower():
        return plain, f"{why}: a row stands for so many requests (1.0 / {plain}, if it is a share)"
    if name.endswith("_ms"):
        return _milliseconds(leaf, why)
    return plain, why if column.kind is not Kind.TIMESTAMP else f"{why}; read by its form"


def _milliseconds(leaf: Leaf, why: str) -> tuple[str, str]:
    """A duration by the unit in its name, else by its magnitude: most requests take between 1 ms and 10 s."""
    numbers = [number for value in leaf.values if (number := _number(value)) is not None]
    if len(numbers) < len(leaf.values) / 2:
        return leaf.expression, f"{why}; with its units"
    unit = re.split(r"[^a-z]+", re.sub(r"([a-z])([A-Z])", r"\1_\2", leaf.path[-1]).lower().rstrip(")] "))[-1]
    half = median(numbers)
    reason = f"its unit is {unit}"
    if unit not in _UNITS:
        whole = all(number == int(number) for number in numbers)
        unit = "s" if half < 1 and not whole else "ms" if half < 1e4 else "us" if half < 1e6 else "ns"
        reason = f"by its size in {unit}: mend it, if that is not so"
    factor = _UNITS[unit]
    counted = leaf.expression if isinstance(leaf.values[0], int | float) else f"TRY_CAST({leaf.expression} AS DOUBLE)"
    return leaf.expression if factor == 1 else f"{factor:g} * {counted}", f"{why}; {reason}"


def _number(value: object) -> float | None:
    try:
        return float(str(value).replace(",", "."))
    except ValueError:
        return None


def in_toml(expression: str) -> str:
    """An expression as a TOML string."""
    return '"' + expression.replace("\\", "\\\\").replace('"', '\\"') + '"'
