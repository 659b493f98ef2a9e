"""Reads a guide from Markdown: steps as headings, <PLUGIN_n> blocks of SQL, {parameter} placeholders, prose."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tsg_agent.errors import GuideError
from tsg_agent.guides import instructions as words
from tsg_agent.guides.front_matter import FrontMatter, front_matter
from tsg_agent.guides.guide import Edge, Oddity, Query, WrittenGuide, WrittenStep
from tsg_agent.guides.placeholders import first_named, kind_of_name
from tsg_agent.models import Parameter
from tsg_agent.patient import read_given

MOST_BYTES = 2_000_000
MOST_STEPS = 200
HEADING = re.compile(r"^#{1,6}\s+(?P<title>.*?)\s*#*\s*$")
NAMED = re.compile(
    rf"^{words.STEP}\s+(?P<number>\d{{1,4}})\b\s*(?:[-\u2013\u2014:.)]+\s*)?(?P<title>.*)$", re.IGNORECASE
)
NUMBERED = re.compile(r"^(?P<number>\d{1,4})\s*[-\u2013\u2014:.)]+\s+(?P<title>\S.*)$")
OPEN, CLOSE = re.compile(r"^\s*<PLUGIN_(\d{1,4})>\s*$"), re.compile(r"^\s*</PLUGIN_(\d{1,4})>\s*$")
TAG = re.compile(r"(</?PLUGIN_\d{1,4}>)")
FENCE = re.compile(r"^\s*(```+|~~~+)\s*(\w*)")
_ASKED = r"`?\{?[A-Za-z_]\w*\}?`?"
ASKED = re.compile(
    rf"^\s*[-*+]\s+(?P<names>{_ASKED}(?:(?:\s*[,/&]\s*|,?\s+(?:and|or)\s+){_ASKED})*)"
    r"\s*(?::|[-\u2013\u2014]\s)\s*(?P<text>.*)$"
)
"""An item that asks for a parameter, or for several: "`start_time` and `end_time`: the window"."""
RESULT = re.compile(r"\b(?:THEN|ELSE)\s+'([^'\n]{1,60})'", re.IGNORECASE)
IF, ARGUMENT = re.compile(r"\bI?IF\s*\(", re.IGNORECASE), re.compile(r",\s*'([^'\n]{1,60})'\s*(?=[,)])")
ZONE = re.compile(r"\b(?:UTC|GMT|time ?zones?)\b|\bZ\b(?=\))", re.IGNORECASE)


@dataclass
class _Section:
    """A step as its lines come."""

    number: int
    title: str
    line: int
    prose: list[tuple[int, str]] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    asked: list[Parameter] = field(default_factory=list)
    code: list[tuple[int, str]] = field(default_factory=list)


def guide_text(path: Path) -> str:
    """The text of a guide's file. Raises GuideError where it cannot be read."""
    try:
        held = read_given(path, MOST_BYTES)
        if len(held) > MOST_BYTES:
            raise GuideError(f"{path} is too large for a guide.", fix="Give the guide's Markdown file.")
        text = held.decode("utf-8-sig", "replace")
    except OSError as error:
        raise GuideError(
            f"{path} cannot be read: {error.strerror or error}.", fix="Give a guide's Markdown file."
        ) from error
    return text


def read_guide(path: Path) -> WrittenGuide:
    """The guide in a file. Raises GuideError where there is none."""
    return parse_guide(guide_text(path), name=path.stem)


def parse_guide(text: str, *, name: str = "guide") -> WrittenGuide:
    """The guide in a text. Raises GuideError where it has no step, or its front matter is wrong."""
    lines = _without_comments(text).splitlines()
    matter, skipped = front_matter(lines)
    reader = _LineReader(lines, skipped)
    sections = reader.read()
    if not sections:
        raise GuideError(
            "The guide has no step.", fix='A step is a heading with a number: "## Step 2 - Check the replicas".'
        )
    if len(sections) > MOST_STEPS:
        raise GuideError(f"The guide has {len(sections)} steps; {MOST_STEPS} are read.", fix="Split it into several.")
    order = sorted({section.number for section in sections})
    known = {section.number: _labels(section) for section in sections}
    steps = tuple(_step(section, known[section.number], matter) for section in sections)
    edges = [edge for section in sections for edge in _edges(section, known[section.number], order, matter)]
    return WrittenGuide(
        title=matter.title or reader.title or name,
        steps=steps,
        parameters=_parameters(sections, matter),
        edges=tuple(_settled(steps, edges, order)),
        tables=matter.tables,
        dialect=matter.dialect,
        accepted=matter.accepted,
        oddities=tuple(reader.oddities),
        zone_said=bool(ZONE.search(text)),
    )


def _without_comments(text: str) -> str:
    """The text without <!-- comments -->, line by line as before."""
    kept, at = [], 0
    while (begin := text.find("<!--", at)) >= 0 and (end := text.find("-->", begin)) >= 0:
        kept += [text[at:begin], "\n" * text.count("\n", begin, end)]
        at = end + 3
    return "".join([*kept, text[at:]])


class _LineReader:
    """Goes through the lines once."""

    def __init__(self, lines: list[str], skipped: int) -> None:
        self._lines = [(number, part) for number, line in enumerate(lines, 1) for part in _parts(line)]
        self._at = next((at for at, (number, _) in enumerate(self._lines) if number > skipped), len(self._lines))
        titles = [heading["title"] for line in lines if (heading := HEADING.match(line))]
        # Where headings say "Step 3", "1. Note" is an item of one.
        self._step = NAMED if any(NAMED.match(title) for title in titles) else NUMBERED
        self.title = ""
        self.oddities: list[Oddity] = []

    def read(self) -> list[_Section]:
        """The steps, in the order of the file."""
        sections: list[_Section] = []
        while self._at < len(self._lines):
            number, line = self._lines[self._at]
            self._at += 1
            heading, opened, fence = HEADING.match(line), OPEN.match(line), FENCE.match(line)
            step = self._step.match(heading["title"]) if heading else None
            if step:
                self._begin(int(step["number"]), step["title"].strip(), number, sections)
            elif heading and not self.title and not sections:
                self.title = heading["title"]
            elif opened:
                self._block(int(opened[1]), number, sections)
            elif CLOSE.match(line):
                self.oddities.append(Oddity(line=number, text=f"{line.strip()} closes a block that is not open."))
            elif fence:
                code = list(self._until(re.compile(rf"^\s*{fence[1]}").match))
                if sections:
                    sections[-1].code += code
            elif sections:
                _prose(sections[-1], number, line)
        return [section for section in sections if section.number >= 0]

    def _begin(self, step: int, title: str, line: int, sections: list[_Section]) -> None:
        if step in {section.number for section in sections}:
            self.oddities.append(Oddity(line=line, text=f"Step {step} is there twice: only the first is followed."))
            step = -line  # what is written there stays out of the first
        sections.append(_Section(step, title or f"Step {step}", line))

    def _block(self, number: int, opened: int, sections: list[_Section]) -> None:
        begin = self._at
        held = list(self._until(lambda one: bool(CLOSE.match(one) or OPEN.match(one) or HEADING.match(one))))
        at, ending = self._lines[self._at - 1]
        closed = CLOSE.match(ending)
        if not closed:
            self.oddities.append(Oddity(line=opened, text=f"<PLUGIN_{number}> is not closed."))
            if self._at - 1 >= begin and (OPEN.match(ending) or HEADING.match(ending)):
                self._at -= 1
        elif int(closed[1]) != number:
            self.oddities.append(Oddity(line=at, text=f"<PLUGIN_{number}> is closed by {ending.strip()}."))
        held = [(line, "" if FENCE.match(text) else text) for line, text in held]
        filled = [line for line, text in held if text.strip()]
        if not sections or not filled:
            where = "is empty" if sections else "stands before the first step"
            self.oddities.append(Oddity(line=opened, text=f"<PLUGIN_{number}> {where}."))
        elif any(query.number == number for section in sections for query in section.queries):
            self.oddities.append(Oddity(line=opened, text=f"<PLUGIN_{number}> is there twice: only the first is run."))
        else:
            sql = "\n".join(text for line, text in held if line >= filled[0]).rstrip().rstrip(";")
            sections[-1].queries.append(Query(number=number, step=sections[-1].number, sql=sql, line=filled[0]))

    def _until(self, ends: Callable[[str], object]) -> Iterator[tuple[int, str]]:
        """The numbered lines before the one that ends them, which is taken too."""
        while self._at < len(self._lines):
            number, line = self._lines[self._at]
            self._at += 1
            if ends(line):
                return
            yield number, line


def _parts(line: str) -> list[str]:
    """A line, or its parts where a block begins or ends in it."""
    return [part for part in TAG.split(line) if part.strip()] if TAG.search(line) else [line]


def _prose(section: _Section, number: int, line: str) -> None:
    asked = ASKED.match(line)
    names = re.findall(r"\b(?!(?:and|or)\b)[A-Za-z_]\w*", asked["names"]) if asked else []
    if asked and ("`" in line.split(":", maxsplit=1)[0] or "{" in line or all("_" in name for name in names)):
        section.asked += [Parameter(name=name, description=asked["text"], line=number, declared=True) for name in names]
    else:
        section.prose.append((number, line))


def _labels(section: _Section) -> tuple[str, ...]:
    """What the section's queries call their rows, in their order; the linter reads them from the parsed query."""
    held = [query.sql for query in section.queries]
    found = [
        label for sql in held for label in [*RESULT.findall(sql), *(ARGUMENT.findall(sql) if IF.search(sql) else [])]
    ]
    return tuple(dict.fromkeys(found))


def _step(section: _Section, known: tuple[str, ...], matter: FrontMatter) -> WrittenStep:
    said = list(words.sentences(section.prose))
    return WrittenStep(
        number=section.number,
        title=section.title,
        line=section.line,
        prose="\n".join(text for _, text in section.prose).strip(),
        queries=tuple(section.queries),
        instructions=tuple(words.instructions(said, known)),
        asked=tuple(parameter.name for parameter in section.asked),
        analysis="\n".join(text for _, text in section.code),
        final=any(words.FINAL.search(sentence.text) for sentence in said),
        annotation=matter.steps.get(section.number),
    )


def _edges(section: _Section, known: tuple[str, ...], order: list[int], matter: FrontMatter) -> Iterator[Edge]:
    """What the front matter says of the steps after this one, else what the prose says."""
    settled = matter.steps[section.number].next if section.number in matter.steps else {}
    if not settled:
        yield from words.edges(section.number, words.sentences(section.prose), known, order)
    for label, targets in settled.items():
        for target in targets:
            yield Edge(
                source=section.number,
                target=target,
                labels=() if label in {"always", "otherwise"} else (label,),
                otherwise=label == "otherwise",
                parallel=len(targets) > 1,
                text="as the front matter has it",
                line=section.line,
            )


def _settled(steps: tuple[WrittenStep, ...], edges: list[Edge], order: list[int]) -> Iterator[Edge]:
    """Edges whose step the text does not name, and those of steps that lead nowhere and are not the end.

    They are read as leading where the branches beside them do; without such, to the step that follows in the file.
    """
    beside = {edge.target for edge in edges if edge.parallel}
    joins = Counter(edge.target for edge in edges if edge.source in beside and edge.target > 0 and not edge.doubt)
    named = {edge.source for edge in edges}
    silent = [
        Edge(
            source=step.number,
            target=words.UNNAMED,
            line=step.line,
            doubt="it says of no step that it comes next",
        )
        for step in steps
        if step.number not in named and not step.final
    ]
    for edge in [*edges, *silent]:
        later = [number for number in order if number > edge.source]
        if edge.target > 0:
            yield edge
        elif edge.source in beside and joins:
            target = joins.most_common(1)[0][0]
            yield edge.model_copy(update={"target": target, "doubt": f"{edge.doubt}: read as where the others lead"})
        elif later:
            yield edge.model_copy(update={"target": later[0], "doubt": f"{edge.doubt}: read as the one that follows"})


def _parameters(sections: list[_Section], matter: FrontMatter) -> tuple[Parameter, ...]:
    """What the first list asks for, in its order; then what only the queries or the front matter name.

    A later list that repeats names ("with the following parameters") refers to the first.
    """
    asked = next((section.asked for section in sections if section.asked), [])
    found = {parameter.name: parameter for parameter in asked}
    for section in sections:
        for query in section.queries:
            for name, line in first_named(query).items():
                found.setdefault(name, Parameter(name=name, line=line))
    for name in matter.parameters:
        found.setdefault(name, Parameter(name=name, line=1, declared=True))
    return tuple(
        parameter.model_copy(update={"kind": matter.parameters.get(name) or kind_of_name(name, _sql_of(sections))})
        for name, parameter in found.items()
    )


def _sql_of(sections: list[_Section]) -> str:
    """All queries as one text."""
    return "\n".join(query.sql for section in sections for query in section.queries)
