"""query_telemetry: one read-only SELECT of a model's, checked by parsing before it may run."""

from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from tsg_agent.errors import QueryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.engine import Engine

ROWS = 100
CHARACTERS = 4_000
SECONDS = 20.0
"""A query of a model's may take this long."""
_FUNCTIONS = frozenset(
    """
    count count_if sum avg mean median min max quantile quantile_cont quantile_disc approx_quantile approx_distinct
    percentile_cont percentile_disc stddev stddev_samp stddev_pop variance var_samp var_pop any_value first last mode
    arg_max arg_min bool_and bool_or logical_and logical_or max_by min_by corr
    coalesce if ifnull nullif case cast try_cast greatest least abs round floor ceil sign sqrt ln log exp pow power mod
    lower upper trim length substring left right replace split_part concat concat_ws starts_with ends_with contains
    str_position position strpos like regexp_matches regexp_like regexp_extract
    date_trunc timestamp_trunc date_part extract epoch epoch_ms time_bucket date_bin date_diff datediff date_add
    date_sub hour minute day dayofweek strftime time_to_str timestamp date ts_or_ds_to_date str_to_time
    row_number rank dense_rank lag lead ntile cume_dist percent_rank first_value last_value
    in and or xor not between exists interval safe_divide
    """.split()  # noqa: SIM905 - a list of words is easier to read and to keep
)
_FORBIDDEN = (
    exp.Into, exp.Lock, exp.Placeholder, exp.Parameter, exp.Command, exp.DDL, exp.DML, exp.Pragma, exp.Set, exp.Attach,
    exp.Copy, exp.Lateral, exp.Unnest, exp.Star,
)  # fmt: skip


def checked(sql: str) -> str:
    """The query as it may run: one SELECT over the guide's tables, with known functions, limited in rows.

    Raises QueryError with what a model can act on.
    """
    if len(sql) > CHARACTERS:
        raise QueryError(f"The query is longer than {CHARACTERS} characters.")
    try:
        statements = sqlglot.parse(sql, dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"The query cannot be parsed: {str(error).splitlines()[0][:200]}") from None
    if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation):
        raise QueryError("Only one SELECT may run.")
    tree = statements[0]
    _check_tables(tree)
    for node in tree.walk():
        _check_node(node)
    return f"SELECT * FROM (\n{tree.sql(dialect='duckdb')}\n) LIMIT {ROWS + 1}"  # noqa: S608 - parsed and checked above


def run_checked(engine: Engine, sql: str, timeout: float) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a checked query, and whether there were more. Raises TelemetryError."""
    table = engine.run(checked(sql), {}, timeout=min(timeout, SECONDS))
    return table.slice(0, ROWS).to_pylist(), table.num_rows > ROWS


def _check_tables(tree: exp.Expression) -> None:
    named = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier) or table.args.get("db") or table.args.get("catalog"):
            raise QueryError(f"Only the tables {', '.join(CATALOG)} may be read.")
        if table.name.lower() not in CATALOG and table.name.lower() not in named:
            raise QueryError(f"There is no table {table.name[:60]!r}; there are {', '.join(CATALOG)}.")
    for cte in named & CATALOG.keys():
        raise QueryError(f"{cte} is a table's name: name the common table expression otherwise.")


def _check_node(node: exp.Expr) -> None:
    if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count | exp.Select | exp.Column):
        return
    if isinstance(node, _FORBIDDEN):
        raise QueryError(f"{node.key.upper()} may not be used.")
    if isinstance(node, exp.Anonymous):
        known, name = node.name.lower() in _FUNCTIONS, node.name
    elif isinstance(node, exp.Func):
        names = {one.lower() for one in node.sql_names()} | {node.key.lower()}
        known, name = bool(names & _FUNCTIONS), node.sql_name()
    else:
        return
    if not known:
        raise QueryError(f"The function {name[:60]} may not be used.")
