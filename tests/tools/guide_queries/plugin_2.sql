-- Step 3: values of flags with over 100 requests that fail, are slow, or lie far from the others' mean latency.
, held AS (
    SELECT flag_name, flag_value, count(DISTINCT request_id) AS request_count,
        100.0 * count(DISTINCT request_id) FILTER (status_code >= 500) / count(DISTINCT request_id) AS error_rate,
        100.0 * count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) / count(DISTINCT request_id)
            AS success_rate,
        avg(latency_ms) AS avg_latency, quantile_cont(latency_ms, 0.95) AS p95_latency
    FROM here JOIN feature_flags USING (request_id) GROUP BY ALL HAVING count(DISTINCT request_id) > 100
), judged AS (
    SELECT *, row_number() OVER (ORDER BY error_rate DESC, request_count DESC) AS severity_rank,
        CASE
            WHEN request_count > 500 AND error_rate > 15 THEN 'HIGH_ERROR_RATE'
            WHEN request_count > 500 AND p95_latency > 5000 THEN 'HIGH_LATENCY'
            WHEN avg_latency - avg(avg_latency) OVER () > 3 * nullif(stddev_samp(avg_latency) OVER (), 0)
                THEN 'LATENCY_ANOMALY'
        END AS flag_status
    FROM held
)
SELECT flag_name, flag_value, request_count, error_rate, success_rate, avg_latency, p95_latency, flag_status, severity_rank
FROM judged WHERE flag_status IS NOT NULL ORDER BY severity_rank LIMIT 10
