"""Follows a troubleshooting guide for a distributed system's low availability, over real telemetry."""

__version__ = "0.1.0"
