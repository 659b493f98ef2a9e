"""Each rule that the ablation takes out is where it says, and is back afterwards."""

import numpy as np
import pytest

from eval.ablation import Rule, rules
from tsg_agent.verdicts.confidence import MinuteSeries


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.name)
def test_a_rule_is_found_and_put_back(rule: Rule) -> None:
    with rule.left_out():
        pass
    assert MinuteSeries(np.array([0.0, 9.0] * 20), np.array([10.0] * 40)).dispersion(40) >= 1


def test_without_overdispersion_bursts_count_as_they_are() -> None:
    bursts = MinuteSeries(np.repeat([0.0, 9.0] * 10, 5), np.full(100, 10.0))
    (rule,) = [one for one in rules() if one.name == "overdispersion"]
    with rule.left_out():
        without = bursts.dispersion(100)
    assert bursts.dispersion(100) > without == 1
