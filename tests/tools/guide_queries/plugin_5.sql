-- Step 6: zones and instance types with over 500 requests, with the newest sample of the instance, 5 minutes old at most.
, sampled AS (
    SELECT r.availability_zone, r.instance_type, r.load_balancer_id, r.timestamp, r.request_id, r.status_code,
        r.latency_ms, r.backend_latency_ms, r.connection_time_ms, r.concurrent_connections,
        CASE WHEN r.timestamp - m.timestamp <= INTERVAL 5 MINUTES THEN m.cpu_utilization END AS cpu,
        CASE WHEN r.timestamp - m.timestamp <= INTERVAL 5 MINUTES THEN m.memory_utilization END AS memory
    FROM here r ASOF LEFT JOIN infrastructure_metrics m ON r.instance_id = m.instance_id AND r.timestamp >= m.timestamp
), quarter_hours AS (
    SELECT availability_zone, instance_type, load_balancer_id, time_bucket(INTERVAL 15 MINUTES, timestamp) AS quarter,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS good,
        count(DISTINCT request_id) FILTER (status_code IN (502, 503, 504)) AS refused,
        avg(latency_ms) AS mean_ms, avg(backend_latency_ms) AS backend_ms, avg(connection_time_ms) AS connection_ms,
        max(concurrent_connections) AS connections, avg(cpu) AS cpu, avg(memory) AS memory
    FROM sampled GROUP BY ALL
), zones AS (
    SELECT availability_zone, instance_type, sum(requests) AS total_requests,
        100.0 * sum(good) / sum(requests) AS success_rate,
        100.0 * sum(refused) / sum(requests) AS infrastructure_error_rate,
        avg(mean_ms) AS overall_latency, avg(backend_ms) AS backend_latency, avg(connection_ms) AS connection_latency,
        max(connections) AS peak_connections, avg(cpu) AS avg_cpu_usage, avg(memory) AS avg_memory_usage
    FROM quarter_hours GROUP BY ALL HAVING sum(requests) > 500
), judged AS (
    SELECT *,
        CASE
            WHEN success_rate < 90 THEN 'CRITICAL'
            WHEN success_rate < 95 THEN 'DEGRADED'
            WHEN infrastructure_error_rate > 5 THEN 'INFRASTRUCTURE_ISSUES'
            WHEN overall_latency > 2000 THEN 'PERFORMANCE_ISSUES'
            WHEN avg_cpu_usage > 80 OR avg_memory_usage > 85 THEN 'RESOURCE_PRESSURE'
            ELSE 'HEALTHY'
        END AS zone_status,
        0.5 * success_rate + 0.3 * (100 - infrastructure_error_rate) + 0.2 * CASE
            WHEN overall_latency < 500 THEN 100 WHEN overall_latency < 1000 THEN 75
            WHEN overall_latency < 2000 THEN 50 ELSE 25
        END AS health_score
    FROM zones
)
SELECT *, dense_rank() OVER (ORDER BY health_score) AS priority FROM judged ORDER BY priority, total_requests DESC
