-- How each zone and instance type answers: by quarter hour and load balancer, then over the window.
-- CPU and memory: the instance's newest sample at or before the request, while it is fresh enough to speak for it.
WITH sampled AS (
    SELECT
        requests.*,
        CASE WHEN requests.timestamp - samples.timestamp <= to_minutes($zone_sample_age_minutes)
            THEN samples.cpu_utilization END AS cpu,
        CASE WHEN requests.timestamp - samples.timestamp <= to_minutes($zone_sample_age_minutes)
            THEN samples.memory_utilization END AS memory
    FROM service_requests AS requests
    ASOF LEFT JOIN infrastructure_metrics AS samples
        ON requests.instance_id = samples.instance_id AND requests.timestamp >= samples.timestamp
    WHERE requests.region = $region
),
quarters AS (
    SELECT
        availability_zone,
        instance_type,
        load_balancer_id,
        time_bucket(INTERVAL '15 minutes', timestamp) AS quarter,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code = 504) AS timeouts,
        count(DISTINCT request_id) FILTER (status_code = 503) AS unavailable,
        count(DISTINCT request_id) FILTER (status_code = 502) AS bad_gateway,
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
    sum(successes) * 100.0 / nullif(sum(requests), 0) AS success_rate,
    sum(timeouts + unavailable + bad_gateway) * 100.0 / nullif(sum(requests), 0) AS infrastructure_error_rate,
    avg(latency) AS overall_latency,
    avg(backend_latency) AS backend_latency,
    avg(connection_time) AS connection_latency,
    max(connections) AS peak_connections,
    avg(cpu) AS avg_cpu_usage,
    avg(memory) AS avg_memory_usage
FROM quarters
GROUP BY availability_zone, instance_type
ORDER BY total_requests DESC, availability_zone, instance_type
LIMIT $maximum_groups
