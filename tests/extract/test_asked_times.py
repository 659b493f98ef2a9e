"""The window that a question names."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tsg_agent.extract.question_span import QuestionTimes, asked_window


def at(clock: str, day: int = 10) -> datetime:
    hour, minute = map(int, clock.split(":"))
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


FRAME = QuestionTimes(
    start=at("12:00"),
    end=at("15:15"),
    first=at("08:00", 8),
    last=at("15:15"),
    now=datetime(2026, 11, 25, 22, tzinfo=UTC),
    began=at("14:00"),
)
LIVE = replace(FRAME, now=at("15:20"))
NO_INCIDENT = replace(FRAME, start=FRAME.first, began=None)

READ = [
    ("errors after 14:00", "14:00", "15:15"),
    ("errors since 2pm", "14:00", "15:15"),
    ("errors since 14:00?", "14:00", "15:15"),
    ("errors from 14:00 onwards", "14:00", "15:15"),
    ("errors starting at 14:30", "14:30", "15:15"),
    ("errors before 14:00", "12:00", "14:00"),
    ("errors until 14:30", "12:00", "14:30"),
    ("errors up to 14:30", "12:00", "14:30"),
    ("errors at 14:05", "14:05", "14:10"),
    ("errors around 14:05", "14:00", "14:10"),
    ("errors between 14:00 and 14:30", "14:00", "14:30"),
    ("errors from 14:00 to 14:30", "14:00", "14:30"),
    ("the same for 14:30 to 15:00", "14:30", "15:00"),
    ("errors 14:00-14:30", "14:00", "14:30"),
    ("errors between 2 and 3 pm", "14:00", "15:00"),
    ("errors from 12:30 to 2 pm", "12:30", "14:00"),
    ("errors at 14h30", "14:30", "14:35"),
    ("errors after 14:00 and before 14:30", "14:00", "14:30"),
    ("errors between 14:00 and 14:30 on 10 March", "14:00", "14:30"),
    ("errors in the first 15 minutes of the incident", "14:00", "14:15"),
    ("errors in the first half hour", "14:00", "14:30"),
    ("errors in the last 20 minutes", "14:55", "15:15"),
    ("errors in the last hour of the incident", "14:15", "15:15"),
    ("errors before the incident", "12:00", "14:00"),
    ("errors since it began", "14:00", "15:15"),
    ("errors during the outage", "14:00", "15:15"),
    ("errors in the 10 minutes before it started", "13:50", "14:00"),
    ("errors 30 minutes after 14:00", "14:00", "14:30"),
    ("errors in the first 15 minutes after 14:00", "14:00", "14:15"),
    ("errors from the start to 14:30", "14:00", "14:30"),
    ("errors within 10 minutes of 14:00", "13:50", "14:10"),
    ("errors after 15:00 CET", "14:00", "15:15"),
    ("errors before 11:00", None, "11:00"),
]


@pytest.mark.parametrize(("question", "start", "end"), READ)
def test_a_time_of_day_is_the_incident_s(question: str, start: str | None, end: str) -> None:
    found = asked_window(question, FRAME)
    assert (found.start, found.end) == (at(start) if start else FRAME.first, at(end))
    assert found.unread == []


@pytest.mark.parametrize("question", ["errors at 14:00 IST", "errors at half past two"])
def test_what_is_not_read_is_told(question: str) -> None:
    assert asked_window(question, FRAME).unread


def test_of_two_windows_the_second_is_told_as_not_used() -> None:
    found = asked_window("errors between 14:00 and 14:10 and between 14:20 and 14:30", FRAME)
    assert (found.start, found.end) == (at("14:00"), at("14:10"))
    assert "14:20" in found.unread[0]


def test_before_one_time_and_after_another_is_no_span() -> None:
    for question in ("errors before 14:00 and after 15:00", "errors before the incident and after 15:00"):
        found = asked_window(question, FRAME)
        assert found.unread and (found.start, found.end) == (at("12:00"), at("14:00")), question


@pytest.mark.parametrize("question", ["first 10 minutes of the incident", "errors since it began"])
def test_a_start_that_nobody_knows_is_told(question: str) -> None:
    found = asked_window(question, replace(FRAME, began=None))
    assert found.start is None
    assert "not known" in found.unread[0]


def test_without_an_incident_a_time_is_of_the_last_day_that_has_it() -> None:
    assert asked_window("errors after 14:00", NO_INCIDENT).start == at("14:00")
    assert asked_window("errors between 20:00 and 21:00", NO_INCIDENT).start == at("20:00", 9)
    later = replace(FRAME, last=at("15:15", 12))
    assert asked_window("errors between 20:00 and 21:00", later).start == at(
        "20:00"
    )  # the incident's day, not the last


def test_days_count_from_now_and_it_is_told() -> None:
    found = asked_window("errors yesterday at 14:05", LIVE)
    assert found.start == at("14:05", 9)
    assert any("counted from" in how for how in found.how)
    today = asked_window("errors today", LIVE)
    assert (today.start, today.end) == (at("00:00"), at("00:00", 11))
    assert asked_window("errors in the last 20 minutes", LIVE).end == at("15:15")


@pytest.mark.parametrize("question", ["p95 of 3.15.0", "top 3 endpoints", "requests with 429", "is us-east-1b ok?"])
def test_other_numbers_are_no_times(question: str) -> None:
    found = asked_window(question, FRAME)
    assert (found.start, found.unread) == (None, [])
