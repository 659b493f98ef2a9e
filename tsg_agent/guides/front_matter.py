"""The optional YAML block at a guide's beginning: annotations of steps, tables, kinds of parameters."""

import yaml
from pydantic import Field, ValidationError

from tsg_agent.errors import GuideError
from tsg_agent.guides.guide import Accepted, Annotation, TableDeclaration
from tsg_agent.models import ColumnKind, Model

MARK = "---"
MOST_CHARACTERS = 100_000


class FrontMatter(Model):
    """What may stand in the block."""

    title: str = ""
    dialect: str = "duckdb"
    parameters: dict[str, ColumnKind] = Field(default_factory=dict)
    tables: dict[str, TableDeclaration] = Field(default_factory=dict)
    steps: dict[int, Annotation] = Field(default_factory=dict)
    accepted: tuple[Accepted, ...] = ()


def front_matter(lines: list[str]) -> tuple[FrontMatter, int]:
    """The block, and how many lines it takes; an empty one where there is none.

    Raises GuideError for YAML that does not parse, for aliases (a few of them make gigabytes), and for unknown fields.
    """
    if not lines or lines[0].strip() != MARK:
        return FrontMatter(), 0
    end = next((number for number, line in enumerate(lines[1:], 1) if line.strip() == MARK), None)
    if end is None:
        return FrontMatter(), 0  # a rule across the page
    text = "\n".join(lines[1:end])
    fix = "docs/guides.md shows what may stand in it."
    if len(text) > MOST_CHARACTERS:
        raise GuideError(f"The front matter has {len(text):,} characters.", fix=fix)
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise GuideError("The front matter has a YAML alias.", fix="Write the value out.")
        data = yaml.safe_load(text)
        return FrontMatter.model_validate({} if data is None else data), end + 1
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        if isinstance(error, ValidationError):
            problem = error.errors(include_url=False, include_input=False)[0]
            place = ".".join(map(str, problem["loc"]))
            raise GuideError(f"The front matter: {place}: {problem['msg']}.", fix=fix) from error
        said = " ".join(str(error).split())[:300]
        raise GuideError(f"The front matter cannot be read: {said}.", fix=fix) from error
