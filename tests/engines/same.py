"""What two engines say of the same incident, compared to a billionth."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from eval.questions.book import Book, Question
from tests.tools.made import args_for, requests
from tsg_agent import Conversation, Report, Request, investigate
from tsg_agent.errors import TelemetryError
from tsg_agent.investigation import open_telemetry
from tsg_agent.settings import Settings
from tsg_agent.telemetry.duckdb import DuckDB
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools import PLUGINS
from tsg_agent.tools.plugin_8_workflows import JUDGED_THERE

RECORDED = Path(__file__).parents[2].parent / "shared" / "incidents"
INCIDENTS = sorted(path.parent for path in RECORDED.glob("*/incident.md")) if RECORDED.is_dir() else []
OWN = {"milliseconds", "id", "created", "sql", "usage", "telemetry"}
"""What differs between two runs, or two places."""
NEAR = 1e-9


def differences(one: Any, other: Any, place: str = "") -> list[str]:
    """Where two plain values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = [key for key in {**one, **other} if key not in OWN]
        return [found for key in keys for found in differences(one.get(key), other.get(key), f"{place}/{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [found for index, (left, right) in pairs for found in differences(left, right, f"{place}/{index}")]
    numbers = isinstance(one, int | float) and isinstance(other, int | float)
    if numbers and abs(one - other) <= NEAR * max(1.0, abs(one)):
        return []
    return [] if one == other else [f"{place}: {one!r} != {other!r}"[:400]]


def rows_of(engine: Engine, **scope: Any) -> list[dict[str, Any]]:
    """What each check finds."""
    return [
        plugin.run(engine, args_for(plugin, **scope), Settings()).model_dump(mode="json", exclude={"sql"})
        for plugin in PLUGINS
    ]


MAPPING = """[api_gateway_logs]
from = "SOURCE"
where = "kind = 'server'"
[api_gateway_logs.columns]
request_id = "id"
timestamp = "at"
region = '"Where"'
environment = "'prod'"
service_name = "'shop'"
latency_ms = "took_us / 1000.0"
status_code = "CASE WHEN code >= 500 THEN 500 ELSE code END"
service_version = ["version", VERSION]
"""


def own_named(version: Callable[[str], dict[str, Any]]) -> list[dict[str, Any]]:
    """Requests in columns of their own names. `version`: what holds a row's."""
    rows = requests(4000, {500: 90}, service_version=["1", "2"] * 2000, endpoint_path="/pay")
    return [
        {
            "Id": row["request_id"],
            "at": row["timestamp"],
            "Where": row["region"],
            "took_us": row["latency_ms"] * 1000,
            "code": row["status_code"],
            **version(row["service_version"]),
            "kind": "server" if place % 5 else "client",
        }
        for place, row in enumerate(rows)
    ]


def assert_a_mapping_gives_the_same(files: Path, url: str, source: str, version: str) -> None:
    """`files`: a folder with own_named's rows as http.parquet; `source`: the server's table of them."""
    own_map, map_there = files.parent / "own.toml", files.parent / "there.toml"
    text = MAPPING.replace("VERSION", json.dumps(version))
    own_map.write_text(text.replace("SOURCE", "http.parquet"))
    map_there.write_text(text.replace("SOURCE", source))
    with DuckDB(str(files), mapping=own_map) as own, open_telemetry(url, mapping=map_there) as other:
        found = rows_of(own)
        assert found[0]["rows"]
        assert differences(found, rows_of(other)) == []


def assert_a_mapping_is_refused(url: str, folder: Path, expression: str) -> None:
    """As a column, and as what leaves rows out."""
    mapping = folder / "m.toml"
    for place in (
        f'[api_gateway_logs.columns]\nregion = "{expression}"\n',
        f'[api_gateway_logs]\nwhere = "{expression}"\n',
    ):
        mapping.write_text(place)
        with pytest.raises(TelemetryError):
            open_telemetry(url, mapping=mapping)


def book_of(name: str) -> Book:
    """Questions about a made incident, as the exam asks them."""
    path = Path(__file__).parents[2] / "eval" / "questions" / f"{name}.yaml"
    return Book.model_validate(yaml.safe_load(path.read_text("utf-8")))


def answers(book: Book, engine: Engine) -> dict[str, str]:
    """What is said to every tenth question, and to those that compare two times."""
    asked = [one for place, one in enumerate(book.questions) if place % 10 == 0 or " before" in one.ask]
    return {one.ask: _said(Conversation(engine, incident=book.text, now=book.scenario.last), one) for one in asked}


def _said(talk: Conversation, question: Question) -> str:
    for before in question.follows:
        talk.ask(before)
    return talk.ask(question.ask).text


def assert_runs_are_judged_there(own: Engine, server: Engine) -> None:
    """Too many steps to bring: the server judges their runs, and says the same of them."""
    workflows = PLUGINS[7]
    here, there = (workflows.run(one, args_for(workflows), Settings()) for one in (own, server))
    assert (here.notes, there.notes, there.reason) == ([], [JUDGED_THERE], "")
    shown = [one.model_dump(mode="json")["rows"] for one in (here, there)]
    assert shown[0]
    assert differences(*shown) == []


def concluded(text: str, engine: Engine, telemetry: str) -> dict[str, Any]:
    report: Report = investigate(Request(text=text, telemetry=telemetry), engine=engine)
    told = report.model_dump(mode="json")
    return told | {"notes": [note for note in told["notes"] if "now is" not in note]}
