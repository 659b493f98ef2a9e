"""Queries that do not run, and why: DuckDB is asked, on empty tables; PostgreSQL is known by its grammar and rules."""

from collections.abc import Iterator
from datetime import datetime

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from tsg_agent.guides.facts import Facts
from tsg_agent.guides.guide import WrittenGuide
from tsg_agent.guides.lint.column_use import ambiguous_column, boolean_number, ungrouped_column, unknown_columns
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.lint_rule import DUCKDB, POSTGRES, Occurrence, over_guide, rule
from tsg_agent.guides.lint.time_use import interval_unit
from tsg_agent.guides.parsed import CANONICAL, parameters_of
from tsg_agent.guides.placeholders import bind
from tsg_agent.telemetry.loading import first_line

SECOND_OF_2024 = datetime(2024, 1, 1)
LACKED: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.TryCast, "TRY_CAST"),
    (exp.Qualify, "QUALIFY"),
    (exp.CountIf, "COUNT_IF"),
    (exp.ArgMax, "ARG_MAX"),
    (exp.ArgMin, "ARG_MIN"),
    (exp.Quantile, "QUANTILE"),
    (exp.Median, "MEDIAN"),
    (exp.ApproxQuantile, "APPROX_QUANTILE"),
)
"""What PostgreSQL does not have."""


@rule(
    over_guide,
    "error",
    why="What it holds is not run, or only once.",
    fix="A block stands in a step, from <PLUGIN_n> to </PLUGIN_n>; a step's or a block's number is there once.",
)
def unread_block(about: Inspection) -> Iterator[Occurrence]:
    """A block that is not closed, empty, or there twice."""
    for oddity in about.guide.oddities:
        yield Occurrence(oddity.line, oddity.text.rstrip("."))


@rule(
    over_guide,
    "error",
    why="It is never run: a query that is not understood may do more than read.",
    engines=(DUCKDB, POSTGRES),
)
def refused_query(about: Inspection) -> Iterator[Occurrence]:
    """A block that is not one SELECT over tables."""
    for query, error in about.refused:
        yield Occurrence(query.line, error.message.rstrip("."), fix=error.fix, within=query)


@rule(
    over_guide,
    "note",
    why="Columns and their kinds are guessed from how the queries use them; a wrong name is not noticed.",
)
def unknown_table(about: Inspection) -> Iterator[Occurrence]:
    """A table of which nothing says what columns it has."""
    for table in sorted(about.schema.inferred):
        facts, node = next(
            (one, node)
            for one in about.facts
            for node in one.parsed.tree.find_all(exp.Table)
            if node.name.lower() == table
        )
        columns = ", ".join(f"{name}: {kind.name.lower()}" for name, kind in about.schema.tables[table].items())
        fix = f"Declare it in the front matter: tables: {{{table}: {{columns: {{{columns}}}}}}}"
        yield Occurrence(node, f"nothing says which columns {table} has", fix=fix, within=facts)


@rule(over_guide, "error")
def does_not_run(about: Inspection) -> Iterator[Occurrence]:
    """A query that DuckDB or PostgreSQL refuses, and why."""
    with duckdb.connect(":memory:", config={"enable_external_access": "false"}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for statement in about.schema.statements():
            connection.execute(statement)
        for facts in about.facts:
            said = _refusal(connection, facts.parsed.tree.sql(dialect=CANONICAL), about.guide)
            if said:
                yield _not_running(about, facts, connection, said)
    for facts in about.facts:
        reasons = list(dict.fromkeys(_postgres(about, facts)))
        if reasons:
            what = f"{POSTGRES} refuses the query: {'; '.join(reasons)}"
            why = "The step says nothing there."
            yield Occurrence(facts.parsed.query.line, what, why, engines=(POSTGRES,), within=facts)


def _not_running(about: Inspection, facts: Facts, connection: duckdb.DuckDBPyConnection, said: str) -> Occurrence:
    repaired = about.repaired[facts.parsed.query.number]
    still = _refusal(connection, repaired.sql, about.guide)
    names = ", ".join(dict.fromkeys(change.rule for change in repaired.changes))
    guessed = sorted(set(about.schema.inferred) & {t.name.lower() for t in facts.parsed.tree.find_all(exp.Table)})
    doubt = f" (the columns of {', '.join(guessed)} are guessed)" if guessed else ""
    after = f"Repaired ({names}) it runs." if not still else f"Repaired as far as that is certain it says: {still}"
    what, why = f"{DUCKDB} refuses the query{doubt}: {said}", "The step says nothing as it stands."
    return Occurrence(facts.parsed.query.line, what, why, after, engines=(DUCKDB,), within=facts)


def _refusal(connection: duckdb.DuckDBPyConnection, sql: str, guide: WrittenGuide) -> str:
    """What DuckDB says of a query on empty tables; "" where it runs."""
    kinds = {parameter.name: parameter.kind for parameter in guide.parameters}
    samples: dict[str, object] = {"timestamp": SECOND_OF_2024, "number": 1, "integer": 1, "boolean": True}
    named = parameters_of(sqlglot.parse_one(sql, read=CANONICAL))
    try:
        connection.execute(sql, {name: samples.get(kinds.get(name, "timestamp"), "x") for name in named}).fetchall()
    except duckdb.Error as error:
        return first_line(error)
    return ""


def _postgres(about: Inspection, facts: Facts) -> Iterator[str]:
    """What PostgreSQL is known to refuse in a query."""
    try:
        sqlglot.parse_one(bind(facts.parsed.query.sql), read="postgres")
    except SqlglotError as error:
        yield f"it does not parse ({' '.join(str(error).split())[:120]})"
    for node in facts.parsed.tree.walk():
        lacked = next((name for kind, name in LACKED if isinstance(node, kind)), "")
        if lacked:
            yield f"it has no {lacked} (line {facts.parsed.line(node)})"
        if isinstance(node, exp.Group) and node.args.get("all"):
            yield f"it has no GROUP BY ALL (line {facts.parsed.line(node)})"
        if isinstance(node, exp.Star) and node.args.get("except_"):
            yield f"it has no * EXCLUDE (line {facts.parsed.line(node)})"
    for column in unknown_columns(facts):
        yield f"no table has a column {column.name} (line {facts.parsed.line(column)})"
    for one in (boolean_number, ambiguous_column, ungrouped_column, interval_unit):
        for problem in one.problems(about):
            if problem.plugin == facts.parsed.query.number and POSTGRES in problem.engines:
                yield f"{problem.what} (line {problem.line})"
