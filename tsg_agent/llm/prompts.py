"""Prompts are files: found in the source tree, and in the installed package."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tsg_agent.llm.protocol import ModelMessage
from tsg_agent.llm.untrusted import fenced

TURN = "=== user ==="
"""The line that separates the system message from the user message."""


def folder() -> Path:
    """The folder of the prompts: beside the package in a checkout, else inside it."""
    package = Path(__file__).parents[1]
    inside = package / "prompts"
    return inside if inside.is_dir() else package.parent / "prompts"


@cache
def _environment(where: Path) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(where),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are plain text; what is not ours goes through `data`
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
    )
    environment.filters["data"] = fenced
    return environment


def render(name: str, **values: Any) -> list[ModelMessage]:
    """Render prompt `name` to messages. A variable that `values` lacks is an error."""
    text = _environment(folder()).get_template(f"{name}.j2").render(**values)
    system, turn, user = text.partition(TURN)
    messages = [ModelMessage("system", system.strip())]
    return [*messages, ModelMessage("user", user.strip())] if turn else messages
