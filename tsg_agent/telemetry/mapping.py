"""The mapping file (TOML): from a source's own tables and columns to the guide's.

    format = "otlp"                     # a ready mapping (tsg-agent mapping list), or several, under the rest
    [api_gateway_logs]
    from = "http_requests"              # a table of the .duckdb file, or a file or glob in the folder
    where = "kind = 'server'"           # which rows count
    called = "attributes['peer.service']"       # whom a span that is no request called, where that is no span itself
    unnest = "resourceSpans.scopeSpans.spans"   # a path to the arrays whose elements are the rows; all_resourceSpans
                                                # is the first array as a whole
    lines = '(?P<ip>\\S+) .*'           # text lines: a regular expression whose named groups are the columns
    layout = "w3c"                      # or a log that names its columns in a line "#Fields:"
    layout = "records"                  # or lines that hold JSON or key=value pairs, among others that hold none
    cumulative = "instance"             # weight counts up: each row is its increase over the series' row before
    template_paths = false              # endpoint_path as it is, with its ids
    status = "grpc"                     # what the numbers of status_code are: http, grpc, exit
    [api_gateway_logs.columns]
    latency_ms = "duration_us / 1000.0" # a scalar SQL expression over the source's columns
    environment = "'prod'"              # a constant
    endpoint_path = ["attributes['http.route']", "name"]  # the first of these that the source has, and that is not NULL
    [api_gateway_logs.counters]         # a row that counts several kinds of request: status -> how many
    200 = "requests - errors"
    500 = "errors"

A column that is not mapped is taken from the source's column of the same name, if there is one.
"""

import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from tsg_agent.errors import TelemetryError
from tsg_agent.patient import read_given
from tsg_agent.telemetry.catalog import CATALOG
from tsg_agent.telemetry.columns_read import columns_of
from tsg_agent.telemetry.formats import based, names

MOST_BYTES = 1_000_000
"""Largest size of a mapping file."""


Texts = Annotated[tuple[str, ...], BeforeValidator(lambda given: (given,) if isinstance(given, str) else given)]
"""One expression, or several."""


class Misfit(TelemetryError):
    """An expression of the mapping file that the source does not support."""


class TableMapping(BaseModel):
    """Where one of the guide's tables comes from."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str | None = Field(None, alias="from")
    columns: dict[str, Texts] = Field(default_factory=dict)
    """The guide's column -> expressions, of which the first that is not NULL counts; one must fit the source."""
    where: Texts = ()
    """Condition of the rows to read; of several, the first that fits the source."""
    called: Texts = ()
    """For spans: the expression by which one that is no request names the service it calls."""
    unnest: str = ""
    lines: str = ""
    layout: Literal["", "w3c", "records"] = ""
    cumulative: str = ""
    counters: dict[str, Texts] = Field(default_factory=dict)
    """Status -> the number of a row's requests with it; of several expressions, the first that fits the source."""
    template_paths: bool = True
    """True if ids in endpoint_path become {id}."""
    status: Literal["", "http", "grpc", "exit"] = ""
    """Meaning of the numbers in status_code: http, grpc or exit."""

    @field_validator("lines")
    @classmethod
    def _grouped(cls, text: str) -> str:
        try:
            if text and not re.compile(text).groupindex:
                raise ValueError("it names no group: write (?P<name>…) for each column")
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from error
        return text

    @field_validator("unnest")
    @classmethod
    def _dotted(cls, text: str) -> str:
        if text and not re.fullmatch(r"\w+(\.\w+)*", text):
            raise ValueError("it is a path of names with dots between them, such as resourceSpans.scopeSpans.spans")
        return text


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
        data = read_given(path, MOST_BYTES)
        if len(data) > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 1_000_000} MB")
        text = data.decode("utf-8")
    except FileNotFoundError as error:
        raise TelemetryError(
            f"The mapping file {path} does not exist.",
            fix="Give --mapping a TOML file (docs/telemetry.md), or a ready one: " + ", ".join(names()) + ".",
        ) from error
    except (OSError, ValueError) as error:  # not UTF-8, or a NUL byte in the path
        raise _unread(path, error) from error
    try:
        parsed = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # invalid TOML, a huge number, or too deep nesting
        raise _unread(path, error) from error
    return checked_mapping(parsed, path)


def _unread(path: Path | str, error: Exception) -> TelemetryError:
    why = error.strerror if isinstance(error, OSError) and error.strerror else error
    return TelemetryError(
        f"The mapping file {path} cannot be read: {why}.", fix="It must be TOML in UTF-8 (docs/telemetry.md)."
    )


def checked_mapping(data: dict[str, Any], path: Path | str) -> dict[str, TableMapping]:
    """The mapping in a file's data, merged over its `format`; `path` names it in errors.

    Raises TelemetryError.
    """
    try:
        mapping = TypeAdapter(dict[str, TableMapping]).validate_python(based(data))
    except ValidationError as error:
        problem = error.errors()[0]
        place = ".".join(map(str, problem["loc"]))
        raise TelemetryError(f"The mapping file {path}: {place}: {problem['msg']}.") from error
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
    return {name: _checked(name, table) for name, table in mapping.items()}


def _checked(name: str, table: TableMapping) -> TableMapping:
    """One table's mapping, its expressions checked and written as DuckDB's SQL."""
    from tsg_agent.telemetry.expressions import check_expression  # noqa: PLC0415 - loads the parser, see columns_read

    def check(text: str, where: str) -> str:
        return check_expression(text, f"{name}.{where}")

    return table.model_copy(
        update={
            "columns": {
                column: tuple(check(text, column) for text in texts) for column, texts in table.columns.items()
            },
            "counters": {
                status: tuple(check(text, f"counters.{status}") for text in texts)
                for status, texts in table.counters.items()
            },
            "where": tuple(check(text, "where") for text in table.where),
            "called": tuple(check(text, "called") for text in table.called),
            "cumulative": table.cumulative and check(table.cumulative, "cumulative"),
        }
    )
