"""What is wrong with a guide: rules over its prose and its queries, in one registry."""

from tsg_agent.guides.guide import Accepted, WrittenGuide
from tsg_agent.guides.lint import (
    aggregates,
    column_use,
    flow,
    joins,
    labels,
    parameter_use,
    thresholds,
    time_use,
    trial_run,
)
from tsg_agent.guides.lint.inspection import Inspection, LintRule
from tsg_agent.guides.lint.problem import GuideProblem

__all__ = ["RULES", "GuideProblem", "LintRule", "lint"]

RULES: tuple[LintRule, ...] = (
    LintRule("unread-block", "a block that is not closed, empty, or there twice", trial_run.unread_blocks),
    LintRule("refused-query", "a block that is not one SELECT over tables", trial_run.refused_queries),
    LintRule("does-not-run", "a query that DuckDB or PostgreSQL refuses, and why", trial_run.not_running),
    LintRule("unknown-table", "a table of which nothing says what columns it has", trial_run.unknown_tables),
    LintRule("interval-unit", "a unit of time that no engine has", time_use.units),
    LintRule("clock-time", "NOW() and its like: another answer on another day", time_use.clock_times),
    LintRule("exact-time-join", "a join on equal instants, which match almost nothing", time_use.exact_joins),
    LintRule("zone-unsaid", "times of which nothing says the zone", time_use.unsaid_zones),
    LintRule("slope-per-second", "a slope over seconds compared with a number meant for hours", time_use.slopes),
    LintRule("ambiguous-column", "a column that several tables hold", column_use.ambiguous_columns),
    LintRule("ungrouped-column", "a column of single rows in a grouped SELECT", column_use.ungrouped_columns),
    LintRule("boolean-number", "a boolean compared with 0 or 1", column_use.booleans),
    LintRule("filters-disagree", "one column filtered in several ways", column_use.filters_disagree),
    LintRule("filter-missing", "a parameter that all but one query filter by", column_use.filters_missing),
    LintRule("version-cast", "a version's parts read by CAST", column_use.versions),
    LintRule("column-unused", "columns that are worked out or fetched, and never used", column_use.columns_unused),
    LintRule("label-unreachable", "a label that a filter, or an arm before, takes every row of", labels.unreachable),
    LintRule("label-filtered", "a label whose rows are all filtered away", labels.filtered_away),
    LintRule("label-without-rule", "a label that the text names and no query gives", labels.given_by_none),
    LintRule("label-unhandled", "a label that the text does not say what to do about", labels.unhandled),
    LintRule("zscore-out-of-reach", "a z-score that few groups can never reach", labels.never_so_far_out),
    LintRule("nothing-compared", "a row without a row before it that reads as healthy", labels.nothing_compared),
    LintRule("threshold-differs", "a number that differs between the prose and the SQL", thresholds.differing),
    LintRule("average-of-averages", "means of means, quantiles of quantiles", aggregates.averages),
    LintRule("distinct-added", "distinct counts that are added up", aggregates.distinct_added),
    LintRule("unweighted-slope", "a regression over buckets of different size", aggregates.unweighted_slopes),
    LintRule("unknown-as-no", "a share that counts NULL as not so", aggregates.unknown_as_no),
    LintRule("null-in-score", "a sum that one unknown part makes unknown", aggregates.null_in_score),
    LintRule("minimum-hides", "a minimum that hides what the rule is about", aggregates.minimums),
    LintRule(
        "empty-means-both", "no row means that all is well, or that nothing was there", aggregates.empty_means_both
    ),
    LintRule("counted-in-neither", "values between the ranges called good and bad", aggregates.counted_in_neither),
    LintRule("rows-lost", "an inner join that loses the rows it measures", joins.rows_lost),
    LintRule("rows-multiplied", "a join that counts rows several times", joins.rows_multiplied),
    LintRule("ties", "an order that leaves to chance which rows are shown", joins.ties),
    LintRule("parameter-unused", "a parameter that is collected and never used", parameter_use.unused),
    LintRule("parameter-unbound", "a placeholder that the guide does not ask for", parameter_use.unbound),
    LintRule("parameter-as-text", "a placeholder inside quotes", parameter_use.as_text),
    LintRule("step-unreached", "a step that no other leads to", flow.unreached_steps),
    LintRule("step-missing", "a step that is named and not there", flow.missing_steps),
    LintRule("no-end", "no end, or a way back", flow.endless),
    LintRule("branch-missing", "a case of which the text does not say where it goes", flow.missing_branches),
    LintRule("move-unclear", "a next step that can be read in several ways", flow.unclear_moves),
    LintRule("analysis-unwritten", "a code block that holds only comments", flow.unwritten_analyses),
    LintRule("incident-hint", "names of one incident's components", flow.hints),
    LintRule("accepted-not-there", "a problem that is accepted, and not there (any more)", lambda _about: ()),
)
"""Every kind of problem. Adding one is a function, and a line here."""


def lint(guide: WrittenGuide) -> list[GuideProblem]:
    """Everything that is wrong with a guide, in the order of its lines; also what it has on purpose."""
    about = Inspection(guide)
    repaired = {(number, change.rule, change.line) for number, one in about.repaired.items() for change in one.changes}
    found = [
        problem.model_copy(
            update={"rule": rule.name, "repaired": (problem.plugin, rule.name, problem.line) in repaired}
        )
        for rule in RULES
        for problem in rule.check(about)
    ]
    found = [one.model_copy(update={"accepted": _why(one, guide.accepted)}) for one in found] + [
        GuideProblem(
            rule="accepted-not-there", severity="note", line=1, step=one.step,
            what=f"{one.rule} is accepted, and not there", why="What is accepted later would not be noticed.",
            fix="Take it out of the front matter.",
        )
        for one in guide.accepted
        if not any(_covers(one, problem) for problem in found)
    ]  # fmt: skip
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.rule))


def _why(problem: GuideProblem, accepted: tuple[Accepted, ...]) -> str:
    return next((one.why for one in accepted if _covers(one, problem)), "")


def _covers(accepted: Accepted, problem: GuideProblem) -> bool:
    return (
        accepted.rule == problem.rule
        and accepted.step in {None, problem.step}
        and (not accepted.engine or problem.engines == (accepted.engine,))
    )
