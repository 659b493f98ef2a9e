"""Versions of the report's schema: migrates older reports, and refuses newer ones."""

from typing import Any

SCHEMA = 2
"""Of the reports that this version writes. Raised where a value means something else than before, or is new and not so
that its absence says what an older report meant."""
READ = (1, SCHEMA)
_NEW_IN_2 = ("onset", "traffic", "reach", "course", "suspicions")
"""What 0.1 did not look at: that it is not there does not mean that there was nothing."""


def upgraded(held: Any) -> Any:
    """A report in the current schema. Raises ValueError for an unsupported schema."""
    if not isinstance(held, dict) or held.get("schema_version", SCHEMA) == SCHEMA:
        return held
    written = held["schema_version"]
    if written not in READ:
        raise ValueError(f"it has schema {written!r}, and this version reads {' and '.join(map(str, READ))}")
    lacks = [name for name in _NEW_IN_2 if name not in held]
    note = f"Written by tsg-agent {held.get('version')}, which did not look at: {', '.join(lacks)}."
    notes = [*held.get("notes", []), *([note] if lacks else [])]
    return {**held, "schema_version": SCHEMA, "notes": notes}
