"""Pictures: what is drawn, where, and when nothing is."""

import re
from datetime import timedelta

import pytest

from tests.samples import START, bad_version, judgement, no_incident, only_gaps, parameters, report, series
from tsg_agent.models import Measure, Point, Series
from tsg_agent.report.charts import (
    PLOT,
    TOP,
    WIDEST,
    availability_chart,
    cause_chart,
    causes_chart,
)
from tsg_agent.report.html import to_html


def test_the_start_and_the_threshold_are_drawn_where_they_are() -> None:
    chart = availability_chart(bad_version())
    assert chart is not None
    assert chart.start is not None
    assert chart.start.at == pytest.approx(100 * 120 / 175)
    assert chart.start.label == "start 14:05 UTC"
    assert chart.threshold is not None
    low, high = 92.0, 100.0
    assert chart.threshold.at == pytest.approx(TOP + PLOT * (1 - (99.9 - low) / (high - low)))
    assert [t.label for t in chart.down] == ["100 %", "98 %", "96 %", "94 %", "92 %"]


def test_an_unknown_start_is_not_drawn() -> None:
    chart = availability_chart(only_gaps())
    assert chart is not None
    assert chart.start is None


def test_a_quiet_day_is_drawn_flat() -> None:
    chart = availability_chart(no_incident())
    assert chart is not None
    assert float(chart.down[-1].label.split()[0]) <= 99


def test_a_bucket_without_requests_is_a_gap_in_the_line() -> None:
    points = [Point(time=START + timedelta(minutes=5 * i), requests=n, failures=0) for i, n in enumerate((9, 0, 9, 9))]
    one = Series(subject={}, measure=Measure.SERVER_ERRORS, points=points)
    chart = availability_chart(report(judgement(series=[one])))
    assert chart is not None
    assert chart.lines[0].path(1000, 1000).count("M") == 2
    assert chart.lines[0].path(1000, 1000).count("H") == 3


def test_a_change_stands_at_its_bucket() -> None:
    chart = availability_chart(bad_version())
    assert chart is not None
    falls = [float(x) for x in re.findall(r"H([\d.]+)V", chart.lines[0].path(1000, 1000))]
    assert any(x == pytest.approx(10 * 100 * 120 / 175, abs=0.1) for x in falls)


def test_no_series_no_picture() -> None:
    assert availability_chart(report(judgement(series=[]))) is None
    empty = Series(subject={}, measure=Measure.SERVER_ERRORS, points=[Point(time=START, requests=0, failures=0)])
    assert availability_chart(report(judgement(series=[empty]))) is None
    assert "<svg" not in to_html(report(judgement(series=[])))


def test_a_cause_is_drawn_beside_the_service() -> None:
    made = bad_version()
    chart = cause_chart(made, made.causes[0])
    assert chart is not None
    assert [line.kind for line in chart.lines] == ["service", "cause"]
    assert cause_chart(made.model_copy(update={"series": [series({}, 0, 5)]}), made.causes[0]) is None


def test_a_workflow_is_drawn_for_a_cause_at_one_of_its_steps() -> None:
    made = bad_version()
    cause = made.causes[0].model_copy(update={"subject": {"scenario_name": "checkout", "workflow_step": "pay"}})
    chart = cause_chart(made, cause)
    assert chart is not None
    assert chart.title == "workflow checkout over time"
    assert cause_chart(made, cause.model_copy(update={"subject": {"shard_id": "1"}})) is None


def test_before_after_and_the_rest_of_each_cause() -> None:
    made = bad_version()
    chart = causes_chart(made.causes)
    assert chart is not None
    assert [b.kind for b in chart.groups[0].bars] == ["before", "after", "rest"]
    assert [b.text for b in chart.groups[0].bars][1] == "10.3 % (1,195 of 11,600)"
    assert max(b.width for b in chart.groups[0].bars) == pytest.approx(WIDEST)
    assert causes_chart([]) is None


def test_every_picture_says_in_words_what_it_shows() -> None:
    text = to_html(bad_version())
    pictures = text.count('<svg class="chart" role="img"')
    assert pictures == text.count("<title id=") == text.count("<desc id=") == 5
    assert "lowest 94." in text


@pytest.mark.parametrize("hours", [0.2, 1, 3, 12, 48, 24 * 14])
def test_the_axis_of_time_has_few_marks(hours: float) -> None:
    window = parameters(start_time=START - timedelta(hours=hours), end_time=START)
    chart = availability_chart(report(judgement(), parameters=window))
    assert chart is not None
    assert 1 <= len(chart.across) <= 8
    assert all(0 <= t.at <= 100 for t in chart.across)
