"""Alerts in by webhook, and messages out."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tsg_agent import Given, Report, Request

pytest.importorskip("fastapi", reason="needs the extra `serve`: pip install 'tsg-agent[serve]'")

import httpx
from pydantic import SecretStr

from tests.web.bodies import BODIES, CERTIFICATE, END, PLACE, START, TOPIC, alertmanager, cloudwatch, headers, sns
from tests.web.serving import SECRET, bearer, begun, read_events, served, state, tokens, until
from tsg_agent.web.config import Hook, Serving, Target

pytestmark = pytest.mark.surfaces
SIGNING = ("pagerduty", "grafana", "generic")


def hook(sender: Any) -> Hook:
    if sender == "cloudwatch":
        return Hook(sender=sender, team="shop", topic=TOPIC)
    return Hook(sender=sender, team="shop", secret=SecretStr(SECRET) if sender in SIGNING else None)


FETCHED: list[str] = []


async def fetch(url: str) -> bytes:
    FETCHED.append(url)
    return CERTIFICATE


@pytest.fixture(scope="module")
def client(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    serving = Serving(tokens=tokens(), hooks={sender: hook(sender) for sender in BODIES})
    with served(incident.telemetry, tmp_path_factory.mktemp("state"), serving, fetch=fetch) as connected:
        yield connected


def send(client: httpx.Client, sender: str, body: bytes, **more: Any) -> httpx.Response:
    return client.post(f"/hooks/{sender}", content=body, headers=headers(sender, body) | more)


def understood(client: httpx.Client, identity: str) -> Any:
    events = read_events(client, identity, until="understood", headers=bearer("ada"))
    return events[-1]["data"]["parameters"]


@pytest.mark.parametrize("sender", BODIES)
def test_a_senders_fields_are_the_parameters(client: httpx.Client, sender: str) -> None:
    answer = send(client, sender, BODIES[sender](True, f"over-{sender}"))
    if sender in ("cloudwatch", "datadog"):  # that it is over does not say when it began
        assert answer.status_code == 200
        first = send(client, sender, BODIES[sender](False, f"over-{sender}")).json()["id"]
        answer = send(client, sender, BODIES[sender](True, f"over-{sender}"))
    assert answer.status_code == 202, answer.text
    identity = answer.json()["id"]
    found = understood(client, identity)
    if sender in ("cloudwatch", "datadog") and identity == first:  # it had concluded already
        log = client.get(f"/api/v1/investigations/{identity}/log", headers=bearer("ada")).json()
        found["end_time"] = next(event["data"]["end_time"] for event in log if event["kind"] == "resolved")
    assert (found["service_name"], found["region"], found["environment"]) == tuple(PLACE.values())
    assert found["incident_start"][:19] == START[:19]
    assert found["end_time"][:19] == END[:19]
    assert found["origins"]["service_name"].startswith("text, labelled")


def test_ten_times_the_same_alert_is_one_investigation(client: httpx.Client) -> None:
    body = alertmanager(False, "ten")
    found: list[httpx.Response] = []
    threads = [threading.Thread(target=lambda: found.append(send(client, "alertmanager", body))) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in found} == {202}
    assert len({answer.json()["id"] for answer in found}) == 1


def test_an_alert_that_is_over_and_fires_again_is_another(client: httpx.Client) -> None:
    first = send(client, "alertmanager", alertmanager(False, "again")).json()["id"]
    read_events(client, first, headers=bearer("ada"))
    until(lambda: state(client, first, headers=bearer("ada")) == "finished")
    assert send(client, "alertmanager", alertmanager(True, "again")).json()["id"] == first
    log = client.get(f"/api/v1/investigations/{first}/log", headers=bearer("ada")).json()
    assert log[-1]["kind"] == "resolved"
    assert send(client, "alertmanager", alertmanager(False, "again")).json()["id"] == first  # a late copy
    later = alertmanager(False, "again", start="2026-03-10T15:11:00Z")
    assert send(client, "alertmanager", later).json()["id"] != first


@pytest.mark.parametrize("sender", BODIES)
def test_what_is_not_signed_is_refused(client: httpx.Client, sender: str) -> None:
    body = BODIES[sender](False, "unsigned")
    if sender == "cloudwatch":
        body = body.replace(b"unsigned", b"forged  ")
    wrong: dict[str, str] = {"content-type": "application/json"}
    assert client.post(f"/hooks/{sender}", content=body, headers=wrong).status_code == 401
    forged = headers(sender, body, "another secret, just as long")
    if sender in SIGNING:
        assert client.post(f"/hooks/{sender}", content=body, headers=forged).status_code == 401
    assert client.post(f"/hooks/{sender}", content=body + b" ", headers=headers(sender, body)).status_code in (
        (401,) if sender in (*SIGNING, "cloudwatch") else (202,)
    )


def test_what_was_signed_long_ago_is_refused(client: httpx.Client) -> None:
    body, at = BODIES["grafana"](False, "stale"), int(time.time()) - 600
    mac = hmac.new(SECRET.encode(), f"{at}:".encode() + body, hashlib.sha256).hexdigest()
    old = {"x-grafana-alerting-signature": mac, "x-grafana-alerting-timestamp": str(at)}
    assert client.post("/hooks/grafana", content=body, headers=old).status_code == 401
    now = int(time.time())
    mac = hmac.new(SECRET.encode(), f"{now}:".encode() + body, hashlib.sha256).hexdigest()
    fresh = {"x-grafana-alerting-signature": mac, "x-grafana-alerting-timestamp": str(now)}
    assert client.post("/hooks/grafana", content=body, headers=fresh).status_code == 202


def test_sns_is_believed_about_one_topic_only_and_subscribed_to_at_amazon_only(client: httpx.Client) -> None:
    alarm = json.loads(cloudwatch(False, "other"))["Message"]
    assert send(client, "cloudwatch", sns("Notification", Message=alarm, TopicArn=f"{TOPIC}2")).status_code == 401
    old = sns("Notification", Message=alarm, Timestamp="2026-01-01T00:00:00.000Z")
    assert send(client, "cloudwatch", old).status_code == 401
    elsewhere = sns("Notification", Message=alarm, SigningCertURL="https://sns.us-east-1.amazonaws.com.evil.example/x")
    assert send(client, "cloudwatch", elsewhere).status_code == 401
    confirm = {"Message": "You have chosen to subscribe", "Token": "abc"}
    good = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription"
    assert send(client, "cloudwatch", sns("SubscriptionConfirmation", SubscribeURL=good, **confirm)).status_code == 200
    assert good in FETCHED
    bad = "https://169.254.169.254/latest"
    assert send(client, "cloudwatch", sns("SubscriptionConfirmation", SubscribeURL=bad, **confirm)).status_code == 401
    assert bad not in FETCHED


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"status": "firing"}', b"\xff", b"[" * 50_000])
def test_what_is_no_alert_is_an_error_or_nothing(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/hooks/alertmanager", content=body, headers=bearer("ada"))
    assert answer.status_code in (200, 422)


def test_a_hooks_investigation_is_its_teams(client: httpx.Client) -> None:
    identity = send(client, "pagerduty", BODIES["pagerduty"](False, "team")).json()["id"]
    assert client.get(f"/api/v1/investigations/{identity}", headers=bearer("bob")).status_code == 200
    assert client.get(f"/api/v1/investigations/{identity}", headers=bearer("eve")).status_code == 404


def about(sender: str, key: str, **changes: Any) -> Any:
    """A sender's message as plain JSON, changed."""
    held = json.loads(BODIES[sender](False, key))
    return json.loads(held["Message"]) | changes if sender == "cloudwatch" else held | changes


def told(client: httpx.Client, sender: str, message: Any) -> httpx.Response:
    body = sns("Notification", Message=json.dumps(message)) if sender == "cloudwatch" else json.dumps(message).encode()
    return send(client, sender, body)


def pagerduty(what: str, key: str = "PAGEY", at: str = START, **data: Any) -> Any:
    held = about("pagerduty", key)
    held["event"] |= {"event_type": what, "occurred_at": at, "data": held["event"]["data"] | data}
    return held


def mixed() -> Any:
    """Grafana's, of two alerts: one is over, elsewhere; times have another offset, values are null."""
    held = about("grafana", "mixed", commonLabels={"alertname": "HighErrorRate"})
    (on,) = held["alerts"]
    on |= {"startsAt": "2026-03-10T16:00:00+02:00", "values": None}
    over = on | {"status": "resolved", "labels": on["labels"] | {"region": "eu-central"}}
    over |= {"startsAt": "2026-03-10T12:10:00Z", "endsAt": "2026-03-10T13:20:00Z"}
    return held | {"alerts": [over, on]}


METRIC = {"Dimensions": [{"value": value, "name": name.title()} for name, value in PLACE.items()], "MetricName": "5xx"}
MATH = [
    {"Id": "e1", "Expression": "m1/m2"},
    {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Sum"}},
]
CUSTOM = [
    {"id": "P1", "type": "field_value", "name": "environment", "data_type": "string", "field_type": "single_value",
     "value": PLACE["environment"]},
    {"id": "P2", "type": "field_value", "name": "region", "data_type": "string", "field_type": "multi_value_fixed",
     "value": [PLACE["region"]]},
]  # fmt: skip
OTEL = {"service.name": PLACE["service"], "cloud.region": PLACE["region"], "deployment.environment": "prod"}


def labelled(sender: str, key: str, group: dict[str, str], *alerts: dict[str, str]) -> Any:
    """Several alerts whose labels are their own, and those of their group."""
    (one,) = about(sender, key)["alerts"]
    return about(sender, key, groupLabels=group, commonLabels={}, alerts=[one | {"labels": its} for its in alerts])


PLACES_AND_START = [
    ("grafana", mixed()),
    ("grafana", labelled("grafana", "otel", {}, {"alertname": "5xx", **OTEL})),
    ("alertmanager", labelled("alertmanager", "group", PLACE, {"instance": "1"}, {"instance": "2"})),
    (
        "alertmanager",
        labelled("alertmanager", "app", {}, {"app": "shop.gateway", "stage": "prod", "region": "us-east"}),
    ),
    ("pagerduty", pagerduty("incident.triggered", "fields", custom_fields=CUSTOM)),
    (
        "cloudwatch",
        about(
            "cloudwatch",
            "composite",
            Trigger=None,
            AlarmRule="ALARM(a) OR ALARM(b)",
            TriggeringChildren=[
                {"Arn": "arn:a", "State": {"Value": "ALARM", "Timestamp": "2026-03-10T13:59:00.000+0000"}},
            ],
            AlarmDescription=json.dumps(PLACE),
        ),
    ),
    ("datadog", about("datadog", "scope", tags="", alert_scope="service:shop.gateway,env:prod,region:us-east")),
    ("datadog", about("datadog", "none", alert_transition="No Data")),
    ("cloudwatch", about("cloudwatch", "math", AlarmArn="arn:math", Trigger={"Period": 60, "Metrics": MATH})),
    ("pagerduty", pagerduty("incident.triggered", "plain", priority=None, assignees=[], escalation_policy=None)),
]
"""Messages of other shapes that the senders document: several alerts, a metric of metrics, tags in another field."""


@pytest.mark.parametrize(
    ("sender", "message"),
    PLACES_AND_START,
    ids=["mixed", "otel", "group", "app", "fields", "composite", "scope", "no data", "math", "plain"],
)
def test_other_shapes_give_the_parameters_too(client: httpx.Client, sender: str, message: Any) -> None:
    answer = told(client, sender, message)
    assert answer.status_code == 202, answer.text
    found = understood(client, answer.json()["id"])
    assert (found["service_name"], found["region"], found["environment"]) == tuple(PLACE.values())
    origins = [found["origins"][name] for name in ("service_name", "region", "environment")]
    assert all(origin.startswith("text, labelled") for origin in origins)  # no prose
    assert found["incident_start"][:19] == START[:19]


@pytest.mark.parametrize(
    ("sender", "message", "status"),
    [
        ("pagerduty", pagerduty("pagey.ping", id="x", type="ping", message="Hello from your friend Pagey!"), 200),
        ("pagerduty", pagerduty("incident.acknowledged"), 200),
        ("pagerduty", pagerduty("service.updated"), 200),
        ("cloudwatch", about("cloudwatch", "few", NewStateValue="INSUFFICIENT_DATA"), 200),
        ("datadog", {"id": "7", "title": "5xx", "body": "", "date": "1773151200000", "event_type": "x"}, 422),
        ("cloudwatch", {"budget": "exceeded"}, 422),
        ("alertmanager", {"groupKey": "x"}, 422),
    ],
    ids=["ping", "acknowledged", "service", "insufficient", "default payload", "no alarm", "no status"],
)
def test_what_begins_nothing_is_heard_and_what_cannot_be_read_is_refused(
    client: httpx.Client, sender: str, message: Any, status: int
) -> None:
    assert told(client, sender, message).status_code == status


def test_an_incident_that_is_reopened_is_another(client: httpx.Client) -> None:
    first = told(client, "pagerduty", pagerduty("incident.triggered", "again")).json()["id"]
    read_events(client, first, headers=bearer("ada"))
    until(lambda: state(client, first, headers=bearer("ada")) == "finished")
    assert told(client, "pagerduty", pagerduty("incident.reopened", "again")).json()["id"] == first  # it is not over
    assert told(client, "pagerduty", pagerduty("incident.resolved", "again", END)).json()["id"] == first
    second = told(client, "pagerduty", pagerduty("incident.reopened", "again", "2026-03-10T15:12:00Z")).json()["id"]
    assert second != first
    assert understood(client, second)["incident_start"][:19] == "2026-03-10T15:12:00"


def test_who_is_unsubscribed_is_heard(client: httpx.Client) -> None:
    url = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Again"
    body = sns("UnsubscribeConfirmation", Message="You have chosen", SubscribeURL=url, Token="x")  # noqa: S106 - SNS calls a message's own mark so
    assert send(client, "cloudwatch", body).json() == {"nothing": "unsubscribed"}
    assert url not in FETCHED  # it is not subscribed again


def test_values_that_the_telemetry_does_not_know_are_asked_about(client: httpx.Client) -> None:
    body = json.loads(BODIES["generic"](False, "unknown")) | {"region": "mars"}
    identity = send(client, "generic", json.dumps(body).encode()).json()["id"]
    asked = read_events(client, identity, until="asked", headers=bearer("ada"))[-1]["data"]["questions"]
    assert "mars" in asked[0]["text"]


Heard = list[tuple[dict[str, str], bytes]]


@contextmanager
def listening(answers: list[Any]) -> Iterator[tuple[str, Heard]]:
    """A server that keeps what it is sent; `answers`: status and body, in turn, the last again and again."""
    heard: Heard = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status, answer = answers.pop(0) if len(answers) > 1 else answers[0]
            heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_said: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/", heard
        server.shutdown()


def test_a_signed_message_goes_out_again_until_it_is_taken(
    incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tsg_agent.web.tell.FIRST_WAIT_S", 0.05)
    with listening([(503, {}), (200, {})]) as (url, heard):
        target = Target(url=url, secret=SecretStr(SECRET))
        serving = Serving(targets={"ours": target}, public_url="http://localhost")
        with served(incident.telemetry, tmp_path, serving) as client:
            identity = begun(client, f"{incident.text}\nReported by ada@example.com")
            until(lambda: len(heard) == 3)
    for sent, body in heard:
        at, _, mac = sent["x-tsg-signature"].removeprefix("t=").partition(",v1=")
        assert mac == hmac.new(SECRET.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    told = [json.loads(body) for _, body in heard]
    assert [one["event"] for one in told] == ["investigation.begun"] * 2 + ["investigation.concluded"]
    assert (told[2]["schema_version"], told[2]["investigation"]) == (1, identity)
    assert told[2]["link"] == f"http://localhost/investigations/{identity}"
    assert told[2]["causes"][0]["subject"] == {"service_version": "3.15.0"}


def test_who_heard_of_the_beginning_hears_of_an_end_by_a_defect(
    incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_named: Any) -> None:
        raise OverflowError

    monkeypatch.setattr("tsg_agent.investigation.running.compile_graph", broken)
    with listening([(200, {})]) as (url, heard):
        serving = Serving(targets={"ours": Target(url=url, secret=SecretStr(SECRET))})
        with served(incident.telemetry, tmp_path, serving) as client:
            begun(client, incident.text)
            until(lambda: len(heard) == 2)
    failed = json.loads(heard[1][1])
    assert (failed["event"], failed["message"]) == ("investigation.failed", "A defect of tsg-agent.")


def test_slack_gets_a_thread_that_calls_nobody_and_names_no_person(incident: Request, tmp_path: Path) -> None:
    with listening([(200, {"ok": True, "ts": "1700000000.000100"})]) as (url, heard):
        target = Target(kind="slack", url=url, secret=SecretStr("xoxb-0123456789abcdef"), channel="C1")
        serving = Serving(targets={"slack": target}, public_url="http://localhost")
        with served(incident.telemetry, tmp_path, serving) as client:
            identity = begun(client, f"<!channel> @here ada@example.com <http://evil.example|click>\n{incident.text}")
            until(lambda: len(heard) == 2)
    first, second = (json.loads(body) for _, body in heard)
    assert "thread_ts" not in first
    assert second["thread_ts"] == "1700000000.000100"
    assert {sent["authorization"] for sent, _ in heard} == {"Bearer xoxb-0123456789abcdef"}
    for message in (first, second):
        assert "<" not in message["text"]
        assert "ada@" not in message["text"]
        assert "http://" not in message["text"].removesuffix(f"\nhttp://localhost/investigations/{identity}")
    assert "3.15.0" in second["text"]
    blocks = [block["text"]["text"] for block in second["blocks"] if block["type"] == "section"]
    assert blocks[0].startswith("*What broke*")
    assert blocks[-1] == f"http://localhost/investigations/{identity}"
    assert "ada@" not in json.dumps(second)


def test_what_a_hook_names_wins(incident: Request, tmp_path: Path) -> None:
    named = Hook(sender="generic", team="shop", secret=SecretStr(SECRET), given=Given(environment="prod"))
    with served(incident.telemetry, tmp_path, Serving(hooks={"generic": named})) as client:
        body = {"key": "x", "service": "shop.gateway", "region": "us-east", "starts_at": START}
        identity = send(client, "generic", json.dumps(body).encode()).json()["id"]
        events = read_events(client, identity)
        assert events[-1]["kind"] == "concluded"
        report = until(lambda: client.get(f"/api/v1/investigations/{identity}/report"))
        assert Report.model_validate_json(report.text).parameters.environment == "prod"
