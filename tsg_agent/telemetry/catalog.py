"""The guide's tables and the service map: their columns and kinds, and which of them a source has."""

from dataclasses import dataclass, field

from tsg_agent.columns import COLUMNS
from tsg_agent.columns import Kind as Kind  # noqa: PLC0414 - exported from here, too


@dataclass(frozen=True)
class CatalogTable:
    """One table: column name -> kind, in the guide's order. `defaults`: the values of missing columns."""

    name: str
    columns: dict[str, Kind]
    defaults: dict[str, str] = field(default_factory=dict)

    def blank(self, column: str) -> str:
        """The SQL of a column that a source lacks."""
        return f"CAST({self.defaults.get(column, 'NULL')} AS {self.columns[column].sql_type})"


def _table(name: str) -> CatalogTable:
    columns = [column for column in COLUMNS if column.table == name]
    defaults = {column.name: column.default for column in columns if column.default != "NULL"}
    return CatalogTable(name, {column.name: column.kind for column in columns}, defaults)


LOGS, FLAGS, METRICS, PRODUCTS, WORKFLOWS, CALLS = (
    _table(name)
    for name in (
        "api_gateway_logs", "feature_flags", "infrastructure_metrics", "product_metadata", "workflow_tracking", "calls",
    )
)  # fmt: skip
"""CALLS is a service map: which component calls which."""
WEIGHT = "weight"
"""The number of requests that a row stands for. In the views never NULL: a missing weight is 1, an invalid one -1."""
ANSWER = "status_code"
"""The requests' status column. If it is NULL in every row, failures are unknown, not absent."""
CATALOG: dict[str, CatalogTable] = {table.name: table for table in (LOGS, FLAGS, METRICS, PRODUCTS, WORKFLOWS, CALLS)}


@dataclass(frozen=True)
class SourceTable:
    """Which columns of one of the guide's tables a source has, and how they were read."""

    name: str
    location: str
    present: frozenset[str]
    empty: frozenset[str] = frozenset()
    """Columns that hold only NULLs, as far as the engine checked."""
    problem: str = ""
    """Why the table cannot be read; then it counts as missing, and its view is empty."""
    notes: tuple[str, ...] = ()
    """Caveats on how the rows were read, which affect figures about them."""
    readings: tuple[str, ...] = ()
    """Conversions that were applied to the rows, and that affect no figure."""
    unreadable: int = 0
    """Number of lines or elements of its files that could not be read and were skipped."""
    at_server: bool = False
    """True if the table is at a database server: aggregate there instead of fetching its rows."""
    directed: bool = False
    """True if the rows are spans: then a dependency is the service in which a request's failing calls end."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The guide's columns that the source lacks, in the guide's order: they read as NULL."""
        return tuple(name for name in CATALOG[self.name].columns if name not in self.present)


@dataclass(frozen=True)
class Needs:
    """The columns that a check reads of one table: without a required one the check is not applicable."""

    table: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def lacking(needs: tuple[Needs, ...], source: dict[str, SourceTable]) -> tuple[str, ...]:
    """Names of the tables and required columns that the source lacks: "table" or "table.column".

    A column that holds only NULLs counts as missing.
    """
    missing: list[str] = []
    for need in needs:
        table = source.get(need.table)
        if table is None or table.problem:
            missing += [missing_name(need.table, table)] if need.required else []
        else:
            missing += [f"{need.table}.{name}" for name in need.required if name not in table.present]
            missing += [f"{need.table}.{name} (it holds nothing)" for name in need.required if name in table.empty]
    return tuple(missing)


def missing_name(name: str, table: SourceTable | None) -> str:
    """The name of a missing table, marked if it is there but unreadable."""
    return f"{name} (it is there, but cannot be read)" if table is not None else name


def read_as_null(needs: tuple[Needs, ...], source: dict[str, SourceTable]) -> tuple[str, ...]:
    """Names of the optional columns that the source lacks, as "table.column"; a whole optional table as "table"."""
    absent: list[str] = []
    for need in needs:
        table = source.get(need.table)
        if table is None or table.problem:
            absent += [] if need.required else [missing_name(need.table, table)]
        else:
            absent += [f"{need.table}.{name}" for name in need.optional if name not in table.present]
    return tuple(absent)
