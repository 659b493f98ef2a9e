"""`tsg-agent serve` as a process: what it refuses, and what a crash leaves."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import ROOT, tsg
from tsg_agent import Request
from tsg_agent.errors import SettingsError

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")

import httpx

from tests.web.serving import OPEN, SECRET, begun, read_events, state, tokens, until
from tsg_agent.web.config import Serving, check_address, load_serving

pytestmark = pytest.mark.surfaces


@contextmanager
def process(telemetry: str, folder: Path) -> Iterator[tuple[httpx.Client, Any]]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    config = folder / "serve.toml"
    config.write_text("[limits]\nrequests_a_minute = 1000000\n")
    command = [sys.executable, "-m", "tsg_agent", "serve", f"shop={telemetry}"]
    command += ["--port", str(port), "--config", str(config)]
    environment = {**os.environ, "TSG_STATE_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, cwd=ROOT) as running:
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
                until(lambda: _ready(client), 180)
                yield client, running
        finally:
            running.kill()


def finished(client: httpx.Client, identity: str) -> bool:
    """Whether it has concluded: a stream may end before the server has gone on with what a crash interrupted."""
    return state(client, identity) == "finished"


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def last_is_concluded(client: httpx.Client, identity: str) -> bool:
    return bool(client.get(f"/api/v1/investigations/{identity}/log").json()[-1]["kind"] == "concluded")


def test_after_a_crash_each_investigation_goes_on_or_says_why_not(incident: Request, tmp_path: Path) -> None:
    with process(incident.telemetry, tmp_path) as (client, running):
        begun_now = [begun(client, incident.text) for _ in range(9)]
        asks = begun(client, OPEN)
        until(lambda: any(state(client, one) == "finished" for one in begun_now))
        running.send_signal(signal.SIGKILL)
        running.wait()
    broken = begun_now[-1]
    (tmp_path / broken / "request.json").write_text("{")
    with process(incident.telemetry, tmp_path) as (client, _):
        for identity in begun_now[:-1]:
            until(partial(finished, client, identity))
            until(partial(last_is_concluded, client, identity))  # what the crash left out is written down at the start
            events = client.get(f"/api/v1/investigations/{identity}/log").json()
            assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
        kept = {one["id"]: one["state"] for one in client.get("/api/v1/investigations").json()}
        assert kept[broken] == "unreadable"
        until(lambda: state(client, asks) == "asked")
        client.post(f"/api/v1/investigations/{asks}/answers", json={"answers": {"region": "us-east"}})
        assert read_events(client, asks)[-1]["kind"] == "concluded"


def test_a_crash_in_the_middle_of_the_checks_is_gone_on_from(incident: Request, tmp_path: Path) -> None:
    with process(incident.telemetry, tmp_path) as (client, running):
        identity = begun(client, incident.text)
        read_events(client, identity, until="check ended")
        running.send_signal(signal.SIGKILL)
        running.wait()
    with process(incident.telemetry, tmp_path) as (client, _):
        until(partial(finished, client, identity))
        kinds = [event["kind"] for event in client.get(f"/api/v1/investigations/{identity}/log").json()]
        assert kinds.count("began") == 2
        assert kinds[-1] == "concluded"


def test_told_to_end_it_ends_soon_and_what_ran_goes_on_later(incident: Request, tmp_path: Path) -> None:
    with process(incident.telemetry, tmp_path) as (client, running):
        identity = begun(client, OPEN)
        until(lambda: state(client, identity) == "asked")
        with client.stream("GET", f"/api/v1/investigations/{identity}/events") as stream:
            lines = stream.iter_lines()  # held: the connection is closed with it
            next(lines)
            before = time.monotonic()
            running.send_signal(signal.SIGTERM)
            running.wait(15)
            assert time.monotonic() - before < 10
    with process(incident.telemetry, tmp_path) as (client, _):
        assert state(client, identity) == "asked"


def test_others_are_let_in_with_a_token_only(tmp_path: Path) -> None:
    done = tsg("serve", "x", "--host", "0.0.0.0", state=tmp_path)  # noqa: S104 - that it is refused is the test
    assert (done.returncode, "no token" in done.stderr) == (2, True)
    with pytest.raises(SettingsError, match="no token"):
        check_address("127.0.0.1", Serving(public_url="https://tsg.example"))
    check_address("127.0.0.1", Serving())
    check_address("0.0.0.0", Serving(tokens=tokens()))  # noqa: S104 - it is what is let in


def test_a_token_is_shown_once_and_its_lines_are_the_files(tmp_path: Path) -> None:
    done = tsg("token", "ada", "--team", "shop", state=tmp_path)
    file = tmp_path / "serve.toml"
    file.write_text(done.stdout)
    token = done.stderr.strip().split()[-1]
    assert token not in done.stdout
    serving = load_serving(file)
    assert serving.holder(token) == ("ada", "shop")
    assert serving.holder(f"{token}x") is None


def test_the_example_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_SECRET", SECRET)
    monkeypatch.setenv("SLACK_BOT_TOKEN", SECRET)
    serving = load_serving(ROOT / "examples" / "serve" / "serve.toml")
    assert serving.hooks["pagerduty"].signs
    assert not serving.hooks["alertmanager"].signs
    assert "tsg.example" in serving.allowed_hosts


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[tokens.ada]\nteam = 'shop'\nsha256 = 'x'", "tokens.ada.sha256"),
        ("[hooks.pd]\nsender = 'pagerduty'", "hooks.pd"),
        (f"[hooks.pd]\nsender = 'cloudwatch'\nsecret = '{SECRET}'\ntopic = 'arn'", "hooks.pd"),
        ("[hooks.pd]\nsender = 'grafana'\nsecret = 'short'", "16 characters"),
        ("[hooks.pd]\nsender = 'grafana'\nsecret = 'env:NOT_THERE_AT_ALL'", "NOT_THERE_AT_ALL"),
        ("colour = 1", "colour"),
        ("[", "serve.toml"),
    ],
)
def test_a_wrong_file_is_named(text: str, named: str, tmp_path: Path) -> None:
    file = tmp_path / "serve.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load_serving(file)
    assert named in str(caught.value)
