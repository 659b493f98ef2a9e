"""Telemetry made once a session, and answers to the smoke incidents."""

import os
from pathlib import Path

import pytest

from eval.cache import default_cache
from eval.cases import Case, chosen, load_all
from eval.entrants import Spec
from eval.results import Result
from eval.runner import jobs, run


@pytest.fixture(scope="session")
def cases() -> dict[str, Case]:
    return {case.id: case for case in load_all()}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TSG_EVAL_CACHE keeps it from one session to the next."""
    return default_cache() if "TSG_EVAL_CACHE" in os.environ else tmp_path_factory.mktemp("telemetry")


@pytest.fixture(scope="session")
def smoke(cases: dict[str, Case], cache: Path) -> list[Result]:
    """The agent's answers to the smoke incidents, without a model."""
    return run(Spec("rules"), jobs(chosen(list(cases.values()), ["smoke"]), [0], 1, cache, None), processes=1)
