"""Odd surroundings: an ASCII locale, a full disk, names that are no text, input without end, little memory."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Place
from tests.cli.running import ROOT, tsg
from tests.cli.test_bad_input import GIVEN, failed

pytestmark = pytest.mark.slow  # each starts processes

ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
FULL = Path("/dev/full")
ENDLESS = Path("/dev/zero")
ODD = "\u202egpj.exe\u2066 \x9b31m \x7f caf\u00e9"
"""A bidirectional override and an isolate, a control sequence of eight bits, a deletion; and a letter."""
SHOWN = "gpj.exe 31m caf\u00e9"
"""The same in a column of the scope, whose spellings are made alike."""


def bytes_of(*arguments: str | bytes, state: Path, **environment: str) -> "subprocess.CompletedProcess[bytes]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("TSG_", "PYTHON"))}
    return subprocess.run(
        [sys.executable, "-m", "tsg_agent", *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
        cwd=state,
        env={**clean, "TSG_STATE_DIR": str(state), "PYTHONPATH": str(ROOT), **environment},
    )


def odd(folder: Path) -> Path:
    """Telemetry whose every text is odd."""
    rows = {name: [f"{name} {ODD}"] for name in ("region", "environment", "service_name", "service_version")}
    times = pa.array([1_773_151_200_000_000], pa.timestamp("us"))
    table = pa.table(rows | {"request_id": ["a"], "status_code": [200], "timestamp": times})
    pq.write_table(table, folder / "api_gateway_logs.parquet")
    return folder


def test_an_ascii_locale_changes_nothing(shard: Place, tmp_path: Path) -> None:
    folder = tmp_path / "t\u00e9l\u00e9m\u00e9trie"
    folder.symlink_to(shard.telemetry)
    text = tmp_path / "incid\u00e9nt.md"
    text.write_bytes(shard.incident.read_bytes())
    for flags in ((), ("--json",)):
        done = bytes_of("run", str(text), "-t", str(folder), *flags, state=tmp_path, **ASCII)
        assert done.returncode == 0, done.stderr
        assert b"Traceback" not in done.stderr
        assert "shard-07" in done.stdout.decode("utf-8")
    report = json.loads(done.stdout)
    assert report["causes"][0]["subject"] == {"shard_id": "shard-07"}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_what_an_encoding_lacks_is_escaped(encoding: str, tmp_path: Path) -> None:
    done = bytes_of("doctor", "-t", str(odd(tmp_path)), "--json", state=tmp_path, PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.decode(encoding))["telemetry"]["known"]["regions"] == [f"region {SHOWN}"]


@pytest.mark.parametrize("command", ["doctor", "run", "ask", "error"])
def test_nothing_unseen_leaves_raw(command: str, tmp_path: Path) -> None:
    given = [f"--{name.replace('_', '-')}={name} {ODD}" for name in ("region", "environment", "service_name")]
    window = ["--start-time=2026-03-10T13:00Z", "--incident-start=2026-03-10T14:00Z", "--end-time=2026-03-10T15:00Z"]
    source = ["-t", str(odd(tmp_path))]
    commands = {
        "doctor": ["doctor", *source],
        "run": ["run", "-", *source, *given, *window],
        "ask": ["ask", f"how many requests of version {ODD} failed?", *source, *given, *window],
        "error": ["run", "-", *source, f"--region={ODD}"],
    }
    for flags in ((), ("--json",)):
        done = bytes_of(*commands[command], *flags, state=tmp_path)
        assert b"Traceback" not in done.stderr
        said = done.stdout.decode() + done.stderr.decode()
        assert not {"\u202e", "\u2066", "\x9b", "\x7f", "\x1b"} & set(said)
        if flags and command in ("doctor", "run"):
            assert f"region {SHOWN}" in json.dumps(json.loads(done.stdout), ensure_ascii=False)


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("flags", [(), ("--json",), ("--help",)], ids=str)
def test_a_full_disk_is_told(flags: tuple[str, ...], shard: Place, tmp_path: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TSG_")}
    command = [sys.executable, "-m", "tsg_agent", "run", str(shard.incident), "-t", shard.telemetry, *flags]
    with FULL.open("wb") as full:
        done = subprocess.run(
            command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120, cwd=tmp_path,
            env={**clean, "TSG_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.startswith("Error: The output cannot be written: No space left on device.")
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_a_page_on_a_full_disk(shard: Place, tmp_path: Path) -> None:
    done = tsg("run", str(shard.incident), "-t", shard.telemetry, "--html", str(FULL), state=tmp_path)
    failed(done, 2, "/dev/full cannot be written: No space left on device")


@pytest.mark.parametrize(
    ("closed", "code", "said"),
    [
        ("<&-", 2, "Standard input cannot be read: Bad file descriptor"),
        (">&-", 1, "The output cannot be written: Bad file descriptor"),
        ("2>&-", 4, ""), ("<&- >&- 2>&-", 2, ""),
    ],
)  # fmt: skip
def test_a_stream_that_is_closed_takes_nothing(closed: str, code: int, said: str, tmp_path: Path) -> None:
    """What is opened next does not become standard output: no file has got a line of ours."""
    command = "tools" if code == 1 else "run - -t nowhere --json" if not said else "run - -t nowhere"
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m tsg_agent {command} {closed}"],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        env={**os.environ, "TSG_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert (done.returncode, "Traceback" in done.stderr) == (code, False), done.stderr
    assert said in done.stderr


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full")
def test_an_error_that_finds_no_room_is_told_in_a_line(tmp_path: Path) -> None:
    with FULL.open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tsg_agent", "run", "nowhere.md", "-t", ".", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=60, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("Error: nowhere.md cannot be read") and "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_half_of_an_output_is_told(unbuffered: str, tmp_path: Path) -> None:
    """A disk takes what it has room for; without a buffer Python does not look how much that was."""
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 1; {sys.executable} -m tsg_agent tools --json > out.txt"],
        capture_output=True, text=True, check=False, timeout=60, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
    )  # fmt: skip
    assert (tmp_path / "out.txt").stat().st_size == 1024
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("Error: The output cannot be written: File too large.")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
@pytest.mark.parametrize(
    "arguments",
    [
        (b"run", b"-", b"-t", b"\xff"), (b"run", b"\xff.md", b"-t", b"."), (b"run", b"-", b"-t", b".", b"--now=\xff"),
        (b"ask", b"what is \xff?", b"-t", b"."), (b"replay", b"\xff.tsgr"), (b"resume", b"\xff"),
    ],
    ids=str,
)  # fmt: skip
def test_an_argument_that_is_no_text(arguments: tuple[bytes, ...], tmp_path: Path) -> None:
    done = bytes_of(*arguments, state=tmp_path)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr
    assert b"is no text in UTF-8" in done.stderr and b"\\udcff" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no file has such a name")
def test_a_file_whose_name_is_no_text(shard: Place, tmp_path: Path) -> None:
    for path in Path(shard.telemetry).iterdir():
        os.link(path, tmp_path / path.name)
    for name in (b"\xff.parquet", b"notes-\xff.csv", b"\xff"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_text("x")
    done = tsg("run", str(shard.incident), "-t", str(tmp_path), "--json", state=tmp_path)
    assert done.returncode == 0, done.stderr
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/api_gateway_logs-\xff.parquet")).write_bytes(b"PAR1")
    done = tsg("run", str(shard.incident), "-t", str(tmp_path), state=tmp_path)
    failed(done, 4, "api_gateway_logs-\\udcff.parquet is no text in UTF-8", "Next: Rename")


@pytest.mark.slow
@pytest.mark.skipif(not ENDLESS.exists(), reason="there is no /dev/zero")
def test_input_without_end_is_not_read_to_its_end(shard: Place, tmp_path: Path) -> None:
    failed(tsg("run", "/dev/zero", "-t", shard.telemetry, state=tmp_path), 2, "too large for an incident's text")
    failed(tsg("ask", "why?", "-t", shard.telemetry, "--incident", "/dev/zero", state=tmp_path), 2, "too large")
    piped = f"cat /dev/zero | {sys.executable} -m tsg_agent run - -t {shard.telemetry}"
    done = subprocess.run(
        ["bash", "-c", piped], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
        env={**os.environ, "TSG_STATE_DIR": str(tmp_path)},
    )  # fmt: skip
    failed(done, 2, "Standard input is too large")
    done = tsg("run", str(shard.incident), "-t", shard.telemetry, "--mapping", "/dev/zero", state=tmp_path)
    failed(done, 4, "mapping file", "larger than 1 MB")
    failed(tsg("replay", "/dev/zero", state=tmp_path), 5, "/dev/zero")


@pytest.mark.parametrize("name", ["api_gateway_logs.csv", "api_gateway_logs.jsonl", "feature_flags.csv"])
def test_a_link_out_of_the_folder_is_not_followed(name: str, shard: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("root:key_sk_123:0\nsecond:line\n")
    folder = tmp_path / "telemetry"
    folder.mkdir()
    if name.startswith("feature"):
        os.link(Path(shard.telemetry) / "api_gateway_logs.parquet", folder / "api_gateway_logs.parquet")
    (folder / name).symlink_to(secret)
    for place in (str(folder), f"{folder}/*"):
        done = tsg("run", str(shard.incident), "-t", place, state=tmp_path)
        failed(done, 4, f"{name} is a link to a file outside of", "Next:")
        assert "key_sk_123" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_hard_link_to_a_file_of_somebody_else_is_not_read(shard: Place, tmp_path: Path) -> None:
    secret, folder = tmp_path / "secret.txt", tmp_path / "telemetry"
    secret.write_text("root:key_sk_123:0\nsecond:line\n")
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    os.link(secret, folder / "api_gateway_logs.csv")
    for place in (str(folder), f"{folder}/*"):
        done = tsg("run", str(shard.incident), "-t", place, state=tmp_path)
        failed(done, 4, "api_gateway_logs.csv has another name elsewhere", "Next:")
        assert "key_sk_123" not in done.stderr
    os.chown(secret, 65534, 65534)  # who owns the folder may show what is theirs
    failed(tsg("run", str(shard.incident), "-t", str(folder), state=tmp_path), 4, "none of the guide's columns")
    os.chown(secret, 0, 0)
    (folder / "api_gateway_logs.csv").unlink()
    shutil.copy(Path(shard.telemetry) / "api_gateway_logs.parquet", folder)
    assert tsg("run", str(shard.incident), "-t", str(folder), state=tmp_path).returncode == 0


def test_a_link_within_the_folder_is(shard: Place, tmp_path: Path) -> None:
    folder = tmp_path / "telemetry"
    (folder / "old").mkdir(parents=True)
    os.link(Path(shard.telemetry) / "api_gateway_logs.parquet", folder / "old" / "logs.parquet")
    (folder / "api_gateway_logs.parquet").symlink_to("old/logs.parquet")
    linked = tmp_path / "linked"
    linked.symlink_to(folder)
    for place in (folder, linked):
        done = tsg("run", "-", "-t", str(place), *GIVEN, "--json", text="", state=tmp_path)
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is on addresses, as Linux counts them")
@pytest.mark.parametrize(("megabytes", "code"), [(400, 2), (1000, 2), (2400, 2), (2600, 0)])
def test_little_memory_is_told(megabytes: int, code: int, shard: Place, tmp_path: Path) -> None:
    limited = f"ulimit -v {megabytes * 1024}; exec {sys.executable} -m tsg_agent run {shard.incident} --json"
    done = subprocess.run(
        ["bash", "-c", f"{limited} -t {shard.telemetry}"],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        env={**os.environ, "TSG_STATE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == code, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    if code:
        assert f"{megabytes:,} MB of memory's addresses" in json.loads(done.stdout)["error"]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize("kilobytes", [48, 400])
def test_a_state_directory_that_takes_no_more_costs_no_conclusion(kilobytes: int, shard: Place, tmp_path: Path) -> None:
    """However far it came: no file of it grows beyond the limit."""
    limited = f"ulimit -f {kilobytes}; exec {sys.executable} -m tsg_agent run {shard.incident} -t {shard.telemetry} -q"
    done = subprocess.run(
        ["bash", "-c", f"{limited} --json"],
        capture_output=True, text=True, check=False, timeout=120, cwd=tmp_path,
        env={**os.environ, "TSG_STATE_DIR": str(tmp_path / "state"), "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert "Traceback" not in done.stderr
    report = json.loads(done.stdout)
    assert report["causes"][0]["subject"] == {"shard_id": "shard-07"}
    assert any("cannot be resumed" in note or "could not be resumed" in note for note in report["notes"])
