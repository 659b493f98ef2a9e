"""A recording on disk: a zip of `recording.json` and one Arrow file per query result."""

import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.ipc
from pydantic import AwareDatetime, Field, ValidationError

from tsg_agent.ask.answers import Answer
from tsg_agent.errors import RecordError
from tsg_agent.models import Model, Report
from tsg_agent.store import Request

FORMAT = 1
INDEX = "recording.json"


class RecordedQuery(Model):
    """One query: its text and parameters, and the result's file, or how it failed."""

    key: str
    sql: str
    parameters: dict[str, Any]
    file: str = ""
    error: str = ""
    message: str = ""
    milliseconds: float = 0.0


class RecordedCall(Model):
    """One request to the model, and its answer, or how it failed."""

    key: str
    messages: list[dict[str, Any]]
    format: str = ""
    text: str = ""
    tool_calls: list[dict[str, Any]] = Field(default_factory=list, description="an agent's: name, args, id of each")
    input_tokens: int = 0
    output_tokens: int = 0
    error: str = ""
    kind: str = ""
    transient: bool = False
    milliseconds: float = 0.0


class Recording(Model):
    """Everything but the tables: of an investigation, with its report, or of a talk, with its answers."""

    format: int = FORMAT
    version: str
    recorded: AwareDatetime
    written_by_hand: bool = Field(False, description="the model's answers were written by a person")
    request: Request
    settings: dict[str, Any]
    tables: dict[str, dict[str, Any]]
    queries: list[RecordedQuery]
    calls: list[RecordedCall]
    answers: list[dict[str, Any]] = Field(default_factory=list, description="what was answered when asked, in order")
    report: Report | None = None
    asked: list[str] = Field(default_factory=list, description="a talk's questions, in order")
    talk: list[Answer] = Field(default_factory=list, description="the answers to those of them that got one")

    @property
    def concluded(self) -> Report:
        """The investigation's report. Raises RecordError for a talk."""
        if self.report is None:
            raise RecordError("This recording is of questions, not of an investigation.", fix="`tsg-agent replay` it.")
        return self.report


def read(file: Path) -> tuple[Recording, dict[str, pa.Table]]:
    """A recording and its tables. Raises RecordError."""
    try:
        with zipfile.ZipFile(file) as archive:
            held = Recording.model_validate_json(archive.read(INDEX))
            files = {query.file for query in held.queries if query.file}
            results = {name: pa.ipc.open_file(archive.read(name)).read_all() for name in files}
    except FileNotFoundError as error:
        raise RecordError(f"{file} does not exist.", fix="Give a file that was made with --record.") from error
    except (OSError, KeyError, ValidationError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise RecordError(f"{file} is no recording that can be read.", fix="Record it again.") from error
    if held.format != FORMAT:
        raise RecordError(f"{file} has the format {held.format}; this version reads {FORMAT}.", fix="Record it again.")
    return held, results


def write(file: Path, held: Recording, results: dict[str, pa.Table]) -> None:
    """Write under another name first: a recording is whole, or not there."""
    part = file.with_name(f"{file.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(INDEX, held.model_dump_json(indent=1))
            for query in held.queries:
                if query.file:
                    archive.writestr(query.file, _arrow(results[query.file]))
        part.chmod(0o600)  # telemetry may name people
        part.replace(file)
    except OSError as error:
        raise RecordError(f"{file} cannot be written: {error.strerror}.", fix="Give another --record FILE.") from error


def _arrow(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
