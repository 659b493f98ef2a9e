"""Ready mappings of common formats: each a TOML file here, so that another is added without code.

A file holds a mapping, and `[format]`: `title`; `has`, by which a file with columns is recognised: of each group it has
one ("data~spans": the column data, which holds spans); and `as`, the format that it is laid over.
"""

import tomllib
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.errors import TelemetryError


class Format(BaseModel):
    """A ready mapping's head, and its mapping as the file has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    has: tuple[tuple[str, ...], ...] = ()
    base: str = Field("", alias="as")
    tables: dict[str, Any]

    def recognises(self, columns: dict[str, str]) -> bool:
        """Whether a source's columns (name -> type, in lower case) are such a file's."""
        return bool(self.has) and all(any(_held(one, columns) for one in group) for group in self.has)


def _held(wanted: str, columns: dict[str, str]) -> bool:
    name, _, inner = wanted.lower().partition("~")
    return name in columns and inner in columns[name]


@cache
def formats() -> dict[str, Format]:
    """All of them, by name; those that ask most of a file first."""
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
    """A mapping's tables, laid over the ready mappings that it names. Raises TelemetryError for a name of none."""
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
    """One table over another: what both name is the upper one's, its columns one by one."""
    if not (isinstance(lower, dict) and isinstance(upper, dict)):
        return upper
    return {**lower, **{key: _over(lower[key], value) if key in lower else value for key, value in upper.items()}}
