"""The expected gaps of a recording whose label does not name them: what its telemetry cannot answer.

Computed from the rows with pandas and the guide's text, like the labels: it shares nothing with the checks.
"""

from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from eval.cases import Case, Expected, ExpectedGap
from eval.rows import FLAGS, LOG, PRODUCTS, RUNS

REQUEST = ("request_id", "timestamp", "region", "environment", "service_name", "status_code")
"""Columns of the scope and the outcome of requests."""
READS: dict[int, dict[str, tuple[str, ...]]] = {
    2: {LOG: (*REQUEST, "service_version")},
    3: {LOG: REQUEST, FLAGS: ("request_id", "flag_name", "flag_value")},
    4: {LOG: REQUEST},
    5: {LOG: (*REQUEST, "partition_id")},
    6: {LOG: (*REQUEST, "availability_zone")},
    7: {LOG: (*REQUEST, "endpoint_path")},
    8: {LOG: REQUEST, PRODUCTS: ("request_id", "product_id")},
    9: {RUNS: ("timestamp", "region", "environment", "correlation_id", "scenario_name", "workflow_status")},
    10: {LOG: REQUEST},
}
"""Step -> table -> the columns without which its question cannot be asked."""
GROUPS: dict[int, tuple[tuple[str, ...], int, int]] = {
    2: (("service_version",), 1000, 2),
    3: (("flag_name", "flag_value"), 100, 1),
    4: (("region", "datacenter", "availability_zone"), 1000, 1),
    5: (("partition_id", "shard_id", "tenant_category"), 100, 1),
    6: (("availability_zone", "instance_type"), 500, 1),
    7: (("endpoint_path", "http_method", "api_version", "client_type"), 100, 1),
    8: (("product_id", "product_category", "customer_tier", "subscription_type"), 100, 1),
}
"""Step -> the guide's group columns, the requests a group must exceed, and the least number of such groups."""
SCOPE = ("region", "service_name", "environment", "start_time", "end_time")


def expected_of(case: Case) -> Expected:
    """The true answer, with the gaps of the telemetry where it is a recording whose label names none."""
    if case.telemetry is None or "gaps" in case.expected.model_fields_set:
        return case.expected
    return case.expected.model_copy(update={"gaps": tuple(gaps_of(case, case.telemetry))})


def gaps_of(case: Case, folder: Path) -> list[ExpectedGap]:
    """Steps 2-10 without their columns; if the label defines the scope, also those with too little data."""
    source = Source(folder, case.expected)
    found = []
    for step, reads in READS.items():
        status = source.shortage(step) if source.holds(reads) else "not_applicable"
        if status:
            found.append(ExpectedGap(step=step, status=status))
    return found


class Source:
    """A recording's tables, as the labelled parameters see them."""

    def __init__(self, folder: Path, expected: Expected) -> None:
        self._folder = folder
        self._given = expected.parameters
        self._window: Any = (self._given.start_time, self._given.end_time)
        paths = {path.stem: path for path in folder.glob("*.parquet")}
        self._columns = {name: set(pq.read_schema(path).names) for name, path in paths.items()}

    def holds(self, reads: dict[str, tuple[str, ...]]) -> bool:
        """True if all of these columns exist."""
        return all(set(columns) <= self._columns.get(table, set()) for table, columns in reads.items())

    def shortage(self, step: int) -> str:
        """`no_data`, `insufficient_data`, or ""; also "" if the label does not define the scope."""
        if any(getattr(self._given, name) is None for name in SCOPE):
            return ""
        rows = self._rows_of(step)
        if rows.empty:
            return "no_data"
        if step == 9:
            return "" if (rows["workflow_status"] != "IN_PROGRESS").any() else "insufficient_data"
        if step not in GROUPS:
            return ""
        keys, more_than, needed = GROUPS[step]
        there = [key for key in keys if key in rows]
        sizes = rows.groupby(there, dropna=step == 2).size() if there else pd.Series([len(rows)])
        return "" if int((sizes > more_than).sum()) >= needed else "insufficient_data"

    def _rows_of(self, step: int) -> pd.DataFrame:
        if step == 9:
            runs = self._real(RUNS)
            return runs[runs["region"] == self._given.region]
        rows = self._log if step == 4 else self._log[self._log["region"] == self._given.region]
        joined = {3: FLAGS, 8: PRODUCTS}.get(step)
        if joined is None:
            return rows
        other = pd.read_parquet(self._folder / f"{joined}.parquet").drop_duplicates()
        return rows[["request_id"]].merge(other, on="request_id")

    @cached_property
    def _log(self) -> pd.DataFrame:
        rows = self._real(LOG)
        return rows[rows["service_name"] == self._given.service_name].drop_duplicates("request_id")

    def _real(self, table: str) -> pd.DataFrame:
        frame = pd.read_parquet(self._folder / f"{table}.parquet")
        times = pd.to_datetime(frame["timestamp"], utc=True)
        within = times.between(*self._window)
        test = frame["is_test_traffic"].isin([True]) if "is_test_traffic" in frame else False
        return frame[within & ~pd.Series(test, index=frame.index) & (frame["environment"] == self._given.environment)]
