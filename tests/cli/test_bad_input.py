"""Bad input: a clear message with the next step, the documented exit code, no traceback, no wrong result."""

import json
import os
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Place
from tests.cli.running import ROOT, tsg

pytestmark = pytest.mark.slow
GIVEN = (
    *("--region", "us-east", "--service-name", "shop.gateway", "--environment", "prod"),
    *("--incident-start", "2026-03-10T14:00:00Z", "--end-time", "2026-03-10T15:15:00Z"),
)


def failed(done: "subprocess.CompletedProcess[str]", code: int, *words: str) -> None:
    assert done.returncode == code, (done.stdout, done.stderr)
    assert done.stdout == ""
    assert "Traceback" not in done.stderr and "[Errno" not in done.stderr
    for word in words:
        assert word in done.stderr


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "telemetry").mkdir()
    done = tsg("run", "-", "-t", str(tmp_path / "telemetry"), text="x", state=tmp_path)
    failed(done, 4, "no telemetry", "Next:", "api_gateway_logs")


def test_a_truncated_parquet_file(shard: Place, tmp_path: Path) -> None:
    whole = (Path(shard.telemetry) / "api_gateway_logs.parquet").read_bytes()
    (tmp_path / "api_gateway_logs.parquet").write_bytes(whole[: len(whole) // 2])
    failed(tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path), 4, "api_gateway_logs", "Next:")


def test_a_parquet_file_with_a_damaged_footer(shard: Place, tmp_path: Path) -> None:
    whole = (Path(shard.telemetry) / "api_gateway_logs.parquet").read_bytes()
    footer = 8 + int.from_bytes(whole[-8:-4], "little")
    (tmp_path / "api_gateway_logs.parquet").write_bytes(whole[:-footer] + b"\xa5" * (footer - 8) + whole[-8:])
    failed(tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path), 4, "api_gateway_logs", "Next:")


def test_a_link_to_nowhere(tmp_path: Path) -> None:
    (tmp_path / "telemetry").symlink_to(tmp_path / "unmounted")
    done = tsg("doctor", "-t", "telemetry", state=tmp_path)
    failed(done, 4, f"is a link to {tmp_path / 'unmounted'}, which does not exist", "Next:")


def test_a_database_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "telemetry.duckdb").write_text("id,name\n" * 1000)
    failed(tsg("doctor", "-t", "telemetry.duckdb", state=tmp_path), 4, "not a valid DuckDB database", "Next:")


def test_zero_bytes_instead_of_text(tmp_path: Path) -> None:
    (tmp_path / "api_gateway_logs.csv").write_bytes(bytes(100_000))  # what a crash can leave of a file
    failed(
        tsg("doctor", "-t", str(tmp_path), state=tmp_path),
        4,
        "none of the guide's columns",
        "Next: It holds zero bytes",
    )


def test_a_list_over_a_file(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("")
    done = tsg("list", state=tmp_path, TSG_STATE_DIR=str(tmp_path / "state"))
    failed(done, 5, "cannot be read: Not a directory", "Next:", "TSG_STATE_DIR")


@pytest.mark.parametrize("package", ["pandas", "duckdb"])
def test_a_package_that_is_missing(package: str, tmp_path: Path) -> None:
    (tmp_path / f"{package}.py").write_text(f"raise ModuleNotFoundError('No module named {package}', name='{package}')")
    (tmp_path / "telemetry").mkdir()
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = tsg("doctor", "-t", "telemetry", state=tmp_path, PYTHONPATH=path)
    failed(done, 1, f"No module named {package}", "Next: Install tsg-agent anew")


@pytest.mark.parametrize(("text", "words"), [("", "is empty (0 bytes)"), ("request_id,timestamp\n", "has no rows")])
def test_a_file_without_rows_is_no_open_question(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "api_gateway_logs.csv").write_text(text)
    failed(tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path), 4, words, "Next:")
    shown = tsg("doctor", "-t", str(tmp_path), state=tmp_path)
    assert words.removeprefix("has ") in shown.stdout + shown.stderr


def test_a_csv_with_broken_rows(tmp_path: Path) -> None:
    lines = [
        "request_id,timestamp,region,environment,service_name,status_code",
        "a,2026-03-10 14:00:00,us-east,prod,s,200",
    ]
    broken = ["b,2026-03-10 14:00:01", "c", "d,e"]
    (tmp_path / "api_gateway_logs.csv").write_text("\n".join([*lines, *broken]))
    failed(tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path), 4, "api_gateway_logs")


def test_text_where_a_number_belongs(tmp_path: Path) -> None:
    row = {"request_id": ["a"], "latency_ms": ["fast"], "status_code": [200]}
    pq.write_table(pa.table(row), tmp_path / "api_gateway_logs.parquet")
    failed(tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path), 4, "latency_ms", "fast", "mapping")


@pytest.mark.parametrize(
    ("flags", "code", "words"),
    [
        (("--start-time", "2026-03-10T15:00Z", "--end-time", "2026-03-10T14:00Z"), 2, ("end",)),
        (("--region", "moon"), 2, ("moon", "us-east")),
        (("--region", "us-east'; DROP TABLE api_gateway_logs; --"), 2, ("us-east",)),
        (("--service-name", '"; SELECT 1'), 2, ("shop.gateway",)),
        (("--environment", "prod' OR '1'='1"), 2, ("prod",)),
        (("--threshold", "250"), 2, ("threshold",)),
        (("--incident-start", "soon"), 2, ("--incident-start", "2026-03-10T14:00Z")),
        (("--mapping", "nowhere.toml"), 4, ("nowhere.toml does not exist", "Next:", "--mapping")),
        (("--mapping", "."), 4, ("cannot be read: Is a directory", "Next:", "TOML")),
    ],
)
def test_wrong_flags(flags: tuple[str, ...], code: int, words: tuple[str, ...], shard: Place, tmp_path: Path) -> None:
    text = shard.incident.read_text("utf-8")
    failed(tsg("run", "-", "-t", shard.telemetry, *flags, text=text, state=tmp_path), code, *words)


@pytest.mark.slow
def test_a_text_of_ten_megabytes(shard: Place, tmp_path: Path) -> None:
    text = "it began at 09:00, region us-west; " * 300_000
    done = tsg("run", "-", "-t", shard.telemetry, "--json", *GIVEN, text=text, state=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["causes"][0]["subject"] == {"shard_id": "shard-07"}
    assert any("characters" in note for note in report["notes"])


def test_no_such_file(shard: Place, tmp_path: Path) -> None:
    failed(tsg("run", "nowhere.md", "-t", shard.telemetry, state=tmp_path), 2, "nowhere.md", "Next:")


def test_a_recording_that_does_not_exist(tmp_path: Path) -> None:
    for flags in ((), ("--diff",)):
        failed(tsg("replay", "nowhere.tsgr", *flags, state=tmp_path), 5, "nowhere.tsgr does not exist", "--record")


def keep(state: Path, *identities: str) -> None:
    """Investigations that were interrupted, oldest first."""
    for age, identity in enumerate(reversed(identities)):
        (state / identity).mkdir(mode=0o700)
        file = state / identity / "request.json"
        file.write_text(json.dumps({"text": f"\n# Trouble {identity}\nmore", "telemetry": "x"}), encoding="utf-8")
        os.utime(file, (1_773_000_000 - 3600 * age,) * 2)


def test_a_list_is_newest_first_and_short(tmp_path: Path) -> None:
    names = [f"{number:012x}" for number in range(30)]
    keep(tmp_path, *names)
    done = tsg("resume", "list", state=tmp_path)
    lines = done.stdout.splitlines()
    assert lines[0] == f"{names[-1]}  2026-03-08 20:00 UTC  interrupted  Trouble {names[-1]}"
    assert [line.split()[0] for line in lines] == names[:-21:-1]
    assert "10 older ones: --limit 30" in done.stderr
    held = json.loads(tsg("resume", "list", "--limit", "2", "--json", state=tmp_path).stdout)
    assert held["more"] == 28
    assert held["investigations"][1] == {
        "id": names[-2],
        "when": "2026-03-08T19:00:00+00:00",
        "state": "interrupted",
        "title": f"Trouble {names[-2]}",
    }


def test_a_wrong_id_names_near_ones_and_no_others(tmp_path: Path) -> None:
    keep(tmp_path, "abcdef012345", "abcdef999999", *(f"{number:012x}" for number in range(30)))
    near = tsg("resume", "abcdef012354", state=tmp_path)
    failed(near, 5, "abcdef012354", "Did you mean abcdef012345", "tsg-agent list")
    assert "000000000001" not in near.stderr
    failed(tsg("resume", "abcdef9", state=tmp_path), 5, "Did you mean abcdef999999?")
    none = tsg("resume", "zzzz", state=tmp_path)
    failed(none, 5, "tsg-agent list")
    assert "Did you mean" not in none.stderr


def test_no_such_investigation(tmp_path: Path) -> None:
    failed(tsg("resume", "abc123", state=tmp_path), 5, "abc123")
    failed(tsg("resume", "../../etc", state=tmp_path), 5, "etc")


def test_a_page_that_cannot_be_written(shard: Place, tmp_path: Path) -> None:
    done = tsg(
        "run", "-", "-t", shard.telemetry, *GIVEN, "--html", str(tmp_path / "no" / "r.html"), text="", state=tmp_path
    )
    failed(done, 2, "r.html", "--html")


def test_errors_are_objects_for_programs(tmp_path: Path) -> None:
    done = tsg("run", "-", "-t", str(tmp_path / "nowhere"), "--json", text="x", state=tmp_path)
    assert done.returncode == 4
    error = json.loads(done.stdout)["error"]
    assert error["type"] == "TelemetryError"
    assert error["fix"]


def test_a_wrong_setting_names_itself(tmp_path: Path) -> None:
    done = tsg("run", "-", "-t", str(tmp_path), text="x", state=tmp_path, TSG_QUERY_TIMEOUT="soon")
    failed(done, 2, "query_timeout")


def test_a_folder_that_cannot_be_written_does_not_stop_an_investigation(shard: Place, tmp_path: Path) -> None:
    (tmp_path / "checkpoints.sqlite").mkdir()
    text = shard.incident.read_text("utf-8")
    done = tsg("run", "-", "-t", shard.telemetry, "--json", text=text, state=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["causes"][0]["subject"] == {"shard_id": "shard-07"}
    assert any("cannot be resumed" in note and "TSG_STATE_DIR" in note for note in report["notes"])
    failed(tsg("resume", "abc", state=tmp_path), 5, "cannot be kept")


def test_a_window_without_data_is_no_data_and_never_healthy(shard: Place, tmp_path: Path) -> None:
    times = ("--incident-start", "2026-03-10T11:51:00Z", "--end-time", "2026-03-10T11:52:00Z", "--start-time")
    flags = (*GIVEN[:6], *times, "2026-03-10T11:00:00Z", "--region", "eu-central", "--environment", "staging")
    done = tsg("run", "-", "-t", shard.telemetry, "--json", *flags, text="", state=tmp_path)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["sla"]["breached"] is None
    assert report["sla"]["status"] == "no_data"
    assert "no request of shop.gateway in eu-central / staging was seen" in report["headline"]
    assert not any("doubted" in note for note in report["notes"])
    assert "no_data" in {finding["status"] for finding in report["findings"]}
    assert not report["causes"]
    assert report["gaps"]


def test_doctor_prints_no_escape_sequences_of_the_telemetry(tmp_path: Path) -> None:
    rows = {name: [f"{name}\x1b]0;owned\x07\x1b[31m"] for name in ("region", "environment", "service_name")}
    pq.write_table(pa.table(rows | {"request_id": ["a"], "status_code": [200]}), tmp_path / "api_gateway_logs.parquet")
    done = tsg("doctor", "-t", str(tmp_path), state=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "regions: region" in done.stdout
    assert "\x1b" not in done.stdout and "\x07" not in done.stdout
