-- How each endpoint answers each method, API version and client: by ten minutes, then over the window.
-- Times are numbered: numbers are grouped faster.
WITH buckets AS (
    SELECT
        endpoint_path,
        http_method,
        api_version,
        client_type,
        CAST(epoch_us(timestamp) // 600000000 AS INTEGER) AS ten_minutes,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS server_errors,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 400 AND 499) AS client_errors,
        count(DISTINCT request_id) FILTER (status_code = 429) AS rate_limited,
        count(status_code) AS answered,
        avg(latency_ms) AS latency,
        quantile_cont(latency_ms, 0.99) AS p99,
        count(cache_hit) AS cache_known,
        count(*) FILTER (cache_hit) AS cache_hits
    FROM service_requests
    WHERE region = $region
    GROUP BY endpoint_path, http_method, api_version, client_type, ten_minutes
),
endpoints AS (
    SELECT
        endpoint_path,
        http_method,
        api_version,
        client_type,
        CAST(sum(requests) AS BIGINT) AS total_requests,
        -- What the shares of answers are taken of: unknown where no answer is known.
        CASE WHEN sum(answered) > 0 THEN sum(requests) END AS answerable,
        sum(successes) AS successes,
        sum(server_errors) AS server_errors,
        sum(client_errors) AS client_errors,
        sum(rate_limited) AS rate_limited,
        sum(redirects) AS redirects,
        avg(latency) AS overall_avg_latency,
        max(p99) AS max_p99_latency,
        CASE WHEN sum(cache_known) > 0 THEN sum(cache_hits) END AS cache_hits
    FROM buckets
    GROUP BY endpoint_path, http_method, api_version, client_type
)
SELECT
    endpoint_path,
    http_method,
    api_version,
    client_type,
    total_requests,
    successes * 100.0 / nullif(answerable, 0) AS success_rate,
    server_errors * 100.0 / nullif(answerable, 0) AS server_error_rate,
    client_errors * 100.0 / nullif(answerable, 0) AS client_error_rate,
    rate_limited * 100.0 / nullif(answerable, 0) AS rate_limited_rate,
    overall_avg_latency,
    max_p99_latency,
    cache_hits * 100.0 / nullif(total_requests, 0) AS cache_hit_rate,
    CAST(redirects AS BIGINT) AS redirects
FROM endpoints
ORDER BY total_requests DESC, endpoint_path, http_method, api_version, client_type
LIMIT $maximum_groups
