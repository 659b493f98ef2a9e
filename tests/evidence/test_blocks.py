"""Counting a block at a time is counting all at once."""

import numpy as np
import pytest

from tsg_agent.evidence import blocks


@pytest.mark.parametrize("rows", [0, 1, 7, 64, 65, 200])
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_add_up(rows: int, weighted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "ROWS", 64)
    draw = np.random.default_rng(rows)
    place, weight = draw.integers(0, 9, rows), draw.random(rows) if weighted else None
    counted = blocks.in_blocks(lambda some: place[some], rows, [weight], 9)[0]
    assert counted == pytest.approx(np.bincount(place, weight, 9))
