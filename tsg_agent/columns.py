"""The one registry of the columns that the guide's tables have: `columns.toml`, a line for each."""

import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any


class Kind(StrEnum):
    """What a column must hold. A source's own type is converted where nothing is lost, else refused."""

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
    """What a cause is that names a column's value, in the order in which a description says its values."""

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
"""Of two values that name the same requests the first of these is said, and a conjunction belongs to its first's step:
what somebody changed, then what is nearest to where it breaks."""

EVERYWHERE = "all"
"""The only region of telemetry that does not record any, as the ready mappings have it."""


@dataclass(frozen=True)
class Column:
    """A column of one table: a line of the registry, which says what the fields mean."""

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
    """A source's name for a column as `named` has it: letters and digits, without what stands in brackets."""
    return re.sub(r"[^a-z0-9äöüßéèñ]", "", re.sub(r"\[.*?\]", "", name.lower()))


def _read() -> tuple[Column, ...]:
    held = tomllib.loads(files("tsg_agent").joinpath("columns.toml").read_text("utf-8"))
    return tuple(_column(table, name, line) for table, lines in held.items() for name, line in lines.items())


def _column(table: str, name: str, line: dict[str, Any]) -> Column:
    """Raises KeyError for a kind, ValueError for a nature, TypeError for a field that there is not."""
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
"""The same, what is nearest to where it breaks first."""


def of_nature(*natures: Nature) -> tuple[str, ...]:
    """The columns of some natures."""
    return tuple(name for name, column in SUBJECTS.items() if column.nature in natures)
