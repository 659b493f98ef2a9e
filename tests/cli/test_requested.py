"""What flags ask for."""

import os
import threading
from pathlib import Path

import pytest

from tsg_agent import inputs
from tsg_agent.cli import requested
from tsg_agent.errors import GuideError, ParameterError, TelemetryError
from tsg_agent.guides.reader import read_guide
from tsg_agent.telemetry.mapping import read_mapping


def test_a_pipe_is_read_and_one_that_nobody_writes_into_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "incident"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("shop is down" * 20_000,))
    writer.start()
    assert requested.read_text(str(pipe)) == "shop is down" * 20_000
    writer.join()
    monkeypatch.setattr(inputs, "PATIENCE", 0.1)
    with pytest.raises(ParameterError, match="nobody wrote into it for 0"):
        requested.read_text(str(pipe))
    with pytest.raises(GuideError, match="nobody wrote into it for 0"):
        read_guide(pipe)
    with pytest.raises(TelemetryError, match="nobody wrote into it for 0"):
        read_mapping(pipe)
