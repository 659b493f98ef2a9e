"""The conclusion on one screen, as five incidents show it. `python -m tests.report.test_screen` writes the files anew.

Who writes them anew looks at them.
"""

import re
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from tests.samples import SAMPLES, bad_version, hostile, only_suspects
from tsg_agent.models import Line, Report
from tsg_agent.report.screen import ROWS, WIDTH, screen, to_screen
from tsg_agent.report.terminal import PROMPT, print_report

PLACE = Path(__file__).with_name("screens")
LEFT = "All of it, with the evidence: tsg-agent show 0123456789ab --all"
SCREENS = {
    "80": {"width": 80, "color_system": None},
    "60": {"width": 60, "color_system": None},
    "colour": {"width": 80, "color_system": "standard"},
    "ascii": {"width": 80, "color_system": None, "safe_box": True},
}


def shown(report: Report, form: str) -> str:
    """What a terminal of 24 rows shows."""
    options = dict(SCREENS[form])
    written = StringIO()
    if form == "ascii":
        return "\n".join(row.plain for row in screen(report, ascii_only=True, left=LEFT)) + "\n"
    system = options.pop("color_system")
    console = Console(
        file=written, force_terminal=True, color_system=system, height=24, width=options["width"], legacy_windows=False,
        no_color=system is None,
    )  # fmt: skip
    print_report(report, console, left=LEFT)
    return written.getvalue()


CASES = [(name, form) for name in SAMPLES for form in SCREENS if form in ("80", "60") or name == "bad_version"]


@pytest.mark.parametrize(("name", "form"), CASES)
def test_it_looks_as_it_did(name: str, form: str) -> None:
    assert shown(SAMPLES[name](), form) == (PLACE / f"{name}-{form}.txt").read_text("utf-8")


@pytest.mark.parametrize("name", SAMPLES)
def test_it_fits_and_leaves_room_for_the_prompt(name: str) -> None:
    rows = shown(SAMPLES[name](), "80").splitlines()
    assert len(rows) <= ROWS == 24 - PROMPT
    assert max(map(len, rows)) <= WIDTH


@pytest.mark.parametrize("name", ["bad_version", "only_suspects", "two_that_are_over", "only_gaps"])
def test_no_figure_is_said_twice(name: str) -> None:
    said = " ".join(row.text for row in screen(SAMPLES[name]()) if row.asks != "spark")
    figures = re.findall(r"\d[\d.,]* %", said)
    assert len(figures) == len(set(figures))


@pytest.mark.parametrize("length", [20, 90, 400])
@pytest.mark.parametrize("items", [1, 3, 30])
def test_whatever_there_is_to_say_fits_and_the_first_action_stays(length: int, items: int) -> None:
    clauses = [f"{i} " + "word " * (length // 5) for i in range(items)]
    brief = [Line(asks=line.asks, items=clauses) for line in bad_version().brief]
    full = bad_version().model_copy(update={"brief": [*brief, Line(asks="unchecked", items=clauses)]})
    rows = screen(full, left=LEFT)
    assert len(rows) <= ROWS
    assert max(len(row.plain) for row in rows) <= WIDTH
    assert any(row.asks == "first" for row in rows)


def test_what_is_left_out_is_counted_and_a_taller_terminal_shows_it() -> None:
    items = [f"zone z{i} 3 %" for i in range(200)]
    report = bad_version()
    report = report.model_copy(update={"brief": [*report.brief[:-1], Line(asks="shows", items=items)]})
    short, tall = to_screen(report), "\n".join(row.plain for row in screen(report, rows=60))
    assert re.search(r"\d+ more\.", short)
    assert "z199" in tall


def test_a_hostile_name_moves_no_cursor_and_formats_nothing() -> None:
    written = shown(hostile(), "80")
    assert "\x1b" not in written
    assert "<script>alert(1)</script>" in written


def test_a_suspects_reasons_are_said_once() -> None:
    words = to_screen(only_suspects())
    assert "Look at shard s-07 before you change anything" in words
    assert words.count("suspected") == 0 or words.lower().count("not confirmed") == 1


def test_without_colour_there_is_no_escape_sequence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    written = StringIO()
    print_report(bad_version(), Console(file=written, force_terminal=True, width=80, height=24))
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", written.getvalue())


if __name__ == "__main__":
    PLACE.mkdir(exist_ok=True)
    for name, form in CASES:
        (PLACE / f"{name}-{form}.txt").write_text(shown(SAMPLES[name](), form), "utf-8")
