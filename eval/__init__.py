"""Recorded incidents and an exam over them, for this agent and for others: `python -m eval`."""
