"""Worker processes: a crash or a hang takes one investigation with it, and nothing that one does holds the others."""

import asyncio
import contextlib
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Final

from tsg_agent import errors
from tsg_agent.errors import TsgError, WorkerError
from tsg_agent.investigation.queue import Queue
from tsg_agent.investigation.recorder import Recorder, written
from tsg_agent.investigation.running import Investigation
from tsg_agent.investigation.sources import Source
from tsg_agent.models import Question
from tsg_agent.service.worker import GRACE, Begin, Job
from tsg_agent.settings import Settings
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tracing import carried

_BOOTSTRAP: Final = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from tsg_agent.service.worker import serve
serve()
"""
STARTS_S = 120.0
"""Seconds that a process may take to start, on a machine that has much else to do."""
QUIET = 3.0
"""How often as long as one query, and all calls of a model, may take nothing may happen before it counts as a hang."""
TRIES = 2
"""Times that an investigation is run before it is what ends its processes."""
_LONGEST = 2**24


class Crashed(Exception):
    """A process ended in the middle of an investigation."""


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

    async def done(self, job: Job, quiet: float, told: Callable[[], None]) -> dict[str, Any]:
        """How a job went; `told` hears that an event was written down. Raises Crashed, TimeoutError for a hang."""
        await asyncio.shield(self.begun)
        self._tell(job)
        while (said := await self._heard(quiet))["said"] != "ended":
            told()
        return said

    async def end(self) -> None:
        """Hang up, and see that it ends."""
        self.begun.cancel()
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), GRACE + 0.5)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        finally:
            await asyncio.to_thread(shutil.rmtree, self._scratch, ignore_errors=True)

    def _tell(self, what: Begin | Job) -> None:
        assert self._process.stdin is not None  # noqa: S101 - a pipe, by our own order
        with contextlib.suppress(ConnectionError):  # that it has ended is found out in reading
            self._process.stdin.write(pickle.dumps(what))

    async def _heard(self, quiet: float) -> dict[str, Any]:
        assert self._process.stdout is not None  # noqa: S101 - a pipe, by our own order
        line = await asyncio.wait_for(self._process.stdout.readline(), quiet)
        if not line.endswith(b"\n"):
            code = await self._process.wait()
            raise Crashed(signal.Signals(-code).name if code < 0 else f"exit code {code}")
        said: dict[str, Any] = json.loads(line)
        return said


class Workers:
    """So many worker processes, started before they are needed, each with one investigation at a time."""

    def __init__(
        self, number: int, sources: Mapping[str, Source], settings: Settings, setup: str = "", guide: AnyGuide = GUIDE
    ) -> None:
        self._begin, self._settings = Begin(settings, sources, setup, guide), settings
        self._number, self._queue = number, Queue(number)
        self._free: list[_Process] = []
        self._at_work: dict[str, _Process] = {}
        self._closed = False
        model = settings.model.maximum_seconds if settings.model.name else 0
        self._quiet = QUIET * (settings.query_timeout + model)

    @property
    def at_work(self) -> dict[str, int]:
        """Which process runs which investigation: id -> process id."""
        return {identity: process.pid for identity, process in self._at_work.items()}

    async def start(self) -> None:
        """Start them, without waiting until they are ready."""
        while len(self._free) < self._number:
            self._free.append(await _Process.started(self._begin))

    def closing(self) -> None:
        """Start no more."""
        self._closed = True

    async def aclose(self) -> None:
        """End those that have no work; whoever has some ends its own."""
        self.closing()
        await asyncio.gather(*(process.end() for process in self._free))

    async def concluded(self, investigation: Investigation, *, go_on: bool) -> None:
        """Run one, which is kept, to its end; asks what it asks. Raises what ended it, and WorkerError.

        While it waits for an answer no process is held. One whose process ends is gone on with, once.
        """
        heard, store, identity = investigation.heard, investigation.store, investigation.identity
        assert store is not None  # noqa: S101 - a service keeps what it runs
        heard.log = Recorder(store.events, identity, redact=self._settings.model.redact, wrote=heard.logged)

        async def last() -> str:
            await written()
            return (await asyncio.to_thread(store.events.states)).get(identity, "")

        try:
            job, crashes = Job(identity, investigation.notes, go_on, heard.known, carried()), 0
            while True:
                try:
                    said = await self._done(investigation, job)
                except Crashed as crash:
                    crashes += 1
                    if crashes == TRIES:
                        fix = f"`tsg-agent resume {identity}` goes on; a machine without memory ends processes, too."
                        raise WorkerError(f"The process of the investigation ended twice ({crash}).", fix=fix) from None
                    heard.log("interrupted", why=f"Its process ended ({crash}); another goes on.")
                    job = job._replace(go_on=True, answers=None if await last() == "answered" else job.answers)
                    continue
                if said["how"] != "asked":
                    break
                answers = await heard.ask([Question.model_validate(one) for one in said["questions"]])
                job = job._replace(go_on=True, answers=answers)
            if said["how"] == "failed":
                raise _error(said)
        except asyncio.CancelledError:
            if not heard.open and await last() != "interrupted":
                heard.log("interrupted")
            raise
        except WorkerError as error:
            heard.log("failed", error=type(error).__name__, message=error.message, fix=error.fix)
            raise
        finally:
            await written()

    async def _done(self, investigation: Investigation, job: Job) -> dict[str, Any]:
        """How a job went, when it was its turn. Raises Crashed, and WorkerError for a hang."""
        async with AsyncExitStack() as stack:
            async with investigation.claimed():  # while it waits nobody else takes it; then its process does
                await stack.enter_async_context(self._queue.turn(investigation.heard.queued))
            process = self._at_work[job.identity] = await self._taken()
            try:
                said = await process.done(job, self._quiet, investigation.heard.logged)
            except BaseException as error:
                await process.end()
                if not self._closed:
                    self._free.append(await _Process.started(self._begin))
                if isinstance(error, TimeoutError):
                    fix = f"`tsg-agent resume {job.identity}` goes on with it."
                    raise WorkerError(f"Nothing happened for {self._quiet:g} s: it was ended.", fix=fix) from None
                raise
            finally:
                del self._at_work[job.identity]
            self._free.append(process)
            return said

    async def _taken(self) -> _Process:
        while self._free:
            process = self._free.pop(0)
            if process.lives:
                return process
            await process.end()
        return await _Process.started(self._begin)


def _error(said: dict[str, Any]) -> TsgError:
    kind = getattr(errors, str(said["error"]), TsgError)
    plain = isinstance(kind, type) and issubclass(kind, TsgError) and kind.__init__ is TsgError.__init__
    return (kind if plain else TsgError)(str(said["message"]), fix=str(said["fix"]))
