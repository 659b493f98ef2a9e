"""The talk on the command line."""

import io
from datetime import UTC, datetime

import pytest

from tsg_agent import Request
from tsg_agent.ask import Answer, Conversation
from tsg_agent.ask.commands import talk
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
    assert "plugin_9_tool: " in out
    assert "Roll back version 3.15.0" in out
    assert "[C1] confirmed: Version 3.15.0" in out
    assert "There is no row 'E99'" in out
    assert "## Do now" in out
    assert "1 answers, 0 model calls" in out


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
    assert "Most failures first" in out
