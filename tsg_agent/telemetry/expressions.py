"""Checks the scalar SQL expressions of a mapping file: parsed, never trusted."""

import sqlglot
from sqlglot import exp

from tsg_agent.errors import TelemetryError

ALLOWED_FUNCTIONS = frozenset({
    "abs", "ceil", "ceiling", "coalesce", "concat", "concat_ws", "contains", "date_trunc", "ends_with", "epoch",
    "json_extract", "json_extract_string", "list_extract", "list_filter", "list_transform", "lookup", "map_extract",
    "map_from_entries", "map_keys", "map_values", "string_split", "to_json", "url_decode",
    "epoch_ms", "epoch_ns", "epoch_us", "floor", "greatest", "if", "ifnull", "least", "left", "length", "lower",
    "lpad", "ltrim", "make_timestamp", "make_timestamp_ms", "make_timestamp_ns", "md5", "nullif", "regexp_extract",
    "regexp_matches", "regexp_replace", "replace", "right", "round", "rtrim", "split_part", "starts_with",
    "strftime", "strpos", "strptime", "substr", "substring", "timezone", "to_timestamp", "trim", "try_strptime",
    "upper",
})  # fmt: skip
ALLOWED_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.Boolean, exp.Null, exp.Paren, exp.Binary, exp.Connector, exp.Not,
    exp.Neg, exp.Case, exp.If, exp.Cast, exp.TryCast, exp.DataType, exp.DataTypeParam, exp.In, exp.Between, exp.Is,
    exp.Interval, exp.Var, exp.Like, exp.ILike, exp.Func, exp.AtTimeZone, exp.TimeUnit, exp.Tuple, exp.Bracket,
    exp.JSONPath, exp.JSONPathPart, exp.Lambda, exp.Dot,
)  # fmt: skip
SYNTAX = (exp.Anonymous, exp.Cast, exp.Case, exp.If, exp.Connector, exp.Binary)
"""Function nodes that are written as syntax (CAST, CASE, operators), or that are looked at by name above."""
REFUSED_NODES = (exp.Query, exp.Subquery, exp.Table, exp.AggFunc, exp.Window, exp.Placeholder, exp.Parameter, exp.Star,
                 exp.Columns)  # fmt: skip


def check_expression(text: str, where: str) -> str:
    """The expression as DuckDB text, if it is one scalar expression over the source's own columns.

    Refused: sub-queries, aggregates, windows, parameters, a second statement, and every function that is not
    known to be harmless (so none that reads a file, a setting or the environment).

    Raises TelemetryError, naming `where` (table.column) and the offending part.
    """
    try:
        return _checked(text, where)
    except RecursionError as error:
        fix = "Write it with fewer brackets."
        raise TelemetryError(f"{where}: the mapping's expression is nested too deep", fix=fix) from error


def _checked(text: str, where: str) -> str:
    fix = 'Write one scalar expression over the source\'s columns, such as "duration_us / 1000.0".'
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
    expression = select.expressions[0]
    for node in expression.walk():
        refused = _refused(node)
        if refused:
            raise TelemetryError(f"{where}: {refused} may not stand in a mapping: {text!r}", fix=fix)
    return str(expression.transform(_looked_up).sql(dialect="duckdb"))


def columns_of(expression: str) -> set[str]:
    """The source's columns that a checked expression reads, in lower case; of a path (a.b.c) the column it is in."""
    found = sqlglot.parse_one(expression, read="duckdb").find_all(exp.Column)
    return {column.parts[0].name.lower() for column in found}


def picked_from(expression: str) -> set[str]:
    """The columns of which a checked expression reads one element by its place (data[1]), in lower case."""
    brackets = sqlglot.parse_one(expression, read="duckdb").find_all(exp.Bracket)
    return {
        node.this.parts[0].name.lower()
        for node in brackets
        if isinstance(node.this, exp.Column) and all(isinstance(key, exp.Literal) for key in node.expressions)
    }


def _looked_up(node: exp.Expression) -> exp.Expression:
    """`attributes['http.route']`, whatever holds it: an object, a map, or a list of keys and values."""
    if isinstance(node, exp.Bracket) and len(node.expressions) == 1:
        key = node.expressions[0]
        if isinstance(key, exp.Literal) and key.is_string:
            return exp.Anonymous(this="lookup", expressions=[node.this, key])
    return node


def _refused(node: exp.Expression) -> str:
    if isinstance(node, REFUSED_NODES) or not isinstance(node, ALLOWED_NODES):
        return f"{type(node).__name__} ({node.sql(dialect='duckdb')[:60]})"
    if isinstance(node, exp.Anonymous) and node.name.lower() not in ALLOWED_FUNCTIONS:
        return f"the function {node.name}()"
    if isinstance(node, exp.Func) and not isinstance(node, SYNTAX):
        name = node.sql(dialect="duckdb").partition("(")[0].strip().lower()
        if name.isidentifier() and name not in ALLOWED_FUNCTIONS:
            return f"the function {name}()"
    return ""
