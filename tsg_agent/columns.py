"""The registry of the guide's columns: `columns.toml`, one line per column."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any


class Kind(StrEnum):
    """The type of a column. A source's type is converted if that is lossless, else refused."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean or 0/1"
    TIMESTAMP = "timestamp"

    @property
    def sql_type(self) -> str:
        """The canonical (DuckDB) type that queries see."""
        return {"text": "VARCHAR", "number": "DOUBLE", "integer": "BIGINT", "timestamp": "TIMESTAMP"}.get(
            self, "BOOLEAN"
        )


class Nature(StrEnum):
    """What kind of cause a column's value is, in the order in which a description lists its values."""

    CHANGE = "change"
    REGION = "region"
    SITE = "site"
    MACHINE = "machine"
    DATA = "data"
    TENANT = "tenant"
    INTERFACE = "interface"
    CUSTOMER = "customer"
    PROCESS = "process"
    COMPONENT = "component"
    ERROR = "error"


DEPTH = (
    Nature.CHANGE, Nature.PROCESS, Nature.COMPONENT, Nature.DATA, Nature.MACHINE, Nature.SITE, Nature.INTERFACE,
    Nature.TENANT, Nature.ERROR, Nature.CUSTOMER, Nature.REGION,
)  # fmt: skip
"""Precedence of natures: if two values name the same requests, the first one is reported, and a conjunction belongs to
the step of its first one. Changes first, then what is nearest to the failure."""

EVERYWHERE = "all"
"""The ready mappings' constant region for telemetry without regions."""


@dataclass(frozen=True)
class Column:
    """A column of one table: a line of the registry, where the fields are documented."""

    table: str
    name: str
    kind: Kind
    nature: Nature | None = None
    word: str = ""
    said: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    copy: str = ""
    default: str = "NULL"
    beside: str = ""
    people: bool = False
    weak: bool = False


def bare(name: str) -> str:
    """Normalize a column's name for comparison with `named`: letters and digits, without bracketed parts."""
    return re.sub(r"[^a-z0-9äöüßéèñ]", "", re.sub(r"\[.*?\]", "", name.lower()))


def _read() -> tuple[Column, ...]:
    held = tomllib.loads(files("tsg_agent").joinpath("columns.toml").read_text("utf-8"))
    return tuple(_column(table, name, line) for table, lines in held.items() for name, line in lines.items())


def _column(table: str, name: str, line: dict[str, Any]) -> Column:
    """Parse a line. Raises KeyError for an unknown kind, ValueError for a nature, TypeError for a field."""
    told = {key: line[key] for key in line.keys() - {"kind", "nature", "said", "named"}}
    nature = Nature(line["nature"]) if "nature" in line else None
    said, named = tuple(line.get("said", ())), tuple(line.get("named", "").split())
    return Column(table, name, Kind[line["kind"].upper()], nature, said=said, named=named, **told)


COLUMNS = _read()
"""Every column of every table, in the guide's order."""
SUBJECTS: dict[str, Column] = {
    column.name: column for nature in Nature for column in COLUMNS if column.nature is nature
}
"""Columns whose values a cause may name, in the order in which they are said."""


BY_DEPTH = tuple(sorted(SUBJECTS.values(), key=lambda column: DEPTH.index(column.nature or Nature.REGION)))
"""The same by DEPTH."""


def of_nature(*natures: Nature) -> tuple[str, ...]:
    """The columns of some natures."""
    return tuple(name for name, column in SUBJECTS.items() if column.nature in natures)
