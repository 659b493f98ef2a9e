-- Step 8: products and tiers with over 100 requests that are not healthy, by the users they touch, weighted by tier.
, half_hours AS (
    SELECT product_id, product_category, customer_tier, subscription_type,
        time_bucket(INTERVAL 30 MINUTES, timestamp) AS half_hour,
        count(DISTINCT request_id) AS requests, count(DISTINCT user_id) AS users,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS good,
        count(*) FILTER (is_retry) AS retries,
        100.0 * count(*) FILTER (has_dependency_failure) / count(*) AS dependency_pct, avg(latency_ms) AS mean_ms
    FROM here JOIN product_metadata USING (request_id) GROUP BY ALL
), products AS (
    SELECT product_id, product_category, customer_tier, subscription_type, sum(requests) AS total_requests,
        100.0 * sum(good) / sum(requests) AS success_rate, sum(users) AS affected_users,
        100.0 * sum(retries) / sum(requests) AS retry_rate, avg(mean_ms) AS overall_avg_latency,
        avg(dependency_pct) AS avg_dependency_failures
    FROM half_hours GROUP BY ALL HAVING sum(requests) > 100
), judged AS (
    SELECT *,
        CASE
            WHEN customer_tier = 'PREMIUM' AND success_rate < 99.5 THEN 'SLA_BREACH_PREMIUM'
            WHEN customer_tier = 'STANDARD' AND success_rate < 99 THEN 'SLA_BREACH_STANDARD'
            WHEN success_rate < 95 THEN 'CRITICAL'
            WHEN retry_rate > 20 THEN 'HIGH_RETRY_RATE'
            WHEN avg_dependency_failures > 10 THEN 'DEPENDENCY_ISSUES'
            WHEN overall_avg_latency > 3000 THEN 'PERFORMANCE_DEGRADED'
        END AS product_status,
        affected_users * CASE customer_tier WHEN 'PREMIUM' THEN 10 WHEN 'STANDARD' THEN 3 ELSE 1 END
            * (100 - success_rate) / 100 AS business_impact_score
    FROM products
)
SELECT *, dense_rank() OVER (ORDER BY business_impact_score DESC) AS priority
FROM judged WHERE product_status IS NOT NULL ORDER BY priority LIMIT 20
