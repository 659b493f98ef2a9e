"""Stores a run's tables outside of the graph's state, which is plain JSON and refers to them by name."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.feather

from tsg_agent.errors import RecordError

COMPRESSION = "lz4"


class Frames:
    """Named Arrow tables of one investigation: in memory, and in a folder if the run is resumable.

    Thread-safe. Names are the project's own (plugin_8, evidence_flags), never an incident's.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._tables: dict[str, pa.Table] = {}
        self._lock = threading.Lock()
        self.lost = ""
        """Why a table could not be written; "" if all were."""

    def put(self, name: str, table: pa.Table) -> None:
        """Store a table; files are written atomically.

        If the folder is not writable, the table stays in memory: the run continues, but cannot be resumed.
        """
        with self._lock:
            self._tables[name] = table
        if self._folder is None or self.lost:
            return
        part = self._folder / f"{name}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            pyarrow.feather.write_feather(table, str(part), compression=COMPRESSION)
            part.replace(self._folder / f"{name}.arrow")
        except OSError as error:
            self.lost = os.strerror(error.errno) if error.errno else str(error)
            with suppress(OSError):
                part.unlink()

    def get(self, name: str) -> pa.Table:
        """A table by name. Raises RecordError if it is missing."""
        with self._lock:
            if name in self._tables:
                return self._tables[name]
        path = self._folder / f"{name}.arrow" if self._folder else None
        if path is None or not path.exists():
            raise RecordError(
                f"The investigation's table {name!r} is not there.", fix="Run the investigation again: `tsg-agent run`."
            )
        try:
            table = pyarrow.feather.read_table(str(path))
            table.validate(full=True)
        except (OSError, pa.ArrowException) as error:
            raise RecordError(
                f"The investigation's table {name!r} cannot be read.",
                fix="Run the investigation again: `tsg-agent run`.",
            ) from error
        with self._lock:
            self._tables[name] = table
        return table

    def take(self, name: str) -> pa.Table:
        """The same, for the last time: from then on it is in the folder only."""
        table = self.get(name)
        with self._lock:
            self._tables.pop(name, None)
        return table

    def names(self) -> tuple[str, ...]:
        """Names of the stored tables, sorted."""
        on_disk = {path.stem for path in self._folder.glob("*.arrow")} if self._folder else set()
        with self._lock:
            return tuple(sorted(on_disk | set(self._tables)))
