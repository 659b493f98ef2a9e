"""Telemetry as people bring it, end to end: one incident with something odd about how it is written, in several forms.

Version 7.2.0 takes half of the requests from 14:00 on and fails in two of five. What is odd must not change the answer,
or is told.
"""

import csv
import gzip
import io
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tsg_agent import Given, Report, Request, investigate
from tsg_agent.errors import TelemetryError

pytestmark = pytest.mark.slow
BEGIN = datetime(2026, 5, 6, 9, tzinfo=UTC)
BROKEN, END = BEGIN + timedelta(hours=2), BEGIN + timedelta(hours=3)
VERSION = {"service_version": "7.2.0"}
Row = dict[str, Any]
LOGS = "api_gateway_logs"
MAP = f"[{LOGS}.columns]\n"


def rows(requests: int = 3000, bad: int = 503, fails: float = 0.4) -> list[Row]:
    made, rng = [], random.Random(8)
    for number in range(requests):
        time = BEGIN + (END - BEGIN) * number / requests
        new = time >= BROKEN and rng.random() < 0.5
        made.append({
            "request_id": f"{rng.getrandbits(64):016x}", "timestamp": time.isoformat(), "region": "eu-north-1",
            "environment": "live", "service_name": "basket", "service_version": "7.2.0" if new else "7.1.3",
            "endpoint_path": rng.choice(("/add", "/drop", "/list")), "http_method": "GET",
            "status_code": bad if rng.random() < (fails if new else 0.005) else 200,
            "latency_ms": round(rng.uniform(20, 90)), "availability_zone": rng.choice(("n1", "n2")),
        })  # fmt: skip
    return made


def share(made: list[Row], since: bool) -> float:
    side = [row for row in made if (datetime.fromisoformat(row["timestamp"]) >= BROKEN) is since]
    return 100 * sum(row["status_code"] < 500 for row in side) / len(side)


def cells(made: list[Row], mark: str = ",") -> bytes:
    out = io.StringIO()
    table = csv.DictWriter(out, list(made[0]), delimiter=mark)
    table.writeheader()
    table.writerows(made)
    return out.getvalue().encode()


def objects(made: list[Row]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in made).encode()


def each(change: Callable[[Row], Row]) -> bytes:
    return cells([{**row, **change(row)} for row in rows()])


def at(form: str, hours: int = 0) -> bytes:
    late = timedelta(hours=hours)
    return each(lambda row: {"timestamp": f"{datetime.fromisoformat(row['timestamp']) + late:{form}}"})


def concluded(folder: Path, name: str, held: bytes, mapping: str = "", **given: Any) -> Report:
    (folder / "held").mkdir(exist_ok=True)
    (folder / "held" / name).write_bytes(held)
    (folder / "mapping.toml").write_text(mapping)
    asked = Given(
        **({"region": "eu-north-1", "service_name": "basket", "environment": "live"} | given),
        incident_start=BROKEN, start_time=BEGIN, end_time=END,
    )  # fmt: skip
    path = folder / "mapping.toml" if mapping else None
    return investigate(Request(text="", telemetry=str(folder / "held"), mapping=path, given=asked))


def failed(row: Row) -> bool:
    return bool(row["status_code"] >= 500)


SAME: dict[str, tuple[str, bytes, str, str]] = {
    # what is odd: the file, what it holds, a mapping, what is told
    "nothing": (f"{LOGS}.csv", cells(rows()), "", ""),
    "tabs": (f"{LOGS}.tsv", cells(rows(), "\t"), "", ""),
    "tabs, packed": (f"{LOGS}.tsv.gz", gzip.compress(cells(rows(), "\t")), "", ""),
    "a log of cells": (f"{LOGS}.log", cells(rows()), "", ""),
    "a log of objects": (f"{LOGS}.log", objects(rows()), "", ""),
    "a half line of JSON": (f"{LOGS}.jsonl", objects(rows()) + b'{"request_id": "9", "timest', "", "1 line could not"),
    "a half line of cells": (f"{LOGS}.csv", cells(rows()) + b"77,2026-05-06T11:5", "", "1 line could not"),
    "the web servers' time": (f"{LOGS}.csv", at("%d/%b/%Y:%H:%M:%S %z"), "", ""),
    "a mail's time": (f"{LOGS}.csv", at("%a, %d %b %Y %H:%M:%S %z"), "", ""),
    "a comma before milliseconds": (f"{LOGS}.csv", at("%Y-%m-%d %H:%M:%S,291"), "", ""),
    "a comma, and another zone": (f"{LOGS}.csv", at("%Y-%m-%d %H:%M:%S,291 +0200", 2), "", ""),
    "decimal commas": (f"{LOGS}.csv", each(lambda row: {"latency_ms": f"{row['latency_ms']},5"}), "", ""),
    "decimal commas, semicolons": (
        f"{LOGS}.csv",
        cells([{**row, "latency_ms": f"{row['latency_ms']},5"} for row in rows()], ";"),
        "", "",
    ),
    "blanks behind names": (
        f"{LOGS}.csv", each(lambda row: {"service_name": "basket " if failed(row) else "basket"}), "", "one name",
    ),
    "other case and dashes": (
        f"{LOGS}.csv", each(lambda row: {"region": "EU_North_1" if failed(row) else "eu-north-1"}), "", "one name",
    ),
    "gRPC's codes": (f"{LOGS}.csv", each(lambda row: {"status_code": 14 if failed(row) else 0}), "", "gRPC codes"),
    "gRPC's words": (
        f"{LOGS}.csv", each(lambda row: {"status_code": "UNAVAILABLE" if failed(row) else "OK"}), "", "no HTTP status",
    ),
    "Envoy's 0": (f"{LOGS}.csv", each(lambda row: {"status_code": 0 if failed(row) else 200}), "", "'0' as 503"),
    "a class of statuses": (
        f"{LOGS}.csv", each(lambda row: {"status_code": "5xx" if failed(row) else "2xx"}), "", "no HTTP status",
    ),
    "failures twice": (
        f"{LOGS}.csv", cells([row for row in rows() for _ in range(1 + failed(row))]), "", "copies of others",
    ),
    "everything three times": (f"{LOGS}.jsonl", objects(rows() * 3), "", "copies of others"),
    "texts for numbers": (
        "access.json", objects([{**row, "status_code": str(row["status_code"]), "latency_ms": None} for row in rows()]),
        f'[{LOGS}]\nfrom = "access.json"\n', "",
    ),
    "texts for numbers, renamed": (
        "access.json", objects([{**row, "status": str(row["status_code"]), "status_code": None} for row in rows()]),
        f'[{LOGS}]\nfrom = "access.json"\n{MAP}status_code = "status"\n', "",
    ),
    "nanoseconds": (
        f"{LOGS}.csv",
        each(lambda row: {"timestamp": int(datetime.fromisoformat(row["timestamp"]).timestamp()) * 10**9}),
        "", "",
    ),
    "nanoseconds, with the line that is offered": (
        f"{LOGS}.csv",
        each(lambda row: {"timestamp": int(datetime.fromisoformat(row["timestamp"]).timestamp()) * 10**9}),
        f'{MAP}timestamp = "to_timestamp(timestamp / 1e9)"\n', "",
    ),
    "a list of keys and values": (
        "spans.jsonl",
        objects([
            {**row, "status_code": None, "attributes": [
                {"key": "http.method", "value": {"stringValue": "GET"}},
                {"key": "http.response.status_code", "value": {"intValue": str(row["status_code"])}},
            ]}
            for row in rows()
        ]),
        f'[{LOGS}]\nfrom = "spans.jsonl"\n{MAP}status_code = "attributes[\'http.response.status_code\']"\n', "",
    ),
    "a list of names and values": (
        "spans.jsonl",
        objects([
            {**row, "status_code": None, "tags": [{"name": "x"}, {"name": "code", "value": row["status_code"]}]}
            for row in rows()
        ]),
        f'[{LOGS}]\nfrom = "spans.jsonl"\n{MAP}status_code = "tags[\'code\']"\n', "",
    ),
    "no ids": (f"{LOGS}.csv", each(lambda row: {"request_id": None, "timestamp": row["timestamp"][:19]}), "", ""),
    "ids of time and answer": (
        f"{LOGS}.csv", each(lambda row: {"timestamp": row["timestamp"][:16] + ":00Z"}),
        f'{MAP}request_id = "concat(timestamp, service_version, status_code)"\n', "",
    ),
}  # fmt: skip


@pytest.mark.parametrize("odd", SAME)
def test_what_is_odd_does_not_change_the_answer(odd: str, tmp_path: Path) -> None:
    name, held, mapping, told = SAME[odd]
    report = concluded(tmp_path, name, held, mapping)
    assert [cause.subject for cause in report.causes] == [VERSION]
    assert report.causes[0].confidence.value == "confirmed"
    assert report.sla.before is not None and report.sla.after is not None
    assert report.sla.before.availability == pytest.approx(share(rows(), since=False), abs=0.01)
    assert report.sla.after.availability == pytest.approx(share(rows(), since=True), abs=0.01)
    assert told in " ".join(report.notes)


@pytest.mark.parametrize("bad", [401, 403, 429])
def test_a_version_that_refuses_is_named(bad: int, tmp_path: Path) -> None:
    report = concluded(tmp_path, f"{LOGS}.csv", cells(rows(bad=bad)))
    assert report.causes[0].subject == VERSION
    assert "within the SLA" not in report.headline
    assert ("rate limited (429)" if bad == 429 else f"refused (4xx, mostly {bad})") in report.headline
    assert "0 % of requests fail" not in report.communication.product_teams


@pytest.mark.parametrize("bad", [404, 400])
def test_where_nothing_is_answered_well_nothing_is_kept(bad: int, tmp_path: Path) -> None:
    made = [{**row, "status_code": bad if row["timestamp"] >= BROKEN.isoformat() else 200} for row in rows()]
    report = concluded(tmp_path, f"{LOGS}.csv", cells(made))
    assert report.sla.breached
    assert f"only 0 % of requests are answered 2xx or 3xx (100 % before), most of the others {bad}" in report.headline


@pytest.mark.parametrize(("column", "blank"), [("region", None), ("environment", ""), ("region", "-")])
def test_failures_that_lack_a_name_are_told_and_nothing_is_kept(column: str, blank: str | None, tmp_path: Path) -> None:
    made = [{**row, column: blank if failed(row) else row[column]} for row in rows()]
    report = concluded(tmp_path, f"{LOGS}.csv", cells(made))
    lost = [
        sum(failed(row) for row in made if (row["timestamp"] >= BROKEN.isoformat()) is since) for since in (True, False)
    ]
    assert report.sla.breached is None
    said = (
        f"{sum(lost):,} rows without a{'n' * (column[0] == 'e')} {column} are in no figure here, of which {lost[0]} of "
    )
    assert said in " ".join(report.notes)


@pytest.mark.parametrize(("column", "of"), [("sample_rate", 20), ("SampleRate", 0.1), ("sampling_rate", 8)])
def test_sampled_rows_count_as_what_they_stand_for(column: str, of: float, tmp_path: Path) -> None:
    many = round(of if of > 1 else 1 / of)
    rng = random.Random(3)
    made = [{**row, column: 1 if failed(row) else of} for row in rows(12000) if failed(row) or rng.random() < 1 / many]
    report = concluded(tmp_path, f"{LOGS}.csv", cells(made))
    for side, since in ((report.sla.before, False), (report.sla.after, True)):
        half = [row for row in made if (row["timestamp"] >= BROKEN.isoformat()) is since]
        lost = sum(map(failed, half))
        assert side is not None
        assert side.availability == pytest.approx(100 - 100 * lost / (lost + many * (len(half) - lost)), abs=0.01)


@pytest.mark.parametrize("column", ["count", "requests", "hits"])
def test_rows_that_are_counts_are_refused_with_the_line_that_reads_them(column: str, tmp_path: Path) -> None:
    counts: dict[tuple[Any, ...], int] = {}
    for row in rows():
        key = row["timestamp"][:16] + ":00Z", row["service_version"], row["status_code"]
        counts[key] = counts.get(key, 0) + 1
    names = ("timestamp", "service_version", "status_code")
    same = {"region": "eu-north-1", "environment": "live", "service_name": "basket"}
    held = cells([{**dict(zip(names, key, strict=True)), **same, column: n} for key, n in counts.items()])
    ids = f'{MAP}request_id = "concat(timestamp, service_version, status_code)"\n'
    with pytest.raises(TelemetryError, match=f"column '{column}'") as refused:
        concluded(tmp_path, f"{LOGS}.csv", held, ids)
    line = f'weight = "{column}"'
    assert line in refused.value.fix
    report = concluded(tmp_path, f"{LOGS}.csv", held, f"{ids}{line}\n")
    assert report.causes[0].subject == VERSION
    assert report.sla.after is not None
    assert report.sla.after.availability == pytest.approx(share(rows(), since=True), abs=0.01)


@pytest.mark.parametrize("form", ["e41f9ab", "main-20260506", "2026-05-06T1100"])
def test_versions_that_are_no_numbers_are_told_by_when_they_came(form: str, tmp_path: Path) -> None:
    names = {"7.2.0": form, "7.1.3": form.translate(str.maketrans("1496", "7084"))}
    report = concluded(tmp_path, f"{LOGS}.csv", each(lambda row: {"service_version": names[row["service_version"]]}))
    assert report.causes[0].subject == {"service_version": form}
    assert report.causes[0].confidence.value == "confirmed"


@pytest.mark.parametrize("path", ["/order/{}", "/u/{:08x}-1b2c-4d3e-8f90-a1b2c3d4e5f6/cart", "/{}/items"])
def test_paths_with_ids_are_one_endpoint(path: str, tmp_path: Path) -> None:
    made = []
    for number, row in enumerate(rows(fails=0.005)):
        ids = row["endpoint_path"] == "/add"
        broken = ids and row["timestamp"] >= BROKEN.isoformat() and number % 5 < 2
        made.append({
            **row, "endpoint_path": path.format(number + 1000) if ids else row["endpoint_path"],
            "http_method": "POST" if ids or row["endpoint_path"] == "/drop" else "GET",
            "status_code": 500 if broken else row["status_code"],
        })  # fmt: skip
    report = concluded(tmp_path, f"{LOGS}.csv", cells(made))
    assert "{id}" in report.causes[0].subject["endpoint_path"]


@pytest.mark.parametrize("times", [30, 15])
def test_a_version_that_is_many_times_slower_is_named(times: int, tmp_path: Path) -> None:
    held = each(lambda row: {
        "status_code": 200, "latency_ms": row["latency_ms"] * (times if row["service_version"] == "7.2.0" else 1),
    })  # fmt: skip
    report = concluded(tmp_path, f"{LOGS}.csv", held)
    assert report.causes[0].subject == VERSION
    assert "slower than before" in report.headline


@pytest.mark.parametrize("left", [0.03, 0.0])
def test_requests_that_stop_are_the_headline(left: float, tmp_path: Path) -> None:
    rng = random.Random(4)
    made = [row for row in rows(fails=0.0) if row["timestamp"] < BROKEN.isoformat() or rng.random() < left]
    others = [{**row, "service_name": "other", "request_id": f"o{row['request_id']}"} for row in rows(fails=0.0)]
    report = concluded(tmp_path, f"{LOGS}.csv", cells(made + others))
    assert "No incident visible" not in report.headline
    assert ("fell by 96.6 %" if left else "fell by 100 %") in report.headline
    assert not any("nothing changed" in note for note in report.notes)


@pytest.mark.parametrize(("cpu", "memory"), [("cpu", "mem"), ("system.cpu", "system.memory")])
def test_measures_of_one_instant_in_rows_of_their_own_are_all_joined(cpu: str, memory: str, tmp_path: Path) -> None:
    held = [{**row, "instance_id": f"i-{row['availability_zone']}"} for row in rows()]
    measures = [
        {"instance_id": f"i-{zone}", "timestamp": (BEGIN + timedelta(minutes=minute)).isoformat(), "metric": metric,
         "value": value}
        for minute in range(180) for zone in ("n1", "n2") for metric, value in ((cpu, 61.0), (memory, 37.0))
    ]  # fmt: skip
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "infrastructure_metrics.csv").write_bytes(cells(measures))
    mapping = (
        f"[infrastructure_metrics.columns]\ncpu_utilization = \"CASE WHEN metric = '{cpu}' THEN value END\"\n"
        f"memory_utilization = \"CASE WHEN metric = '{memory}' THEN value END\"\n"
    )
    report = concluded(tmp_path, f"{LOGS}.csv", cells(held), mapping)
    zones = next(finding for finding in report.findings if finding.step == 6)
    assert {(row["avg_cpu_usage"], row["avg_memory_usage"]) for row in zones.rows} == {(61.0, 37.0)}
