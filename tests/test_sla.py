"""What a conclusion opens with."""

from dataclasses import replace

import numpy as np
import pytest

from tests.verdicts.tables import measurement, table
from tsg_agent.sla import sla_of


def test_redirects_are_in_the_figures_since_a_note_quotes_their_share() -> None:
    made = measurement(table({"a": ((5, 5_000), (60, 2_500)), "b": ((10, 10_000), (5, 5_000))}))
    counted = replace(made.entry, redirects=np.full_like(made.entry.requests, 10.0))
    window = sla_of(replace(made, entry=counted), 99.9).window
    assert window.redirect_rate == pytest.approx(100 * 10 * made.grid.count / window.requests)
