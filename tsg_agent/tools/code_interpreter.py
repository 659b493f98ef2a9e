"""code_interpreter_tool: pandas code of a model's over stored results, run in the sandbox."""

import json
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any, Protocol

import pandas as pd
from langchain_core.tools import StructuredTool
from pydantic import BaseModel, ConfigDict, Field

from tsg_agent.sandbox import CodeError, FrameExcerpt, Limits, Opaque, Result, RunStatus, Session, Value

NAME = "code_interpreter_tool"
CONTENT_CHARACTERS = 6_000
"""What a model is given back, at most: about 1,500 tokens."""
PRINTED_CHARACTERS = 3_000
TABLES = 3
ROWS = 10
NOT_RUN = "not run"

DESCRIPTION = """Runs Python over stored results with pandas, in an isolated process, and returns what it prints and \
its last expression (or the variable `result`).

`pd`, `np` and the Python standard library are there; each stored result is a DataFrame under its own name. Files, \
network, other programs and threads are not there. Every call starts afresh: variables are not kept, and changes to \
a frame are not seen by the next call. End with the expression to be shown; aggregate first, since only the first \
rows of a table are returned."""


class FrameStore(Protocol):
    """Where stored results are looked up by name."""

    def names(self) -> Sequence[str]:
        """The names of what is stored now, such as `plugin_8`."""
        ...

    def get(self, name: str) -> pd.DataFrame:
        """The rows stored under one of `names`."""
        ...


class MappingStore:
    """A store over a mapping of names to frames, read at each call."""

    def __init__(self, frames: Mapping[str, pd.DataFrame]) -> None:
        self._frames = frames

    def names(self) -> Sequence[str]:
        """The mapping's keys."""
        return list(self._frames)

    def get(self, name: str) -> pd.DataFrame:
        """The mapping's value."""
        return self._frames[name]


class CodeArgs(BaseModel):
    """Arguments of the tool."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(description="Python source. Its last expression, or `result`, is returned.")]
    frames: Annotated[
        list[str],
        Field(description="Names of the stored results the code uses, such as plugin_8; empty for all of them."),
    ] = []


class CodeInterpreter:
    """Runs code over a store's frames, each carried into the session once, and again when it has changed.

    The session is started at once, so that it is up when the first code comes, and ends with this object, or by
    `close`. `unsafe_no_isolation` is an operator's setting. Raises SandboxUnavailable where code cannot be isolated.
    """

    def __init__(self, store: FrameStore, *, limits: Limits | None = None, unsafe_no_isolation: bool = False) -> None:
        self._store = store
        self._limits = limits or Limits()
        self._unsafe = unsafe_no_isolation
        self._lock = threading.Lock()
        self._session = self._open()
        self._loaded: dict[str, weakref.ref[pd.DataFrame]] = {}

    def run(self, code: str, frames: Sequence[str] = ()) -> Result:
        """The result of `code` over the named frames, or all of them. An unknown name is an error in the result."""
        known = list(self._store.names())
        wanted = list(dict.fromkeys(frames)) or known
        unknown = [name for name in wanted if name not in known]
        if unknown:
            message = f"nothing is stored as {', '.join(unknown)}; stored are: {', '.join(known) or 'nothing yet'}"
            return Result(RunStatus.ERROR, error=CodeError("UnknownFrame", message), isolation=NOT_RUN)
        with self._lock:
            if self._session.closed:  # its process died in an earlier run
                self._session, self._loaded = self._open(), {}
            for name in wanted:
                self._load(name, self._store.get(name))
            return self._session.run(code, frames=wanted)

    def content(self, result: Result, frames: Sequence[str] = ()) -> str:
        """A result as short text for a model, with a hint where its code can be mended."""
        known = {name: list(map(str, self._store.get(name).columns)) for name in frames or self._store.names()}
        return as_text(result, known)

    def close(self) -> None:
        """Ends the session."""
        self._session.close()

    def _open(self) -> Session:
        return Session(limits=self._limits, unsafe_no_isolation=self._unsafe)

    def _load(self, name: str, frame: pd.DataFrame) -> None:
        loaded = self._loaded.get(name)
        if loaded is None or loaded() is not frame:
            self._session.load(name, frame)
            self._loaded[name] = weakref.ref(frame)


def code_interpreter(
    store: FrameStore | Mapping[str, pd.DataFrame], *, limits: Limits | None = None, unsafe_no_isolation: bool = False
) -> StructuredTool:
    """The tool over a store's frames. It returns text for a model, and the Result as plain JSON in its artifact.

    Its sandbox starts now, in the background, and ends when the tool is no longer used. A call raises
    SandboxUnavailable where the code cannot be isolated: the code was then not run.
    """
    interpreter = CodeInterpreter(
        MappingStore(store) if isinstance(store, Mapping) else store,
        limits=limits,
        unsafe_no_isolation=unsafe_no_isolation,
    )
    return tool_of(interpreter)


def tool_of(interpreter: CodeInterpreter) -> StructuredTool:
    """The tool over an interpreter that the caller closes."""

    def call(code: str, frames: list[str]) -> tuple[str, dict[str, Any]]:
        result = interpreter.run(code, frames)
        shown = [] if result.isolation == NOT_RUN else frames
        plain: dict[str, Any] = json.loads(json.dumps(asdict(result)))
        return interpreter.content(result, shown), plain

    return StructuredTool.from_function(
        func=call, name=NAME, description=DESCRIPTION, args_schema=CodeArgs, response_format="content_and_artifact"
    )


def as_text(result: Result, columns: Mapping[str, Sequence[str]] | None = None) -> str:
    """A result for a model: what was printed, the value, a few small tables, or the error with its line and a hint.

    `columns` are those of the frames the code saw, for the hint.
    """
    parts = []
    if result.isolation == "none":
        parts.append("[run without isolation]")
    if result.stdout:
        parts.append(_shortened(result.stdout.rstrip("\n"), PRINTED_CHARACTERS))
    if result.error is not None:
        parts.append(_error_text(result.error))
        hint = hint_for(result.error, columns or {})
        if hint:
            parts.append(f"Hint: {hint}")
    else:
        parts += _value_parts(result)
    text = "\n".join(part for part in parts if part) or "(the code printed nothing and has no value)"
    return _shortened(text, CONTENT_CHARACTERS)


def hint_for(error: CodeError, columns: Mapping[str, Sequence[str]]) -> str:
    """What to change in the code; empty where the error says it all."""
    if "tz-naive" in error.message or "tz-aware" in error.message:
        return "one side has a time zone: use pd.Timestamp('…', tz='UTC') or .dt.tz_localize('UTC')."
    if error.type in {"KeyError", "AttributeError", "UndefinedVariableError"} and columns:
        listed = "; ".join(f"{name}: {', '.join(names[:40])}" for name, names in columns.items())
        return f"the frames' columns are {_shortened(listed, 1500)}."
    if error.type in {"NameError", "UnboundLocalError"}:
        return f"every call starts afresh; there are {', '.join([*columns, 'pd', 'np'])}, after imports the rest."
    return _HINTS.get(error.type, "")


_CLOSED = "files, network, other programs and threads are closed here; work on the given frames."
_HINTS = {
    "ModuleNotFoundError": "only pandas (pd), numpy (np) and the standard library are there.",
    "ImportError": "only pandas (pd), numpy (np) and the standard library are there.",
    "PermissionError": _CLOSED,
    "FileNotFoundError": _CLOSED,
    "BlockingIOError": _CLOSED,
    "OSError": _CLOSED,
    "RuntimeError": "if it was about a thread: there are none here.",
    "MemoryError": "keep fewer columns or rows, and aggregate before joining.",
    "TimeoutError": "use pandas on whole columns instead of loops, and fewer rows.",
    "OutputLimit": "print less; return a table instead.",
    "Ended": "do not end the process; finish with an expression.",
    "Killed": "use less memory, and no deep recursion.",
    "SandboxViolation": "return a number, a text, a list, a dict or a DataFrame.",
    "UnknownFrame": "name stored results only.",
}


def _error_text(error: CodeError) -> str:
    where = f" in line {error.line}" if error.line is not None else ""
    source = f"\n    {error.source.strip()}" if error.source.strip() else ""
    return f"{error.type}{where}: {_shortened(error.message, 800)}{source}"


def _value_parts(result: Result) -> list[str]:
    if isinstance(result.value, FrameExcerpt):
        return [_table_text(result.value)]
    parts = [] if result.value is None else [_value_text(result.value)]
    parts += [f"{table.name}:\n{_table_text(table)}" for table in result.tables[:TABLES]]
    if len(result.tables) > TABLES:
        parts.append(f"… {len(result.tables) - TABLES} more tables")
    cut = [word for word in result.cut if word not in {"rows", "columns"}]
    if cut:
        parts.append(f"(cut to the limits: {', '.join(cut)})")
    return parts


def _table_text(table: FrameExcerpt) -> str:
    return table.text(ROWS)


def _value_text(value: Value) -> str:
    if isinstance(value, (str, Opaque)):
        return str(value)
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_nested_text(item)}" for key, item in value.items()) + "}"
    return _nested_text(value)


def _nested_text(value: Value) -> str:
    if isinstance(value, FrameExcerpt):
        return f"<table of {value.rows} rows>"
    if isinstance(value, list):
        return "[" + ", ".join(map(_nested_text, value)) + "]"
    if isinstance(value, dict):
        return _value_text(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _shortened(text: str, most: int) -> str:
    """The beginning and the end, where a text is too long: an error or a total stands last."""
    if len(text) <= most:
        return text
    tail = most // 4
    return f"{text[: most - tail]}\n… {len(text) - most} characters left out …\n{text[-tail:]}"
