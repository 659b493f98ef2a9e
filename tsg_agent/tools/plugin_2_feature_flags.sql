-- Requests, failures and latency of each value of each feature flag, a request counted once per value.
WITH requests AS (
    SELECT request_id, status_code, latency_ms, weight
    FROM service_requests
    WHERE region = $region
),
flagged AS (
    SELECT DISTINCT request_id, flag_name, flag_value
    FROM feature_flags
    WHERE request_id IN (SELECT request_id FROM requests)
),
flags AS (
    SELECT
        flag_name,
        flag_value,
        count(DISTINCT requests.request_id) AS request_count,
        count(DISTINCT requests.request_id) FILTER (status_code >= 500) AS error_count,
        count(DISTINCT requests.request_id) FILTER (status_code BETWEEN 200 AND 299) AS success_count,
        count(DISTINCT requests.request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(status_code) AS answered,
        avg(latency_ms) AS avg_latency,
        quantile_cont(latency_ms, 0.95) AS p95_latency
    FROM requests
    JOIN flagged ON requests.request_id = flagged.request_id
    GROUP BY flag_name, flag_value
)
SELECT
    flag_name,
    flag_value,
    CAST(request_count AS BIGINT) AS request_count,
    CASE WHEN answered > 0 THEN error_count * 100.0 / nullif(request_count, 0) END AS error_rate,
    CASE WHEN answered > 0 THEN success_count * 100.0 / nullif(request_count, 0) END AS success_rate,
    avg_latency,
    p95_latency,
    redirects
FROM flags
ORDER BY request_count DESC, flag_name, flag_value
LIMIT $maximum_groups
