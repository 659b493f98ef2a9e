"""A guide as a LangGraph graph: a node per step, its edges as the prose has them, "in parallel" as branches.

State is plain JSON; the engine and the prepared queries live in the Context.
"""

import asyncio
import operator
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypedDict

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from tsg_agent.checkpoints import Checkpoints, readable
from tsg_agent.errors import TelemetryError
from tsg_agent.events import Tells, silent
from tsg_agent.guides.before_after import judge
from tsg_agent.guides.bindings import Bindings
from tsg_agent.guides.guide import Edge, WrittenGuide
from tsg_agent.guides.guide_run import GuideVerdict
from tsg_agent.guides.run import Ready, refused, run_ready
from tsg_agent.models import Finding, Status
from tsg_agent.settings import Settings
from tsg_agent.telemetry.engine import Engine


class GuideState(TypedDict, total=False):
    """What has been found so far: JSON values only."""

    ran: Annotated[list[int], operator.add]
    findings: Annotated[list[dict[str, Any]], operator.add]
    verdicts: Annotated[list[dict[str, Any]], operator.add]


@dataclass(frozen=True)
class GuideContext:
    """What the nodes work with."""

    engine: Engine
    bound: Bindings
    settings: Settings
    ready: dict[int, Ready]
    """By the number of the query."""
    refused: dict[int, str]
    """Why a query may not run, by its number."""
    tell: Tells = silent
    """Hears what happens: the kind of an event, and plain JSON about it."""


class KeptSteps(NamedTuple):
    """Where a run's steps are kept: the file, and the run's id in it."""

    file: Path
    identity: str


def build_guide_graph(guide: WrittenGuide) -> StateGraph[GuideState, GuideContext, GuideState, GuideState]:
    """The guide's graph, to be compiled or embedded. Edges to steps that are not there are left out."""
    graph = StateGraph(GuideState, GuideContext)
    numbers = list(dict.fromkeys(step.number for step in guide.steps))
    sources: dict[int, set[int]] = {number: set() for number in numbers}
    for edge in guide.edges:
        if edge.target in sources:
            sources[edge.target].add(edge.source)
    for number in numbers:
        # A step that several lead to waits for all that still run: the final one sees what every branch found.
        graph.add_node(node_of(number), _runs(guide, number), defer=len(sources[number]) > 1)
    graph.add_edge(START, node_of(numbers[0]))
    for number in numbers:
        edges = [edge for edge in guide.after(number) if edge.target in sources]
        paths: dict[Hashable, str] = {END: END, **{node_of(edge.target): node_of(edge.target) for edge in edges}}
        graph.add_conditional_edges(node_of(number), _leads(edges, number), paths)
    return graph


def run_graph(guide: WrittenGuide, context: GuideContext, steps: KeptSteps | None) -> GuideState:
    """Run a guide; where its steps are kept, from the last one that is. Raises TelemetryError, RecordError."""
    graph, begin = build_guide_graph(guide), GuideState(ran=[], findings=[], verdicts=[])
    limit = RunnableConfig(recursion_limit=2 * len(guide.steps) + 10)

    async def kept(file: Path, identity: str) -> Any:
        async with Checkpoints.of(file) as saver:
            compiled = graph.compile(saver)
            config = RunnableConfig({**limit, "configurable": {"thread_id": identity}})
            with readable(identity):
                held = (await compiled.aget_state(config)).values
            # "sync": a step that has ended is kept before the next begins
            return await compiled.ainvoke(None if held else begin, config, context=context, durability="sync")

    ended: Any = asyncio.run(kept(*steps)) if steps else graph.compile().invoke(begin, limit, context=context)
    state: GuideState = ended
    return state


def node_of(number: int) -> str:
    """The node of a step."""
    return f"step_{number}"


def followed(edges: Iterable[Edge], labels: set[str]) -> list[Edge]:
    """The edges that a step's labels lead along.

    An edge with a condition in words is always taken: an extra look costs little.
    """
    held = list(edges)
    by_label = [edge for edge in held if edge.labels and set(edge.labels) & labels]
    others = [edge for edge in held if not edge.labels and (not edge.otherwise or not by_label)]
    return by_label + others


def labels_of(step: int, findings: Iterable[Finding], verdicts: Iterable[GuideVerdict]) -> set[str]:
    """What a step's rows are called, in the window and since the incident's start; else the healthy label."""
    whole = {label for one in findings if one.step == step for label in [*one.labels, one.label] if label}
    return whole | {one.label for one in verdicts if one.step == step and one.came_with_it}


def _runs(guide: WrittenGuide, number: int) -> Callable[..., GuideState]:
    """The node of a step: its queries in their order."""
    step = guide.step(number)

    def run(state: GuideState, *, runtime: Runtime[GuideContext]) -> GuideState:  # noqa: ARG001 - a node's
        context = runtime.context
        findings: list[Finding] = []
        verdicts: list[dict[str, Any]] = []
        if step.queries:
            context.tell("check began", step=step.number, title=step.title)
        for query in step.queries:
            ready = context.ready.get(query.number)
            if ready is None:
                findings.append(refused(step, query, context.refused[query.number]))
                continue
            ran = run_ready(ready, context.engine, context.bound.values, context.settings)
            findings.append(ran.finding)
            if ran.finding.status is Status.OK:
                try:
                    found = judge(ready, ran, context.engine, context.bound, context.settings)
                except TelemetryError as error:  # its rows stand without it, and so do the other steps
                    notes = [*ran.finding.notes, f"No verdict: {error}"]
                    findings[-1] = ran.finding.model_copy(update={"notes": notes})
                    continue
                verdicts += [one.model_dump(mode="json") for one in found]
        for finding in findings:
            context.tell("check ended", **finding.told)
        dumped = [finding.model_dump(mode="json") for finding in findings]
        return {"ran": [number], "findings": dumped, "verdicts": verdicts}

    return run


def _leads(edges: list[Edge], number: int) -> Callable[[GuideState], list[str]]:
    """The steps that follow, by the labels of the findings; never one that has run, whose rows would be the same."""

    def lead(state: GuideState) -> list[str]:
        findings = [Finding.model_validate(one) for one in state.get("findings", [])]
        verdicts = [GuideVerdict.model_validate(one) for one in state.get("verdicts", [])]
        ran = set(state.get("ran", []))
        labels = labels_of(number, findings, verdicts)
        targets = [edge.target for edge in followed(edges, labels) if edge.target not in ran]
        return [node_of(target) for target in dict.fromkeys(targets)] or [END]

    return lead
