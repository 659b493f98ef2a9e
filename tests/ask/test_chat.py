"""The talk on the command line."""

import io
import re
from datetime import UTC, datetime

import pytest

from tests.ask.test_agent import WINDOW, calls, settings
from tests.llm.server import Say, each, serving
from tsg_agent import Request, Settings
from tsg_agent.ask import Answer, Conversation
from tsg_agent.ask.tools import ToolBench, agent_tools
from tsg_agent.cli.talk import talk
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 3, 11, tzinfo=UTC)


def said(talker: Conversation, text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    talk(talker)
    return capsys.readouterr().out


def test_a_talk_with_its_commands(
    engine: Engine, incident: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talker = Conversation(engine, incident=incident.text, now=NOW)
    lines = [
        "/report",
        "/tools",
        "why is it failing?",
        "/evidence C1",
        "/evidence E99",
        "/report",
        "/cost",
        "/what",
        "/quit",
    ]
    out = said(talker, "\n".join(lines), monkeypatch, capsys)
    assert "There is no investigation yet" in out
    assert "check errors: " in out
    assert "Roll back version 3.15.0" in out
    assert "[C1] confirmed: Version 3.15.0" in out
    assert "There is no row 'E99'" in out
    assert "## Do now" in out
    assert "1 answer, 0 model calls" in out
    assert "There is no command /what. /tools lists the tools" in out


def test_every_tool_of_the_agent_is_listed_in_a_line(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    talker = Conversation(engine, now=NOW)
    head, *lines = said(talker, "/tools\n/quit", monkeypatch, capsys).strip().splitlines()
    tools = agent_tools(ToolBench(engine, Settings(), lambda _given: pytest.fail("nothing is run")))
    assert list(dict.fromkeys(re.split("[: ]", line)[0] for line in lines)) == [tool.name for tool in tools]
    assert len(lines) == 14
    assert all(20 < len(line) < 240 for line in lines)
    assert "Without a model" in head


def test_a_check_that_was_made_is_shown_with_all_its_rows_though_the_answer_cites_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    check, answer = calls("plugin_1_tool", **WINDOW), Say("Version 3.15.0 regressed [E2.1].")
    with serving(each(check, answer)) as endpoint:
        talker = Conversation(engine, settings(endpoint), now=NOW)
        lines = "/evidence\nwhich version fails?\n/evidence\n/evidence e2\n/evidence [E2.2]\n/cost\n/TOOLS\n/help\n"
        out = said(talker, lines, monkeypatch, capsys)
    assert out.startswith("There is no evidence yet")
    assert "Known: E2.\n[E2] Service version regression" in out
    assert out.count("[E2.2] service_version") == 2
    assert "1 answer, 2 model calls, 200 tokens read" in out
    assert "The model has these tools" in out
    assert out.rstrip().endswith("Anything else is a question.")
    assert talker.answers[0].checks == ["plugin_1_tool"]


def test_an_earlier_investigation_is_evidence_and_not_a_tool_that_was_called(engine: Engine, incident: Request) -> None:
    script = each(calls("run_guide"), Say("It is the confirmed cause [C1]."), Say("It is still the cause [C1]."))
    with serving(script) as endpoint:
        talker = Conversation(engine, settings(endpoint), incident=incident.text, now=NOW)
        assert [talker.ask(question).checks for question in ("why?", "and now?")] == [["run_guide"], []]


def test_control_c_stops_an_answer_and_not_the_program(
    engine: Engine, incident: Request, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Interrupted(Conversation):
        def ask(self, question: str, said: object = None) -> Answer:
            if question == "slow":
                raise KeyboardInterrupt
            return super().ask(question)

    out = said(
        Interrupted(engine, incident=incident.text, now=NOW),
        "slow\nwhich endpoints failed most?\n",
        monkeypatch,
        capsys,
    )
    assert "Ordered by failures, highest first" in out
