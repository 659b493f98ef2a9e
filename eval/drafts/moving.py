"""Shifts incidents in time, so that no answer can depend on the default start and duration."""

from datetime import datetime, timedelta
from typing import Any


def shifted(data: Any, by: timedelta) -> Any:
    """Copy nested data with every datetime shifted by `by`."""
    if isinstance(data, datetime):
        return data + by
    if isinstance(data, dict):
        return {name: shifted(value, by) for name, value in data.items()}
    return type(data)(shifted(value, by) for value in data) if isinstance(data, list | tuple) else data
