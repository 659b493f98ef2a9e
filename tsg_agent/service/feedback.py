"""What an investigation's conclusion was worth, said by a person; and the investigation as a case for an exam."""

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tsg_agent.errors import ParameterError
from tsg_agent.extract.choices import iso
from tsg_agent.llm.redaction import without_secrets
from tsg_agent.models import Report
from tsg_agent.settings import Settings
from tsg_agent.store import Feedback, Store
from tsg_agent.telemetry.catalog import CATALOG, LOGS, METRICS, SourceTable
from tsg_agent.telemetry.engine import Engine
from tsg_agent.tools.rows import naive_utc
from tsg_agent.wording import DIMENSIONS

PEOPLE = ("user_id", "session_id")
"""Columns that name people: a case has hashes of them, which no other case has."""


def feedback_of(
    report: Report,
    *,
    cause: Mapping[str, str] | str | None = None,
    right: bool | None = None,
    no_incident: bool = False,
    note: str = "",
) -> Feedback:
    """`cause`: what it really was, columns and values, or a component's name. `right` alone judges the conclusion.

    Raises ParameterError for what contradicts itself, and for an unknown column.
    """
    if sum([cause is not None, right is not None, no_incident]) != 1:
        raise ParameterError(
            "Feedback is one thing: the cause, no incident, or that the conclusion was right, or wrong.",
            fix="Give one of --cause, --no-incident, --right, --wrong.",
        )
    subject = dict(cause) if isinstance(cause, Mapping) else None
    for column in subject or {}:
        if column not in DIMENSIONS:
            near = get_close_matches(column, DIMENSIONS, 3, 0.5)
            raise ParameterError(
                f"A cause has no column {column!r}.", fix=f"There are {', '.join(near or DIMENSIONS)}."
            )
    blamed = report.causes[0].subject if report.causes else {}
    if right is None:
        meant = subject if subject is not None else {"service_component": cause} if cause else {}
        right = not blamed if no_incident else bool(meant) and meant.items() <= blamed.items()
    elif right:
        subject, no_incident = (dict(blamed) or None), not blamed
    component = cause if isinstance(cause, str) else ""
    return Feedback(
        right=right, subject=subject, component=component, no_incident=no_incident, note=note, at=datetime.now(UTC)
    )


def export(identity: str, folder: Path, store: Store, engine: Engine, settings: Settings) -> Path:
    """Write `folder/ID`, which `python -m eval run --incidents folder` reads: text, label, telemetry of the window.

    Raises ParameterError where nobody has said what it was, RecordError, TelemetryError, OSError.
    """
    request, report, said = store.recall(identity), store.report(identity), store.feedback(identity)
    if said is None or not (said.subject or said.component or said.no_incident):
        raise ParameterError(
            f"Nobody has said what investigation {identity} really was: a case needs its answer.",
            fix=f"`tsg-agent feedback {identity} --cause column=value`.",
        )
    place = folder / identity
    (place / "telemetry").mkdir(parents=True, exist_ok=True)
    for name, table in _cut(engine, report, settings):
        pq.write_table(table, place / "telemetry" / f"{name}.parquet")
    (place / "incident.md").write_text(without_secrets(request.text), "utf-8")
    (place / "label.json").write_text(json.dumps(_label(report, said), indent=1, ensure_ascii=False), "utf-8")
    return place


def _label(report: Report, said: Feedback) -> dict[str, Any]:
    """The answer as people said it: a parameter that the rules read from the text would examine itself."""
    held = report.parameters
    given = {name: getattr(held, name) for name, origin in held.origins.items() if origin == "given"}
    label: dict[str, Any] = {"end_time": iso(held.end_time)}
    if said.subject:
        label["subject"] = said.subject
    else:
        label["root_cause"] = None if said.no_incident else said.component
    label["parameters"] = {name: iso(value) if isinstance(value, datetime) else value for name, value in given.items()}
    return label | ({"note": said.note} if said.note else {})


def _cut(engine: Engine, report: Report, settings: Settings) -> list[tuple[str, pa.Table]]:
    """Each table's rows of the window, with the columns that the source has."""
    bound: dict[str, object] = {
        "start_time": naive_utc(report.parameters.start_time),
        "end_time": naive_utc(report.parameters.end_time),
        "minutes": settings.thresholds.zone.sample_age_minutes,
        "salt": secrets.token_hex(16),
    }
    sound = [table for table in engine.tables.values() if not table.problem]
    return [(table.name, engine.run(_rows_of(table), bound, timeout=settings.query_timeout)) for table in sound]


def _rows_of(table: SourceTable) -> str:
    columns = ", ".join(
        f"left(sha256($salt || {name}), 16) AS {name}" if name in PEOPLE else name
        for name in CATALOG[table.name].columns
        if name in table.present
    )
    since = "$start_time - to_minutes($minutes)" if table.name == METRICS.name else "$start_time"
    window = f"timestamp BETWEEN {since} AND $end_time"
    if "timestamp" not in CATALOG[table.name].columns:
        window = f"request_id IN (SELECT request_id FROM {LOGS.name} WHERE {window})"  # noqa: S608 - our own names
    return f"SELECT {columns} FROM {table.name} WHERE {window}"  # noqa: S608 - our own names
