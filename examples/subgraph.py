"""The investigation as a node of a graph of yours: its events in your stream, its questions as your interrupts.

    python examples/subgraph.py incident.md telemetry/ region=us-east

Words behind the telemetry answer what the incident's text leaves open.
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from tsg_agent import GraphContext, Report, Request, build_graph, first_state, graph_context, open_telemetry


class Copilot(TypedDict, total=False):
    """Our own state; keys that the investigation shares have its names."""

    id: str
    text: str
    given: dict[str, Any]
    now: str
    began: float
    report: dict[str, Any]
    message: str


def tell(state: Copilot) -> Copilot:
    """A node of ours, behind the investigation."""
    report = Report.model_validate(state["report"])
    return {"message": f"{report.headline}\nFirst: {report.actions[0].statement if report.actions else 'nothing'}"}


def copilot() -> Any:
    """The graph; a checkpointer lets it wait for an answer."""
    graph = StateGraph(Copilot, context_schema=GraphContext)
    graph.add_node("investigation", build_graph().compile())
    graph.add_node("tell", tell)
    graph.add_edge(START, "investigation")
    graph.add_edge("investigation", "tell")
    graph.add_edge("tell", END)
    return graph.compile(checkpointer=InMemorySaver())


async def main(incident: str, telemetry: str, *answers: str) -> None:
    """Run it, print what happens, answer what is asked."""
    graph, config = copilot(), {"configurable": {"thread_id": "1"}}
    given = dict(answer.split("=", 1) for answer in answers)
    with open_telemetry(telemetry) as engine, graph_context(engine) as context:
        step: Any = first_state(Request(text=Path(incident).read_text("utf-8"), telemetry=telemetry))
        while step is not None:
            async for _, event in graph.astream(step, config, context=context, stream_mode="custom", subgraphs=True):
                print(event["kind"], event.get("title", ""), event.get("label", ""))
            waiting = (await graph.aget_state(config)).interrupts
            step = None
            if waiting:
                questions = waiting[0].value["questions"]
                print(*(question["text"] for question in questions), sep="\n")
                step = Command(resume={one["parameter"]: given[one["parameter"]] for one in questions})
        print((await graph.aget_state(config)).values["message"])


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
