"""Loading: made incidents, recorded ones, choosing among them, other seeds."""

import json
import os
import shutil
from pathlib import Path

import pytest

from eval.cache import telemetry_of
from eval.cases import Case, chosen, from_label, load, load_all
from eval.entrants import Spec
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


def test_what_is_no_incident(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_all(tmp_path)
    (tmp_path / "incident.md").write_text("text", encoding="utf-8")
    with pytest.raises(FileNotFoundError, match="neither"):
        load(tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded incidents are not here")
def test_the_shared_recordings(cache: Path) -> None:
    results = run(Spec("rules"), jobs(load_all(SHARED), [0], 1, cache, None), processes=1)
    assert [(r.case, r.error) for r in results if r.error] == []
    assert not any(r.scores["false_alarm"] for r in results)
    scored = [r.scores["cause_at_3"] for r in results if r.scores["cause_at_3"] is not None]
    assert sum(scored) / len(scored) >= 0.7, [(r.case, r.scores["cause_at_3"]) for r in results]
