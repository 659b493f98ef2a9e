"""The output forms of a Report. Each imports its modules on use."""

from typing import Literal, TypeAlias, get_args

from tsg_agent.models import Report
from tsg_agent.report.markdown import to_markdown
from tsg_agent.report.screen import to_screen

Form: TypeAlias = Literal["json", "markdown", "brief", "html", "slack"]
FORMS: tuple[Form, ...] = get_args(Form)


def render(report: Report, form: Form) -> str:
    """The report in a form: brief is one screen of plain text, slack a message in Block Kit's JSON."""
    if form == "json":
        return report.model_dump_json(indent=2) + "\n"
    if form == "html":
        from tsg_agent.report.html import to_html  # noqa: PLC0415 - charts take long to import

        return to_html(report)
    if form == "slack":
        from tsg_agent.report.slack import to_slack  # noqa: PLC0415 - the other forms do without

        return to_slack(report)
    return to_markdown(report) if form == "markdown" else to_screen(report)
