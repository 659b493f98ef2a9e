"""Worker processes: a crash, a hang or a cancel takes one investigation with it, and none is lost or ends twice."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.cli.running import ROOT
from tsg_agent import (
    ParameterError,
    QuestionError,
    RecordError,
    Report,
    Request,
    Service,
    Settings,
    SyncService,
    TelemetryError,
    TsgError,
)
from tsg_agent.errors import WorkerError
from tsg_agent.events import Event
from tsg_agent.recording import comparable
from tsg_agent.service import calls
from tsg_agent.service.processes import Crashed, Processes, _Process
from tsg_agent.service.worker import Job
from tsg_agent.store import ENDED, Store
from tsg_agent.telemetry.engine import Engine

pytestmark = pytest.mark.surfaces
OPEN = "Errors since 2026-03-10 14:00 UTC, shop.gateway in prod."
MOMENTS = 10
"""At which workers are killed; and parents."""


@asynccontextmanager
async def door(incident: Request, state: Path, workers: int = 2) -> AsyncIterator[Service]:
    async with Service({"shop": incident.telemetry}, settings=Settings(state_dir=state), workers=workers) as service:
        yield service


async def event(service: Service, identity: str, kind: str) -> Event:
    """The first of a kind."""
    async for one in service.follow(identity):
        if one.kind == kind:
            return one
    raise AssertionError(f"no {kind}")


def at_work(service: Service) -> dict[str, int]:
    """Job -> process id."""
    assert service._workers
    return {job: process.pid for job, process in service._workers.investigating._busy.items()}


def answering(service: Service) -> dict[str, int]:
    assert service._workers
    return {job: process.pid for job, process in service._workers.answering._busy.items()}


def pid(service: Service, identity: str) -> int:
    return at_work(service)[identity]


def ended_once(state: Path) -> list[str]:
    """The state of each that is kept, when each has ended at most once and its log has no gap."""
    store = Store(state)
    for one in store.kept():
        events = store.events.after(one.id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        kinds = [event.kind for event in events]
        assert kinds.count("concluded") == (one.state == "finished"), kinds
        assert one.state in ("finished", "failed"), kinds
        assert one.state == "finished" or events[-1].data["message"], kinds
    return [one.state for one in store.kept()]


def test_an_investigation_in_a_worker_is_what_it_is_here(incident: Request, by_rules: Report, tmp_path: Path) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            identity = await service.start(incident.text, now=by_rules.created)
            followed = [[one async for one in service.follow(identity, after)] for after in (0, 5)]
            events = await service.events(identity)
            assert followed == [events, events[5:]]
            assert [one.kind for one in events][-2:] == ["drafted", "concluded"]
            report = await service.ended(identity)
            assert comparable(report)["causes"] == comparable(by_rules)["causes"]
            assert await service.report(identity) == report.model_dump_json(indent=2) + "\n"

    asyncio.run(main())


def test_a_question_holds_no_worker_and_wrong_answers_are_asked_again(incident: Request, tmp_path: Path) -> None:
    async def main() -> None:
        async with door(incident, tmp_path, workers=1) as service:
            identity = await service.start(OPEN)
            assert [one.parameter for one in (await service.settled(identity)).questions] == ["region"]
            other = await service.start(incident.text)
            assert (await service.ended(other)).causes
            assert (await service.list())[1].state == "asked"
            await service.answer(identity, "mars")
            assert "mars" in (await service.settled(identity)).questions[0].text
            await service.answer(identity, {"region": "us-east"})
            assert (await service.ended(identity)).parameters.region == "us-east"
            kinds = [one.kind for one in await service.events(identity)]
            assert [kinds.count(kind) for kind in ("asked", "answered", "concluded")] == [2, 2, 1]
            with pytest.raises(RecordError, match="concluded already"):
                await service.answer(identity, "us-east")

    asyncio.run(main())


def test_a_worker_that_is_killed_is_gone_on_from_and_takes_no_other_with_it(incident: Request, tmp_path: Path) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            one, other = [await service.start(incident.text) for _ in range(2)]
            await event(service, one, "check ended")
            os.kill(pid(service, one), signal.SIGKILL)
            assert (await service.ended(one)).causes and (await service.ended(other)).causes
            interrupted = await event(service, one, "interrupted")
            assert "SIGKILL" in interrupted.data["why"]
            assert "interrupted" not in [event.kind for event in await service.events(other)]
            doomed = await service.start(incident.text)
            for _ in range(2):
                while doomed not in at_work(service):
                    await asyncio.sleep(0.01)
                os.kill(killed := pid(service, doomed), signal.SIGKILL)
                while at_work(service).get(doomed) == killed:
                    await asyncio.sleep(0.01)
            with pytest.raises(WorkerError, match="ended twice"):
                await service.ended(doomed)
            assert (await service.get(doomed)).kept.state == "failed"
            await service.resume(doomed)
            assert (await service.ended(doomed)).causes

    asyncio.run(main())
    assert ended_once(tmp_path) == ["finished"] * 3


def test_one_that_hangs_is_ended_and_says_so(incident: Request, tmp_path: Path) -> None:
    """The limit is the settings' own: three times as long as a query may take."""
    settings = Settings(state_dir=tmp_path, query_timeout=2)

    async def main() -> None:
        async with Service({"shop": incident.telemetry}, settings=settings, workers=1) as service:
            identity, other = await service.start(incident.text), await service.start(incident.text)
            await event(service, identity, "began")
            os.kill(pid(service, identity), signal.SIGSTOP)
            began = time.monotonic()
            async with asyncio.timeout(60):  # a limit that does not hold is a failure here, and not the test's own end
                with pytest.raises(WorkerError, match="Nothing happened for 6 s"):
                    await service.ended(identity)
            assert time.monotonic() - began >= 5
            assert (await service.events(identity))[-1].kind == "failed"
            assert (await service.ended(other)).causes

    asyncio.run(main())


def misbehaving() -> None:
    """What workers call as they start: some questions end their process, hang it, or take long."""
    answer = calls.answer

    def answered(question: str, engine: Engine, *given: Any, **named: Any) -> Any:
        if question == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if question == "hang":
            os.kill(os.getpid(), signal.SIGSTOP)
        if question == "be slow":
            for _ in range(5):
                time.sleep(1.3)
                engine.run("SELECT 1", {}, timeout=1)
        return answer("how many requests failed?", engine, *given, **named)

    calls.answer = answered


SETUP = "tests.service.test_workers:misbehaving"


async def busy(service: Service) -> int:
    """The process that looks for an answer."""
    async with asyncio.timeout(60):
        while not answering(service):
            await asyncio.sleep(0.01)
    return next(iter(answering(service).values()))


def test_a_question_that_crashes_hangs_or_is_given_up_takes_nothing_with_it(incident: Request, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, query_timeout=2)

    async def main() -> None:
        async with Service({"shop": incident.telemetry}, settings=settings, workers=1, worker_setup=SETUP) as service:

            async def ask(question: str) -> str:
                async with asyncio.timeout(60):
                    return (await service.ask(question, incident=incident.text)).text

            identity = await service.start(incident.text)
            with pytest.raises(WorkerError, match="SIGSEGV"):
                await ask("crash")
            assert "failed" in await ask("how many requests failed?")
            with pytest.raises(WorkerError, match="Nothing happened for 6 s"):
                await ask("hang")
            assert "failed" in await ask("be slow")  # 6.5 s, but never 6 in which nothing happens
            asking = asyncio.create_task(ask("hang"))
            process = await busy(service)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            with pytest.raises(ProcessLookupError):
                os.kill(process, 0)
            assert "failed" in await ask("how many requests failed?")
            assert (await service.ended(identity)).causes
            assert "interrupted" not in [one.kind for one in await service.events(identity)]
            asking = asyncio.create_task(ask("hang"))
            await busy(service)
        with pytest.raises(WorkerError):  # who still asks at the end is told so
            await asking
        assert not service.sources._engines  # this process opened nothing

    asyncio.run(main())


def test_checks_and_known_values_come_from_a_worker_and_errors_are_the_typed_ones(
    incident: Request, tmp_path: Path
) -> None:
    window = {"start_time": "2026-03-10T12:00Z", "end_time": "2026-03-10T15:00Z", "region": "us-east",
              "environment": "prod", "service_name": "shop.gateway"}  # fmt: skip

    async def said(workers: int) -> list[Any]:
        found: list[Any] = []
        async with door(incident, tmp_path / str(workers), workers) as service:
            for name, arguments in (("plugin_4_tool", window), ("plugin_4_tool", {**window, "region": "mars"})):
                checked = await service.check(name, arguments)
                found.append((checked.text, checked.finding and checked.finding["label"]))
            found.append(await service.known())
            for asking in (
                service.check("plugin_99_tool", window),
                service.ask("which shards failed?", "shp"),
                service.ask("which shards failed since 2026-03-10 14:00 UTC until 15:00 UTC?"),
            ):
                with pytest.raises(TsgError) as caught:
                    await asking
                found.append((type(caught.value), str(caught.value), getattr(caught.value, "questions", None)))
            return found

    here, there = asyncio.run(said(0)), asyncio.run(said(1))
    assert there == here
    assert there[0][1] == "LOW_SUCCESS" and there[1][1] is None
    assert "us-east" in there[1][0] and "us-east" in there[2].regions
    assert [kind for kind, *_ in there[3:]] == [ParameterError, ParameterError, QuestionError]


def test_a_cancel_that_comes_with_a_line_is_heard() -> None:
    async def main() -> None:
        process, reader = object.__new__(_Process), asyncio.StreamReader()
        process._process = SimpleNamespace(stdout=reader)  # all that is read of it
        process.begun = asyncio.get_running_loop().create_future()
        process.begun.set_result({})
        process._tell = lambda _job: None  # nobody is there to be told
        doing = asyncio.create_task(process.done(Job("a"), 1.0, lambda: None))
        await asyncio.sleep(0.05)
        reader.feed_data(b'{"said": "query"}\n')
        await asyncio.sleep(0)  # the line is there, and not yet taken
        doing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await doing

    asyncio.run(main())


def test_cancel_ends_the_worker(incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))

    async def main() -> None:
        async with door(incident, tmp_path / "state", workers=1) as service:
            identity = await service.start(incident.text)
            await event(service, identity, "began")  # early: it must not have ended when it is cancelled
            waits = await service.start(incident.text)
            assert (await event(service, waits, "queued")).data == {"place": 1}
            held = pid(service, identity)
            await service.cancel(identity)
            with pytest.raises(ProcessLookupError):
                os.kill(held, 0)
            assert [one.kind for one in await service.events(identity)][-2:] == ["interrupted", "cancelled"]
            assert (await service.ended(waits)).causes
            running = await service.start(incident.text)
            await event(service, running, "began")
            os.kill(pid(service, running), signal.SIGKILL)
            await event(service, running, "interrupted")
            assert list(scratch.iterdir())

    asyncio.run(main())
    assert not list(scratch.iterdir())


def test_what_fails_in_a_worker_is_the_typed_error(incident: Request, tmp_path: Path) -> None:
    nowhere = incident.model_copy(update={"telemetry": str(tmp_path / "nowhere")})

    async def main() -> None:
        async with door(nowhere, tmp_path / "state", workers=1) as service:
            identity = await service.start(incident.text)
            with pytest.raises(TelemetryError, match="nowhere"):
                await service.ended(identity)
            assert (await service.events(identity))[-1].data["error"] == "TelemetryError"

    asyncio.run(main())
    model: Any = object()
    with pytest.raises(ParameterError, match="worker processes"):
        Service({}, model=model, workers=1)


def test_workers_without_an_event_loop(incident: Request, tmp_path: Path) -> None:
    with SyncService({"shop": incident.telemetry}, settings=Settings(state_dir=tmp_path), workers=1) as service:
        assert service.ended(service.start(incident.text)).causes


def test_a_worker_that_is_killed_as_it_ends_concludes_once(
    incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its report is there and the log has it; whoever goes on takes away what is left, and nothing was interrupted."""
    crashed: list[str] = []
    done = Processes.done

    async def killed(self: Processes, name: str, *given: Any, **named: Any) -> dict[str, Any]:
        said = await done(self, name, *given, **named)
        if not crashed:
            crashed.append(name)
            (tmp_path / name / ENDED).unlink()  # as before its last step
            raise Crashed("SIGKILL")
        return said

    monkeypatch.setattr(Processes, "done", killed)

    async def main() -> None:
        async with door(incident, tmp_path, 1) as service:
            identity = await service.start(incident.text)
            assert (await service.ended(identity)).causes
            kinds = [one.kind for one in await service.events(identity)]
            assert crashed == [identity]
            assert (kinds.count("concluded"), kinds[-1]) == (1, "concluded"), kinds

    asyncio.run(main())
    assert ended_once(tmp_path) == ["finished"]


def test_workers_are_killed_at_random_moments(incident: Request, tmp_path: Path) -> None:
    """Each investigation concludes, or says why not; none is lost, none ends twice."""
    seed = secrets.randbits(32)
    moments = np.random.default_rng(seed)

    async def killed(service: Service, identity: str, after: float) -> bool:
        await event(service, identity, "began")
        await asyncio.sleep(after)
        if identity not in at_work(service):
            return False  # it was quicker
        os.kill(pid(service, identity), signal.SIGKILL)
        return True

    async def main() -> int:
        async with door(incident, tmp_path) as service:
            first = await service.start(incident.text)
            await service.ended(first)
            whole = (await event(service, first, "concluded")).at - (await event(service, first, "began")).at
            killings = 0
            while killings < MOMENTS:
                both = [await service.start(incident.text) for _ in range(2)]
                after = [moments.uniform(0, whole.total_seconds()) for _ in both]
                killings += sum(await asyncio.gather(*map(killed, [service] * 2, both, after)))
                for one in both:
                    assert (await service.ended(one)).causes  # each was killed once only
            return killings

    assert asyncio.run(main()) >= MOMENTS
    assert set(ended_once(tmp_path)) == {"finished"}, f"seed {seed}"


@pytest.mark.parametrize("workers", [0, 2])
def test_parents_are_killed_at_random_moments(workers: int, incident: Request, tmp_path: Path) -> None:
    """As above; the investigations of one that is killed are gone on with by the next."""
    seed = secrets.randbits(32)
    moments = np.random.default_rng(seed)

    def serving(*texts: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tests.service.killable", incident.telemetry, str(tmp_path), str(workers)]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("TSG_")}
        return subprocess.Popen(
            [*command, *texts],
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            env={**environment, "PYTHONPATH": str(ROOT)},
        )

    for _ in range(MOMENTS // 2):
        with serving(incident.text, incident.text) as parent:
            assert parent.stdout and parent.stdout.readline()
            time.sleep(moments.uniform(0, 8))
            parent.kill()
    with serving() as last:
        assert last.communicate(timeout=300)[0].endswith("ended\n")
    states = ended_once(tmp_path)
    assert len(states) == MOMENTS and set(states) == {"finished"}, f"seed {seed}"
