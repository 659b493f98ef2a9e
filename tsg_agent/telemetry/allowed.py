"""Allowlist of functions in untrusted SQL: a model's query, a mapping's expression, a view of a database.

A function is identified by name and number of arguments: `max(text, 90000)` returns a list of up to 90,000 values,
`max(text)` one value. The check reads the SQL text that is sent to the engine, so both parse the same call.
"""

import re

from sqlglot import expressions as exp
from sqlglot import tokenize

ANY = 1000
"""Any number of arguments."""


def by_arguments(text: str) -> dict[str, range]:
    """Read "least-most: name name …" lines."""
    result: dict[str, range] = {}
    for line in text.strip().splitlines():
        numbers, names = line.split(":")
        least, _, most = numbers.strip().partition("-")
        last = ANY if most == "n" else int(most or least)
        result.update(dict.fromkeys(names.split(), range(int(least), last + 1)))
    return result


SCALARS = by_arguments("""
    1: abs ceil ceiling floor sign sqrt ln exp lower upper length isfinite isnan md5 epoch epoch_ms epoch_ns epoch_us
    1: hour minute second day month year dayofweek date to_timestamp make_timestamp_ms make_timestamp_ns extract
    1-2: round trim ltrim rtrim log timestamp
    1-6: make_timestamp
    2: strptime try_strptime str_to_time pow power mod
    2: left right nullif ifnull starts_with ends_with contains strpos position date_part
    2: date_trunc timestamp_trunc strftime time_to_str timezone date_add safe_divide date_sub like
    2-3: regexp_matches regexp_like substr substring str_position time_bucket date_bin date_diff datediff lpad rpad
    2-4: regexp_extract
    3: replace split_part if
    3-4: regexp_replace
    1-n: coalesce greatest least concat
    2-n: concat_ws
""")
AGGREGATES = by_arguments("""
    0-n: count
    1: count_if sum avg mean median min max stddev stddev_samp stddev_pop variance var_samp var_pop any_value first last
    1: mode bool_and bool_or logical_and logical_or approx_distinct
    1-2: percentile_cont percentile_disc
    2: quantile quantile_cont quantile_disc approx_quantile arg_max arg_min max_by min_by corr
""")
WINDOWED = by_arguments("""
    0: row_number rank dense_rank cume_dist percent_rank
    1: ntile first_value last_value
    1-3: lag lead
""")
SYNTAX = (
    exp.Case, exp.If, exp.Cast, exp.TryCast, exp.Connector, exp.Not, exp.In, exp.Between, exp.Exists, exp.Interval,
    exp.JSONExtract, exp.JSONExtractScalar, exp.Extract,
)  # fmt: skip
"""Nodes that sqlglot parses as functions, but that SQL writes as syntax."""
_FORBIDDEN = (
    exp.Into, exp.Lock, exp.Placeholder, exp.Parameter, exp.Command, exp.DDL, exp.DML, exp.Pragma, exp.Set, exp.Attach,
    exp.Copy, exp.Lateral, exp.Unnest, exp.Star, exp.Pivot, exp.Describe, exp.Summarize, exp.TableSample,
)  # fmt: skip
_CAST = {*exp.DataType.NUMERIC_TYPES} - {exp.DataType.Type.BIT} | {
    *exp.DataType.TEXT_TYPES, *exp.DataType.TEMPORAL_TYPES, exp.DataType.Type.JSON,
    exp.DataType.Type.BOOLEAN, exp.DataType.Type.TIME, exp.DataType.Type.TIMETZ, exp.DataType.Type.INTERVAL,
}  # fmt: skip
"""Allowed types of a cast. Not BIT and BLOB: their text form is longer than the value, with each cast again."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def refused(node: exp.Expr, functions: dict[str, range]) -> str:
    """The reason why a node may not run; "" if it may. `functions`: the allowed ones, name -> numbers of arguments."""
    if isinstance(node, _FORBIDDEN):
        counted = isinstance(node, exp.Star) and isinstance(node.parent, exp.Count | exp.Select | exp.Column)
        return "" if counted else f"{node.key.upper()} may not be used."
    if isinstance(node, exp.Cast) and node.to.this not in _CAST:
        return f"A value may not be cast to {node.to.sql(dialect='duckdb')[:60]}."
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
        # text.max(3) is max(text, 3), and main.lower(text) may be a macro of that schema
        return f"{node.sql(dialect='duckdb')[:60]}: a function may not stand behind a dot."
    return _unknown(node, functions) if isinstance(node, exp.Func) and not isinstance(node, SYNTAX) else ""


def _unknown(node: exp.Func, functions: dict[str, range]) -> str:
    name, given = _call(node)
    known = functions.get(name)
    if known is None and not _is_written_otherwise(node, name, functions):
        return f"The function {(name or node.sql_name())[:60]} may not be used."
    if known is not None and given not in known:
        return f"The function {name[:60]} may not be used with {given} arguments."
    return ""


def _is_written_otherwise(node: exp.Func, name: str, functions: dict[str, range]) -> bool:
    """True for an allowed function that sqlglot writes as an operator: `t + INTERVAL '1' DAY` for date_add."""
    return not name and any(one.lower() in functions for one in (*node.sql_names(), node.key))


def _call(node: exp.Func) -> tuple[str, int]:
    """The function's name and number of arguments in DuckDB's SQL; ("", 0) if it is not written as a call."""
    name, *marks = [
        (token.token_type.name, token.text) for token in tokenize(node.sql(dialect="duckdb"), read="duckdb")
    ]
    if not marks or marks[0][0] != "L_PAREN" or not _NAME.fullmatch(name[1]):
        return "", 0
    depth, commas = 0, 0
    for place, (kind, _) in enumerate(marks, 1):
        depth += kind.startswith("L_") - kind.startswith("R_")
        commas += kind == "COMMA" and depth == 1
        if not depth and place < len(marks):
            return "", 0  # the brackets end before it does
    return name[1].lower(), 0 if len(marks) == 2 else commas + 1
