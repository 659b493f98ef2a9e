"""Checkpoints hold data: whatever a file says, reading it runs nothing, and what is no state is a typed error."""

import asyncio
import json
import pickle
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ormsgpack
import pyarrow as pa
import pytest
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.types import Interrupt

from tsg_agent import QuestionError, Report, Request, Settings, Watch, investigate, resume
from tsg_agent.checkpoints import KIND, Checkpoints, PlainData
from tsg_agent.errors import RecordError
from tsg_agent.frames import Frames
from tsg_agent.store import Store

ANSWERS = {"region": "us-east", "service_name": "shop.gateway", "environment": "prod"}


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.mark), "w")


def extension(code: int, *parts: Any) -> bytes:
    return ormsgpack.packb(ormsgpack.Ext(code, ormsgpack.packb(parts)))


CALLS: dict[str, Callable[[Path], tuple[str, bytes]]] = {
    "one argument": lambda mark: ("msgpack", extension(0, "os", "mkdir", str(mark))),
    "arguments": lambda mark: ("msgpack", extension(1, "os", "mkdir", [str(mark)])),
    "named": lambda mark: ("msgpack", extension(2, "os", "mkdir", {"path": str(mark)})),
    "method": lambda mark: ("msgpack", extension(3, "pathlib", "Path", str(mark), "touch")),
    "old model": lambda mark: ("msgpack", extension(4, "os", "mkdir", {"path": str(mark)})),
    "model": lambda mark: ("msgpack", extension(5, "os", "mkdir", {"path": str(mark)}, "model_validate_json")),
    "constructor": lambda mark: (
        "json",
        json.dumps({"lc": 2, "type": "constructor", "id": ["os", "mkdir"], "args": [str(mark)]}).encode(),
    ),
    "pickle": lambda mark: ("pickle", pickle.dumps(Evil(mark))),
}
BROKEN = {
    "no JSON": (KIND, b"{"),
    "no text": (KIND, b"\xff\xfe"),
    "no checkpoint": (KIND, b"[]"),
    "nothing in it": (KIND, b"{}"),
    "deep": (KIND, b"[" * 100_000),
    "no question": (KIND, b'{"__interrupt__": 1}'),
}


@pytest.fixture
def waiting(incident: Request, tmp_path: Path) -> tuple[str, Settings]:
    """An investigation that waits for answers, kept in a folder; its id, and the settings that name the folder."""
    settings, begun = Settings(state_dir=tmp_path / "state"), list[str]()
    asked = incident.model_copy(update={"text": "Errors since 2026-03-10 14:00 UTC."})
    with pytest.raises(QuestionError):
        investigate(asked, settings=settings, keep=True, watch=Watch(begun=begun.append))
    return begun[0], settings


def put(settings: Settings, kind: str, value: bytes) -> None:
    with closing(sqlite3.connect(Store(settings.state_dir).checkpoints)) as held:
        held.execute("UPDATE checkpoints SET type = ?, checkpoint = ?", (kind, value))
        held.commit()


def test_a_question_waits_in_the_file_and_an_answer_may_be_a_time(waiting: tuple[str, Settings]) -> None:
    identity, settings = waiting
    start = datetime(2026, 3, 10, 14, tzinfo=UTC)
    asked = Watch(ask=lambda _: {**ANSWERS, "incident_start": start})
    report = resume(identity, settings=settings, watch=asked)
    assert isinstance(report, Report)
    assert report.parameters.region == "us-east"


@pytest.mark.parametrize("call", CALLS)
def test_no_checkpoint_calls_anything(waiting: tuple[str, Settings], tmp_path: Path, call: str) -> None:
    identity, settings = waiting
    mark = tmp_path / "called"
    put(settings, *CALLS[call](mark))
    with pytest.raises(RecordError, match="written by another version") as caught:
        resume(identity, settings=settings, watch=Watch(ask=lambda _: ANSWERS))
    assert "tsg-agent run" in caught.value.fix
    assert not mark.exists()


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_checkpoint_is_a_typed_error(waiting: tuple[str, Settings], broken: str) -> None:
    identity, settings = waiting
    put(settings, *BROKEN[broken])
    with pytest.raises(RecordError) as caught:
        resume(identity, settings=settings, watch=Watch(ask=lambda _: ANSWERS))
    assert "tsg-agent run" in caught.value.fix


@pytest.mark.parametrize("change", [{"given": 7}, {"given": {"region": 7}}, {"now": "soon"}, {"began": "never"}])
def test_a_state_of_another_shape_is_a_typed_error(waiting: tuple[str, Settings], change: dict[str, Any]) -> None:
    identity, settings = waiting
    with closing(sqlite3.connect(Store(settings.state_dir).checkpoints)) as held:
        (value,) = held.execute("SELECT checkpoint FROM checkpoints ORDER BY checkpoint_id DESC LIMIT 1").fetchone()
    checkpoint = json.loads(value)
    checkpoint["channel_values"].update(change)
    put(settings, KIND, json.dumps(checkpoint).encode())
    with pytest.raises(RecordError, match="cannot be read"):
        resume(identity, settings=settings, watch=Watch(ask=lambda _: ANSWERS))


def test_what_is_no_plain_data_is_not_written() -> None:
    plain = PlainData()
    for value in ({1, 2}, Path("x"), object()):
        with pytest.raises(TypeError, match="no plain data"):
            plain.dumps_typed({"value": value})
    question = Interrupt(value={"questions": [1]}, id="x")
    assert plain.loads_typed(plain.dumps_typed([question])) == [question]


def test_only_its_owner_reads_the_file(waiting: tuple[str, Settings]) -> None:
    _, settings = waiting
    file = settings.state_dir / "checkpoints.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(settings.state_dir.stat().st_mode) == 0o700
    file.chmod(0o644)  # as an earlier version left it
    Store(settings.state_dir).check()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_folder_that_others_may_write_to_keeps_nothing(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(RecordError, match="chmod 700"):
        Store(tmp_path).check()
    tmp_path.chmod(0o755)
    Store(tmp_path).check()


def test_a_broken_table_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "plugin_8.arrow").write_bytes(b"ARROW1 and nothing else")
    with pytest.raises(RecordError, match="cannot be read"):
        Store(tmp_path).frames("x").get("plugin_8")


def test_a_write_that_is_cancelled_locks_nobody_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "checkpoints.sqlite"

    async def run() -> None:
        async with Checkpoints.of(file) as saver:
            commit, begun = saver.conn.commit, asyncio.Event()

            async def slowly() -> None:
                begun.set()
                await asyncio.sleep(0.1)
                await commit()

            monkeypatch.setattr(saver.conn, "commit", slowly)  # between the rows and their commit
            place: Any = {"configurable": {"thread_id": "one", "checkpoint_ns": "", "checkpoint_id": "1"}}
            write = asyncio.create_task(saver.aput_writes(place, [("channel", 1)], "task"))
            await begun.wait()
            write.cancel()
            await asyncio.wait([write])

    asyncio.run(run())
    with closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT channel FROM writes").fetchall() == [("channel",)]


def test_a_write_that_is_cancelled_gives_the_file_back_while_it_is_open(tmp_path: Path) -> None:
    file = tmp_path / "checkpoints.sqlite"

    async def run() -> None:
        async with Checkpoints.of(file) as saver:
            place: Any = {"configurable": {"thread_id": "one", "checkpoint_ns": "", "checkpoint_id": "1"}}
            await saver.aput_writes(place, [("first", 1)], "task")
            for late in range(20):
                write = asyncio.create_task(saver.aput_writes(place, [(f"channel {late}", 1)], f"task {late}"))
                await asyncio.sleep(0.0001 * late)
                write.cancel()
                await asyncio.wait([write])
            with closing(sqlite3.connect(file, timeout=2)) as other:
                other.execute("BEGIN IMMEDIATE")

    asyncio.run(run())


@pytest.mark.parametrize("at", [0, 8])
def test_a_disk_that_is_full_in_mid_run_costs_no_conclusion(
    at: int, incident: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file takes no page more after so many steps; the questions that wait are still known."""
    settings = Settings(state_dir=tmp_path)
    put, steps = AsyncSqliteSaver.aput, []

    async def limited(saver: Checkpoints, *given: Any, **named: Any) -> Any:
        steps.append(saver)
        if len(steps) == at + 1:
            await saver.conn.execute("PRAGMA max_page_count = 1")  # it is as large as it is, and grows no more
        return await put(saver, *given, **named)

    monkeypatch.setattr(AsyncSqliteSaver, "aput", limited)
    asked: list[object] = []

    def ask(questions: Any) -> dict[str, Any]:
        asked.append(questions)
        return {**ANSWERS}

    without = incident.model_copy(update={"text": "Errors since 2026-03-10 14:00 UTC."})
    report = investigate(without, settings=settings, keep=True, watch=Watch(ask=ask))
    assert report.causes and len(asked) == 1
    assert any("its steps could not be kept (database or disk is full)" in note for note in report.notes)


def test_a_table_that_a_folder_cannot_take_stays_in_memory(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("no folder")
    frames, table = Frames(tmp_path / "x"), pa.table({"a": [1]})
    frames.put("plugin_8", table)
    assert frames.lost and frames.get("plugin_8") is table


def test_a_table_that_was_taken_is_in_the_folder_only(tmp_path: Path) -> None:
    table = pa.table({"a": [1]})
    for folder in (None, tmp_path / "x"):
        frames = Frames(folder)
        frames.put("evidence_rows", table)
        assert frames.take("evidence_rows") is table and frames.names() == (
            () if folder is None else ("evidence_rows",)
        )
    assert frames.get("evidence_rows").equals(table)
    with pytest.raises(RecordError):
        Frames().take("evidence_rows")
