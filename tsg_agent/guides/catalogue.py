"""Which columns a guide's tables have: the telemetry catalogue's, the front matter's, or as the queries use them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from tsg_agent.guides.guide import WrittenGuide
from tsg_agent.guides.parsed import Parsed, tables_in
from tsg_agent.telemetry.catalog import CATALOG, LOGS, PRODUCTS, CatalogTable, Kind
from tsg_agent.telemetry.loading import quoted

KEYS = {LOGS.name: ("request_id",), PRODUCTS.name: ("request_id",)}
"""What no two rows of a catalogue's table share, in a healthy source."""
NUMERIC = (
    exp.Avg, exp.Sum, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.PercentileCont, exp.Quantile, exp.Median,
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Variance,
)  # fmt: skip
TRANSPARENT = (exp.Paren, exp.Neg, exp.Ordered, exp.Distinct, exp.Max, exp.Min, exp.Abs, exp.Coalesce)
TIMED = (exp.TimestampTrunc, exp.DateTrunc, exp.Extract, exp.DateBin, exp.DateDiff, exp.TimestampDiff)


@dataclass(frozen=True)
class TableSchema:
    """Table -> column -> kind. Of an inferred table only what the queries name is known."""

    tables: Mapping[str, Mapping[str, Kind]]
    keys: Mapping[str, tuple[str, ...]]
    inferred: frozenset[str]

    def kind(self, table: str, column: str) -> Kind | None:
        """What a column holds, where that is known."""
        return self.tables.get(table, {}).get(column)

    def statements(self) -> list[str]:
        """CREATE TABLE for each table, empty."""
        return [create_table(name, columns) for name, columns in self.tables.items() if columns]


def create_table(name: str, columns: Mapping[str, Kind]) -> str:
    """DuckDB's CREATE TABLE."""
    inner = ", ".join(f"{quoted(column)} {kind.sql_type}" for column, kind in columns.items())
    return f"CREATE TABLE {quoted(name)} ({inner})"


def declared_tables(guide: WrittenGuide) -> dict[str, CatalogTable]:
    """The tables that the front matter describes."""
    return {
        name.lower(): CatalogTable(
            name.lower(), {column.lower(): Kind[kind.upper()] for column, kind in one.columns.items()}
        )
        for name, one in guide.tables.items()
    }


def schema_of(
    guide: WrittenGuide, parsed: Iterable[Parsed], held: Mapping[str, Mapping[str, Kind]] | None = None
) -> TableSchema:
    """What is known of the tables that the queries read. A declared table wins over the catalogue's.

    `held`: what a source's tables hold, by name; it wins over what the queries suggest.
    """
    found = list(parsed)
    declared = declared_tables(guide)
    tables: dict[str, dict[str, Kind]] = {}
    inferred = set()
    for name in dict.fromkeys(table for one in found for table in tables_in(one.tree)):
        known = declared.get(name) or CATALOG.get(name)
        if known:
            tables[name] = dict(known.columns)
        elif held and name in held:
            tables[name] = dict(held[name])
        else:
            inferred.add(name)
            tables[name] = {}
    times = {one.name for one in guide.parameters if one.kind == "timestamp"}
    for one in found:
        for select in one.tree.find_all(exp.Select):
            _infer(select, tables, inferred, times)
    keys = {**KEYS, **{name.lower(): tuple(k.lower() for k in one.key) for name, one in guide.tables.items()}}
    return TableSchema(tables, {name: keys[name] for name in tables if keys.get(name)}, frozenset(inferred))


def _infer(select: exp.Select, tables: dict[str, dict[str, Kind]], inferred: set[str], times: Collection[str]) -> None:
    """Add the columns that one SELECT reads from tables of which nothing is known."""
    joins = [join.this for join in select.args.get("joins") or []]
    begin = select.args.get("from_")
    from_table = begin is not None and isinstance(begin.this, exp.Table)
    sources = [source for source in ([begin.this] if begin else []) + joins if isinstance(source, exp.Table)]
    aliases = {source.alias_or_name.lower(): source.name.lower() for source in sources}
    unknown = [aliases[alias] for alias in aliases if aliases[alias] in inferred]
    if not unknown:
        return
    held = {name for table in aliases.values() if table not in inferred for name in tables.get(table, {})}
    own = {one.alias.lower() for one in select.expressions if one.alias}
    for column in select.find_all(exp.Column):
        if column.find_ancestor(exp.Select) is not select or isinstance(column.this, exp.Star):
            continue
        qualifier, name = column.table.lower(), column.name.lower()
        if qualifier and aliases.get(qualifier) in inferred:
            table = aliases[qualifier]
        elif not qualifier and from_table and name not in held:
            if name in own and column.find_ancestor(exp.Group, exp.Order, exp.Having, exp.Qualify):
                continue  # an output's name
            table = unknown[0]
        else:
            continue
        kind = _use(column, times)
        if kind or name not in tables[table]:
            tables[table][name] = kind or Kind.TEXT


def _use(column: exp.Column, times: Collection[str]) -> Kind | None:
    """What a column must hold to be used like this. `times`: the parameters that are times."""
    parent: exp.Expr | None = column.parent
    while isinstance(parent, TRANSPARENT):
        parent = parent.parent
    if parent is None:
        return None
    others = [one for one in parent.iter_expressions() if one is not column]
    compared = isinstance(parent, exp.Binary | exp.Between | exp.In)
    boolean = isinstance(parent, exp.And | exp.Or | exp.Not | exp.Where)
    if isinstance(parent, TIMED) or any(_is_moment(one, times) for one in others):
        return Kind.TIMESTAMP
    if (
        boolean
        or (isinstance(parent, exp.If) and parent.this is column)
        or any(isinstance(one, exp.Boolean) for one in others)
    ):
        return Kind.BOOLEAN
    numbers = any(isinstance(one, exp.Literal) and not one.is_string for one in others)
    return Kind.NUMBER if isinstance(parent, NUMERIC) or (compared and numbers) else None


def _is_moment(node: exp.Expr, times: Collection[str]) -> bool:
    """True if what a column is compared with, or moved by, is a time."""
    named = isinstance(node, exp.Placeholder) and node.name in times
    return named or node.find(exp.Interval, exp.CurrentTimestamp) is not None
