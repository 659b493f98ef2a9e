-- How many steps of the business workflows there are in the window, by status.
SELECT workflow_status, count(*) AS steps
FROM workflow_tracking
WHERE timestamp >= $start_time
    AND timestamp <= $end_time
    AND region = $region
    AND environment = $environment
    AND is_test_traffic IS NOT TRUE
GROUP BY workflow_status
LIMIT $most
