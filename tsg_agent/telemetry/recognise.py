"""Proposes a mapping for a file: a ready one, or a guess for each column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os.path import commonprefix
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from tsg_agent.columns import COLUMNS
from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry import cells, records
from tsg_agent.telemetry.catalog import ANSWER, CALLS, LOGS
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.files import TableFiles, ending, find_files, form, group_files, table_of
from tsg_agent.telemetry.formats import Format, based, formats
from tsg_agent.telemetry.guess import CONSTANTS, NEEDED, REQUEST, Guess, guess, guessed_lines, in_toml
from tsg_agent.telemetry.identity import KEY
from tsg_agent.telemetry.loading import as_deep_as_can, described, keep_groups
from tsg_agent.telemetry.mapping import checked_mapping
from tsg_agent.telemetry.shape import add_macros, fits, shaped
from tsg_agent.telemetry.values import any_row, literal

LOOKED_AT = 200
"""Number of lines by which a log is recognised."""
MOST = 0.9
"""Share of them that a format must match."""
SHOWN = 5
MANY = 100
"""Up to so many files are inspected one by one; of more, the largest of each extension."""
GUESSED = "no ready format; each column is guessed by its name and its values"


@dataclass(frozen=True)
class Proposal:
    """A proposed mapping for a source, and the first rows read with it."""

    text: str
    rows: list[dict[str, object]]
    notes: tuple[str, ...] = ()
    missing: str = ""
    """Advice about missing required columns; "" if none is missing."""


@dataclass(frozen=True)
class FileRows:
    """One way to read a file: a FROM clause, its columns -> types, in lower case, and its lines for the mapping."""

    source: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    layout: str = ""


@dataclass(frozen=True)
class FileForm:
    """Files of one format, and the ready mapping that recognises them, if any."""

    paths: list[Path]
    ready: Format | None

    @property
    def largest(self) -> Path:
        """The largest file, which represents them."""
        return max(self.paths, key=_size)


def propose(location: str, *, named: str = "", constants: dict[str, str] | None = None) -> Proposal:
    """Propose a mapping for a file or folder. `named`: a ready mapping to use; `constants`: scope column -> value.

    Raises TelemetryError if no mapping fits.
    """
    given = {name: value for name, value in (constants or {}).items() if value}
    with TemporaryDirectory(prefix="tsg-agent-") as unpacked:
        paths = find_files(location, unpacked)
        with duckdb.connect(":memory:") as connection:
            add_macros(connection)
            maps = {path: ready for path in paths if (ready := _service_map(connection, path))}
            logs = [one for one in paths if one not in maps] or paths
            kind = _kinds(connection, logs, maps)[0]
            ready = formats()[named] if named else kind.ready
            lines, bases, missing = [], [ready] if ready else [], ""
            if ready is None or LOGS.name in ready.tables:
                head, columns = _from(location, kind, paths), _based(given)
                if ready is None:
                    held, made = _guess(connection, kind, given)
                    head += [held.layout] if held.layout else []
                    head += [f'unnest = "{made.unnest}"'] if made.unnest else []
                    head += [f"where = {in_toml(made.where)} # other rows are no requests"] if made.where else []
                    columns, missing = made.lines, _lacking(made.missing, made)
                elif "lines" not in (whole := based({"format": ready.name})[LOGS.name]):
                    held = next(iter(_readings(connection, kind.paths)), FileRows())
                    head += [held.layout] if held.layout else []
                    if held.source and "layout" not in whole:
                        columns += _besides(connection, held, ready, given)
                lines = ["", f"[{LOGS.name}]", *head, f"[{LOGS.name}.columns]", *columns]
            for kept, found in [] if named else list(maps.items())[:1]:
                bases += [found] if found is not ready else []
                lines += ["", f"[{CALLS.name}]", *([f'from = "{kept.name}"'] if Path(location).is_dir() else [])]
        text = "\n".join([*_head(kind.largest, bases), *lines, ""])
        return _proved(location, text, missing)


def _kinds(connection: duckdb.DuckDBPyConnection, paths: list[Path], maps: dict[Path, Format]) -> list[FileForm]:
    """The files by format, the largest group first: those that are named like no table, else those of the requests."""
    unnamed = [path for path in paths if table_of(path) is None]
    logs = [path for path in paths if table_of(path) == LOGS.name]
    groups: dict[tuple[str, str], list[Path]] = {}
    ready: dict[tuple[str, str], Format | None] = {}
    looked = unnamed or logs or paths
    for path in looked:
        found = maps.get(path) or (_recognised(connection, path) if len(looked) <= MANY else None)
        key = (found.name if found else "", form(path))
        groups.setdefault(key, []).append(path)
        ready[key] = found
    if len(looked) > MANY:
        ready = {key: _recognised(connection, max(held, key=_size)) for key, held in groups.items()}
    kinds = [FileForm(held, ready[key]) for key, held in groups.items()]
    return sorted(kinds, key=lambda one: -sum(map(_size, one.paths)))


def _recognised(connection: duckdb.DuckDBPyConnection, path: Path) -> Format | None:
    return recognised(path, next(iter(_readings(connection, [path])), FileRows()).columns)


def _size(path: Path) -> int:
    return path.stat().st_size


def _head(path: Path, bases: list[Format]) -> list[str]:
    if not bases:
        return [f"# Made by `tsg-agent mapping init` from {path.name}: {GUESSED}."]
    why = " and ".join(f"{one.name} ({one.title})" for one in bases)
    quoted = ", ".join(f'"{one.name}"' for one in bases)
    named = quoted if len(bases) == 1 else f"[{quoted}]"
    return [f"# Made by `tsg-agent mapping init` from {path.name}: recognised as {why}.", "", f"format = {named}"]


def _service_map(connection: duckdb.DuckDBPyConnection, path: Path) -> Format | None:
    """The ready mapping for a file that holds a service map; None if it holds none."""
    if not ending(path).startswith(".json") or table_of(path) not in (None, CALLS.name):
        return None
    columns = next(iter(_readings(connection, [path])), FileRows()).columns
    if any(one.recognises(columns) for one in formats().values() if LOGS.name in one.tables):
        return None
    return next((one for one in formats().values() if CALLS.name in one.tables and one.recognises(columns)), None)


def _from(location: str, kind: FileForm, paths: list[Path]) -> list[str]:
    """The line `from`: the file, or a glob for the folder's files of this format."""
    path = kind.largest
    if not Path(location).is_dir() or table_of(path):
        return []
    names = [one.name for one in kind.paths]
    same = commonprefix([name[::-1] for name in names])[::-1]  # noqa: RUF071 - of names, not of folders
    end = same[same.find(".") :] if "." in same else ""
    pattern = f"{commonprefix([name.removesuffix(end) for name in names])}*{end}"  # noqa: RUF071 - of names
    if len(names) > 1 and all(one in kind.paths for one in paths if one.match(pattern)):
        return [f'from = "{pattern}"']
    why = "" if len(names) == 1 else " # alone: a pattern for all of its kind would take other files too"
    return [f'from = "{path.name}"{why}']


def recognised(path: Path, columns: dict[str, str]) -> Format | None:
    """The ready mapping for a file. `columns`: its columns -> types, in lower case; empty for lines of text."""
    table = _table([path])
    lines = _lines(table)
    most = records.MOST_SHARE if table and table.container else MOST
    fields = next((line.removeprefix("#Fields:").lower().split() for line in lines if line.startswith("#Fields:")), [])
    held = dict.fromkeys(fields, "varchar") if fields else columns
    texts = [line for line in lines if not line.startswith("#")]
    for one in formats().values():
        logs = one.tables.get(LOGS.name)
        if logs is None:
            continue
        pattern = logs.get("lines")
        if pattern and texts and sum(re.match(pattern, line) is not None for line in texts) >= most * len(texts):
            return one
        if not pattern and (logs.get("layout") == "w3c") is bool(fields) and one.recognises(held):
            return one
    return None


def _table(paths: list[Path]) -> TableFiles | None:
    """Files of one format as one table, regardless of their names."""
    try:
        return next(iter(group_files(paths, str(paths[0].parent), {}, LOGS.name, str(paths[0].parent)).values()))
    except TelemetryError:
        return None


def _lines(table: TableFiles | None) -> list[str]:
    if table is None or not table.is_text:
        return []
    with duckdb.connect(":memory:") as connection:
        try:
            rows = connection.execute(f"SELECT line FROM {table.as_lines} LIMIT {LOOKED_AT}").fetchall()  # noqa: S608 - quoted
        except duckdb.Error:
            return []
    return [str(row[0]) for row in rows if row[0]]


def _readings(connection: duckdb.DuckDBPyConnection, paths: list[Path]) -> Iterator[FileRows]:
    """Possible ways to read files of one format, the likeliest first: records in lines, columns, or fields of lines."""
    table = _table(paths)
    if table is None:
        return
    table = as_deep_as_can(connection, table)
    log = ending(paths[0]).startswith(".log")
    try:
        found = described(connection, table.relation) if not table.container else {}
    except duckdb.Error:
        found = {}
    lines = _lines(table) if not found or (table.is_csv and log) else []
    if records.hold(lines):
        records.keep(connection, "looked_at", table.as_lines, table.beside)
        layout = 'layout = "records" # the JSON or the pairs of each line; other lines are counted'
        yield FileRows("looked_at", _lower(described(connection, "looked_at")), layout)
    elif found:
        yield FileRows(table.relation, _lower(found))
    if pattern := cells.pattern(lines):
        keep_groups(connection, "looked_at", table, pattern)
        layout = f"lines = {in_toml(pattern)} # the cells of each line"
        yield FileRows("looked_at", _lower(described(connection, "looked_at")), layout)


def _lower(columns: dict[str, str]) -> dict[str, str]:
    return {name.lower(): kind.lower() for name, kind in columns.items()}


def _guess(connection: duckdb.DuckDBPyConnection, kind: FileForm, given: dict[str, str]) -> tuple[FileRows, Guess]:
    """The guess of the reading with the fewest missing columns. Raises TelemetryError if there is no reading."""
    found = []
    for held in _readings(connection, kind.paths):
        found.append((held, guess(connection, held.source, given)))
        if not found[-1][1].missing:
            return found[-1]
    if not found:
        raise TelemetryError(
            f"{kind.largest} is recognised as none of the ready formats, and has no columns to guess from.",
            fix="Write `lines`, a regular expression with named groups, into a mapping file (docs/telemetry.md).",
        )
    return min(found, key=lambda one: len(one[1].missing))


def _besides(connection: duckdb.DuckDBPyConnection, held: FileRows, ready: Format, given: dict[str, str]) -> list[str]:
    """Guessed mapping lines for columns for which the source has none of the ready mapping's fields."""
    mapping = checked_mapping({"format": ready.name}, ready.name)[LOGS.name]
    source = shaped(connection, held.source, mapping).source
    lacking, named = [], " ".join(text for texts in mapping.columns.values() for text in texts)
    for column in (KEY, *REQUEST, "service_version"):
        texts = [text for text in mapping.columns.get(column, ()) if fits(connection, source, text)]
        read = f"coalesce({', '.join(f'CAST({text} AS VARCHAR)' for text in [*texts, 'NULL'])})"
        if not any_row(connection, f"{source} WHERE {read} IS NOT NULL"):
            lacking.append(column)
    return guessed_lines(connection, source, lacking, given, named) if lacking else []


def _lacking(missing: list[str], made: Guess | None = None) -> str:
    """Advice about missing required columns."""
    if not missing:
        return ""
    leaves = made.candidates[: SHOWN * 2] if made else []
    held = "; ".join(f"{leaf.name} holds {str(leaf.values[0])[:40]!r}" for leaf in leaves)
    return (
        f"Nothing was found that is {' and '.join(missing)}, without which nothing can be judged. Put what is it "
        f"into the mapping{': ' + held if held else ''}."
    )


def _based(given: dict[str, str]) -> list[str]:
    lines = ["# The ready mapping stands under this: a line here takes the place of its own."]
    for name, value in CONSTANTS.items():
        chosen = given.get(name, value)
        mark = "" if name in given else "# "
        lines.append(f'{mark}{name} = "{literal(chosen)}"')
    return lines


def _proved(location: str, text: str, missing: str) -> Proposal:
    """The mapping, tested: a guessed column that cannot be read is removed, with the reason as a comment."""
    with TemporaryDirectory(prefix="tsg-agent-") as folder:
        path = Path(folder) / "mapping.toml"
        for _ in COLUMNS:
            path.write_text(text)
            try:
                with DuckDB(location, mapping=path, about=[datetime.now(UTC)]) as engine:
                    held = LOGS if LOGS.name in engine.tables else CALLS
                    present = engine.tables[held.name].present | {ANSWER}
                    listed = ", ".join(name for name in held.columns if name in present)
                    table = engine.run(f"SELECT {listed} FROM {held.name} LIMIT {SHOWN}", {}, timeout=60)  # noqa: S608 - the catalogue's names
                    if not table.num_rows:
                        break
                    return Proposal(text, table.to_pylist(), engine.tables[held.name].notes, missing)
            except TelemetryError as error:
                bad = re.search(rf"{LOGS.name}\.(\w+)", error.message)
                name = bad[1] if bad else "?"
                line = re.search(rf"^{name} = .*$", text, re.MULTILINE) if bad else None
                if line is None:
                    raise
                why = " ".join(f"{error.message} {error.fix}".split())
                text = text.replace(line[0], f"# left out: {line[0]}\n#   {why}")
                if name in NEEDED:
                    missing = missing or why
    raise TelemetryError(
        f"No mapping that reads a row of {location} was found: {text.splitlines()[0].removeprefix('# ')}",
        fix="Write one (docs/telemetry.md), or name a format (--format).",
    )
