-- Step 9: the window's real workflow rows, by scenario and criticality.
SELECT correlation_id, scenario_name, workflow_id, workflow_step, workflow_status, business_criticality,
    total_workflow_time_ms, retry_attempts, user_id, has_compensation, timestamp
FROM workflow_tracking
WHERE timestamp BETWEEN $start_time AND $end_time AND region = $region AND environment = $environment
    AND coalesce(is_test_traffic, false) = false
ORDER BY scenario_name, business_criticality DESC, timestamp
