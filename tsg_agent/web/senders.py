"""Parses alert payloads: the alert's key, state, scope and times; the rest becomes the incident's text.

Follows the senders' public schemas: PagerDuty's v3 webhooks, Alertmanager's version 4, Grafana's contact point,
Datadog's webhook with its variables, CloudWatch's alarms through SNS, and a generic one (docs/serve.md).
"""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tsg_agent.errors import ParameterError
from tsg_agent.extract import Given
from tsg_agent.extract.payloads import Field, fields, is_over, lines, times, values
from tsg_agent.web.config import Hook


@dataclass(frozen=True)
class Sender:
    """Field names of a sender in snake case; of several, separated by spaces, the first existing one counts."""

    key: str
    """Field of the alert's deduplication key."""
    start: str
    end: str
    event: str = ""
    """Field of the message's type."""
    begins: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    again: tuple[str, ...] = ()
    """Values of `event` that mean a reopened alert: it starts at the message's time."""
    start_is_change: bool = False
    """True if the start's field holds the last change's time, which for a resolved alert is not the start."""


SENDERS = {
    "pagerduty": Sender(
        "incident_key id", "created_at", "occurred_at resolved_at", "event_type",
        ("incident.triggered", "incident.reopened"), ("incident.resolved",), ("incident.reopened",),
    ),
    "alertmanager": Sender("group_key", "starts_at", "ends_at", "status", ("firing",), ("resolved",)),
    "grafana": Sender("group_key", "starts_at", "ends_at", "status", ("firing",), ("resolved",)),
    "datadog": Sender(
        "aggreg_key alert_cycle_key alert_id id", "date", "date", "alert_transition",
        ("triggered", "re-triggered", "no data", "re-no data", "warn", "re-warn", "renotify"), ("recovered",),
        start_is_change=True,
    ),
    "cloudwatch": Sender(
        "alarm_arn alarm_name", "state_change_time", "state_change_time", "new_state_value", ("alarm",), ("ok",),
        start_is_change=True,
    ),
    "generic": Sender("key fingerprint id", "starts_at", "ends_at"),
}  # fmt: skip


@dataclass(frozen=True)
class Alert:
    """One message about an alert."""

    key: str
    over: bool
    start: datetime | None
    end: datetime | None
    text: str

    def given(self, hook: Hook) -> Given:
        """The times that the alert determines; the hook's settings take precedence."""
        said: dict[str, Any] = {"incident_start": self.start, "end_time": self.end}
        return Given.model_validate({**said, **hook.given.model_dump(exclude_none=True, exclude_defaults=True)})


def read(sender: str, body: bytes) -> Alert | None:
    """Parse a message; None if it neither starts nor resolves an alert. Raises ParameterError for an invalid one."""
    try:
        payload = json.loads(body)
    except (ValueError, RecursionError):
        raise ParameterError("The body is no JSON.", fix="docs/serve.md says what each sender sends.") from None
    if not isinstance(payload, dict):
        raise ParameterError("The body is no JSON object.", fix="docs/serve.md says what each sender sends.")
    about, found, whole = SENDERS[sender], fields(_subject(sender, payload)), fields(payload)
    over, said = is_over(whole), ""
    if about.event:
        said = _first(whole, about.event).lower()
        if not said:
            raise ParameterError(
                f"The message has no {about.event}.", fix="docs/serve.md says what to have the sender send."
            )
        if said not in (*about.begins, *about.ends):
            return None
        over = said in about.ends
    key = _first(found, about.key)
    if not key:
        raise ParameterError(
            f"The message has none of {about.key.replace(' ', ', ')}.", fix="It says which alert it is."
        )
    start = times(whole, about.end, latest=True) if said in about.again else times(found, about.start)
    start = None if over and about.start_is_change else start
    found_end = times(whole, about.end, latest=True) if over else None
    return Alert(key[:500], over, start, found_end, "\n".join(lines(payload)))


def _subject(sender: str, payload: dict[str, Any]) -> Any:
    """The alert inside of a message's envelope."""
    if sender == "pagerduty":
        event = payload.get("event")
        return event.get("data", {}) if isinstance(event, dict) else {}
    return payload.get("Message", payload) if sender == "cloudwatch" else payload


def _first(found: list[Field], names: str) -> str:
    return next(iter(values(found, names)), "")
