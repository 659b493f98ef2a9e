-- How each partition, shard and tenant category is served: by half hour, then over the window.
-- Times are numbered: numbers are grouped faster.
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
        CAST(epoch_us(timestamp) // 1800000000 AS INTEGER) AS half_hour,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(DISTINCT request_id) FILTER (status_code >= 500) AS failures,
        count(status_code) AS answered,
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
        CASE WHEN sum(answered) > 0 THEN sum(successes) * 100.0 / nullif(sum(requests), 0) END AS success_rate,
        CASE WHEN sum(answered) > 0 THEN sum(failures) * 100.0 / nullif(sum(requests), 0) END AS error_rate,
        avg(latency) AS overall_avg_latency,
        avg(deviation) AS avg_latency_deviation,
        max(worst) AS worst_latency,
        CAST(sum(redirects) AS BIGINT) AS redirects
    FROM windows
    GROUP BY partition_id, shard_id, tenant_category
),
visits AS (
    -- Each user once per row, not once per half hour.
    SELECT partition_id, shard_id, tenant_category, user_id, bool_or(status_code >= 500) AS failed
    FROM requests
    GROUP BY partition_id, shard_id, tenant_category, user_id
),
users AS (
    SELECT
        partition_id,
        shard_id,
        tenant_category,
        -- Where no request names its user, nobody knows how many there were.
        nullif(count(user_id), 0) AS affected_users,
        CASE WHEN count(user_id) > 0 THEN count(user_id) FILTER (failed) END AS users_with_failures
    FROM visits
    GROUP BY partition_id, shard_id, tenant_category
)
SELECT partitions.*, affected_users, users_with_failures
FROM partitions
JOIN users
    ON partitions.partition_id IS NOT DISTINCT FROM users.partition_id
    AND partitions.shard_id IS NOT DISTINCT FROM users.shard_id
    AND partitions.tenant_category IS NOT DISTINCT FROM users.tenant_category
ORDER BY total_requests DESC, partitions.partition_id, partitions.shard_id, partitions.tenant_category
LIMIT $maximum_groups
