"""The investigation as a LangGraph graph: nodes and edges readable at a glance.

    read -> extract -> the checks and the evidence measurement, side by side -> join -> judge -> conclude -> phrase

`judge` leads back to the checks where the window must open earlier.

`read`, `analyse` (of workflows) and `phrase` ask a language model, if any; they add words, and decide nothing.

State is plain JSON. Tables, the engine and settings are in the Context."""

import asyncio
import functools
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Protocol

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from langgraph.types import interrupt

from tsg_agent import __version__
from tsg_agent.conclude import conclude
from tsg_agent.entrance import entrance, opened
from tsg_agent.errors import QueryTimeout, TelemetryError
from tsg_agent.evidence import Measurer, calls_of, check_length, read_requests
from tsg_agent.extract import Extraction, Given, extract
from tsg_agent.llm.analysis import second_look
from tsg_agent.llm.assistant import Assistant
from tsg_agent.llm.narrative import spent_by, told_by
from tsg_agent.llm.report_reading import Reading, combined, read_report
from tsg_agent.models import Finding, Judgement, Parameters, Report, Sla, Status, Usage
from tsg_agent.open_questions import answered
from tsg_agent.reopening import note_of, reopened
from tsg_agent.sla import sla_of, unmeasured, with_aside, with_code
from tsg_agent.state import Context, State
from tsg_agent.suspects import judge_with_suspects
from tsg_agent.telemetry.engine import Caching
from tsg_agent.tools import GUIDE, AnyGuide
from tsg_agent.tools.account import Account, account
from tsg_agent.tools.plugin import Plugin
from tsg_agent.tools.plugin_8_workflows import JUDGED_THERE
from tsg_agent.tracing import span
from tsg_agent.verdicts import Evidence

log = logging.getLogger(__name__)
EVIDENCE = "evidence_"


GraphContext = Context
"""Its public name."""


class Node(Protocol):
    """The signature of a node: LangGraph passes the runtime by the parameter's name."""

    def __call__(self, state: State, *, runtime: Runtime[Context]) -> Awaitable[State]:
        """Run one step of the investigation."""
        ...


def build_graph(guide: AnyGuide = GUIDE) -> StateGraph[State, Context, State, State]:
    """A guide's uncompiled graph, to embed with another checkpointer."""
    graph: StateGraph[State, Context, State, State] = StateGraph(State, context_schema=Context)
    graph.add_node("read", entrance(_node("read", _read)))
    graph.add_node("extract", _node("extract", _extract))
    graph.add_node("evidence", _node("evidence", functools.partial(_evidence, guide)))
    graph.add_node("judge", _node("judge", functools.partial(_judge, guide)), defer=True)
    graph.add_node("conclude", _node("conclude", functools.partial(_conclude, guide), told="drafted"))
    graph.add_node("phrase", _node("phrase", _phrase))
    graph.add_edge(START, "read")
    graph.add_edge("read", "extract")
    entered = {guide.asks: "extract", guide.concludes: "judge"} | {one.step: one.key for one in guide.steps}
    left = dict(entered)
    for plugin in guide.steps:
        graph.add_node(plugin.key, _node(plugin.key, _check(plugin)))
        if plugin.keeps:
            graph.add_node("analyse", _node("analyse", functools.partial(_analyse, plugin)))
            graph.add_edge(plugin.key, "analyse")
            left[plugin.step] = "analyse"
    for plugin in guide.steps:
        for before in guide.before(plugin.step):
            graph.add_edge(left[before], plugin.key)
        for after in guide.after(plugin.step):
            if after == guide.concludes:
                graph.add_edge(left[plugin.step], "judge")
    first = [plugin.key for plugin in guide.steps if guide.asks in guide.before(plugin.step)]
    graph.add_node("open earlier", _node("open earlier", _open_earlier))
    for key in (*first, "evidence"):
        graph.add_edge("open earlier", key)
    graph.add_edge("extract", "evidence")
    graph.add_edge("evidence", "judge")
    graph.add_conditional_edges("judge", _next, ["open earlier", "conclude"])
    graph.add_edge("conclude", "phrase")
    graph.add_edge("phrase", END)
    return graph


def compile_graph(
    checkpointer: Any = None, guide: AnyGuide = GUIDE
) -> CompiledStateGraph[State, Context, State, State]:
    """The graph, ready to run: `await graph.ainvoke(state, config, context=GraphContext(...))`."""
    return _compiled(guide).copy(update={"checkpointer": checkpointer})


@functools.lru_cache(8)
def _compiled(guide: AnyGuide) -> CompiledStateGraph[State, Context, State, State]:
    return build_graph(guide).compile(name="tsg-agent")


def _node(name: str, function: Node, *, told: str = "") -> Node:
    """A node that reports progress to the graph's stream and the context. `told`: builds the event at its end."""
    return functools.partial(_telling, name, function, told)  # LangGraph inspects closures


async def _telling(name: str, function: Node, told: str, state: State, *, runtime: Runtime[Context]) -> State:
    context = opened(runtime.context)

    def tell(event: dict[str, Any]) -> None:
        runtime.stream_writer(event)
        context.told(event)

    telling = runtime.override(context=context, stream_writer=tell)
    with span(f"node {name}"):
        result = await function(state, runtime=telling)
    if told:
        tell({"kind": told})
    return result


async def _read(state: State, runtime: Runtime[Context]) -> State:
    """Extract parameters with a model. A separate node, so that resuming after a question does not call it again."""
    assistant = runtime.context.assistant
    if assistant is None:
        return {}
    if assistant.settings.analyse:  # start the sandbox while the model reads
        await _threaded(runtime.context, runtime.context.bench.start)
    now, known = datetime.fromisoformat(state["now"]), runtime.context.known
    reading = await _threaded(runtime.context, read_report, state["text"], known, now, assistant)
    return {"reading": reading.model_dump(mode="json"), "spent": spent_by(assistant)}


async def _extract(state: State, runtime: Runtime[Context]) -> State:
    """Extract parameters; ask for open ones, and again after invalid answers. An answer counts like a flag."""
    context = runtime.context
    settle = functools.partial(_extraction, state, context=context)
    given = Given.model_validate(state.get("given", {}))
    found = await _threaded(context, settle, given)
    questions, refused = found.questions, dict[str, str]()
    while questions:
        asked = [question.model_dump(mode="json") for question in questions]
        said = interrupt({"questions": asked, "refused": refused})
        given, found, questions, refused = await _threaded(context, answered, questions, given, said, settle)
    assert found.parameters is not None  # noqa: S101 - no questions means parameters
    check_length(found.parameters.start_time, found.parameters.end_time, context.known.last)
    runtime.stream_writer({"kind": "understood", "parameters": found.parameters.model_dump(mode="json")})
    return {"parameters": found.parameters.model_dump(mode="json"), "notes": [*found.notes, *refused.values()]}


def _extraction(state: State, given: Given, context: Context) -> Extraction:
    settings = context.settings
    rules = functools.partial(
        extract,
        state["text"],
        context.known,
        now=datetime.fromisoformat(state["now"]),
        window_hours=settings.window_hours,
        default_threshold=settings.default_threshold,
    )
    if "reading" not in state:
        return rules(given)
    return combined(rules, given, Reading.model_validate(state["reading"]))


def _check(plugin: Plugin[Any]) -> Node:
    """The node of one check. It always returns a Finding, so that a failing branch does not stop the others."""

    async def node(state: State, *, runtime: Runtime[Context]) -> State:
        runtime.stream_writer({"kind": "check began", "step": plugin.step, "title": plugin.title})
        finding = await _threaded(runtime.context, _run_check, plugin, state, runtime.context)
        runtime.stream_writer({"kind": "check ended", **finding.told})
        return {"findings": [finding.model_dump(mode="json")]}

    return node


def _run_check(plugin: Plugin[Any], state: State, context: Context) -> Finding:
    args = plugin.scoped(Parameters.model_validate(state["parameters"]))
    try:
        ran = plugin.run_with_table(context.engine, args, context.settings)
        if ran.table is not None and plugin.keeps:
            context.frames.put(plugin.keeps, ran.table)
        if ran.kept is not None:
            context.frames.put(plugin.keeps_runs, ran.kept)
    except Exception as error:  # a bug in one check must not stop the others
        log.exception("%s failed", plugin.name)
        return plugin.failed(f"The check itself failed ({type(error).__name__}: {error}). Please report this.")
    return ran.finding


async def _analyse(plugin: Plugin[Any], state: State, runtime: Runtime[Context]) -> State:
    """Compare the workflow finding with a model's own analysis; the shipped one decides."""
    assistant = runtime.context.assistant
    if assistant is None or not assistant.settings.analyse:
        return {}
    found = [one for one in runtime.context.findings(state) if one.plugin == plugin.number]
    notes = [await _threaded(runtime.context, _looked, plugin, one, runtime.context, assistant) for one in found]
    return {"looked": [note for told in notes for note in told], "spent": spent_by(assistant)}


def _looked(plugin: Plugin[Any], finding: Finding, context: Context, assistant: Assistant) -> list[str]:
    if finding.status is not Status.OK or JUDGED_THERE in finding.notes:
        return []
    frame = plugin.frame(context.frames.get(plugin.keeps), looked_at=True)
    return second_look(finding, frame, context.settings.thresholds.workflow, assistant, context.bench)


async def _evidence(guide: AnyGuide, state: State, runtime: Runtime[Context]) -> State:
    """Fetch the evidence for verdicts. Its tables are stored outside of the state, by name."""
    branch = {"step": 0, "title": "Evidence"}
    runtime.stream_writer({"kind": "check began", **branch})
    began = time.perf_counter()
    measured = await _threaded(runtime.context, _measure, guide, state, runtime.context)
    measured["milliseconds"] = round((time.perf_counter() - began) * 1000, 1)
    told = {name: measured[name] for name in ("status", "reason", "milliseconds")}
    runtime.stream_writer({"kind": "check ended", **branch, "label": "", **told})
    return {"measured": measured}


def _measure(guide: AnyGuide, state: State, context: Context) -> dict[str, Any]:
    parameters, timeout = Parameters.model_validate(state["parameters"]), context.settings.query_timeout
    measurer = Measurer(context.engine, parameters, context.settings, context.executor, guide.dimensions)
    if measurer.lacking:
        reason = f"The telemetry has no {', '.join(measurer.lacking)}."
        return {"tables": [], "status": Status.NOT_APPLICABLE.value, "reason": reason}
    rows = context.executor.submit(account, context.engine, parameters, timeout)
    try:
        results = measurer.fetch()
        told = rows.result().model_dump(mode="json")
    except TelemetryError as error:
        status = Status.TIMEOUT if isinstance(error, QueryTimeout) else Status.ERROR
        return {"tables": [], "status": status.value, "reason": str(error)}
    for name, table in results.items():
        context.frames.put(EVIDENCE + name, table)
    return {"tables": sorted(results), "status": Status.OK.value, "reason": "", "account": told}


def _account(state: State) -> Account:
    """How many rows are counted or excluded; empty if nothing could be measured."""
    return Account.model_validate(state.get("measured", {}).get("account") or {"read": 0})


async def _judge(guide: AnyGuide, state: State, runtime: Runtime[Context]) -> State:
    """Availability and verdicts, after all branches."""
    judged: State = await _threaded(runtime.context, _judged, guide, state, runtime.context)
    return judged


def _judged(guide: AnyGuide, state: State, context: Context) -> State:
    if isinstance(context.engine, Caching):
        context.engine.release()
    evidence = _evidence_of(guide, state, context)
    if evidence is None:
        reason = state.get("measured", {}).get("reason", "")
        return {"sla": _unmeasured(state, context).model_dump(mode="json"), "judgement": _unmade(reason)}
    given, rows = evidence.parameters, _account(state)
    judged = judge_with_suspects(evidence.before(rows.late_since), state["text"])
    made = judged.judgement
    made = made.model_copy(update={"traffic": made.traffic or rows.lost(given.end_time)})
    sla = sla_of(judged.measurement, given, made.start, context.known.covers, made.traffic)
    sla = with_code(sla, made.traffic, judged.refused_with)
    sla = with_aside(sla, given.service_name, rows.aside())
    earlier = reopened(given, made.start, sla, context.known, context.settings.window_hours)
    return {
        "sla": sla.model_dump(mode="json"),
        "judgement": made.model_dump(mode="json"),
        "earlier": {} if earlier is None else earlier.model_dump(mode="json"),
    }


def _next(state: State) -> str:
    return "open earlier" if state.get("earlier") else "conclude"


async def _open_earlier(state: State, runtime: Runtime[Context]) -> State:
    """The parameters with which all is checked again."""
    runtime.stream_writer({"kind": "understood", "parameters": state["earlier"]})
    return {"parameters": state["earlier"]}


def _evidence_of(guide: AnyGuide, state: State, context: Context) -> Evidence | None:
    """What verdicts are made from; None if nothing was measured. Its tables, once read, leave the memory."""
    tables = {name: context.frames.take(EVIDENCE + name) for name in state.get("measured", {}).get("tables", [])}
    if not tables:
        return None
    given, findings = Parameters.model_validate(state["parameters"]), context.findings(state)
    good = {finding.step for finding in findings if finding.status is Status.OK}
    runs = next((plugin for plugin in guide.steps if plugin.keeps and plugin.step in good), None)
    return Evidence(
        read_requests(tables, guide.dimensions), tables.get("regions"), calls_of(tables.get("calls")),
        functools.partial(runs.frame, context.frames.get(runs.keeps)) if runs else None,
        context.frames.get(runs.keeps_runs).to_pandas() if runs else None,
        findings, given, context.settings.thresholds, guide, context.known.last,
    )  # fmt: skip


def _unmeasured(state: State, context: Context) -> Sla:
    """The Sla of an unmeasured availability, with the reason."""
    measured, given = state.get("measured", {}), Parameters.model_validate(state["parameters"])
    return unmeasured(
        given, Status(measured.get("status", Status.ERROR)), measured.get("reason", ""), context.known.covers
    )


def _unmade(reason: str) -> dict[str, Any]:
    note = f"No verdict could be made: {reason} The guide's labels stand alone."
    made = Judgement(gates=[], causes=[], rejected=[], series=[], measured=[], notes=[note], unmade=reason)
    return made.model_dump(mode="json")


async def _conclude(guide: AnyGuide, state: State, runtime: Runtime[Context]) -> State:
    """The guide's last step: the report."""
    return {"report": await _threaded(runtime.context, _report, guide, state, runtime.context)}


def _report(guide: AnyGuide, state: State, context: Context) -> dict[str, Any]:
    parameters = Parameters.model_validate(state["parameters"])
    judgement = Judgement.model_validate(state["judgement"])
    broken = [
        f"{t.problem.rstrip('.')}. What is about it was not checked."
        for t in context.engine.tables.values()
        if t.problem
    ]
    notes = [
        *broken,
        *state.get("notes", []),
        *note_of(parameters),
        *_account(state).notes(),
        *judgement.notes,
        *state.get("looked", []),
    ]
    findings = context.findings(state)
    report = conclude(
        parameters,
        findings,
        judgement.model_copy(update={"notes": notes}),
        Sla.model_validate(state["sla"]),
        id=state["id"],
        created=datetime.fromisoformat(state["now"]),
        version=__version__,
        usage=Usage(
            milliseconds=round((time.time() - state["began"]) * 1000, 1),
            queries=sum(1 for finding in findings if finding.sql) + len(state.get("measured", {}).get("tables", [])),
        ),
        thresholds=context.settings.thresholds,
        guide=guide,
    )
    return context.validated.keep(report)


async def _phrase(state: State, runtime: Runtime[Context]) -> State:
    """Add a model's narrative to the conclusion, which stays unchanged."""
    assistant = runtime.context.assistant
    if assistant is None:
        return {}
    validated = runtime.context.validated
    told = await _threaded(runtime.context, told_by, validated.read(Report, state["report"]), assistant)
    return {"report": validated.keep(told), "spent": spent_by(assistant)}


async def _threaded(context: Context, function: Callable[..., Any], *args: Any) -> Any:
    """Run blocking work in a thread. Python's default pool is sized by the number of cores: branches would queue."""
    return await asyncio.get_running_loop().run_in_executor(context.executor, functools.partial(function, *args))
