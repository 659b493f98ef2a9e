"""Settings of ours on a command line."""

import json
from typing import Any

import typer


def nested(pairs: list[str]) -> dict[str, Any]:
    """`thresholds.verdict.gate_z=0` -> nested settings, values read as JSON where they are."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        path, sign, text = pair.partition("=")
        if not sign:
            raise typer.BadParameter(f"{pair!r} is not NAME=VALUE")
        *parents, last = path.split(".")
        place = settings
        for parent in parents:
            place = place.setdefault(parent, {})
        try:
            place[last] = json.loads(text)
        except json.JSONDecodeError:
            place[last] = text
    return settings
