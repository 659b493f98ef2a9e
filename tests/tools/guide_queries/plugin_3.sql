-- Step 4: regions, datacenters and zones with over 1,000 requests, least available first, with the slope of their hours.
, hours AS (
    SELECT region, datacenter, availability_zone, date_trunc('hour', timestamp) AS hour,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS good,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failed,
        count(DISTINCT request_id) FILTER (status_code = 429) AS limited,
        count(DISTINCT request_id) FILTER (status_code = 503) AS unavailable,
        avg(latency_ms) AS mean_ms, quantile_cont(latency_ms, 0.99) AS p99_ms
    FROM everywhere GROUP BY ALL
), places AS (
    SELECT region, datacenter, availability_zone, sum(requests) AS total_count,
        100.0 * sum(good) / sum(requests) AS availability_pct, sum(failed) AS failure_count,
        sum(limited) AS rate_limited_count, sum(unavailable) AS unavailable_count,
        avg(mean_ms) AS overall_avg_latency, max(p99_ms) AS max_p99_latency,
        coalesce(regr_slope(100.0 * good / requests, epoch(hour)), 0) AS slope
    FROM hours GROUP BY ALL HAVING sum(requests) > 1000
)
SELECT * EXCLUDE (slope),
    CASE WHEN slope < -0.01 THEN 'DEGRADING' WHEN slope > 0.01 THEN 'IMPROVING' ELSE 'STABLE' END AS trend,
    CASE WHEN availability_pct < 95 THEN 'CRITICAL' WHEN availability_pct < 99 THEN 'WARNING' ELSE 'HEALTHY' END
        AS health_status
FROM places ORDER BY availability_pct, total_count DESC
