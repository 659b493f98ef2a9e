"""An incident to investigate and to ask about, with and without a model: made once for all tests."""

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browsing import chromium
from tsg_agent import Report, Request, Settings, investigate, open_telemetry
from tsg_agent.simulator.demos import demo_named, write_demo
from tsg_agent.telemetry.engine import Engine

# A shell starts what runs in its background deaf to Ctrl-C, and so would be all that the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """The demonstration incident `checkout`, with less traffic."""
    demo = demo_named("checkout")
    small = demo.model_copy(update={"scenario": demo.scenario.model_copy(update={"requests_per_minute": 60})})
    path: Path = write_demo(small, tmp_path_factory.mktemp("checkout"))
    return Request(text=path.read_text("utf-8"), telemetry=str(path.parent / "telemetry"))


@pytest.fixture(scope="session")
def engine(incident: Request) -> Iterator[Engine]:
    """Its telemetry, open."""
    with open_telemetry(incident.telemetry) as opened:
        yield opened


@pytest.fixture(scope="session")
def by_rules(incident: Request, engine: Engine) -> Report:
    """What the rules conclude, with no model."""
    return investigate(incident, settings=Settings(), engine=engine)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """For the module's tests."""
    with chromium() as started:
        yield started
