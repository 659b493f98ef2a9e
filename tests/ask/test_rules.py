"""Questions without a model."""

from datetime import UTC, datetime

import pytest

from tsg_agent import QuestionError, Request, Settings
from tsg_agent.ask import Conversation, answer
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "checks"),
    [
        ("which endpoints failed most in us-west?", ["plugin_6_tool"]),
        ("is version 3.15.0 worse than the one before?", ["plugin_1_tool"]),
        ("does a feature flag matter?", ["plugin_2_tool"]),
        ("which regions are degraded?", ["plugin_3_tool"]),
        ("is an availability zone short of memory?", ["plugin_5_tool"]),
        ("which customer tier is hurt?", ["plugin_7_tool"]),
        ("do workflows complete?", ["plugin_8_tool"]),
        ("why is checkout failing?", ["run_guide"]),
        ("what is the root cause?", ["run_guide"]),
        ("what should we do?", ["run_guide"]),
        ("why not the flag?", ["run_guide"]),
        ("who was rate limited most?", []),
        ("sing a song", []),
    ],
)
def test_a_question_is_answered_by_its_check_or_the_guide(
    question: str, checks: list[str], engine: Engine, incident: Request
) -> None:
    assert Conversation(engine, incident=incident.text, now=NOW).ask(question).checks == checks


def test_a_ranking_counts_what_the_telemetry_holds(engine: Engine) -> None:
    question = "which versions failed most in us-east in prod for shop.gateway?"
    found = answer(question, engine, now=NOW)
    assert found.mode == "rules only"
    assert found.checks == ["plugin_1_tool"]
    assert "1. Version 3.15.0" in found.text
    assert "[Q1.1]" in found.text
    assert "service_version = 3.15.0" in found.evidence["Q1.1"]
    assert any("the whole telemetry counts" in note for note in found.notes)


def test_a_talk_goes_on(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    first = talk.ask("which endpoints failed most?")
    second = talk.ask("and in us-west?")
    assert first.parameters is not None
    assert second.parameters is not None
    assert (first.parameters.region, second.parameters.region) == ("us-east", "us-west")
    assert first.parameters.start_time == second.parameters.start_time
    assert second.checks == ["plugin_6_tool"]
    assert talk.ask("sing a song").text.startswith("Not answered: “sing” was not understood.")


def test_why_runs_the_guide_once_and_why_not_answers_from_it(engine: Engine, incident: Request) -> None:
    talk = Conversation(engine, incident=incident.text, now=NOW)
    why = talk.ask("why is it failing?")
    assert why.report is not None
    assert why.report.headline in why.text
    assert "Roll back version 3.15.0" in why.text
    not_flag = talk.ask("why not the flag?")
    assert not_flag.report == why.report
    assert "Feature flag problems" in not_flag.text


def test_an_open_region_is_asked_for(engine: Engine) -> None:
    with pytest.raises(QuestionError) as raised:
        answer("which endpoints failed most?", engine, now=NOW, settings=Settings())
    assert "region" in str(raised.value)
