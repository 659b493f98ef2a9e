"""Ready mappings of common formats. Each is a TOML file in this folder; a new one needs no code.

A file holds a mapping and a table `[format]`: `title`; `has`, groups of columns, of each of which a recognised file has
at least one ("data~spans": the column data, which holds spans); and `as`, the format that it extends.
"""

import tomllib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.errors import TelemetryError


class Format(BaseModel):
    """A ready mapping: its `[format]` table and its unchecked mapping."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    has: tuple[tuple[str, ...], ...] = ()
    base: str = Field("", alias="as")
    tables: dict[str, Any]

    def recognises(self, columns: dict[str, str]) -> bool:
        """True if a source's columns (name -> type, in lower case) are those of this format."""
        return bool(self.has) and all(any(_held(one, columns) for one in group) for group in self.has)


def _held(wanted: str, columns: dict[str, str]) -> bool:
    name, _, inner = wanted.lower().partition("~")
    return name in columns and inner in columns[name]


@cache
def formats() -> dict[str, Format]:
    """All ready mappings by name, the most specific first."""
    found = []
    for file in files(__name__).iterdir():
        if file.name.endswith(".toml"):
            data = tomllib.loads(file.read_text("utf-8"))
            found.append(Format(name=file.name.removesuffix(".toml"), tables=data, **data.pop("format")))
    return {one.name: one for one in sorted(found, key=lambda one: (-len(one.has), one.name))}


def names() -> tuple[str, ...]:
    """The ready mappings' names, in alphabetical order."""
    return tuple(sorted(formats()))


def path_of(name: str) -> Path:
    """The file of a ready mapping."""
    with as_file(files(__name__).joinpath(f"{name}.toml")) as path:
        return path


def based(data: dict[str, Any]) -> dict[str, Any]:
    """A mapping's tables, merged over the ready mappings that it names. Raises TelemetryError for an unknown name."""
    head = data.get("format")
    tables = {name: table for name, table in data.items() if name != "format"}
    bases = head.get("as", "") if isinstance(head, dict) else head
    for base in filter(None, bases if isinstance(bases, list) else [bases]):
        if not isinstance(base, str) or base not in formats():
            raise TelemetryError(f"There is no ready mapping {base!r}.", fix=f"There are {', '.join(names())}.")
        lower = based({**formats()[base].tables, "format": formats()[base].base})
        tables = {name: _over(lower.get(name, {}), tables.get(name, {})) for name in {**lower, **tables}}
    return tables


def _over(lower: Any, upper: Any) -> Any:
    """Merge two tables, recursively; `upper` wins."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return {**lower, **{key: _over(lower[key], value) if key in lower else value for key, value in upper.items()}}
