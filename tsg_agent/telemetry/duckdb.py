"""The embedded engine: files, folders and .duckdb databases, read-only and locked down."""

import shutil
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Self, TypeVar

import duckdb
import pyarrow as pa

from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError
from tsg_agent.telemetry.apart import Apart
from tsg_agent.telemetry.bound_names import parameters_in
from tsg_agent.telemetry.catalog import ANSWER, CATALOG, LOGS, SourceTable
from tsg_agent.telemetry.compact import Compact
from tsg_agent.telemetry.copies import Create
from tsg_agent.telemetry.engine import QUERIES
from tsg_agent.telemetry.fetching import fetched
from tsg_agent.telemetry.files import find_files, group_files
from tsg_agent.telemetry.keys import Keys
from tsg_agent.telemetry.loading import Unreadable, first_line, lacks_answers, refused, unreadable, without_folders
from tsg_agent.telemetry.lock import lock, started
from tsg_agent.telemetry.mapping import Misfit, TableMapping, read_mapping
from tsg_agent.telemetry.memory import held
from tsg_agent.telemetry.shape import add_macros
from tsg_agent.telemetry.spellings import Spellings
from tsg_agent.telemetry.unchanged import Unchanged
from tsg_agent.telemetry.values import is_text
from tsg_agent.telemetry.views import Relation, null_view, table_view

T = TypeVar("T")
LEAST_AT_ONCE = 2
"""Least number of concurrent statements, also on one core: one of them often waits for Python."""
SMALL = 10_000_000
"""Bytes of files up to which one thread runs a statement: some 130,000 rows, which DuckDB would not divide anyway."""
NARROW = "Narrow the window, or raise TSG_QUERY_TIMEOUT."
WATCHED = 0.05
"""Seconds between two checks of a running query."""
LOOK = 60.0
"""Timeout in seconds for reading the catalog of a database."""


class DuckDB:
    """An in-memory DuckDB over a source's files or database.

    Every query must be one SELECT, may read the source's files only, and runs on a cursor of its own.
    """

    def __init__(
        self,
        location: str | Path,
        *,
        mapping: str | Path | None = None,
        memory_limit: str = "2GB",
        threads: int | None = None,
        open_timeout: float = 300.0,
        unreadable_percent: float = 1.0,
        template_paths: bool = True,
        about: Collection[datetime] = (),
    ) -> None:
        """Open a folder, a glob, a file or a .duckdb database.

        Text files (CSV, JSON lines) are loaded once; Parquet is read in place. `memory_limit`: as "2GB".
        `open_timeout`: seconds. `unreadable_percent`: of the lines, or of a column's values; with more unreadable
        ones the table is refused. `template_paths`: ids in paths become {id}. `about`: times (naive UTC) that will be
        asked about; they settle the order of day and month if the rows do not. Raises TelemetryError.
        """
        self._spill = tempfile.mkdtemp(prefix="tsg-agent-")
        self._unspill = weakref.finalize(self, shutil.rmtree, self._spill, ignore_errors=True)
        self._connection, self.memory, cores = started(memory_limit, threads, self._spill)
        self._tables: dict[str, SourceTable] = {}
        self._mapping = mapping
        place = str(Path(mapping).absolute()) if mapping else None
        limits = {"memory_limit": memory_limit, "threads": threads, "unreadable_percent": unreadable_percent}
        read = {"location": str(Path(location).absolute()), "mapping": place, "template_paths": template_paths}
        self.apart = Apart({**limits, **read, "about": [one.isoformat() for one in about]}, open_timeout)
        self._keys = Keys()
        self._unchanged: dict[str, Unchanged] = {}
        self._spellings = Spellings()
        self._few = unreadable_percent
        self._template_paths = template_paths
        self._about = tuple(one.astimezone(UTC).replace(tzinfo=None) for one in about)
        # As many as cores: more statements would only compete for memory. A thread that has run one reuses its memory.
        self._threads = ThreadPoolExecutor(max(LEAST_AT_ONCE, cores), "tsg-statement")
        self._at_work: dict[int, tuple[duckdb.DuckDBPyConnection, int]] = {}
        """Waiting thread -> the connection that works for it, and the bytes held when that began."""
        self._closed = self._small = False
        self._cancelling = threading.Condition()
        try:
            add_macros(self._connection)
            self._open(str(location), read_mapping(Path(mapping)) if mapping else {}, open_timeout)
            logs = self._tables.get(LOGS.name)
            self._compact = Compact(logs.present if logs else frozenset(), self.memory.limit)
        except BaseException:
            self.close()
            raise

    @property
    def tables(self) -> dict[str, SourceTable]:
        """The source's tables by the guide's names; one whose files changed since they were opened has a `problem`."""
        told = {name: self._changed(name) for name in self._tables}
        return {name: replace(table, problem=told[name] or table.problem) for name, table in self._tables.items()}

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        """Rows of one SELECT. See Engine.run."""
        QUERIES.info(sql, extra={"parameters": parameters})
        named = set(parameters_in(sql))
        if missing := named - parameters.keys():
            raise QueryError(f"The query names parameters that were not given: {', '.join(sorted(missing))}.")
        bound = {name: parameters[name] for name in named}
        if not is_text([sql, *bound.values()]):
            raise QueryError("The query, or a parameter, holds characters that are no text.")
        deadline = time.monotonic() + timeout
        self._check_unchanged(sql)

        def run(text: str, values: Mapping[str, object]) -> pa.Table:
            return self._execute(text, values, timeout, deadline)

        with self._compact.reading(sql, bound, self._creating(timeout)) as over:
            counted = self._keys.counted(sql, bound, run)
            text = over(counted) if counted != sql else sql
            found = run(text, {name: bound[name] for name in set(parameters_in(text))})
        self._check_unchanged(sql)
        self.memory.check_result(found.nbytes)
        return found

    def run_apart(self, sql: str, *, timeout: float, most: int) -> pa.Table:
        """See Distrusting.run_apart."""
        QUERIES.info(sql)
        self._check_unchanged(sql)
        found = self.apart.run(sql, timeout=timeout, most=most)
        self._check_unchanged(sql)
        return found

    def cancel(self, threads: Collection[int]) -> None:
        """See Cancellable.cancel."""
        self.apart.cancel(threads)
        with self._cancelling:
            for thread in self._at_work.keys() & set(threads):
                self._at_work[thread][0].interrupt()

    def release(self) -> None:
        """See Caching.release."""
        if self.memory.is_scarce():
            self._compact.release(self._creating(LOOK))

    def close(self) -> None:
        """Cancel running queries, close the database, and delete its spill folder."""
        self.apart.close()
        with self._cancelling:
            self._closed = True
            while self._at_work:
                for cursor, _ in self._at_work.values():
                    cursor.interrupt()
                self._cancelling.wait(WATCHED)  # and again: an interrupt before the statement runs is lost
        self._connection.close()
        self._unspill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def _changed(self, table: str) -> str:
        return self._unchanged[table].problem() if table in self._unchanged else ""

    def _check_unchanged(self, sql: str) -> None:
        """Raises QueryError if a table's files changed since they were opened."""
        for name in self._unchanged:
            if name in sql and (problem := self._changed(name)):
                raise QueryError(f"{problem}.", fix="Run it again, over files that nobody writes meanwhile.")

    def _execute(self, sql: str, bound: Mapping[str, object], timeout: float, deadline: float) -> pa.Table:
        """Rows of one SELECT: any other statement is refused."""

        def select(cursor: duckdb.DuckDBPyConnection) -> pa.Table:
            statements = cursor.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                raise QueryError("Only one SELECT may run.")
            table = fetched(cursor, statements[0], bound, small=self._small)  # the parsed statement: not parsed twice
            if time.monotonic() > deadline:  # an interrupt takes effect only after the current batch
                raise duckdb.InterruptException
            return table

        return self._watched(select, timeout, deadline)

    def _creating(self, timeout: float) -> Create:
        """Runs trusted statements until so many seconds from now; the first row of the last one, () without one."""
        deadline = time.monotonic() + timeout

        def create(sql: str, bound: Mapping[str, object]) -> tuple[object, ...]:
            return self._watched(lambda cursor: cursor.execute(sql, dict(bound)).fetchone() or (), timeout, deadline)

        return create

    def _watched(self, work: Callable[[duckdb.DuckDBPyConnection], T], timeout: float, deadline: float) -> T:
        """Run `work` on its own cursor, queued, cancelled at the deadline. Translates DuckDB's errors into ours."""
        thread = threading.get_ident()
        running = self._threads.submit(self._at_once, work, thread)

        def ended(seconds: float) -> bool:
            return bool(wait([running], seconds).done) or (time.monotonic() >= deadline and running.cancel())

        try:
            over = self._watch(thread, deadline, ended)
        except BaseException:  # Ctrl-C: nobody will read its rows
            self._watch(thread, 0.0, lambda seconds: running.cancel() or ended(seconds))
            raise
        if running.cancelled():
            raise QueryTimeout(f"Other queries took longer than {timeout:g} s: this one had no turn.", fix=NARROW)
        try:
            return running.result()
        except duckdb.InterruptException as error:
            if over:
                raise QueryError(
                    "The query needs more memory than it may use, and was cancelled.", fix="Raise TSG_MEMORY_LIMIT."
                ) from error
            raise QueryTimeout(f"The query took longer than {timeout:g} s and was cancelled.", fix=NARROW) from error
        except duckdb.OutOfMemoryException as error:
            raise QueryError(
                f"The query needs more memory than it may use: {self._told(error)}", fix="Raise TSG_MEMORY_LIMIT."
            ) from error
        except duckdb.Error as error:
            raise refused(error, self._told(error)) from error

    def _at_once(self, work: Callable[[duckdb.DuckDBPyConnection], T], thread: int) -> T:
        with self._cancelling:
            if self._closed:
                raise QueryError("The telemetry has been closed.", fix="Open it again.")
            cursor = self._connection.cursor()
            self._at_work[thread] = cursor, held()
        try:
            return work(cursor)
        finally:
            with self._cancelling:  # under the lock: `cancel` must not find it closed
                cursor.close()
                del self._at_work[thread]
                self._cancelling.notify_all()

    def _watch(self, thread: int, deadline: float, ended: Callable[[float], bool]) -> bool:
        """Interrupt at the deadline, or above the memory limit; repeat until it takes effect. True for the latter.

        The engine's own limit does not count the strings of the current batch, and an interrupt before the query runs
        is lost. `thread`: which waits. `ended`: waits so many seconds.
        """
        over, left = False, deadline - time.monotonic()
        while not ended(min(WATCHED, left) if left > 0 else WATCHED):
            left = deadline - time.monotonic()
            with self._cancelling:
                if thread in self._at_work:
                    connection, began = self._at_work[thread]
                    over = over or self.memory.is_over(began)
                    if over or left <= 0:
                        connection.interrupt()
        return over

    def _told(self, error: duckdb.Error) -> str:
        """The engine's error message, without folder names."""
        text = first_line(error).replace(f"{self._spill}/", "")
        for table in self._tables.values():
            text = without_folders(text, table.location)
        return text

    def _open(self, location: str, mapping: dict[str, TableMapping], timeout: float) -> None:
        """Make the guide's views over the source, then lock the database."""
        is_database = Path(location).is_file() and location.endswith((".duckdb", ".db"))
        seconds = min(timeout, LOOK) if is_database else timeout  # read in place
        done, thread = threading.Event(), threading.get_ident()
        self._at_work[thread] = self._connection, held()
        watching = self._threads.submit(self._watch, thread, time.monotonic() + seconds, done.wait)
        try:
            relations, paths = self._database(location, mapping) if is_database else self._files(location, mapping)
            if is_database:
                self._lock(paths)  # before its views are read: they may name other files
            for name, table in CATALOG.items():
                if name in relations:
                    alone = LOGS.name not in relations
                    self._create_view(name, relations[name], mapping.get(name, TableMapping()), alone=alone)
                else:
                    self._connection.execute(null_view(table))
            if not is_database:
                self._small = sum(Path(path).stat().st_size for path in paths) <= SMALL
                if self._small:
                    self._connection.execute("SET threads = 1")
                self._lock(paths)
        except duckdb.InterruptException as error:
            done.set()
            if watching.result():
                fix = "Raise TSG_MEMORY_LIMIT."
                raise TelemetryError(f"{location} needs more memory than it may use.", fix=fix) from error
            fix = "Try again, or give less: a narrower glob, or a copy on a faster disk."
            raise TelemetryError(f"{location} could not be opened within {seconds:g} s.", fix=fix) from error
        except duckdb.Error as error:
            fix = "Mend or replace it, or export its tables as Parquet files and give their folder."
            raise TelemetryError(f"{location} cannot be read: {first_line(error)}", fix=fix) from error
        finally:
            done.set()
            watching.result()
            del self._at_work[thread]

    def _files(self, location: str, mapping: dict[str, TableMapping]) -> tuple[dict[str, Relation], list[str]]:
        sources = {name: table.source for name, table in mapping.items() if table.source}
        only = next(iter(mapping)) if len(mapping) == 1 else None
        groups = group_files(find_files(location, self._spill), location, sources, only, self._spill)
        self._unchanged = {name: Unchanged(group.paths) for name, group in groups.items() if not group.is_text}
        relations = {name: Relation(group.relation, ", ".join(group.paths), group) for name, group in groups.items()}
        return relations, [path for group in groups.values() for path in group.paths]

    def _database(self, location: str, mapping: dict[str, TableMapping]) -> tuple[dict[str, Relation], list[str]]:
        from tsg_agent.telemetry.database import Database  # noqa: PLC0415 - loads the parser, see columns_read.py

        path = str(Path(location).resolve())
        self._connection.execute(f"ATTACH '{path.replace(chr(39), chr(39) * 2)}' AS source (READ_ONLY)")
        held = Database.read(self._connection)
        self._unchanged = dict.fromkeys(CATALOG, Unchanged([path]))
        relations: dict[str, Relation] = {}
        for name in CATALOG:
            wanted = (mapping[name].source if name in mapping else None) or name
            key = held.find(wanted)
            if key is not None:
                relations[name] = held.relation(key, f"{path}:{'.'.join(key)}")
            elif wanted != name:
                raise TelemetryError(
                    f"The mapping takes {name} from {wanted!r}, which {location} does not hold.",
                    fix=f"It holds {', '.join(held.names) or 'no table'}.",
                )
        if not relations:
            raise TelemetryError(
                f"{location} holds none of the guide's tables.",
                fix=f"It holds {', '.join(held.names) or 'no table'}; write a mapping file (--mapping).",
            )
        return relations, []

    def _create_view(self, name: str, relation: Relation, mapping: TableMapping, *, alone: bool) -> None:
        """Create the view of one of the guide's tables. `alone`: the source has no requests."""
        try:
            self._tables[name] = self._viewed(name, relation, mapping)
        except Unreadable as error:
            if alone or name == LOGS.name:
                raise
            # A broken table is treated like a missing one: only the checks that need it are lost.
            self._connection.execute(f"DROP TABLE IF EXISTS read_{name}")
            self._connection.execute(null_view(CATALOG[name]))
            self._tables[name] = SourceTable(
                name, relation.location, frozenset(), problem=without_folders(error.message, relation.location)
            )

    def _viewed(self, name: str, relation: Relation, mapping: TableMapping) -> SourceTable:
        table = CATALOG[name]
        if not self._template_paths:
            mapping = mapping.model_copy(update={"template_paths": False})
        try:
            view = table_view(self._connection, table, relation, mapping, self._spellings, self._few, self._about)
            for statement in view.statements:
                self._connection.execute(statement)
            silent = name == LOGS.name and ANSWER in view.present and lacks_answers(self._connection)
        except Misfit as error:
            raise TelemetryError(f"The mapping file {self._mapping}: {error.message}", fix=error.fix) from error
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            if not mapping.columns:
                raise unreadable(name, relation.location, error) from error
            raise TelemetryError(
                f"{name} ({relation.location}) cannot be read as the mapping file {self._mapping} has it: "
                f"{first_line(error)}",
                fix=f"Mend that file, or the expressions for {', '.join(mapping.columns)} in the mapping file.",
            ) from error
        return SourceTable(
            name,
            relation.location,
            frozenset(view.present),
            frozenset({ANSWER} if silent else ()),
            notes=view.notes,
            readings=view.readings,
            unreadable=view.unreadable,
            directed=view.directed,
        )

    def _lock(self, paths: list[str]) -> None:
        lock(self._connection, paths, self.memory)
