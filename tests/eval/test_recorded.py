"""What a recording's telemetry cannot answer, worked out from its rows."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.cache import telemetry_of
from eval.cases import Case, Expected, from_label, load_all
from eval.entrants import Spec
from eval.recorded import expected_of, gaps_of
from eval.runner import jobs, run

SHARED = Path(os.environ.get("TSG_RECORDED_INCIDENTS", Path(__file__).parents[3] / "shared" / "incidents"))
MADE = [case.id for case in load_all() if any(gap.step > 1 for gap in case.expected.gaps)]
LOG = "api_gateway_logs.parquet"


def found(case: Case, folder: Path) -> dict[int, str]:
    return {gap.step: gap.status for gap in gaps_of(case, folder)}


@pytest.mark.parametrize("name", [*MADE, "shard-strong", "outage"])
def test_the_gaps_are_those_of_the_labels_of_made_incidents(name: str, cases: dict[str, Case], cache: Path) -> None:
    case = cases[name]
    labelled = {gap.step: gap.status for gap in case.expected.gaps if gap.step > 1}
    assert found(case, telemetry_of(case, cache)) == labelled


def small(folder: Path, case: Case, cache: Path, rows: int, columns: list[str] | None = None) -> Path:
    """A recording of the log alone, cut down."""
    folder.mkdir()
    table = pq.read_table(telemetry_of(case, cache) / LOG, columns=columns)
    pq.write_table(table.slice(table.num_rows - rows), folder / LOG)
    return folder


def test_groups_under_the_guides_minimum_are_insufficient(cases: dict[str, Case], cache: Path, tmp_path: Path) -> None:
    gaps = found(cases["shard-strong"], small(tmp_path / "t", cases["shard-strong"], cache, 300))
    assert gaps[2] == gaps[4] == gaps[5] == gaps[6] == gaps[7] == "insufficient_data"
    assert gaps[3] == gaps[8] == gaps[9] == "not_applicable"
    assert 10 not in gaps


def test_no_rows_are_no_data(cases: dict[str, Case], cache: Path, tmp_path: Path) -> None:
    gaps = found(cases["shard-strong"], small(tmp_path / "t", cases["shard-strong"], cache, 0))
    assert {gaps[step] for step in (2, 4, 5, 6, 7, 10)} == {"no_data"}


def test_a_label_without_parameters_leaves_out_what_only_they_decide(
    cases: dict[str, Case], cache: Path, tmp_path: Path
) -> None:
    case = cases["shard-strong"]
    short = Case("x", "", from_label("x", {"end_time": "2026-03-10T15:15:00Z", "root_cause": None}), case.now)
    columns = ["request_id", "timestamp", "region", "environment", "service_name", "status_code", "endpoint_path"]
    gaps = found(short, small(tmp_path / "t", case, cache, 300, columns))
    assert gaps == dict.fromkeys((2, 3, 5, 6, 8, 9), "not_applicable")


def test_gaps_that_a_label_names_stand(cases: dict[str, Case], tmp_path: Path) -> None:
    """Also where it names none: then nobody is to state one."""
    pq.write_table(pa.table({"request_id": ["a"]}), tmp_path / LOG)
    said = Expected.model_validate({"title": "t", "group": "g", "gaps": []})
    assert expected_of(Case("x", "", said, cases["outage"].now, telemetry=tmp_path)).gaps == ()
    unsaid = Expected.model_validate({"title": "t", "group": "g"})
    assert len(expected_of(Case("x", "", unsaid, cases["outage"].now, telemetry=tmp_path)).gaps) == 9


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded incidents are not here")
def test_the_shared_recordings_are_expected_to_have_the_gaps_they_have(cache: Path) -> None:
    results = run(Spec("rules"), jobs(load_all(SHARED), [0], 1, cache, None), processes=1)
    assert {result.case: result.scores["checks"] for result in results} == {result.case: 1.0 for result in results}
