"""Traces of several services as four tools export them: each span has its own service, client spans between."""

import csv
import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)
BROKEN = BEGIN + timedelta(hours=2)
END = BEGIN + timedelta(hours=3)
VERSIONS = {"checkout": "2.4.0", "payment": "8.1.0"}


@dataclass(frozen=True)
class Call:
    """A request that a service answers, and what it calls for it."""

    service: str
    path: str
    status: int = 200
    ms: float = 60.0
    calls: tuple["Call", ...] = ()
    version: str = ""
    seen: int | None = None
    """What its caller saw, where that is another answer."""
    recorded: bool = True
    """Whether the service has spans of its own: a database has none."""


@dataclass(frozen=True)
class Span:
    trace: str
    id: str
    parent: str
    kind: str
    call: Call
    start: datetime
    status: int
    to: str = ""


def spans_of(root: Call, start: datetime, rng: random.Random) -> Iterator[Span]:
    """The spans of one trace."""
    trace = f"{rng.getrandbits(128):032x}"

    def new() -> str:
        return f"{rng.getrandbits(64):016x}"

    def below(call: Call, parent: str, start: datetime) -> Iterator[Span]:
        own = new()
        yield Span(trace, own, parent, "server", call, start, call.status)
        inner = new()
        yield Span(trace, inner, own, "internal", replace(call, path="handle"), start, call.status)
        for other in call.calls:
            start += timedelta(milliseconds=2)
            sent = new()
            caller = replace(call, ms=other.ms + 1, path=other.path)
            status = other.status if other.seen is None else other.seen
            yield Span(trace, sent, inner, "client", caller, start, status, other.service)
            if other.recorded:
                yield from below(other, sent, start)

    yield from below(root, "", start)


Incident = Callable[[str, bool, random.Random], Call]
"""The request of a path, before or since the start."""
PATHS = ("/cart", "/items", "/login", "/pay")


def traces(incident: Incident, requests: int = 1200, seed: int = 1) -> list[Span]:
    """Three hours of requests, of which the last is the incident's."""
    rng = random.Random(seed)
    step = (END - BEGIN) / requests
    times = [BEGIN + step * number for number in range(requests)]
    return [span for time in times for span in spans_of(incident(rng.choice(PATHS), time >= BROKEN, rng), time, rng)]


def nanoseconds(span: Span) -> tuple[int, int]:
    start = int(span.start.timestamp() * 1e6) * 1000
    return start, start + int(span.call.ms * 1e6)


def attributes(span: Span) -> dict[str, Any]:
    told: dict[str, Any] = {"http.request.method": "POST", "http.response.status_code": span.status}
    if span.kind == "internal":
        return {}
    return {**told, "server.address": span.to} if span.to else {**told, "http.route": span.call.path}


def version_of(span: Span) -> str:
    return span.call.version or VERSIONS.get(span.call.service, "1.0.0")


def keyed(held: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in held.items()
    ]


def otlp(spans: list[Span], folder: Path) -> str:
    kinds = {"internal": 1, "server": 2, "client": 3}
    with (folder / "traces.jsonl").open("w") as file:
        for span in spans:
            start, end = nanoseconds(span)
            one = {
                "traceId": span.trace, "spanId": span.id, "parentSpanId": span.parent, "name": span.call.path,
                "kind": kinds[span.kind], "startTimeUnixNano": str(start), "endTimeUnixNano": str(end),
                "attributes": keyed(attributes(span)), "status": {"code": 2} if span.status >= 500 else {},
            }  # fmt: skip
            whose = keyed({"service.name": span.call.service, "service.version": version_of(span)})
            scopes = [{"scope": {"name": "http"}, "spans": [one]}]
            file.write(
                json.dumps({"resourceSpans": [{"resource": {"attributes": whose}, "scopeSpans": scopes}]}) + "\n"
            )
    return "otlp"


def jaeger(spans: list[Span], folder: Path) -> str:
    by_trace: dict[str, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace, []).append(span)
    data = []
    for trace, held in by_trace.items():
        whose = {(span.call.service, version_of(span)): f"p{n}" for n, span in enumerate(held)}
        data.append({
            "traceID": trace,
            "spans": [
                {
                    "traceID": trace, "spanID": span.id, "operationName": span.call.path,
                    "references": [{"refType": "CHILD_OF", "spanID": span.parent}][: bool(span.parent)],
                    "startTime": nanoseconds(span)[0] // 1000, "duration": int(span.call.ms * 1000), "logs": [],
                    "processID": whose[span.call.service, version_of(span)],
                    "tags": [
                        {"key": key, "type": "int64" if isinstance(value, int) else "string", "value": value}
                        for key, value in {"span.kind": span.kind, **attributes(span)}.items()
                    ],
                }
                for span in held
            ],
            "processes": {
                key: {"serviceName": service, "tags": [{"key": "service.version", "type": "string", "value": version}]}
                for (service, version), key in whose.items()
            },
        })  # fmt: skip
    (folder / "traces.json").write_text(json.dumps({"data": data, "total": 0, "errors": None}))
    return "jaeger"


def zipkin(spans: list[Span], folder: Path) -> str:
    """As B3 has it: both sides of a call share one id. Spans within a service are left out."""
    by_id = {span.id: span for span in spans}

    def told(span: Span) -> str:
        return span.parent if span.kind == "server" and span.parent else span.id

    def above(span: Span) -> str:
        call = by_id[span.parent] if span.kind == "server" else span
        return told(by_id[by_id[call.parent].parent])

    written = [
        {
            "traceId": span.trace, "id": told(span), "kind": span.kind.upper(), "name": f"post {span.call.path}",
            "timestamp": nanoseconds(span)[0] // 1000, "duration": int(span.call.ms * 1000),
            "localEndpoint": {"serviceName": span.call.service},
            "tags": {"http.path": span.call.path, "service.version": version_of(span)}
            | ({"http.status_code": str(span.status)} if span.status != 200 else {}),
            **({"parentId": above(span)} if span.parent else {}),
            **({"remoteEndpoint": {"serviceName": span.to}} if span.to else {"shared": True}),
        }
        for span in spans if span.kind != "internal"
    ]  # fmt: skip
    (folder / "zipkin.json").write_text(json.dumps(written))
    return "zipkin"


def clickhouse(spans: list[Span], folder: Path) -> str:
    def mapped(held: dict[str, Any]) -> str:
        return "{" + ",".join(f"'{key}':'{value}'" for key, value in held.items()) + "}"

    with (folder / "otel_traces.csv").open("w", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_NONNUMERIC)
        rows.writerow([
            "Timestamp", "TraceId", "SpanId", "ParentSpanId", "SpanName", "SpanKind", "ServiceName",
            "ResourceAttributes", "SpanAttributes", "Duration", "StatusCode", "StatusMessage",
        ])  # fmt: skip
        for span in spans:
            start, end = nanoseconds(span)
            rows.writerow([
                f"{span.start:%Y-%m-%d %H:%M:%S.%f}000", span.trace, span.id, span.parent, span.call.path,
                span.kind.capitalize(), span.call.service, mapped({"service.version": version_of(span)}),
                mapped(attributes(span)), end - start, "Error" if span.status >= 500 else "Unset", "",
            ])  # fmt: skip
    return "clickhouse-otel"


WRITERS: tuple[Callable[[list[Span], Path], str], ...] = (otlp, jaeger, zipkin, clickhouse)
