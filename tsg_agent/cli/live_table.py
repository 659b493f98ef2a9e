"""The live table of the checks while they run, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from tsg_agent.models import Status
from tsg_agent.progress import Progress

STYLES = {Status.OK: "green", Status.ERROR: "red", Status.TIMEOUT: "red"}


class ProgressTable:
    """One line per check: what it is, how it ended, the guide's label, its time. Nothing where nobody watches."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._events: dict[int, Progress] = {}
        self._live: Live | None = None
        if self._console.is_terminal and not quiet:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the table away."""
        if self._live:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Leave the terminal to a question."""
        self.stop()
        yield
        if self._live:
            self._live.start()

    def update(self, event: Progress) -> None:
        """Note that a check began or ended."""
        self._events[event.step] = event
        if self._live:
            self._live.update(self._table())

    def _table(self) -> RichTable:
        table = RichTable(box=None, pad_edge=False)
        for name in ("step", "check", "status", "label", "time"):
            table.add_column(name, justify="right" if name in ("step", "time") else "left")
        for step, event in sorted(self._events.items()):
            found = event.finding
            status = Text(
                "…" if found is None else found.status, style=STYLES.get(found.status, "yellow") if found else "dim"
            )
            time = "" if found is None else f"{found.milliseconds:,.0f} ms"
            table.add_row(str(step or ""), event.title, status, Text(found.label if found else ""), time)
        return table
