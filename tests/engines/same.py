"""What two engines say of the same incident, compared to a billionth."""

from pathlib import Path
from typing import Any

import yaml

from eval.questions.book import Book, Question
from tests.tools.made import args_for
from tsg_agent import Conversation, Report, Request, investigate
from tsg_agent.settings import Settings
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
