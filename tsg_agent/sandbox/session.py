"""A sandbox session: frames are loaded once, code runs many times, and runs share no state."""

import contextlib
import keyword
import os
import socket
import subprocess
import sys
import threading
import weakref
from collections.abc import Iterable, Mapping, Sequence
from typing import Self

import pandas as pd

from tsg_agent.sandbox import exchange, outcome
from tsg_agent.sandbox.exchange import Control
from tsg_agent.sandbox.failures import FrameError, SandboxClosed, SandboxError, SandboxUnavailable
from tsg_agent.sandbox.frame_memory import pack
from tsg_agent.sandbox.launch import start_zygote
from tsg_agent.sandbox.layers import FRAMES
from tsg_agent.sandbox.limits import Limits
from tsg_agent.sandbox.result import Result

BOOT_SECONDS = 60.0
"""Timeout of the zygote's import of pandas, with slack for a loaded machine; it usually takes less than a second."""
_FAREWELL_SECONDS = 5.0
_RESERVED = {"pd", "np", "result"}


class Session:
    """Runs Python over named frames, isolated. Starts at once in the background; the first use waits for it.

    `unsafe_no_isolation` is an operator's word, never a model's: code then runs with resource limits only, and
    each result is stamped isolation="none". `python` is the interpreter's command line. Safe to share between
    threads: runs wait for one another; not to be used in a fork of the process. Raises SandboxUnavailable.
    """

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame] | None = None,
        *,
        limits: Limits | None = None,
        unsafe_no_isolation: bool = False,
        python: Sequence[str] = (),
    ) -> None:
        self.limits = limits or Limits()
        self._unsafe = unsafe_no_isolation
        self._lock = threading.Lock()
        self._names: list[str] = []
        self._ready = False
        process, connection = start_zygote(tuple(python) or (sys.executable,), unsafe=unsafe_no_isolation)
        self.pid = process.pid
        self._control = Control(connection)
        self._end = weakref.finalize(self, _end, process, connection, os.getpid())
        try:
            for name, frame in (frames or {}).items():
                self.load(name, frame)
        except SandboxError:
            self.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the loaded frames."""
        return tuple(self._names)

    @property
    def closed(self) -> bool:
        """True if no more run is possible."""
        return not self._end.alive

    def wait(self) -> None:
        """Waits until the zygote is up. Raises SandboxUnavailable."""
        with self._lock:
            self._wait()

    def load(self, name: str, frame: pd.DataFrame) -> None:
        """Copies `frame` into all later runs, as the variable `name`. Raises FrameError."""
        if not name.isidentifier() or keyword.iskeyword(name) or name in _RESERVED or name.startswith("__"):
            raise FrameError(f"{name!r} cannot be a frame's name in the code.", fix="Use a plain identifier.")
        if name not in self._names and len(self._names) >= FRAMES:
            raise FrameError(
                f"The session holds {FRAMES} frames already, as many as it can.",
                fix="Load it in the place of another, by that one's name, or open another session.",
            )
        with self._lock:
            self._wait()
            descriptor = pack(frame)
            try:
                self._control.ask({"do": "load", "name": name}, [descriptor])
            finally:
                os.close(descriptor)
            message, _ = self._control.answer(BOOT_SECONDS)
        if "failed" in message:
            raise FrameError(f"The frame {name!r} cannot be carried into the sandbox: {message['failed']}.")
        if name not in self._names:
            self._names.append(name)

    def run(self, code: str, timeout: float | None = None, *, frames: Iterable[str] | None = None) -> Result:
        """Runs `code` in a fresh process with the named frames (all, if none are named), pandas as pd, numpy as np.

        `timeout`: seconds of wall clock. Errors of the code are part of the Result. Raises SandboxUnavailable if it
        was not run, SandboxClosed after close, FrameError for an unknown frame name.
        """
        seconds = self.limits.seconds if timeout is None else timeout
        if not 0 < seconds <= 3600:
            raise ValueError("timeout is between 0 and 3600 seconds")
        wanted = list(self._names if frames is None else frames)
        unknown = [name for name in wanted if name not in self._names]
        if unknown:
            raise FrameError(f"No frame is named {', '.join(unknown)}; known: {', '.join(self._names) or 'none'}.")
        data, refused = outcome.encode_code(code, self.limits, unsafe=self._unsafe)
        if refused is not None:
            return refused
        order = exchange.CodeOrder(data, wanted, seconds, self.limits, self._unsafe)
        with self._lock:
            self._wait()
            try:
                raw = exchange.run_once(self._control, order)
            except SandboxUnavailable as error:
                if self.closed:
                    raise SandboxClosed("The sandbox session was closed while code ran.") from error
                if error.layer == "zygote":
                    self.close()
                raise
        return outcome.interpret(raw, code, seconds, self.limits, unsafe=self._unsafe)

    def close(self) -> None:
        """Ends the zygote and all of its processes. Idempotent."""
        self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.close()

    def _wait(self) -> None:
        if self.closed:
            raise SandboxClosed("The sandbox session is closed.", fix="Open a new one.")
        if not self._ready:
            try:
                self._control.answer(BOOT_SECONDS)
            except SandboxUnavailable:
                self.close()
                raise
            self._ready = True


def _end(process: subprocess.Popen[bytes], connection: socket.socket, owner: int) -> None:
    """Closes the socket, at which the zygote kills its child and exits. Kills it if it does not exit in time."""
    if os.getpid() != owner:
        connection.close()  # a copy in a forked process: only the owner ends the session
        return
    with contextlib.suppress(OSError):  # it closed the socket first
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
    try:
        process.wait(_FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
