"""`python -m eval run | compare | report`."""

from eval.cli import app

app(prog_name="python -m eval")
