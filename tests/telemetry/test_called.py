"""Traces of several services: what failed is told by the service in which a request's calls end."""

import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.telemetry.traces import (
    BEGIN,
    BROKEN,
    END,
    Call,
    Incident,
    Span,
    clickhouse,
    jaeger,
    otlp,
    traces,
    zipkin,
)
from tsg_agent import Given, Report, Request, investigate
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.formats import path_of

Writer = Callable[[list[Span], Path], str]


def concluded(incident: Incident, writer: Writer, folder: Path, service: str = "checkout") -> Report:
    mapping = path_of(writer(traces(incident), folder))
    given = Given(
        region="all", service_name=service, environment="prod", incident_start=BROKEN, start_time=BEGIN, end_time=END
    )
    return investigate(Request(text="", telemetry=str(folder), mapping=mapping, given=given))


def shop(path: str, *calls: Call, status: int = 200, ms: float = 60.0, version: str = "") -> Call:
    """What customers call: the shop's front, which calls the checkout, which looks into the stock first."""
    stock = Call("stock", "/reserve", ms=8.0)
    inner = Call("checkout", path, status, ms, (stock, *calls), version)
    return Call("front", path, status, ms + 5, (inner,))


def payment_fails(path: str, broken: bool, rng: random.Random) -> Call:
    if path not in ("/pay", "/cart"):
        return shop(path)
    status = 503 if rng.random() < (0.6 if broken else 0.005) else 200
    return shop(path, Call("payment", "/charge", status), status=status)


def checkout_fails(path: str, broken: bool, rng: random.Random) -> Call:
    """The control: the payment that it calls is well."""
    fails = path == "/pay" and rng.random() < (0.6 if broken else 0.005)
    return shop(path, *[Call("payment", "/charge")] * (path == "/pay"), status=500 if fails else 200)


def payment_is_slow(path: str, broken: bool, rng: random.Random) -> Call:
    if path != "/pay":
        return shop(path)
    ms = rng.uniform(6000, 9000) if broken and rng.random() < 0.5 else rng.uniform(20, 60)
    return shop(path, Call("payment", "/charge", ms=ms), ms=ms + 10)


def checkout_is_slow(path: str, broken: bool, rng: random.Random) -> Call:
    ms = rng.uniform(6000, 9000) if path == "/pay" and broken and rng.random() < 0.5 else rng.uniform(60, 90)
    return shop(path, *[Call("payment", "/charge", ms=rng.uniform(20, 50))] * (path == "/pay"), ms=ms)


def bank_fails(path: str, broken: bool, rng: random.Random) -> Call:
    """Two services further: the payment only passes it on."""
    if path not in ("/pay", "/cart"):
        return shop(path)
    status = 502 if rng.random() < (0.5 if broken else 0.005) else 200
    payment = Call("payment", "/charge", 503 if status > 200 else 200, calls=(Call("bank", "/book", status),))
    return shop(path, payment, status=500 if status > 200 else 200)


def database_fails(path: str, broken: bool, rng: random.Random) -> Call:
    """It has no spans of its own."""
    if path != "/cart":
        return shop(path)
    status = 500 if rng.random() < (0.5 if broken else 0.005) else 200
    return shop(path, Call("orders-db", "select", status, recorded=False), status=status)


def payment_is_not_waited_for(path: str, broken: bool, rng: random.Random) -> Call:
    """Its answer is well, and too late."""
    if path != "/pay":
        return shop(path)
    late = rng.random() < (0.5 if broken else 0.005)
    payment = Call("payment", "/charge", ms=9000 if late else 40, seen=504 if late else 200)
    return shop(path, payment, status=504 if late else 200, ms=3000 if late else 60)


def everything_needs_payment(_: str, broken: bool, rng: random.Random) -> Call:
    status = 503 if rng.random() < (0.6 if broken else 0.005) else 200
    return shop("/pay", Call("payment", "/charge", status), status=status)


def advice_always_fails(path: str, broken: bool, rng: random.Random) -> Call:
    """Nobody needs it: its callers are well. What fails is a version of the checkout."""
    version = "2.4.1" if broken and rng.random() < 0.5 else "2.4.0"
    status = 500 if rng.random() < (0.4 if version == "2.4.1" else 0.005) else 200
    advice = Call("advice", "/also", 500 if rng.random() < 0.7 else 200)
    return shop(path, advice, Call("payment", "/charge"), status=status, version=version)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("incident", "writer", "subject"),
    [
        (payment_fails, zipkin, {"dependency_name": "payment"}),
        (checkout_fails, zipkin, {"endpoint_path": "/pay"}),
        (checkout_fails, jaeger, {"endpoint_path": "/pay"}),
        (payment_is_slow, clickhouse, {"dependency_name": "payment"}),
        (checkout_is_slow, clickhouse, {"endpoint_path": "/pay"}),
        (bank_fails, jaeger, {"dependency_name": "bank"}),
        (database_fails, otlp, {"dependency_name": "orders-db"}),
        (payment_is_not_waited_for, jaeger, {"dependency_name": "payment"}),
        (everything_needs_payment, otlp, {"dependency_name": "payment"}),
        (advice_always_fails, clickhouse, {"service_version": "2.4.1"}),
    ],
)
def test_the_service_in_which_calls_end_is_named_first(
    incident: Incident, writer: Writer, subject: dict[str, str], tmp_path: Path
) -> None:
    report = concluded(incident, writer, tmp_path)
    assert report.causes, report.headline
    assert report.causes[0].subject == subject, report.headline


@pytest.mark.parametrize(
    ("incident", "subject"),
    [(payment_fails, {"dependency_name": "payment"}), (checkout_fails, {"endpoint_path": "/pay"})],
)
def test_of_two_incidents_that_look_alike_the_spans_tell_whose_it_is(
    incident: Incident, subject: dict[str, str], tmp_path: Path
) -> None:
    report = concluded(incident, otlp, tmp_path)
    assert report.causes[0].subject == subject
    assert report.actions[0].target.items() >= subject.items()


@pytest.mark.parametrize("writer", [otlp, jaeger, zipkin, clickhouse])
def test_each_request_names_the_service_in_which_its_calls_end(writer: Writer, tmp_path: Path) -> None:
    made = traces(bank_fails, 60)
    wanted = Counter(
        (span.call.service, span.status // 100, "bank" if span.call.path in {"/pay", "/cart"} else "stock")
        for span in made
        if span.kind == "server" and span.call.service in {"front", "checkout"}
    )
    engine = DuckDB(tmp_path, mapping=path_of(writer(made, tmp_path)))
    rows = engine.run(
        "SELECT service_name, status_code // 100 AS kind, dependency_name, parent_span_id IN (SELECT span_id FROM "
        "api_gateway_logs) AS linked FROM api_gateway_logs WHERE service_name IN ('front', 'checkout')",
        {},
        timeout=9,
    ).to_pylist()
    assert Counter((row["service_name"], row["kind"], row["dependency_name"]) for row in rows) == wanted
    assert all(row["linked"] for row in rows if row["service_name"] == "checkout")
