-- The steps of the business workflows in the window: raw rows for the analysis of Step 9,
-- in any order: sorting them costs more than reading them, and the analysis does not ask for one.
SELECT
    correlation_id,
    scenario_name,
    workflow_id,
    workflow_step,
    workflow_status,
    business_criticality,
    total_workflow_time_ms,
    retry_attempts,
    user_id,
    has_compensation,
    timestamp
FROM workflow_tracking
WHERE timestamp >= $start_time
    AND timestamp <= $end_time
    AND region = $region
    AND environment = $environment
    AND is_test_traffic IS NOT TRUE
