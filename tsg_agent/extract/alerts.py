"""Reads region, service, environment and times from the fields of an alert's payload."""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from pydantic import ValidationError

from tsg_agent.extract.inputs import Given
from tsg_agent.extract.names import KnownNames
from tsg_agent.extract.payloads import fields, moment_of, snake_case
from tsg_agent.extract.places import ENVIRONMENT, REGION, SERVICE
from tsg_agent.models import Known

MOST_FIELDS = 5_000
TAGS = ("tags", "labels", "alert_scope")
"""Fields with comma-separated "name:value" pairs; the last is Datadog's."""


def flat(payload: Any) -> dict[str, list[str]]:
    """A payload's fields at any depth: name in snake case -> its distinct values. Tags count as fields."""
    found: dict[str, list[str]] = {}
    for name, value in islice(fields(payload), MOST_FIELDS):
        for label, said in _pairs(snake_case(name), str(value).strip()):
            held = found.setdefault(label, [])
            if said and said not in held:
                held.append(said)
    return found


def _pairs(name: str, said: str) -> list[tuple[str, str]]:
    if name not in TAGS:
        return [(name, said)]
    tags = (tag.partition(":") for tag in said.split(","))
    return [(snake_case(key.strip()), value.strip()) for key, mark, value in tags if mark]


def places(found: Mapping[str, list[str]], known: Known) -> dict[str, str]:
    """Parameter -> region, service or environment as the telemetry spells it, if the fields name exactly one.

    Values that the telemetry does not know are ignored, as CloudWatch's own region is beside a dimension's. A
    parameter that is missing here is read from the alert's text, or asked for.
    """
    held = {}
    for kind, known_ones in ((REGION, known.regions), (SERVICE, known.services), (ENVIRONMENT, known.environments)):
        names = KnownNames(known_ones, environments=kind is ENVIRONMENT)
        strong, loose = (
            [value for name, several in found.items() if label.fullmatch(f"{name}:") for value in several]
            for label in (kind.strong, kind.loose)
        )
        values = strong or loose
        said = {name for value in values if (name := names.exact(value)) is not None}
        if len(said) == 1:
            held[kind.parameter] = said.pop()
    return held


def times(found: Mapping[str, list[str]], names: str, *, latest: bool = False) -> str | None:
    """The earliest (or `latest`) time in fields of these names, as ISO 8601 with an offset; None without any."""
    moments = []
    for value in (one for name in names.split() for one in found.get(name, [])):
        try:
            moments.append(Given.model_validate({"incident_start": moment_of(value) or value}).incident_start)
        except ValidationError:
            continue
    sure = sorted(moment for moment in moments if moment is not None and moment.year > 1)
    return sure[-1 if latest else 0].isoformat() if sure else None
