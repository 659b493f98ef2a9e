"""Parameters that are asked for and not used, used and not asked for, or put into the SQL as text."""

import re
from collections.abc import Iterator

from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.lint_rule import Occurrence, over_guide, rule
from tsg_agent.guides.placeholders import bound_in, first_named, quoted


@rule(over_guide, "warning", fix="Use it in a query, or do not ask for it.")
def parameter_unused(about: Inspection) -> Iterator[Occurrence]:
    """A parameter that is collected and never used."""
    for one in about.guide.parameters:
        if one.declared and about.guide.queries and not bound_in(about.guide, one.name):
            told = any(re.search(rf"\b{re.escape(one.name)}\b", step.prose) for step in about.guide.steps)
            why = "Nothing is measured against it: only the prose names it." if told else "Its value changes nothing."
            what = f"{one.name} is collected, and no query uses it"
            yield Occurrence(one.line, what, why, within=about.guide.steps[0])


@rule(over_guide, "error", why="Whoever follows the guide has no value for it.")
def parameter_unbound(about: Inspection) -> Iterator[Occurrence]:
    """A placeholder that the guide does not ask for."""
    asked = {parameter.name for parameter in about.guide.parameters if parameter.declared}
    fix = "List it in the first step: - `{}`: …"
    for query in about.guide.queries:
        for name, line in first_named(query).items():
            if name not in asked:
                what = f"{{{name}}} is not among the parameters that the guide asks for"
                yield Occurrence(line, what, fix=fix.format(name), within=query)
    for step in about.guide.steps:
        for name in step.asked:
            if name not in asked:
                what = f"{name} is passed on, and was never asked for"
                yield Occurrence(step.line, what, fix=fix.format(name), severity="warning", within=step)


@rule(
    over_guide,
    "note",
    why="A quote in a value changes the query.",
    fix="No quotes around {…}: it is bound as a value.",
)
def parameter_as_text(about: Inspection) -> Iterator[Occurrence]:
    """A placeholder inside quotes."""
    for query in about.guide.queries:
        names = quoted(query)
        if names:
            yield Occurrence(min(names.values()), f"{', '.join(names)}: put into the query as text", within=query)
