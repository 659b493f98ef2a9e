"""Numbers that are worked out wrongly: averages of averages, distinct counts added up, NULL counted as no."""

from collections.abc import Iterator
from itertools import islice

from sqlglot import exp

from tsg_agent.guides import conditions
from tsg_agent.guides.facts import Facts
from tsg_agent.guides.lint.inspection import text
from tsg_agent.guides.lint.lint_rule import Occurrence, over_queries, rule
from tsg_agent.guides.scopes import SelectScope, aggregates, inside, windowed

QUANTILES = (exp.PercentileCont, exp.PercentileDisc, exp.Quantile, exp.ApproxQuantile, exp.Median)
RANKED = (exp.Lag, exp.Lead, exp.RowNumber, exp.Rank)
MEANS = (exp.Avg, exp.Stddev, exp.StddevSamp, exp.StddevPop, exp.Variance)


@rule(over_queries, "warning")
def average_of_averages(facts: Facts) -> Iterator[Occurrence]:
    """Means of means, quantiles of quantiles."""
    for scope, outer, made in _over_groups(facts):
        inner = [one for one in aggregates(made) if isinstance(one, MEANS + QUANTILES)]
        rate = facts.share(made, scope) if not inner else None
        if isinstance(outer, MEANS) and ((inner and isinstance(inner[0], MEANS)) or rate):
            why = "A group of three rows weighs as much as one of three thousand."
            fix = "Sum the values and the counts, and divide at the end."
            yield Occurrence(outer, f"{text(outer)} is a mean of means", why, fix)
        elif isinstance(outer, (*MEANS, exp.Max, exp.Min)) and inner and isinstance(inner[0], QUANTILES):
            what = f"{text(outer)} is no quantile: it is taken of the groups' quantiles"
            why = "It is that of the worst group, which may have a handful of rows."
            yield Occurrence(
                outer, what, why, "Work the quantile out over the rows, without the groups between.", "note"
            )


def _over_groups(facts: Facts) -> Iterator[tuple[SelectScope, exp.AggFunc, exp.Expr]]:
    """(SELECT where the inner value is made, aggregate, inner value) for aggregates over aggregates."""
    for scope, outer in facts.aggregates():
        for column in [node for node in inside(outer) if isinstance(node, exp.Column)]:
            found = facts.origin(column, scope)
            if found and not found.table and found.scope is not scope and aggregates(found.made):
                yield found.scope, outer, found.made


@rule(over_queries, "warning")
def distinct_added(facts: Facts) -> Iterator[Occurrence]:
    """Distinct counts that are added up."""
    seen = set()
    for scope, outer, made in _over_groups(facts):
        for count in made.find_all(exp.Count) if isinstance(outer, exp.Sum) else ():
            column = _counted(count)
            if column is None or _is_key(column, scope, facts) or (outer.sql(), column.name) in seen:
                continue
            seen.add((outer.sql(), column.name))
            keys = ", ".join(text(key) for key in scope.keys)
            what = f"{text(outer)} adds up distinct counts of {column.name}"
            why = f"One that is in several groups of ({keys[:100]}) counts several times."
            yield Occurrence(
                outer, what, why, f"COUNT(DISTINCT {column.name}) over the rows, without the groups between."
            )


def _counted(count: exp.Count) -> exp.Column | None:
    """The column whose distinct values are counted."""
    if not isinstance(count.this, exp.Distinct) or len(count.this.expressions) != 1:
        return None
    inner = count.this.expressions[0]
    if isinstance(inner, exp.Case) and inner.args["ifs"]:
        inner = inner.args["ifs"][0].args["true"]
    return inner if isinstance(inner, exp.Column) else None


def _is_key(column: exp.Column, scope: SelectScope, facts: Facts) -> bool:
    """True if no two rows share the column's value, so that it falls into one group only."""
    found = facts.origin(column, scope)
    name = column.name.lower()
    tables = [found.table] if found else [source.table for source in scope.sources]
    return any(facts.schema.keys.get(table) == (name,) for table in tables)


@rule(
    over_queries,
    "warning",
    why="One failed row that is alone in the last bucket makes the slope.",
    fix="Weigh the buckets by their rows, or leave small ones out.",
)
def unweighted_slope(facts: Facts) -> Iterator[Occurrence]:
    """A regression over buckets of different size."""
    slopes = (outer for _, outer, _ in _over_groups(facts) if isinstance(outer, exp.RegrSlope | exp.Corr))
    for outer in islice(slopes, 1):
        yield Occurrence(outer, "the slope weighs every bucket alike")


@rule(over_queries, "warning")
def unknown_as_no(facts: Facts) -> Iterator[Occurrence]:
    """A share that counts NULL as not so."""
    seen: dict[str, exp.Expr] = {}
    shares = [facts.share(made, scope) for scope in facts.scopes for made in scope.outputs.values()]
    for share in filter(None, shares):
        for condition in share.counted:
            for column in condition.find_all(exp.Column) if not condition.find(exp.Is) else ():
                if not _known(column, share.total):
                    seen.setdefault(column.name.lower(), condition)
    for name, condition in seen.items():
        why = f"Where {name} is not recorded the share is 0 % of all rows, which reads as measured."
        fix = f"Divide by the rows that have it: COUNT({name})."
        yield Occurrence(condition, f"rows whose {name} is NULL count as not so", why, fix)


def _known(column: exp.Column, total: exp.Expr) -> bool:
    """True if the total counts only rows in which the column is known."""
    held = total.this if isinstance(total, exp.Count) else None
    if isinstance(held, exp.Distinct):
        return False
    return isinstance(held, exp.Column) and held.name.lower() == column.name.lower()


@rule(
    over_queries,
    "warning",
    why="The row is then ranked last, or first, whatever its other parts say.",
    fix="COALESCE(…, 0) around that part.",
)
def null_in_score(facts: Facts) -> Iterator[Occurrence]:
    """A sum that one unknown part makes unknown."""
    made_by = [(scope, *output) for scope in facts.scopes for output in scope.outputs.items()]
    for scope, name, made in made_by:
        total = made.unnest() if isinstance(made, exp.Paren) else made
        if not isinstance(total, exp.Add) or aggregates(total):
            continue
        terms = list(total.flatten())
        unsure = [term for term in terms if _may_be_null(term, scope, facts)]
        if 0 < len(unsure) < len(terms):
            yield Occurrence(unsure[0], f"{name} is NULL where {', '.join(map(text, unsure))} is")


def _may_be_null(term: exp.Expr, scope: SelectScope, facts: Facts) -> bool:
    """Divided by NULLIF of something that is no count of the group itself."""
    if term.find(exp.Coalesce) is not None:
        return False
    for column in [node for node in inside(term) if isinstance(node, exp.Column)]:
        found = facts.origin(column, scope)
        nullif = found.made.find(exp.Nullif) if found and not found.table else None
        if nullif is not None and found and not facts.is_count(nullif.this, found.scope):
            return True
    return False


@rule(over_queries, "note", fix="Keep them with a label of their own (too few to say).")
def minimum_hides(facts: Facts) -> Iterator[Occurrence]:
    """A minimum that hides what the rule is about."""
    for scope, part in facts.filtered_by(facts.result):
        for node in part.find_all(exp.GT, exp.GTE):
            least = conditions.number(node.expression)
            if least is None or least <= 1 or not facts.is_count(node.this, scope):
                continue
            ranked = [one for one in scope.nodes() if isinstance(one, exp.Window) and one.find(*RANKED)]
            why = "A group under it vanishes without a word: nothing found is not nothing looked at."
            if ranked and facts.label_columns:
                why = f"{text(ranked[0])} then speaks of the large groups only: a canary is never compared."
            what = f"groups with {text(node)} not met are left out"
            yield Occurrence(node, what, why, severity="warning" if ranked else "note")


@rule(
    over_queries,
    "warning",
    why="No row means that all is well, or that nothing was there to be looked at.",
    fix="Show them too, or count what was looked at beside them.",
)
def empty_means_both(facts: Facts) -> Iterator[Occurrence]:
    """No row means that all is well, or that nothing was there."""
    for name, column in facts.shown_labels.items():
        if column.default and not facts.shows(name, column.default):
            where = facts.result.select.args.get("where")
            yield Occurrence(where.this if where else column.case, f"rows labelled {column.default} are not shown")


@rule(
    over_queries,
    "note",
    why="Such rows are neither good nor bad: the shares do not add up, and a redirect is no success.",
    fix="Say where they belong.",
)
def counted_in_neither(facts: Facts) -> Iterator[Occurrence]:
    """Values between the ranges called good and bad."""
    for scope in facts.scopes:
        gap = _gap(scope, facts)
        if gap:
            column, low, high, node = gap
            yield Occurrence(node, f"{column} {low:g} to {high:g} is in none of the ranges that are counted")


def _gap(scope: SelectScope, facts: Facts) -> tuple[str, float, float, exp.Expr] | None:
    """The widest hole between the ranges of one integer column that are counted beside each other."""
    ranges: dict[str, list[tuple[float, float, exp.Expr]]] = {}
    for made in scope.outputs.values():
        for case in made.find_all(exp.Case):
            condition = case.args["ifs"][0].this if case.args["ifs"] else None
            aggregate = case.find_ancestor(exp.AggFunc)
            if condition is None or aggregate is None or windowed(aggregate):
                continue
            held = facts.form(condition, scope)
            if held and len(held) == 1 and len(held[0]) == 1:
                ((variable, domain),) = held[0].items()
                if domain.texts is None and isinstance(variable, tuple) and domain.low > float("-inf"):
                    ranges.setdefault(str(variable[1]), []).append((domain.low, domain.high, condition))
    for column, found in ranges.items():
        found.sort(key=lambda one: one[:2])
        reached = found[0][1]
        if found[0][0] == found[0][1] or len(found) < 2:
            continue  # single values are examples, not a division
        for low, high, node in found[1:]:
            if low > reached + 1:
                return column, reached + 1, low - 1, node
            reached = max(reached, high)
    return None
