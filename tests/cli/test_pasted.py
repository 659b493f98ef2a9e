"""An incident's text that is pasted on a terminal."""

import os
import pty
import signal
from collections.abc import Iterator
from pathlib import Path
from select import select

import pytest

from tsg_agent.cli.interrupts import heard_at_once
from tsg_agent.cli.requested import LONGEST_LINE, is_typed, not_lost, read_text
from tsg_agent.errors import ParameterError


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Standard input is a terminal; what is written into the other end is typed."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "r") as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        yield ours
    os.close(ours)


def test_it_says_how_it_ends_and_is_read_to_there(typed: int, capsys: pytest.CaptureFixture[str]) -> None:
    os.write(typed, b"checkout is down\nsince 14:00\n\x04")
    assert read_text("-") == "checkout is down\nsince 14:00\n"
    assert "Ctrl-D" in capsys.readouterr().err
    assert is_typed("-")
    assert not is_typed("incident.md")


def test_a_line_that_the_terminal_cut_is_an_error(typed: int) -> None:
    line = b"x" * (LONGEST_LINE + 500) + b"\n"
    for at in range(0, len(line), 512):
        os.write(typed, line[at : at + 512])
        while select([typed], [], [], 0.05)[0]:  # the terminal echoes what is typed: it must be taken
            os.read(typed, 65_536)
    os.write(typed, b"\x04")
    with pytest.raises(ParameterError, match="as long as a terminal takes"):
        read_text("-")


def test_an_interrupt_ends_a_question_at_once() -> None:
    def noted(_number: int, _frame: object) -> None:
        """As the event loop does: it is heard when the answer is there."""

    before = signal.signal(signal.SIGINT, noted)
    try:
        with pytest.raises(KeyboardInterrupt), heard_at_once():
            signal.raise_signal(signal.SIGINT)
        assert signal.getsignal(signal.SIGINT) is noted
    finally:
        signal.signal(signal.SIGINT, before)


def test_what_was_pasted_is_kept_where_it_does_not_end_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with pytest.raises(KeyboardInterrupt), not_lost("checkout is down", typed=True):
        raise KeyboardInterrupt
    (kept,) = tmp_path.iterdir()
    assert kept.read_text() == "checkout is down"
    assert str(kept) in capsys.readouterr().err
    assert kept.stat().st_mode & 0o077 == 0
    with pytest.raises(KeyboardInterrupt), not_lost("from a file", typed=False):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == [kept]
