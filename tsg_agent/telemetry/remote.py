"""Base of the engines at database servers: the guide's tables as SELECTs over the server's, and running queries."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import pyarrow as pa
import pyarrow.compute as pc
import sqlglot
from sqlglot import exp

from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError, TransientTelemetryError
from tsg_agent.telemetry.catalog import ANSWER, CATALOG, LOGS, WEIGHT, CatalogTable, Kind, SourceTable
from tsg_agent.telemetry.conversion import WORDY, shortened
from tsg_agent.telemetry.engine import QUERIES
from tsg_agent.telemetry.expressions import columns_of
from tsg_agent.telemetry.identity import KEY, taken_for_granted
from tsg_agent.telemetry.mapping import TableMapping, misfit, read_mapping
from tsg_agent.telemetry.portable import CANONICAL, Translated, Translator
from tsg_agent.telemetry.values import is_text

OPENING = 60.0
"""Timeout in seconds of each query that reads the source's schema."""
FINITE = "CASE WHEN {x} BETWEEN -1.7976931348623157e308 AND 1.7976931348623157e308 THEN {x} END"
"""Turns NaN and infinity into NULL: many writers store a missing value as NaN."""
SHAPES = ("unnest", "lines", "layout", "cumulative", "counters")
"""Mapping keys that are for files only; for a server define a view instead."""


@dataclass(frozen=True)
class ServerRelation:
    """A table or view of the server. `types`: column, as it is spelled -> text, number, decimal, integer, boolean,
    timestamp, timestamptz, date, or the server's own name of any other type. `problem`: why it may not be read."""

    parts: tuple[str, ...]
    types: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    fix: str = ""
    row_id: str = "random_id()"
    """The SQL of a unique text per row."""

    @property
    def name(self) -> str:
        """The qualified name in the server's spelling."""
        return ".".join(self.parts)

    @property
    def table(self) -> exp.Table:
        """For a FROM clause."""
        names = [exp.to_identifier(part, quoted=True) for part in self.parts]
        return exp.Table(**dict(zip(("this", "db", "catalog"), reversed(names), strict=False)))


class Remote(ABC):
    """An engine at a database server. Queries are parsed, translated and bound; their original text is never sent."""

    def __init__(self, place: str, mapping: str | Path | None) -> None:
        """`place`: the server's address for messages, without secrets."""
        self.place = place
        self._mapping = mapping
        self._tables: dict[str, SourceTable] = {}
        self._translator = Translator({}, self._written)
        self._at_work: dict[object, int] = {}
        self._ended: set[object] = set()
        self._lock = threading.Lock()

    @staticmethod
    @abstractmethod
    def _written(tree: exp.Query) -> Translated:
        """Generate the server's SQL for a query over its tables."""

    @abstractmethod
    def _relation(self, name: str) -> ServerRelation | None:
        """The table or view of this name; None if there is none. Raises TelemetryError."""

    @abstractmethod
    def _types(self, sql: str) -> dict[str, str]:
        """The columns of a SELECT in the server's SQL -> types as in ServerRelation. Raises QueryError."""

    @abstractmethod
    def _select(self, sql: str, values: list[tuple[str, object]], timeout: float) -> pa.Table:
        """Rows of a SELECT in the server's SQL; `values`: (name, value) per placeholder. Raises as Engine.run does."""

    @abstractmethod
    def _cancel(self, running: object) -> None:
        """Cancel a running query (as given to `_working`) at the server."""

    @abstractmethod
    def close(self) -> None:
        """Release the source."""

    @property
    def tables(self) -> dict[str, SourceTable]:
        """See Engine.tables."""
        return dict(self._tables)

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """See Engine.run."""
        QUERIES.info(sql, extra={"parameters": parameters})
        if not is_text([sql, *(value for value in parameters.values() if isinstance(value, str))]):
            raise QueryError("The query, or a parameter, holds characters that are no text.")
        if any("\0" in value for value in (sql, *parameters.values()) if isinstance(value, str)):
            raise QueryError("The query, or a parameter, holds a character of the number 0, which no text has.")
        query = self._translator.translated(sql)
        missing = sorted(set(query.names) - parameters.keys())
        if missing:
            raise QueryError(f"The query names parameters that were not given: {', '.join(missing)}.")
        return self._select(query.sql, [(name, parameters[name]) for name in query.names], timeout)

    def cancel(self, threads: Collection[int]) -> None:
        """See Cancellable.cancel."""
        with self._lock:
            running = [one for one, thread in self._at_work.items() if thread in threads]
            self._ended.update(running)
        for one in running:
            self._cancel(one)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _working(self, running: object) -> Iterator[None]:
        """Register a running query of this thread, so that `cancel` finds it."""
        with self._lock:
            self._at_work[running] = threading.get_ident()
        try:
            yield
        finally:
            with self._lock:
                self._at_work.pop(running, None)
                self._ended.discard(running)

    def _over(self, running: object, timeout: float) -> QueryTimeout:
        """The error of a cancelled query: by `cancel`, or by its timeout."""
        with self._lock:
            asked = running in self._ended
        if asked:
            return QueryTimeout("The query was cancelled.")
        return QueryTimeout(
            f"The query took longer than {timeout:g} s and was cancelled at the server.",
            fix="Narrow the window, index the table by time (docs/engines.md), or raise TSG_QUERY_TIMEOUT.",
        )

    def _refused(self, kind: Literal["denied", "changed", "silent"], said: str) -> TelemetryError:
        """The error of a query that every server may refuse: it may not be run, its tables are gone, no answer."""
        if kind == "denied":
            return QueryError(f"The account may not do this: {said}.", fix="Grant it SELECT (docs/engines.md).")
        if kind == "changed":
            return QueryError(
                f"The source has changed since it was opened: {said}.",
                fix="`tsg-agent doctor --telemetry URL` shows what is there now.",
            )
        fix = "Run it again when the server is up."
        return TransientTelemetryError(f"{self.place} did not answer: {said}.", fix=fix)

    def _open(self) -> None:
        """Find the guide's tables; close what is open where that fails. Raises TelemetryError."""
        try:
            self._find_tables()
        except BaseException:
            self.close()
            raise

    def _find_tables(self) -> None:
        mapping = read_mapping(Path(self._mapping)) if self._mapping else {}
        sources: dict[str, exp.Select] = {}
        for name, table in CATALOG.items():
            mapped = mapping.get(name, TableMapping())
            relation = self._relation(mapped.source or name)
            if relation is None:
                if mapped.source:
                    raise TelemetryError(
                        f"The mapping takes {name} from {mapped.source!r}, which {self.place} does not hold, or does "
                        "not show to this account.",
                        fix="Mend `from` in the mapping file, with the schema before the name where it needs one.",
                    )
                continue
            if relation.problem:
                if table is LOGS:
                    raise TelemetryError(f"{name} ({relation.name}): {relation.problem}", fix=relation.fix)
                self._tables[name] = SourceTable(name, relation.name, frozenset(), problem=relation.problem)
                continue
            sources[name], self._tables[name] = self._viewed(table, relation, mapped)
        if not sources:
            raise TelemetryError(
                f"{self.place} holds none of the guide's tables where they are looked for, or shows this account none.",
                fix="Grant SELECT on them (docs/engines.md), or write a mapping file (--mapping).",
            )
        absent = {name: _nothing(table) for name, table in CATALOG.items() if name not in sources}
        self._translator = Translator(absent | sources, self._written)
        if LOGS.name in sources and ANSWER in self._tables[LOGS.name].present and self._lacks_answers():
            logs = self._tables[LOGS.name]
            self._tables[LOGS.name] = replace(logs, empty=frozenset({ANSWER}))

    def _lacks_answers(self) -> bool:
        """True if there are requests and all have a NULL status. Stops at the first status."""
        first = f"SELECT 1 AS one FROM {LOGS.name} LIMIT 1"  # noqa: S608 - our own names
        answered = f"SELECT 1 AS one FROM {LOGS.name} WHERE {ANSWER} IS NOT NULL LIMIT 1"  # noqa: S608 - our own names
        return bool(self.run(first, {}, timeout=OPENING).num_rows) and not (
            self.run(answered, {}, timeout=OPENING).num_rows
        )

    def _viewed(
        self, table: CatalogTable, relation: ServerRelation, mapping: TableMapping
    ) -> tuple[exp.Select, SourceTable]:
        """The SELECT that defines one of the guide's tables, in canonical SQL."""
        if used := [name for name in SHAPES if getattr(mapping, name)]:
            raise TelemetryError(
                f"The mapping file's {used[0]} of {table.name} is about files, and not for a table at a server.",
                fix="Let a view of the server do it, and name that view (`from`).",
            )
        held = {name.lower(): name for name in reversed(relation.types)} | {name: name for name in relation.types}
        own = {name: held[name] for name in table.columns if name in held}
        texts = {
            name: exp.column(exp.to_identifier(column, quoted=True)).sql(CANONICAL) for name, column in own.items()
        }
        types = {name: relation.types[column] for name, column in own.items()}
        mapped = {name: _fitting(f"{table.name}.{name}", given, held) for name, given in mapping.columns.items()}
        for name, expression in mapped.items():
            texts.pop(name, None)
            if expression != "NULL":
                texts[name] = _spelled(expression, held)
        source = exp.select("*").from_(relation.table)
        if mapping.where:
            where = _fitting(f"{table.name}.where", mapping.where, held)
            source = source.where(_spelled(where, held), dialect=CANONICAL)
        types |= self._mapped_types(table, source, {name: texts[name] for name in mapped if name in texts}, relation)
        if not texts:
            shown = ", ".join(map(repr, list(relation.types)[:8]))
            raise TelemetryError(
                f"{table.name} ({relation.name}) has none of the guide's columns; it has {shown or 'none at all'}.",
                fix="Map its columns onto the guide's (--mapping).",
            )
        notes = []
        columns = {name: _converted(table, name, text, types[name]) for name, text in texts.items()}
        if table is LOGS:
            notes = taken_for_granted(texts)
            notes += [] if KEY in columns else ["No row names its request: each counts as a request of its own."]
            columns[KEY] = f"coalesce({columns[KEY]}, {relation.row_id})" if KEY in columns else relation.row_id
        source.set("expressions", [])
        for name in table.columns:
            source = source.select(f"{columns.get(name, table.blank(name))} AS {name}", dialect=CANONICAL)
        told = SourceTable(table.name, relation.name, frozenset(texts), notes=tuple(notes), at_server=True)
        return source, told

    def _mapped_types(
        self, table: CatalogTable, source: exp.Select, texts: dict[str, str], relation: ServerRelation
    ) -> dict[str, str]:
        """The types of the mapping's expressions. Raises TelemetryError for one that the server refuses."""

        def found(some: dict[str, str]) -> dict[str, str]:
            asked = source.copy()
            asked.set("expressions", [])
            for name, text in some.items():
                asked = asked.select(f"{text} AS {name}", dialect=CANONICAL)
            return self._types(self._written(asked.limit(0)).sql)

        if not texts:
            return {}
        try:
            return found(texts)
        except QueryError:
            for name, text in texts.items():
                try:
                    found({name: text})
                except QueryError as error:
                    raise misfit(f"{table.name}.{name}", text, list(relation.types), error.message) from error
            raise


def _nothing(table: CatalogTable) -> exp.Select:
    """An empty SELECT with a missing table's columns, so that optional joins find nothing."""
    columns = [f"{table.blank(name)} AS {name}" for name in table.columns]
    return exp.select(*columns, dialect=CANONICAL).where(exp.false())


def _fitting(column: str, given: tuple[str, ...], held: Mapping[str, str]) -> str:
    """The expressions whose columns the source has, as one coalesce."""
    fitting = [text for text in given if all(name.lower() in held for name in columns_of(text))]
    if not fitting:
        raise misfit(column, given[-1], list(dict.fromkeys(held.values())), "it names a column that is not there")
    return fitting[0] if len(fitting) == 1 else f"coalesce({', '.join(f'CAST({text} AS VARCHAR)' for text in fitting)})"


def _spelled(expression: str, held: Mapping[str, str]) -> str:
    """A checked expression with the column names in the source's spelling."""
    tree = sqlglot.parse_one(expression, read=CANONICAL)
    for column in tree.find_all(exp.Column):
        first = column.parts[0]
        first.replace(exp.to_identifier(held.get(first.name, held.get(first.name.lower(), first.name)), quoted=True))
    return tree.sql(dialect=CANONICAL)


def _converted(table: CatalogTable, name: str, text: str, found: str) -> str:
    """The SQL that converts a column to the guide's kind. Raises TelemetryError if that loses information."""
    kind = table.columns[name]
    numbers = {"number": FINITE.format(x=text), "decimal": f"CAST({text} AS DOUBLE)", "integer": text}
    accepted = {
        Kind.TEXT: {"text": text} | dict.fromkeys((*numbers, "boolean", "uuid"), f"CAST({text} AS VARCHAR)"),
        Kind.NUMBER: numbers,
        Kind.INTEGER: {
            "integer": f"CAST({text} AS BIGINT)",
            "number": f"CAST({FINITE.format(x=text)} AS BIGINT)",
            "decimal": f"CAST({text} AS BIGINT)",
            "boolean": f"CASE WHEN {text} THEN 1 WHEN NOT {text} THEN 0 END",
        },
        Kind.BOOLEAN: {"boolean": text} | {one: f"({sql} <> 0)" for one, sql in numbers.items()},
        Kind.TIMESTAMP: {
            "timestamp": text,
            "timestamptz": f"({text} AT TIME ZONE 'UTC')",
            "date": f"CAST({text} AS TIMESTAMP)",
        },
    }[kind]
    if found == "null":
        return table.blank(name)
    if found not in accepted:
        raise TelemetryError(
            f"{table.name}.{name} holds {found}, where {kind} is needed.",
            fix=f'Convert it in a mapping file, such as {name} = "CAST({name} AS {kind.sql_type})", or in a view.',
        )
    sql = accepted[found]
    if name == WEIGHT:
        return f"CASE WHEN {text} IS NULL THEN 1 WHEN {sql} >= 0 THEN CAST({sql} AS DOUBLE) ELSE -1 END"
    return shortened(sql) if name in WORDY else sql


def naive(table: pa.Table) -> pa.Table:
    """A result with Engine.run's types: naive UTC times, floats for decimals, 64-bit integers."""
    for place, column in enumerate(table.schema):
        values, kind = table.column(place), None
        if pa.types.is_timestamp(column.type):
            values = pc.cast(values, pa.timestamp("us", "UTC")) if column.type.tz else values
            kind = pa.timestamp("us")
        elif pa.types.is_decimal(column.type):
            kind = pa.float64()
        elif pa.types.is_integer(column.type):
            kind = pa.int64()
        if kind is not None and values.type != kind:
            table = table.set_column(place, column.name, pc.cast(values, kind))
    return table


def parts_of(name: str, dialect: str, most: int) -> tuple[str, ...]:
    """The parts of a qualified table name, at most `most`. Raises TelemetryError for an invalid name."""
    try:
        table = exp.to_table(name, dialect=dialect)
    except sqlglot.errors.SqlglotError:
        table = exp.Table()
    parts = tuple(part.name for part in table.parts if isinstance(part, exp.Identifier))
    if not 1 <= len(parts) <= most or len(parts) != len(table.parts):
        raise TelemetryError(f"{name!r} is no name of a table.", fix='Write from = "table" or from = "schema.table".')
    return parts
