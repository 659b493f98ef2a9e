"""Recordings with something changed in them."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tsg_agent.recording.file import INDEX


def edited(file: Path, to: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A copy of a recording at `to`, with its index changed."""
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(to, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name == INDEX:
                index = json.loads(data)
                change(index)
                data = json.dumps(index).encode()
            new.writestr(name, data)
    return to
