"""Programs of the project that are measured in a process of their own."""

import subprocess
import sys


def python(*arguments: str) -> str:
    """What a Python process of this environment prints. Ends the benchmark where it fails, with what it said."""
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - no shell; only modules of this folder are named
    if done.returncode:
        sys.exit(f"A benchmark's run failed:\n{done.stderr}")
    return done.stdout
