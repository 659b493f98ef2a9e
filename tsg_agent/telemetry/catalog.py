"""The guide's tables, and the map of calls: their columns and kinds, and what a source has and lacks of them."""

from dataclasses import dataclass, field

from tsg_agent.columns import COLUMNS
from tsg_agent.columns import Kind as Kind  # noqa: PLC0414 - it is the tables' word, too


@dataclass(frozen=True)
class CatalogTable:
    """One of the tables: column name -> kind, in the guide's order. `defaults`: what one reads as that is missing."""

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
"""A service map: which component calls which."""
WEIGHT = "weight"
"""How many requests a row stands for: NULL is 1. In the views it is never NULL, and -1 where it cannot be one."""
ANSWER = "status_code"
"""The requests' column without which nobody knows how they were answered: NULL in every row is not "no failure"."""
CATALOG: dict[str, CatalogTable] = {table.name: table for table in (LOGS, FLAGS, METRICS, PRODUCTS, WORKFLOWS, CALLS)}


@dataclass(frozen=True)
class SourceTable:
    """What a source holds of one of the guide's tables."""

    name: str
    location: str
    present: frozenset[str]
    empty: frozenset[str] = frozenset()
    """Columns that are there and hold only NULLs, where the engine looked."""
    problem: str = ""
    """Why nothing of it can be read; then it is as good as not there, and its view has no row."""
    notes: tuple[str, ...] = ()
    """What whoever reads figures about its rows must know of how these were read."""
    readings: tuple[str, ...] = ()
    """How else its rows were read, where that was not plain."""
    unreadable: int = 0
    """Lines or elements of its files that could not be read: they are in no row."""
    at_server: bool = False
    """What is counted there need not be brought."""
    directed: bool = False
    """Its rows are spans, whose dependency is the service in which a request's failing calls end."""

    @property
    def missing(self) -> tuple[str, ...]:
        """The guide's columns that the source lacks, in the guide's order: they read as NULL."""
        return tuple(name for name in CATALOG[self.name].columns if name not in self.present)


@dataclass(frozen=True)
class Needs:
    """What a check reads of one table: without a required column it is not applicable."""

    table: str
    required: tuple[str, ...]
    optional: tuple[str, ...] = ()


def lacking(needs: tuple[Needs, ...], source: dict[str, SourceTable]) -> tuple[str, ...]:
    """Names of the tables and required columns that the source lacks: "table" or "table.column".

    A column that holds only NULLs is as good as none.
    """
    missing: list[str] = []
    for need in needs:
        table = source.get(need.table)
        if table is None or table.problem:
            missing += [_named(need.table, table)] if need.required else []
        else:
            missing += [f"{need.table}.{name}" for name in need.required if name not in table.present]
            missing += [f"{need.table}.{name} (it holds nothing)" for name in need.required if name in table.empty]
    return tuple(missing)


def _named(name: str, table: SourceTable | None) -> str:
    """A table that is not there, or is there and broken."""
    return f"{name} (it is there, but cannot be read)" if table is not None else name


def read_as_null(needs: tuple[Needs, ...], source: dict[str, SourceTable]) -> tuple[str, ...]:
    """Names of the optional columns that the source lacks, as "table.column"; a whole optional table as "table"."""
    absent: list[str] = []
    for need in needs:
        table = source.get(need.table)
        if table is None or table.problem:
            absent += [] if need.required else [_named(need.table, table)]
        else:
            absent += [f"{need.table}.{name}" for name in need.optional if name not in table.present]
    return tuple(absent)
