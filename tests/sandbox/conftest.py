"""One isolated session, one control with resource limits only, and the world both are let loose on."""

import gc
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

if sys.platform != "linux":
    pytest.skip("the sandbox is for Linux", allow_module_level=True)

from tests.sandbox.world import World, open_world, skipped_without_a_sandbox
from tsg_agent.sandbox import Session


@pytest.fixture(scope="session")
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "workflow": ["pay", "pay", "ship", "ship", "refund", None],
            "region": pd.Categorical(["eu", "us", "eu", "us", "eu", "us"]),
            "at": pd.date_range("2025-03-30 00:00", periods=6, freq="30min", tz="Europe/Berlin"),
            "status": [200, 500, 200, 200, 503, 200],
            "ms": [12.5, 900.0, 30.0, float("nan"), 2500.0, 7.0],
        }
    )


@pytest.fixture(scope="session")
def sandbox(frame: pd.DataFrame) -> Iterator[Session]:
    with skipped_without_a_sandbox(), Session({"df": frame}) as session:
        session.run("1")
        yield session


@pytest.fixture(scope="session")
def control(frame: pd.DataFrame) -> Iterator[Session]:
    """Resource limits and a clean environment, no kernel layer: what the sandbox's layers are measured against."""
    with Session({"df": frame}, unsafe_no_isolation=True) as session:
        yield session


def resident_mb(pid: int | str = "self") -> float:
    """A process's resident memory now."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


@pytest.fixture
def bounded() -> Iterator[None]:
    """The parent's memory grows by no more than 64 MB in a test that uses it."""
    gc.collect()
    before = resident_mb()
    yield
    assert resident_mb() - before < 64


@pytest.fixture(scope="session")
def _shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(_shared_world: World) -> World:
    _shared_world.restore()
    _shared_world.reached.clear()
    return _shared_world
