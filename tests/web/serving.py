"""A real server on a real socket, with an incident to investigate."""

import asyncio
import faulthandler
import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from tsg_agent import Service, Settings
from tsg_agent.web.config import AccessToken, Serving
from tsg_agent.web.server import WebServer

OPEN = "Checkout fails since 2026-03-10 14:00 UTC until 15:15 UTC, shop.gateway in prod."
"""It leaves the region open."""
TOKENS = {"ada": "tsg_ada_0123456789", "bob": "tsg_bob_0123456789", "eve": "tsg_eve_0123456789"}
"""Of people: ada and bob are of one team, eve of another."""
TEAMS = {"ada": "shop", "bob": "shop", "eve": "bank"}
SECRET = "-".join(["of", "sixteen", "or", "more"])


def tokens() -> dict[str, AccessToken]:
    """What the server's file has of them."""
    return {
        name: AccessToken(team=TEAMS[name], sha256=hashlib.sha256(token.encode()).hexdigest())
        for name, token in TOKENS.items()
    }


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS[name]}"}


@contextmanager
def served(telemetry: str, state: Path, serving: Serving | None = None, **more: Any) -> Iterator[httpx.Client]:
    """A client of a server that runs while the block does. `client.server` is not there: all goes over the socket."""
    server = WebServer(Service({"shop": telemetry}, settings=Settings(state_dir=state)), serving or Serving(), **more)
    with running(server.app) as address, httpx.Client(base_url=address, timeout=60) as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.02)
        yield client


@contextmanager
def running(app: Any) -> Iterator[str]:
    """The address at which an application answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(app, log_level="error", server_header=False, timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listening])), daemon=True)
        thread.start()
        while not server.started:
            assert thread.is_alive(), "the server has not started"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(20)
        if thread.is_alive():  # says what it waits for, and gives a machine that stands still its time
            faulthandler.dump_traceback(all_threads=True)
            thread.join(60)
        assert not thread.is_alive(), "the server does not end"


def begun(client: httpx.Client, text: str, **more: Any) -> str:
    """A new investigation's id."""
    answer = client.post("/api/v1/investigations", json={"text": text}, **more)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


def read_events(client: httpx.Client, identity: str, after: int = 0, until: str = "", **more: Any) -> list[Any]:
    """The events that a stream gives, until it ends or has one of a kind."""
    found = []
    headers = {**more.pop("headers", {}), **({"last-event-id": str(after)} if after else {})}
    with client.stream("GET", f"/api/v1/investigations/{identity}/events", headers=headers, **more) as stream:
        assert stream.status_code == 200, stream.read()
        for line in stream.iter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if found[-1]["kind"] == until:
                    break
    return found


def state(client: httpx.Client, identity: str, **more: Any) -> str:
    return str(client.get(f"/api/v1/investigations/{identity}", **more).json()["state"])


def until(wanted: Any, seconds: float = 90.0) -> Any:
    """What a question gives when it gives something."""
    last = time.monotonic() + seconds
    while not (found := wanted()):
        assert time.monotonic() < last, "it never came"
        time.sleep(0.05)
    return found
