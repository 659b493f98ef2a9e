-- How each zone and instance type answers: by quarter hour and load balancer, then over the window.
-- Times are numbered: numbers are grouped faster.
-- CPU and memory: the instance's newest sample at or before the request, while it is fresh enough to speak for it.
WITH instants AS (
    -- CPU and memory of one instant may be rows of their own; of two values of one the higher counts.
    SELECT instance_id, timestamp AS sampled, max(cpu_utilization) AS cpu, max(memory_utilization) AS memory
    FROM infrastructure_metrics
    WHERE timestamp BETWEEN $start_time::TIMESTAMP - to_minutes($zone_sample_age_minutes) AND $end_time
    GROUP BY instance_id, timestamp
),
samples AS (
    -- A sample speaks until the next one of its instance.
    SELECT *, lead(sampled) OVER (PARTITION BY instance_id ORDER BY sampled) AS superseded
    FROM instants
),
fresh AS (
    -- One row per minute in which a sample may speak: an equal minute is a quick join, the nearest sample a slow one.
    SELECT
        *,
        unnest(generate_series(
            date_trunc('minute', sampled),
            date_trunc('minute', least(superseded, sampled + to_minutes($zone_sample_age_minutes))),
            INTERVAL '1 minute'
        )) AS minute
    FROM samples
),
requests AS (
    SELECT *
    FROM service_requests
    WHERE region = $region
),
sampled AS (
    SELECT requests.*, fresh.cpu, fresh.memory
    FROM requests
    LEFT JOIN fresh
        ON requests.instance_id = fresh.instance_id
        AND date_trunc('minute', requests.timestamp) = fresh.minute
        AND requests.timestamp >= fresh.sampled
        AND (fresh.superseded IS NULL OR requests.timestamp < fresh.superseded)
        AND requests.timestamp <= fresh.sampled + to_minutes($zone_sample_age_minutes)
),
quarters AS (
    SELECT
        availability_zone,
        instance_type,
        load_balancer_id,
        CAST(epoch_us(timestamp) // 900000000 AS INTEGER) AS quarter,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(DISTINCT request_id) FILTER (status_code = 504) AS timeouts,
        count(DISTINCT request_id) FILTER (status_code = 503) AS unavailable,
        count(DISTINCT request_id) FILTER (status_code = 502) AS bad_gateway,
        count(status_code) AS answered,
        avg(latency_ms) AS latency,
        avg(backend_latency_ms) AS backend_latency,
        avg(connection_time_ms) AS connection_time,
        max(concurrent_connections) AS connections,
        avg(cpu) AS cpu,
        avg(memory) AS memory
    FROM sampled
    GROUP BY availability_zone, instance_type, load_balancer_id, quarter
)
SELECT
    availability_zone,
    instance_type,
    CAST(sum(requests) AS BIGINT) AS total_requests,
    CASE WHEN sum(answered) > 0 THEN sum(successes) * 100.0 / nullif(sum(requests), 0) END AS success_rate,
    CASE WHEN sum(answered) > 0
        THEN sum(timeouts + unavailable + bad_gateway) * 100.0 / nullif(sum(requests), 0)
    END AS infrastructure_error_rate,
    avg(latency) AS overall_latency,
    avg(backend_latency) AS backend_latency,
    avg(connection_time) AS connection_latency,
    max(connections) AS peak_connections,
    avg(cpu) AS avg_cpu_usage,
    avg(memory) AS avg_memory_usage,
    CAST(sum(redirects) AS BIGINT) AS redirects
FROM quarters
GROUP BY availability_zone, instance_type
ORDER BY total_requests DESC, availability_zone, instance_type
LIMIT $maximum_groups
