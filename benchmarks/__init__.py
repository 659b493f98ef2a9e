"""Measurements, not tests: they print tables and gate nothing."""
