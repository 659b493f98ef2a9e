"""The mapping file (TOML): from a source's own tables and columns to the guide's.

    [api_gateway_logs]
    from = "http_requests"              # a table of the .duckdb file, or a file or glob in the folder
    [api_gateway_logs.columns]
    latency_ms = "duration_us / 1000.0" # a scalar SQL expression over the source's columns
    environment = "'prod'"              # a constant

A column that is not mapped is taken from the source's column of the same name, if there is one.
"""

import tomllib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tsg_agent.errors import TelemetryError
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.expressions import check_expression


class TableMapping(BaseModel):
    """Where one of the guide's tables comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(None, alias="from")
    columns: dict[str, str] = Field(default_factory=dict)


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
    except (OSError, ValueError, RecursionError) as error:  # no TOML, no text, no path; a number or a depth without end
        raise TelemetryError(f"The mapping file {path} cannot be read: {error}.") from error
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
        name: TableMapping.model_validate(
            {
                "from": table.source,
                "columns": {
                    column: check_expression(text, f"{name}.{column}") for column, text in table.columns.items()
                },
            }
        )
        for name, table in mapping.items()
    }
