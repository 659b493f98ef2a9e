"""Questions without a model."""

from datetime import UTC, datetime

import pytest

from tsg_agent import QuestionError, Request, Settings
from tsg_agent.ask import Conversation, answer
from tsg_agent.ask.topics import topic_of
from tsg_agent.models import Measure
from tsg_agent.telemetry.engine import Engine

NOW = datetime(2026, 3, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("question", "plugins", "guide"),
    [
        ("which endpoints failed most in us-west between 07:00 and 08:00?", (6,), False),
        ("is version 3.15.0 worse than the one before?", (1,), False),
        ("does a feature flag matter?", (2,), False),
        ("which regions are degraded?", (3,), False),
        ("any shard with errors?", (4, 9), False),
        ("is an availability zone short of memory?", (5,), False),
        ("which customer tier is hurt?", (7,), False),
        ("do workflows complete?", (8,), False),
        ("what are the top exceptions?", (9,), False),
        ("why is checkout failing?", (8,), True),
        ("what is the root cause?", (), True),
        ("what should we do?", (), True),
        ("why not the flag?", (2,), True),
        ("who was rate limited most?", (6,), False),
        ("sing a song", (), False),
    ],
)
def test_a_question_is_mapped_by_its_words(question: str, plugins: tuple[int, ...], guide: bool) -> None:
    topic = topic_of(question)
    assert (topic.plugins, topic.guide) == (plugins, guide)


def test_the_measure_is_in_the_words() -> None:
    assert topic_of("who was rate limited most?").measure is Measure.RATE_LIMITED
    assert topic_of("which endpoint is slowest?").measure is Measure.SLOW


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
    assert talk.ask("sing a song").text.startswith("This question could not be mapped")


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
