"""The contents of a .duckdb file: its tables, and its views as checked and rewritten SELECTs.

Views, macros and generated columns are untrusted SQL, and none of them is executed as stored. A view is parsed, limited
to the functions that a model's query may call, and inlined where its name stands, over tables only.
"""

from dataclasses import dataclass, field

import duckdb
import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.allowed import AGGREGATES, SCALARS, WINDOWED, refused
from tsg_agent.telemetry.growth import grows
from tsg_agent.telemetry.subqueries import check_names, named
from tsg_agent.telemetry.views import Relation

MOST_VIEWS = 50
"""Most views that may be inlined into one, counted with repetition."""
MOST_CHARACTERS = 100_000
_FUNCTIONS = SCALARS | AGGREGATES | WINDOWED
Key = tuple[str, str]
"""Schema and name."""


@dataclass(frozen=True)
class Database:
    """The tables and views of the database that is attached as `source`, by schema and name."""

    tables: dict[Key, str]
    """Its SQL, of each."""
    views: dict[Key, str] = field(default_factory=dict)

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection) -> "Database":
        """Read the catalog of the attached database."""
        tables = "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = 'source'"
        views = "SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = 'source' AND NOT internal"
        return cls(*({(s, n): sql or "" for s, n, sql in connection.execute(q).fetchall()} for q in (tables, views)))

    @property
    def names(self) -> list[str]:
        """All tables and views, as schema.name."""
        return sorted(f"{schema}.{name}" for schema, name in (*self.tables, *self.views))

    def find(self, wanted: str) -> Key | None:
        """A table or view by its name in `main`, or by schema.name; None if there is none."""
        key = wanted if "." in wanted else f"main.{wanted}"
        return next((one for one in (*self.tables, *self.views) if ".".join(one) == key), None)

    def relation(self, key: Key, location: str) -> Relation:
        """A table or a view; its `problem` says which part of its SQL is refused."""
        try:
            return Relation(self._clause(key), location)
        except QueryError as error:
            return Relation("", location, problem=error.message)

    def _clause(self, key: Key) -> str:
        """The FROM clause. Raises QueryError."""
        try:
            tree = _ExpandedSQL(self).of(key, ())
            text = tree.sql(dialect="duckdb")
            if len(text) > MOST_CHARACTERS:
                raise QueryError("its SQL is too long.")
            if isinstance(tree, exp.Table):
                return text
            again = sqlglot.parse_one(text, read="duckdb")  # the engine gets this text, not the stored view
            _check(again)
            for table in again.find_all(exp.Table):
                self._check_table(table)
            if grows(again, named):
                raise QueryError("it puts too many texts together.")
        except (SqlglotError, RecursionError, ValueError) as error:  # ValueError: sqlglot cannot write it
            raise QueryError(f"its SQL cannot be parsed: {str(error).splitlines()[0][:200]}") from None
        return f"({text})"

    def _check_table(self, table: exp.Table) -> None:
        place = (table.catalog, table.db, table.name)
        if named(table) is None and (place[0] != "source" or place[1:] not in self.tables):
            raise QueryError(f"it reads {table.sql(dialect='duckdb')[:60]}, which the database does not hold.")


@dataclass
class _ExpandedSQL:
    """One relation's SQL with all views that it reads inlined."""

    held: Database
    count: int = 0

    def of(self, key: Key, above: tuple[Key, ...]) -> exp.Expr:
        if key in self.held.tables:
            if _is_generated(self.held.tables[key]):
                raise QueryError("it has generated columns, whose SQL would run: make them plain ones.")
            schema, name = (exp.to_identifier(part, quoted=True) for part in key)
            return exp.Table(this=name, db=schema, catalog=exp.to_identifier("source", quoted=True))
        self.count += 1
        if key in above or self.count > MOST_VIEWS:
            raise QueryError(f"it reads more than {MOST_VIEWS} views, or itself.")
        query = self._parsed(key)
        for table in list(query.find_all(exp.Table)):
            if named(table) is None:
                self._replace(table, key, above)
        return query

    def _parsed(self, key: Key) -> exp.Expr:
        statements = sqlglot.parse(self.held.views[key], dialect="duckdb")
        made = statements[0] if len(statements) == 1 else None
        query = made.expression if isinstance(made, exp.Create) and made.kind == "VIEW" else None
        if not isinstance(made, exp.Create) or not isinstance(query, exp.Select | exp.SetOperation):
            raise QueryError("it is no plain SELECT.")
        _check(query)
        check_names(query, {name.lower() for _, name in (*self.held.tables, *self.held.views)})
        columns = made.this.expressions if isinstance(made.this, exp.Schema) else []
        if not columns:
            return query.copy()
        alias = exp.TableAlias(
            this=exp.to_identifier("view"), columns=[exp.to_identifier(c.name, quoted=True) for c in columns]
        )
        return exp.select("*").from_(exp.Subquery(this=query.copy(), alias=alias))

    def _replace(self, table: exp.Table, within: Key, above: tuple[Key, ...]) -> None:
        """Replace a table's name by what it stands for."""
        key = self._meant(table, within)
        read = self.of(key, (*above, within))
        alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        if isinstance(read, exp.Table):
            table.set("catalog", read.args["catalog"])
            table.set("db", read.args["db"])
            table.set("this", read.this)
            table.set("alias", alias)
            return
        others = {name: value for name, value in table.args.items() if name not in {"this", "db", "catalog", "alias"}}
        table.replace(exp.Subquery(this=read, alias=alias, **others))

    def _meant(self, table: exp.Table, within: Key) -> Key:
        plain = isinstance(table.this, exp.Identifier) and not table.catalog
        schemas = [table.db] if table.db else [within[0], "main"]
        every = {
            (schema.lower(), name.lower()): (schema, name) for schema, name in (*self.held.tables, *self.held.views)
        }
        found = [every[place] for one in schemas if (place := (one.lower(), table.name.lower())) in every]
        if not plain or not found:
            raise QueryError(f"it reads {table.sql(dialect='duckdb')[:60]}, which the database does not hold.")
        return found[0]


def _check(query: exp.Expr) -> None:
    for node in query.walk():
        if why := refused(node, _FUNCTIONS):
            raise QueryError(why)


def _is_generated(sql: str) -> bool:
    """True if a table has a generated column."""
    words = [token.text.upper() for token in sqlglot.tokenize(sql, read="duckdb")]
    return any(words[n : n + 3] == ["GENERATED", "ALWAYS", "AS"] for n in range(len(words)))
