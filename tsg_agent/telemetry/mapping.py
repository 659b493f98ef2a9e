"""The mapping file (TOML): from a source's own tables and columns to the guide's.

    [api_gateway_logs]
    from = "http_requests"              # a table of the .duckdb file, or a file or glob in the folder
    [api_gateway_logs.columns]
    latency_ms = "duration_us / 1000.0" # a scalar SQL expression over the source's columns
    environment = "'prod'"              # a constant

A column that is not mapped is taken from the source's column of the same name, if there is one.
"""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.expressions import check_expression, columns_of


class Misfit(TelemetryError):
    """An expression of the mapping file that the source does not bear out."""


class TableMapping(BaseModel):
    """Where one of the guide's tables comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(None, alias="from")
    columns: dict[str, str] = Field(default_factory=dict)
    status: Literal["", "http", "grpc", "exit"] = ""
    """What the numbers of status_code are."""


def misfit(column: str, expression: str, held: list[str], why: str) -> Misfit:
    """A mapped expression that does not fit. `held`: the source's columns; `why`: the engine's words."""
    names = {name.lower(): name for name in held}
    unknown = sorted(columns_of(expression) - set(names))
    if not unknown:
        return Misfit(
            f"{column} = {expression!r} does not fit the source: {why}",
            fix="Mend that expression in the mapping file.",
        )
    near = [names[match] for one in unknown for match in get_close_matches(one, names, 5, 0.5)]
    listed = f"Near: {', '.join(dict.fromkeys(near))}. " if near else ""
    return Misfit(
        f"{column} = {expression!r} names {', '.join(unknown)}, which the source does not have.",
        fix=f"Mend that expression in the mapping file. {listed}The source's columns are {', '.join(held)}.",
    )


def read_mapping(path: Path) -> dict[str, TableMapping]:
    """The mapping by the guide's table names, its expressions checked.

    Raises TelemetryError for a file that cannot be read, an unknown table or column, or a refused expression.
    """
    try:
        data = tomllib.loads(path.read_text())
        mapping = TypeAdapter(dict[str, TableMapping]).validate_python(data)
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise TelemetryError(f"The mapping file {path}: {place}: {problem['msg']}.") from error
    except FileNotFoundError as error:
        raise TelemetryError(
            f"The mapping file {path} does not exist.",
            fix="Give --mapping a TOML file (docs/telemetry.md), or leave it out.",
        ) from error
    except (OSError, ValueError, RecursionError) as error:  # no TOML, no text, no path; a number or a depth without end
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise TelemetryError(
            f"The mapping file {path} cannot be read: {why}.", fix="It must be TOML in UTF-8 (docs/telemetry.md)."
        ) from error
    for name, table in mapping.items():
        if name not in CATALOG:
            raise TelemetryError(
                f"The mapping file {path} names the table {name!r}.",
                fix=f"The guide's tables are {', '.join(CATALOG)}.",
            )
        for column in table.columns:
            if column not in CATALOG[name].columns:
                raise TelemetryError(
                    f"The mapping file {path}: {name} has no column {column!r}.",
                    fix=f"Its columns are {', '.join(CATALOG[name].columns)}.",
                )
    return {
        name: table.model_copy(
            update={
                "columns": {
                    column: check_expression(text, f"{name}.{column}") for column, text in table.columns.items()
                }
            }
        )
        for name, table in mapping.items()
    }
