-- How each partition, shard and tenant category is served: by half hour, then over the window.
WITH requests AS (
    SELECT *
    FROM service_requests
    WHERE region = $region
),
windows AS (
    SELECT
        partition_id,
        shard_id,
        tenant_category,
        time_bucket(INTERVAL '30 minutes', timestamp) AS half_hour,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failures,
        avg(latency_ms) AS latency,
        stddev_samp(latency_ms) AS deviation,
        max(latency_ms) AS worst
    FROM requests
    GROUP BY partition_id, shard_id, tenant_category, half_hour
),
partitions AS (
    SELECT
        partition_id,
        shard_id,
        tenant_category,
        CAST(sum(requests) AS BIGINT) AS total_requests,
        sum(successes) * 100.0 / nullif(sum(requests), 0) AS success_rate,
        sum(failures) * 100.0 / nullif(sum(requests), 0) AS error_rate,
        avg(latency) AS overall_avg_latency,
        avg(deviation) AS avg_latency_deviation,
        max(worst) AS worst_latency
    FROM windows
    GROUP BY partition_id, shard_id, tenant_category
),
users AS (
    -- Each user once per row, not once per half hour.
    SELECT
        partition_id,
        shard_id,
        tenant_category,
        count(DISTINCT user_id) AS affected_users,
        count(DISTINCT user_id) FILTER (status_code >= 500) AS users_with_failures
    FROM requests
    GROUP BY partition_id, shard_id, tenant_category
)
SELECT partitions.*, affected_users, users_with_failures
FROM partitions
JOIN users
    ON partitions.partition_id IS NOT DISTINCT FROM users.partition_id
    AND partitions.shard_id IS NOT DISTINCT FROM users.shard_id
    AND partitions.tenant_category IS NOT DISTINCT FROM users.tenant_category
ORDER BY total_requests DESC, partition_id, shard_id, tenant_category
LIMIT $maximum_groups
