"""Runs model-written queries in a child process, which is killed when it exceeds its time or memory limit.

DuckDB checks for interrupts only between two batches of rows, and its memory limit does not count the strings of the
current batch. So the limits are enforced outside of it: the child watches its own memory, and the parent kills it at
the deadline. The child starts with the first such query, opens the same source, and is restarted after it ended.
"""

import io
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection
from datetime import datetime
from typing import IO, Any, Final, NoReturn

import pyarrow as pa

from tsg_agent.errors import QueryError, QueryTimeout, TelemetryError

GRACE = 1.0
"""Seconds after the timeout in which the engine can still cancel by itself; then the process is killed."""
_LENGTH = 8
_PIECE = 2**16
_HEADER = 100_000
_BOOTSTRAP: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from tsg_agent.telemetry import apart
apart.serve(json.loads(sys.argv[2]))
"""
_ENVIRONMENT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""The environment variables that the process gets: none holds a secret."""
_TOO_MUCH: Final = 75
"""The process's exit code when it exceeded its memory limit."""
_ERRORS: dict[str, type[TelemetryError]] = {one.__name__: one for one in (TelemetryError, QueryError, QueryTimeout)}


class Apart:
    """A second engine over the same source, in a child process that can be killed. Runs one query at a time."""

    def __init__(self, source: dict[str, Any], open_timeout: float) -> None:
        """`source`: DuckDB's constructor arguments, JSON-serializable. `open_timeout`: seconds."""
        self._source, self._open_timeout = source, open_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        self._asking = 0
        """The thread that waits for an answer."""

    def run(self, sql: str, *, timeout: float, most: int) -> pa.Table:
        """The rows of one SELECT without parameters, of at most `most` bytes. See Engine.run for what it raises."""
        with self._lock:
            process = self._running()
            deadline = time.monotonic() + timeout + GRACE
            answered = False
            try:
                self._asking = threading.get_ident()
                _write(process.stdin, json.dumps({"sql": sql, "timeout": timeout, "most": most}).encode())
                table = _table(process.stdout, deadline, most)
                answered = True
                return table
            except TelemetryError:
                answered = True
                raise
            except (TimeoutError, EOFError, OSError) as error:
                raise self._ended(error, timeout) from None
            finally:
                self._asking = 0
                if not answered:  # else its late answer would be read as the next query's
                    self._kill()

    def cancel(self, threads: Collection[int]) -> None:
        """Kill the running query if one of these threads (ids) waits for it."""
        process = self._process
        if process is not None and self._asking in threads:
            process.terminate()

    @property
    def pid(self) -> int | None:
        """The child's process id; None if it is not running."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """Kill the process, and with it a running query."""
        self._kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
                [sys.executable, "-I", "-c", _BOOTSTRAP, json.dumps(sys.path), json.dumps(self._source)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                start_new_session=True,  # Ctrl-C is handled by the parent
            )
            try:
                _said(self._process.stdout, time.monotonic() + self._open_timeout)
            except (TimeoutError, EOFError, OSError) as error:
                raise self._ended(error, self._open_timeout) from None
        return self._process

    def _ended(self, error: Exception, timeout: float) -> TelemetryError:
        """Kill the process; the error that says why it ended."""
        code = self._kill()
        if isinstance(error, TimeoutError):
            fix = "Ask for less: a shorter time, fewer columns, no join of everything with everything."
            return QueryTimeout(f"The query took longer than {timeout:g} s and was ended.", fix=fix)
        if code == _TOO_MUCH:
            return QueryError(
                "The query needs more memory than it may use, and was ended.", fix="Take fewer or shorter columns."
            )
        if code == -signal.SIGTERM:
            return QueryTimeout("The query was cancelled.")
        return QueryError(f"The query's process ended ({code}).", fix="Ask for less.")

    def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        try:
            code = process.wait(0.2)  # it may be exiting by itself: its exit code says why
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                try:
                    stream.close()
                except OSError:  # the last message was never read
                    continue
        return code


def serve(source: dict[str, Any]) -> NoReturn:
    """The child's main loop: opens the source, and answers queries until its standard input is closed."""
    from tsg_agent.telemetry.duckdb import DuckDB  # noqa: PLC0415 - it imports this module

    with os.fdopen(os.dup(1), "wb") as out, os.fdopen(os.dup(0), "rb") as given:
        os.dup2(2, 1)  # so that a library's prints are not read as an answer
        try:
            about = [datetime.fromisoformat(one) for one in source.pop("about", [])]
            with DuckDB(**source, about=about) as engine:
                _write(out, b"{}")
                threading.Thread(target=_watch, args=(engine.memory.most,), daemon=True).start()
                while True:
                    asked = json.loads(_read(given, None))
                    _answer(out, engine, asked)
        except EOFError:
            os._exit(0)
        except TelemetryError as error:
            _write(out, _described(error))
            os._exit(1)


def _answer(out: IO[bytes], engine: Any, asked: dict[str, Any]) -> None:
    try:
        table = engine.run(asked["sql"], {}, timeout=asked["timeout"])
    except TelemetryError as error:
        _write(out, _described(error))
        return
    if table.nbytes > asked["most"]:
        _write(out, _described(too_large(asked["most"])))
        return
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    _write(out, b"{}")
    _write(out, sink.getvalue())


def too_large(most: int) -> QueryError:
    """The error for a result larger than `most` bytes."""
    return QueryError(
        f"The result is larger than {most // 1_000_000} MB.", fix="Take fewer or shorter columns: left(text, 200)."
    )


def _watch(most: int) -> NoReturn:
    """Exit when this process holds more than `most` bytes: there may be no memory left to raise an error."""
    from tsg_agent.telemetry import memory  # noqa: PLC0415 - what the parent does not need

    parent = os.getppid()
    while memory.held() < most:
        time.sleep(0.01)
        if os.getppid() != parent:  # the parent is gone
            os._exit(0)
    os._exit(_TOO_MUCH)


def _described(error: TelemetryError) -> bytes:
    return json.dumps(
        {"error": type(error).__name__, "message": error.message[:2000], "fix": error.fix[:2000]}
    ).encode()


def _table(stream: IO[bytes] | None, deadline: float, most: int) -> pa.Table:
    _said(stream, deadline)
    data = _read(stream, deadline, 2 * most + _PIECE)
    try:
        return pa.ipc.open_stream(data).read_all()
    except pa.ArrowException as error:
        raise QueryError("The query's process gave no table.") from error


def _said(stream: IO[bytes] | None, deadline: float) -> None:
    """Read one header. Raises the error that the header holds."""
    said = json.loads(_read(stream, deadline, _HEADER))
    if "error" in said:
        kind = _ERRORS.get(str(said["error"]), QueryError)
        raise kind(str(said["message"]), fix=str(said["fix"]))


def _write(stream: IO[bytes] | None, data: bytes) -> None:
    assert stream is not None  # noqa: S101 - a pipe, by our own order
    stream.write(len(data).to_bytes(_LENGTH, "big") + data)
    stream.flush()


def _read(stream: IO[bytes] | None, deadline: float | None, most: int = 2**31) -> bytes:
    """One message. Raises EOFError, or TimeoutError after `deadline`."""
    length = int.from_bytes(_exactly(stream, _LENGTH, deadline), "big")
    if length > most:
        raise EOFError
    return _exactly(stream, length, deadline)


def _exactly(stream: IO[bytes] | None, length: int, deadline: float | None) -> bytes:
    assert stream is not None  # noqa: S101 - a pipe, by our own order
    data = bytearray()
    while len(data) < length:
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and (left <= 0 or not select.select([stream], [], [], left)[0]):
            raise TimeoutError
        piece = os.read(stream.fileno(), min(_PIECE, length - len(data)))
        if not piece:
            raise EOFError
        data += piece
    return bytes(data)
