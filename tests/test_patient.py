"""What somebody gives is read to its end, and never waited for without end."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tsg_agent import patient
from tsg_agent.cli.requested import read_text
from tsg_agent.errors import GuideError, ParameterError, TelemetryError
from tsg_agent.guides.reader import read_guide
from tsg_agent.patient import STDIN, read_given
from tsg_agent.telemetry.mapping import read_mapping

LONG = b"shop is down" * 20_000


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "given")
    return tmp_path / "given"


def write(pipe: Path, what: bytes) -> threading.Thread:
    writer = threading.Thread(target=pipe.write_bytes, args=(what,))
    writer.start()
    return writer


def test_a_pipe_is_read_to_its_end_and_no_further_than_asked(pipe: Path) -> None:
    writer = write(pipe, LONG)
    assert read_given(pipe, 10**6) == LONG
    writer.join()
    (pipe.parent / "file").write_bytes(LONG)
    assert read_given(pipe.parent / "file", 99) == LONG[:100]
    assert read_given(Path("/dev/zero"), 99) == bytes(100)


@pytest.mark.parametrize(
    ("read", "error"),
    [
        (lambda path: read_text(str(path)), ParameterError),
        (lambda _: read_text("-"), ParameterError),
        (read_mapping, TelemetryError),
        (read_guide, GuideError),
    ],
    ids=["text", "stdin", "mapping", "guide"],
)
@pytest.mark.parametrize("begun", [False, True])
def test_one_that_falls_silent_is_given_up(
    begun: bool,
    read: Callable[[Path], object],
    error: type[Exception],
    pipe: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(patient, "PATIENCE", 0.1)
    with pipe.open("r+b", buffering=0) as held:  # somebody holds it open, and never closes it
        monkeypatch.setattr(sys, "stdin", held)
        if begun:
            held.write(b"[api_gate")
        with pytest.raises(error, match=r"it is a pipe, and nobody wrote into it for 0\.1 s"):
            read(pipe)


def test_standard_input_is_read(pipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = write(pipe, LONG)
    with pipe.open("rb") as held:
        monkeypatch.setattr(sys, "stdin", held)
        assert read_given(STDIN, 10**6) == LONG
    writer.join()
