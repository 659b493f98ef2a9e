-- Step 2: versions with over 1,000 requests, each beside the one before it; the newest five.
, minutes AS (
    SELECT service_version, date_trunc('minute', timestamp) AS minute,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failed,
        count(DISTINCT request_id) FILTER (latency_ms > 5000) AS slow,
        avg(latency_ms) AS mean_ms, quantile_cont(latency_ms, 0.99) AS p99_ms
    FROM here GROUP BY ALL
), versions AS (
    SELECT service_version, list_transform(string_split(service_version, '.'), lambda part: CAST(part AS INTEGER)) AS parts,
        sum(requests) AS total_count, 100.0 * sum(failed) / sum(requests) AS failure_rate,
        100.0 * sum(slow) / sum(requests) AS slow_rate, avg(mean_ms) AS overall_avg_latency,
        max(p99_ms) AS max_p99_latency
    FROM minutes GROUP BY service_version HAVING sum(requests) > 1000
), beside AS (
    SELECT *, row_number() OVER (ORDER BY parts DESC) AS version_rank,
        lag(failure_rate) OVER (ORDER BY parts) AS prev_failure_rate
    FROM versions
)
SELECT service_version, version_rank, total_count, failure_rate, prev_failure_rate,
    failure_rate - prev_failure_rate AS failure_rate_delta, slow_rate, overall_avg_latency, max_p99_latency,
    CASE
        WHEN version_rank > 1 THEN 'NO_REGRESSION'
        WHEN failure_rate_delta > 10 THEN 'REGRESSION_DETECTED'
        WHEN slow_rate > 10 THEN 'PERFORMANCE_DEGRADATION'
        ELSE 'NO_REGRESSION'
    END AS assessment
FROM beside ORDER BY version_rank LIMIT 5
