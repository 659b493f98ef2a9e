"""The runs of workflows as a table of counts, so that they are judged as requests are."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from tsg_agent.evidence.dimensions import WORKFLOW
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Table
from tsg_agent.models import Measure

MEASURES = (Measure.WORKFLOW_FAILURES,)


def workflow_table(runs: pd.DataFrame, grid: Grid, leave_out: Collection[str] = ()) -> Table:
    """Runs and failed runs of each scenario by bucket of the run's beginning.

    `runs`: see workflows.WorkflowAnalysis. `leave_out`: correlation_ids that do not count.
    """
    if leave_out:
        runs = runs[~runs["correlation_id"].isin(list(leave_out))]
    names = runs["scenario_name"].astype("str")
    values = sorted(names.unique())
    codes = pd.Categorical(names, categories=values).codes
    buckets = ((runs["timestamp"] - pd.Timestamp(grid.origin)) // pd.Timedelta(grid.width)).to_numpy(int)
    buckets = np.clip(buckets, 0, grid.count - 1)
    counts = Counts.zeros(len(values), grid.count, MEASURES)
    np.add.at(counts.requests, (codes, buckets), 1.0)
    np.add.at(counts.failures[Measure.WORKFLOW_FAILURES], (codes, buckets), runs["failed"].to_numpy(float))
    return Table(WORKFLOW, [(value,) for value in values], counts, counts.sum())
