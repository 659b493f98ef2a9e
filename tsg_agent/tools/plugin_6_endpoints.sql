-- How each endpoint answers each method, API version and client: by ten minutes, then over the window.
WITH buckets AS (
    SELECT
        endpoint_path,
        http_method,
        api_version,
        client_type,
        time_bucket(INTERVAL '10 minutes', timestamp) AS ten_minutes,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS server_errors,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 400 AND 499) AS client_errors,
        count(DISTINCT request_id) FILTER (status_code = 429) AS rate_limited,
        avg(latency_ms) AS latency,
        quantile_cont(latency_ms, 0.99) AS p99,
        count(cache_hit) AS cache_known,
        count(*) FILTER (cache_hit) AS cache_hits
    FROM service_requests
    WHERE region = $region
    GROUP BY endpoint_path, http_method, api_version, client_type, ten_minutes
)
SELECT
    endpoint_path,
    http_method,
    api_version,
    client_type,
    CAST(sum(requests) AS BIGINT) AS total_requests,
    sum(successes) * 100.0 / nullif(sum(requests), 0) AS success_rate,
    sum(server_errors) * 100.0 / nullif(sum(requests), 0) AS server_error_rate,
    sum(client_errors) * 100.0 / nullif(sum(requests), 0) AS client_error_rate,
    sum(rate_limited) * 100.0 / nullif(sum(requests), 0) AS rate_limited_rate,
    avg(latency) AS overall_avg_latency,
    max(p99) AS max_p99_latency,
    CASE WHEN sum(cache_known) > 0 THEN sum(cache_hits) * 100.0 / nullif(sum(requests), 0) END AS cache_hit_rate
FROM buckets
GROUP BY endpoint_path, http_method, api_version, client_type
ORDER BY total_requests DESC, endpoint_path, http_method, api_version, client_type
LIMIT $maximum_groups
