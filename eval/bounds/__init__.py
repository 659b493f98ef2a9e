"""The bounds that verdicts must keep, measured: each beside its target and the figure of version 0.1."""
