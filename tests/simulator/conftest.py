"""What the simulator's tests share: generated frames, and the test that decides whether a rate rose."""

from collections.abc import Callable
from functools import lru_cache

import pandas as pd
import pytest
from scipy.stats import fisher_exact

from tsg_agent.simulator.generate import generate
from tsg_agent.simulator.scenario import Scenario

START = pd.Timestamp("2026-03-10 14:00")


@lru_cache(maxsize=2)
def _frames(text: str) -> dict[str, pd.DataFrame]:
    return {name: table.to_pandas() for name, table in generate(Scenario.model_validate_json(text)).items()}


@pytest.fixture
def frames() -> Callable[[Scenario], dict[str, pd.DataFrame]]:
    """Scenario -> pandas frame of each table; the last two are kept, since all of them are 3 GB."""
    return lambda scenario: _frames(scenario.model_dump_json())


@pytest.fixture
def rise() -> Callable[[pd.DataFrame, pd.Series], float]:
    """One-sided p of a share being higher from 14:00 on than before (Fisher's exact test)."""

    def p_value(rows: pd.DataFrame, failed: pd.Series) -> float:
        after = rows["timestamp"] >= START
        table = [[int((failed & side).sum()), int((~failed & side).sum())] for side in (after, ~after)]
        return float(fisher_exact(table, alternative="greater").pvalue)

    return p_value


@pytest.fixture
def real() -> Callable[[pd.DataFrame], pd.DataFrame]:
    """The rows that the guide looks at: no test traffic, the incident's service and environment."""

    def rows(log: pd.DataFrame) -> pd.DataFrame:
        chosen = log[~log["is_test_traffic"] & (log["environment"] == "prod")]
        return chosen[chosen["service_name"] == "shop.gateway"] if "service_name" in chosen else chosen

    return rows
