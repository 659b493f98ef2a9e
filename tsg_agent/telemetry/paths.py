"""Replaces ids in paths by {id}, to lower their cardinality: /order/{id} is one endpoint.

UUIDs, hashes and other tokens are always replaced. A number may be a version or one of few pages: it is replaced if
many paths differ in nothing else.
"""

import duckdb

from tsg_agent.telemetry.values import Noted, any_row, literal

COLUMN = "endpoint_path"
MANY = 10
"""From so many paths that differ in their numbers only, these are ids."""
KEPT = 500
"""Limit of templates with few paths, whose numbers are kept; above it all numbers are replaced."""
_LIKELY = r"\d|[?#]|[A-Za-z0-9_~%=+-]{16}"
"""Matches every path that may hold an id."""


def templated(connection: duckdb.DuckDBPyConnection, source: str, expression: str) -> Noted:
    """Read a column of paths as templates."""
    path = f"CAST({expression} AS VARCHAR)"
    # `held` keeps the engine from matching each row instead of each path.
    each = f"(SELECT {path} AS path, count(*) AS held FROM {source} GROUP BY 1)"  # noqa: S608 - checked expressions
    if not any_row(connection, f"{each} WHERE held > 0 AND regexp_matches(path, '{_LIKELY}')"):
        return Noted(expression)
    found = connection.execute(
        "SELECT path_template(path) AS template, count(*) AS paths, bool_or(path_without_hashes(path) <> path), "  # noqa: S608 - checked expressions
        f"any_value(path), bool_or(cut) FROM (SELECT bare_path(path) AS path, bool_or(path <> bare_path(path)) AS cut "
        f"FROM (SELECT DISTINCT {path} AS path FROM {source}) WHERE path IS NOT NULL GROUP BY ALL) "
        "GROUP BY template ORDER BY paths DESC, template"
    ).fetchall()
    changed = [row for row in found if row[0] != row[3]]
    merged = [row for row in changed if row[1] >= MANY or row[2]]
    few = [row[0] for row in changed if row[1] < MANY]
    if not merged:
        if any(row[4] for row in found):
            return Noted(f"bare_path({path})", ("endpoint_path is counted without its query (?…).",))
        return Noted(expression)
    sql = f"path_template({path})"
    if 0 < len(few) <= KEPT:
        names = ", ".join(map(literal, few))
        sql = f"CASE WHEN {sql} IN ({names}) THEN path_without_hashes({path}) ELSE {sql} END"
    first, paths = merged[0][0], sum(row[1] for row in merged)
    more = f" and {len(merged) - 1} more" if len(merged) > 1 else ""
    note = (
        f"endpoint_path holds ids: {paths:,} different paths are counted as {first!r} ({merged[0][1]:,} paths, such as "
        f"{merged[0][3]!r}){more}."
    )
    return Noted(sql, (note,))
