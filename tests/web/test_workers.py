"""The server with workers: a question that crashes or hangs, or whose asker goes away, takes no server with it."""

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from tests.service.test_workers import SETUP, answering
from tsg_agent import Request, Service, Settings

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")

import httpx

from tests.web.serving import bearer, running, tokens, until
from tsg_agent.web.config import Hook, Serving
from tsg_agent.web.server import WebServer

pytestmark = pytest.mark.surfaces
QUESTIONS = "/api/v1/questions"


def test_what_is_asked_is_answered_by_a_worker_or_given_up(incident: Request, tmp_path: Path) -> None:
    settings = Settings(state_dir=tmp_path, query_timeout=20)
    service = Service({"shop": incident.telemetry}, settings=settings, workers=1, worker_setup=SETUP)
    serving = Serving(tokens=tokens(), hooks={"alerts": Hook(sender="alertmanager", source="shop")})
    app = WebServer(service, serving).app
    with running(app) as address, httpx.Client(base_url=address, timeout=60, headers=bearer("ada")) as client:
        until(lambda: client.get("/readyz").status_code == 200, 60)

        def ask(question: str) -> Any:
            return client.post(QUESTIONS, json={"question": question, "incident": incident.text})

        crashed = ask("crash")
        assert (crashed.status_code, "SIGSEGV" in crashed.json()["error"]["message"]) == (503, True)
        assert "failed" in ask("how many requests failed?").json()["text"]
        body = json.dumps({"question": "hang", "incident": incident.text}).encode()
        head = (
            f"POST {QUESTIONS} HTTP/1.1\r\nhost: {client.base_url.netloc.decode()}\r\ncontent-length: {len(body)}\r\n"
        )
        head += f"content-type: application/json\r\nauthorization: {bearer('ada')['authorization']}\r\n\r\n"
        with socket.create_connection((client.base_url.host, client.base_url.port or 80)) as asker:
            asker.sendall(head.encode() + body)
            (process,) = until(lambda: list(answering(service).values()))
            assert client.get("/healthz").status_code == 200
            alert = {"status": "firing", "groupKey": "a", "alerts": [], "commonLabels": {"service": "shop.gateway"}}
            began = time.monotonic()
            assert client.post("/hooks/alerts", json=alert).status_code == 202  # it waits for no question
            assert time.monotonic() - began < 10
        until(lambda: not answering(service))
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
        assert "failed" in ask("how many requests failed?").json()["text"]
        assert not service.sources._engines
        assert 'status="499"' in client.get("/metrics").text
    audit = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {one["who"] for one in audit if one["what"] == "ask"} == {"ada"}
