"""A seeded generator of telemetry and incident reports, for demonstrations, tests and benchmarks."""
