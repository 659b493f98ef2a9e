"""What is kept: reports as they are, for as long as the settings say; versions that are not read are refused."""

import asyncio
import json
import multiprocessing
import os
import re
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tsg_agent import (
    QuestionError,
    Report,
    Request,
    Settings,
    TelemetryError,
    Watch,
    ainvestigate,
    investigate,
    resume,
)
from tsg_agent.checkpoints import KIND
from tsg_agent.checkpoints import SCHEMA as CHECKPOINTS
from tsg_agent.errors import RecordError
from tsg_agent.events import SCHEMA as EVENTS
from tsg_agent.models.report_schema import SCHEMA as REPORTS
from tsg_agent.recording.file import FORMAT
from tsg_agent.store import SCHEMA, Feedback, Store

OPEN = "Errors since 2026-03-10 14:00 UTC."
ANSWERS = {"region": "us-east", "service_name": "shop.gateway", "environment": "prod"}
PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


@pytest.fixture(scope="module")
def concluded(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """A report, and the state directory that it is kept in; its telemetry is gone."""
    place = tmp_path_factory.mktemp("concluded")
    shutil.copytree(incident.telemetry, place / "telemetry")
    asked = incident.model_copy(update={"telemetry": str(place / "telemetry")})
    report = investigate(asked, settings=Settings(state_dir=place / "state"), keep=True)
    shutil.rmtree(place / "telemetry")
    return report, place / "state"


@pytest.fixture
def state(concluded: tuple[Report, Path], tmp_path: Path) -> tuple[Report, Path]:
    """A copy of it, to be changed."""
    shutil.copytree(concluded[1], tmp_path / "state")
    return concluded[0], tmp_path / "state"


def waiting(incident: Request, place: Path) -> str:
    """An investigation that waits for answers."""
    begun = list[str]()
    with pytest.raises(QuestionError):
        investigate(
            incident.model_copy(update={"text": OPEN}),
            settings=Settings(state_dir=place),
            keep=True,
            watch=Watch(begun=begun.append),
        )
    return begun[0]


def test_a_report_is_the_same_bytes_after_its_telemetry_is_gone(concluded: tuple[Report, Path]) -> None:
    report, place = concluded
    store = Store(place)
    assert store.report_text(report.id) == report.model_dump_json(indent=2) + "\n"
    assert store.report(report.id) == report
    assert resume(report.id, settings=Settings(state_dir=place)) == report
    assert store.about(report.id)[2:] == ("finished", report.headline)


def test_what_has_concluded_leaves_no_steps_and_no_tables(concluded: tuple[Report, Path]) -> None:
    report, place = concluded
    with closing(sqlite3.connect(place / "checkpoints.sqlite")) as held:
        assert held.execute("SELECT (SELECT count(*) FROM checkpoints) + (SELECT count(*) FROM writes)").fetchone() == (
            0,
        )
    assert sorted(path.name for path in (place / report.id).iterdir()) == [
        "ended.json",
        "lock",
        "report.json",
        "request.json",
    ]


def test_the_log_has_what_happened_in_order_without_a_gap(concluded: tuple[Report, Path]) -> None:
    report, place = concluded
    events = Store(place).events.after(report.id)
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    kinds = [event.kind for event in events]
    assert kinds[:2] == ["began", "understood"] and kinds[-2:] == ["drafted", "concluded"]
    assert sorted(event.data["step"] for event in events if event.kind == "check ended") == [0, *range(2, 11)]
    assert events[-1].data["headline"] == report.headline
    later = Store(place).events.after(report.id, len(events) - 2)
    assert later == events[-2:]
    with closing(sqlite3.connect(place / "events.sqlite")) as held, pytest.raises(sqlite3.IntegrityError):
        held.execute("UPDATE events SET kind = 'failed'")


def test_events_hide_what_prompts_hide(incident: Request, tmp_path: Path) -> None:
    text = f"{OPEN} Reported by ann@example.org, password=hunter2hunter2. region: ann@example.org"
    settings, begun = Settings(state_dir=tmp_path), list[str]()
    with pytest.raises(QuestionError, match="ann@example"):
        investigate(
            incident.model_copy(update={"text": text}), settings=settings, keep=True, watch=Watch(begun=begun.append)
        )
    events = Store(tmp_path).events.after(begun[0])
    said = json.dumps([event.data for event in events])
    assert "EMAIL_1" in said
    assert "ann@example.org" not in said and "hunter2" not in said


def test_how_an_investigation_ended_is_in_the_list(incident: Request, tmp_path: Path) -> None:
    settings, store = Settings(state_dir=tmp_path), Store(tmp_path)
    identity = waiting(incident, tmp_path)
    with pytest.raises(QuestionError):
        resume(identity, settings=settings)
    nowhere = incident.model_copy(update={"telemetry": str(tmp_path / "nowhere")})
    with pytest.raises(TelemetryError, match="nowhere"):
        asyncio.run(ainvestigate(nowhere, settings=settings, keep=True))
    assert [one.state for one in store.kept()] == ["failed", "asked"]
    assert [store.events.after(one.id)[-1].kind for one in store.kept()] == ["failed", "asked"]


def _hold(place: Path, identity: str, held: Any, end: Any) -> None:
    with Store(place).claimed(identity):
        held.set()
        end.wait(60)


def test_what_runs_in_another_process_is_not_run_again(incident: Request, tmp_path: Path) -> None:
    identity = waiting(incident, tmp_path)
    spawn = multiprocessing.get_context("spawn")
    held, end = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_hold, args=(tmp_path, identity, held, end))
    process.start()
    try:
        assert held.wait(60)
        with pytest.raises(RecordError, match="running already"):
            resume(identity, settings=Settings(state_dir=tmp_path), watch=Watch(ask=lambda _: ANSWERS))
    finally:
        process.kill()  # a crash gives it free
        process.join()
    assert resume(identity, settings=Settings(state_dir=tmp_path), watch=Watch(ask=lambda _: ANSWERS)).causes


def _foreign(_held: bytes) -> bytes:
    """A sound file with tables of the same names that hold something else."""
    with closing(sqlite3.connect(":memory:")) as other:
        other.executescript(
            "CREATE TABLE checkpoints (thread_id TEXT, a INT); CREATE TABLE events (investigation TEXT, a INT)"
        )
        return other.serialize()


@pytest.mark.parametrize(
    "damage",
    [
        _foreign,
        lambda held: b"no database " * (len(held) // 12),
        lambda held: held[:4096] + b"\xff" * 4096 + held[8192:],
    ],
    ids=["another's", "all of it", "one page"],
)
def test_a_damaged_file_is_called_so_kept_aside_and_new_ones_work(
    damage: Any, incident: Request, state: tuple[Report, Path]
) -> None:
    before, place = state
    identity = waiting(incident, place)
    for name in ("checkpoints", "events"):
        file = place / f"{name}.sqlite"
        with closing(sqlite3.connect(file)) as held:
            held.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        file.write_bytes(damage(file.read_bytes()))
    report = resume(identity, settings=Settings(state_dir=place), watch=Watch(ask=lambda _: ANSWERS))
    (first, second) = (note for note in report.notes if "was damaged" in note)
    assert "begins anew" in first and "events" in second
    assert len(list(place.glob("checkpoints-damaged-*.sqlite"))) == 1
    (place / "lost+found").mkdir()  # what others put there is none of ours
    (place / "lost+found" / "request.json").write_text("{}")
    assert {one.id for one in Store(place).kept()} == {before.id, identity}
    assert "damaged" not in " ".join(investigate(incident, settings=Settings(state_dir=place), keep=True).notes)
    assert Store(place).report(before.id) == before


def test_older_ones_and_too_many_are_taken_away(incident: Request, state: tuple[Report, Path]) -> None:
    report, place = state
    names = [f"old{number}" for number in range(4)]
    for age, name in enumerate(names):
        shutil.copytree(place / report.id, place / name)
        when = datetime.now(UTC).timestamp() - 86_400 * (age + 1)
        os.utime(place / name / "request.json", (when, when))
    store = Store(place)
    store.events.append("old3", "began", {})
    with store.claimed("old2"):
        assert store.prune(days=1.5, number=None) == ["old1", "old3"]  # what runs stays
    assert store.events.after("old3") == []
    assert store.prune(days=None, number=2) == ["old2"]
    assert store.identities() == [report.id, "old0"]
    assert store.prune(days=None, number=None) == []
    new = investigate(incident, settings=Settings(state_dir=place, keep_number=1), keep=True)
    assert store.identities() == [new.id]
    assert store.report(new.id) == new


def test_a_backup_while_in_use_as_the_page_says(incident: Request, state: tuple[Report, Path], tmp_path: Path) -> None:
    report, place = state
    identity, copy = waiting(incident, place), tmp_path / "copy"
    copy.mkdir(mode=0o700)
    assert "backup" in PAGE.read_text("utf-8")
    with Store(place).claimed(identity):
        for name in ("checkpoints.sqlite", "events.sqlite"):
            with closing(sqlite3.connect(place / name)) as held, closing(sqlite3.connect(copy / name)) as other:
                held.backup(other)
        shutil.copytree(place, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sqlite*", "*.part"))
    assert Store(copy).report(report.id) == report
    assert Store(copy).events.after(report.id) == Store(place).events.after(report.id)
    shutil.rmtree(place)
    assert resume(identity, settings=Settings(state_dir=copy), watch=Watch(ask=lambda _: ANSWERS)).id == identity


def change(file: Path, **changes: Any) -> None:
    held = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(held | changes), "utf-8")


@pytest.mark.parametrize("version", [0, REPORTS + 1, "1.5", None])
def test_a_report_of_another_schema_is_refused_and_given_as_it_is(version: Any, state: tuple[Report, Path]) -> None:
    report, place = state
    change(place / report.id / "report.json", schema_version=version)
    store = Store(place)
    with pytest.raises(RecordError, match="schema") as caught:
        store.report(report.id)
    assert "--format json" in caught.value.fix
    assert json.loads(store.report_text(report.id))["headline"] == report.headline


def test_a_report_of_0_1_is_read_and_says_what_it_did_not_look_at(state: tuple[Report, Path]) -> None:
    report, place = state
    file = place / report.id / "report.json"
    held = json.loads(file.read_text("utf-8"))
    for name in ("onset", "traffic", "reach", "course", "suspicions", "brief"):
        del held[name]
    file.write_text(json.dumps(held | {"schema_version": 1, "version": "0.1.0"}), "utf-8")
    read = Store(place).report(report.id)
    assert (read.schema_version, read.causes, read.headline) == (REPORTS, report.causes, report.headline)
    said = "Written by tsg-agent 0.1.0, which did not look at: onset, traffic, reach, course, suspicions."
    assert read.notes == [*report.notes, said]
    assert json.loads(Store(place).report_text(report.id))["schema_version"] == 1
    with pytest.raises(ValueError, match="reads 1 and 2"):
        Report.model_validate(held | {"schema_version": 3})


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"schema_version": 1}', "[" * 100_000], ids=lambda text: text[:20]
)
def test_a_damaged_report_is_a_typed_error(text: str, state: tuple[Report, Path]) -> None:
    report, place = state
    (place / report.id / "report.json").write_text(text)
    with pytest.raises(RecordError, match="cannot be read"):
        Store(place).report(report.id)


def test_what_a_newer_version_kept_is_refused(state: tuple[Report, Path]) -> None:
    report, place = state
    store = Store(place)
    store.judge(report.id, Feedback(right=True, at=datetime.now(UTC)))
    for name, read in (("feedback.json", store.feedback), ("request.json", store.recall)):
        change(place / report.id / name, schema_version=SCHEMA + 1)
        with pytest.raises(RecordError, match="newer tsg-agent"):
            read(report.id)
    with closing(sqlite3.connect(place / "events.sqlite")) as held:
        held.execute(
            "INSERT INTO events VALUES (?, 999, '2026-03-10T14:00:00Z', 'began', ?, '{}')", (report.id, EVENTS + 1)
        )
        held.commit()
    with pytest.raises(RecordError, match="newer tsg-agent"):
        store.events.after(report.id)


def test_what_an_older_version_kept_without_a_number_is_read(state: tuple[Report, Path]) -> None:
    report, place = state
    file = place / report.id / "request.json"
    held = json.loads(file.read_text("utf-8"))
    del held["schema_version"]
    file.write_text(json.dumps(held), "utf-8")
    assert Store(place).recall(report.id).text


def test_a_checkpoint_of_another_schema_is_refused(incident: Request, tmp_path: Path) -> None:
    identity = waiting(incident, tmp_path)
    with closing(sqlite3.connect(tmp_path / "checkpoints.sqlite")) as held:
        held.execute("UPDATE checkpoints SET type = ?", (re.sub(r"\d+$", "1", KIND),))
        held.commit()
    with pytest.raises(RecordError, match="written by another version"):
        resume(identity, settings=Settings(state_dir=tmp_path), watch=Watch(ask=lambda _: ANSWERS))


def test_resume_says_what_has_changed_in_its_source(incident: Request, tmp_path: Path) -> None:
    place = tmp_path / "telemetry"
    shutil.copytree(incident.telemetry, place)
    identity = waiting(incident.model_copy(update={"telemetry": str(place)}), tmp_path / "state")
    first, second, *_ = sorted(place.iterdir())
    os.utime(first, (1, 1))
    second.rename(place / f"{second.stem}-new{second.suffix}")
    report = resume(identity, settings=Settings(state_dir=tmp_path / "state"), watch=Watch(ask=lambda _: ANSWERS))
    (note,) = [note for note in report.notes if note.startswith("Since this investigation began")]
    said = f"{first.name} was changed or replaced, {second.name} is gone, {second.stem}-new{second.suffix} is new"
    assert said in note


def test_resume_says_nothing_of_a_source_that_is_the_same(incident: Request, tmp_path: Path) -> None:
    identity = waiting(incident, tmp_path)
    report = resume(identity, settings=Settings(state_dir=tmp_path), watch=Watch(ask=lambda _: ANSWERS))
    assert not [note for note in report.notes if "Since this investigation" in note]


@pytest.mark.parametrize("said", [True, False], ids=["told", "not told"])
def test_one_that_is_killed_as_its_report_is_kept_does_not_run_again(said: bool, state: tuple[Report, Path]) -> None:
    """Its report is there; what is missing is that it concluded, in the list, and perhaps in the log."""
    report, place = state
    (place / report.id / "ended.json").unlink()
    if not said:
        with closing(sqlite3.connect(place / "events.sqlite")) as held:
            held.execute("DELETE FROM events WHERE kind = 'concluded'")
            held.commit()
    store = Store(place)
    assert store.about(report.id).state == "interrupted"
    assert resume(report.id, settings=Settings(state_dir=place)) == report
    assert store.about(report.id).state == "finished"
    kinds = [event.kind for event in store.events.after(report.id)]
    assert kinds.count("concluded") == kinds.count("began") == 1 and kinds[-1] == "concluded"


def test_the_page_has_the_schemas_in_force() -> None:
    """A schema's number is changed together with the page that says what becomes of the older one."""
    rows = dict(re.findall(r"^\| `?(\w+)[^|]* \| (\d+) \|", PAGE.read_text("utf-8"), re.MULTILINE))
    assert rows == {
        "report": str(REPORTS),
        "recording": str(FORMAT),
        "event": str(EVENTS),
        "checkpoint": str(CHECKPOINTS),
        "request": str(SCHEMA),
    }


def test_an_event_is_plain_json(tmp_path: Path) -> None:
    events = Store(tmp_path).events
    for wrong in ({"x": {1}}, {"x": float("nan")}):
        with pytest.raises((TypeError, ValueError)):
            events.append("a", "began", wrong)
    assert events.after("a") == []
    events.append("a", "began", {"x": 1})
    events.append("b", "began", {})
    events.append("a", "concluded", {})
    assert [(event.sequence, event.kind) for event in events.after("a")] == [(1, "began"), (2, "concluded")]
    assert events.states() == {"a": "concluded", "b": "began"}


def test_feedback_is_kept_where_the_event_log_is_damaged(tmp_path: Path) -> None:
    store, said = Store(tmp_path), Feedback(right=True, at=datetime.now(UTC))
    store.remember("abc", Request(text="x", telemetry="t"))
    (tmp_path / "events.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(RecordError, match="The feedback is kept, but the event log cannot be written"):
        store.judge("abc", said)
    assert store.feedback("abc") == said
