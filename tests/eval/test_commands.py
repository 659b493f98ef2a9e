"""run, compare, report and the protocol's schemas."""

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner

from eval.answer import Answer, Question
from eval.cases import Expected
from eval.cli import app
from eval.compare import compare
from eval.report import COLUMNS, html, markdown
from eval.results import Head, Result, Run, read, write
from eval.schemas import FOLDER, schemas
from eval.scorers import score
from eval.summary import scores_of

SOLVER = "python:tests.eval.test_entrants:solver"


def result(case: str, passed: bool, **scores: float | None) -> Result:
    return Result(
        case=case,
        title="<b>title</b>",
        group="g",
        seed=1,
        reseed=0,
        run=0,
        passed=passed,
        scores=scores,
        answer=Answer(),
    )


def made(entrant: str, results: list[Result]) -> Run:
    return Run(Head(entrant=entrant, runs=1, reseeds=[0], started="now", versions={"python": "3"}), results)


def test_compare_says_what_changed_and_whether_it_is_noise() -> None:
    old = made("old", [result(f"c{i}", False, cause_at_1=0.0, seconds=2.0) for i in range(12)])
    new = made("new", [result(f"c{i}", True, cause_at_1=1.0, seconds=2.0) for i in range(12)])
    text = compare(old, new)
    assert "| cause_at_1 | 0.000 | 1.000 | 12 | 0 | 0.000488 | more than noise |" in text
    assert "| seconds | 2.000 | 2.000 | 0 | 0 | 1 | the same |" in text
    assert "for the 2 scores that differ" in text
    few = compare(made("a", old.results[:2]), made("b", new.results[:2]))
    assert "may be chance" in few.split("cause_at_1")[1].splitlines()[0]
    assert "c0 +" in few


def test_scores_count_an_incident_once_however_often_it_ran() -> None:
    runs = [result("a", True, cause_at_1=1.0), result("a", False, cause_at_1=0.0), result("b", True, cause_at_1=1.0)]
    found = {one.name: one for one in scores_of(runs)}
    assert (found["cause_at_1"].mean, found["cause_at_1"].cases) == (0.75, 2)
    assert found["pass@1"].mean == 0.75
    twice = scores_of([*runs, result("b", True, cause_at_1=1.0)])
    assert {one.name: one.mean for one in twice}["pass^2"] == 0.5


def test_a_cost_of_nothing_is_no_share() -> None:
    (score,) = [
        one for one in scores_of([result("a", True, cost=0.0), result("b", True, cost=0.0)]) if one.name == "cost"
    ]
    assert score.interval == (0.0, 0.0)


def test_the_report_is_one_page_that_escapes_and_loads_nothing() -> None:
    page = html(
        [made("ours", [result("a", True, cause_at_1=1.0)]), made("other", [result("a", False, cause_at_1=0.0)])]
    )
    assert "&lt;b&gt;title" in page and "<b>title" not in page
    assert "http" not in page and "<svg" in page and "<details" in page
    assert "ours: fixed seeds" in page
    assert '<p class="soft">ours, now' in page
    text = markdown([made("ours", [result("a", False, cause_at_1=0.0)])])
    assert "| cause_at_1 | 0.000" in text and "a: cause_at_1" in text


def test_report_and_compare_say_how_many_answers_failed() -> None:
    silent = [result(f"c{i}", False, failed=1.0).model_copy(update={"error": "no JSON"}) for i in range(2)]
    bad = made("bad", [*silent, result("c2", True, failed=0.0)])
    good = made("good", [result(f"c{i}", True, failed=0.0) for i in range(3)])
    assert "Before, 2 of 3 answers failed; after, 0 of 3 answers failed." in compare(bad, good)
    assert "| failed | 0.667 | 0.000 | 2 | 0 |" in compare(bad, good)
    assert "2 of 3 answers failed" in markdown([bad]) and "2 of 3 answers failed" in html([bad])


def test_results_are_written_and_read(tmp_path: Path) -> None:
    run = made("ours", [result("a", True, cause_at_1=None)])
    write(tmp_path / "r.jsonl", run.head, run.results)
    again = read(tmp_path / "r.jsonl")
    assert (again.head, again.results) == (run.head, run.results)
    (tmp_path / "x.jsonl").write_text("{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no"):
        read(tmp_path / "x.jsonl")


def test_the_command_line(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "out.jsonl"
    common = ["run", "--cases", "shard-strong", "--entrant", SOLVER, "--cache", str(cache), "--processes", "1"]
    ended = CliRunner().invoke(app, [*common, "--runs", "2", "--reseed", "1", "--output", str(file), "--record"])
    assert ended.exit_code == 0, ended.output
    assert len(read(file).results) == 4
    assert len(list(file.with_suffix("").glob("*.json"))) == 4
    ended = CliRunner().invoke(app, ["compare", str(file), str(file)])
    assert ended.exit_code == 0 and "the same" in ended.output
    ended = CliRunner().invoke(app, ["report", str(file), "--output", str(tmp_path)])
    assert ended.exit_code == 0 and (tmp_path / "report.html").exists()


def test_an_interrupted_run_keeps_what_it_had_and_goes_on(tmp_path: Path, cache: Path) -> None:
    file = tmp_path / "out.jsonl"
    common = ["run", "--cases", "shard-strong", "--entrant", SOLVER, "--cache", str(cache), "--processes", "1"]
    common += ["--output", str(file), "--runs"]
    assert CliRunner().invoke(app, [*common, "3"]).exit_code == 0
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    broken = "".join(lines[:2]) + lines[2][:40]  # killed while it wrote the second result
    file.write_text(broken, encoding="utf-8")
    assert len(read(file).results) == 1

    refused = CliRunner().invoke(app, [*common, "3"])
    assert refused.exit_code == 2 and "--resume" in refused.output
    assert file.read_text(encoding="utf-8") == broken
    other = CliRunner().invoke(app, [*common, "2", "--resume"])
    assert other.exit_code == 2 and "other runs" in other.output
    assert file.read_text(encoding="utf-8") == broken

    assert CliRunner().invoke(app, [*common, "3", "--resume"]).exit_code == 0
    assert [one.run for one in read(file).results] == [0, 1, 2]
    assert file.read_text(encoding="utf-8").splitlines(keepends=True)[:2] == lines[:2]
    assert CliRunner().invoke(app, [*common, "1", "--overwrite"]).exit_code == 0
    assert len(read(file).results) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "does not exist"),
        ("", "line 1 is not a run's head"),
        ("hello\n", "line 1 is not a run's head"),
        ("[]\n", "line 1 is not a run's head"),
        ("HEAD\n{}\n", "line 2 is not a result"),
    ],
)
@pytest.mark.parametrize("command", [["compare", "GOOD", "BAD"], ["compare", "BAD", "GOOD"], ["report", "BAD"]])
def test_what_is_no_file_of_results(text: str | None, words: str, command: list[str], tmp_path: Path) -> None:
    good, bad = made("ours", [result("a", True)]), tmp_path / "bad.jsonl"
    write(tmp_path / "good.jsonl", good.head, good.results)
    if text is not None:
        bad.write_text(text.replace("HEAD", good.head.model_dump_json()), encoding="utf-8")
    paths = {"GOOD": str(tmp_path / "good.jsonl"), "BAD": str(bad)}
    ended = CliRunner().invoke(app, [paths.get(word, word) for word in command], env={"COLUMNS": "400"})
    said = " ".join(ended.output.split())
    assert ended.exit_code == 2
    assert str(bad) in said and words in said and "python -m eval run" in said
    assert "[Errno" not in said


def test_what_cannot_be_written(tmp_path: Path) -> None:
    run = made("ours", [result("a", True)])
    file = str(tmp_path / "good.jsonl")
    write(Path(file), run.head, run.results)
    for command in (["compare", file, file, "--output", str(tmp_path)], ["report", file, "--output", file]):
        ended = CliRunner().invoke(app, command, env={"COLUMNS": "400"})
        assert ended.exit_code == 2
        assert "cannot be written" in ended.output and "--output" in ended.output and "[Errno" not in ended.output


def test_each_answer_is_in_the_file_when_its_incident_ends(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Question] = []

    def interrupted(question: Question) -> Answer:
        asked.append(question)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return Answer()

    monkeypatch.setattr("eval.runner.entrant_of", lambda _: interrupted)
    file = tmp_path / "out.jsonl"
    common = ["run", "--cases", "shard-strong", "--cache", str(cache), "--processes", "1", "--runs", "3"]
    assert CliRunner().invoke(app, [*common, "--output", str(file)]).exit_code == 130
    assert len(read(file).results) == 1


@pytest.mark.parametrize(
    "flags", [["--cases", "nothing"], ["--model", "m"], ["--entrant", "nobody"], ["--set", "x"], ["--incidents", "/no"]]
)
def test_wrong_flags(flags: list[str], cache: Path) -> None:
    assert CliRunner().invoke(app, ["run", *flags, "--cache", str(cache)]).exit_code == 2


def test_the_schemas_are_current_and_hold() -> None:
    for name, text in schemas().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == text, "python -m eval.schemas"
        Draft202012Validator.check_schema(json.loads(text))
    example = json.loads((FOLDER / "answer.example.json").read_text(encoding="utf-8"))
    Draft202012Validator(json.loads(schemas()["answer.schema.json"])).validate(example)
    assert Answer.model_validate(example).causes


def test_every_score_has_a_place_in_the_report() -> None:
    names = score(Expected(title="", group=""), "", Answer(), [], {})
    assert set(names) | {"seconds"} == set(COLUMNS)
