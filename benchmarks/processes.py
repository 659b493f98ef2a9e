"""Runs programs of the project in separate processes, for measurements."""

import os
import subprocess
import sys


def python(*arguments: str, path: str | None = None) -> str:
    """The output of a Python process of this environment. Exits with its error if it fails.

    `path`: a checkout of the project to run.
    """
    environment = {**os.environ, "PYTHONPATH": path} if path else None
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=path)
    if done.returncode:
        sys.exit(f"A benchmark's run failed:\n{done.stderr}")
    return done.stdout
