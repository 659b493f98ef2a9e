-- The requests that every check looks at: one service's real traffic in the window, in all regions.
-- Test traffic is what says so: NULL counts as real. A row stands for `weight` requests; one of weight 0 for none.
SELECT *
FROM api_gateway_logs
WHERE timestamp BETWEEN $start_time AND $end_time
  AND environment = $environment
  AND service_name = $service_name
  AND is_test_traffic IS NOT TRUE
  AND weight > 0
