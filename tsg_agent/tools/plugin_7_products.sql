-- How each product is served to each customer tier and subscription: by half hour, then over the window.
-- Times are numbered: numbers are grouped faster.
WITH requests AS (
    SELECT request_id, timestamp, status_code, latency_ms, weight, user_id, is_retry, has_dependency_failure
    FROM service_requests
    WHERE region = $region
),
sold AS (
    SELECT DISTINCT request_id, product_id, product_category, customer_tier, subscription_type
    FROM product_metadata
    WHERE request_id IN (SELECT request_id FROM requests)
),
served AS (
    SELECT requests.*, product_id, product_category, customer_tier, subscription_type
    FROM requests
    JOIN sold ON requests.request_id = sold.request_id
),
windows AS (
    SELECT
        product_id,
        product_category,
        customer_tier,
        subscription_type,
        CAST(epoch_us(timestamp) // 1800000000 AS INTEGER) AS half_hour,
        count(DISTINCT request_id) AS requests,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 200 AND 299) AS successes,
        count(DISTINCT request_id) FILTER (status_code BETWEEN 300 AND 399) AS redirects,
        count(status_code) AS answered,
        count(is_retry) AS retry_known,
        count(*) FILTER (is_retry) AS retries,
        avg(latency_ms) AS latency,
        avg(CASE WHEN has_dependency_failure THEN 100.0 ELSE 0.0 END) AS dependency_failures,
        count(has_dependency_failure) AS dependency_known
    FROM served
    GROUP BY product_id, product_category, customer_tier, subscription_type, half_hour
),
products AS (
    SELECT
        product_id,
        product_category,
        customer_tier,
        subscription_type,
        CAST(sum(requests) AS BIGINT) AS total_requests,
        CASE WHEN sum(answered) > 0 THEN sum(successes) * 100.0 / nullif(sum(requests), 0) END AS success_rate,
        CASE WHEN sum(retry_known) > 0 THEN sum(retries) * 100.0 / nullif(sum(requests), 0) END AS retry_rate,
        avg(latency) AS overall_avg_latency,
        CASE WHEN sum(dependency_known) > 0 THEN avg(dependency_failures) END AS avg_dependency_failures,
        CAST(sum(redirects) AS BIGINT) AS redirects
    FROM windows
    GROUP BY product_id, product_category, customer_tier, subscription_type
),
visits AS (
    -- Each user once per row, not once per half hour.
    SELECT
        product_id,
        product_category,
        customer_tier,
        subscription_type,
        user_id,
        bool_or(status_code >= 500) AS failed
    FROM served
    GROUP BY product_id, product_category, customer_tier, subscription_type, user_id
),
users AS (
    SELECT
        product_id,
        product_category,
        customer_tier,
        subscription_type,
        -- Where no request names its user, nobody knows how many there were.
        nullif(count(user_id), 0) AS affected_users,
        CASE WHEN count(user_id) > 0 THEN count(user_id) FILTER (failed) END AS users_with_failures
    FROM visits
    GROUP BY product_id, product_category, customer_tier, subscription_type
)
SELECT products.*, affected_users, users_with_failures
FROM products
JOIN users
    ON products.product_id IS NOT DISTINCT FROM users.product_id
    AND products.product_category IS NOT DISTINCT FROM users.product_category
    AND products.customer_tier IS NOT DISTINCT FROM users.customer_tier
    AND products.subscription_type IS NOT DISTINCT FROM users.subscription_type
ORDER BY
    total_requests DESC,
    products.product_id,
    products.product_category,
    products.customer_tier,
    products.subscription_type
LIMIT $maximum_groups
