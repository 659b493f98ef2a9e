"""Measures the quality targets ("bounds") of verdicts, and compares each with its target and with version 0.1."""
