"""Made localization cases say what the bounds ask for, the same each time; exact descriptions are scored as written."""

import itertools
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from eval.cli import app
from eval.draws import Draws
from eval.labels import LabelError
from eval.localization.case import load, load_all, write
from eval.localization.make import FEWEST_ROWS, KINDS, MOST_ROWS, NOISES, make
from eval.localization.requests import Requests
from eval.localization.run import Generated, Recorded, Spec, localize
from eval.localization.score import Named, scores_of, shape_of
from eval.localization.tellable import FEWEST, FEWEST_EXTRA, why_not
from tsg_agent.simulator.frame import Text

NUMBERS = range(3000, 3060)
"""Two rounds of kinds and noises."""


@pytest.fixture(scope="module")
def made() -> list:
    return [make(7, number) for number in NUMBERS]


def test_sizes_are_those_of_the_bounds(made: list) -> None:
    for case in made:
        assert FEWEST_ROWS <= len(case.requests.time) <= MOST_ROWS
        assert 3 <= len(case.requests.dimensions) <= 6
        assert all(2 <= len(column.values) <= 40 for column in case.requests.dimensions.values())
        assert 1 <= len(case.causes) <= 3
        assert all(1 <= len(cause) <= 3 for cause in case.causes)
        early = case.requests.time[~case.requests.after]
        assert (case.requests.time[case.requests.after][0] - early[0]) / 60e6 > 119


def test_every_kind_meets_every_noise_and_some_causes_share_a_value(made: list) -> None:
    met = {(case.kind.name, case.noise) for case in made}
    assert len(met) == len(KINDS) * len(set(NOISES))
    several = [case.causes for case in made if len(case.causes) > 1]
    shared = [any(set(a.items()) & set(b.items()) for a, b in itertools.combinations(causes, 2)) for causes in several]
    assert 0.2 < sum(shared) / len(shared) < 0.8


def test_causes_fail_from_40_requests_and_20_extra_failures_on(made: list) -> None:
    for case in made:
        for cause in case.causes:
            failed0, all0, failed1, all1 = case.requests.counts(case.requests.meant(cause))
            assert all1 >= FEWEST
            assert failed1 - all1 * failed0 / max(all0, 1) >= FEWEST_EXTRA
            assert failed1 / all1 > 0.15


def test_the_background_is_that_of_its_kind() -> None:
    for number in range(30):
        case = make(8, number, quiet=True)
        share = float(case.requests.failed.mean())
        extra = 0.25 if case.noise.chronic else 0.0
        assert case.noise.low * 0.4 <= share <= case.noise.high * 1.4 + extra, (number, case.noise, share)
        assert not case.causes


def test_the_same_seed_makes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(make(3, 4), tmp_path / name, 4)
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) == 3
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    assert make(3, 4).causes != make(4, 4).causes


def test_a_written_case_is_read_again(tmp_path: Path) -> None:
    case = make(5, 4)
    write(case, tmp_path / "one", 4)
    [read] = load_all(tmp_path)
    assert list(read.label.root_cause) == list(case.causes)
    assert read.now == case.end
    assert case.start.isoformat(timespec="seconds").replace("+00:00", "Z") in read.text
    assert not any(value in read.text for cause in case.causes for value in cause.values())
    table = pq.read_table(read.telemetry / "api_gateway_logs.parquet")
    assert np.array_equal(table["status_code"].to_numpy() >= 500, case.requests.failed)


def test_a_label_without_an_end_takes_the_telemetrys(tmp_path: Path) -> None:
    write(make(5, 0), tmp_path / "one")
    (tmp_path / "one" / "label.json").write_text(json.dumps({"root_cause": [{"shard_id": "x"}]}))
    last = pq.read_table(tmp_path / "one/telemetry/api_gateway_logs.parquet")["timestamp"].to_pylist()[-1]
    assert load(tmp_path / "one").now.replace(tzinfo=None) == last


@pytest.mark.parametrize("label", ["{", '{"root_cause": "shard"}', '{"root_cause": [{"shard_id": 3}]}', "{}"])
def test_a_label_that_is_none_is_an_error(tmp_path: Path, label: str) -> None:
    write(make(5, 0), tmp_path / "one")
    (tmp_path / "one" / "label.json").write_text(label)
    with pytest.raises(LabelError, match=r"label\.json"):
        load(tmp_path / "one")


def requests(tables: dict[tuple[str, str], tuple[int, int, int, int]]) -> Requests:
    """Rows by zone and client: failed and all before, failed and all after."""
    zones, clients, after, failed = [], [], [], []
    for (zone, client), (failed0, all0, failed1, all1) in tables.items():
        zones += [zone] * (all0 + all1)
        clients += [client] * (all0 + all1)
        after += [False] * all0 + [True] * all1
        failed += [True] * failed0 + [False] * (all0 - failed0) + [True] * failed1 + [False] * (all1 - failed1)

    def text(values: list[str]) -> Text:
        words = tuple(sorted(set(values)))
        return Text(np.array([words.index(value) for value in values]), words)

    dimensions = {"availability_zone": text(zones), "client_type": text(clients)}
    return Requests(dimensions, np.arange(len(zones)), np.array(after), np.array(failed))


ALL = {(zone, client): (5, 1000, 1, 200) for zone in "abc" for client in "xyz"}
PAIR = {"availability_zone": "a", "client_type": "x"}


def test_a_plain_pair_is_tellable() -> None:
    assert why_not(requests(ALL | {("a", "x"): (5, 1000, 100, 200)}), [PAIR]) == ""


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ({}, "too few"),
        ({("a", "x"): (500, 1000, 122, 200)}, "no rise"),
        ({("a", client): (5, 1000, 100, 200) for client in "xyz"}, "as good without client_type"),
        ({("a", "x"): (5, 1000, 180, 200), ("a", "y"): (5, 1000, 60, 200)}, "rises too without client_type"),
        ({("a", client): (5, 1000, 0, 15) for client in "yz"} | {("a", "x"): (5, 1000, 190, 200)}, "as good"),
        ({("a", client): (0, 0, 0, 0) for client in "yz"} | {("a", "x"): (5, 1000, 100, 200)}, "as good"),
    ],
)
def test_what_rows_cannot_tell_is_said(tables: dict[tuple[str, str], tuple[int, int, int, int]], why: str) -> None:
    assert why in why_not(requests(ALL | tables), [PAIR])


def test_a_value_that_stands_for_another_is_said() -> None:
    tied = {("a", "x"): (5, 1000, 100, 200), ("a", "y"): (0, 0, 0, 0), ("a", "z"): (0, 0, 0, 0)}
    tied |= {("b", "x"): (0, 0, 0, 0), ("c", "x"): (0, 0, 0, 0)}
    assert "client_type=x stands for availability_zone" in why_not(requests(ALL | tied), [{"availability_zone": "a"}])


def test_draws_hold_their_ends() -> None:
    draws = Draws(1, "x")
    assert {draws.size(5, 7) for _ in range(100)} == {5, 6, 7}
    assert sorted(draws.shuffled(9)) == list(range(9))
    assert all(draws.size(40, 40) == 40 for _ in range(50))


ZONE, OTHER, CLIENT = {"availability_zone": "a"}, {"availability_zone": "b"}, PAIR


def test_scores_by_hand() -> None:
    named = [
        Named(case="exact", true=[ZONE], named=[ZONE], confirmed=1),
        Named(case="shorter", true=[PAIR], named=[ZONE], confirmed=1),
        Named(case="second", true=[ZONE], named=[OTHER, ZONE], confirmed=1),
        Named(case="half", true=[ZONE, OTHER], named=[ZONE], confirmed=1),
        Named(case="quiet", named=[], true=[]),
        Named(case="alarm", named=[ZONE], true=[]),
        Named(case="asked", true=[ZONE], error="asked for region"),
    ]
    scores = scores_of(named)
    assert scores.f1 == pytest.approx(2 * 3 / (6 + 5))
    assert scores.first == pytest.approx(2 / 5)
    assert scores.three == pytest.approx(2 / 5)
    assert (scores.alarms, scores.confirmed_alarms, scores.failed) == (0.5, 0.0, 1)
    assert scores_of(named[4:5]).f1 is None
    assert [shape_of(one) for one in named[:5]] == ["one value", "pair", "one value", "2 causes", "quiet"]


def test_folders_and_made_cases_are_put_before_the_agent(tmp_path: Path) -> None:
    write(make(1, 0), tmp_path / "one")
    [read, again, quiet] = localize([Recorded(tmp_path / "one"), Generated(1, 0), Generated(1, 0, True)], Spec(), 1)
    assert read.named == again.named == read.true
    assert read.confirmed == 1
    assert quiet.named == []


def test_the_command_scores_and_keeps(tmp_path: Path) -> None:
    runner = CliRunner()
    kept = runner.invoke(app, ["localize", "--generated", "1", "--quiet", "1", "--keep", str(tmp_path / "kept")])
    assert kept.exit_code == 0, kept.output
    out = tmp_path / "out.jsonl"
    ran = runner.invoke(app, ["localize", str(tmp_path / "kept"), "--json", "--jobs", "1", "--output", str(out)])
    assert ran.exit_code == 0, ran.output
    scores = json.loads(ran.stdout)
    assert scores["all"]["cases"] == 2
    assert scores["one value"]["f1"] == 1.0
    assert [json.loads(line)["case"] for line in out.read_text().splitlines()] == ["made-1-000", "quiet-1-000"]
    assert runner.invoke(app, ["localize", str(tmp_path / "nothing")]).exit_code == 2
    assert runner.invoke(app, ["localize"]).exit_code == 2
