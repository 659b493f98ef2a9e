"""What is wrong with a guide: rules over its prose and its queries. Adding one is a function in one of the modules."""

from collections.abc import Iterable

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
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.lint_rule import GuideProblem, LintRule, Occurrence, over_guide, rule

__all__ = ["RULES", "GuideProblem", "lint"]

MODULES = (trial_run, time_use, column_use, labels, thresholds, aggregates, joins, parameter_use, flow)


@rule(
    over_guide,
    "note",
    why="What is accepted later would not be noticed.",
    fix="Take it out of the front matter.",
)
def accepted_not_there(_about: Inspection) -> Iterable[Occurrence]:
    """A problem that is accepted, and not there (any more)."""
    return ()  # lint() knows, once all others have looked


RULES = {one.name: one for module in MODULES for one in vars(module).values() if isinstance(one, LintRule)} | {
    accepted_not_there.name: accepted_not_there
}
"""Every kind of problem, by its name."""


def lint(guide: WrittenGuide) -> list[GuideProblem]:
    """Everything that is wrong with a guide, in the order of its lines; also what it has on purpose."""
    about = Inspection(guide)
    repaired = {(number, change.rule, change.line) for number, one in about.repaired.items() for change in one.changes}
    found = []
    for problem in (problem for one in RULES.values() for problem in one.problems(about)):
        why = next((one.why for one in guide.accepted if _covers(one, problem)), "")
        mended = (problem.plugin, problem.rule, problem.line) in repaired
        found.append(problem.model_copy(update={"repaired": mended, "accepted": why}))
    for one in guide.accepted:
        if not any(_covers(one, problem) for problem in found):
            absent = accepted_not_there.problem(Occurrence(1, f"{one.rule} is accepted, and not there"))
            found.append(absent.model_copy(update={"step": one.step}))
    return sorted(dict.fromkeys(found), key=lambda one: (one.line, one.rule))


def _covers(accepted: Accepted, problem: GuideProblem) -> bool:
    return (
        accepted.rule == problem.rule
        and accepted.step in {None, problem.step}
        and (not accepted.engine or problem.engines == (accepted.engine,))
    )
