-- How each region, datacenter and zone answers: by hour, then over the window, with its trend.
-- All regions: the incident's is one of them.
WITH hours AS (
    SELECT
        region,
        datacenter,
        availability_zone,
        date_trunc('hour', timestamp) AS hour,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failures,
        count(DISTINCT request_id) FILTER (status_code = 429) AS rate_limited,
        count(DISTINCT request_id) FILTER (status_code = 503) AS unavailable,
        count(status_code) AS answered,
        avg(latency_ms) AS latency,
        quantile_cont(latency_ms, 0.99) AS p99
    FROM service_requests
    GROUP BY region, datacenter, availability_zone, hour
),
shares AS (
    SELECT
        *,
        CASE WHEN answered > 0 THEN successes * 100.0 / nullif(requests, 0) END AS success_rate,
        epoch_us(hour) / 1000000.0 AS second,
        -- What the slope below weighs: hours of which something is known.
        CASE WHEN answered > 0 THEN requests END AS known,
        (epoch_us(hour) - epoch_us($start_time::TIMESTAMP)) / 3600000000.0 AS hours_in
    FROM hours
)
SELECT
    region,
    datacenter,
    availability_zone,
    CAST(sum(requests) AS BIGINT) AS total_count,
    CASE WHEN sum(answered) > 0 THEN sum(successes) * 100.0 / nullif(sum(requests), 0) END AS availability_pct,
    CAST(sum(failures) AS BIGINT) AS failure_count,
    CAST(sum(rate_limited) AS BIGINT) AS rate_limited_count,
    CAST(sum(unavailable) AS BIGINT) AS unavailable_count,
    avg(latency) AS overall_avg_latency,
    max(p99) AS max_p99_latency,
    CASE WHEN count(hour) > 1 THEN regr_slope(success_rate, second) ELSE 0 END AS points_per_second,
    -- The same slope with each hour counted by its requests: a lone request in the last hour decides nothing.
    CASE WHEN count(known) > 1 THEN
        (sum(known * hours_in * success_rate) - sum(known * hours_in) * sum(known * success_rate) / sum(known))
        / nullif(sum(known * hours_in * hours_in) - sum(known * hours_in) ** 2 / sum(known), 0)
    END AS points_per_hour,
    CAST(sum(redirects) AS BIGINT) AS redirects
FROM shares
GROUP BY region, datacenter, availability_zone
ORDER BY total_count DESC, region, datacenter, availability_zone
LIMIT $maximum_groups
