-- The runs of the business workflows in the window, a row each: its first failed step, else its last; and, in rows with
-- `passed`, how often each step went well, by minute. `state`: 0 failed, 1 completed, 2 still running.
WITH steps AS (
    SELECT *, {state} AS state
    FROM (
{steps}
    ) AS those_of_the_window
),
placed AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY scenario_name, business_criticality, correlation_id
            ORDER BY
                CASE WHEN state = 0 THEN 0 ELSE 1 END,
                timestamp,
                CASE WHEN state = 2 THEN 0 ELSE 1 END,
                workflow_step NULLS FIRST,
                workflow_status NULLS FIRST,
                workflow_id NULLS FIRST,
                user_id NULLS FIRST,
                total_workflow_time_ms NULLS FIRST,
                retry_attempts NULLS FIRST,
                has_compensation NULLS FIRST
        ) AS from_first,
        row_number() OVER (
            PARTITION BY scenario_name, business_criticality, correlation_id
            ORDER BY
                timestamp DESC,
                CASE WHEN state = 2 THEN 0 ELSE 1 END DESC,
                workflow_step DESC NULLS LAST,
                workflow_status DESC NULLS LAST,
                workflow_id DESC NULLS LAST,
                user_id DESC NULLS LAST,
                total_workflow_time_ms DESC NULLS LAST,
                retry_attempts DESC NULLS LAST,
                has_compensation DESC NULLS LAST
        ) AS from_last,
        min(state) OVER (PARTITION BY scenario_name, business_criticality, correlation_id) AS worst,
        min(timestamp) OVER (PARTITION BY scenario_name, business_criticality, correlation_id) AS began,
        max(CASE WHEN has_compensation THEN 1 WHEN NOT has_compensation THEN 0 END) OVER (
            PARTITION BY scenario_name, business_criticality, correlation_id
        ) AS compensated
    FROM steps
    WHERE correlation_id IS NOT NULL
),
well AS (
    SELECT
        scenario_name,
        workflow_step,
        business_criticality,
        timestamp,
        (epoch_us(timestamp) - epoch_us($start_time::TIMESTAMP)) // 60000000 AS minute
    FROM steps
    WHERE state = 1
)
SELECT
    correlation_id, scenario_name, workflow_id, workflow_step, workflow_status, business_criticality,
    total_workflow_time_ms, retry_attempts, user_id, compensated, timestamp, began, CAST(NULL AS BIGINT) AS passed
FROM placed
WHERE CASE WHEN worst = 0 THEN from_first ELSE from_last END = 1
UNION ALL
SELECT
    correlation_id, scenario_name, workflow_id, workflow_step, workflow_status, business_criticality,
    total_workflow_time_ms, retry_attempts, user_id,
    CASE WHEN has_compensation THEN 1 WHEN NOT has_compensation THEN 0 END AS compensated,
    timestamp, timestamp AS began, CAST(NULL AS BIGINT) AS passed
FROM steps
WHERE correlation_id IS NULL
UNION ALL
SELECT
    CAST(NULL AS VARCHAR) AS correlation_id, scenario_name, CAST(NULL AS VARCHAR) AS workflow_id, workflow_step,
    CAST(NULL AS VARCHAR) AS workflow_status, business_criticality, CAST(NULL AS DOUBLE) AS total_workflow_time_ms,
    CAST(NULL AS DOUBLE) AS retry_attempts, CAST(NULL AS VARCHAR) AS user_id, CAST(NULL AS BIGINT) AS compensated,
    min(timestamp) AS timestamp, CAST(NULL AS TIMESTAMP) AS began, CAST(count(*) AS BIGINT) AS passed
FROM well
GROUP BY scenario_name, workflow_step, business_criticality, minute
