"""Validates the scalar SQL expressions of a mapping file, which are untrusted."""

import re

import sqlglot
from sqlglot import exp

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.allowed import SCALARS, by_arguments, refused
from tsg_agent.telemetry.growth import grows

MOST_CHARACTERS = 4_000
MAPPED = SCALARS | by_arguments("""
    1: url_decode map_from_entries map_keys map_values to_json
    2: json_extract json_extract_string list_extract list_filter list_position list_transform lookup map_extract
""")
"""Functions that mappings may call in addition to those of queries: access to nested values."""
ALLOWED_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Binary, exp.Connector, exp.Not,
    exp.Neg, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.In, exp.Between, exp.Is,
    exp.Interval, exp.Var, exp.Like, exp.ILike, exp.Func, exp.AtTimeZone, exp.TimeUnit, exp.Tuple, exp.Bracket,
    exp.JSONPath, exp.JSONPathPart, exp.Lambda, exp.Dot,
)  # fmt: skip
REFUSED_NODES = (exp.Query, exp.Subquery, exp.Table, exp.AggFunc, exp.Window, exp.Placeholder, exp.Parameter, exp.Star,
                 exp.Columns)  # fmt: skip


def check_expression(text: str, where: str) -> str:
    """The expression as DuckDB text, if it is one scalar expression over the source's own columns.

    Refused: sub-queries, aggregates, windows, parameters, a second statement, and every function that is not in
    the allowlist (so none that reads a file, a setting or the environment, or returns a text of unbounded length).

    Raises TelemetryError, naming `where` (table.column) and the offending part.
    """
    try:
        return _checked(text, where)
    except RecursionError as error:
        fix = "Write it with fewer brackets."
        raise TelemetryError(f"{where}: the mapping's expression is nested too deep", fix=fix) from error
    except ValueError as error:  # sqlglot parses it, but cannot generate it
        fix = "Write it in another way."
        raise TelemetryError(f"{where}: the mapping's expression is not understood: {text!r}", fix=fix) from error


def _checked(text: str, where: str) -> str:
    fix = 'Write one scalar expression over the source\'s columns, such as "duration_us / 1000.0".'
    if len(text) > MOST_CHARACTERS:
        raise TelemetryError(f"{where}: the mapping's expression is longer than {MOST_CHARACTERS} characters.", fix=fix)
    try:
        statements = sqlglot.parse(f"SELECT {text}", read="duckdb")
    except sqlglot.errors.SqlglotError as error:
        first_line = str(error).splitlines()[0]
        raise TelemetryError(f"{where}: the mapping's expression does not parse: {first_line}", fix=fix) from error
    select = statements[0] if len(statements) == 1 else None
    if not isinstance(select, exp.Select) or len(select.expressions) != 1:
        raise TelemetryError(f"{where}: the mapping must be one expression: {text!r}", fix=fix)
    if [key for key, value in select.args.items() if value and key != "expressions"]:
        raise TelemetryError(f"{where}: only an expression may stand in a mapping: {text!r}", fix=fix)
    checked = str(select.expressions[0].sql(dialect="duckdb"))
    for expression in (select.expressions[0], sqlglot.parse_one(checked, read="duckdb")):  # the engine gets the second
        for node in expression.walk():
            if why := _refused(node):
                raise TelemetryError(f"{where}: {why} in a mapping: {text!r}", fix=fix)
        if grows(expression, lambda _table: None):
            raise TelemetryError(f"{where}: the mapping puts too many texts together: {text!r}", fix=fix)
    return str(sqlglot.parse_one(checked, read="duckdb").transform(_looked_up).sql(dialect="duckdb"))


def columns_of(expression: str) -> set[str]:
    """The source's columns that a checked expression reads, in lower case; for a path (a.b.c) its column (a)."""
    found = sqlglot.parse_one(expression, read="duckdb").find_all(exp.Column)
    return {column.parts[0].name.lower() for column in found}


def picked_from(expression: str) -> dict[str, str]:
    """The arrays of which a checked expression reads a single element by index, inner ones last: SQL -> path."""
    brackets = sqlglot.parse_one(expression, read="duckdb").find_all(exp.Bracket)
    by_place = [node.this for node in brackets if all(isinstance(key, exp.Literal) for key in node.expressions)]
    held = sorted({one.sql(dialect="duckdb") for one in by_place}, key=len)
    return {sql: re.sub(r'\[\w+\]|"', "", sql) for sql in held}


def _looked_up(node: exp.Expression) -> exp.Expression:
    """A lookup such as `attributes['http.route']`, for an object, a map, or a list of key-value pairs."""
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        key = node.expressions[0]
        if isinstance(key, exp.Literal) and key.is_string:
            return exp.Anonymous(this="lookup", expressions=[node.this.transform(_looked_up), key])
    return node


def _refused(node: exp.Expr) -> str:
    if isinstance(node, REFUSED_NODES) or not isinstance(node, ALLOWED_NODES):
        return f"{type(node).__name__} ({node.sql(dialect='duckdb')[:60]}) may not be used"
    return refused(node, MAPPED).rstrip(".")
