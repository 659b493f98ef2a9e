"""Labels: which can never be reached, which are hidden, and which the prose knows and no query gives."""

import math
from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.conditions import Form
from tsg_agent.guides.facts import Facts, LabelColumn
from tsg_agent.guides.instructions import OTHERWISE, labels_in, sentences
from tsg_agent.guides.lint.inspection import Inspection, in_query, in_step, text
from tsg_agent.guides.lint.problem import GuideProblem
from tsg_agent.guides.scopes import SelectScope


def unreachable(about: Inspection) -> Iterator[GuideProblem]:
    """Arms of a CASE that no row can reach: a filter, or an arm before, takes every row that they are about."""
    for facts in about.facts:
        for column in facts.label_columns:
            yield from _unreachable(facts, column)


def _unreachable(facts: Facts, column: LabelColumn) -> Iterator[GuideProblem]:
    kept = facts.filters(column.scope)
    before: list[tuple[exp.Expr, str]] = []
    rest: Form | None = kept
    for condition, label in column.arms:
        own = facts.form(condition, column.scope)
        shown = text(condition) if condition is not None else "ELSE"
        if not _possible(conditions.both(rest, own), facts):
            yield in_query(
                facts,
                condition if condition is not None else column.case,
                "warning",
                what=f"{label or 'an arm'} ({shown}) can never be reached",
                why=_reason(facts, column, own, before),
                fix="Put the narrower rule first, or change one of the two.",
            )
        elif condition is not None:
            yield from _hidden_in_part(facts, column, (condition, label), before)
        if condition is not None:
            rest = conditions.both(rest, facts.form(condition, column.scope, negated=True))
            before.append((condition, label))


def _possible(form: Form | None, facts: Facts) -> bool:
    return conditions.possible(form, facts.implied, facts.bounds())


def _reason(facts: Facts, column: LabelColumn, own: Form | None, before: list[tuple[exp.Expr, str]]) -> str:
    """What keeps rows from an arm: a filter, an arm before, both, or the value itself."""
    if not _possible(own, facts):
        return "No value is ever so."
    for scope, part in facts.filtered_by(column.scope):
        if not _possible(conditions.both(facts.form(part, scope), own), facts):
            return f"The filter {text(part)} takes every row before it."
    left = own
    for condition, label in before:
        without = facts.form(condition, column.scope, negated=True)
        if not _possible(conditions.both(own, without), facts):
            return f"{label or 'The arm before'} ({text(condition)}) takes every row before it."
        left = conditions.both(left, without)
    if not _possible(left, facts):
        return "The arms before take every row before it."
    filters = [text(part) for scope, part in facts.filtered_by(column.scope) if _matters(facts, part, scope, left)]
    return (
        f"What the filter {' and '.join(filters)} leaves, the arms before take."
        if filters
        else "Nothing is left for it."
    )


def _matters(facts: Facts, part: exp.Expr, scope: SelectScope, left: Form | None) -> bool:
    """Whether a filter alone leaves nothing of what the arms before do."""
    return not _possible(conditions.both(left, facts.form(part, scope)), facts)


def _hidden_in_part(
    facts: Facts, column: LabelColumn, arm: tuple[exp.Expr, str], before: list[tuple[exp.Expr, str]]
) -> Iterator[GuideProblem]:
    """An arm that an earlier one hides for the rows of one value: a rule for a tier before the rule for all."""
    own = facts.form(arm[0], column.scope)
    for condition, label in before:
        held = facts.form(condition, column.scope)
        if held is None or len(held) != 1 or label == arm[1]:
            continue
        texts = {variable: domain for variable, domain in held[0].items() if domain.texts is not None}
        numbers = {variable: domain for variable, domain in held[0].items() if domain.texts is None}
        if not texts or not numbers:
            continue
        inside = conditions.both(own, [texts])
        without = facts.form(condition, column.scope, negated=True)
        if _possible(inside, facts) and not _possible(conditions.both(inside, without), facts):
            where = ", ".join("/".join(sorted(domain.texts or ())) for domain in texts.values())
            yield in_query(
                facts,
                arm[0],
                "note",
                what=f"{arm[1]} can never be seen for {where}",
                why=f"{label} ({text(condition)}) comes first and holds whenever it does.",
                fix=f"Put {arm[1]} first, or show both.",
            )


def filtered_away(about: Inspection) -> Iterator[GuideProblem]:
    """Labels that a later filter takes away although the prose, or their arm, is about them."""
    for facts in about.facts:
        for name, column in facts.shown_labels.items():
            step = about.guide.step(facts.parsed.query.step)
            named = {label for one in step.instructions for label in one.labels}
            for label in column.labels:
                if not facts.shows(name, label) and (label in named or label != column.default):
                    yield in_query(
                        facts,
                        column.case,
                        "warning",
                        what=f"rows labelled {label} are filtered away",
                        why="The label is given, and no row that carries it is ever shown.",
                        fix="Let the filter keep it, or leave the label out.",
                    )


def given_by_none(about: Inspection) -> Iterator[GuideProblem]:
    """Labels that the text names and no query gives."""
    given = {label for facts in about.facts for column in facts.label_columns for label in column.labels}
    given |= {
        str(node.this) for facts in about.facts for node in facts.parsed.tree.find_all(exp.Literal) if node.is_string
    }
    for step in about.guide.steps:
        seen = set(given)
        found = [(one.line, label) for one in step.instructions for label in one.labels]
        found += [(step.line, label) for label in labels_in(step.analysis, given) if "_" in label]
        for line, label in found:
            if label not in seen:
                seen.add(label)
                yield in_step(
                    step,
                    line,
                    "warning",
                    what=f"{label} is named, and no query gives it",
                    why="Nothing says which rows carry it: the rule stands in words only, or the label is misspelt.",
                    fix="Let a query of the step give it.",
                )


def unhandled(about: Inspection) -> Iterator[GuideProblem]:
    """Labels that a step's queries give and its prose never mentions."""
    for step in about.guide.steps:
        named = {label for one in step.instructions for label in one.labels}
        named |= {label for edge in about.guide.after(step.number) for label in edge.labels}
        healthy = about.healthy(step)
        for facts in about.facts_of(step):
            for column in facts.shown_labels.values():
                missing = [one for one in column.labels if one not in named | healthy]
                if missing:
                    rest = any(edge.otherwise for edge in about.guide.after(step.number)) or any(
                        OTHERWISE.match(one.text) for one in sentences(enumerate(step.prose.splitlines()))
                    )
                    yield in_query(
                        facts,
                        column.case,
                        "warning",
                        what=f"it does not say what to do about {', '.join(missing)}",
                        why='"Otherwise" treats them as if nothing were wrong.'
                        if rest
                        else "A row that carries one reads as if there were nothing to do.",
                        fix="A sentence for each label that is not healthy.",
                    )


def never_so_far_out(about: Inspection) -> Iterator[GuideProblem]:
    """A z-score over the groups themselves has a largest value: (n - 1) / sqrt(n)."""
    for facts in about.facts:
        for scope, node in facts.calls((exp.GT, exp.GTE)):
            limit = conditions.number(node.expression)
            if limit is None or limit <= 0 or not _is_zscore(node.this, scope, facts):
                continue
            needed = next(n for n in range(2, 1_000_000) if (n - 1) / math.sqrt(n) > limit)
            yield in_query(
                facts,
                node,
                "warning",
                what=f"{text(node)} cannot hold among {needed - 1} groups or fewer",
                why=f"No value of n lies over (n - 1) / sqrt(n) deviations from the mean; {limit:g} needs {needed}.",
                fix="Compare with the median and its deviation, or with the time before.",
            )


def _is_zscore(node: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """(x - AVG(x) OVER ()) / STDDEV(x) OVER ()."""
    found = facts.origin(node, scope) if isinstance(node, exp.Column) else None
    made = found.made if found else node
    windows = [one.this for one in made.find_all(exp.Window)]
    deviation = any(isinstance(one, exp.Stddev | exp.StddevSamp | exp.StddevPop) for one in windows)
    return deviation and any(isinstance(one, exp.Avg) for one in windows) and made.find(exp.Div) is not None


def nothing_compared(about: Inspection) -> Iterator[GuideProblem]:
    """A label that compares with the row before: the first row has none, and reads as healthy."""
    for facts in about.facts:
        for column in facts.label_columns:
            for condition, label in column.arms:
                if condition is None or not column.default:
                    continue
                lag = _neighbour(facts, column, condition)
                if lag is not None:
                    yield in_query(
                        facts,
                        condition,
                        "warning",
                        what=f"{label} needs a row before: alone, a row is {column.default}",
                        why=f"Where nothing was compared {text(lag)} is NULL, and NULL falls through to ELSE.",
                        fix="A label of its own for IS NULL.",
                    )


def _neighbour(facts: Facts, column: LabelColumn, condition: exp.Expr) -> exp.Lag | exp.Lead | None:
    """The row before or after that a condition compares with, and that the first or last row does not have."""
    made = [condition]
    for node in condition.find_all(exp.Column):
        found = facts.origin(node, column.scope)
        made += [found.made] if found and not found.table else []
    for one in made:
        lag = one.find(exp.Lag, exp.Lead)
        if isinstance(lag, exp.Lag | exp.Lead) and not lag.args.get("default"):
            return lag
    return None
