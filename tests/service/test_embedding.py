"""The tools and the graph in other people's programs: what they get, what they see, and what they are told."""

import asyncio
import json
import warnings
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

import tsg_agent
from tsg_agent import (
    GraphContext,
    GraphError,
    Report,
    Request,
    build_graph,
    compile_graph,
    first_state,
    get_tools,
    graph_context,
)
from tsg_agent.ask.answers import Answer
from tsg_agent.recording import comparable
from tsg_agent.telemetry.engine import Engine

OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."


@pytest.fixture
def request_(incident: Request, by_rules: Report) -> Request:
    return incident.model_copy(update={"now": by_rules.created})


def test_a_graph_without_its_context_or_a_text_or_run_synchronously_says_so(request_: Request, engine: Engine) -> None:
    graph, state = compile_graph(), first_state(request_)
    with pytest.raises(GraphError, match=r"without its context.*graph_context"):
        asyncio.run(graph.ainvoke(state))
    with graph_context(engine) as context:
        with pytest.raises(GraphError, match=r"has no text, now.*first_state"):
            asyncio.run(graph.ainvoke({"id": "x", "began": 0.0}, context=context))
        with pytest.raises(GraphError, match=r"asynchronously.*ainvoke"):
            graph.invoke(state, context=context)
        with pytest.raises(GraphError, match="asynchronously"):
            list(graph.stream(state, context=context))


def test_the_graph_has_schemas() -> None:
    assert "text" in compile_graph().get_input_jsonschema()["properties"]
    assert "report" in compile_graph().get_output_jsonschema()["properties"]
    names = set(compile_graph().get_graph().nodes)
    assert {"read", "extract", "evidence", "judge", "phrase"} <= names
    assert compile_graph().get_graph().draw_mermaid()


class Parent(TypedDict, total=False):
    """A copilot's own state; what it shares with ours has our names."""

    id: str
    text: str
    given: dict[str, Any]
    now: str
    began: float
    report: dict[str, Any]
    said: str


def parent() -> Any:
    graph = StateGraph(Parent, context_schema=GraphContext)
    graph.add_node("investigation", build_graph().compile())
    graph.add_node("tell", lambda state: {"said": Report.model_validate(state["report"]).headline})
    graph.add_edge(START, "investigation")
    graph.add_edge("investigation", "tell")
    graph.add_edge("tell", END)
    return graph.compile(checkpointer=InMemorySaver())


def test_a_parent_graph_sees_the_branches_begin_and_end(request_: Request, by_rules: Report, engine: Engine) -> None:
    async def main() -> tuple[list[Any], Any]:
        events, graph, config = [], parent(), {"configurable": {"thread_id": "t"}}
        with graph_context(engine) as context:
            async for _, event in graph.astream(
                first_state(request_), config, context=context, stream_mode="custom", subgraphs=True
            ):
                events.append(event)
        return events, (await graph.aget_state(config)).values

    events, ended = asyncio.run(main())
    assert json.loads(json.dumps(events)) == events
    began = [event["step"] for event in events if event["kind"] == "check began"]
    told = {event["step"]: event["label"] for event in events if event["kind"] == "check ended"}
    assert sorted(began) == sorted(told) == [0, *range(2, 11)]
    assert [event["kind"] for event in events if "step" not in event] == ["understood", "drafted"]
    assert {step: label for step, label in told.items() if step} == {one.step: one.label for one in by_rules.findings}
    assert ended["said"] == by_rules.headline


def test_an_interrupt_of_the_sub_graph_is_the_parent_s(request_: Request, engine: Engine) -> None:
    async def main() -> Any:
        graph, config = parent(), {"configurable": {"thread_id": "t"}}
        with graph_context(engine) as context:
            asked = await graph.ainvoke(
                first_state(request_.model_copy(update={"text": OPEN})), config, context=context
            )
            (question,) = asked["__interrupt__"]
            assert question.value["questions"][0]["parameter"] == "region"
            again = await graph.ainvoke(Command(resume={"region": "us-eats"}), config, context=context)
            assert "us-east" in again["__interrupt__"][0].value["questions"][0]["candidates"][0]
            return await graph.ainvoke(Command(resume={"region": "us-east"}), config, context=context)

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a state that is not plain JSON would warn
        warnings.filterwarnings("ignore", "Arrow output on a DB-API result")  # see telemetry/fetching.py
        assert Report.model_validate(asyncio.run(main())["report"]).parameters.region == "us-east"


def called(tool: Any, **args: Any) -> Any:
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": args})


def test_the_whole_guide_is_a_tool(request_: Request, engine: Engine) -> None:
    guide = get_tools(engine)[9]
    for message in (
        called(guide, incident=request_.text),
        asyncio.run(guide.ainvoke({"type": "tool_call", "id": "1", "name": "x", "args": {"incident": request_.text}})),
    ):
        report = Report.model_validate(message.artifact)
        assert report.causes and report.causes[0].subject
        assert report.headline in message.content and "[C1]" in message.content
        assert len(message.content) < 9_000
    again = called(guide, incident=OPEN, region="us-east")
    assert Report.model_validate(again.artifact).parameters.region == "us-east"


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"incident": OPEN}, "us-east"),
        ({"incident": OPEN, "region": "mars"}, "us-east"),
        ({"incident": OPEN, "place": "us-east"}, "place"),
        ({"incident": OPEN, "start_time": "yesterday"}, "start_time"),
        ({}, "region"),
    ],
)
def test_what_it_lacks_is_a_message_that_a_model_can_act_on(args: Any, said: str, engine: Engine) -> None:
    message = called(get_tools(engine)[9], **args)
    assert message.status == "error"
    assert said in message.content


def test_a_question_is_a_tool(request_: Request, engine: Engine) -> None:
    tool = get_tools(engine)[10]
    message = called(tool, question="top 3 endpoints by error rate after 14:00", incident=request_.text)
    said = Answer.model_validate(message.artifact)
    assert said.text in message.content
    assert all(f"[{identity}]" in message.content for identity in said.evidence)
    assert called(tool, question="x", colour="red").status == "error"


def test_a_report_in_a_notebook(by_rules: Report) -> None:
    assert len(repr(by_rules)) < 300 and by_rules.id in repr(by_rules)
    page = by_rules._repr_html_()
    assert by_rules.causes[0].statement[:20] in page
    hostile = by_rules.model_copy(update={"headline": "<script>alert(1)</script>"})
    assert "<script" not in hostile._repr_html_()


def test_the_public_names_are_there_and_a_recording_can_be_made_with_them(
    request_: Request, by_rules: Report, tmp_path: Path
) -> None:
    for name in tsg_agent.__all__:
        assert getattr(tsg_agent, name) is not None
    assert "Context" not in tsg_agent.__all__
    file = str(tmp_path / "one.tsgr")  # or a Path
    report, again = tsg_agent.record(request_, file), tsg_agent.replay(file)
    assert comparable(again) == comparable(report)
    assert tsg_agent.to_markdown(again).startswith("# ") and "<html" in tsg_agent.to_html(again)
    with tsg_agent.open_telemetry(request_.telemetry) as engine:
        talk = tsg_agent.Conversation(engine, incident=request_.text, now=by_rules.created)
        assert talk.ask("which shards failed?").text


def test_a_wrong_answer_is_no_part_of_a_recording(request_: Request, tmp_path: Path) -> None:
    answers = iter([{"region": "mars", "place": 1}, "nowhere", {"region": "us-east"}])
    watch = tsg_agent.Watch(ask=lambda _: next(answers))
    asked = request_.model_copy(update={"text": OPEN})
    report = tsg_agent.record(asked, tmp_path / "one.tsgr", watch=watch)
    assert comparable(tsg_agent.replay(tmp_path / "one.tsgr")) == comparable(report)
