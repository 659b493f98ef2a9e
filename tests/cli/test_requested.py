"""What flags ask for."""

import os
import threading
from pathlib import Path

import pytest

from tsg_agent.cli import requested
from tsg_agent.errors import ParameterError


def test_a_pipe_is_read_and_one_that_nobody_writes_into_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "incident"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("shop is down" * 20_000,))
    writer.start()
    assert requested.read_text(str(pipe)) == "shop is down" * 20_000
    writer.join()
    monkeypatch.setattr(requested, "PATIENCE", 0.1)
    with pytest.raises(ParameterError, match="nobody wrote into it for 0"):
        requested.read_text(str(pipe))
