"""A guide's query, parsed: one SELECT that reads tables, or it is refused."""

import functools
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tsg_agent.errors import GuideError
from tsg_agent.guides.guide import Query
from tsg_agent.guides.placeholders import bind

CANONICAL = "duckdb"
CLOCKS = frozenset({
    "now", "getdate", "sysdate", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "today", "curdate",
    "utc_timestamp", "sysdatetime", "unix_timestamp",
})  # fmt: skip
"""Functions without a node class of sqlglot's that look at the clock."""
READING = CLOCKS | frozenset({
    "regr_slope", "regr_intercept", "regr_r2", "kurtosis",
    "skewness", "quantile", "quantile_cont", "quantile_disc", "percentile", "list_aggregate", "date_sub", "date_add",
    "dateadd", "datediff", "date_diff", "timestampdiff", "timestampadd", "to_seconds", "to_minutes", "to_hours",
    "to_days", "epoch_us", "epoch_ms", "epoch_ns", "isfinite", "isnan", "ifnull", "nvl", "greatest", "least", "favg",
    "fsum", "product", "entropy", "mad", "arbitrary", "strptime", "strftime", "try_strptime", "make_timestamp",
    "make_date", "make_interval", "date_bin", "time_bucket", "regexp_matches", "regexp_extract", "regexp_replace",
    "prefix", "suffix", "contains", "starts_with", "ends_with", "split_part", "string_split", "list_value", "lpad",
    "rpad", "levenshtein", "format", "printf", "even", "gamma", "bit_count", "timezone", "date_part", "datepart",
    "datetrunc", "to_char", "to_number", "isoyear", "percent_rank", "cume_dist", "ntile", "round_even", "nullifzero",
})  # fmt: skip
"""Those that only look at their arguments, or at the clock."""
REFUSED = (
    exp.DML, exp.DDL, exp.Command, exp.Into, exp.Lock, exp.Set, exp.Pragma, exp.Use, exp.Attach, exp.Copy,
    exp.Transaction,
    exp.ReadCSV, exp.ReadParquet, exp.TableFromRows, exp.Kill, exp.Describe, exp.Show, exp.NextValueFor,
)  # fmt: skip


@dataclass(frozen=True)
class Parsed:
    """A query with its tree; `:name` in the tree is a parameter."""

    query: Query
    tree: exp.Query

    def line(self, node: exp.Expr) -> int:
        """The file's line that a part of the query stands in."""
        lines = [part.meta["line"] for part in node.walk() if "line" in part.meta]
        return self.query.line + (min(lines) - 1 if lines else 0)


def parse(query: Query, dialect: str = CANONICAL) -> Parsed:
    """The parsed query. Raises GuideError where it does not parse, or is more than one SELECT over tables."""
    return Parsed(query, _tree(query.sql, query.number, dialect).copy())


@functools.lru_cache(maxsize=256)
def _tree(sql: str, number: int, dialect: str) -> exp.Query:
    fix = "A block holds one SELECT over tables."
    try:
        statements = [
            one
            for one in sqlglot.parse(bind(sql, "$" if dialect == CANONICAL else ":"), read=dialect)
            if one is not None
        ]
        for one in statements:
            one.sql(dialect=CANONICAL)  # what sqlglot reads and cannot write is a ValueError
    except RecursionError as error:
        raise GuideError(f"<PLUGIN_{number}> is nested too deep to be read.", fix=fix) from error
    except (SqlglotError, ValueError) as error:
        raise GuideError(f"<PLUGIN_{number}> does not parse: {_said(error)}.", fix=fix) from error
    if len(statements) != 1 or not isinstance(statements[0], exp.Query):
        raise GuideError(f"<PLUGIN_{number}> is not one SELECT.", fix=fix)
    for node in statements[0].walk():
        refused = _refused(node)
        if refused:
            raise GuideError(f"<PLUGIN_{number}> may not run: {refused}.", fix=fix)
    return _with_cases(statements[0])


def _with_cases(tree: exp.Query) -> exp.Query:
    """IF(condition, one, other) as the CASE that it is."""
    for node in list(tree.find_all(exp.If)):
        if node.arg_key != "ifs":  # those of a CASE are its arms
            one = exp.If(this=node.this, true=node.args["true"])
            node.replace(exp.Case(ifs=[one], default=node.args.get("false")))
    return tree


def _refused(node: exp.Expr) -> str:
    """Why a part of a query may not run. Only parsing keeps some engines from writing, so this fails closed."""
    if isinstance(node, REFUSED) and not isinstance(node, exp.Query):
        return f"{node.sql(dialect=CANONICAL)[:60]!r} does more than read"
    if isinstance(node, exp.Table):
        if not isinstance(node.this, exp.Identifier):
            return f"FROM {node.this.sql(dialect=CANONICAL)[:60]!r} is no table"
        if any(mark in node.this.name for mark in "/\\.*:"):
            return f"FROM {node.this.name[:60]!r} is a file, and no table"
        if node.args.get("db") or node.args.get("catalog"):
            return f"{node.sql(dialect=CANONICAL)[:60]!r} names a schema"
    if isinstance(node, exp.Anonymous) and node.name.lower() not in READING:
        return f"the function {node.name[:40]}() is not known to only read"
    return ""


def _said(error: Exception) -> str:
    """What the parser says, in one line without terminal colours."""
    found = getattr(error, "errors", None)
    if found:
        return f"{found[0].get('description', '')} (line {found[0].get('line', '?')} of the block)"[:300]
    return " ".join(str(error).split())[:300]


def tables_in(tree: exp.Expr) -> tuple[str, ...]:
    """The tables that the query reads, without its own named sub-queries, in lower case."""
    own = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return tuple(dict.fromkeys(t.name.lower() for t in tree.find_all(exp.Table) if t.name.lower() not in own))


def parameters_of(tree: exp.Expr) -> tuple[str, ...]:
    """The parameters that the query names."""
    return tuple(dict.fromkeys(one.name for one in tree.find_all(exp.Placeholder) if one.name))
