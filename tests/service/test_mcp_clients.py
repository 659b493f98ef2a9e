"""One script over MCP with several clients, over standard input and output; the steps stand in mcp_script."""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.cli.running import ROOT
from tests.llm.server import Say, serving
from tests.service.mcp_script import ANSWER, Client, OverSdk, Said, played
from tsg_agent import Request

pytestmark = pytest.mark.surfaces


def served(incident: Request, state: Path, *more: str) -> tuple[list[str], dict[str, str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TSG_")}
    command = [sys.executable, "-m", "tsg_agent", "mcp", "--source", f"shop={incident.telemetry}", *more]
    return command, {**clean, "PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(state)}


@asynccontextmanager
async def official(mode: str, command: list[str], environment: dict[str, str]) -> AsyncIterator[Client]:
    sdk = pytest.importorskip("mcp", reason="needs the extra `mcp`: pip install 'tsg-agent[mcp]'")
    types = pytest.importorskip("mcp_types")
    asked = list[list[str]]()

    async def elicit(_context: Any, params: Any) -> Any:
        asked.append(params.requested_schema["properties"]["region"]["enum"])
        return types.ElicitResult(action="accept", content=ANSWER)

    server = sdk.StdioServerParameters(command=command[0], args=command[1:], env=environment)
    async with sdk.Client(server, mode=mode, elicitation_callback=elicit) as client:
        yield OverSdk(client, asked)


class Agent:
    """An agent of LangChain whose model calls what it is told to; a question is an interrupt of its graph."""

    def __init__(self, tools: list[Any], url: str, client: Any) -> None:
        model = ChatOpenAI(model="scripted", base_url=url, api_key="none")
        self._tools, self._client = tools, client
        self._agent, self._turns = create_agent(model, tools, checkpointer=InMemorySaver()), 0
        self.asked: list[list[str]] = []

    async def tools(self) -> list[str]:
        return [tool.name for tool in self._tools]

    async def call(self, tool: str, arguments: dict[str, Any]) -> Said:
        self._turns += 1
        config: Any = {"configurable": {"thread_id": str(self._turns)}}
        wanted = json.dumps([tool, arguments])
        ended = await self._agent.ainvoke({"messages": [{"role": "user", "content": wanted}]}, config)
        while "__interrupt__" in ended:
            (question,) = ended["__interrupt__"][0].value["requests"]
            self.asked.append(question["requested_schema"]["properties"]["region"]["enum"])
            accepted = {question["key"]: {"action": "accept", "content": ANSWER}}
            ended = await self._agent.ainvoke(Command(resume={"responses": accepted}), config)
        *_, said, last = ended["messages"]
        assert last.text == "Done."
        return Said(said.text, said.status == "error", None)

    async def read(self, address: str) -> str:
        return str((await self._client.read_resource(address))[0].text)


def scripted(request: dict[str, Any]) -> Say:
    """What the agent's model says: the call that its person wants, and then that it is done."""
    last = request["messages"][-1]
    if last["role"] == "tool":
        return Say("Done.")
    return Say(calls=(tuple(json.loads(last["content"])),))


@asynccontextmanager
async def langchain(command: list[str], environment: dict[str, str]) -> AsyncIterator[Client]:
    transports = pytest.importorskip("fastmcp.client.transports", reason="needs langchain[mcp]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the namespace says that it is in beta
        mcp = pytest.importorskip("langchain.mcp", reason="needs langchain[mcp]")
    transport = transports.StdioTransport(command[0], command[1:], env=environment)
    with serving(scripted) as endpoint:
        async with mcp.MCPAdapter(transport) as adapter:
            yield Agent(await adapter.list_tools(), endpoint.url, adapter.client)


@pytest.mark.parametrize(
    "connected",
    [partial(official, "auto"), partial(official, "legacy"), langchain],
    ids=["auto", "legacy", "langchain"],
)
def test_the_script(connected: Any, incident: Request, tmp_path: Path) -> None:
    played(connected(*served(incident, tmp_path)))


def test_the_script_with_the_client_of_mcp_1(incident: Request, tmp_path: Path) -> None:
    python = os.environ.get("MCP1_PYTHON")
    if not python:
        pytest.skip("needs MCP1_PYTHON, an interpreter with mcp 1.x: `make test-surfaces` makes one")
    command, environment = served(incident, tmp_path)
    done = subprocess.run(
        [python, str(Path(__file__).with_name("mcp1_client.py")), *command],
        input=json.dumps(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
