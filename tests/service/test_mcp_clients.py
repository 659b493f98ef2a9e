"""The agent over MCP with clients other than the official one of our version, over standard input and output."""

import asyncio
import json
import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from tests.cli.running import ROOT
from tests.llm.server import Say, serving
from tsg_agent import Request

pytestmark = pytest.mark.surfaces
OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."
FEW = ["run_guide", "ask", "list_investigations", "get_report"]


def server(incident: Request, state: Path) -> tuple[list[str], dict[str, str]]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TSG_")}
    command = [sys.executable, "-m", "tsg_agent", "mcp", "--source", f"shop={incident.telemetry}"]
    return command, {**clean, "PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(state)}


def test_the_client_of_mcp_1(incident: Request, tmp_path: Path) -> None:
    python = os.environ.get("MCP1_PYTHON")
    if not python:
        pytest.skip("needs MCP1_PYTHON, an interpreter with mcp 1.x: `make test-surfaces` makes one")
    command, environment = server(incident, tmp_path)
    done = subprocess.run(
        [python, str(Path(__file__).with_name("mcp1_client.py")), OPEN, *command],
        input=json.dumps(environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    got = json.loads(done.stdout)
    assert (got["tools"], got["asked"], got["error"]) == (FEW, [["us-east", "us-west", "eu-central"]], False)
    assert got["told"] == list(range(1, 11))
    assert "[C1]" in got["said"] and "colour" in got["refused"] and '"rank": 1' in got["causes"]


def test_an_agent_of_langchain_asks_its_person(incident: Request, tmp_path: Path) -> None:
    """What the incident leaves open becomes an interrupt of the agent's graph; the model is scripted."""
    fastmcp = pytest.importorskip("fastmcp.client.transports", reason="needs langchain[mcp]")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the namespace says that it is in beta
        mcp = pytest.importorskip("langchain.mcp", reason="needs langchain[mcp]")
    command, environment = server(incident, tmp_path)

    def model(request: dict[str, Any]) -> Say:
        heard = [one for one in request["messages"] if one["role"] == "tool"]
        if not heard:
            return Say(calls=(("run_guide", {"incident": OPEN}),))
        assert "[C1]" in str(heard[-1]["content"])
        return Say("It is version 3.15.0 [C1].")

    async def main(url: str) -> Any:
        transport = fastmcp.StdioTransport(command[0], command[1:], env=environment)
        async with mcp.MCPAdapter(transport) as adapter:
            tools = await adapter.list_tools()
            assert [tool.name for tool in tools] == FEW
            agent = create_agent(
                ChatOpenAI(model="scripted", base_url=url, api_key="none"), tools, checkpointer=InMemorySaver()
            )
            config: Any = {"configurable": {"thread_id": "1"}}
            asked = await agent.ainvoke({"messages": [{"role": "user", "content": "Why?"}]}, config)
            (question,) = asked["__interrupt__"][0].value["requests"]
            assert question["requested_schema"]["properties"]["region"]["enum"][0] == "us-east"
            accepted = {question["key"]: {"action": "accept", "content": {"region": "us-east"}}}
            return await agent.ainvoke(Command(resume={"responses": accepted}), config)

    with serving(model) as endpoint:
        ended = asyncio.run(main(endpoint.url))
    assert ended["messages"][-1].text == "It is version 3.15.0 [C1]."
