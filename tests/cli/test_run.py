"""run, resume, demo, doctor, tools and graph, as processes."""

import json
import re
from pathlib import Path

import jsonschema
import pytest

from tests.cli.conftest import Place
from tests.cli.running import tsg
from tsg_agent.models import Report
from tsg_agent.recording import comparable
from tsg_agent.report.schema import report_schema
from tsg_agent.tools import PLUGINS


@pytest.fixture(scope="module")
def ran(shard: Place, tmp_path_factory: pytest.TempPathFactory) -> "tuple[dict[str, object], Path]":
    state = tmp_path_factory.mktemp("state")
    page = state / "report.html"
    done = tsg("run", str(shard.incident), "-t", shard.telemetry, "--json", "--html", str(page), state=state)
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"Report: {page}\n"
    return json.loads(done.stdout), page


TOOK = re.compile(r" in [0-9.]+ s\b")
"""The only words of a report that a second run may write otherwise."""


def test_the_json_is_one_object_of_the_shipped_schema(ran: "tuple[dict[str, object], Path]") -> None:
    jsonschema.validate(ran[0], report_schema())


def test_the_shard_is_the_one_cause(ran: "tuple[dict[str, object], Path]") -> None:
    causes = ran[0]["causes"]
    assert isinstance(causes, list)
    confirmed = [cause["subject"] for cause in causes if cause["confidence"] == "confirmed"]
    assert confirmed == [{"shard_id": "shard-07"}]


def test_the_page_is_written(ran: "tuple[dict[str, object], Path]") -> None:
    assert "shard-07" in ran[1].read_text("utf-8")


def test_text_from_standard_input_gives_the_same_conclusion(
    shard: Place, tmp_path: Path, ran: "tuple[dict[str, object], Path]"
) -> None:
    text = shard.incident.read_text("utf-8")
    done = tsg("run", "-", "-t", shard.telemetry, "--json", "--no-keep", text=text, state=tmp_path, FORCE_COLOR="1")
    assert done.returncode == 0, done.stderr
    assert all(plugin.title in done.stderr for plugin in PLUGINS)  # the table of the checks
    again = json.loads(done.stdout)
    for name in ("parameters", "sla", "causes", "rejected", "actions", "headline"):
        assert again[name] == ran[0][name]


def test_a_finished_investigation_resumes_to_the_same_conclusion(shard: Place, tmp_path: Path) -> None:
    first = tsg("run", str(shard.incident), "-t", shard.telemetry, "--json", state=tmp_path)
    assert first.returncode == 0, first.stderr
    identity = json.loads(first.stdout)["id"]
    listed = tsg("resume", "list", state=tmp_path).stdout
    assert (
        listed.startswith(f"{identity}  20") and f"finished     {json.loads(first.stdout)['headline'][:60]}" in listed
    )
    again = tsg("resume", identity, "--json", state=tmp_path, FORCE_COLOR="1")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout) == json.loads(first.stdout)
    assert all(plugin.title in again.stderr for plugin in PLUGINS)  # the table is the log's: nothing ran again


def test_what_the_text_leaves_open_is_a_question_with_candidates(shard: Place, tmp_path: Path) -> None:
    done = tsg("run", "-", "-t", shard.telemetry, text="Something is wrong.", state=tmp_path)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "--region" in done.stderr and "us-east" in done.stderr
    as_json = tsg("run", "-", "-t", shard.telemetry, "--json", text="Something is wrong.", state=tmp_path)
    assert as_json.returncode == 3
    questions = json.loads(as_json.stdout)["error"]["questions"]
    assert "region" in {question["parameter"] for question in questions}


def test_flags_answer_what_the_text_leaves_open(shard: Place, tmp_path: Path) -> None:
    flags = ["--region", "us-east", "--service-name", "shop.gateway", "--environment", "prod", "--threshold", "99.5"]
    times = ["--incident-start", "2026-03-10T14:00:00Z", "--end-time", "2026-03-10T15:15:00Z"]
    done = tsg("run", "-", "-t", shard.telemetry, "--json", "--exact-start", *flags, *times, text="", state=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["parameters"]["exact_start"] is True
    assert report["causes"][0]["subject"] == {"shard_id": "shard-07"}
    assert report["sla"]["threshold"] == 99.5


@pytest.mark.slow
def test_a_flag_s_time_without_offset_is_utc_and_one_that_is_no_time_says_what_to_write(
    shard: Place, tmp_path: Path
) -> None:
    place = ["--region", "us-east", "--service-name", "shop.gateway", "--environment", "prod"]
    times = ["--incident-start", "2026-03-10 14:00", "--end-time", "2026-03-10T16:15+01:00"]
    done = tsg("run", "-", "-t", shard.telemetry, "--json", *place, *times, text="", state=tmp_path)
    assert done.returncode == 0, done.stderr
    parameters = json.loads(done.stdout)["parameters"]
    assert parameters["start_time"] == "2026-03-10T12:00:00Z"
    assert (parameters["incident_start"], parameters["end_time"]) == ("2026-03-10T14:00:00Z", "2026-03-10T15:15:00Z")
    for wrong in ("14:00", "2026-03-10", "2 pm"):
        done = tsg("run", "-", "-t", shard.telemetry, "--start-time", wrong, text="", state=tmp_path)
        assert done.returncode == 2, done.stderr
        assert f"--start-time is wrong: '{wrong}' is" in done.stderr
        assert "Write it as 2026-03-10T14:00Z" in done.stderr


def test_doctor_says_what_a_source_can_answer(shard: Place, tmp_path: Path) -> None:
    done = tsg("doctor", "-t", shard.telemetry, state=tmp_path)
    assert done.returncode == 0, done.stderr
    for words in ("Sandbox", "api_gateway_logs", "us-east", "shop.gateway", "can run"):
        assert words in done.stdout
    data = json.loads(tsg("doctor", "-t", shard.telemetry, "--json", state=tmp_path).stdout)
    assert all(check["ready"] for check in data["telemetry"]["checks"])
    assert data["sandbox"]["unsafe_no_isolation"] is False


def test_doctor_warns_of_the_unsafe_mode(tmp_path: Path) -> None:
    done = tsg("doctor", state=tmp_path, TSG_SANDBOX__UNSAFE_NO_ISOLATION="true")
    assert "a model's code runs WITHOUT isolation" in " ".join(done.stdout.split())


def test_tools_names_all_nine(tmp_path: Path) -> None:
    data = json.loads(tsg("tools", "--json", state=tmp_path).stdout)
    assert [tool["name"] for tool in data] == [f"plugin_{number}_tool" for number in range(1, 10)]


def test_graph_draws_every_branch(tmp_path: Path) -> None:
    drawn = tsg("graph", state=tmp_path).stdout
    for node in ("extract", "plugin_1_version_regression", "plugin_9_errors", "evidence", "judge", "conclude"):
        assert node in drawn


def test_demo_lists_and_makes_incidents(tmp_path: Path) -> None:
    assert "checkout" in tsg("demo", "list", state=tmp_path).stdout
    done = tsg("demo", "quiet", "--json", state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [cause for cause in json.loads(done.stdout)["causes"] if cause["confidence"] == "confirmed"] == []
    assert (tmp_path / "demo" / "quiet" / "report.html").exists()


@pytest.mark.slow
def test_a_recording_replays_without_its_telemetry(shard: Place, tmp_path: Path) -> None:
    kept = tmp_path / "kept.tsgr"
    text = shard.incident.read_text("utf-8")
    first = tsg("run", "-", "-t", shard.telemetry, "--json", "--record", str(kept), text=text, state=tmp_path)
    assert first.returncode == 0, first.stderr
    again = tsg("replay", str(kept), "--json", state=tmp_path)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["causes"] == json.loads(first.stdout)["causes"]
    assert tsg("replay", str(kept), "--diff", state=tmp_path).stdout == "The same report.\n"
    piped = tsg("replay", str(kept), state=tmp_path).stdout
    whole = tsg("replay", str(kept), "--all", state=tmp_path).stdout
    assert TOOK.sub("", piped) == TOOK.sub("", whole)
    assert "\n## Evidence\n" in piped
    compared = tsg("replay", str(kept), "--diff", "--json", state=tmp_path)
    assert json.loads(compared.stdout) == {"same": True, "differences": []}

    held = kept.read_bytes()
    refused = tsg("run", "-", "-t", shard.telemetry, "--record", str(kept), text=text, state=tmp_path)
    assert refused.returncode == 2 and "--overwrite" in refused.stderr
    asked = tsg("ask", "which shards failed?", "-t", shard.telemetry, "--record", str(kept), state=tmp_path)
    assert asked.returncode == 2 and "--overwrite" in asked.stderr
    assert kept.read_bytes() == held
    command = ("run", "-", "-t", shard.telemetry, "--record", str(kept), "--overwrite")
    assert tsg(*command, text=text, state=tmp_path).returncode == 0
    assert kept.read_bytes() != held


@pytest.mark.slow
def test_the_order_of_sets_changes_no_report(shard: Place, tmp_path: Path) -> None:
    reports = []
    for seed in ("1", "2", "3"):
        done = tsg(
            "run", str(shard.incident), "-t", shard.telemetry, "--json", state=tmp_path,
            TSG_THREADS="1", PYTHONHASHSEED=seed,
        )  # fmt: skip
        reports.append(comparable(Report.model_validate_json(done.stdout)))
    first, *others = ({**report, "id": "", "created": ""} for report in reports)
    assert all(other == first for other in others)
