"""guide lint, guide show and run --guide, as a person runs them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.cli.running import tsg
from tests.guides.small import STATES, text_of
from tests.guides.telemetry import BACKLOG, BACKLOG_TEXT, LAG, LAG_TEXT, backlog, lag


def written(path: Path, text: str) -> str:
    path.write_text(text, "utf-8")
    return str(path)


def test_lint_says_place_reason_and_fix_and_ends_with_8(tmp_path: Path) -> None:
    sql = "SELECT card, NOW() AS at FROM payments ORDER BY card"
    guide = written(tmp_path / "wrong.md", text_of(sql))
    place = text_of(sql).splitlines().index(sql) + 1
    done = tsg("guide", "lint", guide)
    assert done.returncode == 8
    (line,) = [line for line in done.stdout.splitlines() if " clock-time " in line]
    assert line.startswith(f"wrong.md:{place}: warning clock-time Step 2 plugin_1: ")
    assert "Fix: {end_time}" in line
    assert line.endswith("(repaired by run --guide)")


def test_lint_of_a_clean_guide_has_nothing_to_report() -> None:
    done = tsg("guide", "lint", str(BACKLOG))
    assert (done.returncode, done.stdout.strip()) == (0, "Queue backlog: nothing to report.")


@pytest.mark.slow
def test_lint_of_the_built_in_guide_s_file_has_nothing_to_report_and_says_with_verbose_what_is_on_purpose(
    tmp_path: Path,
) -> None:
    shown = tsg("guide", "show", "--format", "markdown")
    assert shown.returncode == 0, shown.stderr
    guide = written(tmp_path / "ours.md", shown.stdout)
    done = tsg("guide", "lint", guide)
    assert (done.returncode, done.stdout.strip()) == (0, "Low availability: nothing to report.")
    verbose = tsg("guide", "lint", guide, "--verbose").stdout
    assert "average-of-averages Step 2 plugin_1" in verbose and "Accepted: The guide's limits are about" in verbose


def test_lint_as_json_and_notes_alone_end_with_0() -> None:
    done = tsg("guide", "lint", str(LAG), "--json")
    assert done.returncode == 0
    problems = json.loads(done.stdout)["problems"]
    assert {one["severity"] for one in problems} == {"note"}
    assert all(one["line"] and one["why"] for one in problems)


def test_show_has_steps_edges_queries_parameters_and_a_diagram() -> None:
    done = tsg("guide", "show", str(LAG))
    assert done.returncode == 0
    for part in ("lag_limit: number", "plugin_3 (line 60)", "-> Step 4 (STOPPED)", "To be confirmed", "flowchart TD"):
        assert part in done.stdout
    held = json.loads(tsg("guide", "show", str(LAG), "--json").stdout)
    assert held["mermaid"].startswith("flowchart TD")
    assert [step["number"] for step in held["steps"]] == [1, 2, 3, 4, 5]


def test_show_without_a_file_is_of_the_built_in_guide() -> None:
    done = tsg("guide", "show")
    assert done.returncode == 0, done.stderr
    threshold = "threshold: number - SLA threshold, percent; used in Step 11"
    for part in (threshold, "-> Step 10 (in parallel)", "plugin_9\n"):
        assert part in done.stdout
    assert not re.search(r"never used|\?$|\{\w+\.\w+", done.stdout, re.MULTILINE)
    assert "HIGH_ERROR_RATE: over 8 % errors" in done.stdout


def test_run_with_a_guide_concludes(tmp_path: Path) -> None:
    incident = written(tmp_path / "incident.md", BACKLOG_TEXT)
    telemetry = str(backlog(tmp_path / "telemetry"))
    done = tsg("run", incident, "-t", telemetry, "--guide", str(BACKLOG), state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "RELEASE_FAILS: consumer_release 7.2.0" in done.stdout
    assert "Take consumer release 7.2.0 back." in done.stdout
    assert "Verdicts: steps 2, 3, 4." in done.stdout
    assert "Step 3 Which consumer release fails: RELEASE_FAILS" in done.stderr


@pytest.mark.slow
def test_run_with_a_guide_writes_a_page(tmp_path: Path) -> None:
    """Whatever a guide or telemetry hold is text there, and what is cited is found on it."""
    incident = written(tmp_path / "incident.md", BACKLOG_TEXT)
    telemetry, page = str(backlog(tmp_path / "telemetry")), tmp_path / "page.html"
    odd = BACKLOG.read_text("utf-8").replace("# Queue backlog", "# Queue <script>alert(1)</script> \u202e backlog")
    guide = written(tmp_path / "odd.md", odd.replace("'BACKLOGGED'", "'BACKLOGGED<b>'"))
    done = tsg("run", incident, "-t", telemetry, "--guide", guide, "--html", str(page), "-q", state=tmp_path)
    assert done.returncode == 0, done.stderr
    text = page.read_text("utf-8")
    assert "RELEASE_FAILS: version" in text or "RELEASE_FAILS: consumer_release" in text
    assert "<b>Take consumer release 7.2.0 back.</b>" in text
    assert "<script" not in text and "BACKLOGGED<b>" not in text and "\u202e" not in text
    cited = set(re.findall(r'href="#([^"]+)"', text))
    assert cited and cited <= set(re.findall(r'id="([^"]+)"', text))
    assert not re.search(r'(?:src|href)="(?!#)', text)


@pytest.mark.slow
def test_run_with_a_guide_as_json(tmp_path: Path) -> None:
    incident = written(tmp_path / "incident.md", LAG_TEXT.replace("lag_limit: 30\n", ""))
    telemetry = str(lag(tmp_path / "telemetry"))
    flags = ("run", incident, "-t", telemetry, "--guide", str(LAG), "--json", "-q")
    asked = tsg(*flags, state=tmp_path)
    assert asked.returncode == 3
    assert [one["parameter"] for one in json.loads(asked.stdout)["error"]["questions"]] == ["lag_limit"]
    said = tsg(*(flag for flag in flags if flag != "--json"), state=tmp_path)
    assert "--parameter lag_limit=…: Which lag_limit is it?" in said.stderr
    done = tsg(*flags, "--parameter", "lag_limit=30", state=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["parameters"]["lag_limit"] == 30
    assert [step["judged"] for step in report["steps"]] == [False] * 4


@pytest.mark.slow
def test_a_kept_run_with_a_guide_is_listed_answered_and_shown(tmp_path: Path) -> None:
    incident = written(tmp_path / "incident.md", LAG_TEXT.replace("lag_limit: 30\n", ""))
    telemetry = lag(tmp_path / "telemetry")
    asked = tsg("run", incident, "-t", str(telemetry), "--guide", str(LAG), "-q", state=tmp_path)
    assert asked.returncode == 3
    identity = re.findall(r"tsg-agent resume (\w+) --parameter lag_limit=…", asked.stderr)[0]
    done = tsg("resume", identity, "--parameter", "lag_limit=30", "-q", state=tmp_path)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(telemetry)
    assert tsg("show", identity, state=tmp_path).stdout == done.stdout
    assert json.loads(tsg("show", identity, "--format", "json", state=tmp_path).stdout)["parameters"]["lag_limit"] == 30
    for command in (
        ("postmortem", identity),
        ("feedback", identity, "--right"),
        ("show", identity, "--format", "slack"),
    ):
        refused = tsg(*command, state=tmp_path)
        assert refused.returncode in {2, 5} and "Next: " in refused.stderr, command
    assert "finished" in tsg("list", state=tmp_path).stdout


@pytest.mark.slow
def test_a_run_with_a_guide_is_recorded_and_replayed_from_the_file_alone(tmp_path: Path) -> None:
    incident, file = written(tmp_path / "incident.md", BACKLOG_TEXT), str(tmp_path / "run.tsgr")
    telemetry, guide = backlog(tmp_path / "telemetry"), tmp_path / "backlog.md"
    guide.write_text(BACKLOG.read_text("utf-8"), "utf-8")
    done = tsg(
        "run", incident, "-t", str(telemetry), "--guide", str(guide), "--record", file, "--json", "-q", state=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert f"Recording: {Path(file).resolve()}" in done.stderr
    shutil.rmtree(telemetry)
    guide.unlink()
    again = tsg("replay", file, "--json")
    assert again.returncode == 0, again.stderr
    then, now = json.loads(done.stdout), json.loads(again.stdout)
    assert (now["causes"], now["symptoms"], now["headline"]) == (then["causes"], then["symptoms"], then["headline"])
    assert tsg("replay", file, "--diff").stdout.strip() == "The same report."
    assert "RELEASE_FAILS: consumer_release 7.2.0" in tsg("replay", file).stdout


@pytest.mark.slow
def test_wrong_use_is_said(tmp_path: Path) -> None:
    incident = written(tmp_path / "incident.md", LAG_TEXT)
    run = ("run", incident, "-t", str(tmp_path))
    for flags, said in (
        (("--parameter", "a=b"), "--parameter belongs to --guide"),
        (("--guide", str(LAG), "--record", incident), "is there already"),
        (("--record", str(tmp_path)), "is no file"),
        (("--guide", "/dev/zero"), "too large for a guide"),
        (("--guide", str(LAG), "--parameter", "lag"), "no NAME=VALUE"),
        (("--guide", str(tmp_path / "none.md")), "cannot be read"),
        (("--guide", incident), "no step"),
        (("--guide", str(LAG), "--format", "slack"), "--format cannot be used with --guide"),
    ):
        done = tsg(*run, *flags, state=tmp_path)
        assert done.returncode == 2, flags
        assert said in done.stderr
    assert tsg("guide", "lint", incident).returncode == 2
    asked = tsg("ask", "which is behind?", "-t", str(tmp_path), "--guide", str(LAG))
    assert (asked.returncode, "run INCIDENT --guide" in asked.stderr) == (2, True)
    made = tsg("mapping", "init", str(backlog(tmp_path / "some") / "deliveries.parquet"), "--out", str(tmp_path))
    assert (made.returncode, "cannot be written: Is a directory" in made.stderr) == (2, True)


@pytest.mark.slow
def test_control_characters_of_a_guide_do_not_reach_the_terminal(tmp_path: Path) -> None:
    guide = written(tmp_path / "odd.md", text_of(STATES).replace("# Payments", "# Pay\x1b[31mments"))
    for command in ("show", "lint"):
        assert "\x1b" not in tsg("guide", command, guide).stdout
