"""What is left to explain, and where it is measured."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import pandas as pd
import pyarrow as pa

from tsg_agent.evidence.measurement import Counts, Measurement, Table
from tsg_agent.models import Subject
from tsg_agent.verdicts.workflow_table import workflow_table

Key = tuple[tuple[str, str], ...]
"""A subject as sorted items."""


class Source(Protocol):
    """Where explaining away measures again: evidence.Measurer over live telemetry."""

    def measure(
        self,
        within: Mapping[str, str | None] | None = None,
        without: Collection[Key] = (),
        *,
        everywhere: bool = False,
    ) -> Measurement:
        """A subject's requests alone, leaving out those of others; a value of None: where it is not known.

        `everywhere`: those in other regions are counted too.
        """
        ...

    def expect(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> None:
        """Begin what `measure` will probably be asked for."""
        ...

    def total(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> Counts:
        """A subject's requests as one group: `measure(…).total`, and quicker."""
        ...

    def expect_total(self, within: Mapping[str, str | None], without: Collection[Key] = ()) -> None:
        """Begin what `total` will probably be asked for."""
        ...

    def runs_of(self, subject: Subject, *, failed_only: bool = False) -> pa.Array:
        """correlation_ids of a subject's requests (or its failed ones), those of workflow runs among them."""
        ...


@dataclass
class Remainder:
    """What is left to explain: the requests and runs that no cause so far accounts for."""

    measurement: Measurement
    runs: pd.DataFrame | None
    removed: list[Key] = field(default_factory=list)
    dismissed: dict[Key, str] = field(default_factory=dict)
    """Candidates that turned out to be no cause, with the code of the reason."""
    all_runs: pd.DataFrame | None = field(init=False)
    """The runs before anything was taken out."""

    def __post_init__(self) -> None:
        """Keep them."""
        self.all_runs = self.runs

    def workflows(self) -> Table | None:
        """The runs left, as a table."""
        return None if self.runs is None else workflow_table(self.runs, self.measurement.grid)
