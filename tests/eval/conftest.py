"""Telemetry made once a session, and answers to the smoke incidents."""

from pathlib import Path

import pytest

from eval.cases import SMOKE, Case, chosen, load_all
from eval.entrants import Spec
from eval.results import Result
from eval.runner import jobs, run


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return {case.id: case for case in load_all()}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("telemetry")


@pytest.fixture(scope="session")
def smoke(cases: dict[str, Case], cache: Path) -> list[Result]:
    """The agent's answers to the smoke incidents, without a model."""
    return run(Spec("rules"), jobs(chosen(list(cases.values()), [SMOKE]), [0], 1, cache, None), processes=1)
