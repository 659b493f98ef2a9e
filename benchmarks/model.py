"""Model calls, tokens and our own time per investigation and per question, against a plain ReAct agent.

Both use the same scripted endpoint, which answers at once, so that all time is ours. Tokens are estimated at four
characters each. `python -m benchmarks.model [FOLDER …]`: folders with incident.md and telemetry/; by default the
demonstration incident. Then the cost of recorded questions, whose answers a person wrote.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from langchain.agents import create_agent
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_openai import ChatOpenAI

from benchmarks.mutations import RECORDINGS
from tests.llm import personas
from tests.llm.server import Endpoint, Fail, Say, serving
from tsg_agent import Request, Settings, get_tools, investigate, open_telemetry
from tsg_agent.ask import Conversation
from tsg_agent.ask.tools import ToolBench, agent_tools
from tsg_agent.recording.file import read
from tsg_agent.recording.neutral import again
from tsg_agent.recording.players import ReplayEngine
from tsg_agent.settings import ModelSettings
from tsg_agent.simulator.demos import demo_named, write_demo
from tsg_agent.tools import PLUGINS

QUESTION = "why is it failing?"


def main(folders: list[str]) -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory() as made:
        if not folders:
            write_demo(demo_named("checkout"), Path(made))
        print(f"{'incident':<22}{'what':<24}{'calls':>6}{'tokens read':>13}{'written':>9}{'seconds':>9}")
        for folder in map(Path, folders or [made]):
            measure(folder)
    recorded()


def recorded() -> None:
    """Print calls and tokens per question over the conversations in `tests/recordings/by-hand`."""
    calls = tokens = questions = 0
    for file in sorted(RECORDINGS.glob("*-talk-*.tsgr")):
        held, results = read(file)
        bench = ToolBench(ReplayEngine(held, results, []), again(held), lambda _given: None)
        tools = json.dumps([convert_to_openai_tool(tool) for tool in agent_tools(bench)])
        sent = sum(len(json.dumps([dict(m) for m in call.messages])) + len(tools) for call in held.calls)
        questions, calls, tokens = questions + len(held.asked), calls + len(held.calls), tokens + sent // 4
    print(f"{questions} recorded questions: {calls / questions:.2f} calls, {tokens / questions:,.0f} tokens read each")


def measure(folder: Path) -> None:
    """Print the lines of one incident."""
    text = (folder / "incident.md").read_text("utf-8")
    with open_telemetry(str(folder / "telemetry")) as engine:
        request = Request(text=text, telemetry="")
        began = time.perf_counter()
        report = investigate(request, engine=engine, settings=Settings())
        line(folder.name, "by rules", None, time.perf_counter() - began)
        with serving(personas.honest) as endpoint:
            began = time.perf_counter()
            investigate(request, engine=engine, settings=settings(endpoint))
            line(folder.name, "with a model", endpoint, time.perf_counter() - began)
        with serving(asker) as endpoint:
            talk = Conversation(engine, settings(endpoint), incident=text, now=report.created)
            began = time.perf_counter()
            talk.ask(QUESTION)
            line(folder.name, "a question", endpoint, time.perf_counter() - began)
        with serving(reacting(report.parameters.model_dump(mode="json"))) as endpoint:
            began = time.perf_counter()
            react(engine, endpoint, text)
            line(folder.name, "plain ReAct agent", endpoint, time.perf_counter() - began)


def settings(endpoint: Endpoint) -> Settings:
    """Settings with a model at the endpoint."""
    return Settings(
        model=ModelSettings.model_validate({"name": "scripted", "base_url": endpoint.url, "api_key": "none"})
    )


def asker(request: dict[str, Any]) -> Say | Fail:
    """Scripted answers of a question: run the guide, then conclude."""
    if any(message["role"] == "tool" for message in request["messages"]):
        return Say("It is told in the first cause's row [C1].")
    return Say(calls=(("run_guide", {}),))


def reacting(parameters: dict[str, Any]) -> Any:
    """Scripted ReAct answers: call the nine checks in sequence, then conclude, the minimum without rules."""
    names = ("start_time", "end_time", "region", "environment", "service_name")

    def script(request: dict[str, Any]) -> Say:
        done = sum(message["role"] == "tool" for message in request["messages"])
        if done == len(PLUGINS):
            return Say("Done.")
        wanted = set(PLUGINS[done].args.model_fields)
        return Say(calls=((PLUGINS[done].name, {name: parameters[name] for name in names if name in wanted}),))

    return script


def react(engine: Any, endpoint: Endpoint, text: str) -> None:
    """Run a plain ReAct agent with the same tools."""
    model = ChatOpenAI(model="scripted", base_url=endpoint.url, api_key="none")
    checks = get_tools(engine, checks_only=True)
    agent = create_agent(model, checks, system_prompt="Find the cause of the incident with the tools.")
    agent.invoke({"messages": [{"role": "user", "content": text}]}, {"recursion_limit": 60})


def line(incident: str, what: str, endpoint: Endpoint | None, seconds: float) -> None:
    """One line of the table."""
    requests = endpoint.requests if endpoint else []
    read = sum(len(json.dumps({k: r.get(k) for k in ("messages", "tools")})) for r in requests) // 4
    said = [answer for answer in (endpoint.answers if endpoint else []) if isinstance(answer, Say)]
    wrote = sum(len(answer.text or "") + len(json.dumps(answer.calls)) for answer in said) // 4
    print(f"{incident[:21]:<22}{what:<24}{len(requests):>6}{read:>13,}{wrote:>9,}{seconds:>9.2f}")


if __name__ == "__main__":
    main(sys.argv[1:])
