-- Step 5: partitions, shards and tenants with over 100 requests that are not healthy, by the guide's score.
, half_hours AS (
    SELECT partition_id, shard_id, tenant_category, time_bucket(INTERVAL 30 MINUTES, timestamp) AS half_hour,
        count(DISTINCT request_id) AS requests, count(DISTINCT user_id) AS users,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS good,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failed,
        avg(latency_ms) AS mean_ms, stddev_samp(latency_ms) AS spread_ms, max(latency_ms) AS longest_ms
    FROM here GROUP BY ALL
), parts AS (
    SELECT partition_id, shard_id, tenant_category, sum(requests) AS total_requests,
        100.0 * sum(good) / sum(requests) AS success_rate, 100.0 * sum(failed) / sum(requests) AS error_rate,
        avg(mean_ms) AS overall_avg_latency, max(longest_ms) AS worst_latency, sum(users) AS affected_users,
        avg(spread_ms) AS spread_ms
    FROM half_hours GROUP BY ALL HAVING sum(requests) > 100
), judged AS (
    SELECT *,
        0.4 * success_rate + 0.3 * (100 - least(2 * error_rate, 100)) + 0.3 * CASE
            WHEN overall_avg_latency < 1000 THEN 100 WHEN overall_avg_latency < 3000 THEN 50 ELSE 0
        END AS health_score,
        CASE
            WHEN error_rate > 10 THEN 'HIGH_ERRORS'
            WHEN overall_avg_latency > 3000 THEN 'HIGH_LATENCY'
            WHEN spread_ms > 1000 THEN 'UNSTABLE'
            WHEN success_rate < 95 THEN 'LOW_SUCCESS'
        END AS partition_status
    FROM parts
)
SELECT * EXCLUDE (spread_ms), rank() OVER (ORDER BY health_score) AS severity_rank
FROM judged WHERE partition_status IS NOT NULL ORDER BY severity_rank LIMIT 20
