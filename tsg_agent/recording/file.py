"""A recording on disk: a zip of `recording.json` and one Arrow file per query result."""

import zipfile
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
from pydantic import AwareDatetime, Field, ValidationError, field_validator, model_validator

from tsg_agent.ask.answers import Answer
from tsg_agent.errors import QueryError, QueryTimeout, RecordError, TelemetryError, TransientTelemetryError
from tsg_agent.extract import Given
from tsg_agent.guides.guide_run import GuideReport
from tsg_agent.models import Model, Report
from tsg_agent.recording.archive import INDEX, Unfit, check_sizes, members, result_file
from tsg_agent.recording.arrow import table_in, written
from tsg_agent.store import FollowedGuide, Request
from tsg_agent.telemetry.catalog import CATALOG, Kind
from tsg_agent.wording import one_line

__all__ = [
    "FIX",
    "INDEX",
    "QUERY_ERRORS",
    "RecordedCall",
    "RecordedQuery",
    "RecordedRun",
    "RecordedTable",
    "Recording",
    "read",
    "write",
]

FORMAT = 2
READ = (1, FORMAT)
"""Formats that this version reads: of 1, that of 0.1 too, what its own settings and queries have."""
FIX = "Take another copy of the file, or record it again."
QUERY_ERRORS = {error.__name__: error for error in (QueryError, QueryTimeout, TransientTelemetryError, TelemetryError)}
"""How a recorded query may have failed."""


class RecordedTable(Model):
    """One of the guide's tables, as the source had it. See SourceTable."""

    name: str
    location: str
    present: list[str]
    empty: list[str] = Field(default_factory=list)
    problem: str = ""
    notes: list[str] = Field(default_factory=list)
    readings: list[str] = Field(default_factory=list)
    unreadable: int = 0
    at_server: bool = False

    def in_catalogue(self) -> None:
        """Raises ValueError for a table, or a column, that the built-in guide does not have."""
        if self.name not in CATALOG:
            raise ValueError(f"{one_line(self.name, 60)} is none of the guide's tables")
        unknown = [name for name in (*self.present, *self.empty) if name not in CATALOG[self.name].columns]
        if unknown:
            raise ValueError(f"{self.name} has no column {one_line(unknown[0], 60)}")


class RecordedQuery(Model):
    """One query: its text and parameters, and the result's file, or how it failed."""

    key: str
    sql: str
    parameters: dict[str, Any]
    file: str = ""
    error: str = ""
    message: str = ""
    milliseconds: float = 0.0

    @model_validator(mode="after")
    def _ended(self) -> Self:
        if bool(self.file) == bool(self.error):
            raise ValueError("a query has either a result or an error")
        if self.file and self.file != result_file(self.key):
            raise ValueError("a query's result lies under another query's name")
        if self.error and self.error not in QUERY_ERRORS:
            raise ValueError(f"a query ended in {one_line(self.error, 60)}, which none does")
        return self


class RecordedToolCall(Model):
    """What an agent calls."""

    name: str
    args: dict[str, Any]
    id: str | None = None


class RecordedCall(Model):
    """One request to the model, and its answer, or how it failed."""

    key: str
    messages: list[dict[str, Any]]
    format: str = ""
    text: str = ""
    tool_calls: list[RecordedToolCall] = Field(default_factory=list, description="an agent's")
    input_tokens: int = Field(0, ge=0, le=10**9)
    output_tokens: int = Field(0, ge=0, le=10**9)
    error: str = ""
    kind: str = ""
    transient: bool = False
    milliseconds: float = Field(0.0, ge=0, allow_inf_nan=False)


class RecordedRun(FollowedGuide):
    """A run of another guide than the built-in one."""

    kinds: dict[str, dict[str, Kind]] = Field(description="what the columns of its own tables hold")
    report: GuideReport


class Recording(Model):
    """Everything but the tables: of an investigation, with its report, of a talk, with its answers, or of a guide."""

    format: int = FORMAT
    version: str
    recorded: AwareDatetime
    written_by_hand: bool = Field(False, description="the model's answers were written by a person")
    request: Request
    settings: dict[str, Any]
    tables: dict[str, RecordedTable]
    queries: list[RecordedQuery]
    calls: list[RecordedCall]
    answers: list[Given] = Field(default_factory=list, description="what was answered when asked, in order")
    report: Report | None = None
    asked: list[str] = Field(default_factory=list, description="a talk's questions, in order")
    run: RecordedRun | None = None
    talk: list[Answer] = Field(default_factory=list, description="the answers to those of them that got one")

    @field_validator("format")
    @classmethod
    def _known(cls, value: int) -> int:
        if value not in READ:
            raise ValueError(f"it has the format {value}; this version reads {' and '.join(map(str, READ))}")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if any(name != table.name for name, table in self.tables.items()):
            raise ValueError("a table stands under another one's name")
        if len({query.key for query in self.queries}) < len(self.queries):
            raise ValueError("a query is there twice")
        if [bool(self.talk), self.report is not None, self.run is not None].count(True) != 1:
            raise ValueError("it holds either a report, a talk's answers or a guide's run")
        if self.run is None:
            for table in self.tables.values():
                table.in_catalogue()
        return self

    @property
    def concluded(self) -> Report:
        """The investigation's report. Raises RecordError for a talk."""
        if self.report is None:
            what = "questions, not of an investigation" if self.run is None else "another guide's run"
            raise RecordError(f"This recording is of {what}.", fix="`tsg-agent replay` it.")
        return self.report


def read(file: Path) -> tuple[Recording, dict[str, pa.Table]]:
    """A recording and its tables, all that the file holds checked: it may come from anybody. Raises RecordError."""
    if not file.exists():
        raise RecordError(f"{file} does not exist.", fix="Give a file that was made with --record.")
    try:
        held = members(file)
        if INDEX not in held:
            raise Unfit(f"it holds no {INDEX}")
        recording = Recording.model_validate_json(held[INDEX])
        results = {query.file: _result(held, query.file) for query in recording.queries if query.file}
    except ValidationError as error:
        raise _unreadable(file, f"{INDEX}: {_first(error)}") from error
    except Unfit as error:
        raise _unreadable(file, str(error)) from error
    return recording, results


def _result(held: dict[str, bytes], name: str) -> pa.Table:
    if name not in held:
        raise Unfit(f"it lacks {name}")
    return table_in(held[name])


def _first(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    place, said = ".".join(map(str, problem["loc"])), problem["msg"].removeprefix("Value error, ")
    return one_line(f"{place}: {said}" if place else said, 200)


def _unreadable(file: Path, why: str) -> RecordError:
    return RecordError(f"{file} is no recording that can be read: {why}.", fix=FIX)


def write(file: Path, held: Recording, results: dict[str, pa.Table]) -> None:
    """Write under another name first: a recording is whole, or not there. Raises RecordError."""
    part = file.with_name(f"{file.name}.part")
    if file.exists() and not file.is_file():  # a device would be replaced
        raise RecordError(f"{file} cannot be written: it is no file.", fix="Give another --record FILE.")
    try:
        content = {INDEX: held.model_dump_json(indent=1).encode()}
        content |= {query.file: written(results[query.file]) for query in held.queries if query.file}
        check_sizes({name: len(data) for name, data in content.items()})
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in content.items():
                archive.writestr(name, data)
        part.chmod(0o600)  # telemetry may name people
        part.replace(file)
    except Unfit as error:
        raise RecordError(
            f"{file} is not written: {error}.", fix="Record less: fewer questions, a shorter window."
        ) from error
    except OSError as error:
        raise RecordError(f"{file} cannot be written: {error.strerror}.", fix="Give another --record FILE.") from error
