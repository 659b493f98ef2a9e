"""Where the prose leads: steps that nobody reaches, branches that are missing, no end."""

import re
from collections.abc import Iterator

from tsg_agent.guides.guide import Resolution, WrittenGuide
from tsg_agent.guides.lint.inspection import Inspection
from tsg_agent.guides.lint.lint_rule import Occurrence, over_guide, rule
from tsg_agent.guides.placeholders import first_named

HINT = re.compile(
    r"\b(?:especially|particularly|in particular|focus(?:ing)? on|mainly|notably|above all)\b", re.IGNORECASE
)
NAME = re.compile(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b")


def reached(guide: WrittenGuide) -> set[int]:
    """The steps that the first one leads to."""
    found = {guide.steps[0].number}
    waiting = list(found)
    while waiting:
        for edge in guide.after(waiting.pop()):
            if edge.target not in found:
                found.add(edge.target)
                waiting.append(edge.target)
    return found


@rule(
    over_guide,
    "error",
    why="No step that is reached names it as the next.",
    fix="Say in an earlier step when to come here.",
)
def step_unreached(about: Inspection) -> Iterator[Occurrence]:
    """A step that no other leads to."""
    held = reached(about.guide)
    for step in about.guide.steps:
        if step.number not in held:
            yield Occurrence(step.line, f"nobody comes to Step {step.number}", within=step)


@rule(over_guide, "error", why="The guide breaks off.", fix="Correct the number.")
def step_missing(about: Inspection) -> Iterator[Occurrence]:
    """A step that is named and not there."""
    numbers = {step.number for step in about.guide.steps}
    for edge in about.guide.edges:
        if edge.target not in numbers:
            step = about.guide.step(edge.source)
            yield Occurrence(edge.line, f"it leads to Step {edge.target}, which is not there", within=step)


@rule(over_guide, "note")
def no_end(about: Inspection) -> Iterator[Occurrence]:
    """No end, or a way back."""
    guide = about.guide
    held = reached(guide)
    ends = [step for step in guide.steps if step.number in held and (step.final or not guide.after(step.number))]
    if not ends:
        why, fix = "Every step leads to another.", "Say of one step that it is the final outcome."
        yield Occurrence(guide.steps[-1].line, "the guide has no end", why, fix, "error", within=guide.steps[-1])
    elif not any(step.final for step in ends):
        what = f"Step {ends[-1].number} ends the guide without saying so"
        why = "Whoever reads it cannot tell an end from a sentence that was forgotten."
        yield Occurrence(ends[-1].line, what, why, '"This is the final outcome."', within=ends[-1])
    order = [step.number for step in guide.steps]
    for edge in guide.edges:
        if edge.target in order and order.index(edge.target) <= order.index(edge.source):
            why = "Over recorded telemetry the same queries give the same rows: a run does not go round."
            fix = "Say how often, and what must have changed."
            yield Occurrence(
                edge.line, f"it leads back to Step {edge.target}", why, fix, within=guide.step(edge.source)
            )


@rule(over_guide, "warning", why="Such an incident stops here.", fix='"Otherwise, proceed to Step …"')
def branch_missing(about: Inspection) -> Iterator[Occurrence]:
    """A case of which the text does not say where it goes."""
    for step in about.guide.steps:
        out = about.guide.after(step.number)
        final = {label for one in step.instructions if one.resolution is Resolution.FINAL for label in one.labels}
        handled = final | {label for edge in out for label in edge.labels}
        given = {label for facts in about.facts_of(step) for one in facts.shown_labels.values() for label in one.labels}
        if out and all(edge.labels or edge.condition for edge in out) and not (given and given <= handled):
            yield Occurrence(out[-1].line, "it does not say where to go when none of its conditions holds", within=step)
        followed = {label for edge in out for label in edge.labels}
        if not any(edge.otherwise for edge in out):
            continue
        healthy = about.healthy(step)
        for one in step.instructions:
            if set(one.labels) - healthy and not set(one.labels) & followed and one.resolution is not Resolution.FINAL:
                yield Occurrence(
                    one.line,
                    f"it does not say where to go after {', '.join(one.labels)}",
                    '"Otherwise" goes on; this branch ends in the middle, and nobody looks whether it helped.',
                    "Name the step that comes next for it too.",
                    "note",
                    within=step,
                )


@rule(over_guide, "warning", why="Two readers would go on differently.")
def move_unclear(about: Inspection) -> Iterator[Occurrence]:
    """A next step that can be read in several ways."""
    for edge in about.guide.edges:
        if edge.doubt and edge.target in {step.number for step in about.guide.steps}:
            yield Occurrence(
                edge.line,
                f"{f'{edge.text!r}: ' if edge.text else ''}{edge.doubt} (Step {edge.target})",
                fix="Name the step and the label; or settle it in the front matter: "
                f"steps: {{{edge.source}: {{next: {edge.target}}}}}",
                severity="warning" if edge.text else "note",
                within=about.guide.step(edge.source),
            )


@rule(
    over_guide,
    "warning",
    why="Everybody who follows it writes another analysis, and counts otherwise (rows, or runs?).",
    fix="Let a query count it, and give the label.",
)
def analysis_unwritten(about: Inspection) -> Iterator[Occurrence]:
    """A code block that holds only comments."""
    for step in about.guide.steps:
        lines = [line.strip() for line in step.analysis.splitlines() if line.strip()]
        if lines and all(line.startswith(("#", "//", "--")) for line in lines):
            yield Occurrence(step.line, "its code block holds only comments", within=step)


@rule(
    over_guide,
    "note",
    why="Looking there first finds that incident again, and not the next one.",
    fix="Rank all of them by what changed.",
)
def incident_hint(about: Inspection) -> Iterator[Occurrence]:
    """Names of one incident's components."""
    known = {name for columns in about.schema.tables.values() for name in columns} | set(about.schema.tables)
    known |= {name for facts in about.facts for scope in facts.scopes for name in scope.outputs}
    known |= {name for query in about.guide.queries for name in first_named(query)}
    known |= {parameter.name for parameter in about.guide.parameters}
    for step in about.guide.steps:
        for line in f"{step.prose}\n{step.analysis}".splitlines():
            said = HINT.search(line)
            names = [name for name in NAME.findall(line[said.end() :] if said else "") if name not in known]
            if names:
                what = f"{' and '.join(dict.fromkeys(names))}: names of one incident"
                yield Occurrence(step.line, what, within=step)
