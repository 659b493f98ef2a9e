"""The trial of prompts on any mind: what it records, that it goes on where it stopped, and records again."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from benchmarks import trial
from tests.llm import personas
from tests.llm.server import Fail, Say, serving
from tsg_agent import Request
from tsg_agent.recording import differences, kind_of
from tsg_agent.recording.file import read


def mind(request: dict[str, Any]) -> Say | Fail:
    if "tools" not in request:
        return personas.honest(request)
    if any(message["role"] == "tool" for message in request["messages"]):
        return Say("It is told in the first cause's row [C1].")
    return Say(calls=(("run_guide", {}),))


@pytest.fixture(scope="module")
def folder(incident: Request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("trial") / "checkout"
    shutil.copytree(incident.telemetry, place / "telemetry")
    (place / "incident.md").write_text(incident.text, "utf-8")
    return place


def tried(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        trial.main(list(arguments))
    return int(str(ended.value.code))


def test_a_trial_records_an_investigation_and_talks_and_does_nothing_twice(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TSG_MODEL__ANALYSE", "false")  # a sandbox takes its time, and has tests of its own
    monkeypatch.setattr(trial, "QUESTIONS", tmp_path / "questions.toml")
    trial.QUESTIONS.write_text('any = [["Why is it failing?"]]', "utf-8")
    out = tmp_path / "out"
    with serving(mind) as endpoint:
        arguments = (str(folder), "--out", str(out), "--base-url", endpoint.url, "--by-hand")
        assert tried(*arguments) == 0
        asked = len(endpoint.requests)
        assert tried(*arguments) == 0
        assert len(endpoint.requests) == asked
    files = sorted(out.iterdir())
    assert [file.name for file in files] == ["checkout-run.tsgr", "checkout-talk-1.tsgr"]
    assert [kind_of(file) for file in files] == ["investigation", "talk"]
    assert all(read(file)[0].written_by_hand for file in files)
    assert "is there already" in capsys.readouterr().out
    before = files[1].stat().st_mtime_ns
    assert tried(str(folder), "--out", str(out), "--again") == 0
    assert files[1].stat().st_mtime_ns > before
    assert sorted(out.iterdir()) == files
    assert differences(files[0]) == differences(files[1]) == []


def test_a_mind_that_gives_no_answer_is_told_of(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(personas.locked) as endpoint:
        assert tried(str(folder), "--out", str(tmp_path), "--base-url", endpoint.url) == 1
    assert "The model gave no answer (unauthorised)" in capsys.readouterr().out


def test_every_talk_has_a_question() -> None:
    known = trial.tomllib.loads(trial.QUESTIONS.read_text("utf-8"))
    assert sum(len(talk) for name, talks in known.items() if name != "any" for talk in talks) >= 10
    assert all(talk and all(question.strip() for question in talk) for talks in known.values() for talk in talks)
