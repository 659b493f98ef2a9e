"""The typed outcome of one run. Status and times are measured by the parent; the rest is untrusted data."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pandas as pd

from tsg_agent.sandbox.layers import ISOLATION_NONE, Layer

Cell = bool | int | float | str | None

SHOWN_CHARACTERS = 200
"""Longest cell or name of a table shown as text: all rows are as wide as the widest."""


class RunStatus(StrEnum):
    """How a run ended."""

    OK = "ok"
    ERROR = "error"  # the code raised, or has a syntax error
    TIMEOUT = "timeout"
    KILLED = "killed"  # by a signal: a limit, or a crash
    ENDED = "ended"  # the code exited the process before a result
    OUTPUT_LIMIT = "output_limit"
    VIOLATION = "violation"  # the answer violates the protocol


@dataclass(frozen=True)
class Opaque:
    """A value that cannot be transferred: its truncated repr."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class FrameColumn:
    """A column's name, its pandas dtype in the sandbox, its cells; None is a missing cell, times are ISO 8601 text."""

    name: str
    dtype: str
    cells: tuple[Cell, ...]
    index: bool = False


@dataclass(frozen=True)
class FrameExcerpt:
    """The first rows of a frame. `rows` and `width` are the whole frame's size."""

    name: str
    columns: tuple[FrameColumn, ...]
    rows: int
    width: int

    @property
    def shown(self) -> int:
        """Number of rows in the excerpt."""
        return len(self.columns[0].cells) if self.columns else 0

    def frame(self) -> pd.DataFrame:
        """The rows as a frame, index columns first. Times are parsed; one that pandas cannot parse is missing."""
        columns = {n: _series(column) for n, column in enumerate(self.columns)}
        frame = pd.DataFrame(columns)
        frame.columns = pd.Index([column.name for column in self.columns], dtype=object)
        return frame

    def text(self, rows: int = 10) -> str:
        """At most `rows` rows as aligned text, and how many more there are."""
        if not self.columns:
            return f"(an empty table: {self.rows} rows)"
        shown = min(rows, self.shown)
        body = [[_cell_text(column.cells[n]) for column in self.columns] for n in range(shown)]
        lines = _aligned([[_cell_text(column.name) for column in self.columns], *body])
        if self.rows > shown:
            lines.append(f"… {self.rows - shown} more rows of {self.rows}")
        hidden = self.width - sum(not column.index for column in self.columns)
        if hidden > 0:
            lines.append(f"… {hidden} more columns of {self.width}")
        return "\n".join(lines)


Value = Cell | Opaque | FrameExcerpt | list[Any] | dict[str, Any]


@dataclass(frozen=True)
class CodeError:
    """An error in the code: the exception, and the line (from 1) and its text, if known."""

    type: str
    message: str
    line: int | None = None
    source: str = ""


@dataclass(frozen=True)
class Result:
    """One run. `seconds`: wall clock from sending the code to its end; `peak_mb`: resident memory."""

    status: RunStatus
    stdout: str = ""
    value: Value = None
    tables: tuple[FrameExcerpt, ...] = ()
    error: CodeError | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    cut: tuple[str, ...] = ()
    isolation: str = ISOLATION_NONE
    layers: tuple[Layer, ...] = field(default=(), repr=False)

    @property
    def ok(self) -> bool:
        """True if the code finished without an error."""
        return self.status is RunStatus.OK


def _series(column: FrameColumn) -> "pd.Series[Any]":
    cells = list(column.cells)
    if column.dtype.startswith("datetime64"):
        # Untrusted cells may mix times with and without an offset: as UTC none of them raises.
        moments = pd.to_datetime(pd.Series(cells, dtype=object), errors="coerce", utc=True, format="ISO8601")
        return moments if "," in column.dtype else moments.dt.tz_localize(None)
    if column.dtype.startswith("timedelta64"):
        return pd.to_timedelta(pd.Series(cells, dtype=object), errors="coerce")
    if column.dtype in {"float64", "float32"}:
        return pd.Series(cells, dtype="float64")
    return pd.Series(cells, dtype=object).infer_objects()


def _cell_text(cell: Cell) -> str:
    if cell is None:
        return "-"
    text = f"{cell:.6g}" if isinstance(cell, float) else str(cell).replace("\n", "\\n")
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"


def _aligned(lines: list[list[str]]) -> list[str]:
    widths = [max(len(line[n]) for line in lines) for n in range(len(lines[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
