"""A Report on a terminal."""

from rich.console import Console
from rich.markdown import Markdown

from tsg_agent.models import Report
from tsg_agent.report.markdown import to_markdown


def print_report(report: Report, console: Console | None = None) -> None:
    """Print the conclusion: rendered on a terminal, plain Markdown into a pipe or file."""
    console = console or Console()
    text = to_markdown(report)
    if console.is_terminal:
        console.print(Markdown(text, hyperlinks=False))
    else:
        console.file.write(text)
