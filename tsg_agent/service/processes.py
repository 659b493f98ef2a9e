"""Processes that work for a service, one job at a time each: a crash or a hang takes one job with it, and no other."""

import asyncio
import contextlib
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import Any, Final

from tsg_agent.errors import WorkerError
from tsg_agent.investigation.queue import Queue
from tsg_agent.service.worker import GRACE, Begin, Call, Job

_BOOTSTRAP: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from tsg_agent.service.worker import serve
serve()
"""
STARTS_S = 120.0
"""Seconds that a process may take to start, on a machine that has much else to do."""
QUIET = 3.0
"""A process counts as hung after this multiple of the longest time that a query and a model's calls may take."""
_LONGEST = 2**24


class Crashed(Exception):
    """A process ended in the middle of a job."""


class _Process:
    """One worker process."""

    def __init__(self, process: asyncio.subprocess.Process, scratch: str) -> None:
        self._process, self._scratch = process, scratch
        self.begun = asyncio.ensure_future(self._heard(STARTS_S))
        self.begun.add_done_callback(lambda done: done.cancelled() or done.exception())

    @classmethod
    async def started(cls, begin: Begin) -> "_Process":
        """It, on its way: `begun` is done when it is ready."""
        scratch = tempfile.mkdtemp(prefix="tsg-worker-")  # one that is killed takes away nothing that it wrote
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", _BOOTSTRAP, json.dumps(sys.path),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, env={**os.environ, "TMPDIR": scratch},
            limit=_LONGEST, start_new_session=True,  # Ctrl-C is for whoever serves
        )  # fmt: skip
        made = cls(process, scratch)
        made._tell(begin)
        return made

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def lives(self) -> bool:
        """Whether it can be given work."""
        return self._process.returncode is None and not (self.begun.done() and self.begun.exception())

    async def done(self, job: Job | Call, quiet: float, told: Callable[[], None]) -> dict[str, Any]:
        """How a job went; `told` hears that an event was written down. Raises Crashed, TimeoutError for a hang."""
        await asyncio.shield(self.begun)
        self._tell(job)
        while (said := await self._heard(quiet))["said"] != "ended":
            if said["said"] == "event":
                told()
        return said

    async def end(self) -> None:
        """Hang up, and see that it ends."""
        self.begun.cancel()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(GRACE + 0.5):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        finally:
            await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    def _tell(self, what: Begin | Job | Call) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe, by our own order
        with contextlib.suppress(ConnectionError):  # that it has ended is found out in reading
            self._process.stdin.write(pickle.dumps(what))

    async def _heard(self, quiet: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, by our own order
        async with asyncio.timeout(quiet):  # wait_for of Python 3.11 forgets a cancel that comes with a line
            line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            raise Crashed(signal.Signals(-code).name if code < 0 else f"exit code {code}")
        said: dict[str, Any] = json.loads(line)
        return said


class Processes:
    """At most `number` worker processes; `ahead` of them are started before they are needed."""

    def __init__(self, number: int, begin: Begin, *, ahead: int) -> None:
        self._begin, self._ahead, self.queue = begin, ahead, Queue(number)
        self._free: list[_Process] = []
        self._busy: dict[str, _Process] = {}
        self._closed = False
        model = begin.settings.model.maximum_seconds if begin.settings.model.name else 0
        self.quiet = QUIET * (begin.settings.query_timeout + model)
        """Seconds in which something must happen: an event, a query, or a job's end."""

    async def start(self) -> None:
        """Start them, without waiting until they are ready."""
        while len(self._free) < self._ahead:
            self._free.append(await _Process.started(self._begin))

    def closing(self) -> None:
        """Start no more."""
        self._closed = True

    async def aclose(self) -> None:
        """End all, those too that are at work."""
        self.closing()
        await asyncio.gather(*(process.end() for process in (*self._free, *self._busy.values())))

    async def done(
        self, name: str, job: Job | Call, *, again: str, told: Callable[[], None] = lambda: None
    ) -> dict[str, Any]:
        """Run a job whose turn it is, and give how it went; `again`: what to do if it hangs.

        Raises Crashed, WorkerError. The process of a cancelled job is ended.
        """
        process = self._busy[name] = await self._taken()
        try:
            said = await process.done(job, self.quiet, told)
        except BaseException as error:
            await process.end()
            if not self._closed:
                self._free.append(await _Process.started(self._begin))
            if isinstance(error, TimeoutError):
                raise WorkerError(f"Nothing happened for {self.quiet:g} s: it was ended.", fix=again) from None
            raise
        finally:
            del self._busy[name]
        self._free.append(process)
        return said

    async def _taken(self) -> _Process:
        while self._free:
            process = self._free.pop(0)
            if process.lives:
                return process
            await process.end()
        return await _Process.started(self._begin)
