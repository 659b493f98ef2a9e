"""The live table of the checks while they run, on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from rich.console import Console
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from tsg_agent.events import Event
from tsg_agent.models import Status

STYLES = {Status.OK: "green", Status.ERROR: "red", Status.TIMEOUT: "red"}


class ProgressTable:
    """One line per check: title, status, the guide's label, time. Shown only on a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._console = Console(stderr=True)
        self._checks: dict[int, dict[str, Any]] = {}
        self._live: Live | None = None
        if self._console.is_terminal and not quiet:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)

    def __enter__(self) -> Self:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_ended: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Erase the table."""
        if self._live:
            self._live.stop()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Hide the table while a question is asked."""
        self.stop()
        yield
        if self._live:
            self._live.start()

    def hear(self, event: Event) -> None:
        """Show the begin or end of a check, from an event of the log."""
        if event.kind not in {"check began", "check ended"}:
            return
        self._checks[event.data["step"]] = event.data
        if self._live:
            self._live.update(self._table())

    def _table(self) -> RichTable:
        table = RichTable(box=None, pad_edge=False)
        for name in ("step", "check", "status", "label", "time"):
            table.add_column(name, justify="right" if name in ("step", "time") else "left")
        for step, check in sorted(self._checks.items()):
            status, time = Text("…", style="dim"), ""
            if ended := check.get("status"):
                status, time = Text(ended, style=STYLES.get(ended, "yellow")), f"{check['milliseconds']:,.0f} ms"
            table.add_row(str(step or ""), check["title"], status, Text(check.get("label", "")), time)
        return table
