"""Runs the command line as a person does: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tsg(
    *arguments: str, text: str | None = None, state: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TSG_")}
    if state is not None:
        clean["TSG_STATE_DIR"] = str(state)
    return subprocess.run(
        [sys.executable, "-m", "tsg_agent", *arguments],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=state,
        env={**clean, "PYTHONPATH": str(ROOT), **environment},
    )
