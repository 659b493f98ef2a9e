"""A Report on a terminal: the conclusion on one screen, printed last."""

from rich.console import Console
from rich.markdown import Markdown
from rich.text import Text

from tsg_agent.models import Report
from tsg_agent.report.markdown import to_markdown
from tsg_agent.report.screen import MARGIN, ROWS, screen, state

PROMPT = 2
"""Rows for the command before and the prompt after."""
COLOURS = {"bad": "bold red", "good": "bold green", "unsure": "bold yellow"}


def print_report(report: Report, console: Console | None = None, *, brief: bool = True, left: str = "") -> None:
    """Print the conclusion: one screen on a terminal; the whole as plain Markdown into a pipe or file.

    Not brief: the whole on a terminal too, then the screen. `left`: the last row, which says where the rest is.
    """
    console = console or Console()
    if not console.is_terminal:
        console.file.write(to_markdown(report))
        return
    if not brief:
        console.print(Markdown(to_markdown(report), hyperlinks=False))
        console.rule()
    rows = max(ROWS, console.size.height - PROMPT)
    blocks = not console.options.ascii_only
    for row in screen(report, console.width, rows, ascii_only=not blocks, left=left if brief else ""):
        line = Text(row.text, _style(row.asks, report))
        if row.asks not in ("head", "left"):
            line = Text.assemble((f"{row.label:{MARGIN}}", "bold"), line)
        console.print(line, soft_wrap=True, highlight=False)


def _style(asks: str, report: Report) -> str:
    if asks == "broke":
        return COLOURS[state(report)]
    return {"head": "dim", "left": "dim", "first": "bold"}.get(asks, "")
