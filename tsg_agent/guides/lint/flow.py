"""Where the prose leads: steps that nobody reaches, branches that are missing, no end."""

import re
from collections.abc import Iterator

from tsg_agent.guides.guide import Resolution, WrittenGuide
from tsg_agent.guides.lint.inspection import Inspection, in_step
from tsg_agent.guides.lint.problem import GuideProblem
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


def unreached_steps(about: Inspection) -> Iterator[GuideProblem]:
    """Steps that no other leads to."""
    held = reached(about.guide)
    for step in about.guide.steps:
        if step.number not in held:
            yield in_step(
                step,
                step.line,
                "error",
                what=f"nobody comes to Step {step.number}",
                why="No step that is reached names it as the next.",
                fix="Say in an earlier step when to come here.",
            )


def missing_steps(about: Inspection) -> Iterator[GuideProblem]:
    """Steps that the prose leads to, and that are not there."""
    numbers = {step.number for step in about.guide.steps}
    for edge in about.guide.edges:
        if edge.target not in numbers:
            yield in_step(
                about.guide.step(edge.source),
                edge.line,
                "error",
                what=f"it leads to Step {edge.target}, which is not there",
                why="The guide breaks off.",
                fix="Correct the number.",
            )


def endless(about: Inspection) -> Iterator[GuideProblem]:
    """No end that is reached, or a way back without one."""
    guide = about.guide
    held = reached(guide)
    ends = [step for step in guide.steps if step.number in held and (step.final or not guide.after(step.number))]
    last = guide.steps[-1]
    if not ends:
        yield in_step(
            last,
            last.line,
            "error",
            what="the guide has no end",
            why="Every step leads to another.",
            fix="Say of one step that it is the final outcome.",
        )
    elif not any(step.final for step in ends):
        yield in_step(
            ends[-1],
            ends[-1].line,
            "note",
            what=f"Step {ends[-1].number} ends the guide without saying so",
            why="Whoever reads it cannot tell an end from a sentence that was forgotten.",
            fix='"This is the final outcome."',
        )
    order = [step.number for step in guide.steps]
    for edge in guide.edges:
        if edge.target in order and order.index(edge.target) <= order.index(edge.source):
            yield in_step(
                guide.step(edge.source),
                edge.line,
                "note",
                what=f"it leads back to Step {edge.target}",
                why="Over recorded telemetry the same queries give the same rows: a run does not go round.",
                fix="Say how often, and what must have changed.",
            )


def missing_branches(about: Inspection) -> Iterator[GuideProblem]:
    """Steps that say where to go for some labels only."""
    for step in about.guide.steps:
        out = about.guide.after(step.number)
        final = {label for one in step.instructions if one.resolution is Resolution.FINAL for label in one.labels}
        handled = final | {label for edge in out for label in edge.labels}
        given = {label for facts in about.facts_of(step) for one in facts.shown_labels.values() for label in one.labels}
        if out and all(edge.labels or edge.condition for edge in out) and not (given and given <= handled):
            yield in_step(
                step,
                out[-1].line,
                "warning",
                what="it does not say where to go when none of its conditions holds",
                why="Such an incident stops here.",
                fix='"Otherwise, proceed to Step …"',
            )
        followed = {label for edge in out for label in edge.labels}
        if not any(edge.otherwise for edge in out):
            continue
        healthy = about.healthy(step)
        for one in step.instructions:
            if set(one.labels) - healthy and not set(one.labels) & followed and one.resolution is not Resolution.FINAL:
                yield in_step(
                    step,
                    one.line,
                    "note",
                    what=f"it does not say where to go after {', '.join(one.labels)}",
                    why='"Otherwise" goes on; this branch ends in the middle, and nobody looks whether it helped.',
                    fix="Name the step that comes next for it too.",
                )


def unclear_moves(about: Inspection) -> Iterator[GuideProblem]:
    """Moves that can be read in several ways."""
    for edge in about.guide.edges:
        if edge.doubt and edge.target in {step.number for step in about.guide.steps}:
            text = f"{edge.text!r}: " if edge.text else ""
            yield in_step(
                about.guide.step(edge.source),
                edge.line,
                "warning" if edge.text else "note",
                what=f"{text}{edge.doubt} (Step {edge.target})",
                why="Two readers would go on differently.",
                fix="Name the step and the label; or settle it in the front matter: "
                f"steps: {{{edge.source}: {{next: {edge.target}}}}}",
            )


def unwritten_analyses(about: Inspection) -> Iterator[GuideProblem]:
    """Code blocks that hold no code."""
    for step in about.guide.steps:
        lines = [line.strip() for line in step.analysis.splitlines() if line.strip()]
        if lines and all(line.startswith(("#", "//", "--")) for line in lines):
            yield in_step(
                step,
                step.line,
                "warning",
                what="its code block holds only comments",
                why="Everybody who follows it writes another analysis, and counts otherwise (rows, or runs?).",
                fix="Let a query count it, and give the label.",
            )


def hints(about: Inspection) -> Iterator[GuideProblem]:
    """Names of one incident's components in a guide for all."""
    known = {name for columns in about.schema.tables.values() for name in columns} | set(about.schema.tables)
    known |= {name for facts in about.facts for scope in facts.scopes for name in scope.outputs}
    known |= {name for query in about.guide.queries for name in first_named(query)}
    known |= {parameter.name for parameter in about.guide.parameters}
    for step in about.guide.steps:
        for line in f"{step.prose}\n{step.analysis}".splitlines():
            said = HINT.search(line)
            names = [name for name in NAME.findall(line[said.end() :] if said else "") if name not in known]
            if names:
                yield in_step(
                    step,
                    step.line,
                    "note",
                    what=f"{' and '.join(dict.fromkeys(names))}: names of one incident",
                    why="Looking there first finds that incident again, and not the next one.",
                    fix="Rank all of them by what changed.",
                )
