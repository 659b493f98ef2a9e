"""REST and events, over a socket."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tsg_agent import Report, Request

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")

import httpx

from tests.web.serving import OPEN, TOKENS, bearer, begun, read_events, served, state, tokens, until
from tsg_agent.web.config import ServerLimits, Serving
from tsg_agent.web.gate import GatedApp
from tsg_agent.web.metrics import Metrics

pytestmark = pytest.mark.surfaces


@pytest.fixture(scope="module")
def client(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with served(incident.telemetry, tmp_path_factory.mktemp("state")) as connected:
        yield connected


def test_from_an_incident_to_its_report_with_all_events_in_order(client: httpx.Client, incident: Request) -> None:
    identity = begun(client, incident.text)
    events = read_events(client, identity)
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert [event["kind"] for event in events][-1] == "concluded"
    assert sum(event["kind"] == "check ended" for event in events) == 10
    until(lambda: state(client, identity) == "finished")
    report = client.get(f"/api/v1/investigations/{identity}/report").text
    assert Report.model_validate_json(report).causes[0].subject == {"service_version": "3.15.0"}
    for form, beginning in (("markdown", "# "), ("brief", "shop.gateway"), ("slack", "{")):
        assert client.get(f"/api/v1/investigations/{identity}/report?form={form}").text.startswith(beginning)
    page = client.get(f"/api/v1/investigations/{identity}/report?form=html")
    assert "sandbox" in page.headers["content-security-policy"]
    assert client.get("/api/v1/investigations").json()[0]["id"] == identity


def test_a_stream_goes_on_behind_the_last_event_and_ends_with_nothing_left(
    client: httpx.Client, incident: Request
) -> None:
    identity = begun(client, incident.text)
    first = read_events(client, identity, until="understood")
    rest = read_events(client, identity, after=first[-1]["sequence"])
    assert [event["sequence"] for event in first + rest] == list(range(1, len(first + rest) + 1))
    last = {"last-event-id": str(rest[-1]["sequence"])}
    assert client.get(f"/api/v1/investigations/{identity}/events", headers=last).status_code == 204


def test_what_is_open_is_asked_and_answered(client: httpx.Client) -> None:
    identity = begun(client, OPEN)
    path = f"/api/v1/investigations/{identity}"
    asked = until(lambda: client.get(path).json()["questions"])
    assert asked[0]["parameter"] == "region"
    assert client.post(f"{path}/answers", json={"answers": {"region": "mars"}}).status_code == 202
    until(lambda: "mars" in json.dumps(client.get(path).json()["questions"]))
    assert client.post(f"{path}/answers", json={"answers": {"region": "us-east"}}).status_code == 202
    assert read_events(client, identity)[-1]["kind"] == "concluded"
    done = client.post(f"{path}/answers", json={"answers": {"region": "us-east"}})
    assert (done.status_code, "already" in done.json()["error"]["message"]) == (409, True)


def test_one_that_waits_is_stopped(client: httpx.Client) -> None:
    identity = begun(client, OPEN)
    until(lambda: state(client, identity) == "asked")
    assert client.post(f"/api/v1/investigations/{identity}/cancel").status_code == 202
    assert state(client, identity) == "cancelled"
    assert read_events(client, identity)[-1]["kind"] == "cancelled"


def test_questions_cite_rows_and_stay_with_the_investigation(client: httpx.Client, incident: Request) -> None:
    identity = begun(client, incident.text)
    read_events(client, identity)
    path = f"/api/v1/investigations/{identity}"
    said = client.post(f"{path}/questions", json={"question": "top 3 endpoints by error rate after 14:00"}).json()
    assert "[Q1.1]" in said["text"]
    assert "Q1.1" in said["evidence"]
    kept = client.get(f"{path}/log").json()[-1]
    assert (kept["kind"], kept["data"]["answer"]) == ("question", said["text"])
    other = client.post("/api/v1/questions", json={"question": "how many requests failed?", "incident": incident.text})
    assert "failed" in other.json()["text"]


def test_feedback_is_kept(client: httpx.Client, incident: Request) -> None:
    identity = begun(client, incident.text)
    read_events(client, identity)
    path = f"/api/v1/investigations/{identity}/feedback"
    until(lambda: client.put(path, json={"cause": {"shard_id": "shard-07"}}).status_code == 200)
    assert client.put(path, json={"cause": {"colour": "red"}}).status_code == 422
    assert client.put(path, json={}).status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/api/v1/investigations", {"text": "x", "source": "/etc"}, 422),
        ("POST", "/api/v1/investigations", {"text": "x", "telemetry": "/etc"}, 422),
        ("POST", "/api/v1/investigations", {"text": ""}, 422),
        ("POST", "/api/v1/investigations", [1], 422),
        ("POST", "/api/v1/investigations", {"text": "x", "now": "0001-01-01T00:00:00Z"}, 422),
        ("POST", "/api/v1/investigations", {"text": "x", "now": "9999-12-31T23:59:59Z"}, 422),
        ("POST", "/api/v1/investigations", b'{"text": "\\ud800 fails"}', 422),
        ("POST", "/api/v1/investigations", b'{"text": "\xff"}', 400),
        ("POST", "/api/v1/investigations", b"[" * 100_000, 400),
        ("POST", "/api/v1/questions", {"question": ""}, 422),
        ("GET", "/api/v1/investigations?limit=1000000000", None, 422),
        ("GET", "/api/v1/investigations/a%00b", None, 404),
        ("GET", "/api/v1/investigations/a%0ab/log", None, 404),
        ("DELETE", "/api/v1/investigations/000000000000", None, 405),
        ("OPTIONS", "/api/v1/investigations", None, 405),
        ("POST", "/v1/chat/completions", {"messages": [{"role": "wizard", "content": "x"}]}, 422),
        ("POST", "/v1/chat/completions", {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, 422),
        ("POST", "/", "&".join(f"f{number}=x" for number in range(101)).encode(), 422),
        ("POST", "/hooks/none", {}, 404),
        ("GET", "/assets/..%2f..%2fsettings.py", None, 404),
        ("GET", "/api/v1/investigations/000000000000", None, 404),
        ("GET", "/api/v1/investigations/..%2F..%2Fetc", None, 404),
        ("GET", "/api/v1/investigations/000000000000/events", None, 404),
        ("GET", "/nowhere", None, 404),
    ],
)
def test_what_cannot_be_says_what_to_do(
    client: httpx.Client, method: str, path: str, body: object, status: int
) -> None:
    sent: dict[str, Any] = {"json": body}
    if isinstance(body, bytes):
        sent = {"content": body, "headers": {"content-type": "application/json"}}
    answer = client.request(method, path, **sent)
    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]


def test_metrics_name_routes_and_never_what_a_client_writes(client: httpx.Client) -> None:
    client.get("/api/v1/investigations/secretid12345")
    text = client.get("/metrics").text
    assert 'tsg_requests_total{method="GET",route="/api/v1/investigations/{identity}",status="404"}' in text
    assert "secretid" not in text


def test_a_method_that_a_client_makes_up_is_counted_with_the_others() -> None:
    metrics = Metrics(lambda: 0.0)
    for method in ("SECRET", "GET"):
        metrics.answered({"method": method}, 405, 0.1)
    assert b'method="other"' in metrics.text() and b"SECRET" not in metrics.text()


def test_a_team_reads_its_own_and_nobody_elses(incident: Request, tmp_path: Path) -> None:
    with served(incident.telemetry, tmp_path, Serving(tokens=tokens())) as client:
        identity = begun(client, incident.text, headers=bearer("ada"))
        path = f"/api/v1/investigations/{identity}"
        assert read_events(client, identity, headers=bearer("bob"))[-1]["kind"] == "concluded"
        for what in ("", "/events", "/log", "/report"):
            assert client.get(path + what, headers=bearer("eve")).status_code == 404
            assert client.get(path + what).status_code == 401
        for what in ("cancel", "resume"):
            assert client.post(f"{path}/{what}", headers=bearer("eve")).status_code == 404
        assert client.get("/api/v1/investigations", headers=bearer("eve")).json() == []
        assert [one["id"] for one in client.get("/api/v1/investigations", headers=bearer("bob")).json()] == [identity]
        wrong = {"authorization": f"Bearer {TOKENS['ada']}x"}
        assert client.get(path, headers=wrong).status_code == 401
        assert client.get("/healthz").status_code == 200
    audit = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text().splitlines()]
    assert {(one["who"], one["team"]) for one in audit if one["what"] == "start"} == {("ada", "shop")}
    queries = [one for one in audit if one["what"] == "query" and one.get("investigation") == identity]
    report = Report.model_validate_json((tmp_path / identity / "report.json").read_text())
    assert {finding.sql for finding in report.findings if finding.sql} <= {one["sql"] for one in queries}
    assert {one["who"] for one in queries} == {"ada"}
    assert (tmp_path / "audit.jsonl").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "localhost.evil.example:80"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_another_sites_page_is_refused(client: httpx.Client, headers: dict[str, str]) -> None:
    answer = client.post("/api/v1/questions", json={"question": "how many requests?"}, headers=headers)
    assert answer.status_code == 403
    assert "access-control-allow-origin" not in answer.headers


def test_limits_hold(incident: Request, tmp_path: Path) -> None:
    limits = ServerLimits(body_bytes=2_000, requests_a_minute=60, open_investigations=2, readers=1)
    with served(incident.telemetry, tmp_path, Serving(limits=limits)) as client:
        assert client.post("/api/v1/questions", json={"question": "x" * 3_000}).status_code == 413
        endless = client.post("/api/v1/questions", content=(b"x" * 500 for _ in range(100)))
        assert endless.status_code == 413
        asked = [begun(client, OPEN) for _ in range(2)]
        path = f"/api/v1/investigations/{asked[0]}/events"
        with client.stream("GET", path) as stream:  # it asks, so that its stream does not end by itself
            lines = stream.iter_lines()  # held: the connection is closed with it
            next(lines)
            assert client.get(path).status_code == 429
        until(lambda: "tsg_event_readers 0.0" in client.get("/metrics").text)  # who goes away is counted no more
        assert client.post("/api/v1/investigations", json={"text": OPEN}).status_code == 429
        client.post(f"/api/v1/investigations/{asked[0]}/cancel")
        begun(client, OPEN)
        answers = [client.get("/api/v1/sources") for _ in range(70)]
        refused = [one for one in answers if one.status_code == 429]
        assert refused
        assert int(refused[0].headers["retry-after"]) >= 1


def test_who_goes_away_unanswered_is_counted_as_that_and_a_defect_as_one() -> None:
    metrics = Metrics(lambda: 0)

    async def asked(app: Any) -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": []}
        await GatedApp(app, Serving(), metrics)(scope, receive, app)

    async def gone(*_request: Any) -> None:
        pass

    async def broken(*_request: Any) -> None:
        raise ZeroDivisionError

    asyncio.run(asked(gone))
    with pytest.raises(ZeroDivisionError):
        asyncio.run(asked(broken))
    for status in (499, 500):
        assert f'tsg_requests_total{{method="GET",route="other",status="{status}"}} 1.0' in metrics.text().decode()


def test_many_readers_get_all_events_once_and_in_order(client: httpx.Client, incident: Request) -> None:
    identity = begun(client, incident.text)
    got: list[list[int]] = []

    def read() -> None:
        with httpx.Client(base_url=client.base_url, timeout=60) as own:
            got.append([event["sequence"] for event in read_events(own, identity)])

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 20
    assert all(numbers == list(range(1, len(got[0]) + 1)) for numbers in got)
