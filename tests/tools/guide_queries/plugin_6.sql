-- Step 7: endpoints with over 100 requests that are not normal, by how many requests they lose.
, ten_minutes AS (
    SELECT endpoint_path, http_method, api_version, client_type, time_bucket(INTERVAL 10 MINUTES, timestamp) AS bucket,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS good,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failed,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 400 AND 499) AS refused,
        count(*) FILTER (cache_hit) AS hits,
        avg(latency_ms) AS mean_ms, quantile_cont(latency_ms, 0.99) AS p99_ms
    FROM here GROUP BY ALL
), endpoints AS (
    SELECT endpoint_path, http_method, api_version, client_type, sum(requests) AS total_requests,
        100.0 * sum(good) / sum(requests) AS success_rate, 100.0 * sum(failed) / sum(requests) AS server_error_rate,
        avg(mean_ms) AS overall_avg_latency, max(p99_ms) AS max_p99_latency,
        100.0 * sum(hits) / sum(requests) AS cache_hit_rate, 100.0 * sum(refused) / sum(requests) AS client_error_rate
    FROM ten_minutes GROUP BY ALL HAVING sum(requests) > 100
), judged AS (
    SELECT * EXCLUDE (client_error_rate),
        CASE
            WHEN server_error_rate > 10 THEN 'HIGH_SERVER_ERRORS'
            WHEN success_rate < 90 THEN 'LOW_SUCCESS_RATE'
            WHEN max_p99_latency > 5000 THEN 'HIGH_LATENCY'
            WHEN client_error_rate > 30 THEN 'HIGH_CLIENT_ERRORS'
            WHEN cache_hit_rate < 20 AND total_requests > 1000 THEN 'LOW_CACHE_EFFICIENCY'
        END AS endpoint_status,
        total_requests / 1000.0 * (100 - success_rate) AS impact_score
    FROM endpoints
)
SELECT *, rank() OVER (ORDER BY impact_score DESC) AS impact_rank
FROM judged WHERE endpoint_status IS NOT NULL ORDER BY impact_rank LIMIT 25
