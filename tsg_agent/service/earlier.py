"""Earlier investigations that found the same: what is kept knows what helped then."""

from tsg_agent.errors import RecordError
from tsg_agent.models import Confidence, Report
from tsg_agent.store import Kept, Store

LOOKED_AT = 50
"""Kept investigations that are looked at, the newest."""


def earlier_like(report: Report, store: Store) -> Kept | None:
    """The newest other investigation of the service whose first confirmed cause is the same subject."""
    first = _first(report)
    if first is None:
        return None
    for one in store.kept(LOOKED_AT):
        if one.id == report.id or one.state != "finished":
            continue
        try:
            other = store.report(one.id)
        except RecordError:
            continue  # of another version, or damaged: it says nothing
        same_hour = other.parameters.start_time == report.parameters.start_time
        if other.parameters.service_name == report.parameters.service_name and _first(other) == first and not same_hour:
            return one
    return None


def _first(report: Report) -> dict[str, str] | None:
    cause = next((cause for cause in report.causes if cause.confidence is Confidence.CONFIRMED), None)
    return cause.subject if cause else None
