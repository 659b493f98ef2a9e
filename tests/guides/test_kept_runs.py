"""A run of another guide that is kept: it goes on where it was left, answers are taken, its report is read again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.guides.telemetry import BACKLOG, BACKLOG_TEXT, LAG, LAG_TEXT, backlog, lag
from tsg_agent import resume
from tsg_agent.errors import QuestionError, RecordError
from tsg_agent.events import Event
from tsg_agent.guides.kept_runs import begin, go_on, report_of
from tsg_agent.settings import Settings
from tsg_agent.store import FollowedGuide, Request, Store

NOW = datetime(2030, 1, 1, tzinfo=UTC)


def kept(folder: Path, guide: Path, text: str, telemetry: Path) -> tuple[str, Settings]:
    settings = Settings(state_dir=folder / "state")
    followed = FollowedGuide(guide=guide.read_text("utf-8"), name=guide.stem, given={})
    return begin(Request(text=text, telemetry=str(telemetry), now=NOW), followed, settings), settings


def test_what_was_interrupted_goes_on_without_the_steps_that_had_ended(tmp_path: Path) -> None:
    identity, settings = kept(tmp_path, LAG, LAG_TEXT, lag(tmp_path / "telemetry"))
    heard: list[int] = []

    def interrupted(event: Event) -> None:
        if event.kind == "check ended":
            heard.append(event.data["step"])
        if len(heard) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_on(identity, settings, logged=interrupted)
    store = Store(settings.state_dir)
    assert store.about(identity).state == "interrupted"
    events: list[Event] = []
    report = go_on(identity, settings, logged=events.append)
    again = [event.data["step"] for event in events if event.kind == "check ended"]
    assert store.events.after(identity)[-len(events) :] == events
    assert [events[0].kind, events[-1].kind] == ["began", "concluded"]
    assert heard[0] not in again and heard[1] in again
    assert {heard[0], *again} == {finding.step for finding in report.findings}
    assert store.about(identity)[2:] == ("finished", report.headline)
    assert report_of(store, identity) == go_on(identity, settings, logged=pytest.fail) == report


def test_what_it_asks_is_answered_later(tmp_path: Path) -> None:
    text = LAG_TEXT.replace("lag_limit: 30\n", "")
    identity, settings = kept(tmp_path, LAG, text, lag(tmp_path / "telemetry"))
    with pytest.raises(QuestionError, match="lag_limit"):
        go_on(identity, settings)
    assert Store(settings.state_dir).about(identity).state == "asked"
    assert go_on(identity, settings, given={"lag_limit": "30"}).parameters["lag_limit"] == 30


def test_telemetry_that_changed_meanwhile_is_told(tmp_path: Path) -> None:
    telemetry = backlog(tmp_path / "telemetry")
    identity, settings = kept(tmp_path, BACKLOG, BACKLOG_TEXT, telemetry)

    def interrupted(event: Event) -> None:
        if event.kind == "check ended":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        go_on(identity, settings, logged=interrupted)
    (telemetry / "another.csv").write_text("a\n1\n", "utf-8")
    assert any("another.csv is new" in note for note in go_on(identity, settings).notes)


def test_what_reads_reports_of_the_built_in_guide_says_what_to_do(tmp_path: Path) -> None:
    identity, settings = kept(tmp_path, BACKLOG, BACKLOG_TEXT, backlog(tmp_path / "telemetry"))
    go_on(identity, settings)
    for refused in (lambda: Store(settings.state_dir).report(identity), lambda: resume(identity, settings=settings)):
        with pytest.raises(RecordError, match="another guide") as error:
            refused()
        assert f"tsg-agent resume {identity}" in error.value.fix
