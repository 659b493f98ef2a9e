"""Labels: which can never be reached, which are hidden, and which the prose knows and no query gives."""

import math
from collections.abc import Iterator

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.conditions import Form
from tsg_agent.guides.facts import Facts, LabelColumn
from tsg_agent.guides.instructions import OTHERWISE, labels_in, sentences
from tsg_agent.guides.lint.inspection import Inspection, text
from tsg_agent.guides.lint.lint_rule import Occurrence, over_guide, over_queries, rule
from tsg_agent.guides.scopes import SelectScope


@rule(over_queries, "warning", fix="Put the narrower rule first, or change one of the two.")
def label_unreachable(facts: Facts) -> Iterator[Occurrence]:
    """A label that a filter, or an arm before, takes every row of."""
    for column in facts.label_columns:
        before: list[tuple[exp.Expr, str]] = []
        rest = facts.filters(column.scope)
        for condition, label in column.arms:
            own = facts.form(condition, column.scope)
            if not _possible(conditions.both(rest, own), facts):
                shown = text(condition) if condition is not None else "ELSE"
                yield Occurrence(
                    condition if condition is not None else column.case,
                    f"{label or 'an arm'} ({shown}) can never be reached",
                    _reason(facts, column, own, before),
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
    filters = [
        text(part)  # alone it leaves nothing of what the arms before do
        for scope, part in facts.filtered_by(column.scope)
        if not _possible(conditions.both(left, facts.form(part, scope)), facts)
    ]
    said = f"What the filter {' and '.join(filters)} leaves, the arms before take."
    return said if filters else "Nothing is left for it."


def _hidden_in_part(
    facts: Facts, column: LabelColumn, arm: tuple[exp.Expr, str], before: list[tuple[exp.Expr, str]]
) -> Iterator[Occurrence]:
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
            why = f"{label} ({text(condition)}) comes first and holds whenever it does."
            fix = f"Put {arm[1]} first, or show both."
            yield Occurrence(arm[0], f"{arm[1]} can never be seen for {where}", why, fix, "note")


@rule(
    over_guide,
    "warning",
    why="The label is given, and no row that carries it is ever shown.",
    fix="Let the filter keep it, or leave the label out.",
)
def label_filtered(about: Inspection) -> Iterator[Occurrence]:
    """A label whose rows are all filtered away."""
    for facts in about.facts:
        named = about.guide.step(facts.parsed.query.step).named
        for name, column in facts.shown_labels.items():
            for label in column.labels:
                if not facts.shows(name, label) and (label in named or label != column.default):
                    yield Occurrence(column.case, f"rows labelled {label} are filtered away", within=facts)


@rule(
    over_guide,
    "warning",
    why="Nothing says which rows carry it: the rule stands in words only, or the label is misspelt.",
    fix="Let a query of the step give it.",
)
def label_without_rule(about: Inspection) -> Iterator[Occurrence]:
    """A label that the text names and no query gives."""
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
                yield Occurrence(line, f"{label} is named, and no query gives it", within=step)


@rule(over_guide, "warning", fix="A sentence for each label that is not healthy.")
def label_unhandled(about: Inspection) -> Iterator[Occurrence]:
    """A label that the text does not say what to do about."""
    for step in about.guide.steps:
        out = about.guide.after(step.number)
        told = {*step.named, *about.healthy(step), *(label for edge in out for label in edge.labels)}
        spoken = sentences(enumerate(step.prose.splitlines()))
        rest = any(edge.otherwise for edge in out) or any(OTHERWISE.match(one.text) for one in spoken)
        why = (
            '"Otherwise" treats them as if nothing were wrong.'
            if rest
            else "A row that carries one reads as if there were nothing to do."
        )
        for facts in about.facts_of(step):
            for column in facts.shown_labels.values():
                missing = [one for one in column.labels if one not in told]
                if missing:
                    what = f"it does not say what to do about {', '.join(missing)}"
                    yield Occurrence(column.case, what, why, within=facts)


@rule(over_queries, "warning", fix="Compare with the median and its deviation, or with the time before.")
def zscore_out_of_reach(facts: Facts) -> Iterator[Occurrence]:
    """A z-score that few groups can never reach."""
    for scope, node in facts.calls((exp.GT, exp.GTE)):
        limit = conditions.number(node.expression)
        if limit is None or limit <= 0 or not _is_zscore(node.this, scope, facts):
            continue
        # The largest z-score among n groups is (n - 1) / sqrt(n).
        needed = next(n for n in range(2, 1_000_000) if (n - 1) / math.sqrt(n) > limit)
        why = f"No value of n lies over (n - 1) / sqrt(n) deviations from the mean; {limit:g} needs {needed}."
        yield Occurrence(node, f"{text(node)} cannot hold among {needed - 1} groups or fewer", why)


def _is_zscore(node: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """(x - AVG(x) OVER ()) / STDDEV(x) OVER ()."""
    found = facts.origin(node, scope) if isinstance(node, exp.Column) else None
    made = found.made if found else node
    windows = [one.this for one in made.find_all(exp.Window)]
    deviation = any(isinstance(one, exp.Stddev | exp.StddevSamp | exp.StddevPop) for one in windows)
    return deviation and any(isinstance(one, exp.Avg) for one in windows) and made.find(exp.Div) is not None


@rule(over_queries, "warning", fix="A label of its own for IS NULL.")
def nothing_compared(facts: Facts) -> Iterator[Occurrence]:
    """A row without a row before it that reads as healthy."""
    for column in facts.label_columns:
        for condition, label in column.arms if column.default else ():
            lag = _neighbour(facts, column, condition) if condition is not None else None
            if condition is not None and lag is not None:
                what = f"{label} needs a row before: alone, a row is {column.default}"
                why = f"Where nothing was compared {text(lag)} is NULL, and NULL falls through to ELSE."
                yield Occurrence(condition, what, why)


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
