"""A guide in words and as a Mermaid diagram."""

from collections.abc import Iterator

from tsg_agent.guides.guide import Edge, WrittenGuide, WrittenStep
from tsg_agent.guides.placeholders import bound_in


def mermaid(guide: WrittenGuide) -> str:
    """The steps and where they lead; a dotted arrow is a reading that is not certain."""
    lines = ["flowchart TD"]
    for step in guide.steps:
        opened, closed = ("([", "])") if step.final else ("[", "]")
        lines.append(f'    s{step.number}{opened}"{_quoted(f"{step.number} {step.title}")}"{closed}')
    known = {step.number for step in guide.steps}
    missing = sorted({edge.target for edge in guide.edges} - known)
    lines += [f'    s{number}["{number} (not there)"]' for number in missing]
    for edge in guide.edges:
        said = when(edge)
        arrow = "-.->" if edge.doubt else "-->"
        label = f'|"{_quoted(said)}"|' if said else ""
        lines.append(f"    s{edge.source} {arrow}{label} s{edge.target}")
    return "\n".join(dict.fromkeys(lines))


def when(edge: Edge) -> str:
    """When an edge is followed, in a word or two; empty for always."""
    if edge.labels:
        return " or ".join(edge.labels)
    if edge.otherwise:
        return "otherwise"
    return f"if {edge.condition}" if edge.condition else "in parallel" if edge.parallel else ""


def in_words(guide: WrittenGuide) -> Iterator[str]:
    """The guide, line by line: parameters, steps, where they lead, and what is to be confirmed."""
    yield guide.title
    yield ""
    yield "Parameters"
    for parameter in guide.parameters:
        asked = "" if parameter.declared else " (the guide does not ask for it)"
        said = f" - {parameter.description}" if parameter.description else ""
        steps = ", ".join(map(str, bound_in(guide, parameter.name)))
        yield f"  {parameter.name}: {parameter.kind}{asked}{said}; {f'used in Step {steps}' if steps else 'never used'}"
    if not guide.parameters:
        yield "  none"
    for step in guide.steps:
        yield ""
        yield from _step(guide, step)
    doubts = [edge for edge in guide.edges if edge.doubt]
    if doubts:
        yield ""
        yield "To be confirmed: each is settled by `next` in the front matter (docs/guides.md)"
        for edge in doubts:
            said = f" {edge.text!r}" if edge.text else ""
            yield f"  line {edge.line}, Step {edge.source} -> {edge.target}:{said} {edge.doubt}"
    for oddity in guide.oddities:
        yield f"  line {oddity.line}: {oddity.text}"


def _step(guide: WrittenGuide, step: WrittenStep) -> Iterator[str]:
    end = "  (the end)" if step.final else ""
    yield f"Step {step.number}: {step.title}{end}"
    for query in step.queries:
        yield f"  plugin_{query.number}{f' (line {query.line})' if query.line else ''}"
    for one in step.instructions:
        outcome = f" [{one.resolution}]" if one.resolution else ""
        yield f"  {', '.join(one.labels) or 'outcome'}{outcome}: {one.text}"
    about = step.annotation
    if about and about.judged:
        yield f"  judged: {', '.join(about.dimension)} by {about.measure or 'its label'}; {about.kind}"
    elif step.queries:
        yield "  not annotated: its rows get labels and no verdict"
    for edge in guide.after(step.number):
        said = when(edge)
        yield f"  -> Step {edge.target}{f' ({said})' if said else ''}{' ?' if edge.doubt else ''}"


def _quoted(text: str) -> str:
    """A text inside quotes of Mermaid's: no quote, bracket or line break of its own."""
    plain = "".join(one if one.isprintable() else " " for one in text)[:120]
    for mark, code in (("&", "&amp;"), ('"', "&quot;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("`", "&#96;")):
        plain = plain.replace(mark, code)
    return plain
