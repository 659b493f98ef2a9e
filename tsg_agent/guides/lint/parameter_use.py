"""Parameters that are asked for and not used, used and not asked for, or put into the SQL as text."""

import re
from collections.abc import Iterator

from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.problem import GuideProblem
from tsg_agent.guides.placeholders import bound_in, first_named, quoted


def unused(about: Inspection) -> Iterator[GuideProblem]:
    """Parameters that no query reads."""
    for parameter in about.guide.parameters:
        if parameter.declared and about.guide.queries and not bound_in(about.guide, parameter.name):
            told = any(re.search(rf"\b{re.escape(parameter.name)}\b", step.prose) for step in about.guide.steps)
            yield GuideProblem(
                rule="",
                severity="warning",
                line=parameter.line,
                step=about.guide.steps[0].number,
                what=f"{parameter.name} is collected, and no query uses it",
                why="Its value changes nothing."
                if not told
                else "Nothing is measured against it: only the prose names it.",
                fix="Use it in a query, or do not ask for it.",
            )


def unbound(about: Inspection) -> Iterator[GuideProblem]:
    """Placeholders that the guide does not ask for."""
    asked = {parameter.name for parameter in about.guide.parameters if parameter.declared}
    for query in about.guide.queries:
        for name, line in first_named(query).items():
            if name not in asked:
                yield GuideProblem(
                    rule="",
                    severity="error",
                    line=line,
                    step=query.step,
                    plugin=query.number,
                    what=f"{{{name}}} is not among the parameters that the guide asks for",
                    why="Whoever follows the guide has no value for it.",
                    fix=f"List it in the first step: - `{name}`: …",
                )
    for step in about.guide.steps:
        for name in step.asked:
            if name not in asked:
                yield GuideProblem(
                    rule="",
                    severity="warning",
                    line=step.line,
                    step=step.number,
                    what=f"{name} is passed on, and was never asked for",
                    why="Whoever follows the guide has no value for it.",
                    fix=f"List it in the first step: - `{name}`: …",
                )


def as_text(about: Inspection) -> Iterator[GuideProblem]:
    """Placeholders inside quotes."""
    for query in about.guide.queries:
        names = quoted(query)
        if names:
            yield GuideProblem(
                rule="",
                severity="note",
                line=min(names.values()),
                step=query.step,
                plugin=query.number,
                what=f"{', '.join(names)}: put into the query as text",
                why="A quote in a value changes the query.",
                fix="No quotes around {…}: it is bound as a value.",
            )
