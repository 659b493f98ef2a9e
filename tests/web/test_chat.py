"""The chat endpoint with OpenAI's own client, and MCP over HTTP with MCP's."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tsg_agent import Request

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")

import httpx
import httpx2
import openai
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from tests.web.serving import OPEN, TOKENS, begun, read_events, served, tokens
from tsg_agent.web.config import Serving

pytestmark = pytest.mark.surfaces


@pytest.fixture(scope="module")
def client(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(incident.telemetry, tmp_path_factory.mktemp("state"), Serving(tokens=tokens())) as connected:
        yield connected


@pytest.fixture
def chat(client: httpx.Client) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{client.base_url}/v1", api_key=TOKENS["ada"], max_retries=0)


def says(*messages: str) -> Any:
    """A talk: the person's words and ours, in turn."""
    return [{"role": "assistant" if i % 2 else "user", "content": text} for i, text in enumerate(messages)]


def streamed(chat: openai.OpenAI, messages: Any) -> tuple[str, str]:
    """What is said, and what is told before it."""
    content, reasoning = [], []
    for chunk in chat.chat.completions.create(model="tsg-agent", messages=messages, stream=True):
        delta = chunk.choices[0].delta
        content.append(delta.content or "")
        reasoning.append(getattr(delta, "reasoning_content", None) or "")
    return "".join(content), "".join(reasoning)


def test_an_incident_is_streamed_and_asked_on(chat: openai.OpenAI, incident: Request) -> None:
    content, reasoning = streamed(chat, says(incident.text))
    assert "3.15.0" in content
    assert reasoning.count("\n") == 11  # that it begins, and ten branches
    more, _ = streamed(chat, says(incident.text, content, "top 3 endpoints by error rate"))
    assert "Q1.1" in more


def test_what_is_open_is_answered_in_the_talk(chat: openai.OpenAI) -> None:
    asked, _ = streamed(chat, says(OPEN))
    assert "us-east" in asked
    done, _ = streamed(chat, says(OPEN, asked, "us-east"))
    assert "3.15.0" in done


def test_a_question_without_an_incident_is_answered(chat: openai.OpenAI) -> None:
    talk = says("how many requests failed in shop.gateway, us-east, prod on 2026-03-10 between 14:00 and 15:00?")
    said = chat.chat.completions.create(model="tsg-agent/shop", messages=talk)
    assert "requests failed" in str(said.choices[0].message.content)


JOBS = [
    ('### Task:\nGenerate a concise title. JSON format: { "title": "your title" }\nUSER: Checkout fails', "Checkout"),
    ('### Task:\nGenerate 1-3 broad tags. JSON format: { "tags": ["tag1"] }', '"tags"'),
    ('### Task:\nSuggest follow-ups. JSON format: { "follow_ups": [] }', '"follow_ups"'),
    (
        "Provide a concise, 5-word-or-less title for the conversation, using title case\nUser: Checkout fails",
        "Checkout",
    ),
]


@pytest.mark.parametrize(("text", "said"), JOBS)
def test_a_front_ends_own_jobs_run_nothing(chat: openai.OpenAI, client: httpx.Client, text: str, said: str) -> None:
    listed = {"authorization": f"Bearer {TOKENS['ada']}"}
    before = client.get("/api/v1/investigations", headers=listed).json()
    answer = chat.chat.completions.create(model="tsg-agent", messages=says(text))
    assert said in str(answer.choices[0].message.content)
    assert client.get("/api/v1/investigations", headers=listed).json() == before


def test_errors_are_the_clients_own(chat: openai.OpenAI, client: httpx.Client) -> None:
    with pytest.raises(openai.UnprocessableEntityError):
        chat.chat.completions.create(model="gpt-5", messages=says("x"))
    stranger = openai.OpenAI(base_url=f"{client.base_url}/v1", api_key="tsg_nobody", max_retries=0)
    with pytest.raises(openai.AuthenticationError):
        stranger.models.list()
    assert [model.id for model in chat.models.list()] == ["tsg-agent/shop"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_mcp_over_http_is_the_tokens_team(client: httpx.Client, incident: Request, mode: Any) -> None:
    identity = begun(client, incident.text, headers={"authorization": f"Bearer {TOKENS['ada']}"})
    read_events(client, identity, headers={"authorization": f"Bearer {TOKENS['ada']}"})

    async def asked(token: str) -> tuple[list[str], str, str]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{client.base_url}/mcp", http_client=http), mode=mode) as mcp,
        ):
            tools = [tool.name for tool in (await mcp.list_tools()).tools]
            listed = await mcp.call_tool("list_investigations", {})
            report = await mcp.call_tool("get_report", {"investigation": identity, "section": "brief"})
            return tools, str(listed.content), str(report.content)

    tools, listed, report = asyncio.run(asked(TOKENS["bob"]))
    assert tools == ["run_guide", "ask", "list_investigations", "get_report"]
    assert identity in listed
    assert "3.15.0" in report
    _, listed, report = asyncio.run(asked(TOKENS["eve"]))
    assert identity not in listed
    assert "There is no investigation" in report
    with pytest.raises(BaseException) as caught:
        asyncio.run(asked(""))
    assert not isinstance(caught.value, AssertionError)
    assert client.post("/mcp", json={}).status_code == 401


def test_mcp_runs_the_guide_over_http(client: httpx.Client, incident: Request) -> None:
    async def main() -> str:
        headers = {"authorization": f"Bearer {TOKENS['ada']}"}
        async with (
            httpx2.AsyncClient(headers=headers, timeout=60) as http,
            Client(streamable_http_client(f"{client.base_url}/mcp", http_client=http)) as mcp,
        ):
            return str((await mcp.call_tool("run_guide", {"incident": incident.text})).content)

    assert "3.15.0" in asyncio.run(main())
