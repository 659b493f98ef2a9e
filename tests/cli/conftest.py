"""A small incident on disk, made once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tsg_agent.simulator.demos import demo_named, write_demo


@dataclass(frozen=True)
class Place:
    """An incident's folder."""

    folder: Path
    incident: Path

    @property
    def telemetry(self) -> str:
        return str(self.folder / "telemetry")


@pytest.fixture(scope="session")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Place:
    demo = demo_named("bad-shard")
    small = demo.model_copy(update={"scenario": demo.scenario.model_copy(update={"requests_per_minute": 200.0})})
    folder = tmp_path_factory.mktemp("shard")
    return Place(folder, write_demo(small, folder))
