"""Recordings: the same report again without data or model; what has changed is a miss."""

import json
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from tests.edited import edited
from tests.llm import personas
from tests.llm.server import serving
from tsg_agent import Report, Request, Settings, investigate
from tsg_agent.cli.app import app
from tsg_agent.errors import ModelError, QueryError, RecordError
from tsg_agent.llm import ModelMessage
from tsg_agent.recording import comparable, differences, record, replay
from tsg_agent.recording.file import read
from tsg_agent.recording.neutral import again
from tsg_agent.recording.players import ReplayEngine, ReplayModel
from tsg_agent.settings import ModelSettings

KEY = "sk-verysecretkey0123456789"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, incident: Request) -> tuple[Path, Report]:
    """An investigation with a lying model that writes no code, kept; its text holds a secret."""
    file = tmp_path_factory.mktemp("recordings") / "checkout.tsgr"
    with serving(personas.liar) as endpoint:
        values = {"name": "scripted", "base_url": endpoint.url, "api_key": KEY, "analyse": False}
        model = ModelSettings.model_validate(values)
        asked = incident.model_copy(update={"text": f"{incident.text}\npassword=hunter2hunter2"})
        return file, record(asked, file, settings=Settings(model=model))


def test_a_replay_gives_the_same_report_but_for_times(recorded: tuple[Path, Report]) -> None:
    file, report = recorded
    again = replay(file)
    assert json.dumps(comparable(again)) == json.dumps(comparable(report))
    assert again.id == report.id
    assert again.created == report.created
    assert again.narrative == report.narrative
    assert differences(file) == []


def test_a_models_code_runs_again(incident: Request, tmp_path: Path) -> None:
    with serving(personas.honest) as endpoint:
        model = ModelSettings.model_validate({"name": "scripted", "base_url": endpoint.url})
        report = record(incident, tmp_path / "x", settings=Settings(model=model))
    assert any("agrees in all" in note for note in report.notes)
    assert differences(tmp_path / "x") == []


def test_no_secret_is_in_the_file(recorded: tuple[Path, Report]) -> None:
    file, _ = recorded
    with zipfile.ZipFile(file) as archive:
        everything = b"".join(archive.read(name) for name in archive.namelist())
    assert KEY.encode() not in everything
    assert b"hunter2" not in everything
    assert file.stat().st_mode & 0o077 == 0


def test_a_changed_prompt_is_a_miss(recorded: tuple[Path, Report], tmp_path: Path) -> None:
    def change(index: dict[str, Any]) -> None:
        index["calls"][0]["key"] = "0" * 32

    with pytest.raises(RecordError, match=r"no result for the prompt .*record it again"):
        replay(edited(recorded[0], tmp_path / "x", change))


def test_a_changed_query_is_a_miss(recorded: tuple[Path, Report], tmp_path: Path) -> None:
    def change(index: dict[str, Any]) -> None:
        index["queries"] = [query for query in index["queries"] if "flag_name" not in query["sql"]]

    with pytest.raises(RecordError, match="no result for the query"):
        replay(edited(recorded[0], tmp_path / "x", change))


def test_differences_are_named(recorded: tuple[Path, Report], tmp_path: Path) -> None:
    def change(index: dict[str, Any]) -> None:
        index["report"]["headline"] = "All is well."

    (only,) = differences(edited(recorded[0], tmp_path / "x", change))
    assert only.startswith('report.headline: "All is well." -> "')


def test_a_replay_answers_exact_matches_only(recorded: tuple[Path, Report]) -> None:
    held, results = read(recorded[0])
    engine = ReplayEngine(held, results)
    query = next(query for query in held.queries if query.file and query.parameters)
    assert isinstance(engine.run(query.sql, query.parameters, timeout=1), pa.Table)
    for sql, parameters in ((query.sql + " ", query.parameters), (query.sql, dict.fromkeys(query.parameters, 1))):
        with pytest.raises(QueryError):
            engine.run(sql, parameters, timeout=1)
    assert len(engine.missed) == 2
    with pytest.raises(ModelError):
        ReplayModel(held).complete([ModelMessage("user", "anything else")])


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04broken"])
def test_what_is_no_recording(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "x"
    file.write_bytes(content)
    with pytest.raises(RecordError, match="no recording"):
        replay(file)
    with pytest.raises(RecordError, match="does not exist"):
        replay(tmp_path / "nothing")


def test_another_format_is_said(recorded: tuple[Path, Report], tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="format 99"):
        read(edited(recorded[0], tmp_path / "x", lambda index: index.update(format=99)))


def test_the_command_replays_and_compares(recorded: tuple[Path, Report]) -> None:
    shown = CliRunner().invoke(app, ["replay", str(recorded[0]), "--json"])
    assert Report.model_validate_json(shown.output).headline == recorded[1].headline
    assert CliRunner().invoke(app, ["replay", str(recorded[0]), "--diff"]).output == "The same report.\n"


BROUGHT: list[dict[str, Any]] = [
    {"sandbox": {"unsafe_no_isolation": True}},
    {"query_timeout": 0.001, "memory_limit": "1KB", "threads": 999, "state_dir": "/elsewhere"},
    {"model": {"base_url": "http://elsewhere.example", "api_key": "k", "timeout": 1e9, "longest_wait": 1e9}},
    {"_env_file": "/elsewhere/.env", "_secrets_dir": "/elsewhere", "of_a_later_version": 1},
]


@pytest.mark.parametrize("more", BROUGHT, ids=lambda more: next(iter(more)))
def test_a_recording_chooses_nothing_of_the_machine(recorded: tuple[Path, Report], more: dict[str, Any]) -> None:
    held, _ = read(recorded[0])
    of_model = {**held.settings["model"], **more.get("model", {}), "text_characters": 9_000}
    told = {**held.settings, **more, "window_hours": 3.0, "model": of_model}
    settings = again(held.model_copy(update={"settings": told}))
    assert (settings.window_hours, settings.model.text_characters) == (3.0, 9_000)
    kept = {"window_hours": 2.0, "model": settings.model}
    assert settings.model_copy(update=kept) == Settings().model_copy(update=kept)
    ours = {name: getattr(settings.model, name) for name in ("base_url", "api_key", "timeout", "longest_wait")}
    assert ours == {"base_url": "", "api_key": None, "timeout": 60, "longest_wait": 0}


def test_the_environment_decides_on_isolation_in_a_replay_too(
    recorded: tuple[Path, Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    held, _ = read(recorded[0])
    assert again(held).sandbox.unsafe_no_isolation is False
    monkeypatch.setenv("TSG_SANDBOX__UNSAFE_NO_ISOLATION", "true")
    assert again(held).sandbox.unsafe_no_isolation is True


def test_a_tampered_recordings_code_runs_in_the_sandbox(incident: Request, tmp_path: Path) -> None:
    escape = f"import os\nos.close(os.open({str(tmp_path / 'out')!r}, os.O_CREAT | os.O_WRONLY))\nresult = {{}}"

    def change(index: dict[str, Any]) -> None:
        index["settings"]["sandbox"] = {"unsafe_no_isolation": True}
        written = [call for call in index["calls"] if "```python" in call["text"]]
        assert written
        for call in written:
            call["text"] = f"```python\n{escape}\n```"

    with serving(personas.honest) as endpoint:
        model = ModelSettings.model_validate({"name": "scripted", "base_url": endpoint.url})
        record(incident, tmp_path / "x", settings=Settings(model=model))
    with pytest.raises(RecordError, match="no result for the prompt"):  # the code failed: the model is asked to mend it
        replay(edited(tmp_path / "x", tmp_path / "tampered", change))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("settings", "named"), [({"model": {"name": 7}}, "model.name"), ({"thresholds": {"zone": 1}}, "thresholds.zone")]
)
def test_a_wrong_setting_of_a_recording_is_named(
    recorded: tuple[Path, Report], tmp_path: Path, settings: dict[str, Any], named: str
) -> None:
    with pytest.raises(RecordError, match=named):
        replay(edited(recorded[0], tmp_path / "x", lambda index: index.update(settings=settings)))


def test_a_recording_without_a_models_name_asks_none(
    recorded: tuple[Path, Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSG_MODEL__NAME", "somebody")
    report = replay(edited(recorded[0], tmp_path / "x", lambda index: index["settings"].pop("model")))
    assert report.usage.mode == "rules only"


class Shuffled(ReplayEngine):
    """The recorded results, each after a while of its own."""

    chance = np.random.default_rng(7)

    def run(self, sql: str, parameters: Mapping[str, object], *, timeout: float) -> pa.Table:
        time.sleep(self.chance.random() * 0.01)
        return super().run(sql, parameters, timeout=timeout)


@pytest.mark.slow
def test_the_same_conclusion_twenty_times_whatever_comes_first(recorded: tuple[Path, Report]) -> None:
    held, results = read(recorded[0])
    settings = Settings.model_validate({**held.settings, "model": {}})
    found = {
        json.dumps(
            comparable(investigate(held.request, settings=settings, engine=Shuffled(held, results))) | {"id": ""}
        )
        for _ in range(20)
    }
    assert len(found) == 1
