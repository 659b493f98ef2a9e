"""The exam's page: its headline, and that a phone shows it without scrolling sideways."""

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from eval.answer import Answer, Blamed, Check
from eval.cli import app
from eval.report import html, markdown
from eval.results import Head, Result, Run, read

PHONE = 390


def run(entrant: str, right: list[float]) -> Run:
    long = Answer(
        causes=[Blamed(subject={"endpoint_path": "/" + "x" * 300}, step=7, label="L" * 60, statement="word " * 90)],
        checks=[Check(step=7, status="ok", label="A" * 80, note="n" * 300)],
        screen="W" * 80,
    )
    results = [
        Result(
            case=f"an-incident-with-a-long-name-{i}", title="t" * 120, group="step 7", seed=1, reseed=0, run=0,
            passed=bool(value), scores={"right_nobody_blamed": value, "cause_at_1": value, "seconds": 2.0}, answer=long,
        )
        for i, value in enumerate(right)
    ]  # fmt: skip
    return Run(Head(entrant=entrant, runs=1, reseeds=[0], started="now", versions={"python": "3" * 40}), results)


def test_its_headline_is_the_figure_to_compare_agents_by() -> None:
    runs = [run("ours", [1.0, 1.0, 0.0]), run("theirs", [0.0, 0.0, 1.0])]
    for text in (html(runs), markdown(runs)):
        assert "ours: right cause, nobody blamed in 2 of 3" in text
        assert "theirs: right cause, nobody blamed in 1 of 3" in text


def test_an_entrant_is_called_as_its_user_wants(tmp_path: Path, cache: Path) -> None:
    out = tmp_path / "r.jsonl"
    flags = ["--entrant", "python:tests.eval.test_entrants:solver", "--name", "baseline", "--cases", "flag-weak"]
    ran = CliRunner().invoke(app, ["run", *flags, "--processes", "1", "--cache", str(cache), "--output", str(out)])
    assert ran.exit_code == 0, ran.output
    assert read(out).head.entrant == "baseline"


@pytest.mark.surfaces
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_it_does_not_scroll_sideways(scheme: str, browser: Any) -> None:
    page = browser.new_page(viewport={"width": PHONE, "height": 844}, color_scheme=scheme)
    page.set_content(html([run("ours", [1.0, 0.0]), run("theirs, with a name that is long", [0.0, 1.0])]))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE
