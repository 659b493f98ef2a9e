"""A listener on a terminal: shows steps as lines, and a dim draft until the checked answer replaces it."""

from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from tsg_agent.ask.listening import Listener
from tsg_agent.wording import lines

HEADING = "draft, not checked yet"
PER_SECOND = 12
LEFT = 4
"""Lines of the terminal that a draft does not use."""


class Screen(Listener):
    """Shows progress on standard error; answers go to standard output. Silent if that is no terminal, or not wanted."""

    def __init__(self, *, quiet: bool = False, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)
        self.drafts = self._console.is_terminal and not quiet
        self._live: Live | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_ended: object) -> None:
        self.draft("")

    def doing(self, what: str) -> None:
        """See Listener.doing."""
        if self.drafts:
            self._console.print(Text(f"… {lines(what)}", style="dim"))

    def draft(self, text: str) -> None:
        """See Listener.draft."""
        if not self.drafts:
            return
        if not text:
            if self._live:
                self._live.stop()  # transient: erases what it showed
            self._live = None
            return
        first = self._live is None
        if self._live is None:
            self._live = Live(console=self._console, refresh_per_second=PER_SECOND, transient=True)
            self._live.start()
        self._live.update(self._shown(text), refresh=first)

    def _shown(self, text: str) -> Group:
        """The end of the draft, at most as many lines as the terminal can erase."""
        wrapped = Text(lines(text), style="dim").wrap(self._console, self._console.width)
        last = wrapped[-max(1, self._console.height - LEFT) :]
        return Group(Text(HEADING, style="dim italic"), *last)
