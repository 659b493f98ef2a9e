"""The finished runs of workflows as arrays, tied to the requests that they are made of."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from tsg_agent.evidence.requests import Codes, Requests
from tsg_agent.models import Rate
from tsg_agent.statistics import Bools
from tsg_agent.verdicts.confidence import MinuteSeries
from tsg_agent.verdicts.onset import ChangePoint, change_point
from tsg_agent.verdicts.search import ALPHA

Places = NDArray[np.intp]
"""Some runs, by their places."""
NEAR = 5
"""Minutes within which runs and requests began to fail at the same moment."""


@dataclass(frozen=True)
class Runs:
    """Finished runs: minute since the window's begin, scenario, failed, place in Requests.runs (-1 = in none)."""

    requests: Requests
    minute: NDArray[np.int64]
    scenario: NDArray[np.int64]
    failed: Bools
    place: Codes
    names: list[str]
    length: int

    @classmethod
    def of(cls, runs: pd.DataFrame, begin: datetime, requests: Requests) -> "Runs":
        """`runs`: see workflows.WorkflowAnalysis. Runs without a scenario's name count in the whole only."""
        scenarios = runs["scenario_name"].astype("category")
        since = (runs["timestamp"].to_numpy("datetime64[us]") - np.datetime64(begin, "us")) // np.timedelta64(1, "m")
        place = np.full(len(runs), -1, np.int32)
        if requests.runs is not None:
            ids = pa.array(runs["correlation_id"], pa.string())
            place = np.asarray(pc.index_in(ids, value_set=requests.runs, skip_nulls=True).fill_null(-1))
        minute = np.maximum(since.astype(np.int64), 0)
        return cls(
            requests, minute, scenarios.cat.codes.to_numpy().astype(np.int64), runs["failed"].to_numpy(bool), place,
            [str(name) for name in scenarios.cat.categories], int(minute.max(initial=0)) + 1,
        )  # fmt: skip

    def meeting(self, rows: Bools) -> Bools:
        """Which runs some requests are part of."""
        requests = self.requests
        if requests.run is None or requests.runs is None:
            return np.zeros(len(self.minute), bool)
        met = np.zeros(len(requests.runs) + 1, bool)
        met[requests.run[rows]] = True
        met[-1] = False
        result: Bools = met[self.place]
        return result

    @cached_property
    def of_scenario(self) -> list[Places]:
        """The runs of each scenario. As places, of which all scenarios together have no more than there are runs."""
        order = np.argsort(self.scenario, kind="stable")
        return np.split(order, np.searchsorted(self.scenario, range(len(self.names)), sorter=order))[1:]

    def ids(self, chosen: Places) -> frozenset[str]:
        """correlation_ids of some runs, as far as they have requests."""
        found = self.place[chosen]
        places = np.unique(found[found >= 0])
        if self.requests.runs is None or not len(places):
            return frozenset()
        return frozenset(self.requests.runs.take(pa.array(places)).to_pylist())

    def rate(self, kept: Places) -> Rate:
        """Failed and all of some runs."""
        return Rate(failures=int(self.failed[kept].sum()), requests=len(kept))

    @cached_property
    def whole(self) -> MinuteSeries:
        """The series of all runs."""
        return self.series(np.arange(len(self.minute)))

    def series(self, kept: Places) -> MinuteSeries:
        """Failed and all runs of some, by minute of their beginning."""
        minute, failed = self.minute[kept], self.failed[kept]
        n = np.bincount(minute, minlength=self.length).astype(float)
        return MinuteSeries(np.bincount(minute[failed], minlength=self.length).astype(float), n)

    def moment(self, reported: float | None, others: Sequence[ChangePoint]) -> ChangePoint | None:
        """When runs began to fail: all, or those of the clearest scenario; the start of the requests', if near it."""
        found: list[ChangePoint | None] = []
        for mine in (None, *self.of_scenario):  # each is let go of before the next
            own = self.whole if mine is None else self.series(mine)
            found.append(change_point(own.failures, own.requests, reported))
        cost = math.log(max(len(self.names), 1))
        scored = [(one.gain - cost * (place > 0), one) for place, one in enumerate(found) if one is not None]
        gain, best = max(scored, key=lambda item: item[0], default=(0.0, None))
        if best is None or gain < math.log(1 / ALPHA):
            return None
        near = [other for other in others if abs(other.start - best.start) <= NEAR]
        return near[0] if near else best
