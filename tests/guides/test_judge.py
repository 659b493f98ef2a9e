"""What an annotated step's abnormal rows say of the incident: groups, counts and numbers, before it and since."""

from pathlib import Path

import pytest

from tests.guides.telemetry import BACKLOG, BACKLOG_TEXT, END, LAG, LAG_TEXT, backlog, lag, utc
from tsg_agent.guides import parse_guide, read_guide
from tsg_agent.guides.before_after import _poisson_z, filled
from tsg_agent.guides.guide_run import GuideVerdict, Outcome
from tsg_agent.guides.investigate import investigate_with_guide

ANNOTATED = """---
steps:
  2: {dimension: replica, measure: worst_lag, kind: symptom}
  4: {dimension: [replica, error_code], measure: times, kind: definitive, remedy: "Rebuild {replica}."}
---
"""


def releases(folder: Path) -> dict[str, Outcome]:
    """What became of each release that fails."""
    given = {"start_time": "2026-05-04T09:30Z"}  # so that the hour since outweighs the time before
    report = investigate_with_guide(read_guide(BACKLOG), BACKLOG_TEXT, str(folder), given=given, now=utc(END))
    verdicts = [*report.causes, *report.suspects, *report.standing]
    return {one.subject["consumer_release"]: one.outcome for one in verdicts if one.step == 3}


def test_a_release_that_fails_more_than_the_other_is_new(tmp_path: Path) -> None:
    assert releases(backlog(tmp_path)) == {"7.2.0": Outcome.NEW}


def test_a_release_that_was_there_before_and_did_not_fail_has_changed(tmp_path: Path) -> None:
    assert releases(backlog(tmp_path, canary=0.2)) == {"7.2.0": Outcome.CHANGED}


def test_releases_that_all_fail_alike_are_shared_and_no_cause(tmp_path: Path) -> None:
    assert releases(backlog(tmp_path, others=0.5)) == {"7.2.0": Outcome.UNCLEAR, "7.1.3": Outcome.SHARED}


def test_a_release_that_failed_before_is_standing(tmp_path: Path) -> None:
    folder = backlog(tmp_path, others=0.02, canary=0.2)
    guide = parse_guide(BACKLOG.read_text("utf-8").replace("failure_rate > 20", "failure_rate > 0.5"))
    report = investigate_with_guide(guide, BACKLOG_TEXT, str(folder), now=utc(END))
    outcomes = {one.subject["consumer_release"]: one.outcome for one in report.standing if one.step == 3}
    assert outcomes == {"7.1.3": Outcome.STANDING}
    assert [one.outcome for one in report.causes] == [Outcome.WORSE]  # 7.2.0: abnormal at 2 %, and 50 % since


@pytest.mark.parametrize(("errors", "outcome"), [(3, Outcome.UNCLEAR), (30, Outcome.NEW)])
def test_a_handful_more_is_no_change_of_a_count(tmp_path: Path, errors: int, outcome: Outcome) -> None:
    tables = ("replica_status", "applied_statements", "applier_errors")
    folder = lag(tmp_path, stopped=True, errors_since=errors, tables=tables)
    report = investigate_with_guide(
        parse_guide(ANNOTATED + LAG.read_text("utf-8")), LAG_TEXT, str(folder), now=utc(END)
    )
    found = {one.step: one.outcome for one in (*report.causes, *report.symptoms, *report.suspects)}
    assert found == {2: Outcome.CHANGED, 4: outcome}


def test_a_label_that_the_time_before_dilutes_is_judged_and_leads_on(tmp_path: Path) -> None:
    """Over the whole window release 7.2.0 fails in 16 % of its deliveries, since the start in 45 %."""
    text = BACKLOG.read_text("utf-8").replace("Steps 2, 3 and 4 in parallel", "Steps 2 and 3 in parallel")
    guide = parse_guide(text.replace("take it back and proceed to Step 5", "take it back and proceed to Step 4"))
    folder = backlog(tmp_path, canary=0.5, failing=0.45)
    report = investigate_with_guide(guide, BACKLOG_TEXT, str(folder), now=utc(END))
    assert [step.step for step in report.steps] == [1, 2, 3, 4, 5]
    (finding,) = [one for one in report.findings if one.step == 3]
    assert set(finding.labels) == {"DELIVERS"}
    assert [(one.subject, one.label) for one in report.causes] == [({"consumer_release": "7.2.0"}, "RELEASE_FAILS")]
    (step,) = [one for one in report.steps if one.step == 3]
    assert any("RELEASE_FAILS" in say for say in step.say)


def test_where_nothing_was_there_before_nothing_is_compared(tmp_path: Path) -> None:
    folder = lag(tmp_path, stopped=True, errors_since=30, tables=("replica_status", "applier_errors"))
    given = {"start_time": "2026-05-04T08:30Z"}  # after the only error of before
    guide = parse_guide(ANNOTATED + LAG.read_text("utf-8"))
    report = investigate_with_guide(guide, LAG_TEXT, str(folder), given=given, now=utc(END))
    assert [one.outcome for one in report.suspects] == [Outcome.UNKNOWN]


def test_counts_are_compared_over_the_time_that_they_were_counted_in() -> None:
    assert _poisson_z(10, 20, 2.0) == pytest.approx(0.0, abs=1e-9)
    assert _poisson_z(10, 60, 2.0) > 3
    assert _poisson_z(60, 10, 0.5) < 0
    assert _poisson_z(0, 0, 1.0) == 0.0


def test_a_remedy_names_the_row_s_values_and_nothing_else() -> None:
    row = {"replica": "r-2\nignore all", "lag": 5}
    assert filled("Rebuild {replica} ({lag}, {who}, {0})", row) == "Rebuild r-2 ignore all (5, {who}, {0})"


def test_a_verdict_cites_its_row(tmp_path: Path) -> None:
    report = investigate_with_guide(read_guide(BACKLOG), BACKLOG_TEXT, str(backlog(tmp_path)), now=utc(END))
    rows = {finding.id: finding.rows for finding in report.findings}

    def row_of(verdict: GuideVerdict) -> dict[str, object]:
        finding, _, number = verdict.evidence.partition(".")
        return rows[finding][int(number) - 1]

    for verdict in (*report.causes, *report.symptoms, *report.standing):
        assert {key: row_of(verdict)[key] for key in verdict.subject} == verdict.subject
