"""The same requests as each of the known writers would log them."""

# ruff: noqa: E501 - logs have long lines

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2025, 9, 30, 6, 30, tzinfo=UTC)
BROKEN = START + timedelta(minutes=90)
PATHS = ("/basket", "/basket/items", "/pay")


@dataclass(frozen=True)
class Call:
    """One request."""

    number: int
    time: datetime
    version: str
    method: str
    path: str
    status: int
    milliseconds: int

    @property
    def trace(self) -> str:
        return f"{self.number * 7919 + 2**100:032x}"

    @property
    def span(self) -> str:
        return f"{self.number * 104729 + 2**60:016x}"


def calls(number: int = 6000) -> list[Call]:
    """Over two hours and a half; version 7.2.0 takes half of the traffic since BROKEN, and every third call fails."""
    made = []
    for n in range(number):
        time = START + n * timedelta(minutes=150) / number
        new = time >= BROKEN and n % 2 == 0
        status = 503 if (new and n % 3 == 0) or n % 211 == 0 else 404 if n % 97 == 0 else 200
        version = "7.2.0" if new else "7.1.4"
        made.append(Call(n, time, version, ("GET", "POST")[n % 2], PATHS[n % 3], status, 20 + n % 80))
    return made


RESOURCE = {"service.name": "basket", "cloud.region": "eu-north-1", "deployment.environment": "prod"}


def _lines(write: Callable[[Call], str]) -> Callable[[list[Call]], str]:
    return lambda made: "\n".join(map(write, made)) + "\n"


def _objects(write: Callable[[Call], Any]) -> Callable[[list[Call]], str]:
    return _lines(lambda call: json.dumps(write(call)))


def _clf(call: Call) -> str:
    there = call.time + timedelta(hours=-5)
    request = f"{call.method} {call.path}?a=b HTTP/1.1"
    return f'198.51.100.7 - - [{there:%d/%b/%Y:%H:%M:%S} -0500] "{request}" {call.status} 512'


def _keys(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"key": key, "value": {"intValue": str(value)} if isinstance(value, int) else {"stringValue": value}}
        for key, value in values.items()
    ]


def _tags(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "type": "int64" if isinstance(v, int) else "string", "value": v} for key, v in values.items()]


def _span(call: Call) -> dict[str, Any]:
    begin = round(call.time.timestamp() * 1e6) * 1000
    return {
        "traceId": call.trace, "spanId": call.span, "name": f"{call.method} {call.path}", "kind": 2,
        "startTimeUnixNano": str(begin), "endTimeUnixNano": str(begin + call.milliseconds * 1_000_000),
        "attributes": _keys({"http.request.method": call.method, "http.route": call.path, "http.response.status_code": call.status}),
        "status": {"code": 2} if call.status >= 500 else {},
    }  # fmt: skip


def _client(call: Call) -> dict[str, Any]:
    """The same call as its caller saw it: no request of the service's own."""
    return {**_span(call), "spanId": f"c{call.span[1:]}", "kind": 3}


def otlp(made: list[Call]) -> str:
    lines = []
    for start in range(0, len(made), 50):
        versions = sorted({call.version for call in made[start : start + 50]})
        spans = [
            {
                "resource": {"attributes": _keys({**RESOURCE, "service.version": version})},
                "scopeSpans": [
                    {
                        "scope": {},
                        "spans": [
                            make(c)
                            for c in made[start : start + 50]
                            if c.version == version
                            for make in (_span, _client)
                        ],
                    }
                ],
            }
            for version in versions
        ]
        lines.append(json.dumps({"resourceSpans": spans}))
    return "\n".join(lines)


def jaeger(made: list[Call]) -> str:
    traces = []
    for call in made:
        span = {
            "traceID": call.trace, "spanID": call.span, "operationName": f"{call.method} {call.path}",
            "references": [], "startTime": round(call.time.timestamp() * 1e6), "duration": call.milliseconds * 1000,
            "tags": _tags({"span.kind": "server", "http.method": call.method, "http.route": call.path,
                           "http.status_code": call.status, "error": call.status >= 500}),
            "logs": [], "processID": "p1",
        }  # fmt: skip
        tags = {"service.version": call.version, "cloud.region": "eu-north-1"}
        processes = {"p1": {"serviceName": "basket", "tags": _tags(tags)}}
        traces.append({"traceID": call.trace, "spans": [span], "processes": processes})
    return json.dumps({"data": traces, "total": 0, "limit": 0, "errors": None})


def zipkin(made: list[Call]) -> str:
    return json.dumps([
        {
            "traceId": call.trace, "id": call.span, "kind": "SERVER", "name": f"{call.method.lower()} {call.path}",
            "timestamp": round(call.time.timestamp() * 1e6), "duration": call.milliseconds * 1000,
            "localEndpoint": {"serviceName": "basket", "ipv4": "10.0.0.3"},
            "tags": {"http.method": call.method, "http.path": call.path, "http.status_code": str(call.status),
                     "version": call.version, "cloud.region": "eu-north-1"},
        }
        for call in made
    ])  # fmt: skip


def _envoy(call: Call) -> str:
    flags = "UC" if call.status == 503 else "-"
    cluster = f"outbound|80|{call.version}|basket.shop.svc.cluster.local"
    return (
        f'[{call.time:%Y-%m-%dT%H:%M:%S}.{call.time.microsecond // 1000:03}Z] "{call.method} {call.path} HTTP/1.1" '
        f'{0 if call.status == 503 else call.status} {flags} via_upstream - "-" 0 120 {call.milliseconds} 3 "-" "curl/8" '
        f'"{call.trace}" "basket:80" "10.0.0.3:8080" {cluster} 10.0.0.9:4 10.0.0.3:80 - default'
    )


def _alb(call: Call) -> str:
    seconds = "-1 -1 -1" if call.status == 503 else f"0.000 {call.milliseconds / 1000:.3f} 0.000"
    group = "arn:aws:elasticloadbalancing:eu-north-1:1234:targetgroup/basket/73e2d6bc24d8a067"
    return (
        f"h2 {call.time:%Y-%m-%dT%H:%M:%S.%fZ} app/shop/50dc6c495c0c9188 192.0.2.1:2817 10.0.0.1:80 {seconds} "
        f'{call.status} {"-" if call.status == 503 else call.status} 34 366 "{call.method} https://shop.example:443{call.path}?x=1 HTTP/2.0" '
        f'"curl/7.46.0" ECDHE TLSv1.2 {group} "Root=1-{call.trace[:8]}-{call.span}{call.number}" "shop.example" "arn" 0 '
        f'{call.time:%Y-%m-%dT%H:%M:%S.%fZ} "forward" "-" "-" "10.0.0.1:80" "200" "-" "-"'
    )


def _w3c(fields: str, write: Callable[[Call], str], mark: str = " ") -> Callable[[list[Call]], str]:
    return lambda made: (
        f"#Version: 1.0\n#Fields: {fields}\n" + "\n".join(write(call).replace(" ", mark) for call in made)
    )


def prometheus(made: list[Call], *, rising: bool) -> str:
    """A sample a minute of each series."""
    series: dict[tuple[str, int], list[int]] = {}
    for call in made:
        held = series.setdefault((call.version, call.status), [0] * 151)
        held[int((call.time - START) / timedelta(minutes=1)) + 1] += 1
    result = []
    for (version, status), counts in series.items():
        levels = [sum(counts[: n + 1]) for n in range(len(counts))] if rising else counts
        times = [START.timestamp() + 60 * n for n in range(len(levels))]
        metric = {"service": "basket", "version": version, "status": str(status), "region": "eu-north-1"}
        metric |= {"__name__": "http_requests_total"} if rising else {}
        values = [[time, str(level)] for time, level in zip(times, levels, strict=True)]
        result.append({"metric": metric, "values": values})
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


def cloudwatch(made: list[Call]) -> str:
    rows = [
        "Timestamp,LoadBalancer,RequestCount,HTTPCode_Target_4XX_Count,HTTPCode_Target_5XX_Count,TargetResponseTime"
    ]
    for minute in range(150):
        time = START + timedelta(minutes=minute)
        held = [call for call in made if time <= call.time < time + timedelta(minutes=1)]
        counts = [sum(low <= call.status < low + 100 for call in held) for low in (400, 500)]
        rows.append(f"{time:%Y-%m-%dT%H:%M:%SZ},app/basket/50dc6c,{len(held)},{counts[0]},{counts[1]},0.061")
    return "\n".join(rows)


def cloudwatch_data(made: list[Call]) -> str:
    """Of two load balancers: the other one is idle while requests fail at the first, and a metric has no value where it would be 0."""
    minutes = [START + timedelta(minutes=n) for n in range(150)]
    bad = next(call.time for call in made if call.status == 503).replace(second=0, microsecond=0)
    metrics = (("RequestCount", 200), ("HTTPCode_Target_4XX_Count", 400), ("HTTPCode_Target_5XX_Count", 500))
    results = []
    for name, low in metrics:
        counted = [
            (t, sum(low == 200 or low <= c.status < low + 100 for c in made if t <= c.time < t + timedelta(minutes=1)))
            for t in reversed(minutes)
        ]
        held = [(t, float(n)) for t, n in counted if n]
        for balancer in ("app/basket/50dc6c", "app/basket/2"):
            some = held if balancer.endswith("c") else [(bad, 0.0)]
            results.append({
                "Id": f"m{len(results)}", "Label": f"{balancer} {name}", "StatusCode": "Complete",
                "Timestamps": [t.isoformat() for t, _ in some], "Values": [n for _, n in some],
            })  # fmt: skip
    return json.dumps({"MetricDataResults": results, "Messages": []})


def _azure(call: Call) -> dict[str, Any]:
    return {
        "time": call.time.isoformat(), "category": "ApplicationGatewayAccessLog", "operationName": "ApplicationGatewayAccess",
        "properties": {"httpMethod": call.method, "requestUri": call.path, "httpStatus": call.status, "host": "basket",
                       "timeTaken": call.milliseconds / 1000, "sentBytes": 20, "transactionId": call.trace},
    }  # fmt: skip


def _app(call: Call) -> dict[str, Any]:
    return {
        "ts": call.time.isoformat(), "method": call.method, "path": call.path, "status": call.status, "service": "basket",
        "version": call.version, "duration_ms": call.milliseconds, "request_id": call.trace, "region": "eu-north-1",
    }  # fmt: skip


def _edge(number: int) -> dict[str, Any]:
    faults = {"OtherCount": 0, "TotalCount": 0}
    return {
        "ReferenceId": number,
        "StartTime": 1.0,
        "SummaryStatistics": {"OkCount": 3, "FaultStatistics": faults},
        "Aliases": [],
    }


def _node(name: str, **more: Any) -> dict[str, Any]:
    return {"data": {"id": f"id-{name}", "cluster": "k", "namespace": "shop", **more}}


def _series(**labels: str) -> dict[str, Any]:
    return {"metric": {**labels, "job": "mesh"}, "value": [1759213800.5, "12"]}


MAPS: dict[str, Any] = {
    "jaeger-calls": {"data": [{"parent": "basket", "child": "pay", "callCount": 4},
                              {"parent": "pay", "child": "ledger.example", "callCount": 2}], "total": 0, "errors": None},
    "zipkin-calls": [{"parent": "basket", "child": "pay", "callCount": 4, "errorCount": 1},
                     {"parent": "pay", "child": "ledger.example", "callCount": 2}],
    "xray-calls": {"StartTime": 1.0, "EndTime": 2.0, "ContainsOldGroupVersions": False, "Services": [
        {"ReferenceId": 7, "Name": "ledger.example", "Names": ["ledger.example"], "Type": "remote", "Edges": []},
        {"ReferenceId": 0, "Name": "basket", "Names": ["basket"], "Root": True, "Type": "AWS::ECS::Fargate", "Edges": [_edge(3)]},
        {"ReferenceId": 3, "Name": "pay", "Names": ["pay"], "State": "active", "Edges": [_edge(7)]}]},
    "kiali-calls": {"timestamp": 1, "duration": 60, "graphType": "versionedApp", "elements": {
        "nodes": [_node("a", nodeType="app", app="basket", workload="basket-v1", version="v1", isRoot=True),
                  _node("b", nodeType="service", app="pay", service="pay"), _node("c", nodeType="app", app="pay", workload="pay-v1"),
                  _node("d", nodeType="service", service="ledger.example", isServiceEntry={"location": "MESH_EXTERNAL"})],
        "edges": [{"data": {"id": one, "source": f"id-{one[0]}", "target": f"id-{one[1]}", "traffic": {"protocol": "http"}}}
                  for one in ("ab", "bc", "cd")]}},
    "prometheus-calls": {"status": "success", "data": {"resultType": "vector", "result": [
        _series(source_workload="basket", destination_workload="pay", response_code="200"),
        _series(source_workload="pay", destination_workload="ledger.example", response_code="503")]}},
}  # fmt: skip
"""A service map of three, as each of its exporters writes it: basket calls pay, which calls ledger.example."""


@dataclass(frozen=True)
class Writer:
    """A format: its ready mapping, the file's name, the text, and which columns of a call it does not hold."""

    name: str
    file: str
    write: Callable[[list[Call]], str]
    lacks: frozenset[str] = frozenset()
    whole_seconds: bool = False


def _writer(
    name: str, file: str, write: Callable[[list[Call]], str], lacks: str = "", *, whole: bool = False
) -> Writer:
    return Writer(name, file, write, frozenset(lacks.split()), whole)


WRITERS = (
    _writer("nginx-combined", "access.log", _lines(lambda c: _clf(c) + ' "-" "Mozilla/5.0 (X11; \\"q\\")"'), "version ms", whole=True),
    _writer("nginx-combined", "common_log.log", _lines(_clf), "version ms", whole=True),
    _writer("nginx-combined", "0.log", _lines(lambda c: f'{c.time.isoformat()} stdout F {_clf(c)} "-" "curl/8" "-"'), "version ms", whole=True),
    _writer("nginx-combined", "timed.log", _lines(lambda c: f'{_clf(c)} "-" "curl/8" {c.milliseconds / 1000:.3f}'), "version", whole=True),
    _writer("nginx-json", "access.json", _objects(lambda c: {
        "time_local": f"{c.time:%d/%b/%Y:%H:%M:%S} +0000", "remote_addr": "192.0.2.8", "request_method": c.method,
        "request_uri": f"{c.path}?x", "status": str(c.status), "request_time": f"{c.milliseconds / 1000:.3f}", "host": "basket",
    }), "version", whole=True),
    _writer("envoy", "proxy.log", _lines(_envoy)),
    _writer("envoy-json", "istio.jsonl", _objects(lambda c: {
        "start_time": c.time.isoformat(), "method": c.method, "path": c.path, "duration": c.milliseconds, "authority": "basket",
        "response_code": 0 if c.status == 503 else c.status, "response_flags": "UC" if c.status == 503 else "-",
        "request_id": c.trace, "upstream_cluster": f"outbound|80|{c.version}|basket.shop.svc.cluster.local",
    })),
    _writer("aws-alb", "alb.log", _lines(_alb), "version failed-ms"),
    _writer("otlp", "traces.json", otlp),
    _writer("otlp-spans", "spans.jsonl", _objects(lambda c: {**_span(c), "resource": {**RESOURCE, "service.version": c.version}})),
    _writer("jaeger", "jaeger.json", jaeger),
    _writer("zipkin", "zipkin.json", zipkin),
    _writer("zipkin-traces", "found.json", lambda made: json.dumps([[span] for span in json.loads(zipkin(made))])),
    _writer("har", "session.json", lambda made: json.dumps({"log": {"version": "1.2", "creator": {"name": "proxy"}, "entries": [
        {"startedDateTime": c.time.isoformat(), "time": c.milliseconds, "request": {"method": c.method, "url": f"https://basket{c.path}?a#b"},
         "response": {"status": 0 if c.status == 503 else c.status, "bodySize": 9}, "timings": {"wait": 3}} for c in made]}}), "version"),
    _writer("clickhouse-otel", "otel_traces.jsonl", _objects(lambda c: {
        "Timestamp": f"{c.time:%Y-%m-%d %H:%M:%S.%f}000", "TraceId": c.trace, "SpanId": c.span, "ParentSpanId": "",
        "SpanName": "x", "SpanKind": "Server", "ServiceName": "basket", "Duration": c.milliseconds * 1_000_000,
        "ResourceAttributes": {"service.version": c.version, "cloud.region": "eu-north-1"},
        "SpanAttributes": {"http.method": c.method, "http.route": c.path, "http.status_code": str(c.status)},
        "StatusCode": "Unset", "StatusMessage": "",
    })),
    _writer("cloudfront", "edge.log", _w3c("date time x-edge-location sc-bytes cs-method cs(Host) cs-uri-stem sc-status x-edge-request-id time-taken", lambda c:
        f"{c.time:%Y-%m-%d %H:%M:%S} ARN1 900 {c.method} basket {c.path} {c.status} {c.trace} {c.milliseconds / 1000:.3f}", "\t"), "version", whole=True),
    _writer("iis", "u_ex250930.log", _w3c("date time s-ip cs-method cs-uri-stem cs-uri-query sc-status sc-substatus sc-win32-status time-taken", lambda c:
        f"{c.time:%Y-%m-%d %H:%M:%S} 10.0.0.4 {c.method} {c.path} - {c.status} 0 0 {c.milliseconds}"), "version", whole=True),
    _writer("gcp-load-balancer", "lb.json", _objects(lambda c: {
        "insertId": c.span, "timestamp": c.time.isoformat(), "logName": "requests",
        "httpRequest": {"requestMethod": c.method, "requestUrl": f"https://shop.example{c.path}?a=1", "status": c.status, "latency": f"{c.milliseconds / 1000:.6f}s"},
        "resource": {"type": "http_load_balancer", "labels": {"backend_service_name": "basket", "region": "eu-north-1"}},
    }), "version"),
    _writer("azure-gateway", "gateway.jsonl", _objects(_azure), "version"),
    _writer("azure-gateway", "v2.jsonl", _objects(lambda c: {"timeStamp": (held := _azure(c)).pop("time"), **held}), "version"),
    _writer("azure-records", "PT1H.json", lambda made: json.dumps({"records": list(map(_azure, made))}), "version"),
    _writer("docker", "container-json.log", _objects(lambda c: {
        "log": json.dumps(_app(c)) + "\n" if c.number != 5 else "started\n", "stream": "stdout", "time": c.time.isoformat()}), "five"),
    _writer("kubernetes", "0.log", _lines(lambda c: f"{c.time.isoformat()} stdout F {json.dumps(_app(c))}")),
    _writer("prometheus-counter", "range.json", lambda made: prometheus(made, rising=True), "method path ms each"),
    _writer("prometheus-increase", "increase.json", lambda made: prometheus(made, rising=False), "method path ms each"),
    _writer("cloudwatch-data", "data.json", cloudwatch_data, "method path ms version each"),
    _writer("cloudwatch-alb", "metrics.csv", cloudwatch, "method path ms version each"),
)  # fmt: skip


def put(writer: Writer, folder: Path, made: list[Call]) -> Path:
    """The file that a writer would have made."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / writer.file
    path.write_text(writer.write(made))
    return path


CONTAINED = frozenset({"docker", "kubernetes"})
"""Writers around another: what they keep is recognised or guessed, as if it stood alone."""
