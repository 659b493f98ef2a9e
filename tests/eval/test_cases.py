"""Loading: made incidents, recorded ones, choosing among them, other seeds."""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from eval.cache import telemetry_of
from eval.cases import Case, chosen, from_label, load, load_all
from eval.cli import app
from eval.entrants import Spec
from eval.labels import LabelError
from eval.runner import jobs, run

SHARED = Path(os.environ.get("TSG_RECORDED_INCIDENTS", Path(__file__).parents[3] / "shared" / "incidents"))


def test_choosing(cases: dict[str, Case]) -> None:
    every = list(cases.values())
    assert [case.id for case in chosen(every, ["outage"])] == ["outage", "outage-with-decoys"]
    assert len(chosen(every, ["step 5", "shard-strong"])) == sum(c.expected.group == "step 5" for c in every)
    assert chosen(every, []) == every
    with pytest.raises(KeyError):
        chosen(every, ["no such incident"])


def test_other_seeds(cases: dict[str, Case]) -> None:
    case = cases["outage"]
    assert case.reseeded(0) is case
    one, two = case.reseeded(1), case.reseeded(2)
    assert one.recipe and two.recipe and case.recipe
    seeds = {case.recipe.scenario.seed, one.recipe.scenario.seed, two.recipe.scenario.seed}
    assert len(seeds) == 3
    assert (one.text, one.expected) == (case.text, case.expected)


def recording(cases: dict[str, Case], cache: Path, folder: Path, label: dict[str, object]) -> Path:
    case = cases["shard-strong"]
    folder.mkdir()
    (folder / "incident.md").write_text(case.text, encoding="utf-8")
    (folder / "label.json").write_text(json.dumps(label), encoding="utf-8")
    shutil.copytree(telemetry_of(case, cache), folder / "telemetry")
    return folder


def test_a_recording_is_run_the_same_way(cases: dict[str, Case], cache: Path, tmp_path: Path) -> None:
    label = {
        "incident_start": "2026-03-10T14:00:00Z",
        "end_time": "2026-03-10T15:15:00Z",
        "subject": {"shard_id": "shard-07"},
    }
    recording(cases, cache, tmp_path / "mine", label)
    (case,) = load_all(tmp_path)
    (result,) = run(Spec("rules"), jobs([case], [0, 1], 1, cache, None), processes=1)
    assert (result.case, result.seed, result.error) == ("mine", None, "")
    assert result.scores["cause_at_1"] == 1.0
    assert result.scores["parameters"] == 1.0


def test_labels_of_recordings() -> None:
    by_name = from_label("a", {"root_cause": "payments", "end_time": "2026-03-10T15:00:00Z"})
    assert by_name.causes[0].any_of == ({"service_component": "payments"},)
    by_step = from_label("b", {"step": 9, "root_cause": "words", "parameters": {"end_time": "2026-03-10T15:00:00Z"}})
    assert by_step.causes[0].holds({"scenario_name": "x"}, 9) and not by_step.causes[0].holds({}, 8)
    assert not from_label("c", {"root_cause": None, "end_time": "2026-03-10T15:00:00Z"}).incident


END = {"end_time": "2026-03-10T15:00:00Z"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (json.dumps({**END, "subjct": {"shard_id": "a"}}), ("`subjct`", "did you mean `subject`", "root_cause, step")),
        (json.dumps({**END, "subject": {"shard": "a"}}), ("`subject`", "'shard'", "shard_id")),
        (json.dumps({**END, "subject": {}}), ("`subject`", "names no column")),
        (json.dumps({**END, "subject": {"shard_id": 7}}), ("`subject.shard_id`", "string", "7")),
        (json.dumps(END), ("names no cause", "`root_cause: null`")),
        (json.dumps({**END, "subject": None}), ("names no cause", "`root_cause: null`")),
        (json.dumps({**END, "step": 11}), ("`step`", "10")),
        (json.dumps({**END, "root_cause": ""}), ("`root_cause`",)),
        (json.dumps({**END, "root_cause": None, "parameters": {"regoin": "x"}}), ("`parameters.regoin`", "region")),
        (json.dumps({**END, "root_cause": None, "innocent": ["version 3"]}), ("`innocent.0`", "dictionary")),
        (json.dumps({**END, "root_cause": None, "innocent": [{"verson": "3"}]}), ("'verson'", "service_version")),
        (json.dumps({**END, "root_cause": None, "incident_start": "2026-03-11T00:00Z"}), ("is after end_time",)),
        (json.dumps({**END, "root_cause": None, "parameters": {"end_time": "2026-03-10T16:00Z"}}), ("differ",)),
        (json.dumps({"end_time": "2026-03-10T15:00:00", "root_cause": None}), ("`end_time`", "timezone")),
        (json.dumps({"root_cause": None}), ("`end_time`", "clock")),
        ('{"step": 4, "step": 5, "end_time": "2026-03-10T15:00:00Z"}', ("`step` is there twice",)),
        ('{"step": 4,', ("cannot be read", "line 1")),
        ("[]", ("dictionary",)),
    ],
)
def test_a_wrong_label_is_an_error_that_names_file_key_and_what_is_allowed(
    text: str, words: tuple[str, ...], tmp_path: Path, cache: Path
) -> None:
    wrong = tmp_path / "mine"
    (wrong / "telemetry").mkdir(parents=True)
    (wrong / "telemetry" / "api_gateway_logs.parquet").touch()
    (wrong / "incident.md").write_text("text", encoding="utf-8")
    (wrong / "label.json").write_text(text, encoding="utf-8")
    with pytest.raises(LabelError) as caught:
        load_all(tmp_path)
    for word in (str(wrong / "label.json"), *words):
        assert word in str(caught.value)
    ended = CliRunner().invoke(app, ["run", "--incidents", str(tmp_path), "--cache", str(cache)])
    assert ended.exit_code == 2 and "Traceback" not in ended.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"grup": "g"}, ("`grup`", "`group`")),
        ({"causes": [{"any_of": [{"shard": "a"}]}]}, ("`causes.0.any_of.0`", "'shard'", "shard_id")),
        ({"causes": [{"tier": "symptom"}]}, ("`causes.0`", "`any_of` or `steps`")),
        ({"causes": [{"steps": [5], "teir": "symptom"}]}, ("`causes.0.teir`", "`tier`")),
        ({"causes": [{"steps": [5], "tier": "sympton"}]}, ("`causes.0.tier`", "symptom")),
        ({"causes": [{"steps": [5]}], "incident": False}, ("contradict",)),
        ({"gaps": [{"step": 3, "status": "not_aplicable"}]}, ("`gaps.0.status`", "not_applicable")),
        ({"asked": ["regoin"]}, ("`asked.0`", "region")),
    ],
)
def test_a_wrong_long_label_too(changes: dict[str, object], words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    (tmp_path / "telemetry" / "api_gateway_logs.parquet").touch()
    (tmp_path / "incident.md").write_text("text", encoding="utf-8")
    (tmp_path / "expected.yaml").write_text(json.dumps({"title": "t", "group": "g", **changes}), encoding="utf-8")
    with pytest.raises(LabelError) as caught:
        load(tmp_path)
    for word in (str(tmp_path / "expected.yaml"), *words):
        assert word in str(caught.value)


@pytest.mark.parametrize("name", ["label.json", "expected.yaml"])
def test_a_label_that_is_not_there_or_no_text(name: str, tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    (tmp_path / "incident.md").write_text("text", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match=r"no table; allowed: api_gateway_logs\.parquet"):
        load(tmp_path)
    (tmp_path / "telemetry" / "api_gateway_logs.parquet").touch()
    with pytest.raises(LabelError, match=r"label\.json cannot be read: No such file"):
        load(tmp_path)
    (tmp_path / name).write_bytes(b"{'a': \xff")
    with pytest.raises(LabelError, match=f"{name} cannot be read"):
        load(tmp_path)


def test_what_is_no_incident(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_all(tmp_path)
    (tmp_path / "incident.md").write_text("text", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="neither"):
        load(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded incidents are not here")
def test_the_shared_recordings(cache: Path) -> None:
    results = run(Spec("rules"), jobs(load_all(SHARED), [0], 1, cache, None), processes=1)
    assert [(r.case, r.error) for r in results if r.error] == []
    assert not any(r.scores["false_alarm"] for r in results)
    scored = [r.scores["cause_at_3"] for r in results if r.scores["cause_at_3"] is not None]
    assert sum(scored) / len(scored) >= 0.7, [(r.case, r.scores["cause_at_3"]) for r in results]
