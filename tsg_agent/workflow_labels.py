"""Step 9's labels, the guide's. Beside workflows.py, whose pandas takes half a second: not to list the tools."""

FAILING = "CRITICAL_SCENARIO_FAILING"
HEALTHY = "NO_CRITICAL_FAILURE"
