"""What the linter says."""

from typing import Literal

from pydantic import Field

from tsg_agent.models import Model

Severity = Literal["error", "warning", "note"]


class GuideProblem(Model):
    """One thing that is wrong with a guide, and where."""

    rule: str
    severity: Severity = Field(description="error: does not run, or leads nowhere; warning: says what is not so; note")
    line: int
    step: int | None = None
    plugin: int | None = None
    what: str = Field(description="what stands there")
    why: str = Field(description="what comes of it")
    fix: str = Field("", description="what to write instead, where that is safe to say")
    repaired: bool = Field(False, description="`run --guide` puts it right by itself")
    engines: tuple[str, ...] = Field((), description="engines that refuse the query for it")
    accepted: str = Field("", description="why the guide has it on purpose, by its front matter")
