"""query_telemetry: one read-only SELECT of a model's, checked by parsing before it may run."""

from typing import Any

import sqlglot
from sqlglot import expressions as exp
from sqlglot.errors import SqlglotError

from tsg_agent.ask.sources import check_sources
from tsg_agent.errors import QueryError
from tsg_agent.telemetry.engine import Engine
from tsg_agent.telemetry.values import is_text, rows_of

ROWS = 100
BYTES = 4_000_000
CHARACTERS = 4_000
SECONDS = 20.0
"""A query of a model's may take this long."""
_LISTED = """
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
"""
_FUNCTIONS = frozenset(_LISTED.split())
_FORBIDDEN = (
    exp.Into, exp.Lock, exp.Placeholder, exp.Parameter, exp.Command, exp.DDL, exp.DML, exp.Pragma, exp.Set, exp.Attach,
    exp.Copy, exp.Lateral, exp.Unnest, exp.Star, exp.Pivot, exp.Describe, exp.Summarize,
)  # fmt: skip


def checked(sql: str) -> str:
    """The query as it may run: one SELECT over the guide's tables, with known functions, limited in rows.

    Raises QueryError with what a model can act on.
    """
    if len(sql) > CHARACTERS:
        raise QueryError(f"The query is longer than {CHARACTERS} characters.")
    if not is_text(sql):
        raise QueryError("The query holds characters that are no text.")
    try:
        statements = sqlglot.parse(sql, dialect="duckdb")
        if len(statements) != 1 or not isinstance(statements[0], exp.Select | exp.SetOperation):
            raise QueryError("Only one SELECT may run.")
        tree = statements[0]
        check_sources(tree)
        for node in tree.walk():
            _check_node(node)
        text = tree.sql(dialect="duckdb")
    except (SqlglotError, RecursionError) as error:
        raise QueryError(f"The query cannot be parsed: {str(error).splitlines()[0][:200]}") from None
    return f"SELECT * FROM (\n{text}\n) LIMIT {ROWS + 1}"  # noqa: S608 - parsed and checked above


def run_checked(engine: Engine, sql: str, timeout: float) -> tuple[list[dict[str, Any]], bool]:
    """The rows of a checked query, and whether there were more. A time that Python has not comes as text.

    Raises TelemetryError.
    """
    table = engine.run(checked(sql), {}, timeout=min(timeout, SECONDS))
    if table.nbytes > BYTES:
        raise QueryError(
            f"The result is larger than {BYTES // 1_000_000} MB.", fix="Take fewer or shorter columns: left(text, 200)."
        )
    return rows_of(table.slice(0, ROWS)), table.num_rows > ROWS


_CAST = {
    *exp.DataType.NUMERIC_TYPES, *exp.DataType.TEXT_TYPES, *exp.DataType.TEMPORAL_TYPES,
    exp.DataType.Type.BOOLEAN, exp.DataType.Type.TIME, exp.DataType.Type.TIMETZ, exp.DataType.Type.INTERVAL,
}  # fmt: skip
"""What a value may be cast to: bits and bytes grow each time that they are told as text."""


def _check_node(node: exp.Expr) -> None:
    if isinstance(node, exp.Star) and isinstance(node.parent, exp.Count | exp.Select | exp.Column):
        return
    if isinstance(node, _FORBIDDEN):
        raise QueryError(f"{node.key.upper()} may not be used.")
    if isinstance(node, exp.Cast) and node.to.this not in _CAST:
        raise QueryError(f"A value may not be cast to {node.to.sql(dialect='duckdb')[:60]}.")
    if isinstance(node, exp.Anonymous):
        known, name = node.name.lower() in _FUNCTIONS, node.name
    elif isinstance(node, exp.Func):
        names = {one.lower() for one in (*node.sql_names(), node.key)}
        known, name = bool(names & _FUNCTIONS) or _called(node) in _FUNCTIONS, node.sql_name()
    else:
        return
    if not known:
        raise QueryError(f"The function {name[:60]} may not be used.")


def _called(function: exp.Func) -> str:
    """What the engine calls a function, which the parser may have another name for."""
    return function.sql(dialect="duckdb").partition("(")[0].lower()
