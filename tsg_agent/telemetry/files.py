"""Finds which files hold which of the guide's tables, and how to read them."""

import codecs
import glob
import re
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import IO

import pyarrow as pa

from tsg_agent.errors import TelemetryError
from tsg_agent.escape import utf8
from tsg_agent.telemetry.catalog import CATALOG, LOGS
from tsg_agent.telemetry.values import is_text, literal

PLAIN = {".csv": "read_csv", ".tsv": "read_csv", ".json": "read_json", ".jsonl": "read_json", ".ndjson": "read_json",
         ".log": ""}  # fmt: skip
"""Extension of a text file -> DuckDB's reader; that of a log depends on its content."""
PACKED = {"": None, ".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
READERS = {".parquet": "read_parquet"} | {f"{end}{pack}": reader for end, reader in PLAIN.items() for pack in PACKED}
"""File extension -> DuckDB's reader."""
UNPACKED = (".bz2",)
"""Extensions of compressions that the engine cannot read; archives (.zip) are unpacked too."""
REJECTING = "store_rejects = true, rejects_limit = 0"
"""A CSV option: skip lines with too few or too many fields."""
MOST_BYTES = 8 * 2**30
"""Largest total size of a source's unpacked files."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, all of one kind, in a fixed order."""

    paths: tuple[str, ...]
    reader: str
    depth: int = -1
    """Nesting depth to which JSON is read into typed columns; deeper objects are texts."""
    passed_over: tuple[str, ...] = ()
    """For the requests: the names of supported files that belong to no table."""

    @property
    def is_text(self) -> bool:
        """True for CSV and JSON lines: each query would parse them again, so they are loaded once."""
        return self.reader != "read_parquet"

    @property
    def empty(self) -> tuple[str, ...]:
        """Names of files of 0 bytes, which a failed writer leaves; of text files only if all are empty."""
        return tuple(path for path in self.paths if not Path(path).stat().st_size)

    @property
    def is_csv(self) -> bool:
        """True for CSV, whose types DuckDB infers: "007" and "f" may be texts nevertheless."""
        return self.reader == "read_csv"

    @property
    def relation(self) -> str:
        """The FROM clause, with quoted file names."""
        return self.relation_with(())

    def relation_with(self, texts: Iterable[str], more: str = "") -> str:
        """The FROM clause with more reader options; `texts`: columns of a CSV to read as text."""
        options = {
            "read_parquet": "union_by_name = true",
            "read_csv": "union_by_name = true, strict_mode = true, sample_size = -1",
            "read_json": f"union_by_name = true, sample_size = -1, maximum_object_size = {self._largest}",
        }[self.reader]
        if more == REJECTING:
            options = options.removeprefix("union_by_name = true, ")  # the engine cannot combine both options
        if self.reader == "read_json" and "format" not in more:
            options += ", format = 'auto'"
        if self.reader == "read_json":
            options += f", maximum_depth = {self.depth}"
        types = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in texts)
        parts = [f"[{self._names}]", options, *([more] if more else []), *([f"types = {{{types}}}"] if types else [])]
        return f"{self.reader}({', '.join(parts)})"

    @property
    def as_lines(self) -> str:
        """The FROM clause of the files' lines, as one text column `line`.

        For a container's log these are its program's lines, and `line_time` is the time at which each was written.
        """
        whole = (
            f"read_csv([{self._names}], columns = {{'line': 'VARCHAR'}}, delim = '\x01', header = false, quote = '', "
            "escape = '', auto_detect = false, strict_mode = false, max_line_size = 16777216)"
        )
        if not self.container:
            return whole
        line, written = CONTAINERS[self.container]
        return f"(SELECT rtrim({line}, chr(10)) AS line, {written} AS line_time FROM {whole})"  # noqa: S608 - our own

    @property
    def beside(self) -> str:
        """The columns of `as_lines` after `line`, to append to a SELECT's list."""
        return ", line_time" if self.container else ""

    @cached_property
    def container(self) -> str:
        """The container log format by the first line: "docker", "cri" (Kubernetes), or ""."""
        begin = _beginning(Path(self.paths[0])).decode(errors="replace") if self.is_text else ""
        return next((name for name, like in _CONTAINED.items() if like.match(begin)), "")

    @property
    def recoded(self) -> tuple[str, ...]:
        """Names of files that were re-encoded from FALLBACK."""
        return tuple(Path(path).name for path in self.paths if Path(path).parent.name == FALLBACK)

    @property
    def _names(self) -> str:
        return ", ".join(literal(glob.escape(path)) for path in self.paths)  # read_text takes patterns: escape the name

    @property
    def _largest(self) -> int:
        """Largest JSON object in bytes: a whole export may be one object."""
        return min(max(2**24, *(Path(path).stat().st_size + 1 for path in self.paths)), 2**30)


ROTATED = re.compile(r"[._]log([._-]\d[\d.-]*)?(\.gz|\.zst|\.bz2)?$")
"""Names of rotated logs, and Apache's access_log."""
VAGUE = re.compile(r"(?<!\.tar)(\.gz|\.zst|\.bz2)$|\.(?:txt|out)$|^[^.]+$")
"""Generic names that may be a log's: they count only if no other file is named like a table."""
FALLBACK = "cp1252"
"""Fallback encoding of a text that is not UTF-8 and declares none: Western Windows', which extends Latin-1."""
CONTAINERS = {
    "docker": ("TRY_CAST(line AS JSON) ->> '$.log'", "TRY_CAST(line AS JSON) ->> '$.time'"),
    "cri": (
        r"regexp_extract(line, '^\S+ (?:stdout|stderr) [FP] (.*)$', 1)",
        r"regexp_extract(line, '^\S+')",
    ),
}
"""Container log format -> the SQL of a program's line in it, and of the line's time."""
_CONTAINED = {
    "docker": re.compile(r'\{"log": ?".*"stream": ?"(stdout|stderr)"'),
    "cri": re.compile(r"\d{4}-\d\d-\d\dT\S+ (stdout|stderr) [FP] "),
}


def ending(path: Path) -> str:
    """The file name's supported extension; "" if it is not supported."""
    name = path.name.lower()
    known = _said(name)
    found = None if known else ROTATED.search(name) or VAGUE.search(name)
    return f".log{found.groups()[-1] or ''}" if found else known


def form(path: Path) -> str:
    """The extension without that of its compression."""
    return re.sub(r"\.(gz|zst|bz2)$", "", ending(path))


def _said(name: str) -> str:
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


def _is_vague(path: Path) -> bool:
    """True if the name does not show that the file is telemetry."""
    name = path.name.lower()
    return not (_said(name) or ROTATED.search(name))


def places(location: str) -> list[Path]:
    """Every file of a folder or a glob, supported or not; sorted by path.

    Includes a folder's sub-folders that are named like a table; if the folder itself holds no supported file, all of
    its sub-folders, since exports are often split by day or account.
    """
    folder = Path(location)
    candidates: Iterable[Path]
    if folder.is_dir():
        inside = (path for name in CATALOG for path in (folder / name).rglob("*"))
        candidates = [path for path in chain(folder.iterdir(), inside) if path.is_file()]
        if all(_is_vague(path) and not _is_packed(path) for path in candidates):
            candidates = folder.rglob("*")
    elif folder.is_file():
        candidates = [folder]
    else:
        candidates = map(Path, glob.glob(location, recursive=True))  # noqa: PTH207 - the pattern may be absolute
    return sorted(path for path in candidates if path.is_file())


def find_files(location: str, unpack_to: str = "") -> list[Path]:
    """Every supported file of a folder or a glob (see places); sorted by path.

    Archives, and compressions that the engine cannot read, are unpacked into the folder `unpack_to`. Raises
    TelemetryError if there is nothing to read.
    """
    folder = Path(location)
    fix = f"Give a folder, a glob or a .duckdb file that holds {', '.join(CATALOG)} as Parquet, CSV or JSON lines."
    there = places(location)
    if unpack_to:
        _check_places([path for path in there if _is_packed(path)], location)
        there = unpacked(there, Path(unpack_to))
        there = [path if path.is_symlink() else _in_utf8(path, Path(unpack_to)) for path in there]
    found = [path for path in there if not _is_vague(path)] or [path for path in there if ending(path)]
    if not found:
        missing = "" if folder.exists() or glob.has_magic(location) else " It does not exist."
        if missing and folder.is_symlink():
            missing = f" It is a link to {folder.readlink()}, which does not exist."
        passed = f" It holds {', '.join(path.name for path in there[:5])}, which ends in none of " if there else ""
        passed += f"{', '.join(dict.fromkeys(['.parquet', *PLAIN]))}." if there else ""
        raise TelemetryError(f"There is no telemetry in {location}.{missing}{passed}", fix=fix)
    return found


def unpacked(paths: Iterable[Path], folder: Path) -> list[Path]:
    """The files, unpacked where the engine cannot do it. Raises TelemetryError for damaged or too large ones."""
    result: list[Path] = []
    left = MOST_BYTES
    for path in paths:
        if not _is_packed(path):
            result.append(path)
            continue
        archived = path.name.lower().endswith(".zip")
        try:
            for name, source in _members(path) if archived else [(path.stem, _unpacked(path))]:
                target = folder / str(len(result)) / path.stem / Path(name).name
                target.parent.mkdir(parents=True, exist_ok=True)
                with source, target.open("wb") as out:
                    while block := source.read(2**20):
                        left -= out.write(block)
                        if left < 0:
                            raise TelemetryError(
                                f"{path} is too large: unpacked it would take over {MOST_BYTES // 2**30} GB.",
                                fix="Unpack it yourself, and give the folder.",
                            )
                result.append(target)
        except (OSError, EOFError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
            raise TelemetryError(f"{path} cannot be unpacked: {error}.", fix="Make or copy it anew.") from error
    return result


def _in_utf8(path: Path, folder: Path) -> Path:
    """Re-encode a text file to UTF-8: spreadsheets and Windows write other encodings."""
    if not ending(path) or path.name.endswith(".parquet"):
        return path
    begin = _beginning(path, 2**20)
    decoded = begin.decode(errors="replace")
    strange = sum(one > "\x7f" for one in decoded)
    encoding = "utf-16" if begin.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else FALLBACK
    if encoding == FALLBACK and (b"\0" in begin or 2 * decoded[:-3].count("\ufffd") <= strange):
        return path
    target = folder / f"in {len(list(folder.iterdir()))}" / encoding / re.sub(r"\.(gz|zst)$", "", path.name)
    target.parent.mkdir(parents=True)
    with _unpacked(path) as file, target.open("w", encoding="utf-8", newline="") as out:
        shutil.copyfileobj(codecs.getreader(encoding)(file, "replace"), out, 2**20)
    return target


def _unpacked(path: Path) -> pa.NativeFile:
    """A file's bytes, unpacked by its ending. pyarrow opens no name that is not UTF-8."""
    return pa.input_stream(path.open("rb"), compression=PACKED.get(path.suffix.lower()))


def _beginning(path: Path, size: int = 4096) -> bytes:
    """The first `size` bytes of a file, decompressed. Raises TelemetryError."""
    try:
        with _unpacked(path) as file:
            return bytes(file.read(size))
    except OSError as error:
        raise TelemetryError(f"{path} cannot be read: {error}.", fix="Make or copy it anew.") from error


def _is_packed(path: Path) -> bool:
    """True for an archive, or a compression that the engine cannot read."""
    name = path.name.lower()
    return name.endswith(".zip") or (name.endswith(UNPACKED) and bool(ending(path)))


def _members(path: Path) -> Iterator[tuple[str, IO[bytes]]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield member.filename, archive.open(member)


def table_of(path: Path) -> str | None:
    """The guide's table a file belongs to: by its name (TABLE.parquet, TABLE-2026-03.csv) or its folder's."""
    stem = path.name.lower().removesuffix(ending(path))
    for name in CATALOG:
        if stem == name or (stem.startswith(name) and not stem[len(name)].isalnum()):
            return name
    names = {parent.name.lower() for parent in path.parents}
    return next((name for name in CATALOG if name in names), None)


def group_files(
    paths: list[Path], location: str, sources: dict[str, str], only: str | None = None, unpacked_to: str = "?"
) -> dict[str, TableFiles]:
    """The files by table. `sources` (from a mapping file) gives a table's file or glob, relative to the folder.

    `only`: the one table that the mapping defines, if it defines one: it gets the files that are named like no table.

    Raises TelemetryError if no file belongs to any table, or if one table's files are of several kinds.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        table = table_of(path)
        if table and table not in sources:
            groups.setdefault(table, []).append(path)
    if only and only not in groups and only not in sources:
        rest = [path for path in paths if not table_of(path)]
        groups |= {only: rest} if rest else {}
    for name, pattern in sources.items():
        matches = [path for path in paths if path.match(pattern) or path.stem == pattern or str(path) == pattern]
        if not matches:
            raise TelemetryError(
                f"The mapping takes {name} from {pattern!r}, and no file in {location} has that name.",
                fix=f"Give `from` one of {', '.join(path.name for path in paths[:5])}.",
            )
        groups[name] = matches
    if not groups:
        raise TelemetryError(
            f"None of the {len(paths)} files in {location} is named like a table the guide reads.",
            fix=f"Name them {', '.join(CATALOG)}, or let `tsg-agent mapping init` write a mapping; "
            "`tsg-agent run --guide` follows a guide over tables of its own.",
        )
    for group in groups.values():
        _check_places([path for path in group if not path.is_relative_to(unpacked_to)], location)
    taken = {path for group in groups.values() for path in group}
    beside = tuple(utf8(path.name) for path in paths if path not in taken)
    found = {name: _same_kind(name, group) for name, group in groups.items()}
    return {name: replace(table, passed_over=beside if name == LOGS.name else ()) for name, table in found.items()}


def _check_places(paths: list[Path], location: str) -> None:
    """Raises TelemetryError for a file whose name the engine cannot take, or that lies outside of the location.

    A folder is untrusted: a symbolic link in it could expose the first line of another file in an error message.
    """
    for path in paths:
        if not is_text(str(path)):
            raise TelemetryError(f"The name of {utf8(str(path))} is no text in UTF-8.", fix="Rename that file.")
        if str(path) != location and not path.resolve().is_relative_to(_root(location)):
            raise TelemetryError(
                f"{path} is a link to a file outside of {location}, which is not followed.",
                fix="Put the file itself there, or give the folder that it lies in.",
            )
        found, folder = path.stat(), _root(location).stat()
        if str(path) != location and found.st_nlink > 1 and found.st_uid != folder.st_uid:
            raise TelemetryError(
                f"{path} has another name elsewhere (a hard link) and another owner than {location}: it is not read.",
                fix="Copy the file there, or give both one owner.",
            )


def _root(location: str) -> Path:
    """The location's folder; for a glob the one before its first pattern."""
    parts = Path(location).parts
    plain = next((n for n, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    root = Path(*parts[:plain])
    return (root if root.is_dir() else root.parent).resolve()


def _same_kind(name: str, paths: list[Path]) -> TableFiles:
    readers = {READERS[ending(path)] or _reader_of(path) for path in paths}
    if len(readers) > 1:
        raise TelemetryError(
            f"{name} is there as several kinds of file: {', '.join(sorted(path.name for path in paths))}.",
            fix="Keep one kind, so that no row is counted twice.",
        )
    reader = readers.pop()
    filled = [path for path in paths if path.stat().st_size] if reader != "read_parquet" else paths
    return TableFiles(tuple(str(path.resolve()) for path in filled or paths), reader)  # a new log has no row yet


def _reader_of(path: Path) -> str:
    """The reader of a log by its first bytes: JSON lines, or else CSV."""
    begin = b"".join(_beginning(path).split())
    return "read_json" if begin.startswith((b"{", b"[{", b"[[")) else "read_csv"
