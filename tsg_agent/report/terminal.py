"""A Report on a terminal."""

from rich.console import Console
from rich.markdown import Markdown

from tsg_agent.models import Report
from tsg_agent.report.markdown import to_markdown


def print_report(report: Report, console: Console | None = None, *, brief: bool = True) -> None:
    """Print the conclusion: rendered on a terminal; whole and as plain Markdown into a pipe or file.

    A terminal shows it brief, so that what to do does not scroll away behind the evidence.
    """
    console = console or Console()
    if console.is_terminal:
        console.print(Markdown(to_markdown(report, brief=brief), hyperlinks=False))
    else:
        console.file.write(to_markdown(report))
