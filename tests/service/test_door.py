"""The door: start, answer, cancel, list, get, events, report, ask and feedback, for several clients at once."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from langgraph.graph import StateGraph

from eval.cases import load
from tsg_agent import (
    Given,
    ParameterError,
    RecordError,
    Report,
    Request,
    Service,
    Settings,
    SyncService,
    ainvestigate,
    open_telemetry,
)
from tsg_agent.events import Event
from tsg_agent.graph import _compiled
from tsg_agent.investigation.entry import begin
from tsg_agent.investigation.pool import THREADS
from tsg_agent.investigation.queue import RUNNING
from tsg_agent.investigation.running import InvestigationRun
from tsg_agent.recording import comparable
from tsg_agent.store import Store
from tsg_agent.telemetry.duckdb import DuckDB

OPEN = "Errors since 2026-03-10 14:00 UTC, shop.gateway in prod."
ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = -1"


@asynccontextmanager
async def door(incident: Request, state: Path) -> AsyncIterator[Service]:
    async with Service({"shop": incident.telemetry}, settings=Settings(state_dir=state)) as service:
        yield service


async def asked(service: Service, identity: str, text: str = "") -> Any:
    """How it stands, when it asks something (that says `text`)."""
    while True:
        standing = await service.get(identity)
        if standing.questions and text in standing.questions[0].text:
            return standing
        await asyncio.sleep(0.01)


async def followed(service: Service, identity: str, after: int = 0) -> list[Event]:
    return [event async for event in service.follow(identity, after)]


def same(report: Report) -> Any:
    return {**comparable(report), "id": "", "created": "", "findings": []}  # means differ in their last digits


def test_an_investigation_from_its_start_to_its_report(incident: Request, by_rules: Report, tmp_path: Path) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            identity = await service.start(incident.text, now=by_rules.created)
            following = asyncio.create_task(followed(service, identity))
            report = await service.ended(identity)
            assert same(report) == same(by_rules)
            assert (events := await following) == await service.events(identity)
            assert (await service.list())[0][::2] == (identity, "finished")
            assert await service.events(identity, after=events[-2].sequence) == events[-1:]
            assert await service.report(identity) == report.model_dump_json(indent=2) + "\n"
            assert (await service.report(identity, "markdown")).startswith("# ")
            assert "<html" in await service.report(identity, "html")
            wrong: Any = "pdf"
            with pytest.raises(ParameterError, match="no form 'pdf'"):
                await service.report(identity, wrong)
            answer = await service.ask("which shards failed?", incident=incident.text)
            assert answer.text

    asyncio.run(main())


def test_wrong_answers_are_asked_again_as_often_as_it_takes(incident: Request, tmp_path: Path) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            identity = await service.start(OPEN, "shop")
            assert [one.parameter for one in (await asked(service, identity)).questions] == ["region"]
            for number in range(5):
                await service.answer(identity, {"region": f"mars{number}"})
                standing = await asked(service, identity, f"mars{number}")
            assert standing.kept.state == "asked"
            await service.answer(identity, "us-east")
            assert (await service.ended(identity)).parameters.region == "us-east"
            with pytest.raises(RecordError, match="concluded already"):
                await service.answer(identity, "us-east")

    asyncio.run(main())


def test_a_question_is_answered_by_another_service_later(incident: Request, tmp_path: Path) -> None:
    async def first() -> str:
        async with door(incident, tmp_path) as service:
            identity = await service.start(OPEN)
            await asked(service, identity)
            return identity

    async def given_up(identity: str) -> None:
        async with door(incident, tmp_path) as service:
            await service.cancel(identity)
            standing = await service.get(identity)
            assert (standing.kept.state, standing.questions) == ("cancelled", [])
            await service.cancel(identity)
            assert [one.kind for one in await service.events(identity)].count("cancelled") == 1

    async def second(identity: str) -> Report:
        async with door(incident, tmp_path) as service:
            standing = await service.get(identity)
            assert (standing.kept.state, standing.questions[0].parameter) == ("asked", "region")
            await service.answer(identity, "mars")
            assert (await asked(service, identity, "mars")).kept.state == "asked"
            await service.answer(identity, "us-east")
            return await service.ended(identity)

    asyncio.run(given_up(asyncio.run(first())))
    identity = asyncio.run(first())
    assert asyncio.run(second(identity)).id == identity


class Slow(DuckDB):
    """Every query of a check takes for ever, until it is cancelled."""

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self.begun = threading.Event()

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> Any:
        if "region" not in parameters:
            return super().run(sql, parameters, timeout=timeout)
        self.begun.set()
        return super().run(ENDLESS, {}, timeout=timeout)


def test_who_starts_first_has_its_turn_first(
    incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the first takes longest to be written down."""
    slow = threading.Lock()

    def begin_slowly(request: Request, **how: Any) -> InvestigationRun:
        if slow.acquire(blocking=False):
            time.sleep(0.5)
        return begin(request, **how)

    monkeypatch.setattr("tsg_agent.service.door.begin", begin_slowly)

    async def main(engine: Slow) -> None:
        async with door(incident, tmp_path) as service:
            service.sources._engines["shop"] = engine
            begun = await asyncio.gather(*(service.start(incident.text) for _ in range(RUNNING + 2)))
            places = [(await service.get(identity)).place for identity in begun]
            assert places == [*[0] * RUNNING, 1, 2]

    with Slow(incident.telemetry) as engine:
        asyncio.run(main(engine))


def test_one_that_is_cancelled_ends_its_queries_and_no_other(
    incident: Request, by_rules: Report, tmp_path: Path
) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            with Slow(incident.telemetry) as slow:
                service.sources._engines["shop"] = slow
                identity = await service.start(incident.text, now=by_rules.created)
                assert await asyncio.to_thread(slow.begun.wait, 60)
                del service.sources._engines["shop"]
                other = await service.start(incident.text, now=by_rules.created)
                await service.cancel(identity)
                with pytest.raises(asyncio.CancelledError):
                    await service.ended(identity)
                async with asyncio.timeout(30):
                    while slow._at_work:  # its threads end by themselves, on a machine that has much else to do later
                        await asyncio.sleep(0.01)
                assert same(await service.ended(other)) == same(by_rules)
            kinds = [event.kind for event in await service.events(identity)]
            assert kinds[-1] == "cancelled"
            assert (await service.get(identity)).kept.state == "cancelled"
            await service.resume(identity)
            assert same(await service.ended(identity)) == same(by_rules)

    asyncio.run(main())


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda service: service.start("x", "shp"), ParameterError, "Did you mean 'shop'"),
        (lambda service: service.start("x", "/etc/passwd"), ParameterError, "no source '/etc/passwd'"),
        (lambda service: service.get("abc"), RecordError, "no investigation 'abc'"),
        (lambda service: service.events("abc"), RecordError, "no investigation 'abc'"),
        (lambda service: service.report("abc"), RecordError, "no investigation 'abc'"),
        (lambda service: service.cancel("abc"), RecordError, "no investigation 'abc'"),
        (lambda service: service.answer("abc", {}), RecordError, "no investigation 'abc'"),
        (lambda service: service.ended("../etc"), RecordError, "no investigation's id"),
    ],
)
def test_what_is_wrong_is_a_typed_error(
    call: Any, error: type[Exception], said: str, incident: Request, tmp_path: Path
) -> None:
    async def main() -> None:
        async with door(incident, tmp_path) as service:
            with pytest.raises(error, match=said):
                await call(service)

    asyncio.run(main())


@pytest.mark.slow
def test_twenty_at_once_are_right_unmixed_and_hold_no_event_loop(
    incident: Request, by_rules: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of them are about another region: what they conclude must not be mixed. The queue tells their places.

    All run on one compiled graph.
    """
    regions, compiled, compile_ = ["us-east", "eu-central"] * 10, list[str](), StateGraph.compile

    def counted(graph: Any, **how: Any) -> Any:
        compiled.append(how["name"])
        return compile_(graph, **how)

    monkeypatch.setattr(StateGraph, "compile", counted)
    _compiled.cache_clear()

    async def main() -> tuple[list[Report], int, list[int]]:
        threads, places = 0, list[int]()
        with open_telemetry(incident.telemetry) as engine:
            service = Service({"shop": incident.telemetry}, settings=Settings(state_dir=tmp_path))
            async with service:
                service.sources._engines["shop"] = engine
                begun = [
                    await service.start(incident.text, given=Given(region=region), now=by_rules.created)
                    for region in regions
                ]
                tasks = [asyncio.ensure_future(service.ended(identity)) for identity in begun]
                while not all(task.done() for task in tasks):
                    names = [one.name for one in threading.enumerate() if one.name.startswith("tsg-")]
                    # a source's own are as many as cores, whatever asks it
                    threads = max(threads, sum(not name.startswith("tsg-statement") for name in names))
                    places += [(await service.get(identity)).place for identity in begun[-1:]]
                    await asyncio.sleep(0.02)
                return [task.result() for task in tasks], threads, places

    reports, threads, places = asyncio.run(main())
    assert [report.parameters.region for report in reports] == regions
    for report in reports[::2]:
        assert comparable(report)["causes"] == comparable(by_rules)["causes"]
    assert len({str(comparable(report)["sla"]) for report in reports[1::2]}) == 1
    assert threads <= THREADS + 1
    assert places[0] > 4 and sorted(places, reverse=True) == places
    assert compiled == ["tsg-agent"]


def test_what_was_interrupted_goes_on_or_says_why_not(incident: Request, tmp_path: Path) -> None:
    """As after a crash: one had only been asked for, one cannot be read, one is another source's, one waits."""
    store = Store(tmp_path)
    store.check()
    for identity in ("begun", "torn", "foreign", "waiting"):
        place = str(tmp_path) if identity == "foreign" else incident.telemetry
        store.remember(identity, incident.model_copy(update={"telemetry": place}))
        store.events.append(identity, "asked" if identity == "waiting" else "began", {})
    (tmp_path / "torn" / "report.json").write_text("{")

    async def main() -> None:
        async with door(incident, tmp_path) as service:
            recovered = {one.id for one in await service.recover()}
            assert recovered == {"begun", "torn"}
            assert (await service.ended("begun")).causes
            with pytest.raises(RecordError, match="damaged"):
                await service.ended("torn")
            states = {one.id: one.state for one in await service.list()}
            assert states == {"begun": "finished", "torn": "failed", "foreign": "interrupted", "waiting": "asked"}
            assert [one.kind for one in await followed(service, "torn")][-1] == "failed"
            assert await service.recover() == []

    asyncio.run(main())


def test_without_an_event_loop(incident: Request, tmp_path: Path) -> None:
    with SyncService({"shop": incident.telemetry}, settings=Settings(state_dir=tmp_path)) as service:
        identity = service.start(OPEN)
        while not service.get(identity).questions:
            time.sleep(0.01)
        service.answer(identity, {"region": "us-east"})
        report = service.ended(identity)
        assert service.list()[0].id == identity
        assert service.events(identity)[-1].kind == "concluded"
        assert "What broke" in service.report(identity, "brief")
        assert service.ask("which shards failed?", incident=incident.text).text
    assert report.parameters.region == "us-east"


def test_what_it_really_was_is_kept_and_becomes_a_case(incident: Request, by_rules: Report, tmp_path: Path) -> None:
    async def main() -> tuple[str, Report]:
        async with door(incident, tmp_path / "state") as service:
            given = Given(region="us-east")
            identity = await service.start(incident.text, given=given, now=by_rules.created)
            report = await service.ended(identity)
            blamed = report.causes[0].subject
            for said, right in (
                ({"cause": blamed}, True),
                ({"cause": {"shard_id": "shard-99"}}, False),
                ({"right": False}, False),
                ({"no_incident": True}, False),
                ({"cause": "card-processor", "note": "paid twice"}, False),
                ({"right": True}, True),
            ):
                assert (await service.feedback(identity, **said)).right is right
            for wrong in ({}, {"right": True, "no_incident": True}, {"cause": {"shard": "7"}}):
                with pytest.raises(ParameterError):
                    await service.feedback(identity, **wrong)
            assert (await service.events(identity))[-1].kind == "feedback"
            await service.export(identity, tmp_path / "cases")
            await service.feedback(identity, right=False)
            with pytest.raises(ParameterError, match="Nobody has said"):
                await service.export(identity, tmp_path / "cases")
            return identity, report

    identity, report = asyncio.run(main())
    case = load(tmp_path / "cases" / identity)
    assert case.expected.causes[0].any_of == (report.causes[0].subject,)
    assert (case.expected.parameters.region, case.expected.parameters.service_name) == ("us-east", None)
    assert case.expected.parameters.end_time == report.parameters.end_time
    asked = Request(text=case.text, telemetry=str(case.telemetry), now=case.now)
    assert same(asyncio.run(ainvestigate(asked)))["causes"] == same(report)["causes"]
    with open_telemetry(str(case.telemetry)) as cut, open_telemetry(incident.telemetry) as whole:
        sql = "SELECT DISTINCT user_id FROM api_gateway_logs WHERE user_id IS NOT NULL"
        people = [{row["user_id"] for row in one.run(sql, {}, timeout=60).to_pylist()} for one in (cut, whole)]
    assert people[0] and not people[0] & people[1]
