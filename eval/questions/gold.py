"""Executes gold SQL in DuckDB directly over the Parquet files, independent of the code under test.

Views: `logs`: the unfiltered log. `a`: requests of the incident's service and environment without test traffic; `e` is
1 if 5xx. `r`: those in its region and window. `f`, `p`: `r` joined with flags or product. `m`: metrics of `r`'s
instances. `w`: workflow runs of the region that began in the window, with `state`; `steps`: their rows.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb

from tsg_agent.simulator.scenario import Scenario

_REAL = "coalesce(CAST(is_test_traffic AS VARCHAR), 'false') NOT IN ('true', '1')"
_VIEWS = """
CREATE VIEW a AS SELECT *, (status_code >= 500)::INT AS e FROM logs
    WHERE service_name = '{service}' AND environment = '{environment}' AND {real};
CREATE VIEW r AS SELECT * FROM a WHERE region = '{region}' AND timestamp BETWEEN '{start}' AND '{end}';
CREATE VIEW f AS SELECT r.*, flag_name, flag_value FROM r
    JOIN (SELECT DISTINCT * FROM feature_flags) USING (request_id);
CREATE VIEW m AS SELECT * FROM infrastructure_metrics
    WHERE instance_id IN (SELECT instance_id FROM r) AND timestamp BETWEEN '{start}' AND '{end}';
CREATE VIEW steps AS SELECT * FROM workflow_tracking
    WHERE region = '{region}' AND environment = '{environment}' AND {real} AND timestamp BETWEEN '{start}' AND '{end}';
CREATE VIEW w AS SELECT * FROM (
    SELECT scenario_name, business_criticality, correlation_id, min(timestamp) AS began,
        if(bool_and(workflow_status = 'COMPLETED'), 'completed', 'failed') AS state
    FROM workflow_tracking WHERE region = '{region}' AND environment = '{environment}' AND {real}
    GROUP BY ALL) WHERE began BETWEEN '{start}' AND '{end}';
"""
_PRODUCTS = "CREATE VIEW p AS SELECT r.*, product_id, product_category, customer_tier, subscription_type FROM r \
JOIN (SELECT DISTINCT * FROM product_metadata) USING (request_id);"
Rows = tuple[list[str], list[tuple[Any, ...]]]


class Gold:
    """A DuckDB connection with the views over one telemetry folder."""

    def __init__(self, telemetry: Path, scenario: Scenario) -> None:
        self._connection = duckdb.connect()
        for path in sorted(telemetry.glob("*.parquet")):
            name = "logs" if path.stem == "api_gateway_logs" else path.stem
            self._connection.read_parquet(str(path)).create_view(name)
        start = scenario.incident_start - timedelta(hours=2)
        views = _VIEWS.format(
            service=scenario.service_name,
            environment=scenario.environment,
            region=scenario.region,
            start=f"{start:%Y-%m-%d %H:%M:%S}",
            end=f"{scenario.last:%Y-%m-%d %H:%M:%S}",
            real=_REAL,
        )
        self._connection.execute(views)
        if (telemetry / "product_metadata.parquet").exists():
            self._connection.execute(_PRODUCTS)

    def rows(self, sql: str) -> Rows:
        """Column names and rows of a query."""
        found = self._connection.execute(sql)
        return [column[0] for column in found.description or []], found.fetchall()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
