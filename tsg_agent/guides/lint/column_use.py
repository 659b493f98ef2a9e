"""Columns: which are meant, what they hold, and which are read for nothing."""

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides.errata import ambiguous, boolean_comparisons, version_casts
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.lint.inspection import Inspection, in_query, text
from tsg_agent.guides.lint.problem import GuideProblem
from tsg_agent.guides.scopes import SelectScope, candidates, inside, windowed

BOTH = ("DuckDB", "PostgreSQL")


def ambiguous_columns(about: Inspection) -> Iterator[GuideProblem]:
    """Columns that several tables hold."""
    for facts in about.facts:
        named: dict[str, tuple[exp.Column, list[str]]] = {}
        for _, column, held in ambiguous(facts):
            named.setdefault(column.name.lower(), (column, [one.alias for one in held]))
        changes = about.repaired[facts.parsed.query.number].changes
        meant = {one.what.split(" -> ")[0].lower(): one.what for one in changes if one.rule == "ambiguous-column"}
        for name, (column, aliases) in named.items():
            yield in_query(
                facts,
                column,
                "error",
                engines=BOTH,
                what=f"{name} may be {' or '.join(f'{alias}.{name}' for alias in aliases)}",
                why="No engine guesses: the query does not run.",
                fix=meant.get(name, ""),
            )


def unknown_columns(facts: Facts) -> Iterator[exp.Column]:
    """Columns that none of the tables has, where it is known what they have."""
    for scope in facts.scopes:
        guessed = any(not one.scope and one.table not in facts.known for one in scope.sources)
        if guessed or not scope.sources or scope.name.endswith("(inner)"):  # an inner one may mean the outer's
            continue
        for node in scope.nodes():
            if isinstance(node, exp.Column) and not isinstance(node.this, exp.Star):
                held = candidates(node, scope, facts.schema)
                there = [one for one in held if facts.holds(one, node.name.lower())]
                if not there and (node.table or not _is_alias(node.name.lower(), scope)):
                    yield node


def _is_alias(name: str, scope: SelectScope) -> bool:
    """Whether a SELECT gives something else a name, which its own clauses may use."""
    made = scope.outputs.get(name)
    return made is not None and not (isinstance(made, exp.Column) and made.name.lower() == name)


def ungrouped(facts: Facts) -> Iterator[tuple[SelectScope, exp.Column, exp.Expr]]:
    """(SELECT, column, item) for columns that are neither grouped nor inside an aggregate."""
    for scope in facts.scopes:
        group = scope.select.args.get("group")
        if not scope.grouped or scope.select.args.get("distinct") or (group and group.args.get("all")):
            continue
        keys = {key.sql().lower() for key in scope.keys}
        names = {facts.name(key, scope) for key in scope.keys if isinstance(key, exp.Column)}
        for item in scope.select.expressions:
            yield from ((scope, column, item) for column in _loose(item, keys, names, scope, facts))


def _loose(
    node: exp.Expr, keys: set[str], names: set[object], scope: SelectScope, facts: Facts
) -> Iterator[exp.Column]:
    bare = node.this if isinstance(node, exp.Alias) else node
    if bare.sql().lower() in keys or isinstance(bare, exp.Query | exp.Subquery):
        return
    if isinstance(bare, exp.AggFunc | exp.Filter | exp.WithinGroup) and not windowed(bare):
        return
    if isinstance(bare, exp.Column):
        if not isinstance(bare.this, exp.Star) and facts.name(bare, scope) not in names and facts.origin(bare, scope):
            yield bare
        return
    for child in bare.iter_expressions():
        yield from _loose(child, keys, names, scope, facts)


def ungrouped_columns(about: Inspection) -> Iterator[GuideProblem]:
    """Columns of single rows in a grouped SELECT."""
    for facts in about.facts:
        seen = set()
        for _, column, item in ungrouped(facts):
            if column.name.lower() not in seen:
                seen.add(column.name.lower())
                yield in_query(
                    facts,
                    column,
                    "error",
                    engines=BOTH,
                    what=f"{column.name} is neither grouped nor aggregated",
                    why="A group has many values of it; the engine does not choose one.",
                    fix="Look it up before the rows are grouped."
                    if item.find(exp.Window)
                    else f"MIN({column.name}), or group by it too.",
                )


def booleans(about: Inspection) -> Iterator[GuideProblem]:
    """Booleans compared with numbers."""
    for facts in about.facts:
        for _, node in boolean_comparisons(facts):
            if isinstance(node.expression, exp.Literal):
                no = (node.expression.name == "0") == isinstance(node, exp.EQ)
                yield in_query(
                    facts,
                    node,
                    "error",
                    engines=("PostgreSQL",),
                    what=f"{text(node)} compares a boolean with a number",
                    why="PostgreSQL has no such comparison, and rows where it is NULL are neither.",
                    fix=f"{node.this.sql()} IS {'NOT ' if no else ''}TRUE",
                )


def filters_disagree(about: Inspection) -> Iterator[GuideProblem]:
    """One column, filtered in several ways."""
    forms: dict[tuple[str, str], dict[str, tuple[Facts, exp.Expr]]] = defaultdict(dict)
    for facts in about.facts:
        for scope in facts.scopes:
            where = scope.select.args.get("where")
            for part in (where.this.flatten() if isinstance(where.this, exp.And) else [where.this]) if where else []:
                columns = {
                    (found.table, found.name)
                    for node in inside(part)
                    if isinstance(node, exp.Column) and (found := facts.origin(node, scope)) and found.table
                }
                if len(columns) == 1 and not part.find(exp.Placeholder):
                    ((_, name),) = columns
                    forms[("", name)].setdefault(_plain(part), (facts, part))
    for (_, name), ways in forms.items():
        if len(ways) > 1 and not _ranges(ways):
            (facts, part), *_ = list(ways.values())[1:]
            yield in_query(
                facts,
                part,
                "warning",
                what=f"{name} is filtered in {len(ways)} ways: {'; '.join(sorted(ways))}",
                why="The steps look at different rows: where the column is NULL, or of another kind, some see nothing.",
                fix="Filter alike in every step.",
            )


def _plain(part: exp.Expr) -> str:
    """A condition without the tables' aliases."""
    own = part.copy()
    for column in own.find_all(exp.Column):
        column.set("table", None)
    return text(own).strip("()")


def _ranges(found: dict[str, tuple[Facts, exp.Expr]]) -> bool:
    """Conditions on values that are meant to differ (a status here, another there)."""
    return not any(node.find(exp.Boolean, exp.Null) for _, node in found.values())


def filters_missing(about: Inspection) -> Iterator[GuideProblem]:
    """A parameter that the other queries of a table filter by, and one does not."""
    by_table: dict[tuple[str, str], dict[int, Facts]] = defaultdict(dict)
    readers: dict[str, dict[int, Facts]] = defaultdict(dict)
    for facts in about.facts:
        for scope in facts.scopes:
            tables = {source.table for source in scope.sources if source.table}
            for table in tables:
                readers[table][facts.parsed.query.number] = facts
            for _, node in ((scope, one) for one in scope.nodes() if isinstance(one, exp.EQ)):
                if isinstance(node.expression, exp.Placeholder) and isinstance(node.this, exp.Column):
                    found = facts.origin(node.this, scope)
                    if found and found.table:
                        by_table[found.table, node.expression.name][facts.parsed.query.number] = facts
    for (table, name), users in by_table.items():
        for number, facts in readers[table].items():
            if number not in users and len(users) >= 2 and len(users) > len(readers[table]) / 2:
                yield in_query(
                    facts,
                    facts.parsed.query.line,
                    "note",
                    what=f"{table} is not filtered by {{{name}}}, as {len(users)} other queries filter it",
                    why="Its rows are about more than the incident's; if that is meant, the text should say so.",
                )


def versions(about: Inspection) -> Iterator[GuideProblem]:
    """Versions read as numbers by CAST."""
    for facts in about.facts:
        nodes = list(version_casts(facts))
        if nodes:
            column = nodes[0].this.find(exp.Column)
            read = text(column) if column is not None else text(nodes[0].this)
            first = min(nodes, key=facts.parsed.line)
            yield in_query(
                facts,
                first,
                "warning",
                what=f"the parts of {read} are read by CAST",
                why="One version such as v3.14.2, 3.14 or 3.15.0-rc1 ends the query; packed with weights of 100, "
                "3.140.2 sorts above 4.0.0.",
                fix="TRY_CAST, a missing part as 0, and weights that no part reaches.",
            )


def columns_unused(about: Inspection) -> Iterator[GuideProblem]:
    """Columns that are worked out, or fetched, and never used."""
    for facts in about.facts:
        unused = _never_read(facts)
        if unused:
            yield in_query(
                facts,
                unused[0][1],
                "note",
                what=f"{', '.join(name for name, _ in unused)}: worked out and never used",
                why="What they say is lost, or they are needless work.",
                fix="Show them, or leave them out.",
            )
        fetched = _fetched_unread(about, facts)
        if fetched:
            yield in_query(
                facts,
                facts.parsed.query.line,
                "note",
                what=f"{', '.join(fetched)}: fetched and never used",
                why="No label and no word of the step is about them.",
                fix="Say what they are for, or leave them out.",
            )


def _never_read(facts: Facts) -> list[tuple[str, exp.Expr]]:
    """Outputs of inner SELECTs that no other reads."""
    read: set[tuple[int, str]] = set()
    for scope in facts.scopes:
        nodes = [node for node in scope.nodes() if isinstance(node, exp.Column)]
        stars = [one for one in scope.select.expressions if isinstance(one, exp.Star) or isinstance(one.this, exp.Star)]
        for node in nodes:
            for source in scope.sources:
                if source.scope and (not node.table or node.table.lower() == source.alias):
                    read.add((id(source.scope), node.name.lower()))
        if stars and scope is facts.result:
            read |= {(id(s.scope), name) for s in scope.sources if s.scope for name in s.scope.outputs}
    # What `*` hands on is read where the next SELECT reads it.
    changed = True
    while changed:
        before = len(read)
        for scope in facts.scopes:
            for name, made in scope.outputs.items():
                if made.meta.get("star") and (id(scope), name) in read:
                    read |= {(id(s.scope), name) for s in scope.sources if s.scope and name in s.scope.outputs}
        changed = len(read) > before
    return [
        (name, made)
        for scope in facts.scopes
        if scope is not facts.result and "inner" not in scope.name and "(2)" not in scope.name
        for name, made in scope.outputs.items()
        if (id(scope), name) not in read and not isinstance(made, exp.Column) and not _is_key(made, scope)
    ]


def _is_key(made: exp.Expr, scope: SelectScope) -> bool:
    return made.sql().lower() in {key.sql().lower() for key in scope.keys}


def _fetched_unread(about: Inspection, facts: Facts) -> list[str]:
    """Columns that a query without labels fetches for an analysis, and that the step's text never mentions."""
    if (
        not about.guide.step(facts.parsed.query.step).analysis
        or facts.shown_labels
        or facts.result.grouped
        or any(scope.grouped for scope in facts.scopes)
    ):
        return []
    step = about.guide.step(facts.parsed.query.step)
    told = f"{step.title} {step.prose} {step.analysis}".lower()
    words = set(re.findall(r"[a-z]+", told))
    order = facts.result.select.args.get("order")
    ordered = {node.name.lower() for node in order.find_all(exp.Column)} if order else set()
    return [
        name
        for name, made in facts.result.outputs.items()
        if isinstance(made, exp.Column) and name not in told and name not in ordered and not _in_words(name, words)
    ]


def _in_words(name: str, words: set[str]) -> bool:
    """Whether each part of a column's name is a word of the text, in whatever number."""
    parts = [part for part in name.split("_") if part != "id"]
    return all(part in words or f"{part}s" in words or part.rstrip("s") in words for part in parts)
