"""A guide as the Markdown that it can be read from again."""

from collections.abc import Iterator
from typing import Any

import yaml

from tsg_agent.guides.front_matter import MARK
from tsg_agent.guides.guide import WrittenGuide, WrittenStep


def as_markdown(guide: WrittenGuide) -> str:
    """Front matter, and a section for each step: its question, its query, its labels, where it leads."""
    matter = yaml.safe_dump(_matter(guide), sort_keys=False, allow_unicode=True, width=110)
    sections = ["\n\n".join(_section(guide, step)) for step in guide.steps]
    return "\n\n".join([f"{MARK}\n{matter}{MARK}", f"# {guide.title}", *sections, ""]).replace("\n\n\n", "\n\n")


def _matter(guide: WrittenGuide) -> dict[str, Any]:
    annotated = {step.number: step.annotation for step in guide.steps if step.annotation}
    said = {
        "dialect": guide.dialect,
        "parameters": {one.name: str(one.kind) for one in guide.parameters},
        "accepted": [one.model_dump(exclude_defaults=True, mode="json") for one in guide.accepted],
        "steps": {number: about.model_dump(exclude_defaults=True, mode="json") for number, about in annotated.items()},
    }
    return {name: value for name, value in said.items() if value}


def _section(guide: WrittenGuide, step: WrittenStep) -> Iterator[str]:
    yield f"## Step {step.number} - {step.title}"
    if step.prose:
        yield step.prose
    if step.asked:
        described = {one.name: one.description for one in guide.parameters}
        yield "\n".join(f"- `{name}`: {described[name]}" for name in step.asked)
        if guide.zone_said:
            yield "Times without an offset are in UTC."
    for query in step.queries:
        yield f"<PLUGIN_{query.number}>\n{query.sql.strip()}\n</PLUGIN_{query.number}>"
    if step.instructions:
        labels = (f"{one.labels[0]} ({one.text})" if one.text else one.labels[0] for one in step.instructions)
        yield f"Labels, the gravest first: {'; '.join(labels)}."
    targets = [edge.target for edge in guide.after(step.number)]
    if len(targets) > 1:
        yield f"Then, in parallel, run Steps {', '.join(map(str, targets[:-1]))} and {targets[-1]}."
    elif targets:
        yield f"Proceed to Step {targets[0]}."
    if step.final:
        yield "This is the final outcome."
