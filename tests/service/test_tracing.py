"""Spans: investigation, node, tool, query and model in one trace; and logs that say what they are about."""

import asyncio
import importlib
import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm import personas
from tests.llm.server import serving
from tsg_agent import Request, Service, Settings, ainvestigate, first_state, get_tools, graph_context, investigate
from tsg_agent.graph import compile_graph
from tsg_agent.settings import ModelSettings
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tracing import WithInvestigation, about

pytestmark = pytest.mark.surfaces
SDK = "needs opentelemetry-sdk"
WORDS = ("us-east", "shop.gateway", "3.15.0", "Availability drop")
"""Of the incident's text and of its telemetry."""


@pytest.fixture(scope="module")
def exporter() -> Any:
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason=SDK)
    export = pytest.importorskip("opentelemetry.sdk.trace.export", reason=SDK)
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason=SDK)
    made = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(made))
    pytest.importorskip("opentelemetry.trace").set_tracer_provider(provider)
    return made


@pytest.fixture
def spans(exporter: Any) -> Iterator[Any]:
    exporter.clear()
    yield exporter.get_finished_spans
    exporter.clear()


def parents(spans: Any) -> dict[str, set[str]]:
    """Kind of span -> the kinds that stand above it."""
    by_id = {one.context.span_id: one for one in spans}
    found: dict[str, set[str]] = {}
    for one in spans:
        above = by_id.get(one.parent.span_id) if one.parent else None
        found.setdefault(one.name.split()[0], set()).add(above.name.split()[0] if above else "")
    return found


def test_all_spans_are_in_the_root_s_trace(spans: Any, incident: Request, engine: Engine) -> None:
    with serving(personas.honest) as endpoint:
        model = ModelSettings(name="scripted", base_url=endpoint.url)
        investigate(incident, engine=engine, settings=Settings(model=model))
    ended = spans()
    assert len({one.context.trace_id for one in ended}) == 1
    above = parents(ended)
    assert above["investigation"] == {""}
    assert above["node"] == {"investigation"}
    assert above["query"] == {"node", "investigation"}  # what the telemetry knows is asked before any node
    assert above["model"] == {"node"}
    assert sum(one.name == "query" for one in ended) > len(PLUGINS)
    assert {f"node plugin_{number}" for number in range(1, 10)} <= {one.name[:13] for one in ended}
    said = str([(one.name, dict(one.attributes), one.events, one.status.description) for one in ended])
    assert not [word for word in WORDS if word in said]


def test_of_several_at_once_each_has_its_own_trace(spans: Any, incident: Request, engine: Engine) -> None:
    async def main() -> list[str]:
        return [one.id for one in await asyncio.gather(*[ainvestigate(incident, engine=engine) for _ in range(3)])]

    identities = asyncio.run(main())
    roots = {one.attributes["tsg.investigation"]: one.context.trace_id for one in spans() if one.parent is None}
    assert roots.keys() == set(identities) and len(set(roots.values())) == 3
    assert {one.context.trace_id for one in spans()} == set(roots.values())


def test_an_embedded_graph_and_tools_are_in_their_caller_s_trace(spans: Any, incident: Request, engine: Engine) -> None:
    trace = pytest.importorskip("opentelemetry.trace")

    async def main() -> None:
        with graph_context(engine) as context:
            await compile_graph().ainvoke(first_state(incident), context=context)

    window = {"start_time": "2026-03-10T12:00Z", "end_time": "2026-03-10T15:00Z", "region": "us-east"}
    with trace.get_tracer("caller").start_as_current_span("caller"):
        asyncio.run(main())
        get_tools(engine)[3].invoke({**window, "environment": "prod", "service_name": "shop.gateway"})
    assert len({one.context.trace_id for one in spans()}) == 1
    assert "tool plugin_4_tool" in {one.name for one in spans()}


def to_a_file() -> None:
    """What a worker calls as it starts."""
    sdk = importlib.import_module("opentelemetry.sdk.trace")
    export = importlib.import_module("opentelemetry.sdk.trace.export")
    provider = sdk.TracerProvider()
    out = Path(os.environ["SPANS"]).open("a")  # noqa: SIM115 - as long as the process

    def line(one: Any) -> str:
        return json.dumps([one.name, f"{one.context.trace_id:x}"]) + "\n"

    provider.add_span_processor(export.SimpleSpanProcessor(export.ConsoleSpanExporter(out=out, formatter=line)))
    importlib.import_module("opentelemetry.trace").set_tracer_provider(provider)


def test_an_investigation_in_a_worker_is_in_its_caller_s_trace(
    spans: Any, incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    monkeypatch.setenv("SPANS", str(tmp_path / "spans"))
    settings, setup = Settings(state_dir=tmp_path / "state"), "tests.service.test_tracing:to_a_file"

    async def main() -> None:
        async with Service({"shop": incident.telemetry}, settings=settings, workers=1, worker_setup=setup) as service:
            with trace.get_tracer("caller").start_as_current_span("caller"):
                identity = await service.start(incident.text)
            await service.ended(identity)

    asyncio.run(main())
    (caller,) = spans()
    told = [json.loads(line) for line in (tmp_path / "spans").read_text().splitlines()]
    assert {trace_id for _, trace_id in told} == {f"{caller.context.trace_id:x}"}
    assert {name for name, _ in told} >= {"investigation", "node judge", "query"}


def test_an_error_is_told_by_its_type_only(spans: Any, incident: Request, engine: Engine) -> None:
    open_ = incident.model_copy(update={"text": "Trouble in us-east at ann@example.org"})
    with pytest.raises(Exception, match="service"):
        investigate(open_, engine=engine)
    (root,) = [one for one in spans() if one.parent is None]
    assert root.attributes["error.type"] == "QuestionError"
    assert "ann@" not in str([(one.attributes, one.events, one.status.description) for one in spans()])


def test_log_records_say_which_investigation_they_are_about() -> None:
    record = logging.LogRecord("x", logging.INFO, "x", 1, "x", None, None)
    with about("abc"):
        assert WithInvestigation().filter(record)
    assert record.__dict__["investigation"] == "abc"
    WithInvestigation().filter(record)
    assert record.__dict__["investigation"] == ""
