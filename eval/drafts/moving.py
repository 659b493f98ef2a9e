"""Incidents at another time: nothing of an answer may hang on 14:00, or on 75 minutes."""

from datetime import datetime, timedelta
from typing import Any


def shifted(data: Any, by: timedelta) -> Any:
    """The same data, every moment in it so much later."""
    if isinstance(data, datetime):
        return data + by
    if isinstance(data, dict):
        return {name: shifted(value, by) for name, value in data.items()}
    return type(data)(shifted(value, by) for value in data) if isinstance(data, list | tuple) else data
