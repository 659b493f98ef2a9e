"""The examples run, as they are: each in a process of its own."""

import asyncio
import json
import os
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from langgraph_sdk import get_sync_client

from tests.cli.running import ROOT
from tests.llm.server import Say, serving
from tsg_agent import Report, Request

pytestmark = pytest.mark.surfaces
EXAMPLES = ROOT / "examples"
OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."


def ran(name: str, *arguments: str, state: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("TSG_", "OPENAI_"))}
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**clean, "PYTHONPATH": str(ROOT), "TSG_STATE_DIR": str(state), **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def open_incident(tmp_path: Path) -> str:
    (tmp_path / "incident.md").write_text(OPEN)
    return str(tmp_path / "incident.md")


def test_a_sub_graph_with_an_interrupt(incident: Request, open_incident: str, tmp_path: Path) -> None:
    said = ran("subgraph.py", open_incident, incident.telemetry, "region=us-east", state=tmp_path)
    assert "Which region is affected?" in said
    assert said.count("check ended") == 10
    assert "3.15.0" in said.splitlines()[-2]


def test_an_agent_over_the_tools(incident: Request, tmp_path: Path) -> None:
    def model(request: dict[str, Any]) -> Say:
        heard = [one for one in request["messages"] if one["role"] == "tool"]
        if not heard:
            return Say(calls=(("run_guide", {"incident": incident.text}),))
        assert "[C1]" in heard[-1]["content"]
        return Say("It is version 3.15.0 [C1].")

    with serving(model) as endpoint:
        said = ran(
            "agent.py", "scripted", incident.telemetry, "Why?", state=tmp_path,
            OPENAI_API_KEY="none", OPENAI_BASE_URL=endpoint.url,
        )  # fmt: skip
    assert said.strip() == "It is version 3.15.0 [C1]."


def test_a_copilot_over_mcp(incident: Request, open_incident: str, tmp_path: Path) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="needs the extra `mcp`: pip install 'tsg-agent[mcp]'")
    said = ran("mcp_copilot.py", open_incident, incident.telemetry, "region=us-east", state=tmp_path)
    assert "10/10" in said and "[C1]" in said and '"roll_back"' in said


def test_the_notebook_s_cells(tmp_path: Path) -> None:
    cells = json.loads((EXAMPLES / "incident.ipynb").read_text("utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    script = tmp_path / "incident.py"
    script.write_text("\n".join(code), "utf-8")
    names = runpy.run_path(str(script))
    assert names["report"].causes[0].subject == {"shard_id": "shard-07"}
    assert "shard-07" in names["answer"].text


def test_langgraph_dev_serves_it(incident: Request, tmp_path: Path) -> None:
    command = Path(sys.executable).with_name("langgraph")
    if not command.exists():
        pytest.skip("needs langgraph-cli[inmem]: `make test-surfaces` installs it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    place = tmp_path / "project"  # it leaves files where it runs
    (place / "examples").mkdir(parents=True)
    for name in ("langgraph.json", "examples/langgraph_app.py"):
        shutil.copy(ROOT / name, place / name)
    (place / "pyproject.toml").write_text('[project]\nname = "project"\nversion = "0"\n')
    log = (tmp_path / "log").open("w")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("TSG_", "OPENAI_", "LANG"))}
    server = subprocess.Popen(
        [str(command), "dev", "--no-browser", "--no-reload", "--port", str(port)],
        cwd=place, stdout=log, stderr=log, start_new_session=True,
        env={**clean, "PYTHONPATH": str(ROOT), "TSG_SOURCES": f"shop={incident.telemetry}"},
    )  # fmt: skip
    try:
        with get_sync_client(url=f"http://127.0.0.1:{port}", timeout=120) as client:
            deadline = time.monotonic() + 120
            while True:
                try:
                    thread = client.threads.create()["thread_id"]
                    break
                except httpx.HTTPError:  # until it listens; the deadline ends it
                    assert server.poll() is None and time.monotonic() < deadline, (tmp_path / "log").read_text()
                    time.sleep(0.2)
            asked: Any = client.runs.wait(thread, "tsg-agent", input={"text": OPEN}, context={"source": "shop"})
            assert asked["__interrupt__"][0]["value"]["questions"][0]["parameter"] == "region"
            ended: Any = client.runs.wait(
                thread, "tsg-agent", command={"resume": {"region": "us-east"}}, context={"source": "shop"}
            )
            assert Report.model_validate(ended["report"]).causes
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(60)
        log.close()


def test_the_graph_that_langgraph_json_names(incident: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TSG_SOURCES", f"shop={incident.telemetry}")
    place, name = json.loads((ROOT / "langgraph.json").read_text("utf-8"))["graphs"]["tsg-agent"].split(":")
    held = runpy.run_path(str(ROOT / place), run_name="langgraph_app")
    graph = held[name].copy(update={"checkpointer": InMemorySaver()})

    async def main() -> Any:
        config, context = {"configurable": {"thread_id": "1"}}, {"source": "shop"}
        with pytest.raises(Exception, match="no source '/etc'"):
            await graph.ainvoke({"text": OPEN}, {"configurable": {"thread_id": "2"}}, context={"source": "/etc"})
        asked = await graph.ainvoke({"text": OPEN}, config, context=context)
        assert asked["__interrupt__"][0].value["questions"][0]["parameter"] == "region"
        return await graph.ainvoke(Command(resume={"region": "us-east"}), config, context=context)

    ended = asyncio.run(main())
    held["SOURCES"].close()
    assert Report.model_validate(ended["report"]).causes
    assert set(graph.get_context_jsonschema()["properties"]) == {"source"}
    assert "text" in graph.get_input_jsonschema()["properties"]
