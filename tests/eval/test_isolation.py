"""No entrant can read the true answer: it gets a text and a folder of telemetry, nothing else."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eval.answer import Question
from eval.cache import telemetry_of
from eval.cases import INCIDENTS, Case
from eval.entrants import Spec, entrant_of

_opened: list[str] = []
_watching = [False]


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if _watching[0] and event in ("open", "os.listdir", "os.scandir"):
        _opened.append(str(arguments[0]))


sys.addaudithook(_hook)


@pytest.fixture
def opened() -> Iterator[list[str]]:
    _opened.clear()
    _watching[0] = True
    yield _opened
    _watching[0] = False


@pytest.mark.parametrize("name", ["rules", "guide"])
def test_the_expected_answer_is_never_opened(name: str, cases: dict[str, Case], cache: Path, opened: list[str]) -> None:
    case = cases["shard-strong"]
    folder = telemetry_of(case, cache)
    entrant = entrant_of(Spec(name))
    opened.clear()
    entrant(Question(incident=case.text, telemetry=str(folder), now=case.now))
    assert opened
    assert [path for path in opened if path.startswith(str(INCIDENTS)) or path.endswith((".yaml", "label.json"))] == []


def test_the_telemetry_folder_holds_tables_and_says_nothing(cases: dict[str, Case], cache: Path) -> None:
    folder = telemetry_of(cases["shard-strong"], cache)
    assert {path.suffix for path in folder.iterdir()} == {".parquet"}
    assert "shard" not in folder.name


def test_the_text_does_not_give_the_cause_away(cases: dict[str, Case]) -> None:
    """Somebody may suspect the cause, but whoever believes what is suspected is more often wrong than right."""
    answers = [one.answer for case in cases.values() for one in case.expected.suspected]
    assert 0 < answers.count("yes") < answers.count("no")
    for case in cases.values():
        suspected = {one.words for one in case.expected.suspected}
        for cause in case.expected.causes:
            for subject in cause.any_of:
                for name, value in subject.items():
                    if name in ("shard_id", "partition_id", "availability_zone", "instance_type", "dependency_name"):
                        assert value not in case.text or value in suspected, case.id


def test_the_same_bytes_each_time(cases: dict[str, Case], tmp_path: Path) -> None:
    case = cases["sparse-shard"]
    first, second = telemetry_of(case, tmp_path / "a"), telemetry_of(case, tmp_path / "b")
    assert first.name == second.name
    for path in first.iterdir():
        assert path.read_bytes() == (second / path.name).read_bytes()
    assert telemetry_of(case.reseeded(1), tmp_path / "a").name != first.name
    assert not list((tmp_path / "a").glob(".making-*"))


def test_no_module_of_the_exam_is_too_long_to_be_one_concept() -> None:
    lengths = {file.name: len(file.read_text("utf-8").splitlines()) for file in INCIDENTS.parent.rglob("*.py")}
    assert {name: lines for name, lines in lengths.items() if lines >= 400} == {}
