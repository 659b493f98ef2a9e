"""Programs of the project that are measured in a process of their own."""

import os
import subprocess
import sys


def python(*arguments: str, path: str | None = None) -> str:
    """What a Python process of this environment prints. Ends the benchmark where it fails, with what it said.

    `path`: a checkout of the project whose code it runs.
    """
    environment = {**os.environ, "PYTHONPATH": path} if path else None
    command = [sys.executable, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=path)
    if done.returncode:
        sys.exit(f"A benchmark's run failed:\n{done.stderr}")
    return done.stdout
