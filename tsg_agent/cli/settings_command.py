"""settings: every setting, its value and its default; docs/settings.md holds the same table."""

from collections.abc import Iterator
from typing import Any

import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from tsg_agent.settings import Settings, load_settings


def show_settings() -> None:
    """Print the current settings; those that differ from their defaults are marked."""
    for name, value, default, text in rows(load_settings()):
        changed = "" if value == default else f"  (default {_shown(default)})"
        typer.echo(f"{name} = {_shown(value)}{changed}")
        if text:
            typer.echo(f"    {text}")


def rows(settings: Settings) -> Iterator[tuple[str, Any, Any, str]]:
    """(environment variable, value, default, description) of each setting, groups flattened."""
    yield from _rows(settings, "TSG_")


def table() -> str:
    """The defaults as a Markdown table."""
    lines = ["| variable | default | meaning |", "|---|---|---|"]
    for name, _, default, text in rows(Settings.model_construct()):
        lines.append(f"| `{name}` | `{_shown(default)}` | {text} |")
    return "\n".join(lines) + "\n"


def _rows(group: BaseModel, prefix: str) -> Iterator[tuple[str, Any, Any, str]]:
    for name, field in type(group).model_fields.items():
        value = getattr(group, name)
        if isinstance(value, BaseModel):
            yield from _rows(value, f"{prefix}{name.upper()}__")
        else:
            default = None if field.default is PydanticUndefined else field.default
            yield f"{prefix}{name.upper()}", value, default, field.description or ""


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
