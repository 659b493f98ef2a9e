"""list, show, resume with answers, and feedback, as processes."""

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Place
from tests.cli.running import tsg
from tsg_agent.store import Store

OPEN = "Errors since 2026-03-10 14:00 UTC, shop.gateway in prod."


@pytest.fixture(scope="module")
def state(shard: Place, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A state directory with one investigation, whose telemetry is still there; its id, and its report as printed."""
    place = tmp_path_factory.mktemp("state")
    done = tsg("run", str(shard.incident), "-t", shard.telemetry, "--json", state=place)
    assert done.returncode == 0, done.stderr
    return place, json.loads(done.stdout)["id"], done.stdout


@pytest.mark.slow
def test_a_report_is_shown_as_it_was_written_and_in_other_forms(state: tuple[Path, str, str], tmp_path: Path) -> None:
    place, identity, printed = state
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    assert tsg("show", identity, "--format", "json", state=tmp_path).stdout == printed
    headline = json.loads(printed)["headline"]
    assert headline[:40] in tsg("show", identity, state=tmp_path).stdout
    assert tsg("show", identity, "--format", "markdown", state=tmp_path).stdout.startswith("# ")
    assert "</html>" in tsg("show", identity, "--format", "html", state=tmp_path).stdout
    refused = tsg("show", identity, "--format", "pdf", state=tmp_path)
    assert (refused.returncode, "json, markdown, brief, html" in refused.stderr) == (2, True)
    events = [json.loads(line) for line in tsg("show", identity, "--events", state=tmp_path).stdout.splitlines()]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert events[-1]["kind"] == "concluded"
    for command in (("show", "abc"), ("show", "abc", "--events"), ("feedback", "abc", "--wrong")):
        assert tsg(*command, state=tmp_path).returncode == 5


@pytest.mark.slow
def test_what_is_asked_is_answered_by_flags_when_it_goes_on(shard: Place, tmp_path: Path) -> None:
    assert tsg("run", "-", "-t", shard.telemetry, text=OPEN, state=tmp_path).returncode == 3
    listed = tsg("list", state=tmp_path).stdout
    assert "asked" in listed and listed == tsg("resume", "list", state=tmp_path).stdout
    (identity,) = Store(tmp_path).identities()
    for wrong in ("mars", "us-eats"):
        refused = tsg("resume", identity, "--region", wrong, state=tmp_path)
        assert refused.returncode == 3
        assert wrong in refused.stderr and "us-east" in refused.stderr
    unfinished = tsg("show", identity, state=tmp_path)
    assert unfinished.returncode == 5 and f"tsg-agent resume {identity}" in unfinished.stderr
    done = tsg("resume", identity, "--region", "us-east", "--json", state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["parameters"]["region"] == "us-east"
    assert "changed nothing" not in done.stderr
    again = tsg("resume", identity, "--region", "us-west", "--json", state=tmp_path)
    assert again.stdout == done.stdout
    assert "Nothing was asked: --region changed nothing." in again.stderr


@pytest.mark.slow
def test_feedback_is_kept_and_becomes_a_case(state: tuple[Path, str, str], tmp_path: Path) -> None:
    place, identity, _ = state
    said = tsg("feedback", identity, "--cause", "shard_id=shard-07", "--export", str(tmp_path / "cases"), state=place)
    assert said.returncode == 0, said.stderr
    assert "the conclusion was right" in said.stderr
    case = Path(said.stdout.strip())
    assert case == (tmp_path / "cases" / identity).resolve()
    assert json.loads((case / "label.json").read_text())["subject"] == {"shard_id": "shard-07"}
    assert (case / "telemetry" / "api_gateway_logs.parquet").exists()
    wrong = tsg("feedback", identity, "--cause", "card-processor", state=place)
    assert "the conclusion was wrong" in wrong.stderr
    for flags in ((), ("--wrong", "--no-incident"), ("--cause", "shard=7"), ("--cause", "a=b", "--cause", "c")):
        assert tsg("feedback", identity, *flags, state=place).returncode == 2
