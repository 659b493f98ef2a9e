"""A guide's run as one self-contained HTML page, in the report's own style: no network, no script.

Every text is anybody's: the template escapes all of it, without characters that are not seen.
"""

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined

from tsg_agent.guides.guide_run import GuideReport
from tsg_agent.wording import lines, subject_name


def to_html(report: GuideReport) -> str:
    """The whole page."""
    environment = Environment(
        loader=ChoiceLoader([PackageLoader("tsg_agent.guides", "."), PackageLoader("tsg_agent", "report")]),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: lines(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"subject": subject_name, "number": number}
    return environment.get_template("page.html.j2").render(report=report).lstrip()


def number(value: float | None) -> str:
    """A measure of any kind, short."""
    return "unknown" if value is None else f"{value:.4g}"
