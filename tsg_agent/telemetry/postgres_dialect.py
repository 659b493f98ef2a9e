"""Translates canonical SQL into PostgreSQL's dialect."""

from typing import ClassVar

from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.generator import Generator
from sqlglot.generators.postgres import PostgresGenerator

from tsg_agent.telemetry.portable import TEXTS, Calls, Translated, calls, named_places, without_qualify

CALLS: Calls = {
    "epoch_us": "CAST(EXTRACT(epoch FROM {}) * 1000000 AS BIGINT)",
    "to_minutes": "({} * INTERVAL '1 minute')",
    "lookup": "({} ->> {})",
    "strlen": "OCTET_LENGTH({})",
    "random_id": "CAST(gen_random_uuid() AS TEXT)",
}
"""Functions that sqlglot passes through unchanged."""


def _explode(generator: Generator, node: exp.Explode) -> str:
    """Drops `unnest` around `generate_series`, which returns rows in PostgreSQL."""
    inner = generator.sql(node, "this")
    return inner if isinstance(node.this, exp.GenerateSeries) else f"UNNEST({inner})"


class _PostgresSQL(PostgresGenerator):
    TRANSFORMS: ClassVar = {
        **PostgresGenerator.TRANSFORMS,
        exp.Anonymous: calls(CALLS),
        exp.Explode: _explode,
        # DIV is for NUMERIC only; / of integers drops the remainder, like DuckDB's //.
        exp.IntDiv: lambda self, node: f"(({self.sql(node, 'this')}) / ({self.sql(node, 'expression')}))",
    }


class _PostgreSQL(Postgres):
    Generator = _PostgresSQL


def _first_of_each(tree: exp.Query) -> None:
    """Rewrite QUALIFY row_number() = 1 as DISTINCT ON.

    For row_number() = 1 PostgreSQL estimates few rows, and joins them by a nested loop: hours for a million rows.
    """
    for select in tree.find_all(exp.Select):
        kept = select.args.get("qualify")
        numbered = kept.this if kept is not None else None
        if not isinstance(numbered, exp.EQ) or numbered.expression != exp.Literal.number(1):
            continue
        window = numbered.this
        if not (isinstance(window, exp.Window) and isinstance(window.this, exp.RowNumber)):
            continue
        if any(select.args.get(name) for name in ("distinct", "group", "order", "limit")):
            continue
        groups = window.args["partition_by"]
        order = window.args.get("order")
        select.set("qualify", None)
        select.set("distinct", exp.Distinct(on=exp.Tuple(expressions=[one.copy() for one in groups])))
        # Parentheses keep the groups in the database's own collation; only the order within a group is ours.
        keys = [exp.Paren(this=one.copy()) for one in groups]
        select.set("order", exp.Order(expressions=[*keys, *(order.expressions if order is not None else ())]))


def written(tree: exp.Query) -> Translated:
    """A query in PostgreSQL's dialect; parameters are $1, $2, …"""
    _first_of_each(tree)
    tree = without_qualify(tree)
    for node in tree.find_all(exp.Ordered):
        if isinstance(node.this, exp.Column) and node.this.name in TEXTS:
            node.set("this", exp.Collate(this=node.this.copy(), expression=exp.to_identifier("C", quoted=True)))
    names = named_places(tree, lambda number, _: exp.Var(this=f"${number}"))
    return Translated(tree.sql(dialect=_PostgreSQL, identify=True, comments=False), names)
