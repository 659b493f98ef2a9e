"""Answers to open questions: wrong ones are asked again with near names, never stick, and may come from anywhere."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tsg_agent import (
    ParameterError,
    Question,
    QuestionError,
    Report,
    Request,
    Settings,
    Watch,
    ainvestigate,
    build_graph,
    first_state,
    graph_context,
    investigate,
    resume,
)
from tsg_agent.checkpoints import PlainData
from tsg_agent.telemetry.engine import Engine

OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."
"""It names no region."""


@pytest.fixture
def request_(incident: Request) -> Request:
    return incident.model_copy(update={"text": OPEN})


def answering(*answers: Any) -> tuple[Watch, list[list[Question]]]:
    """A watch that gives these answers one after another, and what it was asked."""
    left, asked = iter(answers), list[list[Question]]()

    def ask(questions: list[Question]) -> Any:
        asked.append(questions)
        return next(left)

    return Watch(ask=ask), asked


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"region": "mars"}, 'no region "mars"'),
        ({"region": "us-eats"}, 'no region "us-eats"'),
        ({"region": 7}, "'7' is no answer"),
        ({"place": "us-east"}, "no parameter 'place'"),
        (["us-east"], "does not say what it answers"),
        ({"region": "us-east", "threshold": 400}, "threshold"),
        ({"region": "us-east", "end_time": "yesterday"}, "no time of ISO 8601"),
        ({}, ""),
        ({"region": None}, ""),
    ],
    ids=str,
)
def test_a_wrong_answer_is_asked_again_and_the_right_one_taken(
    wrong: Any, said: str, request_: Request, engine: Engine
) -> None:
    watch, asked = answering(wrong, {"region": "us-east"})
    report = investigate(request_, engine=engine, watch=watch)
    assert report.parameters.region == "us-east"
    assert (len(asked), len(asked[0])) == (2, 1)
    assert said in asked[1][0].text


def test_what_is_most_like_a_wrong_answer_is_named_first(request_: Request, engine: Engine) -> None:
    watch, asked = answering({"region": "eu-centrl"}, {"region": "us-east"})
    investigate(request_, engine=engine, watch=watch)
    assert asked[0][0].candidates[0] != "eu-central"
    assert asked[1][0].candidates[0] == "eu-central"
    assert set(asked[1][0].candidates) == set(asked[0][0].candidates)


def test_where_one_thing_is_asked_its_value_alone_will_do(request_: Request, engine: Engine) -> None:
    watch, asked = answering("us-east")
    assert investigate(request_, engine=engine, watch=watch).parameters.region == "us-east"
    assert len(asked) == 1


def test_right_answers_beside_a_wrong_one_are_kept(incident: Request, engine: Engine) -> None:
    watch, asked = answering(
        {"region": "us-east", "service_name": "nobody", "environment": "prod"}, {"service_name": "shop.gateway"}
    )
    report = investigate(
        incident.model_copy(update={"text": "Errors since 2026-03-10 14:00 UTC."}), engine=engine, watch=watch
    )
    assert [question.parameter for question in asked[1]] == ["service_name"]
    assert (report.parameters.region, report.parameters.service_name) == ("us-east", "shop.gateway")


def test_who_only_answers_wrong_is_told_what_would_do(request_: Request, engine: Engine) -> None:
    watch, asked = answering(*[{"region": "mars"}] * 9)
    with pytest.raises(ParameterError, match=r'no region "mars".*us-east'):
        investigate(request_, engine=engine, watch=watch)
    assert len(asked) == 3


def test_a_wrong_answer_does_not_stick_to_what_is_kept(request_: Request, tmp_path: Path) -> None:
    """The next try, days later and in another process, is asked again and goes on."""
    settings, begun = Settings(state_dir=tmp_path / "state"), list[str]()
    with pytest.raises(QuestionError):
        investigate(request_, settings=settings, keep=True, watch=Watch(begun=begun.append))
    for wrong in ({"region": "mars"}, ["us-east"]):
        with pytest.raises(ParameterError):
            resume(begun[0], settings=settings, watch=answering(*[wrong] * 9)[0])
    report = resume(begun[0], settings=settings, watch=answering({"region": "us-east"})[0])
    assert (report.id, report.parameters.region) == (begun[0], "us-east")


@pytest.mark.parametrize("wrong", [{"region": "mars"}, ["us-east"], 7], ids=str)
def test_an_embedded_graph_asks_again_as_well(wrong: Any, request_: Request, engine: Engine) -> None:
    async def answered() -> tuple[Any, Any]:
        graph = build_graph().compile(checkpointer=InMemorySaver(serde=PlainData()))
        config: Any = {"configurable": {"thread_id": "t"}}
        with graph_context(engine) as context:
            await graph.ainvoke(first_state(request_), config, context=context)
            again = await graph.ainvoke(Command(resume=wrong), config, context=context)
            return again, await graph.ainvoke(Command(resume="us-east"), config, context=context)

    again, ended = asyncio.run(answered())
    (asked,) = again["__interrupt__"]
    assert "region" in asked.value["refused"]
    assert asked.value["questions"][0]["parameter"] == "region"
    assert Report.model_validate(ended["report"]).parameters.region == "us-east"


@pytest.mark.parametrize("kind", ["async", "sync", "callable"])
def test_who_answers_may_be_async_and_holds_no_event_loop(kind: str, request_: Request, engine: Engine) -> None:
    """The answer is given only when the loop has gone on meanwhile: one that is held would wait for ever."""

    async def main() -> Report:
        loop_went_on = threading.Event()

        def answer(_questions: list[Question]) -> dict[str, str]:
            assert loop_went_on.wait(60)
            return {"region": "us-east"}

        async def later(questions: list[Question]) -> dict[str, str]:
            return await asyncio.to_thread(answer, questions)

        class Surface:
            async def __call__(self, questions: list[Question]) -> dict[str, str]:
                return await later(questions)

        async def tick() -> None:
            await asked.wait()
            loop_went_on.set()

        asked = asyncio.Event()
        loop = asyncio.get_running_loop()
        ask: Any = {"async": later, "sync": answer, "callable": Surface()}[kind]

        def asking(questions: list[Question]) -> Any:
            loop.call_soon_threadsafe(asked.set)
            return ask(questions)

        ticking = asyncio.create_task(tick())
        report = await ainvestigate(request_, engine=engine, watch=Watch(ask=asking))
        await ticking
        return report

    assert asyncio.run(main()).parameters.region == "us-east"


def test_a_listener_that_raises_is_told_no_more_and_the_report_says_so(incident: Request, engine: Engine) -> None:
    calls: list[str] = []

    def fails(*_said: Any) -> None:
        calls.append("told")
        raise ZeroDivisionError

    report = investigate(incident, engine=engine, watch=Watch(logged=fails, begun=fails))
    assert len(calls) == 2  # each once
    assert [note for note in report.notes if "ZeroDivisionError" in note and "told no more" in note] == report.notes[
        -2:
    ]
    assert report.causes
