"""Generated incidents, made once a session."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.verdicts.judging import judgement_of, parameters_of
from tsg_agent.models import Judgement
from tsg_agent.simulator.generate import generate, write
from tsg_agent.simulator.scenario import Scenario

Investigate = Callable[..., Judgement]


@pytest.fixture(scope="session")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Scenario], Path]:
    """Scenario -> the folder of its telemetry."""

    @cache
    def made(text: str) -> Path:
        folder = tmp_path_factory.mktemp("telemetry")
        write(generate(Scenario.model_validate_json(text)), folder)
        return folder

    return lambda scenario: made(scenario.model_dump_json())


@pytest.fixture(scope="session")
def investigate(telemetry: Callable[[Scenario], Path]) -> Investigate:
    """Scenario (and what its report says) -> the verdicts; judged once."""

    @cache
    def judged(text: str, changes: tuple[tuple[str, Any], ...]) -> Judgement:
        scenario = Scenario.model_validate_json(text)
        return judgement_of(telemetry(scenario), parameters_of(scenario, **dict(changes)))

    return lambda scenario, **changes: judged(scenario.model_dump_json(), tuple(sorted(changes.items())))
