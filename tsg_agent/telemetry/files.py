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
"""Ending of a text file -> DuckDB's reader; of a log only its beginning tells."""
PACKED = {"": None, ".gz": "gzip", ".zst": "zstd", ".bz2": "bz2"}
READERS = {".parquet": "read_parquet"} | {f"{end}{pack}": reader for end, reader in PLAIN.items() for pack in PACKED}
"""File ending -> DuckDB's reader."""
UNPACKED = (".bz2",)
"""Endings of what the engine does not unpack itself; archives (.zip) are unpacked too."""
REJECTING = "store_rejects = true, rejects_limit = 0"
"""An option of CSV: a line with too few or too many cells costs itself."""
MOST_BYTES = 8 * 2**30
"""What all packed files of a source may become together."""


@dataclass(frozen=True)
class TableFiles:
    """The files of one table, all of one kind, in a fixed order."""

    paths: tuple[str, ...]
    reader: str
    depth: int = -1
    """How deep JSON is read into columns of their own: below, objects are texts."""
    passed_over: tuple[str, ...] = ()
    """Of the requests: the names of readable files beside them that are in no table."""

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

    def relation_with(self, texts: Iterable[str], more: str = "") -> str:
        """The same, with these columns read as text (of a CSV), and more options."""
        options = {
            "read_parquet": "union_by_name = true",
            "read_csv": "union_by_name = true, strict_mode = true, sample_size = -1",
            "read_json": f"union_by_name = true, sample_size = -1, maximum_object_size = {self._largest}",
        }[self.reader]
        if more == REJECTING:
            options = options.removeprefix("union_by_name = true, ")  # the engine cannot do both
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

        Of a container's log its program's lines; `line_time` is then when each was written.
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
        """What `as_lines` has besides the line, to put behind a list of columns."""
        return ", line_time" if self.container else ""

    @cached_property
    def container(self) -> str:
        """Whose log of a container's output it is, by its first line: docker's, or cri of Kubernetes; or none."""
        begin = _beginning(Path(self.paths[0])).decode(errors="replace") if self.is_text else ""
        return next((name for name, like in _CONTAINED.items() if like.match(begin)), "")

    @property
    def recoded(self) -> tuple[str, ...]:
        """The names of files that are no UTF-8 and do not say what else they are."""
        return tuple(Path(path).name for path in self.paths if Path(path).parent.name == FALLBACK)

    @property
    def _names(self) -> str:
        return ", ".join(literal(glob.escape(path)) for path in self.paths)  # a name is no pattern

    @property
    def _largest(self) -> int:
        """Bytes that one JSON object may have: an export may be one object."""
        return min(max(2**24, *(Path(path).stat().st_size + 1 for path in self.paths)), 2**30)


ROTATED = re.compile(r"[._]log([._-]\d[\d.-]*)?(\.gz|\.zst|\.bz2)?$")
"""Logs by the names that rotation gives them, and Apache's access_log."""
VAGUE = re.compile(r"(?<!\.tar)(\.gz|\.zst|\.bz2)$|\.(?:txt|out)$|^[^.]+$")
"""Names that may be a log's: of those that say nothing else, where no file beside them says more."""
FALLBACK = "cp1252"
"""What a text is read as that is no UTF-8 and names no encoding: Western Windows' own, which is Latin-1 and more."""
CONTAINERS = {
    "docker": ("TRY_CAST(line AS JSON) ->> '$.log'", "TRY_CAST(line AS JSON) ->> '$.time'"),
    "cri": (
        r"regexp_extract(line, '^\S+ (?:stdout|stderr) [FP] (.*)$', 1)",
        r"regexp_extract(line, '^\S+')",
    ),
}
"""What keeps a container's output, line by line: a program's own line in it, and when it was written."""
_CONTAINED = {
    "docker": re.compile(r'\{"log": ?".*"stream": ?"(stdout|stderr)"'),
    "cri": re.compile(r"\d{4}-\d\d-\d\dT\S+ (stdout|stderr) [FP] "),
}


def ending(path: Path) -> str:
    """The readable ending of a file's name ("" if we read no such file)."""
    name = path.name.lower()
    known = _said(name)
    found = None if known else ROTATED.search(name) or VAGUE.search(name)
    return f".log{found.groups()[-1] or ''}" if found else known


def form(path: Path) -> str:
    """The ending without what it is packed in."""
    return re.sub(r"\.(gz|zst|bz2)$", "", ending(path))


def _said(name: str) -> str:
    return max((suffix for suffix in READERS if name.endswith(suffix)), key=len, default="")


def _is_vague(path: Path) -> bool:
    """Whether its name does not say that it is telemetry."""
    name = path.name.lower()
    return not (_said(name) or ROTATED.search(name))


def places(location: str) -> list[Path]:
    """Every file of a folder, or of a glob, readable or not; sorted by path.

    Of a folder's sub-folders those that are named like a table; where it holds nothing readable itself, all of them, as
    exports by day or account lie.
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
    """Every readable file of a folder or a glob (see places); sorted by path.

    Archives, and what the engine cannot unpack, are unpacked into the folder `unpack_to`. Raises TelemetryError when
    there is nothing to read.
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
        missing = "" if folder.exists() else " It does not exist." if not glob.has_magic(location) else ""
        passed = f" It holds {', '.join(path.name for path in there[:5])}, which ends in none of " if there else ""
        passed += f"{', '.join(dict.fromkeys(['.parquet', *PLAIN]))}." if there else ""
        raise TelemetryError(f"There is no telemetry in {location}.{missing}{passed}", fix=fix)
    return found


def unpacked(paths: Iterable[Path], folder: Path) -> list[Path]:
    """The files, those unpacked that the engine cannot unpack. Raises TelemetryError for damaged or too large ones."""
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
    """A text file that is no UTF-8 as one that is: what spreadsheets and Windows write."""
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
    """The first bytes of a file, unpacked. Raises TelemetryError."""
    try:
        with _unpacked(path) as file:
            return bytes(file.read(size))
    except OSError as error:
        raise TelemetryError(f"{path} cannot be read: {error}.", fix="Make or copy it anew.") from error


def _is_packed(path: Path) -> bool:
    """Whether it is an archive, or packed in a way that the engine cannot read."""
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

    `only`: the table that a mapping is about, where it is about one: files named like none are its.

    Raises TelemetryError when no file belongs to any table, or when one table's files are of several kinds.
    """
    groups: dict[str, list[Path]] = {}
    for path in paths:
        table = table_of(path)
        if table and table not in sources:
            groups.setdefault(table, []).append(path)
    if only and only not in groups and only not in sources:
        # What is named like no table is the one that the mapping is about.
        rest = [path for path in paths if not table_of(path)]
        groups |= {only: rest} if rest else {}
    for name, pattern in sources.items():
        matches = [path for path in paths if path.match(pattern) or path.stem == pattern or str(path) == pattern]
        if not matches:
            raise TelemetryError(f"The mapping takes {name} from {pattern!r}, and no file in {location} has that name.")
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
    """Raises TelemetryError for a file whose name cannot be told to the engine, or that lies elsewhere.

    A folder may be anybody's: a link in it would have another file read, and its first line told in an error.
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
    """The folder that a location names, of a glob the one before its pattern."""
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
    return TableFiles(tuple(str(path.resolve()) for path in filled or paths), reader)  # a log just begun has no row


def _reader_of(path: Path) -> str:
    """What a log is by its beginning: JSON lines, or else cells."""
    begin = b"".join(_beginning(path).split())
    return "read_json" if begin.startswith((b"{", b"[{", b"[[")) else "read_csv"
