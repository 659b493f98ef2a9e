"""Columns: which are meant, what they hold, and which are read for nothing."""

import re
from collections import defaultdict
from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides.errata import ambiguous, boolean_comparisons, version_casts
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.lint.inspection import Inspection, text
from tsg_agent.guides.lint.lint_rule import DUCKDB, POSTGRES, Occurrence, over_guide, over_queries, rule
from tsg_agent.guides.scopes import SelectScope, candidates, conjuncts, inside, windowed


@rule(over_guide, "error", why="No engine guesses: the query does not run.", engines=(DUCKDB, POSTGRES))
def ambiguous_column(about: Inspection) -> Iterator[Occurrence]:
    """A column that several tables hold."""
    for facts in about.facts:
        named: dict[str, tuple[exp.Column, list[str]]] = {}
        for _, column, held in ambiguous(facts):
            named.setdefault(column.name.lower(), (column, [one.alias for one in held]))
        changes = about.repaired[facts.parsed.query.number].changes
        meant = {one.what.split(" -> ")[0].lower(): one.what for one in changes if one.rule == "ambiguous-column"}
        for name, (column, aliases) in named.items():
            what = f"{name} may be {' or '.join(f'{alias}.{name}' for alias in aliases)}"
            yield Occurrence(column, what, fix=meant.get(name, ""), within=facts)


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
    """True if a name is an output's alias, which the SELECT's other clauses may use."""
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


@rule(
    over_queries,
    "error",
    why="A group has many values of it; the engine does not choose one.",
    engines=(DUCKDB, POSTGRES),
)
def ungrouped_column(facts: Facts) -> Iterator[Occurrence]:
    """A column of single rows in a grouped SELECT."""
    loose: dict[str, tuple[exp.Column, exp.Expr]] = {}
    for _, column, item in ungrouped(facts):
        loose.setdefault(column.name.lower(), (column, item))
    for column, item in loose.values():
        looked_up = item.find(exp.Window) is not None
        fix = "Look it up before the rows are grouped." if looked_up else f"MIN({column.name}), or group by it too."
        yield Occurrence(column, f"{column.name} is neither grouped nor aggregated", fix=fix)


@rule(
    over_queries,
    "error",
    why="PostgreSQL has no such comparison, and rows where it is NULL are neither.",
    engines=(POSTGRES,),
)
def boolean_number(facts: Facts) -> Iterator[Occurrence]:
    """A boolean compared with 0 or 1."""
    for _, node in boolean_comparisons(facts):
        if isinstance(node.expression, exp.Literal):
            no = (node.expression.name == "0") == isinstance(node, exp.EQ)
            fix = f"{node.this.sql()} IS {'NOT ' if no else ''}TRUE"
            yield Occurrence(node, f"{text(node)} compares a boolean with a number", fix=fix)


@rule(
    over_guide,
    "warning",
    why="The steps look at different rows: where the column is NULL, or of another kind, some see nothing.",
    fix="Filter alike in every step.",
)
def filters_disagree(about: Inspection) -> Iterator[Occurrence]:
    """One column filtered in several ways."""
    forms: dict[str, dict[str, tuple[Facts, exp.Expr]]] = defaultdict(dict)
    for facts in about.facts:
        for scope in facts.scopes:
            where = scope.select.args.get("where")
            for part in conjuncts(where.this) if where else ():
                columns = {
                    (found.table, found.name)
                    for node in inside(part)
                    if isinstance(node, exp.Column) and (found := facts.origin(node, scope)) and found.table
                }
                if len(columns) == 1 and not part.find(exp.Placeholder):
                    ((_, name),) = columns
                    forms[name].setdefault(_plain(part), (facts, part))
    for name, ways in forms.items():
        # Other values are meant to differ: a status here, another there.
        if len(ways) > 1 and any(part.find(exp.Boolean, exp.Null) for _, part in ways.values()):
            facts, part = list(ways.values())[1]
            what = f"{name} is filtered in {len(ways)} ways: {'; '.join(sorted(ways))}"
            yield Occurrence(part, what, within=facts)


def _plain(part: exp.Expr) -> str:
    """A condition without the tables' aliases."""
    own = part.copy()
    for column in own.find_all(exp.Column):
        column.set("table", None)
    return text(own).strip("()")


@rule(
    over_guide,
    "note",
    why="Its rows are about more than the incident's; if that is meant, the text should say so.",
)
def filter_missing(about: Inspection) -> Iterator[Occurrence]:
    """A parameter that all but one query filter by."""
    by_table: dict[tuple[str, str], set[int]] = defaultdict(set)
    readers: dict[str, dict[int, Facts]] = defaultdict(dict)
    for facts in about.facts:
        number = facts.parsed.query.number
        for scope in facts.scopes:
            for source in scope.sources:
                if source.table:
                    readers[source.table][number] = facts
            for node in scope.nodes():
                if isinstance(node, exp.EQ) and isinstance(node.expression, exp.Placeholder):
                    found = facts.origin(node.this, scope) if isinstance(node.this, exp.Column) else None
                    if found and found.table:
                        by_table[found.table, node.expression.name].add(number)
    for (table, name), users in by_table.items():
        for number, facts in readers[table].items():
            if number not in users and len(users) >= 2 and len(users) > len(readers[table]) / 2:
                what = f"{table} is not filtered by {{{name}}}, as {len(users)} other queries filter it"
                yield Occurrence(facts.parsed.query.line, what, within=facts)


@rule(
    over_queries,
    "warning",
    why="One version such as v3.14.2, 3.14 or 3.15.0-rc1 ends the query; packed with weights of 100, "
    "3.140.2 sorts above 4.0.0.",
    fix="TRY_CAST, a missing part as 0, and weights that no part reaches.",
)
def version_cast(facts: Facts) -> Iterator[Occurrence]:
    """A version's parts read by CAST."""
    nodes = list(version_casts(facts))
    if nodes:
        column = nodes[0].this.find(exp.Column)
        read = text(column) if column is not None else text(nodes[0].this)
        yield Occurrence(min(nodes, key=facts.parsed.line), f"the parts of {read} are read by CAST")


@rule(over_guide, "note")
def column_unused(about: Inspection) -> Iterator[Occurrence]:
    """Columns that are worked out or fetched, and never used."""
    for facts in about.facts:
        unused = _never_read(facts)
        if unused:
            what = f"{', '.join(name for name, _ in unused)}: worked out and never used"
            why, fix = "What they say is lost, or they are needless work.", "Show them, or leave them out."
            yield Occurrence(unused[0][1], what, why, fix, within=facts)
        fetched = _fetched_unread(about, facts)
        if fetched:
            what = f"{', '.join(fetched)}: fetched and never used"
            why, fix = "No label and no word of the step is about them.", "Say what they are for, or leave them out."
            yield Occurrence(facts.parsed.query.line, what, why, fix, within=facts)


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
    step = about.guide.step(facts.parsed.query.step)
    if not step.analysis or facts.shown_labels or any(scope.grouped for scope in facts.scopes):
        return []
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
    """True if each part of a column's name is a word of the text, in whatever number."""
    parts = [part for part in name.split("_") if part != "id"]
    return all(part in words or f"{part}s" in words or part.rstrip("s") in words for part in parts)
