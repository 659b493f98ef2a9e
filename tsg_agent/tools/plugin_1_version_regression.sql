-- Requests, failures and latency of each service version: by minute, then over the window.
-- A rate is NULL where nothing is known of what it is about.
WITH minutes AS (
    SELECT
        service_version,
        date_trunc('minute', timestamp) AS minute,
        min(timestamp) AS seen,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failures,
        count(DISTINCT request_id) FILTER (latency_ms > $version_slow_ms) AS slow,
        count(status_code) AS answered,
        count(latency_ms) AS timed,
        avg(latency_ms) AS latency,
        quantile_cont(latency_ms, 0.99) AS p99
    FROM service_requests
    WHERE region = $region
    GROUP BY service_version, minute
)
SELECT
    service_version,
    CAST(sum(requests) AS BIGINT) AS total_count,
    CASE WHEN sum(answered) > 0 THEN sum(failures) * 100.0 / nullif(sum(requests), 0) END AS failure_rate,
    CASE WHEN sum(timed) > 0 THEN sum(slow) * 100.0 / nullif(sum(requests), 0) END AS slow_rate,
    avg(latency) AS overall_avg_latency,
    max(p99) AS max_p99_latency,
    min(seen) AS first_seen
FROM minutes
GROUP BY service_version
ORDER BY total_count DESC, service_version
LIMIT $maximum_groups
