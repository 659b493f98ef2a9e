"""Telemetry for any guide: the catalogue's tables by the usual engine, others as they lie in a folder or database."""

from collections.abc import Mapping
from pathlib import Path

import duckdb

from tsg_agent.errors import GuideError, TelemetryError
from tsg_agent.guides.catalogue import TableSchema
from tsg_agent.settings import Settings
from tsg_agent.telemetry.catalog import CATALOG, CatalogTable, Kind, SourceTable
from tsg_agent.telemetry.database import Database
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.files import READERS, TableFiles, ending
from tsg_agent.telemetry.mapping import TableMapping
from tsg_agent.telemetry.values import literal
from tsg_agent.telemetry.views import Relation, table_view

KINDS = (
    (("BOOLEAN",), Kind.BOOLEAN),
    (("TIMESTAMP", "DATE"), Kind.TIMESTAMP),
    (("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINY", "USMALL", "UINT", "UBIG"), Kind.INTEGER),
    (("FLOAT", "DOUBLE", "DECIMAL"), Kind.NUMBER),
)  # fmt: skip
"""Beginnings of DuckDB's types -> kind; every other type is a text."""


class GuideTables(DuckDB):
    """The tables that a guide names, whatever they are called; read-only and locked down as every source is."""

    def __init__(self, location: str, wanted: Mapping[str, CatalogTable | None], settings: Settings) -> None:
        """Open what is there of `wanted`: name -> its declaration, None where there is none. Raises TelemetryError."""
        self._wanted = dict(wanted)
        self.kinds: dict[str, dict[str, Kind]] = {}
        super().__init__(location, memory_limit=settings.memory_limit, threads=settings.threads)

    def _open(self, location: str, mapping: dict[str, TableMapping], timeout: float) -> None:
        try:
            is_database = Path(location).is_file() and location.endswith((".duckdb", ".db"))
            relations = self._in_database(location) if is_database else self._in_files(location)
            if not relations:
                raise TelemetryError(
                    f"{location} holds none of the guide's tables.", fix=f"The guide reads {', '.join(self._wanted)}."
                )
            if is_database:
                self._lock([])  # before its views are read: they may name other files
            for name, relation in relations.items():
                self._view(name, relation)
            if not is_database:
                self._lock([path for one in relations.values() if one.files for path in one.files.paths])
        except duckdb.Error as error:
            raise TelemetryError(f"{location} cannot be read: {str(error).splitlines()[0]}") from error

    def _view(self, name: str, relation: Relation) -> None:
        """A table under its own name: with its declaration converted and missing columns NULL, else as it is."""
        if relation.problem:
            self._tables[name] = SourceTable(
                name, relation.location, frozenset(), problem=f"{name}: {relation.problem}"
            )
            return
        declared = self._wanted[name]
        if declared:
            view = table_view(self._connection, declared, relation, TableMapping(), self._spellings)
            statements, present = view.statements, frozenset(view.present)
        else:
            kind = "TABLE" if relation.files and relation.files.is_text else "VIEW"
            statements = [f'CREATE {kind} "{name}" AS SELECT * FROM {relation.sql}']  # noqa: S608 - quoted names
            present = frozenset[str]()
        for statement in statements:
            self._connection.execute(statement)
        described = self._connection.execute(f'DESCRIBE "{name}"').fetchall()
        self.kinds[name] = {row[0].lower(): _kind(row[1]) for row in described}
        self._tables[name] = SourceTable(name, relation.location, present or frozenset(self.kinds[name]))

    def _in_files(self, location: str) -> dict[str, Relation]:
        folder = Path(location)
        if not folder.exists():
            raise TelemetryError(f"There is no telemetry in {location}. It does not exist.", fix="Give a folder.")
        inside = sorted(folder.rglob("*")) if folder.is_dir() else [folder]
        files = [path for path in inside if path.is_file() and ending(path)]
        relations = {}
        for name in self._wanted:
            own = [path for path in files if _holds(path, name)]
            readers = {READERS[ending(path)] for path in own}
            if len(readers) > 1:
                raise TelemetryError(
                    f"{name} is there as several kinds of file.", fix="Keep one kind, so that no row is counted twice."
                )
            if own:
                group = TableFiles(tuple(str(path.resolve()) for path in own), readers.pop())
                relations[name] = Relation(group.relation, ", ".join(group.paths), group)
        return relations

    def _in_database(self, location: str) -> dict[str, Relation]:
        path = str(Path(location).resolve())
        self._connection.execute(f"ATTACH {literal(path)} AS source (READ_ONLY)")
        held = Database.read(self._connection)
        keys = {key[1].lower(): key for key in (*held.tables, *held.views) if key[0] == "main"}
        return {name: held.relation(keys[name], f"{path}:{name}") for name in self._wanted if name in keys}


def open_guide_telemetry(
    schema: TableSchema, declared: Mapping[str, CatalogTable], location: str, mapping: Path | None, settings: Settings
) -> DuckDB:
    """The engine over what a guide's queries read; close it. Raises TelemetryError, GuideError."""
    own = [name for name in schema.tables if name not in CATALOG or name in declared]
    if not own:
        return DuckDB(location, mapping=mapping, memory_limit=settings.memory_limit, threads=settings.threads)
    if mapping is not None:
        raise GuideError(
            f"A mapping file maps onto the catalogue's tables; this guide reads {', '.join(own)}.",
            fix="Name files and columns as the guide does, and leave --mapping out.",
        )
    return GuideTables(location, {name: declared.get(name) or CATALOG.get(name) for name in schema.tables}, settings)


def _holds(path: Path, name: str) -> bool:
    """True if a file is a table's: TABLE.parquet, TABLE-2026-03.csv, or anything in a folder of that name."""
    stem = path.name.lower()[: -len(ending(path))]
    part = stem.startswith(name) and not (stem[len(name) :][:1].isalnum() or stem[len(name) :][:1] == "_")
    return part or path.parent.name.lower() == name


def _kind(sql_type: str) -> Kind:
    return next((kind for beginnings, kind in KINDS if sql_type.startswith(beginnings)), Kind.TEXT)
