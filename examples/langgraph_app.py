"""The investigation for `langgraph dev` and LangGraph Platform: state and context are plain JSON.

    TSG_SOURCES="shop=telemetry/" langgraph dev

A client names a source in the context; where it lies is the server's. What the incident leaves open is an interrupt.
"""

import asyncio
import os
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from tsg_agent import Given, Request, Settings, compile_graph, first_state, graph_context
from tsg_agent.investigation.sources import Sources

SOURCES = Sources(dict(pair.split("=", 1) for pair in os.environ.get("TSG_SOURCES", "").split(",") if pair), Settings())
INVESTIGATION = compile_graph()
"""Without a checkpointer of its own it has that of the graph which runs it."""


class Where(TypedDict, total=False):
    """The context that a client sends."""

    source: str


class Incident(TypedDict, total=False):
    """What goes in: text, and parameters that are known; what comes out: the headline and the report."""

    text: str
    given: dict[str, Any]
    headline: str
    report: dict[str, Any]


async def investigate(state: Incident, runtime: Runtime[Where]) -> Incident:
    """Open the source that is named, and run the guide over it."""
    request = Request(text=state["text"], telemetry="", given=Given.model_validate(state.get("given", {})))
    engine = await asyncio.to_thread(SOURCES.engine, (runtime.context or {}).get("source", ""))
    opening = graph_context(engine)
    context = await asyncio.to_thread(opening.__enter__)
    try:
        ended = await INVESTIGATION.ainvoke(first_state(request), context=context)
    finally:
        await asyncio.to_thread(opening.__exit__, None, None, None)
    report = ended["report"]
    return {"headline": report["headline"], "report": report}


_outer = StateGraph(Incident, context_schema=Where)
_outer.add_node("investigate", investigate)
_outer.add_edge(START, "investigate")
_outer.add_edge("investigate", END)
graph = _outer.compile(name="tsg-agent")
