"""What run, show and watch print, as processes: forms, defaults, what is refused, an earlier investigation."""

import json
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.conftest import Place
from tests.cli.running import tsg
from tests.samples import bad_version, no_incident, two_that_are_over
from tsg_agent.cli.requested import form_of, window_of
from tsg_agent.cli.run_command import Output, show
from tsg_agent.cli.watching import Look, changed
from tsg_agent.errors import ParameterError


@pytest.mark.slow
def test_forms_defaults_and_an_earlier_investigation(shard: Place, tmp_path: Path) -> None:
    """One investigation with its telemetry named by tsg.toml of its folder."""
    place = shard.folder
    (place / "tsg.toml").write_text('telemetry = "telemetry"\n')
    try:
        done = tsg("run", "incident.md", "--format", "brief", state=place, TSG_STATE_DIR=str(tmp_path))
    finally:
        (place / "tsg.toml").unlink()
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("What broke   Shard shard-07: ")
    assert len(done.stdout.splitlines()) <= 22
    (identity,) = [line[:12] for line in tsg("list", state=tmp_path).stdout.splitlines()]
    slack = json.loads(tsg("show", identity, "--format", "slack", state=tmp_path).stdout)
    assert slack["blocks"][0]["type"] == "header"
    draft = tsg("postmortem", identity, state=tmp_path).stdout
    assert draft.startswith("# Post-mortem (draft)") and "shard-07" in draft


def test_a_folders_own_settings_name_its_own_telemetry_only(shard: Place, tmp_path: Path) -> None:
    (tmp_path / "tsg.toml").write_text(f'telemetry = "{shard.telemetry}"\n')
    refused = tsg("run", str(shard.incident), state=tmp_path)
    assert (refused.returncode, "outside of its folder" in refused.stderr) == (2, True)
    assert "Next:" in refused.stderr


def test_without_telemetry_it_says_where_to_name_it(tmp_path: Path) -> None:
    (tmp_path / "incident.md").write_text("x")
    refused = tsg("run", "incident.md", state=tmp_path)
    assert refused.returncode == 2
    assert 'Next: --telemetry PLACE, or telemetry = "PLACE" in tsg.toml' in refused.stderr


def test_a_usage_error_has_a_next_step(tmp_path: Path) -> None:
    for arguments in (("run",), ("run", "x", "--regon", "y"), ("rum",)):
        refused = tsg(*arguments, state=tmp_path)
        assert (refused.returncode, "Next: " in refused.stderr) == (2, True)


def test_the_conclusion_comes_last_so_that_it_stays_on_the_screen(tmp_path: Path) -> None:
    seen = StringIO()
    with redirect_stdout(seen), redirect_stderr(seen):
        show(bad_version(), Output(form="brief", html=tmp_path / "report.html", whole=False, quiet=False))
    first, *conclusion = seen.getvalue().splitlines()
    assert first == f"Report: {tmp_path / 'report.html'}"
    assert conclusion[0] == "shop.api · us-east · prod"


@pytest.mark.parametrize(
    ("last", "begin"),
    [("2h", "13:15"), ("90m", "13:45"), ("1h30m", "13:45"), ("45 min", "14:30")],
)
def test_the_last_hours_are_a_window_up_to_now(last: str, begin: str) -> None:
    window = window_of(last, "2026-03-10T15:15:00Z")
    assert window["start_time"].startswith(f"2026-03-10T{begin}")
    assert window["end_time"].startswith("2026-03-10T15:15")


@pytest.mark.parametrize("last", ["", "soon", "0h", "-2h", "9999d", "2 weeks"])
def test_what_is_no_length_of_time_is_refused(last: str) -> None:
    with pytest.raises(ParameterError):
        window_of(last, None)


def test_a_form_that_there_is_not_is_refused_and_a_ready_mapping_is_named() -> None:
    assert (form_of(None, as_json=False), form_of(None, as_json=True), form_of("slack", as_json=True)) == (
        None,
        "json",
        "slack",
    )
    with pytest.raises(ParameterError) as refused:
        form_of("otlp", as_json=False)
    assert refused.value.fix == "It is a ready mapping: --mapping otlp."


def test_watch_says_what_changed_and_when_it_is_over() -> None:
    before, after = Look(bad_version()), Look(two_that_are_over())
    assert not before.over and after.over and Look(no_incident()).over
    said = changed(before, after)
    assert said.startswith("It is over. Availability 99.95 % lately, 90.2")
    assert "new cause: flag one_page_checkout = on and shard s-07" in said
    assert "no cause any more: version 3.15.0" in said
    assert changed(before, before) == "Availability 90.2 % lately; the same causes."
