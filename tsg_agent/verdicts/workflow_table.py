"""The runs of workflows as a table of counts, so that they are judged as requests are."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from tsg_agent.evidence.dimensions import WORKFLOW
from tsg_agent.evidence.grid import Grid
from tsg_agent.evidence.measurement import Counts, Table
from tsg_agent.models import Measure
from tsg_agent.statistics import Bools

MEASURES = (Measure.WORKFLOW_FAILURES,)


def among(runs: pd.DataFrame, ids: pa.Array) -> Bools:
    """Which runs' correlation_ids are among `ids`. Arrow looks texts up; pandas would make each a Python object."""
    found: Bools = np.asarray(pc.is_in(pa.array(runs["correlation_id"], pa.string()), value_set=ids))
    return found


def workflow_table(runs: pd.DataFrame, grid: Grid, leave_out: pa.Array | None = None) -> Table:
    """Runs and failed runs of each scenario by bucket of the run's beginning.

    `runs`: see workflows.WorkflowAnalysis. `leave_out`: correlation_ids that do not count.
    """
    kept = slice(None) if leave_out is None or not len(leave_out) else ~among(runs, leave_out)
    scenarios = runs["scenario_name"].astype("category").cat.as_unordered()
    codes, failed = scenarios.cat.codes.to_numpy()[kept], runs["failed"].to_numpy(float)[kept]
    since = runs["timestamp"].to_numpy("datetime64[us]")[kept] - np.datetime64(grid.origin, "us")
    names = [str(name) for name in scenarios.cat.categories] + [str(np.nan)]  # the code of NULL is -1, the last
    values = sorted({names[code] for code in np.unique(codes)})
    places = np.array([values.index(name) if name in values else 0 for name in names])
    buckets = since // np.timedelta64(grid.width)
    cells = places[codes] * grid.count + np.clip(buckets, 0, grid.count - 1)
    counts = Counts.zeros(len(values), grid.count, MEASURES)
    shape = counts.requests.shape
    counts.requests[:] = np.bincount(cells, minlength=counts.requests.size).reshape(shape)
    counts.failures[Measure.WORKFLOW_FAILURES][:] = np.bincount(cells, failed, counts.requests.size).reshape(shape)
    return Table(WORKFLOW, [(value,) for value in values], counts, counts.sum())
