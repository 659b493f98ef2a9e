"""Before and after, by dimension: whose figures, which bars, and what stays out."""

from datetime import timedelta

import pytest

from tests.samples import HOSTILE, bad_version, dismissed, judgement, report, series, verdict
from tsg_agent.models import Measure, Point, Rate, Report, Series
from tsg_agent.report.html import to_html
from tsg_agent.report.panels import LONGEST, SHOWN, Panel, panels


def panel(made: Report, title: str) -> Panel:
    found = panels(made)
    assert found is not None
    return next(one for one in found.each if one.title == title)


def shards(count: int) -> Report:
    gone = (dismissed(5, "LOW_SUCCESS", {"shard_id": f"s-{i:02}"}, "no_contrast", "x") for i in range(count))
    return report(judgement(rejected=tuple(gone), series=[]))


def test_a_cause_stands_first_and_is_the_only_one_of_its_colour() -> None:
    found = panels(bad_version())
    assert found is not None
    first = found.each[0]
    assert (first.title, [row.name for row in first.rows]) == ("version", ["3.15.0", "3.14.1"])
    kinds = [[bar.kind for bar in row.bars] for row in first.rows]
    assert kinds == [["cause"], ["since", "before"]]  # it came with the incident: nothing was before
    assert [bar.kind for one in found.each[1:] for row in one.rows for bar in row.bars].count("cause") == 0


def test_bars_use_the_width_and_have_the_length_of_their_figures() -> None:
    found = panels(bad_version())
    assert found is not None
    for one in found.each:
        widths = [bar.width for row in one.rows for bar in row.bars]
        assert max(widths) == pytest.approx(100)
        assert min(widths) > 0


def test_the_bucket_of_the_start_belongs_to_neither_side() -> None:
    begun = bad_version().began
    assert begun is not None
    points = [
        Point(time=begun + timedelta(minutes=5 * i - 2), requests=100, failures=failures)
        for i, failures in ((-2, 1), (-1, 1), (0, 50), (1, 9), (2, 9))
    ]
    held = [Series(subject={"service_version": v}, measure=Measure.SERVER_ERRORS, points=points) for v in ("1", "2")]
    rows = panel(bad_version().model_copy(update={"causes": [], "rejected": [], "series": held}), "version").rows
    assert [row.figures for row in rows] == ["1 % → 9 %", "1 % → 9 %"]


def test_many_values_are_cut_short_and_counted() -> None:
    drawn = panel(shards(SHOWN + 3), "shard")
    assert len(drawn.rows) == SHOWN
    assert drawn.note.startswith("3 more, at most ")
    assert panel(shards(SHOWN), "shard").note == ""
    assert panels(shards(1)) is None


def test_a_long_name_is_cut_and_what_nobody_measured_has_no_picture() -> None:
    long = tuple(dismissed(5, "LOW_SUCCESS", {"shard_id": f"{i}{HOSTILE}"}, "no_contrast", "x") for i in range(2))
    assert {len(row.name) for row in panel(report(judgement(rejected=long, series=[])), "shard").rows} == {LONGEST}
    assert "by dimension" not in to_html(report(judgement(series=[])))


def test_what_is_no_share_of_requests_says_so_in_its_title() -> None:
    first = bad_version()
    runs = first.causes[0].model_copy(
        update={"impact": [one.model_copy(update={"subject": {"scenario_name": n}}) for one in first.causes[0].impact
                           for n in ("a", "b")]}
    )  # fmt: skip
    made = first.model_copy(update={"causes": [runs]})
    assert panel(made, "workflow, percent of runs did not complete").rows


def test_each_picture_says_in_words_what_it_shows() -> None:
    text, found = to_html(bad_version()), panels(bad_version())
    assert found is not None
    assert text.count('<figure class="panel">') == len(found.each) > 1
    for one in found.each:
        assert f'<desc id="c3-{found.each.index(one) + 1}-d">' in text


def test_whoever_had_no_requests_since_is_not_drawn() -> None:
    empty = Rate(failures=0, requests=0)
    one, other = (verdict(5, "HIGH_ERRORS", {"shard_id": n}) for n in ("a", "b"))
    other = other.model_copy(update={"onset": other.onset.model_copy(update={"after": empty})})
    assert panels(report(judgement(one, other, series=[series({}, 0.1, 5)]))) is None
