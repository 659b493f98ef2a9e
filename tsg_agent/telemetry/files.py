"""Finds which files hold which of the guide's tables, and how to read them."""

import glob
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.values import is_text

READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".csv.gz": "read_csv",
    ".json": "read_json",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".json.gz": "read_json",
    ".jsonl.gz": "read_json",
    ".ndjson.gz": "read_json",
}
"""File ending -> DuckDB's reader."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, all of one kind, in a fixed order."""

    paths: tuple[str, ...]
    reader: str

    @property
    def is_text(self) -> bool:
        """CSV and JSON lines: parsed anew by each query, so worth loading once."""
        return self.reader != "read_parquet"

    @property
    def empty(self) -> tuple[str, ...]:
        """Files of no bytes: a writer that failed. Of text files only where all are."""
        return tuple(path for path in self.paths if not Path(path).stat().st_size)

    @property
    def is_csv(self) -> bool:
        """Types are guessed from what the values look like: "007" and "f" may be texts all the same."""
        return self.reader == "read_csv"

    @property
    def relation(self) -> str:
        """The FROM clause. File names are quoted; they come from the disk, not from an incident."""
        return self.relation_with(())

    def relation_with(self, texts: Iterable[str]) -> str:
        """The same, with these columns read as text (of a CSV)."""
        names = ", ".join(_quoted(glob.escape(path)) for path in self.paths)  # a name is no pattern
        options = {
            "read_parquet": ", union_by_name = true",
            "read_csv": ", union_by_name = true, strict_mode = true, sample_size = -1",
            "read_json": ", union_by_name = true, format = 'auto', sample_size = -1",
        }[self.reader]
        types = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in texts)
        return f"{self.reader}([{names}]{options}{', types = {' + types + '}' if types else ''})"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def ending(path: Path) -> str:
    """The readable ending of a file's name ("" if we read no such file)."""
    name = path.name.lower()
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


def find_files(location: str) -> list[Path]:
    """Every readable file of a folder (and of sub-folders named like a table), or of a glob; sorted by path.

    Raises TelemetryError when there is nothing to read.
    """
    folder = Path(location)
    fix = f"Give a folder, a glob or a .duckdb file that holds {', '.join(CATALOG)} as Parquet, CSV or JSON lines."
    if folder.is_dir():
        inside = (path for name in CATALOG for path in (folder / name).rglob("*"))
        candidates: Iterable[Path] = chain(folder.iterdir(), inside)
    elif folder.is_file():
        candidates = [folder]
    else:
        candidates = map(Path, glob.glob(location, recursive=True))  # noqa: PTH207 - the pattern may be absolute
    found = sorted(path for path in candidates if path.is_file() and ending(path))
    if not found:
        missing = "" if folder.exists() else " It does not exist." if not glob.has_magic(location) else ""
        raise TelemetryError(f"There is no telemetry in {location}.{missing}", fix=fix)
    return found


def table_of(path: Path) -> str | None:
    """The guide's table a file belongs to: by its name (TABLE.parquet, TABLE-2026-03.csv) or its folder's."""
    stem = path.name.lower()[: -len(ending(path))]
    for name in CATALOG:
        if stem == name or (stem.startswith(name) and not stem[len(name)].isalnum()):
            return name
    names = {parent.name.lower() for parent in path.parents}
    return next((name for name in CATALOG if name in names), None)


def group_files(paths: list[Path], location: str, sources: dict[str, str]) -> dict[str, TableFiles]:
    """The files by table. `sources` (from a mapping file) gives a table's file or glob, relative to the folder.

    Raises TelemetryError when no file belongs to any table, or when one table's files are of several kinds.
    """
    groups: dict[str, list[Path]] = {}
    for name, pattern in sources.items():
        matches = [path for path in paths if path.match(pattern) or path.stem == pattern or str(path) == pattern]
        if not matches:
            raise TelemetryError(f"The mapping takes {name} from {pattern!r}, and no file in {location} has that name.")
        groups[name] = matches
    for path in paths:
        table = table_of(path)
        if table and table not in sources:
            groups.setdefault(table, []).append(path)
    if not groups:
        raise TelemetryError(
            f"None of the {len(paths)} files in {location} is named like a table the guide reads.",
            fix=f"Name them {', '.join(CATALOG)}, or write a mapping file (--mapping).",
        )
    for group in groups.values():
        _check_places(group, location)
    return {name: _same_kind(name, group) for name, group in groups.items()}


def _check_places(paths: list[Path], location: str) -> None:
    """Raises TelemetryError for a file whose name cannot be told to the engine, or that lies elsewhere.

    A folder may be anybody's: a link in it would have another file read, and its first line told in an error.
    """
    for path in paths:
        if not is_text(str(path)):
            shown = str(path).encode("utf-8", "backslashreplace").decode()
            raise TelemetryError(f"The name of {shown} is no text in UTF-8.", fix="Rename that file.")
        if str(path) != location and not path.resolve().is_relative_to(_root(location)):
            raise TelemetryError(
                f"{path} is a link to a file outside of {location}, which is not followed.",
                fix="Put the file itself there, or give the folder that it lies in.",
            )


def _root(location: str) -> Path:
    """The folder that a location names, of a glob the one before its pattern."""
    parts = Path(location).parts
    plain = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    root = Path(*parts[:plain])
    return (root if root.is_dir() else root.parent).resolve()


def _same_kind(name: str, paths: list[Path]) -> TableFiles:
    readers = {READERS[ending(path)] for path in paths}
    if len(readers) > 1:
        raise TelemetryError(
            f"{name} is there as several kinds of file: {', '.join(sorted(path.name for path in paths))}.",
            fix="Keep one kind, so that no row is counted twice.",
        )
    reader = readers.pop()
    filled = [path for path in paths if path.stat().st_size] if reader != "read_parquet" else paths
    return TableFiles(tuple(str(path.resolve()) for path in filled or paths), reader)  # a log just begun has no row
