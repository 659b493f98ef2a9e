"""A report in its forms, and in parts: for readers that take little at a time."""

import json
from collections.abc import Callable
from typing import Any

from tsg_agent.errors import ParameterError
from tsg_agent.models import Report
from tsg_agent.report.forms import FORMS, Form, render
from tsg_agent.report.markdown import to_markdown
from tsg_agent.store import Store

_FIELDS = {
    "parameters": "parameters",
    "sla": "sla",
    "causes": "causes",
    "dismissed": "rejected",
    "gaps": "gaps",
    "actions": "actions",
    "messages": "communication",
    "notes": "notes",
}
"""Section -> the report's field."""
SECTIONS = ("brief", "whole", *_FIELDS, "checks")
"""What each report has; beside them `step_2` and its like, one for each check."""


def section(report: Report, name: str) -> str:
    """One part: Markdown for `brief` and `whole`, else JSON. Raises ParameterError for one that there is not."""
    steps = {f"step_{finding.step}": _whole(finding) for finding in report.findings}
    told: dict[str, Callable[[], Any]] = {
        "brief": lambda: to_markdown(report, brief=True),
        "whole": lambda: to_markdown(report),
        "checks": lambda: [
            finding.model_dump(mode="json", include={"id", "step", "title", "status", "label", "reason", "row_count"})
            for finding in report.findings
        ],
        **steps,
    }
    if name in _FIELDS:
        field = _FIELDS[name]
        held: Any = report.model_dump(mode="json", include={field})[field]
    elif name in told:
        held = told[name]()
    else:
        raise ParameterError(f"The report has no section {name!r}.", fix=f"There are {', '.join((*SECTIONS, *steps))}.")
    return held if isinstance(held, str) else json.dumps(held, ensure_ascii=False, indent=1)


def _whole(finding: Any) -> Callable[[], Any]:
    return lambda: finding.model_dump(mode="json")


def rendered(store: Store, identity: str, form: Form) -> str:
    """A kept report in one of the forms. Raises RecordError, ParameterError."""
    if form == "json":
        return store.report_text(identity)
    if form in FORMS:
        return render(store.report(identity), form)
    raise ParameterError(f"There is no form {form!r} of a report.", fix=f"There are {', '.join(FORMS)}.")
