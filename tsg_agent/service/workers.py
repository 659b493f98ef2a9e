"""What runs in worker processes, and what becomes of it where one crashes or hangs."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import uuid4

from tsg_agent.errors import WorkerError
from tsg_agent.investigation.recorder import Recorder, written
from tsg_agent.investigation.running import InvestigationRun
from tsg_agent.investigation.sources import Source
from tsg_agent.models import Question
from tsg_agent.service.crossing import error_of
from tsg_agent.service.processes import Crashed, Processes
from tsg_agent.service.worker import Begin, Call, Job
from tsg_agent.settings import Settings
from tsg_agent.store import Store
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tracing import carried

TRIES = 2
"""An investigation whose process ended this many times is not started again."""


class Workers:
    """So many processes for investigations, started before they are needed; and as many at most for questions and
    checks, which wait for no investigation: the first is started before it is needed."""

    def __init__(
        self, number: int, sources: Mapping[str, Source], settings: Settings, setup: str = "", guide: AnyGuide = GUIDE
    ) -> None:
        begin = Begin(settings, sources, setup, guide)
        self._redact = settings.model.redact
        self.investigating = Processes(number, begin, ahead=number)
        self.answering = Processes(number, begin, ahead=1)

    async def start(self) -> None:
        """Start them, without waiting until they are ready."""
        await self.answering.start()
        await self.investigating.start()

    def closing(self) -> None:
        """Start no more."""
        self.investigating.closing()
        self.answering.closing()

    async def aclose(self) -> None:
        """End those that have no work; whoever has some ends its own."""
        await asyncio.gather(self.investigating.aclose(), self.answering.aclose())

    async def called(self, call: Call) -> Any:
        """What a call gives, as plain JSON. Raises what it raises, and WorkerError where its process crashes, or hangs.

        When it is cancelled, its process is ended.
        """
        async with self.answering.queue.turn():
            try:
                said = await self.answering.done(uuid4().hex, call, again="Ask again, for less.")
            except Crashed as crash:
                raise WorkerError(f"The process that looked for it ended ({crash}).", fix="Ask again.") from None
        if said["how"] == "failed":
            raise error_of(said)
        return said["result"]

    async def concluded(
        self, investigation: InvestigationRun, store: Store, told: Callable[[], None], *, go_on: bool
    ) -> None:
        """Run a stored investigation to its end in a worker process, asking its questions.

        `told` is called when its process has written an event. No process is held while a question is open. If the
        process dies, another one resumes, once. Raises what ended the investigation, and WorkerError.
        """
        heard, identity = investigation.heard, investigation.identity
        heard.log = Recorder(store.events, identity, redact=self._redact, wrote=heard.logged)

        async def last() -> str:
            await written()
            return await asyncio.to_thread(store.events.state, identity)

        try:
            job, crashes = Job(identity, investigation.notes, go_on, heard.known, carried()), 0
            while True:
                try:
                    said = await self._run(investigation, job, told)
                except Crashed as crash:
                    crashes += 1
                    if crashes == TRIES:
                        fix = f"`tsg-agent resume {identity}` goes on; a machine without memory ends processes, too."
                        raise WorkerError(f"The process of the investigation ended twice ({crash}).", fix=fix) from None
                    if await last() != "concluded":  # it was killed as it ended, and another sees to what is left
                        heard.log("interrupted", why=f"Its process ended ({crash}); another goes on.")
                    job = job._replace(go_on=True)
                    continue
                if said["how"] != "asked":
                    break
                answers = await heard.ask([Question.model_validate(one) for one in said["questions"]])
                job = job._replace(go_on=True, answers=answers)
            if said["how"] == "failed":
                raise error_of(said)
        except asyncio.CancelledError:
            if not heard.open and await last() not in ("interrupted", "concluded"):
                heard.log("interrupted")
            raise
        except WorkerError as error:
            heard.log("failed", error=type(error).__name__, message=error.message, fix=error.fix)
            raise
        finally:
            await written()

    async def _run(self, investigation: InvestigationRun, job: Job, told: Callable[[], None]) -> dict[str, Any]:
        """How a job went, when it was its turn. Raises Crashed, and WorkerError for a hang."""
        async with AsyncExitStack() as stack:
            async with investigation.claimed():  # while it waits nobody else takes it; then its process does
                await stack.enter_async_context(investigation.placed(self.investigating.queue))
            again = f"`tsg-agent resume {job.identity}` goes on with it."
            return await self.investigating.done(job.identity, job, again=again, told=told)
